package reach

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

const (
	maxAttempts = 8 // of one message
	maxDoubt    = 3 // of these, ended without an answer
)

// settleAll writes down how attempts ended, in one transaction.
func (e *Engine) settleAll(ctx context.Context, group []*sending) error {
	slices.SortFunc(group, func(a, b *sending) int { return strings.Compare(a.id, b.id) })
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		now := e.Now()
		var sent, rest []*sending
		for _, m := range group {
			if !m.unsent && m.result.Outcome == Accepted {
				sent = append(sent, m)
			} else {
				rest = append(rest, m)
			}
		}
		if err := e.accepted(ctx, tx, now, sent); err != nil {
			return err
		}
		for _, m := range rest {
			if err := e.settle(ctx, tx, now, m); err != nil {
				return fmt.Errorf("reach: settle %s: %w", m.id, err)
			}
		}
		return e.noted(ctx, tx, group)
	})
}

// settleChunk is how many rows one statement settles.
const settleChunk = 50

// accepted writes down what the peers took. A receipt may have come before
// and said more.
func (e *Engine) accepted(ctx context.Context, tx *db.Tx, now time.Time, sent []*sending) error {
	for chunk := range slices.Chunk(sent, settleChunk) {
		var attempts, messages []any
		attempts = append(attempts, db.Micro(now))
		messages = append(messages, db.Micro(now))
		var refs []string
		for _, m := range chunk {
			attempts = append(attempts, m.id, m.attempt, m.result.Ref, m.result.Code, m.result.Detail, m.result.Peer)
			messages = append(messages, m.id, m.result.Ref)
			if m.result.Ref != "" {
				refs = append(refs, "ref:"+m.result.Ref)
			}
		}
		qa := `update attempt set outcome = 'accepted', ended_at = $1, ref = v.column3, code = v.column4, detail = v.column5, peer = v.column6
			from (values ` + rows(2, len(chunk), "text", "bigint", "text", "text", "text", "text") + `) as v
			where attempt.message = v.column1 and attempt.n = v.column2`
		if _, err := tx.ExecContext(ctx, qa, attempts...); err != nil {
			return err
		}
		qm := `update message set lease = '', lease_until = 0, provider_ref = v.column2,
				accepted_at = case when accepted_at = 0 then $1 else accepted_at end,
				delivered_at = case when channel = 'inbox' and delivered_at = 0 then $1 else delivered_at end,
				state_at = case when state in ('handing_off', 'scheduled', 'uncertain', 'cancelled', 'given_up') then $1 else state_at end,
				state = case when state not in ('handing_off', 'scheduled', 'uncertain', 'cancelled', 'given_up') then state
					when channel = 'inbox' then 'delivered' else 'accepted' end
			from (values ` + rows(2, len(chunk), "text", "text") + `) as v
			where message.id = v.column1`
		if _, err := tx.ExecContext(ctx, qm, messages...); err != nil {
			return err
		}
		if err := e.early(ctx, tx, refs); err != nil {
			return err
		}
	}
	return nil
}

