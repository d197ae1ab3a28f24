package journey

import (
	"context"
	"encoding/json"
	"strconv"

	"hale/internal/store/db"
)

// hearBatch is how many people one transaction wakes, or brings to their end:
// whoever else writes waits for one of them at most.
const hearBatch = 100

// hear wakes those whose message was seen or given up, those for whom what
// they wait for has happened, and ends those whose goal is met. A message that
// arrived and was not seen yet may be seen until the deadline. They are found
// outside the transactions.
func (s *Store) hear(ctx context.Context) error {
	now := db.Micro(s.Now())
	const over = `n.state = 'waiting' and n.intent <> '' and n.wake_at > $1
		and exists (select 1 from intent i where i.id = n.intent and i.state not in ('active', 'deferred')
			and not (i.state = 'exhausted' and exists (select 1 from message m where m.intent = i.id and m.state in ('accepted', 'delivered'))))`
	if err := s.wake(ctx, over, "wake_at = $1", now); err != nil {
		return err
	}
	for _, h := range happenings {
		where := `n.state = 'waiting' and n.listens = $2 and n.heard_at = 0 and n.entered_at <= $1 and ` + h.sql
		if err := s.wake(ctx, where, "wake_at = $1, heard_at = $1", now, h.key); err != nil {
			return err
		}
	}
	goals, err := s.goals(ctx)
	if err != nil {
		return err
	}
	for _, g := range goals {
		if err := s.reached(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// wake finds whom where picks, whose arguments are args, and sets what set
// says for those of them for whom it still holds.
func (s *Store) wake(ctx context.Context, where, set string, args ...any) error {
	for {
		q := `select n.id from enrolment n where ` + where + ` limit ` + strconv.Itoa(hearBatch)
		list, err := db.All(ctx, s.DB, db.Value[string], q, args...)
		if err != nil || len(list) == 0 {
			return err
		}
		err = s.DB.Tx(ctx, func(tx *db.Tx) error {
			if err := tx.Lock(ctx, "journey"); err != nil {
				return err
			}
			q := `update enrolment set ` + set + ` where id in (select n.id from enrolment n where n.id in (` + db.In(len(args)+1, len(list)) + `) and ` + where + `)`
			_, err := tx.ExecContext(ctx, q, append(append([]any{}, args...), db.Args(list)...)...)
			return err
		})
		if err != nil || len(list) < hearBatch {
			return err
		}
	}
}

// reached ends those whose goal is met.
func (s *Store) reached(ctx context.Context, g goal) error {
	for {
		q := `select n.id from enrolment n where n.journey = $1 and n.version = $2 and n.state in ('moving', 'waiting') and ` + condition(g.event) + ` limit $3`
		list, err := db.All(ctx, s.DB, db.Value[string], q, g.journey, g.version, hearBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		err = s.DB.Tx(ctx, func(tx *db.Tx) error {
			if err := tx.Lock(ctx, "journey"); err != nil {
				return err
			}
			for _, id := range list {
				if err := s.end(ctx, tx, id, "done", "goal"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(list) < hearBatch {
			return err
		}
	}
}

// goal is what ends one version of a journey well.
type goal struct {
	journey string
	version int
	event   string
}

// goals are those of every version that somebody is under way in.
func (s *Store) goals(ctx context.Context) ([]goal, error) {
	const q = `select v.journey, v.n, v.definition from journey_version v join journey j on j.id = v.journey and j.state = 'running'
		where exists (select 1 from enrolment n where n.journey = v.journey and n.version = v.n and n.state in ('moving', 'waiting'))`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (g goal, err error) {
		var text string
		if err := scan(&g.journey, &g.version, &text); err != nil {
			return g, err
		}
		var d Definition
		err = json.Unmarshal([]byte(text), &d)
		g.event = d.Goal
		return g, err
	}, q)
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, g := range list {
		if g.event != "" {
			kept = append(kept, g)
		}
	}
	return kept, nil
}
