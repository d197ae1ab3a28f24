package db_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// Who came first writes first, however many wait; who gives up waiting holds
// up nobody.
func TestOldestWritesFirst(t *testing.T) {
	d := haletest.SQLite(t)
	ctx := t.Context()
	free, held := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.Tx(ctx, func(*db.Tx) error { close(held); <-free; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	var order []int // written by one transaction at a time
	const people = 40
	for i := range people {
		all.Go(func() {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if i%4 == 3 {
				time.AfterFunc(time.Duration(people-i)*3*time.Millisecond, cancel)
			}
			write := func(*db.Tx) error { order = append(order, i); return nil }
			if err := d.Tx(ctx, write); i%4 != 3 && err != nil || i%4 == 3 && !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %v", i, err)
			}
		})
		time.Sleep(2 * time.Millisecond) // so that they come in this order
	}
	time.Sleep(people * 3 * time.Millisecond)
	close(free)
	all.Wait()
	if len(order) != people*3/4 || !slices.IsSorted(order) {
		t.Errorf("they wrote in the order %v, want that in which they came", order)
	}
	if err := d.Tx(ctx, func(*db.Tx) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
