package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hale/internal/store/db"
)

// Follower is a part of Hale that learns of every change: what sends
// notifications, what keeps an index of words, what reaches out or measures.
//
// It is handed the changes in the order of their commits, each at least once,
// by one node at a time. Where it is stands in the database and moves on in
// the transaction of what it keeps of a batch: what it keeps, it keeps once.
type Follower struct {
	Name  string // of its place in the database
	Node  string // of this process
	Batch int    // most changes at a time; zero: 500

	// Take looks at some changes, outside any transaction, and returns what
	// keeps what follows from them; nil for nothing.
	Take func(ctx context.Context, batch []Changed) (keep func(ctx context.Context, tx *db.Tx) error, err error)

	// New follows what is changed from its first run on, not what was before.
	New bool
}

// following is how long a node holds on to a follower it does not hear of.
const following = 30 * time.Second

// errNotMine says that another node follows.
var errNotMine = errors.New("record: follow: another node does")

// Follow runs f until ctx ends. What fails is tried again.
func (s *Store) Follow(ctx context.Context, f Follower, log *slog.Logger) error {
	last, err := s.LastChange(ctx) // nothing behind it is waited for
	if err != nil {
		log.Error("record: a follower could not see where it is", "follower", f.Name, "err", err)
	}
	for ctx.Err() == nil {
		seq, more, err := s.follows(ctx, f)
		switch {
		case err == nil && seq > 0:
			last = seq
			if !more {
				nap(ctx, breath)
			}
			continue
		case err == nil:
			err = s.AwaitChange(ctx, last, 2*time.Second)
		case errors.Is(err, errNotMine):
		case ctx.Err() == nil:
			log.Error("record: a follower could not go on", "follower", f.Name, "err", err)
		}
		if err != nil { // no running in circles
			nap(ctx, 2*time.Second)
		}
	}
	return nil
}

// breath is how long a follower that has come to the end lets changes gather:
// every batch has a way to the disk of its own, which those who write need.
const breath = 250 * time.Millisecond

// nap waits until d has passed or ctx ends.
func nap(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// FollowOnce hands f the next changes and returns the Seq of the last, 0
// where there are none.
func (s *Store) FollowOnce(ctx context.Context, f Follower) (int64, error) {
	seq, _, err := s.follows(ctx, f)
	return seq, err
}

// follows is FollowOnce, and says whether there may be more at once.
func (s *Store) follows(ctx context.Context, f Follower) (last int64, more bool, err error) {
	if f.Batch <= 0 {
		f.Batch = 500
	}
	seq, err := s.followed(ctx, f)
	if err != nil {
		return 0, false, err
	}
	batch, err := s.Changes(ctx, seq, f.Batch)
	if err != nil || len(batch) == 0 {
		return 0, false, err
	}
	keep, err := f.Take(ctx, batch)
	if err != nil {
		return 0, false, fmt.Errorf("record: follow %s: %w", f.Name, err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update follower set seq = $3, at = $4 where name = $1 and claim = $2 and seq = $5`
		n, err := db.Changed(tx.ExecContext(ctx, q, f.Name, f.Node, batch[len(batch)-1].Seq, s.now().UnixMicro(), seq))
		if err != nil {
			return err
		}
		if n == 0 {
			return errNotMine
		}
		if keep == nil {
			return nil
		}
		return keep(ctx, tx)
	})
	if err != nil {
		return 0, false, fmt.Errorf("record: follow %s: %w", f.Name, err)
	}
	return batch[len(batch)-1].Seq, len(batch) == f.Batch, nil
}

// followed returns where f is, and holds it for this node.
func (s *Store) followed(ctx context.Context, f Follower) (int64, error) {
	now := s.now()
	var seq int64
	type row struct {
		seq, until int64
		claim      string
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.seq, &r.until, &r.claim) },
		`select seq, lease_until, claim from follower where name = $1`, f.Name)
	if err != nil {
		return 0, fmt.Errorf("record: follow %s: %w", f.Name, err)
	}
	if len(list) == 1 {
		r := list[0]
		if r.claim == f.Node && time.UnixMicro(r.until).Sub(now) > following/2 {
			return r.seq, nil
		}
		const hold = `update follower set claim = $2, lease_until = $3 where name = $1 and (claim = $2 or lease_until < $4) and seq = $5`
		n, err := db.Changed(s.db.ExecContext(ctx, hold, f.Name, f.Node, now.Add(following).UnixMicro(), now.UnixMicro(), r.seq))
		if err != nil {
			return 0, fmt.Errorf("record: follow %s: %w", f.Name, err)
		}
		if n == 0 {
			return 0, errNotMine
		}
		return r.seq, nil
	}
	if f.New {
		if seq, err = s.LastChange(ctx); err != nil {
			return 0, err
		}
	}
	const begin = `insert into follower (name, seq, claim, lease_until, at) values ($1, $2, $3, $4, $5) on conflict do nothing`
	n, err := db.Changed(s.db.ExecContext(ctx, begin, f.Name, seq, f.Node, now.Add(following).UnixMicro(), now.UnixMicro()))
	if err != nil {
		return 0, fmt.Errorf("record: follow %s: %w", f.Name, err)
	}
	if n == 0 {
		return 0, errNotMine
	}
	return seq, nil
}
