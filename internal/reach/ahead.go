package reach

import (
	"bytes"
	"context"

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

// draft is what was read, decided and written out before the writer was asked
// for, of which SQLite has one: nobody waits for it meanwhile. If anything
// that matters was written since, it is thrown away.
type draft struct {
	mark db.Mark
	p    *planner
}

// draft decides on patients ahead, where that saves waiting.
func (e *Engine) draft(ctx context.Context, pass access.Pass, o Outreach, patients []string, able map[string]policy.Ability) (*draft, error) {
	if e.DB.Engine() != db.SQLite || len(o.Tracking.Links) > 0 { // marked links get their numbers in the transaction
		return nil, nil
	}
	mark := e.DB.Mark(claiming, settling, audit.Aside, jobs.Aside)
	p, err := e.decideAll(ctx, e.DB, pass, o, patients, able)
	return &draft{mark, p}, err
}

// holds returns the planner, nil if it has to be made anew.
func (a *draft) holds(ctx context.Context, tx *db.Tx) (*planner, error) {
	if a == nil {
		return nil, nil
	}
	if still, err := tx.Still(ctx, a.mark); err != nil || !still {
		return nil, err
	}
	return a.p, nil
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
