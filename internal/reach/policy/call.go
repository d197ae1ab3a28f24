package policy

import "time"

// Hours is when f's person may be called about p.
func Hours(f *Facts, p Purpose, s Settings) Window { return window(f, p, &s, Voice) }

// Callable says whether somebody may call f's person about p now: the hard
// and the legal gates, and that nobody asked for no calls. Which numbers work
// is seen by who dials.
func Callable(now time.Time, f *Facts, p Purpose) (Reason, bool) {
	if r, ok := gate(now, f, Ask{Purpose: p}); !ok {
		return r, false
	}
	if _, refused := f.Consent.Refused(string(Voice), p.Key); refused && p.Key != "security" {
		return say("opted_out", Voice), false
	}
	return Reason{}, true
}
