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
const planBatch = 1000

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
		forgetKind: func(ctx context.Context, _ json.RawMessage) error { return e.Forget(ctx) },
		sweepKind: func(ctx context.Context, _ json.RawMessage) error {
			return errors.Join(e.startDue(ctx), e.digest(ctx), e.replan(ctx), e.lost(ctx), e.booked(ctx), e.Sweep(ctx))
		},
	}
}

// Periodic is the engine's regular work.
func (e *Engine) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: sweepKind, Every: time.Minute}, {Kind: forgetKind, Every: time.Hour}}
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
	start := e.Now()
	ahead := e.ahead(ctx, pass, outreach)
	defer ahead.stop()
	for {
		d, err := ahead.next()
		if err != nil {
			return fmt.Errorf("reach: plan %s: %w", outreach, err)
		}
		if d == nil {
			return e.finish(ctx)
		}
		if ahead.kept, err = e.keep(ctx, pass, d); err != nil {
			return fmt.Errorf("reach: plan %s: %w", outreach, err)
		}
		ahead.learn(d.held || d.p == nil)
		e.at(planKept)
		e.nudge()
		e.keepPace(ctx)
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

// aloud is how many people are decided on at most while others wait for the
// one writer.
const aloud = 200

// keep decides on the people of a draft for good, and writes it down. It
// returns false if those who come next are others than the draft said: the
// outreach went on without it or stopped, or only some were decided on.
func (e *Engine) keep(ctx context.Context, pass access.Pass, d *draft) (kept bool, err error) {
	o := d.o
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		kept = false
		if err := errors.Join(lockPlan(ctx, tx, e.Now()), tx.Steady(ctx)); err != nil {
			return err
		}
		e.at(planLocked)
		now, err := get(ctx, tx, o.ID)
		if err != nil || now.State != Running || now.Planned != o.Planned {
			return err // stopped, or another node was here
		}
		patients := d.patients
		p, err := d.holds(ctx, tx, e.Now())
		if d.held = p != nil; err == nil && !d.held {
			if e.DB.Engine() == db.SQLite {
				patients = patients[:min(len(patients), aloud)]
			}
			p, err = e.decideAll(ctx, tx, pass, o, patients, d.able)
		}
		if err != nil {
			return err
		}
		if len(p.shields) == 0 { // else it writes what others decide by
			tx.Aside(planning)
		}
		e.at(planDecided)
		if err := p.write(ctx, tx); err != nil {
			return err
		}
		e.at(planNoted)
		kept = len(patients) == len(d.patients)
		_, err = tx.ExecContext(ctx, `update outreach set planned = $2 where id = $1`, o.ID, o.Planned+len(patients))
		return err
	})
	return kept && err == nil, err
}

// planner decides on people of one outreach and collects the rows.
type planner struct {
	e        *Engine
	o        Outreach
	purpose  policy.Purpose
	rules    *policy.Settings
	compiled map[string]*template.Compiled // by variant; "" where there is one text
	own      map[string]own                // by intent
	crowd    *crowd
	filled   map[string]*filling // what the texts may say of each
	targets  map[string]int64    // of the links whose clicks are counted; nil: not read yet
	now      time.Time
	bases    bases
	mark     db.Mark   // before what is known of the crowd was read
	made     []freshly // for the sender

	intents, messages, shields, links, parts []any
	caps                                     map[capKey]int
}

// capKey is a row of the caps' ledger.
type capKey struct {
	key, channel, class string
	day                 int
}

func (e *Engine) planner(ctx context.Context, conn db.Conn, o Outreach, k *crowd) (*planner, error) {
	if err := e.permit(ctx, conn, k, o); err != nil {
		return nil, err
	}
	rules := e.rules()
	purpose, ok := rules.Purpose(o.Purpose)
	if !ok {
		return nil, errPurpose
	}
	p := &planner{e: e, o: o, purpose: purpose, rules: rules, compiled: map[string]*template.Compiled{}, own: map[string]own{}, crowd: k, now: e.Now(), caps: map[capKey]int{}, bases: bases{first: map[textKey][]byte{}, made: map[textKey]*base{}}}
	for i, t := range o.templates() {
		c, err := t.Compile()
		if err != nil {
			return nil, err
		}
		key := ""
		if len(o.Variants) > 0 {
			key = o.Variants[i].Key
		}
		p.compiled[key] = c
	}
	return p, p.fill(ctx, conn)
}

// ask is what is to be decided for somebody in arm.
func (p *planner) ask(arm trial.Arm, tried []Channel) policy.Ask {
	after := p.o.NextAfter
	if after == 0 {
		after = p.purpose.NextAfter
	}
	channels, call := p.o.Channels, slices.Contains(p.o.Channels, Voice)
	post := p.purpose.MustReach && !p.purpose.AnyHour    // what must arrive within the hour is no letter
	if !call && p.purpose.Fixed && p.purpose.MustReach { // the staff calls whom nothing else reaches
		if call = true; len(channels) > 0 {
			channels = append(slices.Clone(channels), Voice)
		}
	}
	return policy.Ask{Purpose: p.purpose, Class: p.o.Template.Sensitivity, Channels: p.e.channels(channels), Tried: tried, Arm: arm, After: after, Waits: p.o.Waits, Call: call, Post: post, Permit: p.o.Exception.words(), Hours: p.o.Hours}
}

