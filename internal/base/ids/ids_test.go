package ids_test

import (
	"crypto/rand"
	"regexp"
	"testing"
	"time"

	"hale/internal/base/ids"
)

func TestSourceNew(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	s := ids.NewSource(func() time.Time { return at }, rand.Reader)
	valid := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{26}$`)

	last := ""
	for i := range 2000 {
		if i%500 == 0 {
			at = at.Add(time.Millisecond)
		}
		id := s.New()
		if !valid.MatchString(id) {
			t.Fatalf("New() = %q, want 26 characters of Crockford's base 32", id)
		}
		if id <= last {
			t.Fatalf("New() = %q after %q, want ids that grow", id, last)
		}
		last = id
	}
}
