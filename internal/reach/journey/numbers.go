package journey

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Number is what is going on at one node.
type Number struct {
	Here   int            // people who are there now
	Passed map[string]int // by way out
}

// Numbers returns the numbers of every node of all versions, by node.
func (s *Store) Numbers(ctx context.Context, pass access.Pass, id string) (map[string]Number, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	type row struct {
		node, edge string
		n          int
	}
	read := func(scan db.Scan) (r row, err error) {
		err = scan(&r.node, &r.edge, &r.n)
		return r, err
	}
	here, err := db.All(ctx, s.DB, read, `select node, '', count(*) from enrolment where journey = $1 and state in ('moving', 'waiting') group by node`, id)
	if err != nil {
		return nil, fmt.Errorf("journey: numbers of %s: %w", id, err)
	}
	const q = `select t.node, t.edge, count(*) from enrolment_step t join enrolment e on e.id = t.enrolment where e.journey = $1 group by t.node, t.edge`
	passed, err := db.All(ctx, s.DB, read, q, id)
	if err != nil {
		return nil, fmt.Errorf("journey: numbers of %s: %w", id, err)
	}
	all := map[string]Number{}
	for _, r := range passed {
		n := all[r.node]
		if n.Passed == nil {
			n.Passed = map[string]int{}
		}
		n.Passed[r.edge] = r.n
		all[r.node] = n
	}
	for _, r := range here {
		n := all[r.node]
		n.Here = r.n
		all[r.node] = n
	}
	return all, nil
}

// Traveller is one person's way through a journey.
type Traveller struct {
	ID, Patient, Node, State, Outcome string
	Version                           int
	Wake, Entered, Started, Ended     time.Time
}

// People returns up to n people after the one with the id after, who are at
// node now; with an empty node those who have come to an end, the newest
// first.
func (s *Store) People(ctx context.Context, pass access.Pass, id, node string, n int) ([]Traveller, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	const columns = `select id, patient, node, state, outcome, version, wake_at, entered_at, started_at, ended_at from enrolment where journey = $1 and `
	q, args := columns+`node = $2 and state in ('moving', 'waiting') order by wake_at, id limit $3`, []any{id, node, n}
	if node == "" {
		q, args = columns+`state not in ('moving', 'waiting') order by ended_at desc, id limit $2`, []any{id, n}
	}
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (t Traveller, err error) {
		var wake, entered, started, ended int64
		err = scan(&t.ID, &t.Patient, &t.Node, &t.State, &t.Outcome, &t.Version, &wake, &entered, &started, &ended)
		t.Wake, t.Entered, t.Started, t.Ended = db.Time(wake), db.Time(entered), db.Time(started), db.Time(ended)
		return t, err
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("journey: people of %s: %w", id, err)
	}
	return list, nil
}

// Job is something that a journey asks the staff to do.
type Job struct {
	ID, Journey, Name, Patient, Words string
	At                                time.Time
}

// Tasks returns what the staff is to do, the oldest first.
func (s *Store) Tasks(ctx context.Context, pass access.Pass, n int) ([]Job, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	const q = `select t.id, t.journey, j.name, t.patient, t.words, t.at from journey_task t join journey j on j.id = t.journey where t.closed_at = 0 order by t.at, t.id limit $1`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (t Job, err error) {
		var at int64
		err = scan(&t.ID, &t.Journey, &t.Name, &t.Patient, &t.Words, &at)
		t.At = db.Time(at)
		return t, err
	}, q, n)
	if err != nil {
		return nil, fmt.Errorf("journey: tasks: %w", err)
	}
	return list, nil
}

var errDone = errs.New(errs.Conflict, "Somebody has done this already.")

// Close marks a task as done.
func (s *Store) Close(ctx context.Context, pass access.Pass, task string) error {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return err
	}
	n, err := db.Changed(s.DB.ExecContext(ctx, `update journey_task set closed_at = $2, closed_by = $3 where id = $1 and closed_at = 0`, task, db.Micro(s.Now()), pass.Actor().ID))
	if err == nil && n == 0 {
		err = errDone
	}
	if err != nil {
		return fmt.Errorf("journey: close %s: %w", task, err)
	}
	return nil
}
