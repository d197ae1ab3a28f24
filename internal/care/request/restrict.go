package request

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Restriction is one that was agreed to, and so binds: the doors keep an
// account or a role out, the ledger of disclosures keeps a plan out.
type Restriction struct {
	ID, Request, Patient string
	Kind                 string // account, role, plan
	Target, Name         string
	What                 string
	Since, Ended         time.Time
	EndedWhy             string
}

// restrict puts a restriction into force.
func (s *Store) restrict(ctx context.Context, tx *db.Tx, r Request, d Decision) error {
	target := strings.TrimSpace(d.Target)
	switch d.Against {
	case "plan":
		target = strings.ToLower(target)
		if d.Name == "" {
			d.Name = r.Details.Name
		}
	case "role":
		if !slices.Contains(access.Roles(), access.Role(target)) || target == string(access.Marketer) {
			return errTarget
		}
		d.Name = "everybody with the role " + target
	case "account":
		name, err := db.One(ctx, tx, db.Value[string], `select name from account where id = $1`, target)
		if errors.Is(err, db.ErrNone) {
			return errTarget
		}
		if err != nil {
			return err
		}
		d.Name = name
	default:
		return errTarget
	}
	const q = `insert into restriction (id, request, patient, kind, target, name, what, made_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := tx.ExecContext(ctx, q, s.ids.New(), r.ID, r.Patient, d.Against, target, d.Name, r.Details.Words, s.now().UnixMicro())
	return err
}

// Restrictions returns what was agreed to for the patient whom pass opens,
// those in force first.
func (s *Store) Restrictions(ctx context.Context, pass access.Pass) ([]Restriction, error) {
	patient, err := opens(pass)
	if err != nil {
		return nil, err
	}
	const q = `
		select id, request, patient, kind, target, name, what, made_at, ended_at, ended_why from restriction
		where patient = $1
		order by case when ended_at = 0 then 0 else 1 end, made_at desc, id`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r Restriction, err error) {
		var since, ended int64
		err = scan(&r.ID, &r.Request, &r.Patient, &r.Kind, &r.Target, &r.Name, &r.What, &since, &ended, &r.EndedWhy)
		r.Since, r.Ended = db.Time(since), db.Time(ended)
		return r, err
	}, q, patient)
	if err != nil {
		return nil, fmt.Errorf("request: restrictions of %s: %w", patient, err)
	}
	return list, nil
}

// Lift ends a restriction: the patient asks for it, or agrees.
//
// Spec: 45 CFR 164.522(a)(2)
func (s *Store) Lift(ctx context.Context, pass access.Pass, id, why string) error {
	patient, err := opens(pass)
	if err != nil {
		return err
	}
	if why = strings.TrimSpace(why); why == "" {
		return errReason
	}
	by := pass.Actor()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update restriction set ended_at = $3, ended_by = $4, ended_why = $5 where id = $1 and patient = $2 and ended_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, s.now().UnixMicro(), by.ID, why))
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoSuch
		}
		return s.log.AddIn(ctx, tx, audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "restriction.end", Patient: patient, About: "restriction/" + id,
			Reason: why, Granted: true, Session: by.Session, Request: by.Request})
	})
	if err != nil {
		return fmt.Errorf("request: lift %s: %w", id, err)
	}
	s.changed()
	return nil
}
