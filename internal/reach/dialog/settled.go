package dialog

import (
	"context"
	"fmt"

	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Settled says that what was heard by text under key was understood and done
// by Hale itself, as meaning says: it waits for nobody any more, unless
// something else does.
func (s *Store) Settled(ctx context.Context, tx *db.Tx, patient, meaning, key string) error {
	dedupe := seal.Hash(string(policy.SMS) + "|heard|" + key)
	const mark = `update dialog_entry set meaning = $2 where dedupe = $1 and meaning = '' returning dialog`
	list, err := db.All(ctx, tx, db.Value[string], mark, dedupe, meaning)
	if err != nil || len(list) == 0 {
		return err
	}
	const rest = `
		update dialog set unread = case when unread > 0 then unread - 1 else 0 end,
			waiting_at = coalesce((select min(e.at) from dialog_entry e where e.dialog = dialog.id and e.kind = 'heard' and e.meaning = '' and e.at >= dialog.waiting_at and dialog.waiting_at > 0), 0)
		where id = $1`
	const due = `update dialog set due_at = case when waiting_at = 0 then 0 else due_at end where id = $1`
	for _, q := range []string{rest, due} {
		if _, err := tx.ExecContext(ctx, q, list[0]); err != nil {
			return fmt.Errorf("dialog: settled: %w", err)
		}
	}
	return nil
}
