package task

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Filter says which tasks of everybody are listed.
type Filter struct {
	Kind   Kind   // empty: every kind
	Owner  string // an account; empty: whoever has it
	Free   bool   // only what nobody has yet
	Late   bool   // only what is overdue
	Closed bool   // those closed in the last month instead, newest first
	N      int    // at most; 0: 200
}

// Open lists tasks of everybody that the pass is about, soonest due first.
func (s *Store) Open(ctx context.Context, pass access.Pass, f Filter) ([]Task, error) {
	desk, err := deskOf(pass)
	if err != nil {
		return nil, err
	}
	if f.N == 0 {
		f.N = 200
	}
	if f.Closed {
		return s.closed(ctx, pass, desk, f)
	}
	hidden, until := pass.Veil()
	q := `select ` + columns + ` from task t where t.closed_at = 0 and ` + veil + `
		and ($1 = '' or t.kind = $1) and ($4 = '' or t.owner = $4) and ($5 = 0 or t.owner = '') and (t.due_at < $6 and ` + owedNow + ` or $6 = 0)
		and ` + desk.clause(8) + ` order by t.due_at, t.id limit $7`
	free, before := int64(0), int64(0)
	if f.Free {
		free = 1
	}
	if f.Late {
		before = s.now().UnixMicro()
	}
	args := append([]any{string(f.Kind), hidden, until, f.Owner, free, before, f.N}, desk.args()...)
	list, err := db.All(ctx, s.db, scan, q, args...)
	if err != nil {
		return nil, fmt.Errorf("task: open: %w", err)
	}
	return list, nil
}

// closed lists what was closed in the last month, newest first.
func (s *Store) closed(ctx context.Context, pass access.Pass, desk area, f Filter) ([]Task, error) {
	hidden, until := pass.Veil()
	q := `select ` + columns + ` from task t where t.closed_at > $5 and ` + veil + `
		and ($1 = '' or t.kind = $1) and ($4 = '' or t.owner = $4) and ` + desk.clause(7) + `
		order by t.closed_at desc, t.id limit $6`
	args := append([]any{string(f.Kind), hidden, until, f.Owner, s.now().AddDate(0, -1, 0).UnixMicro(), f.N}, desk.args()...)
	list, err := db.All(ctx, s.db, scan, q, args...)
	if err != nil {
		return nil, fmt.Errorf("task: closed: %w", err)
	}
	return list, nil
}

// Counts are how many tasks wait.
type Counts struct {
	Open, Late, Free int
	Mine             int // late ones that were raised to whoever asks
	Kinds            map[Kind]int
}

// With adds up what two rights show.
func (c Counts) With(more Counts) Counts {
	all := Counts{Open: c.Open + more.Open, Late: c.Late + more.Late, Free: c.Free + more.Free, Mine: c.Mine + more.Mine, Kinds: map[Kind]int{}}
	for _, k := range Kinds {
		all.Kinds[k] = c.Kinds[k] + more.Kinds[k]
	}
	return all
}

// Counts counts what waits, of everybody, that the pass is about.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (Counts, error) {
	c := Counts{Kinds: map[Kind]int{}}
	desk, err := deskOf(pass)
	if err != nil {
		return c, err
	}
	hidden, until := pass.Veil()
	q := `select t.kind, count(*), count(case when t.due_at < $1 and ` + owedNow + ` then 1 end), count(case when t.owner = '' then 1 end),
		count(case when t.due_at < $1 and t.raised_at > t.due_at and t.raised_to = $4 and ` + owedNow + ` then 1 end)
		from task t where t.closed_at = 0 and ` + veil + ` and ` + desk.clause(5) + ` group by t.kind`
	type row struct {
		kind               Kind
		n, late, own, mine int
	}
	args := append([]any{s.now().UnixMicro(), hidden, until, pass.Actor().ID}, desk.args()...)
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.kind, &r.n, &r.late, &r.own, &r.mine) }, q, args...)
	if err != nil {
		return c, fmt.Errorf("task: counts: %w", err)
	}
	for _, r := range list {
		c.Kinds[r.kind] = r.n
		c.Open, c.Late, c.Free, c.Mine = c.Open+r.n, c.Late+r.late, c.Free+r.own, c.Mine+r.mine
	}
	return c, nil
}

