package reach

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// What the engine's own transactions call what they write (db.Tx.Aside), if
// it is nothing that another of them decides by.
const (
	planning = "reach plan"   // new messages and what is promised: no claim asks about it
	claiming = "reach claim"  // what is under way
	settling = "reach settle" // what was taken by the other side
)

// draft is what was read, decided and written out about the next people of an
// outreach before the writer was asked for: nobody waits for it meanwhile. If
// anything that matters was written since, it is thrown away.
type draft struct {
	o        Outreach // as it will be then: planned up to these
	patients []string
	able     map[string]policy.Ability // what their addresses can take
	mark     db.Mark
	at       time.Time
	p        *planner // nil: it has to be decided when it is written
	held     bool     // it was written as it is
}

// draftFor is how old a draft may be where no mark tells what was written
// since. What is in it for longer than that is decided anew; all that bears on
// one message is looked at again as it leaves in any case.
const draftFor = 5 * time.Second

// draft decides ahead on the next n people of o; able keeps what mail domains
// can take. It returns nil when there are none, or o does not run.
func (e *Engine) draft(ctx context.Context, pass access.Pass, o Outreach, n int, able map[string]policy.Ability) (*draft, error) {
	if o.State != Running || o.Planned >= o.Audience {
		return nil, nil
	}
	numbered := len(o.Tracking.Links) > 0 // marked links get their numbers in the transaction
	if numbered && e.DB.Engine() == db.SQLite {
		n = min(n, aloud)
	}
	const q = `select patient from audience where outreach = $1 and seq > $2 and seq <= $3 order by seq`
	patients, err := db.All(ctx, e.DB, db.Value[string], q, o.ID, o.Planned, o.Planned+n)
	if err != nil {
		return nil, err
	}
	if len(patients) == 0 {
		return nil, fmt.Errorf("the audience ends at %d of %d", o.Planned, o.Audience)
	}
	if err := e.abilities(ctx, pass, patients, able); err != nil {
		return nil, err
	}
	d := &draft{o: o, patients: patients, able: maps.Clone(able), at: e.Now()}
	if numbered {
		return d, nil
	}
	d.mark = e.DB.Mark(planning, claiming, settling, audit.Aside, jobs.Aside)
	d.p, err = e.decideAll(ctx, e.DB, pass, o, patients, d.able)
	return d, err
}

// holds returns the planner, nil if it has to be made anew: if anything was
// written that it goes by. Of what other plans write these are the promises
// under the same caps, those of the draft before this one included.
func (d *draft) holds(ctx context.Context, tx *db.Tx, now time.Time) (*planner, error) {
	if d.p == nil || now.Sub(d.at) > draftFor {
		return nil, nil
	}
	if d.mark.Known() {
		if still, err := tx.Still(ctx, d.mark); err != nil || !still {
			return nil, err
		}
	}
	uses, err := promised(ctx, tx, d.p.crowd.keys, d.at)
	if err != nil || !slices.Equal(uses, d.p.crowd.uses) {
		return nil, err
	}
	return d.p, nil
}

// ahead makes the drafts of an outreach, one after the other, each while the
// one before is written.
type ahead struct {
	begin  func(o Outreach, n int) <-chan drafted
	read   func() (Outreach, error)
	cancel context.CancelFunc
	coming <-chan drafted
	kept   bool // all people of the last one are decided on
	size   int  // of the next: people
}

// drafted is a draft, or why there is none.
type drafted struct {
	d   *draft
	err error
}

func (e *Engine) ahead(ctx context.Context, pass access.Pass, outreach string) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	able := map[string]policy.Ability{}
	return &ahead{
		size: planBatch, cancel: cancel,
		read: func() (Outreach, error) { return get(ctx, e.DB, outreach) },
		begin: func(o Outreach, n int) <-chan drafted {
			made := make(chan drafted, 1)
			go func() {
				d, err := e.draft(ctx, pass, o, n, able)
				made <- drafted{d, err}
			}()
			return made
		},
	}
}

// stop waits for the draft that is being made.
func (a *ahead) stop() {
	a.cancel()
	a.wait()
}

func (a *ahead) wait() (made drafted) {
	if a.coming != nil {
		made, a.coming = <-a.coming, nil
	}
	return made
}

// learn makes drafts smaller when the last was for nothing: where others write
// all the time, what is made quickly holds more often.
func (a *ahead) learn(held bool) {
	if held {
		a.size = min(2*a.size, planBatch)
		return
	}
	a.size = max(a.size/2, aloud)
}

// next returns the draft of the people who come next, nil when there are
// none, and begins the one after it.
func (a *ahead) next() (*draft, error) {
	made := a.wait()
	if made.err != nil && a.kept {
		return nil, made.err
	}
	if made.d == nil || !a.kept { // at the beginning, at the end, or another node was here
		o, err := a.read()
		if err != nil {
			return nil, err
		}
		a.coming = a.begin(o, a.size)
		if made = a.wait(); made.err != nil || made.d == nil {
			return nil, made.err
		}
	}
	after := made.d.o
	after.Planned += len(made.d.patients)
	a.coming = a.begin(after, a.size)
	return made.d, nil
}

