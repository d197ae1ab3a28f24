package contact

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/base/phone"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View keeps contact points in step with Patient.telecom.
func View() record.Projector { return view{} }

type view struct{}

// Types are the resources that carry addresses of patients.
func (view) Types() []string { return []string{"Patient"} }

// Project brings the contact points of each changed patient up to date.
// Several versions of one patient may be in a batch; the last one holds.
func (view) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	last := map[string]record.Change{}
	for _, c := range batch {
		last[c.ID] = c
	}
	order := make([]string, 0, len(last))
	for id := range last {
		order = append(order, id)
	}
	slices.Sort(order) // the same order in every transaction: no deadlocks
	before, err := List(ctx, tx, order)
	if err != nil {
		return err
	}
	var args []any
	touched := map[string]bool{}
	for _, id := range order {
		c := last[id]
		points := Points(c)
		for _, p := range points {
			touched[p.Value] = true
			args = append(args, id, string(p.Kind), p.Value, p.Rank, p.Use, p.Zone, c.At.UnixMicro(), c.At.UnixMicro())
		}
		if err := drop(ctx, tx, before[id], points, touched); err != nil {
			return err
		}
	}
	const head = `insert into contact_point (patient, kind, value, rank, use, zone, updated_at, since_at)`
	const tail = `on conflict (patient, kind, value) do update set rank = excluded.rank, use = excluded.use, zone = excluded.zone, updated_at = excluded.updated_at`
	if err := db.InsertMany(ctx, tx, head, tail, 8, args); err != nil {
		return fmt.Errorf("contact: project: %w", err)
	}
	return share(ctx, tx, touched)
}

// drop removes the points that a patient no longer has.
func drop(ctx context.Context, tx *db.Tx, before, now []Point, touched map[string]bool) error {
	const q = `delete from contact_point where patient = $1 and kind = $2 and value = $3`
	for _, p := range before {
		if slices.ContainsFunc(now, func(n Point) bool { return n.Kind == p.Kind && n.Value == p.Value }) {
			continue
		}
		if _, err := tx.ExecContext(ctx, q, p.Patient, string(p.Kind), p.Value); err != nil {
			return fmt.Errorf("contact: project %s: %w", p.Patient, err)
		}
		touched[p.Value] = true
	}
	return nil
}

// share marks the touched values that more than one patient has.
func share(ctx context.Context, tx *db.Tx, touched map[string]bool) error {
	values := make([]string, 0, len(touched))
	for v := range touched {
		values = append(values, v)
	}
	slices.Sort(values)
	for chunk := range slices.Chunk(values, 200) {
		q := `
			update contact_point set shared = case when
				(select count(distinct o.patient) from contact_point o where o.value = contact_point.value) > 1 then 1 else 0 end
			where value in (` + db.In(1, len(chunk)) + `)`
		if _, err := tx.ExecContext(ctx, q, db.Args(chunk)...); err != nil {
			return fmt.Errorf("contact: share: %w", err)
		}
	}
	return nil
}

// Points reads the addresses of one Patient resource, at the time of its
// change: those whose period has ended are left out.
func Points(c record.Change) []Point {
	if c.Deleted {
		return nil
	}
	var list []Point
	for t := range c.Node.Get("telecom").Each() {
		p, ok := point(t, c.At)
		same := func(o Point) bool { return o.Kind == p.Kind && o.Value == p.Value }
		if ok && !slices.ContainsFunc(list, same) {
			p.Patient, p.Updated = c.ID, c.At
			list = append(list, p)
		}
	}
	return list
}

// point reads a FHIR ContactPoint.
func point(t fhir.Node, now time.Time) (Point, bool) {
	if end := t.Get("period", "end").Text(); end != "" {
		if span, err := fhir.ParseDate(end); err == nil && !now.Before(span.High) {
			return Point{}, false
		}
	}
	p := Point{Status: Active, Use: t.Get("use").Text(), Rank: 9}
	if p.Use == "old" {
		return Point{}, false
	}
	if rank, ok := t.Get("rank").Number(); ok && rank >= 1 && rank < 9 {
		p.Rank = int(rank)
	}
	switch t.Get("system").Text() {
	case "email":
		p.Kind = Email
	case "sms":
		p.Kind = SMS
	case "phone":
		p.Kind = Voice
	default:
		return Point{}, false
	}
	p.Value = Normal(p.Kind, t.Get("value").Text())
	if p.Value == "" {
		return Point{}, false
	}
	if p.Kind != Email {
		n := phone.Number(p.Value)
		p.Zone = n.Zone()
		// A mobile number takes texts whatever system says; one at work or
		// at home that is not called mobile takes calls.
		if p.Kind == Voice && p.Use == "mobile" && n.Mobile() {
			p.Kind = SMS
		}
	}
	return p, true
}
