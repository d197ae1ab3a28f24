package record

import "testing"

// A place in a history that somebody sends is one that was given out, or is
// refused.
func FuzzMoment(f *testing.F) {
	for _, text := range []string{"", "MSAyIDM", "MSAyIDMg", "x", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5IDEgMQ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readMoment(text)
		if err != nil {
			return
		}
		if again, err := readMoment(p.String()); err != nil || again != p {
			t.Errorf("%q is %+v, and written again %+v, %v", text, p, again, err)
		}
	})
}
