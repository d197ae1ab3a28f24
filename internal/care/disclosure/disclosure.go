// Package disclosure keeps to whom a patient's information was disclosed: the
// ledger that an accounting of disclosures is made from. It is no log of who
// looked; that is package audit.
//
// Disclosures for treatment, payment and operations, to the patient, and with
// the patient's authorisation are not accounted for; they leave an audit row
// alone.
//
// Spec: 45 CFR 164.528
package disclosure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Basis is why the law allows a disclosure.
type Basis string

// The bases that are accounted for, as 45 CFR 164.512 has them.
const (
	RequiredByLaw  Basis = "required-by-law"
	PublicHealth   Basis = "public-health"
	Abuse          Basis = "abuse"
	Oversight      Basis = "oversight"
	Court          Basis = "court"
	LawEnforcement Basis = "law-enforcement"
	Decedent       Basis = "decedent"
	Research       Basis = "research"
	Threat         Basis = "threat"
	Government     Basis = "government"
	WorkersComp    Basis = "workers-comp"
	InError        Basis = "in-error" // it should not have been made
)

// The bases that are not.
const (
	Treatment  Basis = "treatment"
	Payment    Basis = "payment"
	Operations Basis = "operations"
	ToPatient  Basis = "to-patient"
	Authorized Basis = "authorized"
)

// Accounted are the bases that come into the ledger.
var Accounted = []Basis{PublicHealth, RequiredByLaw, Court, LawEnforcement, Oversight, Abuse, Threat, Decedent, Research, Government, WorkersComp, InError}

var known = append(slices.Clone(Accounted), Treatment, Payment, Operations, ToPatient, Authorized)

// Years is how far back an accounting goes.
const Years = 6

// Entry is one disclosure.
type Entry struct {
	ID, Patient string
	At          time.Time
	Recipient   string // who got it
	Address     string
	What        string // a brief description
	Purpose     string
	Basis       Basis
	Plan        bool   // the recipient is a health plan
	Origin      string // what made it: desk, export/…, app/…, letter/…
	Actor       string
	Noted       time.Time
	SilentUntil time.Time // the patient is not told before
	SilentFor   string    // the agency that asked for it
	Void        time.Time // it was written by mistake
	VoidWhy     string
}

// Silent says whether the entry is kept back from the patient now.
func (e Entry) Silent(now time.Time) bool { return now.Before(e.SilentUntil) }

// Store keeps the ledger.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
	log *audit.Log
}

// NewStore returns a ledger on d.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, log *audit.Log) *Store {
	return &Store{db: d, ids: ids, now: now, log: log}
}

// The refusals.
var (
	errWhole      = errs.New(errs.Invalid, "Please write who got it, their address, what it was, and why.")
	errBasis      = errs.New(errs.Invalid, "Please choose why the law allows it.")
	errWhen       = errs.New(errs.Invalid, "Please choose a day that is not in the future.")
	errSilent     = errs.New(errs.Invalid, "Please name the agency that asked for silence, and a last day after today.")
	errNoSuch     = errs.New(errs.NotFound, "We could not find that disclosure.")
	errReason     = errs.New(errs.Invalid, "Please write the reason.")
	errRestricted = errs.New(errs.Forbidden, "The patient asked, and the clinic agreed, that this health plan does not get it. Nothing was disclosed.")
)

