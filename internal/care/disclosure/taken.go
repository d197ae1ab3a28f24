package disclosure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Did is what somebody did with a whole record.
type Did string

// What is kept in the activity log of 45 CFR 170.315(e)(1)(ii).
const (
	Viewed     Did = "view"
	Downloaded Did = "download"
	Sent       Did = "transmit"
	OpenedBy   Did = "open" // somebody opened what was sent to them
)

// Taken is one line of the activity log: who viewed, downloaded or sent the
// record, when, and to whom. It is no audit row, and no accounting of
// disclosures: it is the patient's own doing.
type Taken struct {
	ID, Patient string
	At          time.Time
	Did         Did
	Form        string // page, ccd, fhir, ips
	What        string // the days or the visit; empty: everything
	Recipient   string // an address, a name, or nothing
	Plainly     bool   // sent without protection, by their own choice
	Kind        access.Kind
	Actor, Name string
}

// Take writes one line, in the transaction of the deed itself, and an audit
// row.
func (s *Store) Take(ctx context.Context, tx *db.Tx, by access.Actor, t Taken) error {
	t.ID, t.At, t.Kind, t.Actor, t.Name = s.ids.New(), s.now(), by.Kind, by.ID, by.Name
	t.Recipient = short(t.Recipient)
	plainly := 0
	if t.Plainly {
		plainly = 1
	}
	const q = `
		insert into taken (id, patient, at, action, form, what, recipient, plainly, actor_kind, actor, name)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	if _, err := tx.ExecContext(ctx, q, t.ID, t.Patient, t.At.UnixMicro(), string(t.Did), t.Form, t.What, t.Recipient, plainly, string(t.Kind), t.Actor, t.Name); err != nil {
		return fmt.Errorf("disclosure: take: %w", err)
	}
	basis := ToPatient
	if t.Did == Sent || t.Did == OpenedBy {
		basis = Authorized
	}
	return s.log.AddIn(ctx, tx, audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "record." + string(t.Did), Patient: t.Patient, About: "taken/" + t.ID,
		Purpose: string(basis), Granted: true, Session: by.Session, Request: by.Request})
}

// TakeNow is Take in a transaction of its own, for what happens as it is
// answered.
func (s *Store) TakeNow(ctx context.Context, by access.Actor, t Taken) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.Take(ctx, tx, by, t) })
}

// short bounds what others call themselves, and drops what would change how
// the text around it is read.
func short(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	if r := []rune(text); len(r) > 120 {
		text = string(r[:120])
	}
	return text
}

// TakenOf returns the newest n lines of the activity log of the patient whom
// pass opens: for the patient and the privacy officer all of them, for a
// caregiver those of their own.
func (s *Store) TakenOf(ctx context.Context, pass access.Pass, n int) ([]Taken, error) {
	patient, own := "", ""
	for _, right := range []access.Right{access.AnswerPrivacy, access.ReadRecord, access.ExportRecord} {
		if id, err := pass.Open(right); err == nil {
			patient = id
		}
	}
	if patient == "" {
		return nil, errs.New(errs.NotFound, "We could not find that record.")
	}
	if a := pass.Actor(); a.Kind != access.Staff && a.Patient != patient {
		own = a.ID
	}
	const q = `
		select id, patient, at, action, form, what, recipient, plainly, actor_kind, actor, name
		from taken
		where patient = $1 and (cast($2 as text) = '' or actor = $2)
		order by at desc, id desc
		limit $3`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (t Taken, err error) {
		var at int64
		var plainly int
		err = scan(&t.ID, &t.Patient, &at, &t.Did, &t.Form, &t.What, &t.Recipient, &plainly, &t.Kind, &t.Actor, &t.Name)
		t.At, t.Plainly = db.Time(at), plainly != 0
		return t, err
	}, q, patient, own, n)
	if err != nil {
		return nil, fmt.Errorf("disclosure: taken: %w", err)
	}
	return list, nil
}

// SentSince counts what was sent from a record since a time, so that nobody
// sends without end.
func (s *Store) SentSince(ctx context.Context, pass access.Pass, since time.Time) (int, error) {
	patient, err := pass.Open(access.ExportRecord)
	if err != nil {
		return 0, err
	}
	return db.One(ctx, s.db, db.Value[int], `select count(*) from taken where patient = $1 and action = 'transmit' and at > $2`, patient, since.UnixMicro())
}
