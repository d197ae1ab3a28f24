package reach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// claim takes due messages, checks once more that each may go, and commits
// an attempt for each that may. After it, and only after it, bytes may leave.
func (e *Engine) claim(ctx context.Context, pass access.Pass) (batch []*sending, err error) {
	if due, err := e.due(ctx); err != nil || !due {
		return nil, err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		batch = nil
		off, err := stopped(ctx, tx)
		if err != nil || slices.Contains(off, "*") {
			return err
		}
		now := e.Now()
		taken, err := e.take(ctx, tx, now, off)
		if err != nil || len(taken) == 0 {
			return err
		}
		held, err := e.recheck(ctx, tx, pass, now, taken)
		if err != nil {
			return err
		}
		if err := e.hold(ctx, tx, now, held); err != nil {
			return err
		}
		var args []any
		for _, m := range taken {
			if held[m] != nil {
				continue
			}
			batch = append(batch, m)
			args = append(args, m.id, m.attempt, e.Node, db.Micro(now))
		}
		return db.InsertMany(ctx, tx, `insert into attempt (message, n, worker, started_at)`, "", 4, args)
	})
	if err != nil {
		return nil, fmt.Errorf("reach: claim: %w", err)
	}
	return batch, nil
}

// ready is the condition on a message m that may be claimed at $1. One of a
// stopped outreach is claimed too, and then ended: mayGo does it.
const ready = `m.state = 'scheduled' and m.not_before <= $1 and m.outreach not in (select o.id from outreach o where o.state = 'paused')`

// due says whether any message waits, without taking the writer.
func (e *Engine) due(ctx context.Context) (bool, error) {
	const q = `select m.id from message m where ` + ready + ` order by m.not_before, m.id limit 1`
	list, err := db.All(ctx, e.DB, db.Value[string], q, db.Micro(e.Now()))
	if err != nil {
		return false, fmt.Errorf("reach: due: %w", err)
	}
	return len(list) > 0, nil
}

// take moves due messages of running outreaches to handing_off. A code that
// somebody waits for overtakes them all. Two nodes that choose the same rows
// wait for each other, and the second finds them gone.
func (e *Engine) take(ctx context.Context, tx *db.Tx, now time.Time, off []Channel) ([]*sending, error) {
	var able []string
	for c := range e.gates {
		if !slices.Contains(off, c) {
			able = append(able, string(c))
		}
	}
	if len(able) == 0 {
		return nil, nil
	}
	slices.Sort(able)
	var taken []*sending
	for _, lane := range [...]string{`m.purpose = 'security'`, `m.purpose <> 'security'`} {
		list, err := e.takeLane(ctx, tx, now, able, lane, e.Batch-len(taken))
		if err != nil {
			return nil, err
		}
		taken = append(taken, list...)
	}
	return taken, nil
}

func (e *Engine) takeLane(ctx context.Context, tx *db.Tx, now time.Time, able []string, lane string, n int) ([]*sending, error) {
	q := fmt.Sprintf(`
		update message set state = 'handing_off', state_at = $1, attempts = attempts + 1, lease = $2, lease_until = $3
		where state = 'scheduled' and id in (
			select m.id from message m
			where %s and %s and m.channel in (%s)
			order by m.not_before, m.id
			limit $4)
		returning id, intent, outreach, patient, purpose, channel, key, address_hash, attempts, require_tls, in_doubt, body, expires_at`, ready, lane, db.In(5, len(able)))
	args := append([]any{db.Micro(now), e.Node, db.Micro(now.Add(e.Lease)), n}, db.Args(able)...)
	return db.All(ctx, tx, func(scan db.Scan) (*sending, error) {
		m := &sending{deadline: now.Add(e.startBy())}
		var tls, doubt int
		var expires int64
		err := scan(&m.id, &m.intent, &m.outreach, &m.patient, &m.purpose, &m.channel, &m.key, &m.hash, &m.attempt, &tls, &doubt, &m.sealed, &expires)
		m.tls, m.inDoubt, m.expires = tls == 1, doubt == 1, db.Time(expires)
		return m, err
	}, q, args...)
}

// held is why a claimed message does not go now.
type held struct {
	state, reason string
	notBefore     time.Time
}

