package measure

import (
	"context"
	"fmt"
	"math"

	"hale/internal/causal"
	"hale/internal/store/db"
)

// cluster counts the households of an arm that are alike: n people of whom
// yes acted. Whoever was drawn alone is a household of one.
type cluster struct {
	held         bool
	chance       float64
	n, yes, many int
}

// once leaves of somebody who was drawn into an outreach more than once the
// first time: a person counts once.
const once = `not exists (
	select 1 from intent j
	where j.outreach = i.outreach and j.patient = i.patient and j.assignment in ('treat', 'holdout')
		and (j.decided_at < i.decided_at or j.decided_at = i.decided_at and j.id < i.id))`

// clusters counts the households of p, if any was drawn as one.
func (s *Store) clusters(ctx context.Context, p plan) ([]cluster, error) {
	const q = `
		select h.assignment, h.assignment_p, h.n, h.yes, count(*)
		from (
			select i.assignment, i.assignment_p, count(*) as n,
				sum(case when exists (
					select 1
					from visit v
					where v.patient = i.patient and ($2 = '' or v.service = $2)
						and v.booked_at >= i.decided_at and v.booked_at < i.decided_at + $3) then 1 else 0 end) as yes
			from intent i
			where i.outreach = $1 and i.assignment in ('treat', 'holdout') and ` + once + `
			group by i.assignment, i.assignment_p, case when i.household <> '' then 'h' || i.household else 'p' || i.patient end) h
		group by h.assignment, h.assignment_p, h.n, h.yes
		order by 1, 2, 3, 4`
	some, err := db.One(ctx, s.db, db.Value[int], `select count(*) from (select 1 from intent where outreach = $1 and household <> '' limit 1) h`, p.outreach)
	if err != nil || some == 0 {
		return nil, err
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (c cluster, err error) {
		var arm string
		err = scan(&arm, &c.chance, &c.n, &c.yes, &c.many)
		c.held = arm == "holdout"
		return c, err
	}, q, p.outreach, p.service, p.window.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("measure: households %s: %w", p.outreach, err)
	}
	return list, nil
}

// design is by how much people drawn by household widen what is known of
// them, and how many degrees of freedom are left.
type design struct{ widen, df float64 }

// designOf compares the variance of the difference with households as units
// to that with people as units. It never narrows.
//
// Spec: Bell and McCaffrey 2002 (CR2). For the mean of an arm of n people the
// correction of a household of m is 1/(1 - m/n). The degrees of freedom are
// those of the arm with fewer households.
func designOf(list []cluster) design {
	type arm struct {
		held   bool
		chance float64
	}
	people, yes, houses, all := map[arm]float64{}, map[arm]float64{}, map[arm]float64{}, map[float64]float64{}
	for _, c := range list {
		a := arm{c.held, c.chance}
		people[a] += float64(c.n * c.many)
		yes[a] += float64(c.yes * c.many)
		houses[a] += float64(c.many)
		all[c.chance] += float64(c.n * c.many)
	}
	d := design{widen: 1, df: math.Inf(1)}
	var apart, together float64
	for _, c := range list {
		a := arm{c.held, c.chance}
		n := people[a]
		if n < 2 || houses[a] < 2 || c.chance <= 0 || c.chance >= 1 {
			continue
		}
		mean, weight := yes[a]/n, all[c.chance]/n*all[c.chance]/n
		rest := float64(c.yes) - float64(c.n)*mean
		together += weight * float64(c.many) * rest * rest / (1 - float64(c.n)/n)
		alone := float64(c.yes)*(1-mean)*(1-mean) + float64(c.n-c.yes)*mean*mean
		apart += weight * float64(c.many) * alone / (1 - 1/n)
		d.df = min(d.df, houses[a]-1)
	}
	if apart > 0 && together > apart {
		d.widen = math.Sqrt(together / apart)
	}
	return d
}

// wider returns e as wide as d makes it.
func (d design) wider(e causal.Estimate) causal.Estimate {
	e.SE *= d.widen
	e.DF = min(e.DF, d.df)
	return e
}
