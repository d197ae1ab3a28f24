package reach

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// heedEvery is how often a node looks for words that another one heard.
const heedEvery = 50 * time.Millisecond

// heed keeps what another node heard taken back from leaving while it waits
// for a worker here. Before each turn of a claim the rows are looked at
// anyway (begins); without heed what has begun already, two turns of
// beginAtOnce, would go however slowly it goes.
//
// So the bound on PostgreSQL with several nodes is this: of a word that
// another node has committed, nothing is handed off later than heedEvery and
// one look at the database afterwards, and never more than two turns. On the
// node that hears the word, and on SQLite, nothing is but what a worker holds
// in its hand (halts).
func (e *Engine) heed(ctx context.Context) {
	tick := time.NewTicker(heedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !e.busy() {
			continue
		}
		if err := e.heedNow(ctx); err != nil && ctx.Err() == nil {
			e.Log.Error("reach: heed", "error", err)
		}
	}
}

// heedNow keeps from leaving what others say is taken back, and crosses it out.
func (e *Engine) heedNow(ctx context.Context) error {
	const some = `select message from message_kept where worker = $1 limit 1`
	const heard = `delete from message_kept where worker = $1 returning message`
	list, err := db.All(ctx, e.DB, db.Value[string], some, e.Node)
	if err != nil || len(list) == 0 {
		return err
	}
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		list, err := db.All(ctx, tx, db.Value[string], heard, e.Node)
		now := e.Now()
		for _, id := range list {
			e.halts.keep(id, now, now.Add(e.Lease))
		}
		return err
	})
}

// busy says whether messages of this process are under way.
func (e *Engine) busy() bool { return e.halts.under.Load() > 0 }

// unheard forgets what nobody hears any more.
func (e *Engine) unheard(ctx context.Context) error {
	const q = `delete from message_kept where not exists (select 1 from message m where m.id = message_kept.message and m.state = 'handing_off')`
	if e.DB.Engine() == db.SQLite {
		return nil
	}
	if _, err := e.DB.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("reach: unheard: %w", err)
	}
	return nil
}
