package proxy

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// sweepEvery is how often Run looks. Nothing waits for it: what has ended by
// the clock is closed at once; the sweep writes it down and tells people.
const sweepEvery = 10 * time.Minute

// Run sweeps until ctx ends.
func (s *Store) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("proxy: sweep", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Sweep writes down what the clock has ended, and tells both sides of what a
// birthday will change within Ahead.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.sweepEnded(ctx); err != nil {
		return fmt.Errorf("proxy: sweep: %w", err)
	}
	if err := s.sweepAges(ctx); err != nil {
		return fmt.Errorf("proxy: sweep ages: %w", err)
	}
	return nil
}

// clock is the actor of what happens by time alone.
var clock = access.SystemActor("proxy clock")

func (s *Store) sweepEnded(ctx context.Context) error {
	now := s.now()
	const q = `select ` + columns + ` from proxy p
		where p.state = 'active' and p.until_at <= $1 or p.state in ('invited', 'joined') and p.made_at <= $2
		order by p.id limit 500`
	list, err := db.All(ctx, s.db, read, q, now.UnixMicro(), now.Add(-InviteLife).UnixMicro())
	if err != nil {
		return err
	}
	for _, p := range list {
		to, why := Ended, "time"
		if p.State != Active {
			to, why = Expired, "no answer"
		}
		if err := s.db.Tx(ctx, func(tx *db.Tx) error {
			now, err := s.get(ctx, tx, p.Patient, p.ID)
			if err != nil || now.State != p.State { // another node was quicker
				return err
			}
			return s.endIn(ctx, tx, clock, p, to, why)
		}); err != nil {
			return err
		}
		s.changed()
	}
	return nil
}

// minor is a parent's proxy with what is known of the child.
type minor struct {
	Proxy
	name, born, state string
}

const minors = `
	select per.full_name, per.born, per.state, ` + columns + `
	from proxy p join person per on per.id = p.patient
	where p.state = 'active' and p.basis = 'parent'
	order by p.id`

func readMinor(scan db.Scan) (m minor, err error) {
	m.Proxy, err = read(func(dest ...any) error { return scan(append([]any{&m.name, &m.born, &m.state}, dest...)...) })
	return m, err
}

func (s *Store) sweepAges(ctx context.Context) error {
	if s.ages == nil {
		return nil
	}
	now := s.now()
	list, err := db.All(ctx, s.db, readMinor, minors)
	if err != nil {
		return err
	}
	for _, m := range list {
		next, ok := s.ages.Next(m.born, m.state, now)
		if !ok { // grown up, or no birth date: nothing is left of it
			if err := s.endMinor(ctx, m.Proxy); err != nil {
				return err
			}
			continue
		}
		day := next.At.Format(time.DateOnly)
		if next.At.Sub(now) > Ahead || m.told == day {
			continue
		}
		if err := s.db.Tx(ctx, func(tx *db.Tx) error {
			if _, err := tx.ExecContext(ctx, `update proxy set told_for = $2 where id = $1`, m.ID, day); err != nil {
				return err
			}
			if err := s.tell(ctx, tx, m.Proxy, ToldNarrowing, next.At); err != nil {
				return err
			}
			return s.note(ctx, tx, clock, "proxy.narrowing", m.Proxy, day)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) endMinor(ctx context.Context, p Proxy) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error { return s.endIn(ctx, tx, clock, p, Ended, "age") })
	s.changed()
	return err
}

// Task is something about a proxy that the office has to look at.
type Task struct {
	Proxy
	Name string // of the patient
	What string // waiting, age, review, ends
	At   time.Time
	Age  Change // of an age task
}

// Due returns what the office has to look at in the next n days: helpers who
// wait for a yes, birthdays that change something, papers to review.
func (s *Store) Due(ctx context.Context, pass access.Pass, within time.Duration) ([]Task, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	now := s.now()
	const q = `
		select coalesce(per.full_name, ''), coalesce(per.born, ''), coalesce(per.state, ''), ` + columns + `
		from proxy p left join person per on per.id = p.patient
		where p.state = 'joined' and p.made_at > $2 or p.state = 'active' and p.until_at > $3 and (p.basis = 'parent' or p.review_at > 0 and p.review_at < $1)
		order by p.id
		limit 2000`
	list, err := db.All(ctx, s.db, readMinor, q, now.Add(within).UnixMicro(), now.Add(-InviteLife).UnixMicro(), now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("proxy: due: %w", err)
	}
	var out []Task
	for _, m := range list {
		t := Task{Proxy: m.Proxy, Name: m.name}
		if m.State == Joined {
			t.What, t.At = "waiting", m.Made
			out = append(out, t)
			continue
		}
		if !m.Review.IsZero() && m.Review.Before(now.Add(within)) {
			t.What, t.At = "review", m.Review
			out = append(out, t)
		}
		if s.ages == nil || m.Basis != access.AsParent {
			continue
		}
		if next, ok := s.ages.Next(m.born, m.state, now); ok && next.At.Before(now.Add(within)) {
			t.What, t.At, t.Age = "age", next.At, next
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Task) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// NextAge returns the next birthday that changes what p opens; ok is false
// for all but parents.
func (s *Store) NextAge(ctx context.Context, p Proxy) (c Change, ok bool, err error) {
	if s.ages == nil || p.Basis != access.AsParent {
		return c, false, nil
	}
	type facts struct{ born, state string }
	f, err := db.One(ctx, s.db, func(scan db.Scan) (f facts, err error) {
		err = scan(&f.born, &f.state)
		return f, err
	}, `select born, state from person where id = $1`, p.Patient)
	if err != nil {
		return c, false, fmt.Errorf("proxy: next age %s: %w", p.ID, err)
	}
	c, ok = s.ages.Next(f.born, f.state, s.now())
	return c, ok, nil
}

// Narrowed returns what of p's limits is open at the patient's age.
func (s *Store) Narrowed(ctx context.Context, p Proxy) (Limits, error) {
	if s.ages == nil || p.Basis != access.AsParent {
		return p.Limits, nil
	}
	g, err := db.One(ctx, s.db, func(scan db.Scan) (access.Grant, error) {
		var born, state string
		err := scan(&born, &state)
		return s.ages.Narrow(p.Grant(""), born, state, s.now()), err
	}, `select born, state from person where id = $1`, p.Patient)
	if err != nil {
		return Limits{}, fmt.Errorf("proxy: narrowed %s: %w", p.ID, err)
	}
	l := p.Limits
	l.Categories, l.Labels = g.Categories, g.Labels
	l.Actions = slices.DeleteFunc(slices.Clone(l.Actions), func(a Action) bool {
		return a == Book && !slices.Contains(g.Rights, access.BookVisits) || a == Write && !slices.Contains(g.Rights, access.SendMessages)
	})
	return l, nil
}
