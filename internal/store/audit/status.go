package audit

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// Status is how the log is doing.
type Status struct {
	Origin    string
	Key       string // that knows the signatures
	Size      int64
	Waiting   int64
	Last      Checkpoint
	Witnesses []Health
}

// Health is how a witness is doing.
type Health struct {
	Name     string
	Number   int64 // of the last checkpoint that it took
	Behind   int64 // how many it does not have
	TakenAt  time.Time
	FailedAt time.Time // zero: the last attempt went well
}

// Status returns how the log is doing, without reading the log itself.
func (b *Book) Status(ctx context.Context) (Status, error) {
	s, err := b.status(ctx)
	if err != nil {
		return s, fmt.Errorf("audit: status: %w", err)
	}
	return s, nil
}

func (b *Book) status(ctx context.Context) (s Status, err error) {
	t, err := readTree(ctx, b.db)
	if err != nil || t.origin == "" {
		return s, err
	}
	s.Origin, s.Size, s.Key = t.origin, t.size, b.keys.Public(t.origin)
	if s.Waiting, err = db.One(ctx, b.db, db.Value[int64], `select count(*) from audit_wait`); err != nil {
		return s, err
	}
	n, _, err := fresh(ctx, b.db)
	if err != nil {
		return s, err
	}
	s.Waiting += n
	if s.Last, err = lastCheckpoint(ctx, b.db); err != nil {
		return s, err
	}
	scan := func(scan db.Scan) (h Health, err error) {
		var taken, failed int64
		err = scan(&h.Name, &h.Number, &taken, &failed)
		h.Behind = max(s.Last.Number-h.Number, 0)
		if taken != 0 {
			h.TakenAt = moment(taken)
		}
		if failed != 0 {
			h.FailedAt = moment(failed)
		}
		return h, err
	}
	s.Witnesses, err = db.All(ctx, b.db, scan, `select name, number, taken_at, failed_at from audit_witness order by name`)
	return s, err
}
