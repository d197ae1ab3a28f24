package track

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Three are messages by who is behind their fetches, each message once: a
// person, if a person is; else not known, if anybody may have been one; else
// machines. The three are never added up.
type Three struct{ Human, Machine, Unknown int }

// Counts are the three numbers of an outreach.
type Counts struct {
	Opens  Three // pictures that were loaded
	Clicks Three // links that were followed, those to our own pages included
}

// Counts returns the numbers of an outreach.
func (s *Store) Counts(ctx context.Context, pass access.Pass, outreach string) (Counts, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Counts{}, err
	}
	const opens = `
		select best, count(*) from (
			select max(case h.actor when 'human' then 3 when 'machine' then 1 else 2 end) as best
			from track_hit h join message m on m.id = h.message
			where m.outreach = $1 and h.target = 0
			group by h.message) v
		group by best`
	// Who did something on our page was a person, whatever the fetch looked
	// like.
	const clicks = `
		select best, count(*) from (
			select max(f.rank) as best from (
				select h.message, case h.actor when 'human' then 3 when 'machine' then 1 else 2 end as rank
				from track_hit h join message m on m.id = h.message
				where m.outreach = $1 and h.target <> 0
				union all
				select l.message, case f.actor when 'machine' then 1 else 2 end as rank
				from link_fetch f join link l on l.id = f.link join message m on m.id = l.message
				where m.outreach = $1
				union all
				select e.message, 3 as rank
				from message_event e join message m on m.id = e.message
				where m.outreach = $1 and e.kind in ('factor_passed', 'revealed') and e.actor_class = 'human' and m.channel <> 'inbox'
			) f
			group by f.message) v
		group by best`
	var c Counts
	var err error
	if c.Opens, err = s.three(ctx, opens, outreach); err != nil {
		return Counts{}, err
	}
	c.Clicks, err = s.three(ctx, clicks, outreach)
	return c, err
}

func (s *Store) three(ctx context.Context, q, outreach string) (t Three, err error) {
	list, err := db.All(ctx, s.db, func(scan db.Scan) (p [2]int, err error) { return p, scan(&p[0], &p[1]) }, q, outreach)
	if err != nil {
		return t, fmt.Errorf("track: counts: %w", err)
	}
	for _, p := range list {
		switch p[0] {
		case 3:
			t.Human = p[1]
		case 1:
			t.Machine = p[1]
		default:
			t.Unknown = p[1]
		}
	}
	return t, nil
}
