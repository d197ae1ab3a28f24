package request

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// Decision is what the office decides.
type Decision struct {
	Answer string // what the patient is told: the reason of a denial
	// Of a restriction that is granted: whom it is against.
	Against string // account, role, plan
	Target  string // the account, the role, or the plan's name
	Name    string // of that, for people
}

// Claim says who works on it.
func (s *Store) Claim(ctx context.Context, pass access.Pass, id string) error {
	return s.answer(ctx, pass, id, Claim, "", func(_ context.Context, _ *db.Tx, r *Request) error {
		r.ClaimedBy = pass.Actor().ID
		return nil
	})
}

// Extend takes the more days that the law gives, once, for a reason that the
// patient is told.
func (s *Store) Extend(ctx context.Context, pass access.Pass, id, why string) error {
	if why = strings.TrimSpace(why); why == "" {
		return errReason
	}
	return s.answer(ctx, pass, id, Extend, why, func(_ context.Context, _ *db.Tx, r *Request) error {
		c := clocks[r.Kind]
		if !r.Extended.IsZero() || !s.now().Before(r.Due) { // it cannot be extended when it is late
			return errMove
		}
		r.Extended, r.ExtendedWhy, r.Due = s.now(), why, due(r.Asked, c.Days+c.More, s.zone)
		return nil
	})
}

// Decide grants, denies or answers a request, carries it out, and tells the
// patient.
func (s *Store) Decide(ctx context.Context, pass access.Pass, id string, act Act, d Decision) error {
	if d.Answer = strings.TrimSpace(d.Answer); d.Answer == "" || len(d.Answer) > most {
		return errReason
	}
	if !slices.Contains([]Act{Grant, Deny, Answer, Rebut}, act) {
		return errMove
	}
	return s.answer(ctx, pass, id, act, d.Answer, func(ctx context.Context, tx *db.Tx, r *Request) error {
		if act == Deny && r.MustGrant() {
			return errMust
		}
		r.Answer, r.Decided, r.DecidedBy = d.Answer, s.now(), pass.Actor().ID
		return s.carryOut(ctx, tx, pass.Actor(), act, *r, d)
	})
}

// carryOut makes a decision true.
func (s *Store) carryOut(ctx context.Context, tx *db.Tx, by access.Actor, act Act, r Request, d Decision) error {
	switch {
	case act == Grant && r.Kind == Amend:
		return s.append(ctx, tx, by, r, "Correction", correctionText(r))
	case act == Deny && r.Kind == Amend:
		return nil // the patient may disagree; that is appended then
	case act == Rebut:
		return s.append(ctx, tx, by, r, "Answer to a disagreement", d.Answer)
	case act == Grant && r.Kind == Restrict:
		return s.restrict(ctx, tx, r, d)
	case act == Grant && r.Kind == Contact:
		return contact.Confine(ctx, tx, r.Patient, r.ID, s.ids.New(), contact.Kind(r.Details.Channel), r.Details.Value, s.now())
	}
	return nil
}

// Withdraw takes a request back.
func (s *Store) Withdraw(ctx context.Context, pass access.Pass, id string) error {
	return s.asker(ctx, pass, id, Withdraw, "", func(_ context.Context, _ *db.Tx, r *Request) error {
		r.Decided, r.DecidedBy = s.now(), pass.Actor().ID
		return nil
	})
}

// Disagree appends the patient's own statement to a denied correction.
//
// Spec: 45 CFR 164.526(d)(2)
func (s *Store) Disagree(ctx context.Context, pass access.Pass, id, words string) error {
	if words = strings.TrimSpace(words); words == "" {
		return errWords
	}
	if len(words) > most {
		return errLong
	}
	return s.asker(ctx, pass, id, Disagree, words, func(ctx context.Context, tx *db.Tx, r *Request) error {
		r.Due = due(s.now(), rebutDays, s.zone)
		text := correctionText(*r) + "\n\nThe clinic did not change the entry:\n" + r.Answer + "\n\nThe patient disagrees:\n" + words
		return s.append(ctx, tx, pass.Actor(), *r, "Disagreement", text)
	})
}

type change = func(ctx context.Context, tx *db.Tx, r *Request) error

// asker is a move by whoever asked.
func (s *Store) asker(ctx context.Context, pass access.Pass, id string, act Act, note string, do change) error {
	patient, err := pass.Open(access.AskPrivacy)
	if err != nil {
		return err
	}
	return s.move(ctx, pass, patient, id, act, note, do)
}

// answer is a move by the office.
func (s *Store) answer(ctx context.Context, pass access.Pass, id string, act Act, note string, do change) error {
	patient, err := pass.Open(access.AnswerPrivacy)
	if err != nil {
		return err
	}
	return s.move(ctx, pass, patient, id, act, note, do)
}

// move makes one move of the state machine, with its step.
func (s *Store) move(ctx context.Context, pass access.Pass, patient, id string, act Act, note string, do change) error {
	by := pass.Actor()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		r, err := s.get(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		m, ok := find(r.Kind, r.State, act)
		if !ok || m.staff != (by.Kind == access.Staff) {
			return errMove
		}
		from := r.State
		r.State = m.to
		if err := do(ctx, tx, &r); err != nil {
			return err
		}
		if err := s.save(ctx, tx, r, from); err != nil {
			return err
		}
		return s.step(ctx, tx, by, r, act, note)
	})
	if err != nil {
		return fmt.Errorf("request: %s %s: %w", act, id, err)
	}
	s.changed()
	return nil
}

// save writes what a move changed, unless somebody was quicker.
func (s *Store) save(ctx context.Context, tx *db.Tx, r Request, from State) error {
	const q = `
		update privacy_request set state = $3, due_at = $4, extended_at = $5, extended_why = $6, claimed_by = $7, decided_at = $8, decided_by = $9, answer = $10
		where id = $1 and state = $2`
	n, err := db.Changed(tx.ExecContext(ctx, q, r.ID, string(from), string(r.State), db.Micro(r.Due), db.Micro(r.Extended), r.ExtendedWhy, r.ClaimedBy, db.Micro(r.Decided), r.DecidedBy, r.Answer))
	if err == nil && n == 0 {
		return errMove
	}
	return err
}

// checkContact tidies the address that the patient wants to be written to.
func (d Details) checkContact() (Details, error) {
	switch d.Channel {
	case "inbox":
		d.Value = ""
		return d, nil
	case "letter":
		if len(d.Value) < 10 {
			return d, errWay
		}
		return d, nil
	case string(contact.Email), string(contact.SMS), string(contact.Voice):
		if d.Value = contact.Normal(contact.Kind(d.Channel), d.Value); d.Value == "" {
			return d, errWay
		}
		return d, nil
	}
	return d, errs.New(errs.Invalid, "Please choose how we should write to you.")
}