// rows returns rows of placeholders from $first on, the first of them typed:
// PostgreSQL does not guess the types of values that come from nowhere.
func rows(first, n int, types ...string) string {
	var b strings.Builder
	for r := range n {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c, t := range types {
			if c > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "cast($%d as %s)", first+r*len(types)+c, t)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// settle writes down one attempt that was not accepted.
func (e *Engine) settle(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	if m.unsent {
		return e.giveBack(ctx, tx, now, m)
	}
	r := m.result
	const q = `update attempt set outcome = $3, ended_at = $4, ref = $5, code = $6, detail = $7, peer = $8 where message = $1 and n = $2`
	if _, err := tx.ExecContext(ctx, q, m.id, m.attempt, string(r.Outcome), db.Micro(now), r.Ref, r.Code, r.Detail, r.Peer); err != nil {
		return err
	}
	switch r.Outcome {
	case Temp:
		return e.later(ctx, tx, now, m)
	case Rejected:
		return e.rejected(ctx, tx, now, m)
	}
	return e.doubt(ctx, tx, now, m)
}

// giveBack undoes a claim that nothing came of, unless its lease ran out
// meanwhile: then others count the attempt as in doubt.
func (e *Engine) giveBack(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	n, err := db.Changed(tx.ExecContext(ctx, `delete from attempt where message = $1 and n = $2 and outcome = ''`, m.id, m.attempt))
	if err != nil || n == 0 {
		return err
	}
	return unsettled{m.id, m.attempt, "scheduled", "", now}.write(ctx, tx, now, -1)
}

// unsettled is what becomes of a message whose attempt was not accepted.
type unsettled struct {
	id            string
	attempt       int
	state, reason string
	notBefore     time.Time
}

// write moves the message, unless a receipt has told more of it, or another
// worker has begun a new attempt since.
func (u unsettled) write(ctx context.Context, tx *db.Tx, now time.Time, attempts int) error {
	const q = `
		update message set state = $3, reason = $4, state_at = $5, not_before = $6, attempts = attempts + $7, lease = '', lease_until = 0
		where id = $1 and attempts = $2 and state in ('handing_off', 'uncertain')`
	_, err := tx.ExecContext(ctx, q, u.id, u.attempt, u.state, u.reason, db.Micro(now), db.Micro(u.notBefore), attempts)
	return err
}

// later tries again: when the peer says, or longer each time.
func (e *Engine) later(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	if m.attempt >= maxAttempts {
		return e.undelivered(ctx, tx, now, m, "too_often")
	}
	wait := m.result.RetryAfter
	if wait <= 0 {
		wait = time.Minute << min(m.attempt-1, 7)
	}
	return unsettled{m.id, m.attempt, "scheduled", "temp", now.Add(min(wait, 4*time.Hour))}.write(ctx, tx, now, 0)
}

func (e *Engine) undelivered(ctx context.Context, tx *db.Tx, now time.Time, m *sending, reason string) error {
	if err := (unsettled{m.id, m.attempt, "undelivered", reason, now}).write(ctx, tx, now, 0); err != nil {
		return err
	}
	if err := freeCaps(ctx, tx, []string{m.id}); err != nil {
		return err
	}
	return wakeIntent(ctx, tx, m.intent, now)
}

// rejected ends a message that its peer will never take. An address that
// does not exist is remembered as one.
func (e *Engine) rejected(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	if badAddress(m.result.Code, m.result.Detail) && m.channel != Inbox {
		if err := e.contacts.SetStatus(ctx, tx, contact.Kind(m.channel), m.body.To, contact.Bounced); err != nil {
			return err
		}
	}
	return e.undelivered(ctx, tx, now, m, cmpOr(m.result.Code, "rejected"))
}

// enhanced is a status code of RFC 3463.
var enhanced = regexp.MustCompile(`\b5\.\d{1,3}\.\d{1,3}\b`)

// badAddress says whether a refusal blames the address and not the message
// or us. RFC 3463: X.1.1 to X.1.3 and X.1.10 are bad destinations, X.2.1 a
// closed mailbox. A bare 550 says that there is no such mailbox.
func badAddress(code, detail string) bool {
	switch exact := enhanced.FindString(code + " " + detail); exact {
	case "":
		return code == "550" || code == "bad_address" || code == "invalid_number"
	case "5.1.1", "5.1.2", "5.1.3", "5.1.10", "5.2.1":
		return true
	}
	return false
}

// doubt lists a message as in doubt: it may have gone out. Care is sent
// again, for twice is better than never; the rest is not.
func (e *Engine) doubt(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	const mark = `update message set in_doubt = 1, provider_ref = case when $2 <> '' then $2 else provider_ref end where id = $1`
	if _, err := tx.ExecContext(ctx, mark, m.id, m.result.Ref); err != nil {
		return err
	}
	const count = `select count(*) from attempt where message = $1 and outcome = 'uncertain'`
	n, err := db.One(ctx, tx, db.Value[int], count, m.id)
	if err != nil {
		return err
	}
	p, _ := policy.PurposeOf(m.purpose)
	u := unsettled{m.id, m.attempt, "uncertain", "in_doubt", now}
	switch {
	case p.InDoubt == policy.PreferDuplicate && n < maxDoubt:
		u.state, u.notBefore = "scheduled", now.Add(time.Duration(n-1)*time.Minute)
	case n >= maxDoubt:
		u.state = "given_up"
		if err := wakeIntent(ctx, tx, m.intent, now); err != nil {
			return err
		}
	}
	return u.write(ctx, tx, now, 0)
}

// recover finds messages whose sender died. Their attempts were committed
// and never ended, so any of them may have gone out. With all set, every
// claim is taken for dead.
func (e *Engine) recover(ctx context.Context, all bool) error {
	now := e.Now()
	until := db.Micro(now)
	if all {
		until = db.Micro(now.Add(365 * 24 * time.Hour))
	}
	const q = `
		update message set in_doubt = 1
		where state = 'handing_off' and lease_until < $1 and id in (
			select id from message where state = 'handing_off' and lease_until < $1 order by lease_until, id limit 2000)
		returning id, intent, purpose, attempts`
	const end = `update attempt set outcome = 'uncertain', code = 'crashed', ended_at = $2 where message = $1 and outcome = ''`
	if list, err := db.All(ctx, e.DB, db.Value[string], `select id from message where state = 'handing_off' and lease_until < $1 limit 1`, until); err != nil || len(list) == 0 {
		return err
	}
	err := e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, now); err != nil { // one node recovers
			return err
		}
		list, err := db.All(ctx, tx, func(scan db.Scan) (*sending, error) {
			m := &sending{}
			return m, scan(&m.id, &m.intent, &m.purpose, &m.attempt)
		}, q, until)
		if err != nil {
			return err
		}
		for _, m := range list {
			if _, err := tx.ExecContext(ctx, end, m.id, db.Micro(now)); err != nil {
				return err
			}
			if err := e.doubt(ctx, tx, now, m); err != nil {
				return err
			}
		}
		e.Log.Warn("reach: messages in doubt after a crash", "count", len(list))
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: recover: %w", err)
	}
	return nil
}
