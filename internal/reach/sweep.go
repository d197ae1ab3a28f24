package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
)

// sweepBatch is how many intents one transaction of a sweep looks at.
const sweepBatch = 200

// waiting is an intent whose time to be looked at has come.
type waiting struct {
	id, outreach, patient, state string
	variant                      string
	step                         int
	expires                      time.Time
}

// Sweep looks at the intents whose time has come: the next channel for those
// who have not seen theirs, another try for those put off, the end for those
// that expired. It may run on several nodes and be killed at any time.
func (e *Engine) Sweep(ctx context.Context) error {
	if err := e.takeBackAll(ctx); err != nil {
		return err
	}
	for {
		n, err := e.sweepBatch(ctx)
		if err != nil {
			return fmt.Errorf("reach: sweep: %w", err)
		}
		if n < sweepBatch {
			return e.finish(ctx)
		}
		e.nudge()
	}
}

const wakeable = `select i.id, i.outreach, i.patient, i.state, i.step, i.expires_at, i.variant from intent i
	where i.wake_at > 0 and i.wake_at <= $1 and i.state in ('active', 'deferred')
		and i.outreach not in (select o.id from outreach o where o.state in ('paused', 'stopped'))
	order by i.wake_at, i.id limit $2`

func readWaiting(scan db.Scan) (w waiting, err error) {
	var expires int64
	err = scan(&w.id, &w.outreach, &w.patient, &w.state, &w.step, &expires, &w.variant)
	w.expires = db.Time(expires)
	return w, err
}

func (e *Engine) sweepBatch(ctx context.Context) (int, error) {
	now := e.Now()
	list, err := db.All(ctx, e.DB, readWaiting, wakeable, db.Micro(now), sweepBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	patients := make([]string, len(list))
	asked := make(map[string]bool, len(list))
	for i, w := range list {
		patients[i] = w.patient
		asked[w.patient] = true
	}
	pass, err := e.eyes(ctx, "sweep")
	if err != nil {
		return 0, err
	}
	able := map[string]policy.Ability{}
	if err := e.abilities(ctx, pass, patients, able); err != nil {
		return 0, err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, now); err != nil {
			return err
		}
		again, err := db.All(ctx, tx, readWaiting, wakeable, db.Micro(now), sweepBatch)
		if err != nil {
			return err
		}
		byOutreach := map[string][]waiting{}
		var order []string
		for _, w := range again {
			if !asked[w.patient] {
				continue // woken since: what its addresses can take is not known yet
			}
			if byOutreach[w.outreach] == nil {
				order = append(order, w.outreach)
			}
			byOutreach[w.outreach] = append(byOutreach[w.outreach], w)
		}
		for _, id := range order {
			if err := e.sweepOutreach(ctx, tx, pass, id, byOutreach[id], able); err != nil {
				return err
			}
		}
		return nil
	})
	return len(list), err
}

func (e *Engine) sweepOutreach(ctx context.Context, tx *db.Tx, pass access.Pass, id string, list []waiting, able map[string]policy.Ability) error {
	o, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	patients := make([]string, len(list))
	for i, w := range list {
		patients[i] = w.patient
	}
	k, err := e.load(ctx, tx, pass, patients, o.Purpose, able)
	if err != nil {
		return err
	}
	p, err := e.planner(ctx, tx, o, k)
	if err != nil {
		return err
	}
	if err := p.recall(ctx, tx, list); err != nil {
		return err
	}
	for _, w := range list {
		if err := p.look(ctx, tx, w); err != nil {
			return fmt.Errorf("intent %s: %w", w.id, err)
		}
	}
	return p.write(ctx, tx)
}

// earlier is a message of an intent, as the next step needs to know it.
type earlier struct {
	channel            Channel
	state, reason      string
	notBefore, stateAt time.Time
}

// look takes one intent one step further.
func (p *planner) look(ctx context.Context, tx *db.Tx, w waiting) error {
	const q = `select channel, state, reason, not_before, state_at from message where intent = $1 order by step`
	list, err := db.All(ctx, tx, func(scan db.Scan) (m earlier, err error) {
		var before, at int64
		err = scan(&m.channel, &m.state, &m.reason, &before, &at)
		m.notBefore, m.stateAt = db.Time(before), db.Time(at)
		return m, err
	}, q, w.id)
	if err != nil {
		return err
	}
	if !p.now.Before(w.expires) {
		return p.expire(ctx, tx, w, list)
	}
	var tried []Channel
	soft := 0
	for i, m := range list {
		switch {
		case p.met(m.state):
			return p.end(ctx, tx, w.id, "satisfied")
		case m.state == "handing_off" || m.state == "scheduled" || m.state == "cancelled" && m.reason == joined:
			return p.wait(ctx, tx, w, p.now.Add(p.ask("", nil).Wait(m.channel)))
		case i == len(list)-1 && (m.state == "accepted" || m.state == "delivered" || m.state == "seen") && p.now.Before(m.stateAt.Add(p.ask("", nil).Wait(m.channel))):
			return p.wait(ctx, tx, w, m.stateAt.Add(p.ask("", nil).Wait(m.channel)))
		}
		switch {
		case m.state == "undelivered" && m.reason == "tls_insufficient":
			// A server without verified encryption refused the full text; a
			// notice may still go there.
			p.plain(w.patient)
		case m.state == "undelivered" && m.reason == "bounced_soft" && soft < softMost-1:
			soft++ // it may arrive when its address has rested
		default:
			tried = append(tried, m.channel)
		}
	}
	return p.next(ctx, tx, w, tried, list)
}

