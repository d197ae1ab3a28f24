package audit

import (
	"context"
	"fmt"
	"math"
	"time"

	"hale/internal/store/db"
)

// Query selects rows. What is empty does not matter.
type Query struct {
	Patient string
	Actor   string
	Action  string
	Outcome string // granted or denied
	From    time.Time
	To      time.Time // before this
	Before  string    // rows older than the one with this id: the next page
}

// The statement of Find, for each index that can help it.
const (
	findRest = ` and ($2 = '' or actor = $2) and ($3 = '' or action = $3) and ($4 = '' or outcome = $4)
		and at >= $5 and (at < $6 or at = $6 and id < $7)
		order by at desc, id desc
		limit $8`
	findAll     = `select ` + columns + ` from audit where $1 = ''` + findRest
	findPatient = `select ` + columns + ` from audit where patient = $1` + findRest
	findActor   = `select ` + columns + ` from audit where ($1 = '' or patient = $1) and actor = $2` + findRest
)

// Find returns the newest n rows that q selects, newest first. Whoever looks
// at rows has to leave one.
func (l *Log) Find(ctx context.Context, q Query, n int) ([]Row, error) {
	if err := Settle(ctx, l.db); err != nil {
		return nil, err
	}
	list, err := l.find(ctx, q, n)
	if err != nil {
		return nil, fmt.Errorf("audit: find: %w", err)
	}
	return list, nil
}

func (l *Log) find(ctx context.Context, q Query, n int) ([]Row, error) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = q.From.UnixMicro()
	}
	if !q.To.IsZero() {
		to = q.To.UnixMicro()
	}
	if q.Before != "" {
		at, err := db.One(ctx, l.db, db.Value[int64], `select at from audit where id = $1`, q.Before)
		if err != nil {
			return nil, err
		}
		to = min(to, at)
	}
	args := []any{q.Patient, q.Actor, q.Action, q.Outcome, from, to, q.Before, n}
	switch {
	case q.Patient != "":
		return db.All(ctx, l.db, read, findPatient, args...)
	case q.Actor != "":
		return db.All(ctx, l.db, read, findActor, args...)
	}
	return db.All(ctx, l.db, read, findAll, args...)
}

// Digests returns up to n rows of an action that have a digest, in order of
// their ids, after the one with the id last.
func (l *Log) Digests(ctx context.Context, action, last string, n int) ([]Row, error) {
	const q = `select ` + columns + ` from audit where id > $1 and action = $2 and digest <> '' order by id limit $3`
	if err := Settle(ctx, l.db); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, l.db, read, q, last, action, n)
	if err != nil {
		return nil, fmt.Errorf("audit: digests: %w", err)
	}
	return list, nil
}
