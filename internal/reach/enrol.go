package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
	"hale/internal/store/keys"
)

// Kind says how people come into an outreach.
type Kind string

// The kinds.
const (
	Once      Kind = ""          // everybody at its start
	Recurring Kind = "recurring" // nobody: it makes a run of kind Once each time
	Journey   Kind = "journey"   // one by one, at a step of a journey
	API       Kind = "api"       // one by one, as a program asks
)

var (
	errNotOpen = errs.New(errs.Conflict, "This outreach takes nobody at the moment.")
	errKey     = errs.New(errs.Invalid, "key: at most 200 characters.")
	errTrigger = errs.New(errs.Invalid, "Say in one short word what sets the message off, so that it goes out once.")
)

// Entry is one person's way into an outreach of kind Journey or API.
type Entry struct {
	Outreach, Patient string
	Trigger           string            // unique with the two before it: what sets the message off
	Supersede         string            // what takes it back while it waits: Engine.Supersede
	Values            map[string]string // fill the texts beside what the record says
	Expires           time.Time         // no new message after it; zero: as the outreach says
}

// Enrol adds one person to a running outreach of kind Journey or API and
// returns the intent; of a trigger that was there before, the one from then.
// It draws and gates at once. Channels are decided by the next sweep, which
// may ask the gateways over the network: nothing leaves before tx commits.
func (e *Engine) Enrol(ctx context.Context, tx *db.Tx, pass access.Pass, outreach, patient, trigger string, values map[string]string) (intent string, err error) {
	return e.Enter(ctx, tx, pass, Entry{Outreach: outreach, Patient: patient, Trigger: trigger, Values: values})
}

