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
// that this worker holds those that may. After it, and only after it, bytes
// may leave: of the first turn at once with begun set, else when begins has
// looked again.
func (e *Engine) claim(ctx context.Context, pass access.Pass, begun bool) (batch []*sending, err error) {
	if due, err := e.due(ctx); err != nil || !due {
		return nil, err
	}
	seen, err := e.glance(ctx, pass)
	if err != nil {
		return nil, fmt.Errorf("reach: claim: %w", err)
	}
	e.at(claimLooked)
	var all []*sending
	claim, nth := "", e.halts.claim()
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		batch = nil
		if err := tx.Steady(ctx); err != nil {
			return err
		}
		off, err := stopped(ctx, tx)
		if err != nil || slices.Contains(off, "*") {
			return err
		}
		now := e.Now()
		taken, err := e.take(ctx, tx, now, off)
		if err != nil || len(taken) == 0 {
			return err
		}
		all = slices.Clone(taken)
		e.at(claimTaken)
		still, err := seen.holds(ctx, tx)
		if err != nil {
			return err
		}
		held, err := e.recheck(ctx, tx, pass, now, taken, still)
		if err != nil {
			return err
		}
		if len(held) == 0 { // else it gives back what was promised
			tx.Aside(claiming)
		}
		if err := e.hold(ctx, tx, now, held); err != nil {
			return err
		}
		batch = slices.DeleteFunc(taken, func(m *sending) bool { return held[m] != nil })
		claim, err = e.noteClaim(ctx, tx, now, batch, begun)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reach: claim: %w", err)
	}
	e.at(claimKept)
	e.fresh.forget(all)
	for _, m := range batch {
		m.claim, m.nth, m.begun = claim, nth, begun
	}
	return e.stay(ctx, batch), nil
}

