// Package mirror lets a member of staff look at the portal as one patient sees
// it, to help on the phone: to look, and to change nothing.
//
// A look begins and ends in the audit log, and every page in between says that
// it was part of one. It shows what the patient sees and the reader's own
// rights show as well; neither more of the one nor of the other.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Lasts is how long a look lasts at most.
const Lasts = 30 * time.Minute

// The actions in the audit log.
const (
	Begun = "mirror.begin"
	Ended = "mirror.end"
)

// Store keeps who looks at which portal.
type Store struct {
	db  *db.DB
	log *audit.Log
	now func() time.Time
}

// NewStore returns a store that writes to log.
func NewStore(d *db.DB, log *audit.Log, now func() time.Time) *Store {
	return &Store{db: d, log: log, now: now}
}

// Begin lets the session of whoever holds pass look at the portal of the
// patient whom pass opens for ReadRecord. A session looks at one at a time.
func (s *Store) Begin(ctx context.Context, pass access.Pass) error {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return err
	}
	a, now := pass.Actor(), s.now()
	const put = `insert into seen_as (session, account, patient, begun_at, until) values ($1, $2, $3, $4, $5)
		on conflict (session) do update set account = excluded.account, patient = excluded.patient, begun_at = excluded.begun_at, until = excluded.until, ended_at = 0`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, put, a.Session, a.ID, patient, now.UnixMicro(), now.Add(Lasts).UnixMicro()); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, a.Row(Begun, patient, true))
	})
	if err != nil {
		return fmt.Errorf("mirror: begin: %w", err)
	}
	return nil
}

// Of returns whose portal a looks at now; empty: nobody's.
func (s *Store) Of(ctx context.Context, a access.Actor) (patient string, err error) {
	const q = `select patient from seen_as where session = $1 and account = $2 and ended_at = 0 and until > $3`
	patient, err = db.One(ctx, s.db, db.Value[string], q, a.Session, a.ID, s.now().UnixMicro())
	if err != nil && !errors.Is(err, db.ErrNone) {
		return "", fmt.Errorf("mirror: of: %w", err)
	}
	return patient, nil
}

// End ends the look of a, if there is one.
func (s *Store) End(ctx context.Context, a access.Actor) error {
	patient, err := s.Of(ctx, a)
	if err != nil || patient == "" {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const end = `update seen_as set ended_at = $2 where session = $1 and ended_at = 0`
		if _, err := tx.ExecContext(ctx, end, a.Session, s.now().UnixMicro()); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, a.Row(Ended, patient, true))
	})
	if err != nil {
		return fmt.Errorf("mirror: end: %w", err)
	}
	return nil
}
