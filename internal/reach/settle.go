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
		e.at(settleBegins)
		var sent, rest []*sending
		for _, m := range group {
			if !m.unsent && m.result.Outcome == Accepted {
				sent = append(sent, m)
			} else {
				rest = append(rest, m)
			}
		}
		if len(rest) == 0 && !slices.ContainsFunc(sent, (*sending).reported) {
			tx.Aside(settling)
		}
		if err := e.accepted(ctx, tx, now, sent); err != nil {
			return err
		}
		for _, m := range rest {
			if err := e.settle(ctx, tx, now, m); err != nil {
				return fmt.Errorf("reach: settle %s: %w", m.id, err)
			}
		}
		e.at(settleNoted)
		return e.noted(ctx, tx, group)
	})
}

// reported says whether the other side may have said more of m already.
func (m *sending) reported() bool { return m.result.Ref != "" }

// settle writes down one attempt that was not accepted.
func (e *Engine) settle(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	if m.unsent {
		return e.giveBack(ctx, tx, now, m)
	}
	r := m.result
	if r.Outcome == Temp && r.Code == Throttled {
		return e.notYet(ctx, tx, now, m)
	}
	if err := db.InsertMany(ctx, tx, attemptInsert, attemptKnown, attemptWidth, m.attempted(e.Node, now)); err != nil {
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

// notYet puts off a message whose peer wants fewer at a time. Nothing of it
// left, so the try does not count.
func (e *Engine) notYet(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	return e.putBack(ctx, tx, now, m, "temp", now.Add(min(max(m.result.RetryAfter, time.Second), time.Hour)))
}

// giveBack undoes a claim that nothing came of.
func (e *Engine) giveBack(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	return e.putBack(ctx, tx, now, m, "", now)
}

// putBack has a message wait again as if it had not been taken, unless its
// lease ran out meanwhile: then others count the attempt as in doubt.
func (e *Engine) putBack(ctx context.Context, tx *db.Tx, now time.Time, m *sending, reason string, notBefore time.Time) error {
	const q = `
		update message set state = 'scheduled', reason = $5, state_at = $6, not_before = $7, attempts = attempts - 1, lease = '', lease_until = 0
		where id = $1 and attempts = $2 and state = 'handing_off' and lease = $3 and lease_until = $4`
	n, err := db.Changed(tx.ExecContext(ctx, q, m.id, m.attempt, e.Node, m.lease, reason, db.Micro(now), db.Micro(notBefore)))
	if err != nil || n == 0 {
		return err
	}
	return requeue(ctx, tx, m.id)
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
func (u unsettled) write(ctx context.Context, tx *db.Tx, now time.Time) error {
	const q = `
		update message set state = $3, reason = $4, state_at = $5, not_before = $6, lease = '', lease_until = 0
		where id = $1 and attempts = $2 and state in ('handing_off', 'uncertain')`
	_, err := tx.ExecContext(ctx, q, u.id, u.attempt, u.state, u.reason, db.Micro(now), db.Micro(u.notBefore))
	if err != nil || u.state != "scheduled" {
		return err
	}
	return requeue(ctx, tx, u.id)
}

// outage is how often a message is tried while its peer cannot be reached,
// which says nothing about the message: for four days and a bit (RFC 5321,
// section 4.5.4.1).
const outage = 100

// unreachable is the code of a gateway that did not reach its peer.
const unreachable = "unreachable"

// later tries again: when the peer says, or longer each time.
func (e *Engine) later(ctx context.Context, tx *db.Tx, now time.Time, m *sending) error {
	most, wait := maxAttempts, m.result.RetryAfter
	if m.result.Code == unreachable {
		most, wait = outage, min(time.Minute<<min(m.attempt-1, 7), time.Hour)
	}
	if m.attempt >= most {
		return e.undelivered(ctx, tx, now, m, "too_often")
	}
	if wait <= 0 {
		wait = time.Minute << min(m.attempt-1, 7)
	}
	return unsettled{m.id, m.attempt, "scheduled", "temp", now.Add(min(wait, 4*time.Hour))}.write(ctx, tx, now)
}

func (e *Engine) undelivered(ctx context.Context, tx *db.Tx, now time.Time, m *sending, reason string) error {
	if err := (unsettled{m.id, m.attempt, "undelivered", reason, now}).write(ctx, tx, now); err != nil {
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
	if carrierStopped(m.result.Code) {
		if err := e.carrierStop(ctx, tx, m.channel, m.body.To); err != nil {
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
	if m.purpose == joined { // there may be care in it, and a list twice harms nobody
		p.InDoubt = policy.PreferDuplicate
	}
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
	return u.write(ctx, tx, now)
}

// recover finds messages whose sender died. Their claim was committed and
// nobody wrote down how their attempts ended, so those that were begun may have
// gone out. With all set, every claim is taken for dead.
func (e *Engine) recover(ctx context.Context, all bool) error {
	if err := e.unheard(ctx); err != nil {
		return err
	}
	until := db.Micro(e.Now())
	if all {
		until = db.Micro(e.Now().Add(365 * 24 * time.Hour))
	}
	for {
		list, err := db.All(ctx, e.DB, db.Value[string], `select id from message_claim where lease_until < $1 limit 1`, until)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := e.recoverOne(ctx, until); err != nil {
			return fmt.Errorf("reach: recover: %w", err)
		}
	}
}

// recoverOne looks after one claim that ran out.
func (e *Engine) recoverOne(ctx context.Context, until int64) error {
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		now := e.Now()
		if err := lockPlan(ctx, tx, now); err != nil { // one node recovers
			return err
		}
		c, found, err := takeOld(ctx, tx, until)
		if err != nil || !found {
			return err
		}
		list, err := c.orphans(ctx, tx)
		if err != nil {
			return err
		}
		if err := db.InsertMany(ctx, tx, attemptInsert, attemptLost, attemptWidth, c.attempts(list, now)); err != nil {
			return err
		}
		for _, m := range list {
			if err := e.doubt(ctx, tx, now, m); err != nil {
				return err
			}
		}
		n, err := c.unclaim(ctx, tx, now)
		if err != nil {
			return err
		}
		e.at(recovered)
		if len(list)+n > 0 { // else all of it was settled
			e.Log.Warn("reach: a sender died", "in doubt", len(list), "not begun", n)
		}
		return nil
	})
}

// orphans marks in doubt what was begun and that nobody sends any more.
func (c oldClaim) orphans(ctx context.Context, tx *db.Tx) ([]*sending, error) {
	var all []*sending
	for chunk := range slices.Chunk(c.begun, freeChunk) {
		q := `update message set in_doubt = 1 where ` + underWay + ` and id in (` + db.In(3, len(chunk)) + `)
			returning id, intent, purpose, attempts, state_at`
		list, err := db.All(ctx, tx, func(scan db.Scan) (*sending, error) {
			m, at := &sending{}, int64(0)
			err := scan(&m.id, &m.intent, &m.purpose, &m.attempt, &at)
			m.started = db.Time(at)
			return m, err
		}, q, append([]any{c.until, c.worker}, db.Args(chunk)...)...)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