// Whose returns the patient of a task, for whoever asks for a pass.
func (s *Store) Whose(ctx context.Context, pass access.Pass, id string) (string, error) {
	desk, err := deskOf(pass)
	if err != nil {
		return "", err
	}
	hidden, until := pass.Veil()
	q := `select t.patient from task t where t.id = $1 and ` + veil + ` and ` + desk.clause(4)
	patient, err := db.One(ctx, s.db, db.Value[string], q, append([]any{id, hidden, until}, desk.args()...)...)
	if err != nil {
		return "", fmt.Errorf("task: whose %s: %w", id, err)
	}
	return patient, nil
}

// Read notes that somebody of the staff opened a task. The first one counts.
func (s *Store) Read(ctx context.Context, pass access.Pass, id string) error {
	return s.change(ctx, pass, id, desks, func(t Task, by string, now time.Time) (Task, error) {
		if t.Status != Received {
			return t, nil
		}
		return t.step(Read, by, "", now)
	})
}

// Claim makes whoever holds pass the owner of a task.
func (s *Store) Claim(ctx context.Context, pass access.Pass, id string) error {
	a := pass.Actor()
	return s.Assign(ctx, pass, id, a.ID, a.Name)
}

// Assign gives a task to an account, or back to the team where it is empty.
func (s *Store) Assign(ctx context.Context, pass access.Pass, id, account, name string) error {
	return s.change(ctx, pass, id, desks, func(t Task, _ string, now time.Time) (Task, error) {
		if t.Owner == account && t.Status.Open() {
			return t, nil
		}
		to := t.Status
		switch {
		case account == "":
			to = Read
		case to == Received || to == Read:
			to = Claimed
		}
		t.Owner, t.OwnerName = account, name
		return t.step(to, name, "", now)
	})
}

// Step says how far a task is, with a note that the patient reads.
func (s *Store) Step(ctx context.Context, pass access.Pass, id string, to Status, note string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.StepTx(ctx, tx, pass, id, to, note) })
}

// StepTx is Step inside the transaction of its cause.
func (s *Store) StepTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, to Status, note string) error {
	if !to.Open() || to == "" {
		return errStatus
	}
	return s.changeTx(ctx, tx, pass, id, desks, func(t Task, by string, now time.Time) (Task, error) { return t.step(to, by, note, now) })
}

// Close closes a task for a reason, with what is said back to the patient.
func (s *Store) Close(ctx context.Context, pass access.Pass, id string, why Reason, answer string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.CloseTx(ctx, tx, pass, id, why, answer) })
}

// Answer is what a task is closed with.
type Answer struct {
	Why       Reason
	Words     string
	Translate string // the language into which the words are translated; empty: none
}

// Answer closes a task for a reason, with what is said back to the patient,
// and has that translated where it asks for it.
func (s *Store) Answer(ctx context.Context, pass access.Pass, id string, in Answer) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.CloseTx(ctx, tx, pass, id, in.Why, in.Words); err != nil {
			return err
		}
		if in.Translate == "" || tidy(in.Words) == "" || s.translations == nil {
			return nil
		}
		return s.translations.AskTx(ctx, tx, pass, "Task", id, in.Translate)
	})
}

// CloseTx is Close inside the transaction of its cause.
func (s *Store) CloseTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, why Reason, answer string) error {
	return s.changeTx(ctx, tx, pass, id, desks, func(t Task, by string, now time.Time) (Task, error) { return t.close(why, by, answer, now) })
}

// Reopen undoes the closing of a task.
func (s *Store) Reopen(ctx context.Context, pass access.Pass, id string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		err := s.changeTx(ctx, tx, pass, id, desks, func(t Task, by string, now time.Time) (Task, error) { return t.reopen(by, "", now) })
		if err != nil || s.translations == nil {
			return err
		}
		return s.translations.AgainTx(ctx, tx, pass, "Task", id)
	})
}
