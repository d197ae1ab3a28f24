package journey

import (
	"testing"
	"time"
)

// FuzzLength gives anything to the lengths of time of a journey.
func FuzzLength(f *testing.F) {
	for _, s := range []string{"90m", "4h", "3d", "2wd", "", "d", "-1d", "99999999999999999999h", "1e3m", " 2wd "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLength(text)
		if err == nil && (l.d < 0 || l.days < 0 || l.d > 1000*24*time.Hour || l.days > 1000) {
			t.Fatalf("%q is %v and %d working days", text, l.d, l.days)
		}
	})
}
