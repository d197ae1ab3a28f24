package measure

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Store measures outreaches.
type Store struct {
	db  *db.DB
	now func() time.Time

	effects kept[Effect]
	funnels kept[Funnel]
	ways    kept[[]ChannelRow]
}

// NewStore returns a store that reads d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

// Effect returns what outreach changed so far. What takes long to count may be
// some minutes old, as are Funnel and ByChannel.
func (s *Store) Effect(ctx context.Context, pass access.Pass, outreach string) (Effect, error) {
	if err := pass.OpenAll(access.ReadMeasure); err != nil {
		return Effect{}, err
	}
	return s.effects.get(ctx, s.now, outreach, func(ctx context.Context) (Effect, error) { return s.countEffect(ctx, outreach) })
}

func (s *Store) countEffect(ctx context.Context, outreach string) (Effect, error) {
	p, err := s.plan(ctx, outreach)
	if err != nil {
		return Effect{}, err
	}
	cells, err := s.cells(ctx, p)
	if err != nil {
		return Effect{}, err
	}
	houses, err := s.clusters(ctx, p)
	if err != nil {
		return Effect{}, err
	}
	return effect(p, cells, houses, s.now()), nil
}

// plan reads what outreach set out to do.
func (s *Store) plan(ctx context.Context, outreach string) (plan, error) {
	const q = `
		select o.id, o.service, o.state, o.window_days, o.audience, o.started_at,
			count(distinct i.patient), coalesce(min(i.decided_at), 0), coalesce(max(i.decided_at), 0)
		from outreach o
		left join intent i on i.outreach = o.id
		where o.id = $1
		group by o.id, o.service, o.state, o.window_days, o.audience, o.started_at`
	read := func(scan db.Scan) (p plan, err error) {
		var days, started, first, last int64
		err = scan(&p.outreach, &p.service, &p.state, &days, &p.audience, &started, &p.draws, &first, &last)
		p.window = time.Duration(days) * 24 * time.Hour
		p.started, p.first, p.last = db.Time(started), db.Time(first), db.Time(last)
		return p, err
	}
	p, err := db.One(ctx, s.db, read, q, outreach)
	if err != nil {
		return plan{}, fmt.Errorf("measure: plan %s: %w", outreach, err)
	}
	return p, nil
}

// cells counts the drawn people of p by arm, chance and what was settled
// before the draw. Whoever was drawn counts, reached or not. The stratum is
// the first channel of the plan, which is made for those held out as well.
func (s *Store) cells(ctx context.Context, p plan) ([]cell, error) {
	const q = `
		select i.assignment, i.assignment_p, i.stratum,
			case when p.born <> '' and p.born <= $4 then 1 else 0 end,
			coalesce(p.lang, ''),
			case when i.facts like '%"account":true%' then 1 else 0 end,
			i.variant,
			case when i.held_by = 'everything' then 1 else 0 end,
			count(*),
			sum(case when exists (
				select 1
				from visit v
				where v.patient = i.patient and ($2 = '' or v.service = $2)
					and v.booked_at >= i.decided_at and v.booked_at < i.decided_at + $3) then 1 else 0 end)
		from intent i
		left join person p on p.id = i.patient
		where i.outreach = $1 and i.assignment in ('treat', 'holdout') and ` + once + `
		group by 1, 2, 3, 4, 5, 6, 7, 8
		order by 1, 2, 3, 4, 5, 6, 7, 8`
	read := func(scan db.Scan) (c cell, err error) {
		var arm string
		var older, known, all int
		err = scan(&arm, &c.chance, &c.channel, &older, &c.lang, &known, &c.variant, &all, &c.n, &c.yes)
		c.held, c.older, c.known, c.fromAll = arm == "holdout", older == 1, known == 1, all == 1
		return c, err
	}
	old := p.started.AddDate(-65, 0, 0).Format(time.DateOnly)
	list, err := db.All(ctx, s.db, read, q, p.outreach, p.service, p.window.Microseconds(), old)
	if err != nil {
		return nil, fmt.Errorf("measure: cells %s: %w", p.outreach, err)
	}
	return list, nil
}
