package reach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/store/db"
)

// The lanes of the queue. A code that somebody waits for overtakes them all.
const (
	urgentLane = iota
	commonLane
)

func lane(purpose string) int {
	if purpose == "security" {
		return urgentLane
	}
	return commonLane
}

// enqueue has messages wait: rows of lane, not_before, message, outreach and
// channel, of messages that are new. Whoever sets a message to scheduled does
// it in the same transaction. A row whose message waits no more is passed over.
func enqueue(ctx context.Context, tx *db.Tx, rows []any) error {
	const head = `insert into message_queue (lane, not_before, message, outreach, channel)`
	if err := db.InsertMany(ctx, tx, head, "", 5, rows); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	return nil
}

// requeue has messages wait again that are scheduled anew.
func requeue(ctx context.Context, tx *db.Tx, ids ...string) error {
	for chunk := range slices.Chunk(ids, freeChunk) {
		q := `insert into message_queue (lane, not_before, message, outreach, channel)
			select case when purpose = 'security' then 0 else 1 end, not_before, id, outreach, channel
			from message where state = 'scheduled' and id in (` + db.In(1, len(chunk)) + `) on conflict do nothing`
		if _, err := tx.ExecContext(ctx, q, db.Args(chunk)...); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	return nil
}

// place is a message's in the queue.
type place struct {
	notBefore int64
	message   string
}

// waitsNow is the condition on rows of the queue in lane $1 that may be taken
// at $2. One of a stopped outreach is taken too, and then ended: mayGo does it.
const waitsNow = `lane = $1 and not_before <= $2 and outreach not in (select o.id from outreach o where o.state = 'paused')`

// head returns the first n places of a lane.
func head(ctx context.Context, c db.Conn, lane int, now time.Time, able []string, n int) ([]place, error) {
	if len(able) == 0 {
		return nil, nil
	}
	q := `select not_before, message from message_queue where ` + waitsNow + ` and channel in (` + db.In(4, len(able)) + `)
		order by not_before, message limit $3`
	return db.All(ctx, c, func(scan db.Scan) (p place, err error) {
		err = scan(&p.notBefore, &p.message)
		return p, err
	}, q, append([]any{lane, db.Micro(now), n}, db.Args(able)...)...)
}

// leave takes places out of the queue and returns the messages of those that
// nobody took before: two nodes that choose the same rows wait for each
// other, and the second finds them gone.
func leave(ctx context.Context, tx *db.Tx, lane int, places []place) (messages []string, err error) {
	for chunk := range slices.Chunk(places, freeChunk) {
		first, last := chunk[0], chunk[len(chunk)-1]
		q := `delete from message_queue
			where lane = $1 and (not_before, message) >= ($2, $3) and (not_before, message) <= ($4, $5) and message in (` + db.In(6, len(chunk)) + `)
			returning message`
		args := []any{lane, first.notBefore, first.message, last.notBefore, last.message}
		for _, p := range chunk {
			args = append(args, p.message)
		}
		list, err := db.All(ctx, tx, db.Value[string], q, args...)
		if err != nil {
			return nil, fmt.Errorf("queue: %w", err)
		}
		messages = append(messages, list...)
	}
	return messages, nil
}

// beginAtOnce is how many messages may be under way before the next commit:
// those in doubt after a crash, and as many again whose commit is awaited.
const beginAtOnce = 100

// noteClaim writes down what this worker took at once, in the order in which
// it will begin, so that it is found if the worker dies: of an attempt that
// nobody ends there is no other trace.
func (e *Engine) noteClaim(ctx context.Context, tx *db.Tx, now time.Time, batch []*sending, begun bool) (id string, err error) {
	const q = `insert into message_claim (id, worker, lease_until, begun, messages) values ($1, $2, $3, $4, $5)`
	if len(batch) == 0 {
		return "", nil
	}
	messages := make([]string, len(batch))
	for i, m := range batch {
		messages[i], m.turn = m.id, i+1
	}
	first := 0
	if begun {
		first = min(beginAtOnce, len(messages))
	}
	id = e.IDs.New()
	_, err = tx.ExecContext(ctx, q, id, e.Node, db.Micro(now.Add(e.Lease)), first, strings.Join(messages, " "))
	e.at(claimNoted)
	return id, err
}

// begins commits that bytes of a claim's next turn may leave. It fails if the
// claim ran out meanwhile: then they are others'. What was taken back or
// stopped since the claim, on whatever node, is kept back.
func (e *Engine) begins(ctx context.Context, turn []*sending) error {
	if len(turn) == 0 {
		return nil
	}
	last := turn[len(turn)-1]
	const q = `update message_claim set begun = $2 where id = $1 and begun < $2`
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		tx.Aside(claiming)
		changed, err := db.Changed(tx.ExecContext(ctx, q, last.claim, last.turn))
		if err == nil && changed == 0 {
			err = errLate
		}
		if err != nil || e.DB.Engine() == db.SQLite { // there is no other node: what is stopped is known here
			return err
		}
		back, err := backSince(ctx, tx, turn)
		for _, m := range turn {
			m.unsent = m.unsent || back[m.id]
		}
		return err
	})
}

var errLate = errors.New("reach: the claim ran out")

// oldClaim is one that ran out.
type oldClaim struct {
	worker      string
	until       int64    // when it ran out, which its messages say too
	begun, safe []string // messages of which bytes may have left, and the others
}

// takeOld takes the oldest claim that ran out before until away.
func takeOld(ctx context.Context, tx *db.Tx, until int64) (c oldClaim, found bool, err error) {
	const q = `
		delete from message_claim
		where id = (select o.id from message_claim o where o.lease_until < $1 order by o.lease_until, o.id limit 1)
		returning worker, lease_until, begun, messages`
	list, err := db.All(ctx, tx, func(scan db.Scan) (c oldClaim, err error) {
		var n int
		var messages string
		err = scan(&c.worker, &c.until, &n, &messages)
		ids := strings.Fields(messages)
		n = min(n, len(ids))
		c.begun, c.safe = ids[:n], ids[n:]
		return c, err
	}, q, until)
	if err != nil || len(list) == 0 {
		return c, false, err
	}
	return list[0], true, nil
}

// underWay is the condition on messages of a claim that are still its own:
// not settled, not given back and taken again. Its arguments are the claim's
// end and worker.
const underWay = `state = 'handing_off' and lease_until = $1 and lease = $2`

// unclaim has messages wait again of which nothing left.
func (c oldClaim) unclaim(ctx context.Context, tx *db.Tx, now time.Time) (n int, err error) {
	for chunk := range slices.Chunk(c.safe, freeChunk) {
		q := `update message set state = 'scheduled', state_at = $3, attempts = attempts - 1, lease = '', lease_until = 0
			where ` + underWay + ` and id in (` + db.In(4, len(chunk)) + `) returning id`
		list, err := db.All(ctx, tx, db.Value[string], q, append([]any{c.until, c.worker, db.Micro(now)}, db.Args(chunk)...)...)
		if err != nil {
			return n, err
		}
		if len(list) == 0 {
			continue
		}
		n += len(list)
		q = `delete from attempt where outcome = '' and message in (` + db.In(1, len(list)) + `)`
		if _, err := tx.ExecContext(ctx, q, db.Args(list)...); err != nil {
			return n, err
		}
		if err := requeue(ctx, tx, list...); err != nil {
			return n, err
		}
	}
	return n, nil
}
