package reach

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/store/db"
)

// Halt is a channel that was switched off.
type Halt struct {
	Channel Channel // "*": all of them
	By      string  // the account
	At      time.Time
}

// halts is what this process knows to be stopped, besides what the database
// says: a message that is claimed and has not begun to leave stays.
type halts struct {
	mu       sync.RWMutex
	channels []Channel
	outreach map[string]bool
	messages map[string]back // whose reader wants them no more
	claims   uint64          // begun by this process so far

	under atomic.Int64 // claims whose messages are being handed over
}

// back is a message that does not leave by a claim of before: the claims up
// to one, remembered until none of them is under way.
type back struct {
	claim uint64
	until time.Time
}

// claim numbers a claim that begins.
func (h *halts) claim() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claims++
	return h.claims
}

// stops says whether m has to stay.
func (h *halts) stops(m *sending) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return m.nth <= h.messages[m.id].claim || h.outreach[m.outreach] || slices.Contains(h.channels, "*") || slices.Contains(h.channels, m.channel)
}

// set replaces the channels that are off, and says of some outreaches whether
// they are.
func (h *halts) set(channels []Channel, asked, off []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.channels = channels
	if h.outreach == nil {
		h.outreach = map[string]bool{}
	}
	for _, id := range asked {
		delete(h.outreach, id)
	}
	for _, id := range off {
		h.outreach[id] = true
	}
}

// keep keeps a message from leaving until a time, and forgets those whose
// time was over at now.
func (h *halts) keep(id string, now, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.messages == nil {
		h.messages = map[string]back{}
	}
	if len(h.messages) > mostKept {
		for old, b := range h.messages {
			if b.until.Before(now) {
				delete(h.messages, old)
			}
		}
	}
	h.messages[id] = back{h.claims, until}
}

// mostKept is how many are remembered before those whose time is over are
// forgotten.
const mostKept = 1000

// keepBack keeps what where picks, whose arguments begin at $1, from leaving
// where it is claimed and has not begun to: it is put back, and looked at
// again before the next claim. The row says so to the other nodes, which look
// before each turn of a claim. It comes after the word that takes it back is
// written, in the same transaction; should that fail, it only goes later. A
// claim under way is waited for: it may not have read that word.
func (e *Engine) keepBack(ctx context.Context, tx *db.Tx, where string, args ...any) error {
	q := `update message set reason = case when state = 'handing_off' then '` + keptBack + `' else reason end
		where state in ('scheduled', 'handing_off') and purpose <> 'security' and ` + where + ` returning id, state, lease`
	list, err := db.All(ctx, tx, func(scan db.Scan) (r [3]string, err error) { return r, scan(&r[0], &r[1], &r[2]) }, q, args...)
	if err != nil {
		return fmt.Errorf("reach: keep back: %w", err)
	}
	now := e.Now()
	var others []any
	for _, r := range list {
		if r[1] != "handing_off" {
			continue
		}
		e.halts.keep(r[0], now, now.Add(e.Lease))
		if e.DB.Engine() == db.Postgres { // on SQLite there is no other worker
			others = append(others, r[2], r[0])
		}
	}
	const tell = `insert into message_kept (worker, message)`
	if err := db.InsertMany(ctx, tx, tell, `on conflict do nothing`, 2, others); err != nil {
		return fmt.Errorf("reach: keep back: %w", err)
	}
	return nil
}

// keptBack is the reason of a message that was claimed as a word took it back.
const keptBack = "kept_back"

// backSince returns those of a claim's turn that were taken back or stopped
// since the claim, by any node.
func backSince(ctx context.Context, tx *db.Tx, turn []*sending) (map[string]bool, error) {
	ids := make([]string, len(turn))
	for i, m := range turn {
		ids[i] = m.id
	}
	q := `
		select m.id from message m
		where m.id in (` + db.In(1, len(ids)) + `) and (m.reason = '` + keptBack + `'
			or exists (select 1 from outreach o where o.id = m.outreach and o.state in ('paused', 'stopped'))
			or exists (select 1 from reach_switch s where s.stopped = 1 and s.channel in ('*', m.channel)))`
	list, err := db.All(ctx, tx, db.Value[string], q, db.Args(ids)...)
	if err != nil {
		return nil, fmt.Errorf("reach: kept back: %w", err)
	}
	back := make(map[string]bool, len(list))
	for _, id := range list {
		back[id] = true
	}
	return back, nil
}

// Revoked keeps what a word takes back from leaving, in the transaction that
// writes it down: what is claimed already does not go either.
func (e *Engine) Revoked(ctx context.Context, tx *db.Tx, ev consent.Event) error {
	return e.keepBack(ctx, tx, `patient = $1 and ($2 = '*' or channel = $2) and ($3 = '*' or purpose in ($3, 'digest'))`, ev.Patient, ev.Channel, ev.Purpose)
}

