package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// SameTx returns the open task about a thing that the patient whom pass opens
// asked last, if there is one.
func (s *Store) SameTx(ctx context.Context, tx *db.Tx, pass access.Pass, focus string) (Task, bool, error) {
	patient, err := opens(pass, reads...)
	if err != nil {
		return Task{}, false, err
	}
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from task t where t.patient = $1 and ` + veil + ` and t.focus = $4 and t.closed_at = 0
		order by t.asked_at desc, t.id limit 1`
	t, err := db.One(ctx, tx, scan, q, patient, hidden, until, focus)
	if errors.Is(err, db.ErrNone) {
		return Task{}, false, nil
	}
	if err != nil {
		return Task{}, false, fmt.Errorf("task: same: %w", err)
	}
	return t, true, nil
}

// ReplyTx takes what the patient answers to a question of the clinic. Whoever
// had the task has it again, and the clock starts anew.
func (s *Store) ReplyTx(ctx context.Context, tx *db.Tx, pass access.Pass, id, words string) error {
	return s.quietTx(ctx, tx, pass, id, func(t Task, by string, now time.Time) (Task, error) {
		if t.Status != Waiting {
			return t, errOver
		}
		if words = tidy(words); words == "" {
			return t, errWords
		}
		rule, err := s.ruleOf(ctx, tx, t.Kind)
		if err != nil {
			return t, err
		}
		to := Received
		if t.Owner != "" {
			to = Claimed
		}
		t.Due = s.hours().Due(now, rule)
		return t.step(to, by, words, now)
	})
}

// FinishTx closes a task that the patient says is done.
func (s *Store) FinishTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string) error {
	return s.quietTx(ctx, tx, pass, id, func(t Task, by string, now time.Time) (Task, error) {
		return t.close(Finished, by, "", now)
	})
}

// quietTx lets the patient, or whoever acts for them, change a task; they are
// not told of what they did themselves.
func (s *Store) quietTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, do func(t Task, by string, now time.Time) (Task, error)) error {
	_, _, err := s.moveTx(ctx, tx, pass, id, reads, do)
	return err
}

// LaterTx is StepTx that also says by when the next step is due, so many
// working days from now.
func (s *Store) LaterTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, to Status, note string, days int) error {
	if !to.Open() || to == "" {
		return errStatus
	}
	return s.changeTx(ctx, tx, pass, id, desks, func(t Task, by string, now time.Time) (Task, error) {
		t.Due = s.hours().Due(now, Rule{Days: days})
		return t.step(to, by, note, now)
	})
}
