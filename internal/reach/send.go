package reach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// sending is one claimed message on its way to a gateway.
type sending struct {
	id, intent, outreach, patient, purpose string
	channel                                Channel
	key, hash                              string
	attempt                                int
	tls                                    bool
	inDoubt                                bool
	sealed                                 []byte
	body                                   body
	expires                                time.Time
	deadline                               time.Time // of the claim: nothing is handed off after it
	result                                 Result
	unsent                                 bool // handed to no gateway
}

// RunSender hands due messages to the gateways until ctx ends. Any number of
// nodes may run it on PostgreSQL, one process on SQLite.
func (e *Engine) RunSender(ctx context.Context) error {
	// On SQLite there is no other process: what was in flight when the last
	// one died is in doubt at once. Elsewhere its lease has to run out.
	if err := e.recover(ctx, e.DB.Engine() == db.SQLite); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s := &sender{e: e, work: map[Channel]chan *sending{}, done: make(chan *sending, e.Batch)}
	collected := make(chan error, 1)
	go func() { collected <- s.collect(context.WithoutCancel(ctx)) }()
	for c, gate := range e.gates {
		work := make(chan *sending)
		s.work[c] = work
		for range e.Senders {
			s.workers.Go(func() { s.hand(ctx, gate, work) })
		}
	}
	err := s.claimLoop(ctx)
	for _, c := range s.work {
		close(c)
	}
	s.workers.Wait()
	close(s.done)
	return errors.Join(err, <-collected)
}

// sender is one run of RunSender.
type sender struct {
	e       *Engine
	work    map[Channel]chan *sending
	done    chan *sending
	workers sync.WaitGroup
	swept   time.Time
}

// claimLoop claims and spreads until ctx ends. What a database does not take
// now it may take a moment later, so an error is logged and not the end.
func (s *sender) claimLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		batch, err := s.e.claim(ctx)
		if err != nil && ctx.Err() == nil {
			s.e.Log.Error("reach: claim", "error", err)
		}
		s.spread(batch)
		if len(batch) > 0 {
			continue
		}
		if err := s.idle(ctx); err != nil && ctx.Err() == nil {
			s.e.Log.Error("reach: sweep", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-s.e.wake:
		case <-time.After(s.e.Poll):
		}
	}
	return nil
}

// idle looks after leases and next steps when nothing is due.
func (s *sender) idle(ctx context.Context) error {
	now := s.e.Now()
	if now.Sub(s.swept) < min(5*time.Second, s.e.Lease) {
		return nil
	}
	s.swept = now
	if err := s.e.recover(ctx, false); err != nil {
		return err
	}
	return s.e.Sweep(ctx)
}

// spread hands a batch to the channels' workers, each channel at its pace.
func (s *sender) spread(batch []*sending) {
	var wg sync.WaitGroup
	for _, c := range []Channel{Email, SMS, Inbox} {
		wg.Go(func() {
			for _, m := range batch {
				if m.channel == c {
					s.work[c] <- m
				}
			}
		})
	}
	wg.Wait()
}

// hand gives messages to a gateway, one at a time. When ctx has ended, what
// is left of the batch is given back untouched.
func (s *sender) hand(ctx context.Context, gate Gateway, work <-chan *sending) {
	for m := range work {
		s.send(ctx, gate, m)
		s.done <- m
	}
}

func (s *sender) send(ctx context.Context, gate Gateway, m *sending) {
	if ctx.Err() != nil || !s.e.Now().Before(m.deadline) {
		m.unsent = true
		return
	}
	h := s.e.handoff(m)
	if problems := gate.Validate(h); len(problems) > 0 {
		m.result = Result{Outcome: Rejected, Code: "invalid", Detail: problems[0].Field + ": " + problems[0].Reason}
		return
	}
	if m.inDoubt { // an earlier attempt may have arrived: ask before sending again
		if r, ok := gate.Reconcile(ctx, h); ok && (r.Outcome == Accepted || r.Outcome == Rejected) {
			m.result = r
			return
		}
	}
	// A message is finished once begun, for as long as its lease lasts.
	sendCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.e.Lease/2)
	defer cancel()
	m.result = gate.Send(sendCtx, h)
	if m.result.Outcome == Uncertain {
		if r, ok := gate.Reconcile(sendCtx, h); ok {
			m.result = r
		}
	}
}

