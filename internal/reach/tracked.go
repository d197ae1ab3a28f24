package reach

import (
	"context"
	"fmt"

	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// Tracked writes what came of fetches down as events of their messages. None
// of them says that anybody has seen anything, so no state changes.
func (e *Engine) Tracked(ctx context.Context, tx *db.Tx, list []track.Event) error {
	const head = `insert into message_event (id, message, kind, at, received_at, actor_class, code, dedupe, data)`
	const tail = ` on conflict (dedupe) do nothing`
	now := db.Micro(e.Now())
	args := make([]any, 0, 9*len(list))
	for _, v := range list {
		args = append(args, e.IDs.New(), v.Message, v.Kind, db.Micro(v.At), now, string(v.Actor), v.Rule, v.Dedupe, "{}")
	}
	if err := db.InsertMany(ctx, tx, head, tail, 9, args); err != nil {
		return fmt.Errorf("reach: tracked: %w", err)
	}
	return nil
}
