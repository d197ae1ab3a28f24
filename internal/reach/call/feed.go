package call

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

const feedKind = "call.feed"

// Handlers are the list's background jobs.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{feedKind: func(ctx context.Context, _ json.RawMessage) error { return s.Feed(ctx) }}
}

// Periodic is the list's regular work.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: feedKind, Every: time.Minute}}
}

// feedBatch is how many calls one transaction adds.
const feedBatch = 500

// source is what of the ledger asks for a call.
type source struct{ subject, message, patient, outreach, purpose string }

// Asked to be called: the event itself is the subject, so who asks again is
// called again, but not while a call is open.
const asked = `
	select v.id, m.id, m.patient, m.outreach, m.purpose
	from message_event v join message m on m.id = v.message
	where v.kind = 'call_wanted' and v.received_at > $1
		and not exists (select 1 from call c where c.kind = 'asked' and (c.subject = v.id or c.message = m.id and (c.state = 'open' or c.closed_at >= v.received_at)))
		and not exists (select 1 from todo w where w.kind = 'call' and w.subject = m.id and w.closed = 1 and w.at >= v.received_at
			and w.n = (select max(x.n) from todo x where x.kind = 'call' and x.subject = m.id))
		and not exists (select 1 from message_event l where l.message = m.id and l.kind = 'call_wanted' and (l.received_at > v.received_at or l.received_at = v.received_at and l.id > v.id))
	order by v.id limit $2`

// Not reached: every way was tried, and nothing arrived, or nobody knows that
// anything did: three connections broke before their answer.
const unreached = `
	select i.id, (select m.id from message m where m.intent = i.id order by m.step desc limit 1), i.patient, i.outreach, i.purpose
	from intent i
	where i.state in ('exhausted', 'expired') and i.decided_at > $1
		and exists (select 1 from message m where m.intent = i.id and m.state in ('undelivered', 'given_up'))
		and not exists (select 1 from message m where m.intent = i.id
			and (m.channel = 'voice' or m.state in ('accepted', 'delivered', 'seen', 'acted', 'scheduled', 'handing_off', 'uncertain')))
		and not exists (select 1 from call c where c.kind = 'unreached' and c.subject = i.id)
		and not exists (select 1 from todo w where w.kind = 'failed' and w.subject = i.id and w.closed = 1)
		and not exists (select 1 from outreach o where o.id = i.outreach and o.state = 'stopped')
	order by i.id limit $2`

// feedBack is how far back the ledger is read.
const feedBack = 60 * 24 * time.Hour

// Feed adds the calls that the ledger asks for and closes those that nobody
// needs any more. It may run anywhere and as often as one likes.
func (s *Store) Feed(ctx context.Context) error {
	for kind, q := range map[Kind]string{Asked: asked, Unreached: unreached} {
		if err := s.feed(ctx, kind, q); err != nil {
			return fmt.Errorf("call: feed: %w", err)
		}
	}
	if err := s.end(ctx); err != nil {
		return fmt.Errorf("call: end: %w", err)
	}
	return nil
}

func (s *Store) feed(ctx context.Context, kind Kind, q string) error {
	now := s.now()
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r source, err error) {
		err = scan(&r.subject, &r.message, &r.patient, &r.outreach, &r.purpose)
		return r, err
	}, q, db.Micro(now.Add(-feedBack)), feedBatch)
	if err != nil || len(list) == 0 {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, r := range list {
			if kind == Unreached && !worth(r.purpose) {
				continue
			}
			if err := s.add(ctx, tx, kind, r, now, now.Add(askedLife)); err != nil {
				return err
			}
		}
		return nil
	})
}

// worth says whether somebody's time goes into a call about purpose that
// nobody asked for.
func worth(purpose string) bool {
	p, ok := policy.PurposeOf(purpose)
	return ok && !p.Authorization && p.InDoubt == policy.PreferDuplicate
}

func (s *Store) add(ctx context.Context, tx *db.Tx, kind Kind, r source, before, expires time.Time) error {
	const q = `
		insert into call (id, kind, subject, message, patient, outreach, purpose, not_before, expires_at, state, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10) on conflict (kind, subject) do nothing`
	_, err := tx.ExecContext(ctx, q, s.ids.New(), string(kind), r.subject, r.message, r.patient, r.outreach, r.purpose, db.Micro(before), db.Micro(expires), db.Micro(s.now()))
	return err
}

// TakeOver writes a message that a gateway was given on the list, once however
// often it is handed over, and returns the call's id.
func (s *Store) TakeOver(ctx context.Context, h reach.Handoff) (string, error) {
	var id string
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		type row struct {
			source
			expires int64
		}
		m, err := db.One(ctx, tx, func(scan db.Scan) (r row, err error) {
			err = scan(&r.subject, &r.message, &r.patient, &r.outreach, &r.purpose, &r.expires)
			return r, err
		}, `select key, id, patient, outreach, purpose, expires_at from message where id = $1`, h.Message)
		if err != nil {
			return err
		}
		if err := s.add(ctx, tx, Message, m.source, s.now(), db.Time(m.expires)); err != nil {
			return err
		}
		id, err = db.One(ctx, tx, db.Value[string], `select id from call where kind = 'message' and subject = $1`, m.subject)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("call: take over %s: %w", h.Message, err)
	}
	return id, nil
}

// Known returns the call that a message became, if it did.
func (s *Store) Known(ctx context.Context, key string) (string, bool, error) {
	list, err := db.All(ctx, s.db, db.Value[string], `select id from call where kind = 'message' and subject = $1`, key)
	if err != nil {
		return "", false, fmt.Errorf("call: known: %w", err)
	}
	return strings.Join(list, ""), len(list) > 0, nil
}

// end closes the calls that nobody needs any more: the message was seen
// another way, the outreach was stopped, or the time is over.
func (s *Store) end(ctx context.Context) error {
	const over = `
		select c.id, case when i.state = 'satisfied' then 'seen' when i.state = 'cancelled' or o.state = 'stopped' then 'stopped' else 'expired' end
		from call c
			join message m on m.id = c.message
			left join intent i on i.id = m.intent
			left join outreach o on o.id = c.outreach
		where c.state = 'open' and c.kind <> 'asked' and (i.state in ('satisfied', 'cancelled') or o.state = 'stopped' or c.expires_at < $1)
		limit 500`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r [2]string, err error) {
		err = scan(&r[0], &r[1])
		return r, err
	}, over, db.Micro(s.now()))
	if err != nil || len(list) == 0 {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, r := range list {
			const q = `update call set state = 'ended', outcome = $2, closed_at = $3 where id = $1 and state = 'open'`
			if _, err := tx.ExecContext(ctx, q, r[0], r[1], db.Micro(s.now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wanted is a call that somebody asks for right now.
type Wanted struct{ Event, Message, Patient, Outreach, Purpose string }

// Ask adds a call in the caller's transaction. Feed would add it a minute
// later.
func (s *Store) Ask(ctx context.Context, tx *db.Tx, w Wanted) error {
	now := s.now()
	if err := s.add(ctx, tx, Asked, source{w.Event, w.Message, w.Patient, w.Outreach, w.Purpose}, now, now.Add(askedLife)); err != nil {
		return fmt.Errorf("call: ask: %w", err)
	}
	return nil
}
