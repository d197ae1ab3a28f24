package measure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Funnel returns how many patients of outreach came how far; of several, all
// of them together, a patient once for each.
func (s *Store) Funnel(ctx context.Context, pass access.Pass, outreach ...string) (Funnel, error) {
	if err := pass.OpenAll(access.ReadMeasure); err != nil {
		return Funnel{}, err
	}
	if len(outreach) == 0 {
		return Funnel{AsOf: s.now()}, nil
	}
	return s.funnels.get(ctx, s.now, strings.Join(outreach, " "), func(ctx context.Context) (Funnel, error) { return s.countFunnel(ctx, outreach) })
}

func (s *Store) countFunnel(ctx context.Context, outreach []string) (Funnel, error) {
	which := db.In(1, len(outreach))
	q := `
		select count(*),
			coalesce(sum(case when i.assignment = 'holdout' then 1 else 0 end), 0),
			coalesce(sum(case when i.assignment = 'excluded' or i.state = 'blocked' then 1 else 0 end), 0),
			coalesce(sum(m.sent), 0), coalesce(sum(m.delivered), 0), coalesce(sum(m.seen), 0), coalesce(sum(m.acted), 0)
		from intent i
		left join (
			select intent,
				max(` + sent + `) as sent, max(` + delivered + `) as delivered,
				max(` + seen + `) as seen, max(` + acted + `) as acted
			from message
			where outreach in (` + which + `)
			group by intent) m on m.intent = i.id
		where i.outreach in (` + which + `)`
	read := func(scan db.Scan) (f Funnel, err error) {
		err = scan(&f.Patients, &f.Held, &f.Blocked, &f.Sent, &f.Delivered, &f.Seen, &f.Acted)
		return f, err
	}
	f, err := db.One(ctx, s.db, read, q, db.Args(outreach)...)
	if err != nil {
		return Funnel{}, fmt.Errorf("measure: funnel %v: %w", outreach, err)
	}
	f.AsOf = s.now()
	return f, nil
}

// How far a message came. Each step takes in the later ones: what was seen
// was delivered, whether or not a receipt said so.
const (
	sent      = `case when accepted_at > 0 or delivered_at > 0 or first_seen_at > 0 then 1 else 0 end`
	delivered = `case when delivered_at > 0 or first_seen_at > 0 then 1 else 0 end`
	seen      = `case when first_seen_at > 0 then 1 else 0 end`
	acted     = `case when acted_at > 0 then 1 else 0 end`
)

// ByChannel returns how far the messages of outreach came on each channel,
// the most used first. The list is not the caller's to change.
func (s *Store) ByChannel(ctx context.Context, pass access.Pass, outreach string) ([]ChannelRow, error) {
	if err := pass.OpenAll(access.ReadMeasure); err != nil {
		return nil, err
	}
	return s.ways.get(ctx, s.now, outreach, func(ctx context.Context) ([]ChannelRow, error) { return s.countWays(ctx, outreach) })
}

func (s *Store) countWays(ctx context.Context, outreach string) ([]ChannelRow, error) {
	const q = `
		select channel, sum(` + sent + `), sum(` + delivered + `), sum(` + seen + `), sum(` + acted + `)
		from message
		where outreach = $1
		group by channel
		order by 2 desc, channel`
	read := func(scan db.Scan) (r ChannelRow, err error) {
		err = scan(&r.Channel, &r.Sent, &r.Delivered, &r.Seen, &r.Acted)
		r.SeenShare = share(r.Seen, r.Sent)
		return r, err
	}
	list, err := db.All(ctx, s.db, read, q, outreach)
	if err != nil {
		return nil, fmt.Errorf("measure: by channel %s: %w", outreach, err)
	}
	for i, r := range list {
		if list[i].ToSeen, err = s.medianToSeen(ctx, outreach, r.Channel, r.Seen); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// medianToSeen returns the median time from sending to seeing among those
// who saw.
func (s *Store) medianToSeen(ctx context.Context, outreach, channel string, n int) (time.Duration, error) {
	const q = `
		select first_seen_at - case when accepted_at > 0 then accepted_at else created_at end
		from message
		where outreach = $1 and channel = $2 and first_seen_at > 0
		order by 1
		limit 1 offset $3`
	if n == 0 {
		return 0, nil
	}
	micro, err := db.One(ctx, s.db, db.Value[int64], q, outreach, channel, (n-1)/2)
	if err != nil {
		return 0, fmt.Errorf("measure: time to seen %s: %w", outreach, err)
	}
	return time.Duration(max(0, micro)) * time.Microsecond, nil
}