// decideAll decides on patients of an outreach by what conn sees of them.
func (e *Engine) decideAll(ctx context.Context, conn db.Conn, pass access.Pass, o Outreach, patients []string, able map[string]policy.Ability) (*planner, error) {
	mark := e.asOf()
	crowd, err := e.load(ctx, conn, pass, patients, o.Purpose, able)
	if err != nil {
		return nil, err
	}
	p, err := e.planner(ctx, conn, o, crowd)
	if err != nil {
		return nil, err
	}
	p.mark = mark
	for _, patient := range patients {
		if err := p.first(ctx, conn, patient); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// glance is what was read of the messages at the head of the queue before
// they were claimed.
type glance struct {
	mark   db.Mark
	crowds map[string]*crowd // by purpose
	bodies map[string]opened // by message
	same   map[string]bool   // messages of which nothing was written since they were made
}

// opened is a body with what it was opened from.
type opened struct {
	sealed []byte
	body   body
}

// glance looks at what the next claim will take, where that saves waiting.
// What it does not find is looked at in the claim.
func (e *Engine) glance(ctx context.Context, pass access.Pass) (*glance, error) {
	if e.DB.Engine() != db.SQLite {
		return nil, nil
	}
	g := &glance{mark: e.asOf(), crowds: map[string]*crowd{}, bodies: map[string]opened{}}
	var ids []string
	var known []freshly
	for _, lane := range [...]int{urgentLane, commonLane} {
		places, err := head(ctx, e.DB, lane, e.Now(), e.able(nil), e.Batch-len(ids)-len(known))
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			if k, ok := e.fresh.of(p.message, e.Now()); ok && k.who != nil && k.mark.Same(g.mark) {
				known = append(known, k)
				continue
			}
			ids = append(ids, p.message)
		}
	}
	if len(ids)+len(known) < leastGlance {
		return nil, nil
	}
	if err := e.look(ctx, pass, g, ids); err != nil {
		return nil, err
	}
	g.add(known)
	return g, nil
}

// add has g tell of people what was known as their messages were written.
func (g *glance) add(known []freshly) {
	g.same = make(map[string]bool, len(known))
	for _, k := range known {
		g.same[k.message] = true
		if g.crowds[k.purpose] == nil {
			g.crowds[k.purpose] = &crowd{by: map[string]*subject{}}
		}
		g.crowds[k.purpose].by[k.patient] = k.who
	}
}

// look reads messages and what is known of their people into g.
func (e *Engine) look(ctx context.Context, pass access.Pass, g *glance, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	byPurpose := map[string][]string{}
	q := `select id, patient, purpose, body from message where id in (` + db.In(1, len(ids)) + `)`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (*sending, error) {
		m := &sending{}
		return m, scan(&m.id, &m.patient, &m.purpose, &m.sealed)
	}, q, db.Args(ids)...)
	if err != nil {
		return err
	}
	for _, m := range list {
		if b, err := e.open(ctx, e.DB, m.id, m.sealed); err == nil { // else the claim finds out why not
			g.bodies[m.id] = opened{m.sealed, b}
		}
		if m.rechecked() {
			byPurpose[m.purpose] = append(byPurpose[m.purpose], m.patient)
		}
	}
	for purpose, patients := range byPurpose {
		if g.crowds[purpose], err = e.current(ctx, e.DB, pass, patients, purpose, nil); err != nil {
			return err
		}
	}
	return nil
}

// leastGlance is how many messages are worth a look before they are claimed.
const leastGlance = 8

// holds returns g if nothing that it tells was written since, else nil.
func (g *glance) holds(ctx context.Context, tx *db.Tx) (*glance, error) {
	if g == nil {
		return nil, nil
	}
	if still, err := tx.Still(ctx, g.mark); err != nil || !still {
		return nil, err
	}
	return g, nil
}

// crowd returns what is known of patients for purpose, nil if not of all.
func (g *glance) crowd(purpose string, patients []string) *crowd {
	if g == nil || g.crowds[purpose] == nil {
		return nil
	}
	k := g.crowds[purpose]
	for _, id := range patients {
		if k.by[id] == nil {
			return nil
		}
	}
	return k
}

// others returns those of messages of which something may have been written
// since they were made.
func (g *glance) others(messages []*sending) []*sending {
	if g == nil {
		return messages
	}
	var list []*sending
	for _, m := range messages {
		if !g.same[m.id] {
			list = append(list, m)
		}
	}
	return list
}

// body returns what m says, if it was opened and is the same still.
func (g *glance) body(m *sending) (body, bool) {
	if g == nil {
		return body{}, false
	}
	o, ok := g.bodies[m.id]
	return o.body, ok && bytes.Equal(o.sealed, m.sealed)
}
