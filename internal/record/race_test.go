package record_test

import (
	"fmt"
	"net/url"
	"sync"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Writers of one resource at one moment: each either writes a version of its
// own or is told of the conflict, no version is lost, and the index holds
// what the last one wrote and nothing else.
func TestStorePutAllRace(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria)
		for _, id := range []string{"new", "old"} {
			if id == "old" {
				put(t, s, d, condition(id, "maria", "x", "c", "2020"))
			}
			written := writeAtOnce(t, s, d, id)
			if written == 0 {
				t.Fatalf("%s: nobody of those who wrote at once could", id)
			}
			if id == "old" {
				written++
			}
			pass := haletest.Pass(t, d, "maria", access.ReadRecord)
			got, err := s.Get(t.Context(), pass, "Condition", id)
			if err != nil || got.Version != int64(written) {
				t.Errorf("%s: version = %d, %v, want %d", id, got.Version, err, written)
			}
			history, err := s.History(t.Context(), pass, "Condition", id)
			if err != nil || len(history) != written {
				t.Errorf("%s: %d versions are kept, %v, want %d", id, len(history), err, written)
			}
			found := 0
			for i := range writers {
				page, err := s.Search(t.Context(), pass, "Condition", url.Values{"code": {fmt.Sprint("x|", id, i)}})
				if err != nil {
					t.Fatal(err)
				}
				found += len(page.Resources)
			}
			if found != 1 {
				t.Errorf("%s: the index finds %d of the codes that were written at once, want the last one's", id, found)
			}
		}
	})
}

const writers = 8

// writeAtOnce puts a resource with a different code from each writer and
// returns how many were let.
func writeAtOnce(t *testing.T, s *record.Store, d *db.DB, id string) int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	written := 0
	start := make(chan struct{})
	for i := range writers {
		wg.Go(func() {
			<-start
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				_, err := s.PutAll(t.Context(), tx, source, []record.Draft{draft(condition(id, "maria", "x", fmt.Sprint(id, i), "2021"))})
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				written++
			} else if errs.KindOf(err) != errs.Conflict {
				t.Errorf("PutAll at once = %v, want nil or a conflict", err)
			}
		})
	}
	close(start)
	wg.Wait()
	return written
}
