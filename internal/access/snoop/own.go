package snoop

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/phone"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Own is what is kept of somebody of the staff, to compare with patients.
type Own struct {
	Account string
	Patient string // the person's own record here
	Family  string
	Line    string // street and number
	Zip     string
	Phone   string // E.164
}

const ownColumns = `account, patient, family, line, zip, phone`

func readOwn(scan db.Scan) (o Own, err error) {
	return o, scan(&o.Account, &o.Patient, &o.Family, &o.Line, &o.Zip, &o.Phone)
}

func (o Own) person() Person {
	return Person{Patient: o.Patient, Family: fold(o.Family), Line: fold(o.Line), Zip: o.Zip, Phones: []string{o.Phone}}
}

var (
	errPhone  = errs.New(errs.Invalid, "Please enter a phone number with area code.")
	errRecord = errs.New(errs.NotFound, "There is no record with that number.")
)

// Own returns what is kept of one account; nothing is no error.
func (s *Store) Own(ctx context.Context, pass access.Pass, account string) (Own, error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return Own{}, err
	}
	o, err := db.One(ctx, s.DB, readOwn, `select `+ownColumns+` from staff_self where account = $1`, account)
	if isNone(err) {
		return Own{Account: account}, nil
	}
	return o, said("own", err)
}

// SetOwn keeps what is known of somebody of the staff. Where the person's own
// record is named, by id or record number, what is missing is taken from it.
func (s *Store) SetOwn(ctx context.Context, pass access.Pass, o Own) error {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return err
	}
	if o.Phone != "" {
		n, err := phone.Parse(o.Phone, "US")
		if err != nil {
			return errPhone
		}
		o.Phone = string(n)
	}
	a := pass.Actor()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		if o.Patient != "" {
			if err := fill(ctx, tx, &o); err != nil {
				return err
			}
		}
		const q = `
			insert into staff_self (account, patient, family, line, zip, phone, set_by, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (account) do update set patient = excluded.patient, family = excluded.family, line = excluded.line, zip = excluded.zip,
				phone = excluded.phone, set_by = excluded.set_by, updated_at = excluded.updated_at`
		_, err := tx.ExecContext(ctx, q, o.Account, o.Patient, plain(o.Family), plain(o.Line), o.Zip, o.Phone, a.ID, s.Now().UnixMicro())
		if err != nil {
			return err
		}
		return s.Audit.AddIn(ctx, tx, audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: "staff.link", Patient: o.Patient,
			About: "account/" + o.Account, Granted: true, Request: a.Request, Session: a.Session})
	})
	if s.Changed != nil { // who is near whom is another now
		s.Changed()
	}
	if err != nil && errs.KindOf(err) == errs.Internal {
		return fmt.Errorf("snoop: set own of %s: %w", o.Account, err)
	}
	return err
}

// fill takes what is missing in o from the person's own record.
func fill(ctx context.Context, tx *db.Tx, o *Own) error {
	type own struct{ id, family, line, zip string }
	const q = `select id, family, line, zip from person where id = $1 or mrn = $1 order by id limit 1`
	p, err := db.One(ctx, tx, func(scan db.Scan) (p own, err error) { return p, scan(&p.id, &p.family, &p.line, &p.zip) }, q, o.Patient)
	if isNone(err) {
		return errRecord
	}
	if err != nil {
		return err
	}
	o.Patient = p.id
	for _, f := range []struct {
		to   *string
		from string
	}{{&o.Family, p.family}, {&o.Line, p.line}, {&o.Zip, p.zip}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if o.Phone != "" {
		return nil
	}
	numbers, err := db.All(ctx, tx, db.Value[string], `select value from contact_point where patient = $1 and kind in ('sms', 'voice') order by rank, value limit 1`, o.Patient)
	if len(numbers) > 0 {
		o.Phone = numbers[0]
	}
	return err
}

// plain writes a name or a street as it is compared: small letters, single
// spaces.
func plain(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }
