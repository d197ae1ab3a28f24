package thread

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Withdraw takes back what waits for an answer in a thread that pass opens
// for SendMessages: nobody works on it any more. What was said stays.
func (s *Store) Withdraw(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return err
	}
	var t Thread
	err = s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		if t, err = s.take(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		if t.Waiting.IsZero() {
			return errAnswered
		}
		_, err = tx.ExecContext(ctx, `update thread set waiting_at = 0, due_at = 0, seen_at = 0 where id = $1`, id)
		return err
	})
	if err == nil && t.Task != "" {
		if err = s.tasks.Cancel(ctx, pass, t.Task); over(err) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("thread: withdraw %s: %w", id, err)
	}
	return nil
}
