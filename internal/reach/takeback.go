package reach

import (
	"context"
	"fmt"

	"hale/internal/store/db"
)

// stopBatch is how many messages, or intents, one transaction takes back:
// whoever else writes waits for one of them at most.
const stopBatch = 200

// stoppedMessage is a message of an outreach that was stopped.
type stoppedMessage struct{ id, state, channel string }

// takeBackAll takes back what is left of every outreach that was stopped, for
// whoever died while doing it.
func (e *Engine) takeBackAll(ctx context.Context) error {
	list, err := db.All(ctx, e.DB, db.Value[string], `select id from outreach where state = 'stopped' and stopping = 1 order by id`)
	if err != nil {
		return fmt.Errorf("reach: stopping: %w", err)
	}
	for _, id := range list {
		if err := e.takeBack(ctx, id); err != nil {
			return fmt.Errorf("reach: stop %s: %w", id, err)
		}
	}
	return nil
}

// takeBack cancels what of a stopped outreach has not been handed off and
// closes the links of what has: they open nothing more. In the portal a
// stopped outreach shows nothing either. Nothing is added to it meanwhile, as
// it does not run; so one look at each message is enough, and it may be done
// again from the beginning.
func (e *Engine) takeBack(ctx context.Context, id string) error {
	const some = `select id, state, channel from message where outreach = $1 and id > $2 order by id limit $3`
	for after := ""; ; {
		list, err := db.All(ctx, e.DB, func(scan db.Scan) (m stoppedMessage, err error) { return m, scan(&m.id, &m.state, &m.channel) }, some, id, after, stopBatch)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			after = list[len(list)-1].id
			if err := e.DB.Tx(ctx, func(tx *db.Tx) error { return e.takeBackSome(ctx, tx, list) }); err != nil {
				return err
			}
		}
		if len(list) < stopBatch {
			break
		}
	}
	const end = `update intent set state = 'cancelled', wake_at = 0 where id in (
		select i.id from intent i where i.outreach = $1 and i.state in ('active', 'deferred') order by i.id limit $2)`
	for {
		n, err := db.Changed(e.DB.ExecContext(ctx, end, id, stopBatch))
		if err != nil {
			return err
		}
		if n < stopBatch {
			break
		}
	}
	_, err := e.DB.ExecContext(ctx, `update outreach set stopping = 0 where id = $1`, id)
	return err
}

func (e *Engine) takeBackSome(ctx context.Context, tx *db.Tx, list []stoppedMessage) error {
	now := e.Now()
	if err := lockPlan(ctx, tx, now); err != nil {
		return err
	}
	var waiting []any
	var sent []string
	for _, m := range list {
		if m.state == "scheduled" {
			waiting = append(waiting, m.id)
		}
		if m.channel != string(Inbox) {
			sent = append(sent, m.id)
		}
	}
	if len(waiting) > 0 {
		if _, err := withdraw(ctx, tx, now, "stopped", `state = 'scheduled' and id in (`+db.In(3, len(waiting))+`)`, waiting...); err != nil {
			return err
		}
	}
	return e.Links.Retract(ctx, tx, sent...)
}
