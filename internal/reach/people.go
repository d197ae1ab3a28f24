package reach

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// Member is one patient's part in one outreach.
type Member struct {
	Outreach string
	Name     string // of the outreach
	Patient  string
	State    string // of the intent
	Decided  time.Time
	Seen     time.Time // zero: not seen
	Acted    time.Time // zero: not acted
}

var errMemberState = errs.New(errs.Invalid, "There is no such state.")

// Count returns how many patients e is about now.
func (e *Engine) Count(ctx context.Context, pass access.Pass, expr segment.Expr) (int, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	q, args, err := segment.CompileCount(pass, expr, e.Now())
	if err != nil {
		return 0, err
	}
	n, err := db.One(ctx, e.DB, db.Value[int], q, args...)
	if err != nil {
		return 0, fmt.Errorf("reach: count: %w", err)
	}
	return n, nil
}

// memberQuery reads intents with what became of their messages.
const memberQuery = `
	select i.outreach, o.name, i.patient, i.state, i.decided_at,
		coalesce((select max(m.first_seen_at) from message m where m.intent = i.id), 0),
		coalesce((select max(m.acted_at) from message m where m.intent = i.id), 0)
	from intent i
		join outreach o on o.id = i.outreach
	where `

// Members returns the next n patients of an outreach after the one with the
// id after, in the order of their ids. State is an intent's, or sent,
// delivered, seen, acted, in_doubt, or empty for all.
func (e *Engine) Members(ctx context.Context, pass access.Pass, outreach, state, after string, n int) ([]Member, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	where, err := memberState(state)
	if err != nil {
		return nil, err
	}
	o, err := get(ctx, e.DB, outreach)
	if errors.Is(err, db.ErrNone) || err == nil && !mayKnow(pass, o) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	args := []any{outreach, after, n}
	if where == "" {
		where = ` and i.state = $4`
		args = append(args, state)
	}
	q := memberQuery + `i.outreach = $1 and i.patient > $2` + where + ` order by i.patient limit $3`
	list, err := db.All(ctx, e.DB, readMember, q, args...)
	if err != nil {
		return nil, fmt.Errorf("reach: members of %s: %w", outreach, err)
	}
	return list, nil
}

// memberState returns the condition for a state, empty for one that the
// intent itself has.
func memberState(state string) (string, error) {
	const some = ` and exists (select 1 from message m where m.intent = i.id and `
	switch state {
	case "":
		return ` and 1 = 1`, nil
	case "sent":
		return some + `(m.accepted_at > 0 or m.delivered_at > 0 or m.first_seen_at > 0))`, nil
	case "delivered":
		return some + `(m.delivered_at > 0 or m.first_seen_at > 0))`, nil
	case "seen":
		return some + `m.first_seen_at > 0)`, nil
	case "acted":
		return some + `m.acted_at > 0)`, nil
	case "in_doubt":
		return some + `m.in_doubt = 1)`, nil
	case "holdout", "blocked", "deferred", "active", "satisfied", "exhausted", "cancelled", "expired":
		return "", nil
	}
	return "", errMemberState
}

// Met returns every outreach that included the patient whom pass opens, the
// newest first.
func (e *Engine) Met(ctx context.Context, pass access.Pass) ([]Member, error) {
	patient, err := pass.Open(access.ReadDecisions)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, e.DB, readMember, memberQuery+`i.patient = $1 order by i.decided_at desc, i.id desc limit 50`, patient)
	if err != nil {
		return nil, fmt.Errorf("reach: met: %w", err)
	}
	shown := list[:0]
	for _, m := range list {
		o, err := get(ctx, e.DB, m.Outreach)
		if err != nil {
			return nil, err
		}
		if mayKnow(pass, o) {
			shown = append(shown, m)
		}
	}
	return shown, nil
}

func readMember(scan db.Scan) (m Member, err error) {
	var decided, seen, acted int64
	err = scan(&m.Outreach, &m.Name, &m.Patient, &m.State, &decided, &seen, &acted)
	at := func(us int64) time.Time {
		if us == 0 {
			return time.Time{}
		}
		return time.UnixMicro(us).UTC()
	}
	m.Decided, m.Seen, m.Acted = at(decided), at(seen), at(acted)
	return m, err
}

// Sent returns every outreach that is more than a draft, newest first, for
// those who measure without running any.
func (e *Engine) Sent(ctx context.Context, pass access.Pass) ([]Outreach, error) {
	if err := pass.OpenAll(access.ReadMeasure); err != nil {
		return nil, err
	}
	const q = `select ` + outreachColumns + ` from outreach where state <> 'draft' order by created_at desc, id desc`
	list, err := db.All(ctx, e.DB, readOutreach, q)
	if err != nil {
		return nil, fmt.Errorf("reach: sent: %w", err)
	}
	return list, nil
}

// Against counts the messages of an outreach that left although their reader
// had refused them before: what claiming a message re-checks, looked at again
// from the records that are left.
func (e *Engine) Against(ctx context.Context, pass access.Pass, outreach string) (int, error) {
	const q = `
		select count(*)
		from message m
			join attempt a on a.message = m.id and a.n = 1
			join consent_event c on c.patient = m.patient and c.action = 'revoke' and c.at < a.started_at
				and c.channel in (m.channel, '*') and c.purpose in (m.purpose, '*')
		where m.outreach = $1 and m.accepted_at > 0
			and not exists (
				select 1 from consent_event g
				where g.patient = m.patient and g.action in ('grant', 'revoke') and g.id <> c.id and g.at >= c.at and g.at < a.started_at
					and g.channel in (m.channel, '*') and g.purpose in (m.purpose, '*'))`
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	n, err := db.One(ctx, e.DB, db.Value[int], q, outreach)
	if err != nil {
		return 0, fmt.Errorf("reach: against of %s: %w", outreach, err)
	}
	return n, nil
}
