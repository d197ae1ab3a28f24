package measure

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What took long is given again for a time in proportion, then given while it
// is counted anew, and at last counted before anybody gets it.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k kept[int]
		counted, took, fails := 0, time.Duration(0), error(nil)
		get := func() int {
			n, err := k.get(t.Context(), time.Now, "o1", func(context.Context) (int, error) {
				time.Sleep(took)
				counted++
				return counted, fails
			})
			if !errors.Is(err, fails) {
				t.Fatal(err)
			}
			return n
		}
		is := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
		}
		is("a cheap one", get(), 1)
		is("a cheap one again", get(), 2)
		took = 100 * time.Millisecond
		is("the first that took long", get(), 3)
		time.Sleep(9 * time.Second)
		is("within its time", get(), 3)
		time.Sleep(2 * time.Second)
		is("past its time", get(), 3)
		time.Sleep(time.Second)
		is("counted meanwhile", get(), 4)
		time.Sleep(time.Hour)
		is("much later", get(), 5)
		time.Sleep(time.Hour)
		fails = errors.New("the database is away")
		get()
		fails = nil
		is("after it failed", get(), 7)
	})
}
