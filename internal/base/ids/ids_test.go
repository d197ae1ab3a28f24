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

func TestBytes(t *testing.T) {
	s := ids.NewSource(func() time.Time { return time.UnixMilli(1<<47 + 12345) }, rand.Reader)
	for range 100 {
		id := s.New()
		b, ok := ids.Bytes(id)
		if !ok || ids.Text(b) != id {
			t.Fatalf("Bytes(%q) = %x %t and is written %q", id, b, ok, ids.Text(b))
		}
	}
	for _, bad := range []string{"", "m1", "zzzzzzzzzzzzzzzzzzzzzzzzzz", "01H455VB4PEX5VSKNK084SN02Q", "01h455vb4pex5vsknk084sn02!", "01h455vb4pex5vsknk084sn02q0"} {
		if _, ok := ids.Bytes(bad); ok {
			t.Errorf("Bytes(%q) is taken", bad)
		}
	}
}