// Enter is Enrol with all that can be said of an entry.
func (e *Engine) Enter(ctx context.Context, tx *db.Tx, pass access.Pass, in Entry) (intent string, err error) {
	ids, err := e.EnterAll(ctx, tx, pass, in.Outreach, []Entry{in})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// enter draws one person and writes the intent, which a sweep decides on.
func (p *planner) enter(ctx context.Context, tx *db.Tx, in Entry) (string, error) {
	d, arm, prob := p.decide(in.Patient)
	id := p.e.IDs.New()
	row := intentRow{id: id, expires: p.now.Add(time.Duration(p.o.ExpireDays) * 24 * time.Hour), trigger: in.Trigger, supersede: in.Supersede}
	if !in.Expires.IsZero() && in.Expires.Before(row.expires) {
		row.expires = in.Expires
	}
	row.variant, row.share = p.variantOf(in.Patient, arm)
	switch d.Verdict {
	case policy.Holdout:
		row.state = "holdout"
	case policy.Exclude:
		row.state = "blocked"
	default:
		row.state, row.wake = "deferred", p.now
	}
	if err := p.intent(in.Patient, row, arm, prob, d); err != nil {
		return "", err
	}
	err := db.InsertMany(ctx, tx, intentInsert, "on conflict do nothing", intentWidth, p.intents)
	p.intents = nil
	if err != nil {
		return "", err
	}
	there, err := db.One(ctx, tx, db.Value[string], `select id from intent where outreach = $1 and patient = $2 and trigger = $3`, p.o.ID, in.Patient, in.Trigger)
	if err != nil || there != id { // was there before
		return there, err
	}
	if err := p.e.keepValues(ctx, tx, id, in.Values); err != nil || row.state != "deferred" || p.e.queue == nil {
		return id, err
	}
	return id, p.e.queue.Add(ctx, tx, jobs.Job{Kind: sweepKind, Unique: "entered"})
}

// keepValues seals what an intent's texts are filled with.
func (e *Engine) keepValues(ctx context.Context, tx *db.Tx, intent string, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	plain, err := json.Marshal(values)
	if err != nil {
		return err
	}
	sealed, err := e.Keys.Seal(ctx, tx, keys.Messages, "intent_values", "sealed", intent, plain)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into intent_values (intent, sealed) values ($1, $2)`, intent, sealed)
	return err
}

// own is what one intent's texts have of their own.
type own struct {
	link, stop string // the addresses of its page and of its opt-out; empty: not made
	variant    string
	values     map[string]string
}

// recall reads the values of intents.
func (p *planner) recall(ctx context.Context, c db.Conn, list []waiting) error {
	ids := make([]string, len(list))
	for i, w := range list {
		ids[i] = w.id
		p.own[w.id] = own{variant: w.variant}
	}
	if p.o.Kind != Journey && p.o.Kind != API || len(ids) == 0 {
		return nil
	}
	type row struct {
		id     string
		sealed []byte
	}
	q := `select intent, sealed from intent_values where intent in (` + db.In(1, len(ids)) + `)`
	rows, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) {
		err = scan(&r.id, &r.sealed)
		return r, err
	}, q, db.Args(ids)...)
	if err != nil {
		return err
	}
	for _, r := range rows {
		plain, err := p.e.Keys.OpenIn(ctx, c, r.sealed, "intent_values", "sealed", r.id)
		if err != nil {
			return err
		}
		o := p.own[r.id]
		if err := json.Unmarshal(plain, &o.values); err != nil {
			return err
		}
		p.own[r.id] = o
	}
	return nil
}

// Supersede cancels what waits under key, messages and intents alike, and
// returns how many intents it ended. What has left stays as it is.
func (e *Engine) Supersede(ctx context.Context, tx *db.Tx, key string) (int, error) {
	return e.supersede(ctx, tx, key, "")
}

// SupersedeAsked is Supersede for a program: of what programs entered alone,
// for a journey's keys are its own. It is audited.
func (e *Engine) SupersedeAsked(ctx context.Context, tx *db.Tx, pass access.Pass, key string) (int, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	if len(key) > 200 {
		return 0, errKey
	}
	n, err := e.supersede(ctx, tx, key, API)
	if err != nil {
		return 0, err
	}
	row := pass.Actor().Row("intent.supersede", "", true)
	row.About, row.Reason = "supersede/"+key, fmt.Sprintf("%d ended", n)
	if err := e.log.AddIn(ctx, tx, row); err != nil {
		return 0, fmt.Errorf("reach: supersede: %w", err)
	}
	return n, nil
}

// supersede cancels what waits under key in outreaches of a kind; with none,
// in all of them.
func (e *Engine) supersede(ctx context.Context, tx *db.Tx, key string, kind Kind) (int, error) {
	if key == "" {
		return 0, nil
	}
	now := e.Now()
	if err := lockPlan(ctx, tx, now); err != nil {
		return 0, err
	}
	const mine = `intent in (select i.id from intent i where i.supersede = $3 and i.state in ('active', 'deferred')
		and ($4 = '' or i.outreach in (select o.id from outreach o where o.kind = $4))) and state in ('scheduled', 'uncertain')`
	if _, err := withdraw(ctx, tx, now, "superseded", mine, key, string(kind)); err != nil {
		return 0, fmt.Errorf("reach: supersede: %w", err)
	}
	const end = `update intent set state = 'cancelled', wake_at = 0 where supersede = $1 and state in ('active', 'deferred')
		and ($2 = '' or outreach in (select o.id from outreach o where o.kind = $2))`
	n, err := db.Changed(tx.ExecContext(ctx, end, key, string(kind)))
	if err != nil {
		return 0, fmt.Errorf("reach: supersede: %w", err)
	}
	return int(n), nil
}

// Open saves o, of kind Journey or API, and starts it in tx: from then on
// Enrol takes people into it.
func (e *Engine) Open(ctx context.Context, tx *db.Tx, pass access.Pass, o Outreach) (Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return o, err
	}
	if o.Kind != Journey && o.Kind != API {
		return o, errNotOpen
	}
	now := e.Now()
	if err := o.check(pass, now); err != nil {
		return o, err
	}
	if err := o.ready(); err != nil {
		return o, err
	}
	if o.Kind == API && e.takesTwo(o, 0) != "" { // a draft is saved, approved and started
		return o, errApproval
	}
	o.ID, o.State, o.Created, o.CreatedBy, o.Started = e.IDs.New(), Running, now, pass.Actor().Name, now
	text, err := o.text()
	if err == nil {
		_, err = tx.ExecContext(ctx, outreachInsert, o.ID, o.Name, o.Purpose, o.Service, string(Running), o.Holdout, o.WindowDays, o.ExpireDays, text, seal.Token(16), o.CreatedBy, db.Micro(now), string(o.Kind), o.Parent, db.Micro(now))
	}
	if err != nil {
		return o, fmt.Errorf("reach: open: %w", err)
	}
	return o, nil
}

// variantOf draws which of several texts a person gets, whatever the arm:
// who is held out has one too, and is compared within it.
func (p *planner) variantOf(patient string, arm trial.Arm) (string, float64) {
	if len(p.o.Variants) == 0 || arm == trial.Excluded {
		return "", 1
	}
	shares := make([]float64, len(p.o.Variants))
	for i, v := range p.o.Variants {
		shares[i] = v.Share
	}
	i := trial.Pick(p.o.salt+"variant", p.o.ID, p.unit(p.crowd.facts(patient)), shares)
	return p.o.Variants[i].Key, shares[i]
}

// EnterAll is Enter for many people of one outreach, who are read together.
func (e *Engine) EnterAll(ctx context.Context, tx *db.Tx, pass access.Pass, outreach string, list []Entry) ([]string, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil || len(list) == 0 {
		return nil, err
	}
	o, err := get(ctx, tx, outreach)
	if err != nil {
		return nil, err
	}
	if o.Kind != Journey && o.Kind != API || o.State != Running && o.State != Paused {
		return nil, errNotOpen
	}
	patients := make([]string, len(list))
	for i, in := range list {
		if in.Trigger == "" || len(in.Trigger) > 200 {
			return nil, errTrigger
		}
		patients[i] = in.Patient
	}
	slices.Sort(patients)
	k, err := e.load(ctx, tx, pass, slices.Compact(patients), o.Purpose, nil)
	if err != nil {
		return nil, err
	}
	p, err := e.planner(ctx, tx, o, k)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, in := range list {
		if ids[i], err = p.enter(ctx, tx, in); err != nil {
			return nil, fmt.Errorf("reach: enrol in %s: %w", outreach, err)
		}
	}
	return ids, nil
}
