package subscription

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Follower returns what makes events of changes.
func (s *Store) Follower() record.Follower {
	return record.Follower{Name: "subscriptions", Node: s.Node, Take: s.take, New: true}
}

// hit is a change that matters to a subscription.
type hit struct {
	sub     string
	changes []record.Changed
}

// take looks which of some changes matter to whom.
func (s *Store) take(ctx context.Context, batch []record.Changed) (func(context.Context, *db.Tx) error, error) {
	rows, err := db.All(ctx, s.DB, readRow, columns+` where state <> 'off' and since_seq < $1`, batch[len(batch)-1].Seq)
	subs, err := s.find(ctx, rows, err)
	if err != nil {
		return nil, err
	}
	var hits []hit
	var off []string
	for _, sub := range subs {
		list, err := s.matters(ctx, sub, batch)
		switch {
		case err != nil && ended(err):
			off = append(off, sub.ID)
		case err != nil:
			return nil, err
		case len(list) > 0:
			hits = append(hits, hit{sub.ID, list})
		}
	}
	if len(hits)+len(off) == 0 {
		return nil, nil
	}
	return func(ctx context.Context, tx *db.Tx) error {
		tx.After(s.ring)
		for _, id := range off {
			if err := s.off(ctx, tx, id, gone); err != nil {
				return err
			}
		}
		for _, h := range hits {
			if err := s.number(ctx, tx, h); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// gone is why a subscription ends with its grant.
const gone = "The client may not see this any more."

// matters returns the changes that matter to sub, in their order.
func (s *Store) matters(ctx context.Context, sub Subscription, batch []record.Changed) ([]record.Changed, error) {
	var pass access.Pass
	asked := false
	found := map[string]bool{}
	for _, w := range sub.Wish.Watches {
		var ids []string
		for _, c := range batch {
			if c.Seq > sub.since && c.Type == w.Type && c.Verb != record.Delete && (sub.patient == "" || c.Patient == "" || c.Patient == sub.patient) && !slices.Contains(ids, c.ID) {
				ids = append(ids, c.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if !asked {
			var err error
			if pass, err = s.pass(ctx, sub); err != nil {
				return nil, err
			}
			asked = true
		}
		list, err := s.match(ctx, pass, w, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			found[r.Type+"/"+r.ID] = true
		}
	}
	var list []record.Changed
	for _, c := range batch {
		if c.Seq > sub.since && c.Verb != record.Delete && found[c.Type+"/"+c.ID] {
			list = append(list, c)
		}
	}
	return list, nil
}

// atOnce is how many ids one search asks for.
const atOnce = 100

// errUnknown refuses criteria that would match more than they say.
var errUnknown = errs.New(errs.Invalid, "it is a search by a parameter that there is not")

// match returns those of ids that a watch finds and pass shows.
func (s *Store) match(ctx context.Context, pass access.Pass, w Watch, ids []string) ([]record.Resource, error) {
	if _, ok := pass.Reaches(w.Type, smart.Read); !ok {
		return nil, nil
	}
	var all []record.Resource
	for part := range slices.Chunk(ids, atOnce) {
		q := url.Values{}
		maps.Copy(q, w.Query)
		q.Set("_id", strings.Join(part, ","))
		q.Set("_count", strconv.Itoa(len(part)))
		found, err := s.Record.Find(ctx, pass, w.Type, q)
		if err != nil {
			return nil, err
		}
		if len(found.Unknown) > 0 {
			return nil, errUnknown
		}
		all = append(all, found.Matches...)
	}
	return all, nil
}

// number makes events of what matters to one subscription.
func (s *Store) number(ctx context.Context, tx *db.Tx, h hit) error {
	const q = `
		update subscription
		set events = events + $2, due_at = case when failures = 0 or due_at = 0 then $3 else due_at end
		where id = $1 and state <> 'off'
		returning events`
	now := s.Now().UnixMicro()
	last, err := db.All(ctx, tx, db.Value[int64], q, h.sub, len(h.changes), now)
	if err != nil || len(last) == 0 {
		return err // it was ended in the meantime
	}
	n := last[0] - int64(len(h.changes))
	var args []any
	for i, c := range h.changes {
		args = append(args, h.sub, n+int64(i)+1, c.Seq, c.Type, c.ID, c.Version, string(c.Verb), c.At.UnixMicro())
	}
	if err := db.InsertMany(ctx, tx, `insert into subscription_event (subscription, n, seq, typ, id, version, verb, at)`, "", 8, args); err != nil {
		return fmt.Errorf("subscription: events: %w", err)
	}
	return nil
}

// off ends a subscription.
func (s *Store) off(ctx context.Context, c db.Conn, id, reason string) error {
	const q = `update subscription set state = 'off', reason = $2, claim = '', due_at = 0, updated_at = $3, version = version + 1 where id = $1`
	if _, err := c.ExecContext(ctx, q, id, reason, s.Now().UnixMicro()); err != nil {
		return fmt.Errorf("subscription: off: %w", err)
	}
	return nil
}
