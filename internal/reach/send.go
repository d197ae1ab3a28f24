package reach

import (
	"context"
	"errors"
	"net/mail"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// sending is one claimed message on its way to a gateway.
type sending struct {
	id, intent, outreach, patient, purpose string
	channel                                Channel
	key, hash                              string
	attempt                                int
	level                                  policy.Level
	inDoubt                                bool
	excepted                               bool // an offer that needs no signature
	sealed                                 []byte
	body                                   body
	expires                                time.Time
	started                                time.Time // the attempt
	lease                                  int64     // its end, as its row says it: microseconds
	claim                                  string
	nth                                    uint64    // claim of this process
	turn                                   int       // in the claim, from 1
	deadline                               time.Time // of the claim: nothing is handed off after it
	result                                 Result
	unsent                                 bool // handed to no gateway
	given                                  bool // to the workers of its channel
	begun                                  bool // the first turn of its claim
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
	pass, err := e.eyes(ctx, "send")
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	heeding, stop := context.WithCancel(context.WithoutCancel(ctx)) // until the last message is out of hand
	defer stop()
	if e.DB.Engine() == db.Postgres {
		go e.heed(heeding)
	}
	e.fresh.run(1)
	defer e.fresh.run(-1)
	s := &sender{e: e, pass: pass, work: map[Channel]chan *sending{}, done: make(chan *sending, e.Batch)}
	collected := make(chan error, 1)
	go func() { collected <- s.collect(context.WithoutCancel(ctx)) }()
	for c, gate := range e.gates {
		work := make(chan *sending)
		s.work[c] = work
		for range e.Senders {
			s.workers.Go(func() { s.hand(ctx, gate, work) })
		}
	}
	err = s.claimLoop(ctx)
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
	pass    access.Pass // to look again, as a message leaves, at whether it still may
	work    map[Channel]chan *sending
	done    chan *sending
	workers sync.WaitGroup
	swept   time.Time
}

// claimLoop claims and spreads until ctx ends. What a database does not take
// now it may take a moment later, so an error is logged and not the end.
func (s *sender) claimLoop(ctx context.Context) error {
	for ctx.Err() == nil {
		batch := s.claim(ctx, true)
		some := len(batch) > 0
		for len(batch) > 0 {
			batch = s.begin(ctx, batch)
		}
		// What a dead worker left waits no longer because there is much to do.
		if err := s.idle(ctx); err != nil && ctx.Err() == nil {
			s.e.Log.Error("reach: sweep", "error", err)
		}
		if some {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.e.wake:
		case <-time.After(s.e.Poll):
		}
	}
	return nil
}

// claim takes what is due; with begun set it may begin to leave at once.
func (s *sender) claim(ctx context.Context, begun bool) []*sending {
	if ctx.Err() != nil {
		return nil
	}
	batch, err := s.e.claim(ctx, s.pass, begun)
	if err != nil && ctx.Err() == nil {
		s.e.Log.Error("reach: claim", "error", err)
	}
	return batch
}

// idle looks after leases and next steps from time to time.
func (s *sender) idle(ctx context.Context) error {
	if !s.sweeps() {
		return nil
	}
	s.swept = s.e.Now()
	if err := s.e.recover(ctx, false); err != nil {
		return err
	}
	return s.e.Sweep(ctx)
}

// sweeps says whether it is time to look.
func (s *sender) sweeps() bool {
	since := s.e.Now().Sub(s.swept)
	return since < 0 || since >= min(5*time.Second, s.e.Lease)
}

// begin spreads a claim's messages in turns, and returns what was claimed
// meanwhile, if anything was. The next turn's beginning is committed while the
// last one is handed over: a death leaves no more in doubt than these two.
func (s *sender) begin(ctx context.Context, batch []*sending) []*sending {
	s.e.halts.under.Add(1)
	defer s.e.halts.under.Add(-1)
	var err error
	if !batch[0].begun {
		err = s.e.begins(context.WithoutCancel(ctx), batch[:after(batch, 0)])
	}
	var claimed chan []*sending
	since := s.e.Now()
	for first := 0; first < len(batch) && err == nil; {
		last := after(batch, first)
		next := after(batch, last)
		noted := make(chan error, 1)
		go func() { noted <- s.e.begins(context.WithoutCancel(ctx), batch[last:next]) }()
		if last == len(batch) && claimed != nil {
			claimed = s.beginFirst(ctx, claimed)
		}
		s.e.at(turnBegins)
		s.spread(batch[first:last])
		err, first = <-noted, last
		if claimed == nil && first < len(batch) && s.e.Now().Sub(since) < s.e.Lease/leastTurns && !s.sweeps() {
			ahead := make(chan []*sending, 1) // claimed is another from beginFirst on
			go func() { ahead <- s.claim(ctx, false) }()
			claimed = ahead
		}
	}
	if err != nil {
		s.e.Log.Error("reach: begin", "error", err)
		for _, m := range batch {
			if !m.given {
				m.unsent = true
				s.done <- m
			}
		}
	}
	if claimed == nil {
		return nil
	}
	return <-claimed
}

// beginFirst begins the first turn of what is being claimed, and passes it on.
func (s *sender) beginFirst(ctx context.Context, claimed <-chan []*sending) chan []*sending {
	out := make(chan []*sending, 1)
	go func() {
		batch := <-claimed
		if len(batch) > 0 && s.e.begins(context.WithoutCancel(ctx), batch[:after(batch, 0)]) == nil { // else begin tries again
			for _, m := range batch {
				m.begun = true
			}
		}
		out <- batch
	}()
	return out
}

// leastTurns is how many turns have to fit into a lease for the next claim to
// be made before this one is handed over: where peers are slow, it would only
// wait for its turn.
const leastTurns = 240

// after returns the end of the turn that begins at first.
func after(batch []*sending, first int) int {
	end := first
	for end < len(batch) && (batch[end].turn-1)/beginAtOnce == (batch[first].turn-1)/beginAtOnce {
		end++
	}
	return end
}

// spread hands a batch to the channels' workers, each channel at its pace.
// What no worker has taken in time is given back before its lease runs out.
func (s *sender) spread(batch []*sending) {
	if len(batch) == 0 {
		return
	}
	late, cancel := context.WithTimeout(context.Background(), s.e.startBy())
	defer cancel()
	var wg sync.WaitGroup
	for c := range s.work {
		wg.Go(func() {
			for _, m := range batch {
				if m.channel != c {
					continue
				}
				m.given = true
				select {
				case s.work[c] <- m:
				case <-late.Done():
					m.unsent = true
					s.done <- m
				}
			}
		})
	}
	wg.Wait()
}

// A lease is spent in parts, so that none is over while its message is still
// under way: a quarter to begin, a sixteenth to ask about an earlier attempt,
// half to send, a sixteenth to ask about this one, the rest to write it down.
func (e *Engine) startBy() time.Duration { return e.Lease / 4 }
func (e *Engine) sendFor() time.Duration { return e.Lease / 2 }
func (e *Engine) askFor() time.Duration  { return e.Lease / 16 }

// hand gives messages to a gateway, one at a time. When ctx has ended, what
// is left of the batch is given back untouched.
func (s *sender) hand(ctx context.Context, gate Gateway, work <-chan *sending) {
	for m := range work {
		s.send(ctx, gate, m)
		s.done <- m
	}
}

func (s *sender) send(ctx context.Context, gate Gateway, m *sending) {
	if ctx.Err() != nil || m.unsent || !s.e.Now().Before(m.deadline) || s.e.halts.stops(m) {
		m.unsent = true
		return
	}
	h := s.e.handoff(m)
	if problems := gate.Validate(h); len(problems) > 0 {
		m.result = Result{Outcome: Rejected, Code: "invalid", Detail: problems[0].Field + ": " + problems[0].Reason}
		return
	}
	// A message is finished once begun, for as long as its lease lasts.
	ctx = context.WithoutCancel(ctx)
	if m.inDoubt { // an earlier attempt may have arrived: ask before sending again
		if r, ok := s.ask(ctx, gate, h); ok && (r.Outcome == Accepted || r.Outcome == Rejected) {
			m.result = r
			return
		}
	}
	sendCtx, cancel := context.WithTimeout(ctx, s.e.sendFor())
	defer cancel()
	s.e.at(handing)
	m.result = gate.Send(sendCtx, h)
	s.e.at(handed)
	if m.result.Outcome == Uncertain {
		if r, ok := s.ask(ctx, gate, h); ok {
			m.result = r
		}
	}
}

// ask asks a gateway what became of a message, but not for long.
func (s *sender) ask(ctx context.Context, gate Gateway, h Handoff) (Result, bool) {
	ctx, cancel := context.WithTimeout(ctx, s.e.askFor())
	defer cancel()
	return gate.Reconcile(ctx, h)
}

// handoff is what a gateway gets of m.
func (e *Engine) handoff(m *sending) Handoff {
	from := e.Clinic.From
	if m.body.Neutral {
		if a, err := mail.ParseAddress(from); err == nil {
			from = a.Address // without the clinic's name
		}
	}
	if m.channel == SMS {
		from = e.Clinic.Number
	}
	h := Handoff{
		Message: m.id, Key: m.key, Attempt: m.attempt, To: cmpOr(m.body.To, m.patient), From: from, Subject: m.body.Subject,
		Text: m.body.Text, HTML: m.body.HTML, Unsubscribe: m.body.Unsubscribe, Level: m.level, Expires: m.expires,
	}
	if m.channel == Email {
		e.signed(&h, m.body.Neutral)
		e.addressed(&h)
	}
	return h
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// collect writes results down in groups: soon, or when many are there.
func (s *sender) collect(ctx context.Context) error {
	const most, soon = 500, 25 * time.Millisecond
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
		s.settle(ctx, group)
	}
	return nil
}

// settle writes a group of results down. What the database does not take now
// it may take a moment later; a result that it never takes must not keep the
// others from being written. Those left over are not lost: their leases run
// out, and they are in doubt.
func (s *sender) settle(ctx context.Context, group []*sending) {
	var err error
	for _, wait := range [...]time.Duration{0, 100 * time.Millisecond, time.Second} {
		time.Sleep(min(wait, s.e.Lease/16))
		if err = s.e.settleAll(ctx, group); err == nil {
			s.e.at(settleKept)
			return
		}
	}
	s.e.Log.Error("reach: settle", "error", err, "messages", len(group))
	for _, m := range group {
		if err := s.e.settleAll(ctx, []*sending{m}); err != nil {
			s.e.Log.Error("reach: settle", "message", m.id, "error", err)
		}
	}
}