// stay marks those of a claimed batch that were stopped while they were
// claimed. Whoever stops waits for what was claimed before (drained), and
// what is claimed later reads the stop here: so nothing slips between.
func (e *Engine) stay(ctx context.Context, batch []*sending) []*sending {
	if len(batch) == 0 {
		return batch
	}
	var ids []string
	for _, m := range batch {
		if m.outreach != "" && !slices.Contains(ids, m.outreach) {
			ids = append(ids, m.outreach)
		}
	}
	off, err := stopped(ctx, e.DB)
	var over []string
	if err == nil && len(ids) > 0 {
		q := `select id from outreach where state in ('paused', 'stopped') and id in (` + db.In(1, len(ids)) + `)`
		over, err = db.All(ctx, e.DB, db.Value[string], q, db.Args(ids)...)
	}
	if err != nil { // not known is not allowed
		e.Log.Error("reach: halts", "error", err)
		for _, m := range batch {
			m.unsent = true
		}
		return batch
	}
	e.halts.set(off, ids, over)
	return batch
}

// errLeaving says that a stop holds and something is still on its way out.
var errLeaving = errs.New(errs.Unavailable, "It is stopped: nothing more begins to leave. Some messages were being handed over at this very moment; please look again in a minute.")

// drained waits until no message that picks is being handed over, for as
// long as a hand-off may reasonably take.
func (e *Engine) drained(ctx context.Context, where string, args ...any) error {
	q := `select count(*) from message where state = 'handing_off' and ` + where
	wait, most := 5*time.Millisecond, 15*time.Second
	for spent := time.Duration(0); ; spent += wait {
		n, err := db.One(ctx, e.DB, db.Value[int], q, args...)
		if err != nil {
			return fmt.Errorf("reach: drained: %w", err)
		}
		switch {
		case n == 0:
			return nil
		case spent >= most:
			return errLeaving
		}
		select {
		case <-ctx.Done():
			return errLeaving
		case <-time.After(wait):
		}
		wait = min(2*wait, 250*time.Millisecond)
	}
}

// Switch stops every hand-off on a channel at once, or on all with channel
// "*", or lets them go on. When it has stopped them and returns no error,
// nothing leaves any more, on any node; what waits stays where it is.
func (e *Engine) Switch(ctx context.Context, pass access.Pass, c Channel, stopped bool) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n := 0
	if stopped {
		n = 1
	}
	const q = `
		insert into reach_switch (channel, stopped, by, at) values ($1, $2, $3, $4)
		on conflict (channel) do update set stopped = excluded.stopped, by = excluded.by, at = excluded.at`
	if _, err := e.DB.ExecContext(ctx, q, string(c), n, pass.Actor().ID, db.Micro(e.Now())); err != nil {
		return fmt.Errorf("reach: switch: %w", err)
	}
	off, err := e.Stopped(ctx)
	if err != nil {
		return err
	}
	e.halts.set(off, nil, nil)
	e.nudge()
	switch {
	case !stopped:
		return nil
	case c == "*":
		return e.drained(ctx, `1 = 1`)
	}
	return e.drained(ctx, `channel = $1`, string(c))
}

// halt keeps what of an outreach is claimed from leaving, and waits for what
// has begun to.
func (e *Engine) halt(ctx context.Context, outreach string) error {
	off, err := e.Stopped(ctx)
	if err != nil {
		return err
	}
	e.halts.set(off, nil, []string{outreach})
	return e.drained(ctx, `outreach = $1`, outreach)
}

// Stopped returns the channels that are switched off; "*" is all of them.
func (e *Engine) Stopped(ctx context.Context) ([]Channel, error) { return stopped(ctx, e.DB) }

func stopped(ctx context.Context, c db.Conn) ([]Channel, error) {
	list, err := db.All(ctx, c, db.Value[Channel], `select channel from reach_switch where stopped = 1`)
	if err != nil {
		return nil, fmt.Errorf("reach: switches: %w", err)
	}
	return list, nil
}

// Halts returns what is switched off, by whom and since when.
func (e *Engine) Halts(ctx context.Context) ([]Halt, error) {
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (h Halt, err error) {
		var at int64
		err = scan(&h.Channel, &h.By, &at)
		h.At = db.Time(at)
		return h, err
	}, `select channel, by, at from reach_switch where stopped = 1 order by channel`)
	if err != nil {
		return nil, fmt.Errorf("reach: halts: %w", err)
	}
	return list, nil
}