// recheck looks at wishes, blocks and the hour as they are now. A STOP that
// came between planning and sending wins.
func (e *Engine) recheck(ctx context.Context, tx *db.Tx, pass access.Pass, now time.Time, taken []*sending) (map[*sending]*held, error) {
	out := map[*sending]*held{}
	byPurpose := map[string][]string{}
	for _, m := range taken {
		if m.patient != "" && m.purpose != "security" {
			byPurpose[m.purpose] = append(byPurpose[m.purpose], m.patient)
		}
	}
	crowds := map[string]*crowd{}
	for purpose, patients := range byPurpose {
		k, err := e.load(ctx, tx, pass, patients, purpose, nil)
		if err != nil {
			return nil, err
		}
		crowds[purpose] = k
	}
	over, err := ended(ctx, tx, taken)
	if err != nil {
		return nil, err
	}
	for _, m := range taken {
		if over[m.intent] {
			out[m] = &held{state: "cancelled", reason: "ended"}
			continue
		}
		b, err := e.open(ctx, tx, m.id, m.sealed)
		if errors.Is(err, seal.ErrOpen) || errors.Is(err, keys.ErrShredded) {
			out[m] = &held{state: "given_up", reason: "unreadable"}
			continue
		}
		if err != nil {
			return nil, err // the ring could not be asked; the message waits
		}
		m.body, m.sealed = b, nil
		if h := e.mayGo(now, m, crowds[m.purpose]); h != nil {
			out[m] = h
		}
	}
	return out, nil
}

// ended returns the intents of messages that are over: seen on another
// channel, stopped or expired while an attempt was under way.
func ended(ctx context.Context, tx *db.Tx, messages []*sending) (map[string]bool, error) {
	over := map[string]bool{}
	for chunk := range slices.Chunk(messages, settleChunk) {
		ids := make([]any, len(chunk))
		for i, m := range chunk {
			ids[i] = m.intent
		}
		q := `select id from intent where state <> 'active' and id in (` + db.In(1, len(ids)) + `)`
		list, err := db.All(ctx, tx, db.Value[string], q, ids...)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			over[id] = true
		}
	}
	return over, nil
}

func (e *Engine) mayGo(now time.Time, m *sending, k *crowd) *held {
	if !now.Before(m.expires) {
		return &held{state: "cancelled", reason: "expired"}
	}
	if k != nil {
		p, _ := policy.PurposeOf(m.purpose)
		if r, ok := policy.Recheck(now, &k.by[m.patient].Facts, policy.Ask{Purpose: p}, m.channel, m.body.To); !ok {
			return &held{state: "suppressed", reason: r.Code}
		}
	}
	w, err := policy.ParseWindow(m.body.Hours)
	if err != nil {
		return &held{state: "given_up", reason: "unreadable"}
	}
	at, open := w.Next(now, e.zone)
	switch {
	case !open:
		return &held{state: "suppressed", reason: "no_hours"}
	case at.After(now):
		return &held{state: "scheduled", notBefore: at}
	}
	return nil
}

// hold puts back or ends what may not go. The claim was no attempt.
func (e *Engine) hold(ctx context.Context, tx *db.Tx, now time.Time, all map[*sending]*held) error {
	const q = `
		update message set state = $2, reason = $3, state_at = $4, attempts = attempts - 1, lease = '', lease_until = 0,
			not_before = case when cast($5 as bigint) > 0 then cast($5 as bigint) else not_before end
		where id = $1`
	var over []string
	for m, h := range all {
		if _, err := tx.ExecContext(ctx, q, m.id, h.state, h.reason, db.Micro(now), db.Micro(h.notBefore)); err != nil {
			return err
		}
		if h.state == "scheduled" {
			continue
		}
		over = append(over, m.id)
		if err := wakeIntent(ctx, tx, m.intent, now); err != nil {
			return err
		}
	}
	return freeCaps(ctx, tx, over)
}

// wakeIntent has the next sweep look at an intent.
func wakeIntent(ctx context.Context, tx *db.Tx, intent string, at time.Time) error {
	const q = `update intent set wake_at = $2 where id = $1 and state = 'active'`
	_, err := tx.ExecContext(ctx, q, intent, db.Micro(at))
	return err
}
