// Package change keeps which versions of resources were written, in the order
// in which they were committed.
//
// A row never comes to stand behind one that a reader has seen: SQLite has one
// writer at a time; on PostgreSQL, where transactions that began in one order
// end in another, rows wait beside until Settle gives those that are committed
// the next numbers.
package change

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// Row is one version that was written.
type Row struct {
	Resource, Patient int64 // their numbers; Patient 0 is of no one patient
	Version           int64
	Verb              Verb
	At                time.Time
}

// Verb says how a version came to be.
type Verb int64

// The verbs.
const (
	Create Verb = iota + 1
	Update
	Delete
)

const (
	toFeed = `insert into change (resource, version, verb, at, patient)`
	toWait = `insert into change_wait (resource, version, verb, at, patient)`
)

// Add appends rows in the transaction of what they tell.
func Add(ctx context.Context, tx *db.Tx, rows []Row) error {
	const width = 5
	args := make([]any, 0, width*len(rows))
	for i := range rows {
		r := &rows[i]
		args = append(args, r.Resource, r.Version, int64(r.Verb), r.At.UnixMicro(), r.Patient)
	}
	insert := func() error { return db.InsertMany(ctx, tx, toFeed, "", width, args) }
	if tx.Engine() == db.Postgres {
		insert = func() error { return db.InsertMany(ctx, tx, toWait, "", width, args) }
	}
	if err := insert(); err != nil {
		return fmt.Errorf("change: add: %w", err)
	}
	return nil
}

// Settle gives what was committed its place in the order. Whoever reads table
// change calls it first.
func Settle(ctx context.Context, d *db.DB) error {
	if d.Engine() != db.Postgres {
		return nil
	}
	waits, err := db.All(ctx, d, db.Value[int64], `select n from change_wait limit 1`)
	if err != nil || len(waits) == 0 {
		return wrap(err)
	}
	const move = `
		with moved as (delete from change_wait returning n, resource, version, verb, at, patient)
		insert into change (resource, version, verb, at, patient)
		select resource, version, verb, at, patient
		from moved
		order by n`
	return wrap(d.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "change"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, move)
		return err
	}))
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("change: settle: %w", err)
	}
	return nil
}

// Last returns the number of the newest row, 0 where there is none.
func Last(ctx context.Context, d *db.DB) (int64, error) {
	if err := Settle(ctx, d); err != nil {
		return 0, err
	}
	n, err := db.One(ctx, d, db.Value[int64], `select coalesce(max(seq), 0) from change`)
	if err != nil {
		return 0, fmt.Errorf("change: last: %w", err)
	}
	return n, nil
}

// trimmed is how many rows Trim forgets in one transaction.
const trimmed = 5000

// Trim forgets rows from before a time with numbers up to upTo, some thousands
// at a time, and says whether there are more. The newest stays: numbers are
// never used again.
func Trim(ctx context.Context, d *db.DB, before time.Time, upTo int64) (more bool, err error) {
	if err := Settle(ctx, d); err != nil {
		return false, err
	}
	const q = `
		delete from change
		where seq in (
			select c.seq
			from (select seq, at from change order by seq limit $1) c
			where c.at < $2 and c.seq <= $3 and c.seq < (select max(seq) from change))`
	var n int64
	err = d.Tx(ctx, func(tx *db.Tx) (err error) {
		n, err = db.Changed(tx.ExecContext(ctx, q, trimmed, before.UnixMicro(), upTo))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("change: trim: %w", err)
	}
	return n == trimmed, nil
}