// met says whether a message in state meets the goal. What was confirmed
// ended its intent as it came.
func (p *planner) met(state string) bool {
	return state == "acted" || state == "seen" && (p.o.Goal == "" || p.o.Goal == Seen)
}

// plain forgets that any mail server of a patient offered encryption.
func (p *planner) plain(patient string) {
	f := &p.crowd.by[patient].Facts
	able := map[string]policy.Ability{}
	for _, pt := range f.Points {
		a := f.Able[pt.Value]
		a.Level = policy.L0
		able[pt.Value] = a
	}
	f.Able = able
}

// next decides on the channel after those that were tried.
func (p *planner) next(ctx context.Context, tx *db.Tx, w waiting, tried []Channel, list []earlier) error {
	made := len(list)
	d := policy.Decide(p.now, p.crowd.facts(w.patient), p.askOf(w.patient, trial.Treat, tried), *p.rules)
	switch {
	case d.Verdict == policy.Defer:
		return p.wait(ctx, tx, w, d.RetryAt)
	case d.Verdict != policy.Treat && made == 0:
		return p.block(ctx, tx, w.id, d)
	case d.Verdict != policy.Treat:
		return p.end(ctx, tx, w.id, "exhausted")
	}
	if from := postFrom(list); d.Plan[0].Channel == Post && p.now.Before(from) {
		return p.wait(ctx, tx, w, from)
	}
	missing, err := p.message(ctx, tx, w.id, w.patient, made+1, d.Plan[0], w.expires)
	if err != nil {
		return err
	}
	if missing != "" {
		return p.end(ctx, tx, w.id, "exhausted")
	}
	const q = `update intent set state = 'active', step = $2, wake_at = $3 where id = $1 and state in ('active', 'deferred')`
	if _, err := tx.ExecContext(ctx, q, w.id, made+1, db.Micro(p.nextLook(d.Plan, w.expires))); err != nil {
		return err
	}
	if made == 0 { // was put off: what holds now is the decision
		return p.redecide(ctx, tx, w.id, d)
	}
	return nil
}

// postFrom is when a letter may follow messages of which one may still be
// seen; the zero time where none arrived.
func postFrom(list []earlier) time.Time {
	for _, m := range list {
		if m.state == "accepted" || m.state == "delivered" || m.state == "seen" {
			return list[0].notBefore.Add(policy.PostAfter)
		}
	}
	return time.Time{}
}

func (p *planner) redecide(ctx context.Context, tx *db.Tx, id string, d policy.Decision) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `update intent set decision = $2 where id = $1`, id, string(text))
	return err
}

func (p *planner) block(ctx context.Context, tx *db.Tx, id string, d policy.Decision) error {
	if err := p.redecide(ctx, tx, id, d); err != nil {
		return err
	}
	return p.end(ctx, tx, id, "blocked")
}

// end closes an intent.
func (p *planner) end(ctx context.Context, tx *db.Tx, id, state string) error {
	const q = `update intent set state = $2, wake_at = 0 where id = $1 and state in ('active', 'deferred')`
	_, err := tx.ExecContext(ctx, q, id, state)
	return err
}

// wait puts an intent off, to its end at the latest.
func (p *planner) wait(ctx context.Context, tx *db.Tx, w waiting, at time.Time) error {
	if at.After(w.expires) {
		at = w.expires
	}
	if !at.After(p.now) {
		at = p.now.Add(time.Minute)
	}
	_, err := tx.ExecContext(ctx, `update intent set wake_at = $2 where id = $1 and state in ('active', 'deferred')`, w.id, db.Micro(at))
	return err
}

// expire closes an intent whose time is over and what is queued of it.
func (p *planner) expire(ctx context.Context, tx *db.Tx, w waiting, list []earlier) error {
	for _, m := range list {
		if p.met(m.state) {
			return p.end(ctx, tx, w.id, "satisfied")
		}
	}
	if _, err := withdraw(ctx, tx, p.now, "expired", `intent = $3 and state = 'scheduled'`, w.id); err != nil {
		return err
	}
	return p.end(ctx, tx, w.id, "expired")
}

// finish marks the outreaches of which nothing is left to do.
func (e *Engine) finish(ctx context.Context) error {
	const some = `
		select o.id from outreach o where o.state = 'running' and o.planned >= o.audience and o.kind = ''
			and not exists (select 1 from intent i where i.outreach = o.id and i.state in ('active', 'deferred'))`
	list, err := db.All(ctx, e.DB, db.Value[string], some)
	if err != nil || len(list) == 0 {
		return err
	}
	const q = `update outreach set state = 'done', ended_at = $2 where id = $1 and state = 'running' and planned >= audience
		and not exists (select 1 from intent i where i.outreach = outreach.id and i.state in ('active', 'deferred'))`
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, id := range list {
			if _, err := tx.ExecContext(ctx, q, id, db.Micro(e.Now())); err != nil {
				return fmt.Errorf("reach: finish %s: %w", id, err)
			}
		}
		return nil
	})
}
