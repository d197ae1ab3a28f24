package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
)

// sweepBatch is how many people one transaction takes on.
const sweepBatch = 200

// traveller is one person under way.
type traveller struct {
	id, journey     string
	version         int
	patient         string
	subject, zone   string
	data            map[string]string
	node, state     string
	intent, outcome string
	listens         string
	heard, wake     int64
	steps           int
	entered, ended  int64
	trail           []any // rows of enrolment_step
	fresh           bool  // has just come to its node
	tag             string
}

// due are those whose time has come. A paused journey holds everybody.
const due = `
	select n.id, n.journey, n.version, n.patient, n.subject, coalesce(p.zone, ''), coalesce(p.lang, ''), n.data, n.node, n.state, n.intent, n.listens, n.heard_at, n.steps, n.entered_at
	from enrolment n
		join journey j on j.id = n.journey and j.state = 'running'
		left join person p on p.id = n.patient
	where n.state in ('moving', 'waiting') and n.wake_at > 0 and n.wake_at <= $1
	order by n.wake_at, n.id
	limit $2`

func readTraveller(scan db.Scan) (*traveller, error) {
	t := &traveller{}
	var data string
	if err := scan(&t.id, &t.journey, &t.version, &t.patient, &t.subject, &t.zone, &t.tag, &data, &t.node, &t.state, &t.intent, &t.listens, &t.heard, &t.steps, &t.entered); err != nil {
		return nil, err
	}
	t.fresh = t.state == "moving"
	return t, json.Unmarshal([]byte(data), &t.data)
}

// Sweep takes everybody on whose time has come. It may run on several nodes
// and be killed at any time: each batch is one transaction.
func (s *Store) Sweep(ctx context.Context) error {
	pass, err := s.eyes(ctx, "sweep")
	if err != nil {
		return err
	}
	if err := s.endStopped(ctx); err != nil {
		return fmt.Errorf("journey: sweep: %w", err)
	}
	if err := s.hear(ctx); err != nil {
		return fmt.Errorf("journey: sweep: %w", err)
	}
	for {
		n, err := s.sweepBatch(ctx, pass)
		if err != nil {
			return fmt.Errorf("journey: sweep: %w", err)
		}
		if n < sweepBatch {
			return nil
		}
	}
}

func (s *Store) sweepBatch(ctx context.Context, pass access.Pass) (n int, err error) {
	now := s.Now()
	some, err := db.All(ctx, s.DB, db.Value[string], `select n.id from enrolment n join journey j on j.id = n.journey and j.state = 'running'
		where n.state in ('moving', 'waiting') and n.wake_at > 0 and n.wake_at <= $1 limit 1`, db.Micro(now))
	if err != nil || len(some) == 0 {
		return 0, err
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "journey"); err != nil { // one node at a time
			return err
		}
		list, err := db.All(ctx, tx, readTraveller, due, db.Micro(now), sweepBatch)
		if err != nil {
			return err
		}
		n = len(list)
		w := &walk{s: s, tx: tx, pass: pass, now: now, definitions: map[string]*Definition{}}
		if err := w.onward(ctx, list); err != nil {
			return err
		}
		return w.keep(ctx, list)
	})
	return n, err
}

// walk is one transaction of a sweep.
type walk struct {
	s           *Store
	tx          *db.Tx
	pass        access.Pass
	now         time.Time
	definitions map[string]*Definition
}

// place is where some people stand together.
type place struct {
	journey string
	version int
	node    string
}

// onward moves everybody until each waits or has come to an end. Who stands at
// the same node is moved together, so that a condition is asked once.
func (w *walk) onward(ctx context.Context, list []*traveller) error {
	for {
		groups := map[place][]*traveller{}
		var order []place
		for _, t := range list {
			if t.outcome != "" || t.state == "held" {
				continue
			}
			at := place{t.journey, t.version, t.node}
			if groups[at] == nil {
				order = append(order, at)
			}
			groups[at] = append(groups[at], t)
		}
		if len(order) == 0 {
			return nil
		}
		for _, at := range order {
			if err := w.at(ctx, at, groups[at]); err != nil {
				return err
			}
		}
	}
}

func (w *walk) definition(ctx context.Context, at place) (*Definition, error) {
	k := fmt.Sprint(at.journey, "/", at.version)
	if d := w.definitions[k]; d != nil {
		return d, nil
	}
	d, err := w.s.definition(ctx, w.tx, at.journey, at.version)
	if err == nil {
		w.definitions[k] = d
	}
	return d, err
}

// at does what the node of a group asks for.
func (w *walk) at(ctx context.Context, at place, group []*traveller) error {
	d, err := w.definition(ctx, at)
	if err != nil {
		return err
	}
	i := 0
	for ; i < len(d.Nodes) && d.Nodes[i].ID != at.node; i++ {
	}
	if i == len(d.Nodes) {
		for _, t := range group {
			t.outcome, t.state = "its step is gone", "stuck"
		}
		return nil
	}
	n := &d.Nodes[i]
	ways := d.ways(i)
	switch n.Kind {
	case Wait:
		for _, t := range group {
			w.wait(n, ways, t)
		}
	case Branch:
		return w.branch(ctx, n, ways, group)
	case Check:
		return w.check(ctx, n, ways, group)
	case Split:
		for _, t := range group {
			shares := make([]float64, len(n.Parts))
			for k, p := range n.Parts {
				shares[k] = p.Share
			}
			k := trial.Pick(t.journey, n.ID, t.id, shares)
			w.move(t, ways[k], fmt.Sprintf("drawn with probability %.3f", shares[k]))
		}
	case Reach:
		return w.reach(ctx, n, ways, group)
	case Task:
		return w.task(ctx, n, ways, group)
	case Hook:
		return w.hook(ctx, n, ways, group)
	case Exit:
		for _, t := range group {
			w.finish(t, nameOf(*n))
		}
	}
	return nil
}

// move takes t along one way out of its node.
func (w *walk) move(t *traveller, way [2]string, words string) {
	t.trail = append(t.trail, t.id, t.steps, t.node, way[0], words, db.Micro(w.now))
	t.steps++
	t.intent, t.listens, t.heard, t.wake = "", "", 0, 0
	if way[1] == "" {
		w.finish(t, "end")
		return
	}
	t.node, t.entered, t.state, t.fresh = way[1], db.Micro(w.now), "moving", true
}

// finish ends the way of t.
func (w *walk) finish(t *traveller, outcome string) {
	t.outcome, t.state, t.ended, t.wake = outcome, "done", db.Micro(w.now), 0
}

// hold leaves t at its node until at.
func (w *walk) hold(t *traveller, at time.Time) {
	t.state, t.wake, t.fresh = "held", db.Micro(at), false
}

// keep writes down where everybody is now.
func (w *walk) keep(ctx context.Context, list []*traveller) error {
	const q = `update enrolment set node = $2, state = $3, wake_at = $4, intent = $5, listens = $6, heard_at = $7, steps = $8, outcome = $9, entered_at = $10, ended_at = $11 where id = $1`
	var trail []any
	for _, t := range list {
		state := t.state
		if state == "held" {
			state = "waiting"
		}
		if _, err := w.tx.ExecContext(ctx, q, t.id, t.node, state, t.wake, t.intent, t.listens, t.heard, t.steps, t.outcome, t.entered, t.ended); err != nil {
			return err
		}
		trail = append(trail, t.trail...)
	}
	return db.InsertMany(ctx, w.tx, `insert into enrolment_step (enrolment, n, node, edge, words, at)`, "", 6, trail)
}
