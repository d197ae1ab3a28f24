package reach

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/lang"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

const forgetKind = "reach.forget"

const (
	forgetBatch = 200 // messages whose words one transaction destroys
	forgetMost  = 50  // such transactions of one purpose in one go: the rest waits an hour
)

// Forget destroys the words of messages whose time is over: the address, the
// subject, the texts, what several have in common when the last of them goes,
// and the values they were filled in with. What was sent
// when, by which channel and to what end stays in the ledger. It may run
// anywhere and be killed at any time.
func (e *Engine) Forget(ctx context.Context) error {
	if err := e.refresh(ctx); err != nil {
		return err
	}
	soonest := 0
	for _, p := range e.terms() {
		if soonest == 0 || p.days < soonest {
			soonest = p.days
		}
		before := e.Now().AddDate(0, 0, -p.days)
		for range forgetMost {
			n, err := e.forgetBatch(ctx, p.key, before)
			if err != nil {
				return fmt.Errorf("reach: forget %s: %w", p.key, err)
			}
			if n < forgetBatch {
				break
			}
		}
		if err := e.forgetBases(ctx, p.key, before); err != nil {
			return fmt.Errorf("reach: forget what %s has in common: %w", p.key, err)
		}
	}
	if soonest == 0 {
		return nil
	}
	if err := e.forgetBases(ctx, "", e.Now().AddDate(0, 0, -soonest)); err != nil {
		return fmt.Errorf("reach: forget what older messages have in common: %w", err)
	}
	return nil
}

// keeping is for how long the words of one purpose are kept.
type keeping struct {
	key  string
	days int
}

// terms are the purposes whose words have an end. What joins several for a day
// is kept as long as care is.
func (e *Engine) terms() []keeping {
	var list []keeping
	for _, one := range policy.Purposes() {
		p, _ := e.rules().Purpose(one.Key)
		if p.Keep > 0 {
			list = append(list, keeping{p.Key, p.Keep})
		}
		if p.Key == "care" && p.Keep > 0 {
			list = append(list, keeping{joined, p.Keep})
		}
	}
	return list
}

// old is a message whose time may be over.
type old struct {
	id, intent, state string
	created           int64
}

// forgetBatch destroys the words of the oldest that have any, and returns how
// many messages it looked at.
func (e *Engine) forgetBatch(ctx context.Context, purpose string, before time.Time) (int, error) {
	const from = `select upto from reach_forget where purpose = $1`
	const some = `select id, intent, state, created_at from message where purpose = $1 and id > $2 and id < $3 order by id limit $4`
	done, err := db.All(ctx, e.DB, db.Value[string], from, purpose)
	if err != nil {
		return 0, err
	}
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (o old, err error) { return o, scan(&o.id, &o.intent, &o.state, &o.created) },
		some, purpose, first(done), madeBy(before), forgetBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	n := len(list)
	if i := slices.IndexFunc(list, func(o old) bool { return underWayStill(o.state) || o.created >= db.Micro(before) }); i >= 0 {
		list = list[:i] // it is not over yet, however old: the next look begins with it
		n = 0
	}
	if len(list) == 0 {
		return 0, nil
	}
	return n, e.DB.Tx(ctx, func(tx *db.Tx) error { return e.forget(ctx, tx, purpose, list) })
}

// first is the first of list, or nothing.
func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// underWayStill says whether a message may leave yet.
func underWayStill(state string) bool {
	return state == "scheduled" || state == "handing_off" || state == "uncertain"
}

func (e *Engine) forget(ctx context.Context, tx *db.Tx, purpose string, list []old) error {
	messages, intents := make([]string, len(list)), make([]string, len(list))
	for i, o := range list {
		messages[i], intents[i] = o.id, o.intent
	}
	q := `update message set body = $1 where id in (` + db.In(2, len(messages)) + `)`
	if _, err := tx.ExecContext(ctx, q, append([]any{[]byte{}}, db.Args(messages)...)...); err != nil {
		return err
	}
	q = `delete from intent_values where intent in (` + db.In(1, len(intents)) + `) and intent not in (select i.id from intent i where i.state in ('active', 'deferred'))`
	if _, err := tx.ExecContext(ctx, q, db.Args(intents)...); err != nil {
		return err
	}
	const mark = `insert into reach_forget (purpose, upto, at) values ($1, $2, $3) on conflict (purpose) do update set upto = excluded.upto, at = excluded.at`
	_, err := tx.ExecContext(ctx, mark, purpose, messages[len(messages)-1], db.Micro(e.Now()))
	return err
}

// madeBy is a name that no message made before t comes after.
func madeBy(t time.Time) string {
	var b [16]byte
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(max(t.UnixMilli(), 0))<<16)
	copy(b[:6], stamp[:6])
	return ids.Text(b)
}

// forgotten is what stands for words that are no longer kept.
func forgotten(tag string) body {
	l := lang.Pick("", tag)
	return body{
		Title: l.T("No longer kept"),
		Page:  l.T("We keep the words of a message for a limited time. Those of this one are no longer here. Please call us if you need them."),
	}
}

// KeptWords say for how long words are kept: 4 years, 30 days; 0: always.
func KeptWords(days int) string {
	switch {
	case days == 0:
		return "always"
	case days == 365:
		return "one year"
	case days%365 == 0:
		return fmt.Sprintf("%d years", days/365)
	}
	return fmt.Sprintf("%d days", days)
}