// handoff is what a gateway gets of m.
func (e *Engine) handoff(m *sending) Handoff {
	from := e.Clinic.From
	if m.channel == SMS {
		from = e.Clinic.Number
	}
	return Handoff{
		Message: m.id, Key: m.key, Attempt: m.attempt, To: cmpOr(m.body.To, m.patient), From: from, Subject: m.body.Subject,
		Text: m.body.Text, HTML: m.body.HTML, Unsubscribe: m.body.Unsubscribe, RequireTLS: m.tls,
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// collect writes results down in groups: soon, or when many are there.
func (s *sender) collect(ctx context.Context) error {
	const most, soon = 200, 10 * time.Millisecond
	for m := range s.done {
		group := []*sending{m}
		timer := time.NewTimer(soon)
	more:
		for len(group) < most {
			select {
			case next, ok := <-s.done:
				if !ok {
					break more
				}
				group = append(group, next)
			case <-timer.C:
				break more
			}
		}
		timer.Stop()
		if err := s.e.settleAll(ctx, group); err != nil {
			// Nothing is lost: their leases run out, and they are in doubt.
			s.e.Log.Error("reach: settle", "error", err, "messages", len(group))
		}
	}
	return nil
}

// claim takes due messages, checks once more that each may go, and commits
// an attempt for each that may. After it, and only after it, bytes may leave.
func (e *Engine) claim(ctx context.Context) (batch []*sending, err error) {
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
		held, err := e.recheck(ctx, tx, now, taken)
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
			args = append(args, m.id, m.attempt, e.Node, micro(now))
		}
		return db.InsertMany(ctx, tx, `insert into attempt (message, n, worker, started_at)`, "", 4, args)
	})
	if err != nil {
		return nil, fmt.Errorf("reach: claim: %w", err)
	}
	return batch, nil
}

// due says whether any message waits, without taking the writer.
func (e *Engine) due(ctx context.Context) (bool, error) {
	const q = `select id from message where state = 'scheduled' and not_before <= $1 order by not_before, id limit 1`
	list, err := db.All(ctx, e.DB, db.Value[string], q, micro(e.Now()))
	if err != nil {
		return false, fmt.Errorf("reach: due: %w", err)
	}
	return len(list) > 0, nil
}

// take moves due messages of running outreaches to handing_off. Two nodes
// that choose the same rows wait for each other, and the second finds them
// gone.
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
	until := now.Add(e.Lease)
	q := fmt.Sprintf(`
		update message set state = 'handing_off', state_at = $1, attempts = attempts + 1, lease = $2, lease_until = $3
		where state = 'scheduled' and id in (
			select m.id from message m
			where m.state = 'scheduled' and m.not_before <= $1 and m.channel in (%s)
				and m.outreach not in (select o.id from outreach o where o.state in ('paused', 'stopped'))
			order by m.not_before, m.id
			limit $4)
		returning id, intent, outreach, patient, purpose, channel, key, address_hash, attempts, require_tls, in_doubt, body, expires_at`, db.In(5, len(able)))
	args := append([]any{micro(now), e.Node, micro(until), e.Batch}, db.Args(able)...)
	list, err := db.All(ctx, tx, func(scan db.Scan) (*sending, error) {
		m := &sending{deadline: now.Add(e.Lease / 2)}
		var tls, doubt int
		var expires int64
		err := scan(&m.id, &m.intent, &m.outreach, &m.patient, &m.purpose, &m.channel, &m.key, &m.hash, &m.attempt, &tls, &doubt, &m.sealed, &expires)
		m.tls, m.inDoubt, m.expires = tls == 1, doubt == 1, moment(expires)
		return m, err
	}, q, args...)
	return list, err
}

// held is why a claimed message does not go now.
type held struct {
	state, reason string
	notBefore     time.Time
}

// recheck looks at wishes, blocks and the hour as they are now. A STOP that
// came between planning and sending wins.
func (e *Engine) recheck(ctx context.Context, tx *db.Tx, now time.Time, taken []*sending) (map[*sending]*held, error) {
	out := map[*sending]*held{}
	byPurpose := map[string][]string{}
	for _, m := range taken {
		if m.patient != "" && m.purpose != "security" {
			byPurpose[m.purpose] = append(byPurpose[m.purpose], m.patient)
		}
	}
	crowds := map[string]*crowd{}
	for purpose, patients := range byPurpose {
		k, err := e.load(ctx, tx, patients, purpose, nil)
		if err != nil {
			return nil, err
		}
		crowds[purpose] = k
	}
	for _, m := range taken {
		b, err := e.open(m.id, m.sealed)
		if err != nil {
			out[m] = &held{state: "given_up", reason: "unreadable"}
			continue
		}
		m.body, m.sealed = b, nil
		if h := e.mayGo(now, m, crowds[m.purpose]); h != nil {
			out[m] = h
		}
	}
	return out, nil
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
	for m, h := range all {
		if _, err := tx.ExecContext(ctx, q, m.id, h.state, h.reason, micro(now), micro(h.notBefore)); err != nil {
			return err
		}
		if h.state != "scheduled" {
			if err := wakeIntent(ctx, tx, m.intent, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// wakeIntent has the next sweep look at an intent.
func wakeIntent(ctx context.Context, tx *db.Tx, intent string, at time.Time) error {
	const q = `update intent set wake_at = $2 where id = $1 and state = 'active'`
	_, err := tx.ExecContext(ctx, q, intent, micro(at))
	return err
}
