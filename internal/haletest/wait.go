package haletest

import (
	"context"
	"errors"
	"testing"
	"time"

	"hale/internal/store/db"
)

// LongestWait runs fn and returns how long, at worst, somebody waited
// meanwhile who has one row to write: a sign-in, a receipt.
func LongestWait(tb testing.TB, d *db.DB, fn func()) time.Duration {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	worst := make(chan time.Duration, 1)
	var failed error
	go func() {
		var most time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			err := d.Tx(context.WithoutCancel(ctx), func(*db.Tx) error { return nil })
			most, failed = max(most, time.Since(began)), errors.Join(failed, err)
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
		}
		worst <- most
	}()
	fn()
	stop()
	most := <-worst
	if failed != nil {
		tb.Fatal(failed)
	}
	return most
}
