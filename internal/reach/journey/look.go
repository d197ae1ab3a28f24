package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// The jobs of the journeys.
const (
	sweepJob = "journey.sweep"
	lookJob  = "journey.look"
)

// Handlers are the background jobs.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{
		sweepJob: func(ctx context.Context, _ json.RawMessage) error { return s.Sweep(ctx) },
		lookJob:  func(ctx context.Context, _ json.RawMessage) error { return s.Look(ctx) },
	}
}

// Periodic says how often they run.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: sweepJob, Every: time.Minute}, {Kind: lookJob, Every: 10 * time.Minute}}
}

// Run follows the record until ctx ends.
func (s *Store) Run(ctx context.Context) error { return s.Record.Follow(ctx, s.Follower(), s.Log) }

// Look takes in those whom no change of the record names: whose birthday it
// is, who has not signed in, whose medicine runs out, who came into a segment
// or left it, and whose result's waiting time is over. What it finds twice it
// takes in once.
func (s *Store) Look(ctx context.Context) error {
	pass, err := s.eyes(ctx, "look")
	if err != nil {
		return err
	}
	list, err := s.opens(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("journey: look: %w", err)
	}
	for _, o := range list {
		if err := s.lookFor(ctx, pass, o); err != nil {
			return fmt.Errorf("journey: look for %s: %w", o.id, err)
		}
	}
	return nil
}

// lookFor is Look for one journey, some hundred people at a time. They are
// found outside the transactions: what is read of everybody holds up nobody
// who writes.
func (s *Store) lookFor(ctx context.Context, pass access.Pass, o open) error {
	if o.d.follows() {
		if err := s.lookIn(ctx, pass, o); err != nil {
			return err
		}
	}
	if !slices.Contains(looking, o.d.Trigger.On) {
		return nil
	}
	due, err := s.due(ctx, o)
	if err != nil || !due {
		return err
	}
	after := ""
	for {
		causes, err := s.found(ctx, pass, o, after)
		if err != nil {
			return err
		}
		n := len(causes)
		if n > 0 {
			after = causes[n-1].patient
		}
		if causes, err = s.mine(ctx, s.DB, pass, o, causes); err != nil {
			return err
		}
		for some := range slices.Chunk(causes, memberBatch) {
			err := s.DB.Tx(ctx, func(tx *db.Tx) error {
				if err := tx.Lock(ctx, "journey"); err != nil {
					return err
				}
				return s.add(ctx, tx, o, some)
			})
			if err != nil {
				return err
			}
		}
		if n < lookBatch {
			return s.looked(ctx, o)
		}
	}
}

// looking are the triggers that everybody is looked at for.
var looking = []string{Birthday, NoSignIn, RefillDue, FormOpen, ResultReady}

// lookEvery is how often everybody is looked at for what changes from day to
// day.
const lookEvery = 6 * time.Hour

// due says whether it is time to look at everybody again.
func (s *Store) due(ctx context.Context, o open) (bool, error) {
	if !o.d.Trigger.daily() {
		return true, nil
	}
	last, err := db.One(ctx, s.DB, db.Value[int64], `select coalesce(max(at), 0) from journey_look where journey = $1`, o.id)
	return s.Now().Sub(db.Time(last)) >= lookEvery, err
}

// looked notes that everybody was looked at.
func (s *Store) looked(ctx context.Context, o open) error {
	if !o.d.Trigger.daily() {
		return nil
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into journey_look (journey, at) values ($1, $2) on conflict (journey) do update set at = excluded.at`, o.id, db.Micro(s.Now()))
		return err
	})
}

// daily says whether what starts the journey is found by looking at
// everybody and is a matter of days.
func (t Trigger) daily() bool { return t.On == NoSignIn || t.On == RefillDue || t.On == FormOpen }

const lookBatch = 500

// found are the next people after one, in the order of their ids.
func (s *Store) found(ctx context.Context, pass access.Pass, o open, after string) ([]cause, error) {
	now := s.Now()
	local := now.In(s.Zone)
	ago := func(days int) int64 { return db.Micro(now.AddDate(0, 0, -days)) }
	switch o.d.Trigger.On {
	case Birthday:
		day := local.Format("01-02")
		if local.Hour() < 9 { // nobody is congratulated in the night
			return nil, nil
		}
		const q = `select p.id, '' from person p where p.active = 1 and p.deceased = 0 and length(p.born) = 10 and substr(p.born, 6) = $1 and p.id > $2 order by p.id limit $3`
		return s.people(ctx, s.DB, Birthday, "birthday/"+local.Format("2006"), q, day, after, lookBatch)
	case NoSignIn:
		const q = `
			select a.patient, cast(max(s.seen_at) as text) from account a join account_session s on s.account = a.id
			where a.patient > $2 and a.patient <> ''
			group by a.patient having max(s.seen_at) < $1 order by a.patient limit $3`
		return s.people(ctx, s.DB, NoSignIn, "quiet/", q, ago(o.d.Trigger.Days), after, lookBatch)
	case RefillDue:
		return s.refills(ctx, pass, o.d.Trigger.Days, after)
	case FormOpen:
		q := url.Values{"status": {"requested,received,accepted,ready,in-progress"}, "intent": {"order"}, "authored-on": {"le" + now.AddDate(0, 0, -o.d.Trigger.Days).Format(time.DateOnly)}}
		return s.matching(ctx, pass, FormOpen, "form/"+local.Format("2006-01"), "Task", q, after)
	case ResultReady: // those that waited: what did not wait came by the feed
		const q = `
			select patient, min(id) from release_hold
			where released_at >= $1 and patient > $2
			group by patient order by patient limit $3`
		return s.people(ctx, s.DB, ResultReady, "result/"+now.UTC().Format(time.DateOnly)+"/", q, max(ago(1), o.since), after, lookBatch)
	}
	return nil, nil
}

// people reads patients, each with what tells one cause from the next.
func (s *Store) people(ctx context.Context, conn db.Conn, on, key, q string, args ...any) ([]cause, error) {
	now := s.Now()
	return db.All(ctx, conn, func(scan db.Scan) (c cause, err error) {
		var more string
		err = scan(&c.patient, &more)
		c.on, c.at, c.key = on, now, key+more
		return c, err
	}, q, args...)
}

// matching reads those with a resource that a search finds.
func (s *Store) matching(ctx context.Context, pass access.Pass, on, key, typ string, q url.Values, after string) ([]cause, error) {
	inner, args, err := record.Matching(pass, typ, q, 1)
	if err != nil {
		return nil, err
	}
	k := len(args)
	sql := `select p.id, '' from person p where p.active = 1 and p.deceased = 0 and p.id in (` + inner + `) and p.id > $` + fmt.Sprint(k+1) + ` order by p.id limit $` + fmt.Sprint(k+2)
	return s.people(ctx, s.DB, on, key, sql, append(args, after, lookBatch)...)
}
