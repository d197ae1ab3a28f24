package record

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/change"
	"hale/internal/store/db"
)

// Changed is one line of the change feed: a version that was written.
type Changed struct {
	Seq      int64 // rises in the order of commits; there may be gaps
	Type, ID string
	Patient  string // whose it was then; empty: of no one patient
	Version  int64
	At       time.Time
	Verb     Verb // Create, Update or Delete
}

// verbOf names what the feed has as numbers.
var verbOf = map[change.Verb]Verb{change.Create: Create, change.Update: Update, change.Delete: Delete}

// Changes returns the next changes after seq, 0 for the oldest that are
// kept, in the order in which they were committed. None is ever added behind
// one that was returned, so that the last Seq is where to go on:
//
//	for {
//		list, err := s.Changes(ctx, last, 500) // do something with each; last = its Seq
//		if len(list) == 0 {
//			err = s.AwaitChange(ctx, last, time.Second)
//		}
//	}
//
// It gives away nothing but ids and takes no Pass: whoever shows anything
// reads it with a Pass of its reader.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]Changed, error) {
	const q = `
		select c.seq, r.typ, r.id, coalesce(p.id, ''), c.version, c.at, c.verb
		from change c
		join resource r on r.n = c.resource
		left join patient_number p on p.n = c.patient
		where c.seq > $1
		order by c.seq
		limit $2`
	if err := change.Settle(ctx, s.db); err != nil {
		return nil, fmt.Errorf("record: changes: %w", err)
	}
	list, err := db.All(ctx, s.db, readChanged, q, after, limit)
	if err != nil {
		return nil, fmt.Errorf("record: changes: %w", err)
	}
	return list, nil
}

func readChanged(scan db.Scan) (c Changed, err error) {
	var at int64
	var verb change.Verb
	err = scan(&c.Seq, &c.Type, &c.ID, &c.Patient, &c.Version, &at, &verb)
	c.At, c.Verb = time.UnixMicro(at).UTC(), verbOf[verb]
	return c, err
}

// LastChange returns the Seq of the newest change, 0 where there is none.
func (s *Store) LastChange(ctx context.Context) (int64, error) {
	n, err := change.Last(ctx, s.db)
	if err != nil {
		return 0, fmt.Errorf("record: changes: %w", err)
	}
	return n, nil
}

// AwaitChange returns when there is a change after seq, or when most has
// passed, in which another node may have made one; or with the error of an
// ended ctx.
func (s *Store) AwaitChange(ctx context.Context, after int64, most time.Duration) error {
	soon := s.wake.soon() // before the look: what comes between is not slept through
	if n, err := s.LastChange(ctx); err != nil || n > after {
		return err
	}
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-soon:
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// waited is how long the feed is kept for a follower that does not move on.
const waited = 30 * 24 * time.Hour

// TrimChanges forgets changes from before a time that every follower has
// seen, some thousands at a time, and says whether there are more. Whoever
// else reads the feed more slowly than that, or a follower that has stood
// still for a month, has to begin again from the record itself.
func (s *Store) TrimChanges(ctx context.Context, before time.Time) (more bool, err error) {
	const q = `select coalesce(min(seq), 9000000000000000000) from follower where at >= $1`
	upTo, err := db.One(ctx, s.db, db.Value[int64], q, before.Add(-waited).UnixMicro())
	if err == nil {
		more, err = change.Trim(ctx, s.db, before, upTo)
	}
	if err != nil {
		return false, fmt.Errorf("record: changes: %w", err)
	}
	return more, nil
}
