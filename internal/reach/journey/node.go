package journey

import (
	"context"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/hook"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// late is how far a time before a visit may lie back and still count: a
// server that was down for an hour sends the reminder of that hour.
const late = 2 * time.Hour

// wait holds somebody until their time, or takes them on.
func (w *walk) wait(n *Node, ways [][2]string, t *traveller) {
	if !t.fresh {
		switch {
		case n.Until != "" && t.heard > 0:
			w.move(t, ways[0], "")
		case n.Until != "":
			w.move(t, ways[1], "")
		default:
			w.move(t, ways[0], "")
		}
		return
	}
	at, missed := w.until(n, t)
	if missed && len(ways) > 1 && n.Until == "" {
		w.move(t, ways[1], "the time for it had passed")
		return
	}
	if !at.After(w.now) && n.Until == "" {
		w.move(t, ways[0], "")
		return
	}
	t.listens = n.Until
	w.hold(t, at)
}

// until returns when a wait ends, and whether that is too long ago to count.
func (w *walk) until(n *Node, t *traveller) (at time.Time, missed bool) {
	at = w.now
	if n.For != "" {
		at = w.add(at, n.For, 1)
	}
	if begun, ok := instant(t.data["at"]); ok && n.After != "" {
		at = w.add(begun, n.After, 1)
	}
	if start, ok := instant(t.data["start"]); ok && n.Before != "" {
		at = w.add(start, n.Before, -1)
		missed = at.Before(w.now.Add(-late))
	}
	if n.At != "" {
		at = clock(at, n.At, w.zone(t))
	}
	return at, missed
}

// add counts a length from at, forward or back.
func (w *walk) add(at time.Time, text string, sign int) time.Time {
	l, err := parseLength(text)
	if err != nil {
		return at
	}
	if l.days > 0 && sign > 0 {
		return w.s.Business(at, l.days, w.s.Zone)
	}
	return at.Add(time.Duration(sign) * (l.d + time.Duration(l.days)*24*time.Hour))
}

// clock returns the next time at or after at that shows hour in zone. A time
// that a change of clocks leaves out is the one an hour later.
func clock(at time.Time, hour string, zone *time.Location) time.Time {
	h, err := time.Parse("15:04", hour)
	if err != nil {
		return at
	}
	local := at.In(zone)
	for day := 0; ; day++ {
		c := time.Date(local.Year(), local.Month(), local.Day()+day, h.Hour(), h.Minute(), 0, 0, zone)
		if !c.Before(at) {
			return c
		}
	}
}

func (w *walk) zone(t *traveller) *time.Location {
	if t.zone != "" {
		if loc, err := time.LoadLocation(t.zone); err == nil {
			return loc
		}
	}
	return w.s.Zone
}

func instant(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// branch asks who of a group is in a segment.
func (w *walk) branch(ctx context.Context, n *Node, ways [][2]string, group []*traveller) error {
	patients := make([]string, len(group))
	for i, t := range group {
		patients[i] = t.patient
	}
	in, err := w.s.within(ctx, w.tx, w.pass, *n.Segment, patients, w.now)
	if err != nil {
		return err
	}
	for _, t := range group {
		way := ways[1]
		if in[t.patient] {
			way = ways[0]
		}
		w.move(t, way, "")
	}
	return nil
}

// check asks for whom of a group something has happened.
func (w *walk) check(ctx context.Context, n *Node, ways [][2]string, group []*traveller) error {
	ids := make([]string, len(group))
	for i, t := range group {
		ids[i] = t.id
	}
	q := `select n.id from enrolment n where n.id in (` + db.In(1, len(ids)) + `) and ` + condition(n.Is)
	list, err := db.All(ctx, w.tx, db.Value[string], q, db.Args(ids)...)
	if err != nil {
		return err
	}
	yes := map[string]bool{}
	for _, id := range list {
		yes[id] = true
	}
	for _, t := range group {
		way := ways[1]
		if yes[t.id] {
			way = ways[0]
		}
		w.move(t, way, "")
	}
	return nil
}

// reach sends a message and waits for its goal, or looks at what became of
// it.
func (w *walk) reach(ctx context.Context, n *Node, ways [][2]string, group []*traveller) error {
	outreach, err := db.One(ctx, w.tx, db.Value[string], `select outreach from journey_outreach where journey = $1 and version = $2 and node = $3`, group[0].journey, group[0].version, n.ID)
	if err != nil {
		return err
	}
	var fresh []*traveller
	var entries []reach.Entry
	for _, t := range group {
		if !t.fresh {
			if err := w.became(ctx, ways, t); err != nil {
				return err
			}
			continue
		}
		deadline := w.deadline(n.Reach, t)
		if !deadline.After(w.now) {
			w.move(t, ways[1], "too late to be of use")
			continue
		}
		fresh = append(fresh, t)
		entries = append(entries, reach.Entry{Outreach: outreach, Patient: t.patient, Trigger: t.id + "/" + n.ID, Supersede: key(t.id), Values: t.data, Expires: deadline})
	}
	intents, err := w.s.Reach.EnterAll(ctx, w.tx, w.pass, outreach, entries)
	if errs.KindOf(err) == errs.Conflict { // the outreach was stopped by hand
		for _, t := range fresh {
			w.move(t, ways[1], "its outreach takes nobody")
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i, t := range fresh {
		t.intent = intents[i]
		w.hold(t, entries[i].Expires)
	}
	return nil
}

// deadline is when a message is of no more use.
func (w *walk) deadline(m *Message, t *traveller) time.Time {
	text := m.Deadline
	if text == "" {
		text = "3d"
	}
	at := w.add(w.now, text, 1)
	if start, ok := instant(t.data["start"]); ok && m.Before != "" {
		if before := w.add(start, m.Before, -1); before.Before(at) {
			at = before
		}
	}
	return at
}

// became takes t on by what became of its message.
func (w *walk) became(ctx context.Context, ways [][2]string, t *traveller) error {
	state, err := db.One(ctx, w.tx, db.Value[string], `select state from intent where id = $1`, t.intent)
	if err != nil {
		return err
	}
	switch state {
	case "satisfied":
		w.move(t, ways[0], "")
		return nil
	case "active", "deferred": // its deadline has come
		if _, err := w.s.Reach.Supersede(ctx, w.tx, key(t.id)); err != nil {
			return err
		}
	}
	words := map[string]string{"holdout": "held out", "blocked": "nothing could be sent", "exhausted": "tried every way", "cancelled": "taken back"}[state]
	if words == "" {
		words = "not by the deadline"
	}
	w.move(t, ways[1], words)
	return nil
}

// task writes down what the staff is to do, and goes on.
func (w *walk) task(ctx context.Context, n *Node, ways [][2]string, group []*traveller) error {
	var rows []any
	for _, t := range group {
		rows = append(rows, w.s.IDs.New(), t.id, t.journey, t.patient, n.Task, db.Micro(w.now))
		w.move(t, ways[0], "")
	}
	return db.InsertMany(ctx, w.tx, `insert into journey_task (id, enrolment, journey, patient, words, at)`, "", 6, rows)
}

// hook tells a webhook that people have come to this step, and goes on: what
// is told is kept with the step and tried again until it is taken. Where the
// webhook was ended or given up, people go the other way.
func (w *walk) hook(ctx context.Context, n *Node, ways [][2]string, group []*traveller) error {
	list := make([]hook.Step, len(group))
	for i, t := range group {
		list[i] = hook.Step{Journey: t.journey, Enrolment: t.id, Node: n.ID, At: w.now}
	}
	told := false
	if w.s.Hooks != nil {
		var err error
		if told, err = w.s.Hooks.Came(ctx, w.tx, n.Hook, list); err != nil {
			return err
		}
	}
	for _, t := range group {
		if told {
			w.move(t, ways[0], "")
		} else {
			w.move(t, ways[1], "its webhook is switched off")
		}
	}
	return nil
}

// within returns which of patients are in e.
func (s *Store) within(ctx context.Context, c db.Conn, pass access.Pass, e segment.Expr, patients []string, now time.Time) (map[string]bool, error) {
	all := segment.Expr{All: []segment.Expr{{Patients: patients}, e}}
	if e.Everyone() {
		all = segment.Expr{Patients: patients}
	}
	q, args, err := segment.Compile(pass, all, now)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, c, db.Value[string], q, args...)
	if err != nil {
		return nil, err
	}
	in := make(map[string]bool, len(list))
	for _, id := range list {
		in[id] = true
	}
	return in, nil
}
