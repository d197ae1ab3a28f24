// Package look remembers when somebody last looked at a patient's home page,
// so that the page can say what is new since then.
//
// Coming back within Sitting is the same look.
package look

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Sitting is how long one look lasts.
const Sitting = time.Hour

// Store keeps looks.
type Store struct {
	db  *db.DB
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

type seen struct{ at, before int64 }

// Look notes that the actor of pass looks at the patient it opens, and
// returns when that was before; zero for never.
func (s *Store) Look(ctx context.Context, pass access.Pass) (time.Time, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return time.Time{}, err
	}
	const read = `select at, earlier from look where account = $1 and patient = $2`
	was, err := db.One(ctx, s.db, func(scan db.Scan) (v seen, err error) {
		err = scan(&v.at, &v.before)
		return v, err
	}, read, pass.Actor().ID, patient)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return time.Time{}, fmt.Errorf("look: %w", err)
	}
	if was.at != 0 && s.now().Sub(time.UnixMicro(was.at)) < Sitting {
		return db.Time(was.before), nil
	}
	const write = `
		insert into look (account, patient, at, earlier) values ($1, $2, $3, $4)
		on conflict (account, patient) do update set at = excluded.at, earlier = excluded.earlier`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, write, pass.Actor().ID, patient, s.now().UnixMicro(), was.at)
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("look: note: %w", err)
	}
	return db.Time(was.at), nil
}
