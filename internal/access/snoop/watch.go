package snoop

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Flag is a record that is watched more closely: who opens it without
// treating the patient says why first.
type Flag struct {
	On     bool
	Reason string
	SetBy  string
	SetAt  time.Time
}

var errReason = errs.New(errs.Invalid, "Please write why this record is to be watched, or no longer.")

// Flag returns whether the record that pass opens is watched.
func (s *Store) Flag(ctx context.Context, pass access.Pass) (Flag, error) {
	patient, err := pass.Open(access.ReviewAccess)
	if err != nil {
		return Flag{}, err
	}
	f, err := db.One(ctx, s.DB, func(scan db.Scan) (f Flag, err error) {
		var vip int
		var at int64
		err = scan(&vip, &f.Reason, &f.SetBy, &at)
		f.On, f.SetAt = vip == 1, db.Time(at)
		return f, err
	}, `select vip, reason, set_by, set_at from patient_flag where patient = $1`, patient)
	if isNone(err) {
		return Flag{}, nil
	}
	return f, said("flag", err)
}

// SetFlag begins or ends to watch the record that pass opens.
func (s *Store) SetFlag(ctx context.Context, pass access.Pass, on bool, reason string) error {
	patient, err := pass.Open(access.ReviewAccess)
	if err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > 500 {
		return errReason
	}
	vip, action := 0, "vip.clear"
	if on {
		vip, action = 1, "vip.set"
	}
	a := pass.Actor()
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			insert into patient_flag (patient, vip, reason, set_by, set_at) values ($1, $2, $3, $4, $5)
			on conflict (patient) do update set vip = excluded.vip, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at`
		if _, err := tx.ExecContext(ctx, q, patient, vip, reason, a.ID, s.Now().UnixMicro()); err != nil {
			return err
		}
		return s.Audit.AddIn(ctx, tx, audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: action, Patient: patient, Granted: true,
			Request: a.Request, Session: a.Session})
	})
	if s.Changed != nil {
		s.Changed()
	}
	if err != nil {
		return fmt.Errorf("snoop: flag: %w", err)
	}
	return nil
}
