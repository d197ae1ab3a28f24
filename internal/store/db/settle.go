package db

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// settling is how long Settle waits at most: nothing writes for so long.
const settling = time.Minute

// errBusy says that something has been writing for longer than that.
var errBusy = errors.New("db: settle: a transaction does not end")

// Settle returns when every transaction that was writing when it was called
// has ended: what it reads afterwards of that time changes no more.
func (d *DB) Settle(ctx context.Context) error {
	if d.engine == SQLite {
		return d.Tx(ctx, func(*Tx) error { return nil }) // there is one writer at a time
	}
	// PostgreSQL numbers transactions as they first write; a snapshot knows
	// the oldest that is still open.
	const newest = `select pg_snapshot_xmax(pg_current_snapshot())::text::bigint`
	const oldest = `select pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	until, err := One(ctx, d, Value[int64], newest)
	if err != nil {
		return fmt.Errorf("db: settle: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for {
		open, err := One(ctx, d, Value[int64], oldest)
		switch {
		case ctx.Err() != nil:
			return errBusy
		case err != nil:
			return fmt.Errorf("db: settle: %w", err)
		case open >= until:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}