// due says whether any message waits, without taking the writer.
func (e *Engine) due(ctx context.Context) (bool, error) {
	able := e.able(nil)
	for _, lane := range [...]int{urgentLane, commonLane} {
		list, err := head(ctx, e.DB, lane, e.Now(), able, 1)
		if err != nil {
			return false, fmt.Errorf("reach: due: %w", err)
		}
		if len(list) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// able are the channels that there is a gateway for, without those in off.
func (e *Engine) able(off []Channel) []string {
	var able []string
	for c := range e.gates {
		if !slices.Contains(off, c) {
			able = append(able, string(c))
		}
	}
	slices.Sort(able)
	return able
}

// take moves due messages of running outreaches to handing_off. A code that
// somebody waits for overtakes them all.
func (e *Engine) take(ctx context.Context, tx *db.Tx, now time.Time, off []Channel) ([]*sending, error) {
	able := e.able(off)
	var ids []string
	for _, lane := range [...]int{urgentLane, commonLane} {
		places, err := head(ctx, tx, lane, now, able, e.Batch-len(ids))
		if err != nil {
			return nil, err
		}
		list, err := leave(ctx, tx, lane, places)
		if err != nil {
			return nil, err
		}
		ids = append(ids, list...)
	}
	var taken []*sending
	for chunk := range slices.Chunk(ids, freeChunk) {
		list, err := e.begin(ctx, tx, now, chunk)
		if err != nil {
			return nil, err
		}
		taken = append(taken, list...)
	}
	return taken, nil
}

// begin moves those of messages to handing_off that still wait.
func (e *Engine) begin(ctx context.Context, tx *db.Tx, now time.Time, messages []string) ([]*sending, error) {
	q := `
		update message set state = 'handing_off', reason = '', state_at = $1, attempts = attempts + 1, lease = $2, lease_until = $3
		where state = 'scheduled' and not_before <= $1 and id in (` + db.In(4, len(messages)) + `)
		returning id, intent, outreach, patient, purpose, channel, key, address_hash, attempts, require_tls, in_doubt, body, expires_at`
	args := append([]any{db.Micro(now), e.Node, db.Micro(now.Add(e.Lease))}, db.Args(messages)...)
	return db.All(ctx, tx, func(scan db.Scan) (*sending, error) {
		m := &sending{started: now, lease: db.Micro(now.Add(e.Lease)), deadline: now.Add(e.startBy())}
		var doubt int
		var expires int64
		err := scan(&m.id, &m.intent, &m.outreach, &m.patient, &m.purpose, &m.channel, &m.key, &m.hash, &m.attempt, &m.level, &doubt, &m.sealed, &expires)
		m.inDoubt, m.expires = doubt == 1, db.Time(expires)
		return m, err
	}, q, args...)
}

// held is why a claimed message does not go now.
type held struct {
	state, reason string
	notBefore     time.Time
}

// rechecked says whether wishes and blocks bear on m.
func (m *sending) rechecked() bool { return m.patient != "" && m.purpose != "security" }

// recheck looks at wishes, blocks and the hour as they are now; what was seen
// ahead is as they are now too. A STOP that came between planning and sending
// wins.
func (e *Engine) recheck(ctx context.Context, tx *db.Tx, pass access.Pass, now time.Time, taken []*sending, seen *glance) (map[*sending]*held, error) {
	out := map[*sending]*held{}
	byPurpose := map[string][]string{}
	for _, m := range taken {
		if m.rechecked() {
			byPurpose[m.purpose] = append(byPurpose[m.purpose], m.patient)
		}
	}
	crowds := map[string]*crowd{}
	for purpose, patients := range byPurpose {
		k := seen.crowd(purpose, patients)
		if k == nil {
			var err error
			if k, err = e.current(ctx, tx, pass, patients, purpose, nil); err != nil {
				return nil, err
			}
		}
		crowds[purpose] = k
	}
	if err := e.excepted(ctx, tx, taken); err != nil {
		return nil, err
	}
	others := seen.others(taken)
	over, err := ended(ctx, tx, others)
	if err != nil {
		return nil, err
	}
	back, err := retracted(ctx, tx, others)
	if err != nil {
		return nil, err
	}
	for _, m := range taken {
		if back[m.id] {
			out[m] = &held{state: "cancelled", reason: "retracted"}
			continue
		}
		if over[m.intent] {
			out[m] = &held{state: "cancelled", reason: "ended"}
			continue
		}
		b, ok := e.said(m, seen, now)
		if !ok {
			b, err = e.open(ctx, tx, m.id, m.sealed)
		}
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
	return out, e.partsMayGo(ctx, tx, pass, now, taken, out)
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

// retracted returns those of messages that the staff took back while an
// attempt was under way.
func retracted(ctx context.Context, tx *db.Tx, messages []*sending) (map[string]bool, error) {
	back := map[string]bool{}
	for chunk := range slices.Chunk(messages, freeChunk) {
		ids := make([]any, len(chunk))
		for i, m := range chunk {
			ids[i] = m.id
		}
		q := `select message from message_retracted where message in (` + db.In(1, len(ids)) + `)`
		list, err := db.All(ctx, tx, db.Value[string], q, ids...)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			back[id] = true
		}
	}
	return back, nil
}

func (e *Engine) mayGo(now time.Time, m *sending, k *crowd) *held {
	if !now.Before(m.expires) {
		return &held{state: "cancelled", reason: "expired"}
	}
	if k != nil {
		p, _ := e.rules().Purpose(m.purpose)
		p.Authorization = p.Authorization && !m.excepted
		if r, ok := policy.Recheck(now, &k.by[m.patient].Facts, policy.Ask{Purpose: p}, m.channel, m.body.To); !ok {
			if until := k.by[m.patient].Resting[m.body.To]; r.Code == "resting" && until.Before(m.expires) {
				return &held{state: "scheduled", notBefore: until}
			}
			return &held{state: "suppressed", reason: r.Code}
		}
	}
	w, err := policy.ParseWindow(m.body.Hours)
	if err != nil {
		return &held{state: "given_up", reason: "unreadable"}
	}
	at, open := w.Next(now, e.rules())
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
	var over, again []string
	for m, h := range all {
		if _, err := tx.ExecContext(ctx, q, m.id, h.state, h.reason, db.Micro(now), db.Micro(h.notBefore)); err != nil {
			return err
		}
		if h.state == "scheduled" {
			again = append(again, m.id)
			continue
		}
		over = append(over, m.id)
		if err := wakeIntent(ctx, tx, m.intent, now); err != nil {
			return err
		}
	}
	if err := requeue(ctx, tx, again...); err != nil {
		return err
	}
	return freeCaps(ctx, tx, over)
}

// wakeIntent has the next sweep look at an intent.
func wakeIntent(ctx context.Context, tx *db.Tx, intent string, at time.Time) error {
	const q = `update intent set wake_at = $2 where id = $1 and state = 'active'`
	_, err := tx.ExecContext(ctx, q, intent, db.Micro(at))
	return err
}