// askOf is ask about one person, with their turn where the outreach is
// spread. Who comes in one by one has none.
func (p *planner) askOf(patient string, arm trial.Arm, tried []Channel) policy.Ask {
	a := p.ask(arm, tried)
	if a.Hours.Spread > 0 && p.o.Kind != Journey && p.o.Kind != API {
		a.Turn = policy.Turn{Since: p.o.Started, Share: trial.Draw(p.o.salt+"spread", p.o.ID, patient)}
		if p.o.Started.IsZero() { // a dry run
			a.Turn.Since = p.now
		}
	}
	return a
}

// channels are those of wanted, or all, that there is a gateway for. Paper is
// not the author's to choose: it goes where nothing else may.
func (e *Engine) channels(wanted []Channel) []Channel {
	list := []Channel{"none"} // an empty list would mean all
	for _, c := range []Channel{SMS, Email, Inbox, Voice, Post} {
		if e.gates[c] != nil && (len(wanted) == 0 || c == Post || slices.Contains(wanted, c)) {
			list = append(list, c)
		}
	}
	return list
}

// draw returns the arm of a person with the probability of the draw. People
// of one household, if the author wants it, are one unit: those who share an
// address.
func (p *planner) draw(f *policy.Facts) (trial.Arm, float64) {
	arm, prob, _ := p.assign(p.unit(f))
	return arm, prob
}

// unit is what is drawn as one.
func (p *planner) unit(f *policy.Facts) string {
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
	return unit
}

// decide draws and decides on one person.
func (p *planner) decide(patient string) (policy.Decision, trial.Arm, float64) {
	f := p.crowd.facts(patient)
	arm, prob := p.draw(f)
	d := policy.Decide(p.now, f, p.askOf(patient, arm, nil), *p.rules)
	if d.Verdict == policy.Exclude {
		return d, trial.Excluded, 0
	}
	return d, arm, prob
}

// first decides on a person for the first time.
func (p *planner) first(ctx context.Context, conn db.Conn, patient string) error {
	d, arm, prob := p.decide(patient)
	id := p.e.IDs.New()
	in := intentRow{id: id, expires: p.now.Add(time.Duration(p.o.ExpireDays) * 24 * time.Hour)}
	in.variant, in.share = p.variantOf(patient, arm)
	p.own[id] = own{variant: in.variant}
	switch d.Verdict {
	case policy.Holdout:
		in.state = "holdout"
	case policy.Exclude, policy.Block:
		in.state = "blocked"
	case policy.Defer:
		in.state, in.wake = "deferred", d.RetryAt
	default:
		missing, err := p.message(ctx, conn, id, patient, 1, d.Plan[0], in.expires)
		if err != nil {
			return err
		}
		in.state, in.step, in.wake = "active", 1, p.nextLook(d.Plan, in.expires)
		if missing != "" {
			d.Reasons = append(d.Reasons, policy.Reason{Code: "missing:" + missing, Words: "Not sent: the text needs " + missing + ", which is not on record."})
			d.Verdict = policy.Block
			in.state, in.step, in.wake = "blocked", 0, time.Time{}
		}
	}
	return p.intent(patient, in, arm, prob, d)
}

// intentInsert writes one intent.
const (
	intentInsert = `insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, stratum, facts, decided_at, expires_at, state, step, wake_at, decision, trigger, variant, variant_p, supersede, recipient, household, held_by)`
	intentWidth  = 22
)

// intent collects the row of a new intent.
func (p *planner) intent(patient string, in intentRow, arm trial.Arm, prob float64, d policy.Decision) error {
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
	recipient, household, by := "", "", ""
	if len(d.Plan) > 0 {
		recipient = d.Plan[0].For
	}
	unit := p.unit(&s.Facts)
	if unit != patient {
		household = seal.Hash(p.o.ID + "|" + unit)
	}
	if arm == trial.Holdout {
		_, _, by = p.assign(unit)
	}
	p.intents = append(p.intents, in.id, p.o.ID, patient, in.id, p.o.Purpose, string(arm), prob,
		first, string(facts), db.Micro(p.now), db.Micro(in.expires), in.state, in.step, db.Micro(in.wake), string(text),
		in.trigger, in.variant, in.share, in.supersede, recipient, household, by)
	return nil
}

// intentRow is what varies in a new intent.
type intentRow struct {
	id, state     string
	trigger       string
	variant       string
	share         float64 // of the variant
	supersede     string
	step          int
	wake, expires time.Time
}

// nextLook is when to look at an intent again after its first message: for
// the next channel, or the end.
func (p *planner) nextLook(plan []policy.Candidate, expires time.Time) time.Time {
	next := plan[0].NotBefore.Add(p.ask("", nil).Wait(plan[0].Channel))
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
	if len(p.made) > 0 {
		tx.After(func() { p.e.fresh.add(p.made) })
	}
	if err := db.InsertMany(ctx, tx, intentInsert, "", intentWidth, p.intents); err != nil {
		return fmt.Errorf("intents: %w", err)
	}
	if err := insertShields(ctx, tx, p.shields); err != nil {
		return err
	}
	if err := p.writeBases(ctx, tx); err != nil {
		return err
	}
	if err := p.e.Links.Insert(ctx, tx, p.links); err != nil {
		return err
	}
	if err := insertMessages(ctx, tx, p.messages); err != nil {
		return err
	}
	const part = `insert into digest_part (message, patient, channel, address_hash, due_at)`
	if err := db.InsertMany(ctx, tx, part, "", 5, p.parts); err != nil {
		return fmt.Errorf("parts: %w", err)
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
	if err := db.InsertDistinct(ctx, tx, head, tail, 5, args); err != nil {
		return fmt.Errorf("caps: %w", err)
	}
	return nil
}
