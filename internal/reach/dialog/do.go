package dialog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// The errors.
var (
	errFilter = errs.New(errs.NotFound, "There is no such list.")
	errEmpty  = errs.New(errs.Invalid, "Please write something first.")
	errLong   = errs.New(errs.Invalid, "That is too long. Please make it shorter.")
	errReason = errs.New(errs.Invalid, "Please say why it is closed.")
	errTaken  = errs.New(errs.Conflict, "Somebody else has taken this conversation since you opened the page. Please look again.")
)

// Reasons are what a conversation is closed with.
func Reasons() []string {
	return []string{"answered", "called", "nothing to answer", "wrong person", "passed on"}
}

// Said writes down what somebody of the staff answered, in the transaction
// that makes its message, and that nobody waits any more. Who answers has the
// conversation, if nobody had it.
func (s *Store) Said(ctx context.Context, tx *db.Tx, d Dialog, account string, c policy.Channel, message, text string) error {
	now := s.now()
	e := entry{dialog: d.ID, patient: d.Patient, kind: "said", channel: c, message: message, at: now, by: account, words: words{Text: text}, key: message}
	if _, err := s.add(ctx, tx, e); err != nil {
		return err
	}
	const q = `
		update dialog set unread = 0, waiting_at = 0, due_at = 0, last_at = $2, state = 'open',
			assigned = case when assigned = '' then $3 else assigned end, assigned_at = case when assigned = '' then $2 else assigned_at end
		where id = $1`
	if _, err := tx.ExecContext(ctx, q, d.ID, db.Micro(now), account); err != nil {
		return fmt.Errorf("dialog: said in %s: %w", d.ID, err)
	}
	return nil
}

// do changes a conversation that pass opens, and notes it as a line of kind.
func (s *Store) do(ctx context.Context, pass access.Pass, id, kind, text string, change func(*db.Tx) error) error {
	if text = strings.TrimSpace(text); text == "" {
		return errEmpty
	}
	if len(text) > 4000 {
		return errLong
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		patient, err := db.One(ctx, tx, db.Value[string], `select patient from dialog where id = $1`, id)
		if err != nil {
			return err
		}
		if err := allowed(pass, patient); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		now := s.now()
		if _, err := tx.ExecContext(ctx, `update dialog set last_at = $2 where id = $1`, id, db.Micro(now)); err != nil {
			return err
		}
		_, err = s.add(ctx, tx, entry{dialog: id, patient: patient, kind: kind, at: now, by: pass.Actor().ID, words: words{Text: text}})
		return err
	})
	if err != nil {
		return fmt.Errorf("dialog: %s: %w", id, err)
	}
	return nil
}

// Note adds a note that the person never sees.
func (s *Store) Note(ctx context.Context, pass access.Pass, id, text string) error {
	return s.do(ctx, pass, id, "note", text, func(*db.Tx) error { return nil })
}

// Assign gives a conversation to an account, or with none to nobody. Before is
// who had it on the reader's page: if that is not so any more, nothing
// changes. Words say it in the conversation.
func (s *Store) Assign(ctx context.Context, pass access.Pass, id, before, account, text string) error {
	return s.do(ctx, pass, id, "deed", text, func(tx *db.Tx) error {
		const q = `update dialog set assigned = $3, assigned_at = $4 where id = $1 and assigned = $2`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, before, account, db.Micro(s.now())))
		if err == nil && n == 0 {
			err = errTaken
		}
		return err
	})
}

// Close closes a conversation with a reason. What is heard later opens it
// again.
func (s *Store) Close(ctx context.Context, pass access.Pass, id, reason string) error {
	if !slices.Contains(Reasons(), reason) {
		return errReason
	}
	return s.do(ctx, pass, id, "deed", "closed: "+reason, func(tx *db.Tx) error {
		const q = `
			update dialog set state = 'closed', reason = $2, closed_by = $3, closed_at = $4, waiting_at = 0, due_at = 0, unread = 0, stop = 0, wrong = 0
			where id = $1`
		_, err := tx.ExecContext(ctx, q, id, reason, pass.Actor().ID, db.Micro(s.now()))
		return err
	})
}

// Reopen takes a closing back.
func (s *Store) Reopen(ctx context.Context, pass access.Pass, id string) error {
	return s.do(ctx, pass, id, "deed", "opened again", func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `update dialog set state = 'open', reason = '', closed_by = '', closed_at = 0 where id = $1`, id)
		return err
	})
}
