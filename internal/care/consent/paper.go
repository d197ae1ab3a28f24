package consent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Paper is a patient's signed permission to use the record for marketing.
//
// Spec: 45 CFR 164.508(c)
type Paper struct {
	ID        string
	Patient   string
	Purpose   string
	Describes string // what may be used, and for what
	Paid      bool   // it says that somebody pays the clinic for it
	SignedBy  string
	SignedHow string // paper, portal, …: where the signature is
	Signed    time.Time
	Until     time.Time
	UntilWhat string // or the event with which it ends
	Ended     time.Time
	EndedHow  string
	By        string
}

// Holds says whether p is good at now for messages that somebody pays for, or
// that nobody does.
func (p Paper) Holds(now time.Time, paid bool) bool {
	return p.Ended.IsZero() && !now.Before(p.Signed) && now.Before(p.Until) && (p.Paid || !paid)
}

var (
	errPaper = errs.New(errs.Invalid, "A signed permission says what it is for, who signed it, when, and when it ends.")
	errOver  = errs.New(errs.Conflict, "This permission has ended already.")
)

// longestPaper is how much of what a permission says is kept, in bytes.
const longestPaper = 2000

// longestPermit is how long a permission may hold: one that never ends says
// too little about when it does.
const longestPermit = 10 * 366 * 24 * time.Hour

// Sign keeps a signed permission of the patient whom pass opens. It counts
// at once.
func (s *Store) Sign(ctx context.Context, pass access.Pass, p Paper) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	now := s.now()
	p.Describes, p.SignedBy = strings.TrimSpace(p.Describes), strings.TrimSpace(p.SignedBy)
	if p.Describes == "" || len(p.Describes) > longestPaper || p.SignedBy == "" || p.SignedHow == "" || p.Purpose == "" ||
		p.Signed.IsZero() || p.Signed.After(now) || !p.Until.After(now) || p.Until.Sub(p.Signed) > longestPermit {
		return errPaper
	}
	p.ID = s.ids.New()
	const q = `
		insert into marketing_paper (id, patient, purpose, describes, paid, signed_by, signed_how, signed_at, until_at, until_what, made_by, made_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	ev := Event{Patient: patient, Channel: Any, Purpose: p.Purpose, Action: Authorize, Method: "form", Actor: pass.Actor().ID, Evidence: "signed permission " + p.ID, Until: p.Until, Scope: payScope(p.Paid)}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, p.ID, patient, p.Purpose, p.Describes, bit(p.Paid), p.SignedBy, p.SignedHow, p.Signed.UnixMicro(), p.Until.UnixMicro(), p.UntilWhat, pass.Actor().ID, now.UnixMicro())
		if err != nil {
			return err
		}
		return s.add(ctx, tx, pass.Actor(), []Event{ev})
	})
	if err != nil {
		return fmt.Errorf("consent: sign: %w", err)
	}
	return nil
}

// payScope is the scope of an authorisation: whether it covers what somebody
// pays for.
func payScope(paid bool) string {
	if paid {
		return "paid"
	}
	return "unpaid"
}

// End takes a signed permission of the patient whom pass opens back: by its
// signer's word, or because the event came with which it ends.
func (s *Store) End(ctx context.Context, pass access.Pass, id, how string) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update marketing_paper set ended_at = $3, ended_how = $4 where id = $1 and patient = $2 and ended_at = 0 returning purpose`
		purposes, err := db.All(ctx, tx, db.Value[string], q, id, patient, now.UnixMicro(), how)
		if err != nil {
			return err
		}
		if len(purposes) == 0 {
			return errOver
		}
		return s.add(ctx, tx, pass.Actor(), []Event{{Patient: patient, Channel: Any, Purpose: purposes[0], Action: Revoke, Method: "staff", Actor: pass.Actor().ID, Evidence: "signed permission " + id + " ended: " + how, Scope: "topic"}})
	})
	if err != nil {
		return fmt.Errorf("consent: end %s: %w", id, err)
	}
	return nil
}

// Papers returns the signed permissions of the patient whom pass opens,
// newest first.
func (s *Store) Papers(ctx context.Context, pass access.Pass) ([]Paper, error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return nil, err
	}
	const q = `
		select id, patient, purpose, describes, paid, signed_by, signed_how, signed_at, until_at, until_what, ended_at, ended_how, made_by
		from marketing_paper where patient = $1 order by signed_at desc, id desc`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (p Paper, err error) {
		var paid int
		var signed, until, ended int64
		err = scan(&p.ID, &p.Patient, &p.Purpose, &p.Describes, &paid, &p.SignedBy, &p.SignedHow, &signed, &until, &p.UntilWhat, &ended, &p.EndedHow, &p.By)
		p.Paid, p.Signed, p.Until = paid == 1, time.UnixMicro(signed).UTC(), time.UnixMicro(until).UTC()
		if ended != 0 {
			p.Ended = time.UnixMicro(ended).UTC()
		}
		return p, err
	}, q, patient)
	if err != nil {
		return nil, fmt.Errorf("consent: papers: %w", err)
	}
	return list, nil
}
