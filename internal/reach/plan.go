package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

const (
	planKind  = "reach.plan"
	sweepKind = "reach.sweep"
)

// planBatch is how many people are decided on in one transaction.
const planBatch = 250

type planArgs struct {
	Outreach string `json:"outreach"`
}

// Handlers are the engine's background jobs.
func (e *Engine) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{
		planKind: func(ctx context.Context, raw json.RawMessage) error {
			var a planArgs
			if err := json.Unmarshal(raw, &a); err != nil {
				return fmt.Errorf("reach: plan: %w", err)
			}
			return e.planFor(ctx, a.Outreach, 90*time.Second)
		},
		sweepKind: func(ctx context.Context, _ json.RawMessage) error {
			return errors.Join(e.replan(ctx), e.lost(ctx), e.booked(ctx), e.Sweep(ctx))
		},
	}
}

// Periodic is the engine's regular work.
func (e *Engine) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: sweepKind, Every: time.Minute}}
}

// Plan decides on everyone of an outreach's audience who was not decided on
// yet. It may be run by several nodes and killed at any time: each batch is
// one transaction, and the cursor is in it.
func (e *Engine) Plan(ctx context.Context, outreach string) error {
	return e.planFor(ctx, outreach, math.MaxInt64)
}

// replan adds the planning job of every outreach that runs and is not
// decided on to the end, wherever its job got lost.
func (e *Engine) replan(ctx context.Context) error {
	list, err := db.All(ctx, e.DB, db.Value[string], `select id from outreach where state = 'running' and planned < audience order by id`)
	if err != nil || len(list) == 0 {
		return err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, id := range list {
			if err := e.addPlan(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: replan: %w", err)
	}
	return nil
}

// errMore says that a job's time is over before the audience is.
var errMore = errors.New("reach: plan: more to do")

func (e *Engine) planFor(ctx context.Context, outreach string, limit time.Duration) error {
	pass, err := e.eyes(ctx, "plan")
	if err != nil {
		return fmt.Errorf("reach: plan %s: %w", outreach, err)
	}
	able := map[string]policy.Ability{}
	start := e.Now()
	for {
		more, err := e.planBatch(ctx, pass, outreach, able)
		if err != nil {
			return fmt.Errorf("reach: plan %s: %w", outreach, err)
		}
		e.nudge()
		if !more {
			return e.finish(ctx)
		}
		if e.Now().Sub(start) > limit {
			return errMore
		}
	}
}

// lockPlan lets one transaction decide at a time, on all nodes, so that no
// two promise the last place under a cap. SQLite has one writer anyway.
func lockPlan(ctx context.Context, tx *db.Tx, now time.Time) error {
	const q = `insert into reach_switch (channel, at) values ('plan', $1) on conflict (channel) do update set at = excluded.at`
	if _, err := tx.ExecContext(ctx, q, db.Micro(now)); err != nil {
		return fmt.Errorf("reach: lock: %w", err)
	}
	return nil
}

// planBatch decides on the next people of an outreach. It returns false when
// there are none, or the outreach does not run.
func (e *Engine) planBatch(ctx context.Context, pass access.Pass, id string, able map[string]policy.Ability) (more bool, err error) {
	o, err := get(ctx, e.DB, id)
	if err != nil || o.State != Running || o.Planned >= o.Audience {
		return false, err
	}
	const q = `select patient from audience where outreach = $1 and seq > $2 and seq <= $3 order by seq`
	patients, err := db.All(ctx, e.DB, db.Value[string], q, id, o.Planned, o.Planned+planBatch)
	if err != nil {
		return false, err
	}
	if err := e.abilities(ctx, pass, patients, able); err != nil {
		return false, err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, e.Now()); err != nil {
			return err
		}
		now, err := get(ctx, tx, id)
		if err != nil || now.State != Running || now.Planned != o.Planned {
			return err // stopped, or another node was here: look again
		}
		crowd, err := e.load(ctx, tx, pass, patients, o.Purpose, able)
		if err != nil {
			return err
		}
		p, err := e.planner(o, crowd)
		if err != nil {
			return err
		}
		for _, patient := range patients {
			if err := p.first(ctx, tx, patient); err != nil {
				return err
			}
		}
		if err := p.write(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update outreach set planned = $2 where id = $1`, id, o.Planned+len(patients))
		return err
	})
	return err == nil, err
}

// planner decides on people of one outreach and collects the rows.
type planner struct {
	e        *Engine
	o        Outreach
	purpose  policy.Purpose
	compiled *template.Compiled
	crowd    *crowd
	now      time.Time

	intents, messages, shields []any
	caps                       map[capKey]int
}

// capKey is a row of the caps' ledger.
type capKey struct {
	key, channel, class string
	day                 int
}

func (e *Engine) planner(o Outreach, k *crowd) (*planner, error) {
	purpose, ok := policy.PurposeOf(o.Purpose)
	if !ok {
		return nil, errPurpose
	}
	c, err := o.Template.Compile()
	if err != nil {
		return nil, err
	}
	return &planner{e: e, o: o, purpose: purpose, compiled: c, crowd: k, now: e.Now(), caps: map[capKey]int{}}, nil
}

// ask is what is to be decided for somebody in arm.
func (p *planner) ask(arm trial.Arm, tried []Channel) policy.Ask {
	after := p.o.NextAfter
	if after == 0 {
		after = p.purpose.NextAfter
	}
	return policy.Ask{Purpose: p.purpose, Class: p.o.Template.Sensitivity, Channels: p.e.channels(p.o.Channels), Tried: tried, Arm: arm, After: after}
}

// channels are those of wanted, or all, that there is a gateway for.
func (e *Engine) channels(wanted []Channel) []Channel {
	list := []Channel{"none"} // an empty list would mean all
	for _, c := range []Channel{SMS, Email, Inbox} {
		if e.gates[c] != nil && (len(wanted) == 0 || slices.Contains(wanted, c)) {
			list = append(list, c)
		}
	}
	return list
}

// draw returns the arm of a person with the probability of the draw. People
// of one household, if the author wants it, are one unit: those who share an
// address.
func (p *planner) draw(f *policy.Facts) (trial.Arm, float64) {
	unit := f.Patient
	if p.o.Households {
		shared := ""
		for _, pt := range f.Points {
			if pt.Shared && (shared == "" || pt.Value < shared) {
				shared = pt.Value
			}
		}
		if shared != "" {
			unit = "household " + p.e.Key.Hash(shared)
		}
	}
	return trial.Assign(p.o.salt, p.o.ID, unit, p.o.Purpose, p.o.Holdout)
}

// decide draws and decides on one person.
func (p *planner) decide(patient string) (policy.Decision, trial.Arm, float64) {
	f := p.crowd.facts(patient)
	arm, prob := p.draw(f)
	d := policy.Decide(p.now, f, p.ask(arm, nil), p.e.rules)
	if d.Verdict == policy.Exclude {
		return d, trial.Excluded, 0
	}
	return d, arm, prob
}

// first decides on a person for the first time.
func (p *planner) first(ctx context.Context, tx *db.Tx, patient string) error {
	d, arm, prob := p.decide(patient)
	id := p.e.IDs.New()
	in := intentRow{id: id, expires: p.now.Add(time.Duration(p.o.ExpireDays) * 24 * time.Hour)}
	switch d.Verdict {
	case policy.Holdout:
		in.state = "holdout"
	case policy.Exclude, policy.Block:
		in.state = "blocked"
	case policy.Defer:
		in.state, in.wake = "deferred", d.RetryAt
	default:
		missing, err := p.message(ctx, tx, id, patient, 1, d.Plan[0], in.expires)
		if err != nil {
			return err
		}
		in.state, in.step, in.wake = "active", 1, p.nextLook(d.Plan, in.expires)
		if missing != "" {
			d.Reasons = append(d.Reasons, policy.Reason{Code: "missing:" + missing, Words: "Not sent: the text needs " + missing + ", which is not on record."})
			d.Verdict = policy.Block
			in = intentRow{id: id, expires: in.expires, state: "blocked"}
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	s := p.crowd.by[patient]
	facts, err := json.Marshal(s.covariates(p.now))
	if err != nil {
		return err
	}
	first := ""
	if len(d.Plan) > 0 {
		first = string(d.Plan[0].Channel)
	}
	p.intents = append(p.intents, id, p.o.ID, patient, seal.Hash(p.o.ID+"|"+patient), p.o.Purpose, string(arm), prob,
		first, string(facts), db.Micro(p.now), db.Micro(in.expires), in.state, in.step, db.Micro(in.wake), string(text))
	return nil
}

// intentRow is what varies in a new intent.
type intentRow struct {
	id, state     string
	step          int
	wake, expires time.Time
}

// nextLook is when to look at an intent again after its first message: for
// the next channel, or the end.
func (p *planner) nextLook(plan []policy.Candidate, expires time.Time) time.Time {
	next := plan[0].NotBefore.Add(p.ask("", nil).After)
	if next.After(expires) {
		return expires
	}
	return next
}

// covariates are what an analysis may adjust by, as they were before the
// draw.
type covariates struct {
	Age     int    `json:"age,omitempty"`
	Sex     string `json:"sex,omitempty"`
	Lang    string `json:"lang,omitempty"`
	Account bool   `json:"account"`
	Email   bool   `json:"email"`
	Text    bool   `json:"text"`
}

func (s *subject) covariates(now time.Time) covariates {
	c := covariates{Sex: s.sex, Lang: s.language(), Account: s.Account}
	if _, err := time.Parse(time.DateOnly, s.born); err == nil {
		c.Age = access.Age(s.born, now)
	}
	for _, p := range s.Points {
		c.Email = c.Email || p.Kind == "email"
		c.Text = c.Text || p.Kind == "sms"
	}
	return c
}

// write inserts the collected rows.
func (p *planner) write(ctx context.Context, tx *db.Tx) error {
	const intents = `insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, stratum, facts, decided_at, expires_at, state, step, wake_at, decision)`
	if err := db.InsertMany(ctx, tx, intents, "", 15, p.intents); err != nil {
		return fmt.Errorf("intents: %w", err)
	}
	if err := insertShields(ctx, tx, p.shields); err != nil {
		return err
	}
	if err := insertMessages(ctx, tx, p.messages); err != nil {
		return err
	}
	keys := make([]capKey, 0, len(p.caps))
	for k := range p.caps {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b capKey) int { return cmpKeys(a, b) })
	var args []any
	for _, k := range keys {
		args = append(args, k.key, k.channel, k.class, k.day, p.caps[k])
	}
	const head = `insert into cap_ledger (address_hash, channel, class, day, n)`
	const tail = `on conflict (address_hash, channel, class, day) do update set n = cap_ledger.n + excluded.n`
	if err := db.InsertMany(ctx, tx, head, tail, 5, args); err != nil {
		return fmt.Errorf("caps: %w", err)
	}
	return nil
}
