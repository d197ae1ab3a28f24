package reach

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// accounts are the states an intent can be in, as the reconciliation line
// names them, in its order.
var accounts = [...][2]string{
	{"holdout", "held out"}, {"blocked", "not sent, with a reason"}, {"satisfied", "seen"}, {"active", "under way"},
	{"deferred", "put off"}, {"exhausted", "tried every way"}, {"expired", "expired"}, {"cancelled", "cancelled"},
}

// Progress says how far an outreach has come.
func (e *Engine) Progress(ctx context.Context, pass access.Pass, id string) (Progress, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Progress{}, err
	}
	o, err := get(ctx, e.DB, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{State: o.State, Audience: o.Audience, Planned: o.Planned, Intents: map[string]int{}, Messages: map[Channel]map[string]int{}}
	type count struct {
		channel Channel
		state   string
		n       int
	}
	read := func(scan db.Scan) (c count, err error) {
		err = scan(&c.channel, &c.state, &c.n)
		return c, err
	}
	intents, err := db.All(ctx, e.DB, read, `select '', state, count(*) from intent where outreach = $1 group by state`, id)
	if err != nil {
		return p, fmt.Errorf("reach: progress %s: %w", id, err)
	}
	for _, c := range intents {
		p.Intents[c.state] = c.n
	}
	messages, err := db.All(ctx, e.DB, read, `select channel, state, count(*) from message where outreach = $1 group by channel, state`, id)
	if err != nil {
		return p, fmt.Errorf("reach: progress %s: %w", id, err)
	}
	for _, c := range messages {
		if p.Messages[c.channel] == nil {
			p.Messages[c.channel] = map[string]int{}
		}
		p.Messages[c.channel][c.state] = c.n
	}
	if p.InDoubt, err = db.One(ctx, e.DB, db.Value[int], `select count(*) from message where outreach = $1 and in_doubt = 1`, id); err != nil {
		return p, fmt.Errorf("reach: progress %s: %w", id, err)
	}
	if o.Kind == Journey || o.Kind == API { // the audience are those who came
		for _, n := range p.Intents {
			p.Audience += n
		}
		p.Planned = p.Audience
	}
	p.balance()
	return p, e.pace(ctx, &p, id)
}

// balance writes the line in which every person of the audience is in
// exactly one place.
func (p *Progress) balance() {
	var parts []string
	sum := 0
	for _, a := range accounts {
		if n := p.Intents[a[0]]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(n), a[1]))
			sum += n
		}
	}
	if left := p.Audience - p.Planned; left > 0 {
		parts = append(parts, thousands(left)+" not decided yet")
		sum += left
	}
	p.Balanced = sum == p.Audience
	sign := "="
	if !p.Balanced {
		sign = "≠"
	}
	if len(parts) == 0 {
		parts = []string{"nobody"}
	}
	p.Line = fmt.Sprintf("%s people %s %s", thousands(p.Audience), sign, strings.Join(parts, " + "))
}

// thousands writes 8412 as 8,412.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// pace measures the last minute and reckons from it.
func (e *Engine) pace(ctx context.Context, p *Progress, id string) error {
	now := e.Now()
	const q = `select count(*), coalesce(min(accepted_at), 0) from message where outreach = $1 and accepted_at > $2`
	type rate struct{ n, since int64 }
	r, err := db.One(ctx, e.DB, func(scan db.Scan) (r rate, err error) {
		err = scan(&r.n, &r.since)
		return r, err
	}, q, id, db.Micro(now.Add(-time.Minute)))
	if err != nil {
		return fmt.Errorf("reach: progress %s: %w", id, err)
	}
	const due = `select count(*) from message where outreach = $1 and state in ('scheduled', 'handing_off') and not_before <= $2`
	left, err := db.One(ctx, e.DB, db.Value[int], due, id, db.Micro(now))
	if err != nil {
		return fmt.Errorf("reach: progress %s: %w", id, err)
	}
	left += p.Audience - p.Planned
	if took := now.Sub(db.Time(r.since)); r.n > 0 {
		p.PerSecond = float64(r.n) / max(took.Seconds(), 1)
		if left > 0 {
			p.ETA = now.Add(time.Duration(float64(left) / p.PerSecond * float64(time.Second)))
		}
	}
	return nil
}