// Record notes a disclosure by somebody or some part of Hale, in the
// transaction of the disclosure itself. It fails with errs.Forbidden where a
// restriction forbids the disclosure, which must then not be made.
func (s *Store) Record(ctx context.Context, tx *db.Tx, by access.Actor, e Entry) error {
	e, err := s.check(e)
	if err != nil {
		return err
	}
	if err := s.allowed(ctx, tx, e); err != nil {
		return err
	}
	e.ID, e.Actor, e.Noted = s.ids.New(), by.ID, s.now()
	if slices.Contains(Accounted, e.Basis) {
		const q = `
			insert into disclosure (id, patient, at, recipient, address, what, purpose, basis, origin, actor, noted_at, silent_until, silent_for)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
		if _, err := tx.ExecContext(ctx, q, e.ID, e.Patient, e.At.UnixMicro(), e.Recipient, e.Address, e.What, e.Purpose, string(e.Basis), e.Origin, e.Actor,
			e.Noted.UnixMicro(), db.Micro(e.SilentUntil), e.SilentFor); err != nil {
			return fmt.Errorf("disclosure: record: %w", err)
		}
	}
	return s.note(ctx, tx, by, "disclosure.make", e, "")
}

// RecordAll is Record of one disclosure about many patients, who are each
// noted as if it were about them alone. e names none of them.
func (s *Store) RecordAll(ctx context.Context, tx *db.Tx, by access.Actor, e Entry, patients []string) error {
	if slices.Contains(Accounted, e.Basis) || e.Plan {
		for _, patient := range patients {
			e.Patient = patient
			if err := s.Record(ctx, tx, by, e); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([]audit.Row, 0, len(patients))
	for _, patient := range patients {
		e.Patient = patient
		e, err := s.check(e)
		if err != nil {
			return err
		}
		e.ID = s.ids.New()
		rows = append(rows, row(by, "disclosure.make", e, ""))
	}
	return s.log.AddIn(ctx, tx, rows...)
}

// check tidies an entry and refuses one that says too little.
func (s *Store) check(e Entry) (Entry, error) {
	for _, f := range []*string{&e.Recipient, &e.Address, &e.What, &e.Purpose, &e.SilentFor, &e.Origin} {
		*f = strings.TrimSpace(strings.ToValidUTF8(*f, ""))
		if len(*f) > 1000 {
			return e, errs.New(errs.Invalid, "That is too long. Please use fewer words.")
		}
	}
	now := s.now()
	if e.At.IsZero() {
		e.At = now
	}
	switch {
	case !slices.Contains(known, e.Basis):
		return e, errBasis
	case e.Patient == "" || e.Recipient == "" || e.What == "" || e.Purpose == "" || e.Address == "" && slices.Contains(Accounted, e.Basis):
		return e, errWhole
	case e.At.After(now):
		return e, errWhen
	case !e.SilentUntil.IsZero() && (e.SilentFor == "" || !e.SilentUntil.After(now)):
		return e, errSilent
	case !e.SilentUntil.IsZero() && e.Basis != LawEnforcement && e.Basis != Oversight:
		return e, errSilent
	}
	return e, nil
}

// allowed refuses what a restriction forbids. What the law requires goes
// before.
//
// Spec: 45 CFR 164.522(a)(1)(vi)
func (s *Store) allowed(ctx context.Context, tx *db.Tx, e Entry) error {
	if !e.Plan || e.Basis == RequiredByLaw {
		return nil
	}
	const q = `select count(*) from restriction where patient = $1 and kind = 'plan' and ended_at = 0 and target in ('', $2)`
	n, err := db.One(ctx, tx, db.Value[int64], q, e.Patient, strings.ToLower(e.Recipient))
	if err != nil {
		return fmt.Errorf("disclosure: restrictions: %w", err)
	}
	if n > 0 {
		return errRestricted
	}
	return nil
}

func (s *Store) note(ctx context.Context, tx *db.Tx, by access.Actor, action string, e Entry, why string) error {
	return s.log.AddIn(ctx, tx, row(by, action, e, why))
}

// row is what the log says of an entry.
func row(by access.Actor, action string, e Entry, why string) audit.Row {
	return audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: action, Patient: e.Patient, About: "disclosure/" + e.ID,
		Purpose: string(e.Basis), Reason: why, Granted: true, Session: by.Session, Request: by.Request}
}

// Note is Record by a member of staff, for what left on paper or by word of
// mouth.
func (s *Store) Note(ctx context.Context, pass access.Pass, e Entry) error {
	patient, err := pass.Open(access.AnswerPrivacy)
	if err != nil {
		return err
	}
	e.Patient, e.Origin = patient, "desk"
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.Record(ctx, tx, pass.Actor(), e) })
}

// Void says that an entry was written by mistake. It stays, and is counted
// no more.
func (s *Store) Void(ctx context.Context, pass access.Pass, id, why string) error {
	patient, err := pass.Open(access.AnswerPrivacy)
	if err != nil {
		return err
	}
	if why = strings.TrimSpace(why); why == "" {
		return errReason
	}
	by := pass.Actor()
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update disclosure set void_at = $3, void_by = $4, void_why = $5 where id = $1 and patient = $2 and void_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, s.now().UnixMicro(), by.ID, why))
		if err != nil {
			return fmt.Errorf("disclosure: void %s: %w", id, err)
		}
		if n == 0 {
			return errNoSuch
		}
		return s.note(ctx, tx, by, "disclosure.void", Entry{ID: id, Patient: patient}, why)
	})
}

// Of returns the accounting for the patient whom pass opens: six years, the
// newest first. The office sees what is void and what must be kept silent;
// the patient sees neither.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Entry, error) {
	patient, err := pass.Open(access.AskPrivacy)
	office := err != nil
	if office {
		if patient, err = pass.Open(access.AnswerPrivacy); err != nil {
			return nil, err
		}
	}
	const q = `
		select id, patient, at, recipient, address, what, purpose, basis, origin, actor, noted_at, silent_until, silent_for, void_at, void_why
		from disclosure
		where patient = $1 and at > $2
		order by at desc, id desc`
	now := s.now()
	list, err := db.All(ctx, s.db, read, q, patient, now.AddDate(-Years, 0, 0).UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("disclosure: of %s: %w", patient, err)
	}
	if office {
		return list, nil
	}
	return slices.DeleteFunc(list, func(e Entry) bool { return !e.Void.IsZero() || e.Silent(now) }), nil
}

// Whose returns the patient of an entry, for a member of staff who then asks
// for a pass.
func (s *Store) Whose(ctx context.Context, id string) (string, error) {
	patient, err := db.One(ctx, s.db, db.Value[string], `select patient from disclosure where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		return "", errNoSuch
	}
	return patient, err
}

func read(scan db.Scan) (e Entry, err error) {
	var at, noted, silent, void int64
	err = scan(&e.ID, &e.Patient, &at, &e.Recipient, &e.Address, &e.What, &e.Purpose, &e.Basis, &e.Origin, &e.Actor, &noted, &silent, &e.SilentFor, &void, &e.VoidWhy)
	e.At, e.Noted, e.SilentUntil, e.Void = db.Time(at), db.Time(noted), db.Time(silent), db.Time(void)
	return e, err
}
