package translation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Late says whether the time for a translation is over.
func (w Work) Late(now time.Time) bool { return w.Closed.IsZero() && now.After(w.Due) }

// Late says whether a translation that is still coming was raised because its
// time was over: the patient was told.
func (t Translation) Late() bool { return t.Coming() && !t.Raised.IsZero() }

// Unraised returns up to n translations of everybody whose time is over and of
// which nobody was told yet, those that were due first in front.
func (s *Store) Unraised(ctx context.Context, pass access.Pass, n int) ([]Work, error) {
	if err := pass.OpenAll(access.Translate); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from translation t where t.closed_at = 0 and t.due_at < $1 and t.raised_at = 0 and ` + veil + ` order by t.due_at, t.id limit $4`
	list, err := db.All(ctx, s.db, scan, q, s.now().UnixMicro(), hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("translation: unraised: %w", err)
	}
	return list, nil
}

// errNotLate ends the transaction of a translation that was not late any more.
var errNotLate = errors.New("not late")

// Raise notes that the time of a translation is over and who was told: an
// account with its name, or all who translate without one. With it, in one
// transaction, goes what tells them. One that was closed or raised in the
// meantime stays as it is, and nobody is told: false.
func (s *Store) Raise(ctx context.Context, pass access.Pass, id, to, name string, tell func(tx *db.Tx) error) (bool, error) {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return false, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		now := s.now().UnixMicro()
		const q = `update translation set raised_at = $3, raised_to = $4, raised_name = $5
			where id = $1 and patient = $2 and closed_at = 0 and raised_at = 0 and due_at < $3`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, now, to, name))
		if err != nil {
			return err
		}
		if n == 0 {
			return errNotLate
		}
		if err := s.events.Add(ctx, tx, event.Event{Kind: "translation.raised", Patient: patient, Subject: id}); err != nil {
			return err
		}
		return tell(tx)
	})
	if errors.Is(err, errNotLate) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("translation: raise %s: %w", id, err)
	}
	return true, nil
}

// Translators returns the accounts that may translate into a language.
func (s *Store) Translators(ctx context.Context, tag string) ([]string, error) {
	const q = `select l.account from staff_language l join account a on a.id = l.account where l.lang = $1 and a.status = 'active' order by l.account`
	list, err := db.All(ctx, s.db, db.Value[string], q, tag)
	if err != nil {
		return nil, fmt.Errorf("translation: translators: %w", err)
	}
	return list, nil
}

// AgainTx ends the translation of words that were taken back, in the
// transaction that takes them back: nobody waits for it any more.
func (s *Store) AgainTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, target string) error {
	patient, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits, access.AnswerBills)
	if err != nil {
		return err
	}
	const q = `update translation set why = $6, closed_by = case when closed_at = 0 then $4 else closed_by end, closed_at = case when closed_at = 0 then $5 else closed_at end
		where patient = $1 and typ = $2 and target = $3`
	if _, err := tx.ExecContext(ctx, q, patient, typ, target, pass.Actor().ID, s.now().UnixMicro(), "What was answered was taken back."); err != nil {
		return fmt.Errorf("translation: again: %w", err)
	}
	return nil
}
