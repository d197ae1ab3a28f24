package desk

import (
	"math"
	"strings"
	"testing"
	"time"

	"hale/internal/access/account"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/store/audit"
)

// What the desk asks for is what the packages behind it offer.
var (
	_ Outreaches = (*reach.Engine)(nil)
	_ Effects    = (*measure.Store)(nil)
	_ Patients   = (*patient.Store)(nil)
	_ Contacts   = (*contact.Store)(nil)
	_ Consents   = (*consent.Store)(nil)
	_ Visits     = (*visit.Store)(nil)
	_ Accounts   = (*account.Store)(nil)
	_ Looks      = (*audit.Log)(nil)
)

func TestSayEffectClaimsNoMoreThanItHolds(t *testing.T) {
	day := func(t time.Time) string { return t.Format("Jan 2") }
	closes := time.Date(2027, 1, 3, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		effect measure.Effect
		known  bool
		says   []string
		never  []string
	}{
		{name: "a gain", effect: measure.Effect{State: measure.Running, Treated: 100, Held: 10, Diff: 0.068, Low: 0.049, High: 0.087, Extra: 515, ExtraLow: 371, ExtraHigh: 659, Complete: closes}, known: true,
			says: []string{"+6.8 pts", "4.9 to 8.7", "It worked", "more patients", "515", "371 to 659", "Jan 3"}, never: []string{"final"}},
		{name: "a gain, at the end", effect: measure.Effect{State: measure.Final, Treated: 100, Held: 10, Diff: 0.068, Low: 0.001, High: 0.087}, known: true, says: []string{"It worked", "final"}},
		{name: "a loss", effect: measure.Effect{State: measure.Final, Treated: 100, Held: 10, Diff: -0.03, Low: -0.05, High: -0.01}, known: true,
			says: []string{"−3.0 pts", "−5.0 to −1.0", "harm", "fewer patients"}, never: []string{"worked", "more patients"}},
		{name: "zero inside", effect: measure.Effect{State: measure.Final, Treated: 100, Held: 10, Diff: 0.02, Low: -0.01, High: 0.05}, known: true,
			says: []string{"No clear difference", "may have changed nothing", "above 5.0", "beyond 1.0"}, never: []string{"worked", "harm"}},
		{name: "zero at the edge", effect: measure.Effect{State: measure.Final, Treated: 100, Held: 10, Diff: 0.02, Low: 0, High: 0.04}, known: true, says: []string{"No clear difference"}},
		{name: "lopsided draw", effect: measure.Effect{State: measure.Broken, Treated: 100, Held: 60, Diff: 0.2, Low: 0.1, High: 0.3, Blocked: "60 were held out where 10 were planned"},
			says: []string{"blocked", "60 were held out where 10 were planned."}, never: []string{"20.0", "+"}},
		{name: "too early", effect: measure.Effect{State: measure.TooEarly, Treated: 100, Held: 10, Diff: 0.2, WindowDays: 90, Complete: closes},
			says: []string{"Too early", "90 days", "Jan 3"}, never: []string{"20.0"}},
		{name: "too few", effect: measure.Effect{State: measure.TooFew, Treated: 9, Held: 1, Diff: 0.2}, says: []string{"Too few", "9 patients", "1 patient held out"}, never: []string{"20.0"}},
		{name: "nobody held out", effect: measure.Effect{State: measure.TooFew, Treated: 9}, says: []string{"Nobody was held out"}},
		{name: "nothing known", effect: measure.Effect{}, says: []string{"Too early"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := sayEffect(tt.effect, measure.Funnel{Patients: 110, Held: 10, Seen: 71}, day)
			all := strings.Join([]string{v.Headline, v.Means, v.Interval, v.Extra, v.ExtraOf, v.Verdict, v.Note}, " | ")
			if v.Known != tt.known {
				t.Errorf("known = %v, want %v", v.Known, tt.known)
			}
			for _, s := range tt.says {
				if !strings.Contains(all, s) {
					t.Errorf("does not say %q: %s", s, all)
				}
			}
			for _, s := range tt.never {
				if strings.Contains(all, s) {
					t.Errorf("says %q: %s", s, all)
				}
			}
		})
	}
}

func TestAccountForAddsUp(t *testing.T) {
	tests := []struct {
		name string
		p    reach.Progress
		adds bool
	}{
		{"all decided", reach.Progress{Audience: 10, Planned: 10, Balanced: true, Intents: map[string]int{"satisfied": 6, "holdout": 4}}, true},
		{"some not yet", reach.Progress{Audience: 10, Planned: 7, Balanced: true, Intents: map[string]int{"active": 6, "holdout": 1}}, true},
		{"one missing", reach.Progress{Audience: 10, Planned: 10, Balanced: true, Intents: map[string]int{"active": 9}}, false},
		{"one too many", reach.Progress{Audience: 10, Planned: 10, Balanced: true, Intents: map[string]int{"active": 11}}, false},
		{"a state nobody knows", reach.Progress{Audience: 10, Planned: 10, Balanced: true, Intents: map[string]int{"active": 9, "odd": 1}}, false},
		{"the engine disagrees", reach.Progress{Audience: 10, Planned: 10, Intents: map[string]int{"active": 10}}, false},
	}
	for _, tt := range tests {
		if got := accountFor(tt.p, "").Adds; got != tt.adds {
			t.Errorf("%s: adds = %v, want %v", tt.name, got, tt.adds)
		}
	}
}

func TestMask(t *testing.T) {
	tests := map[string]string{
		"see https://x.example/m/7Qk2abcdWXYZ now": "see https://x.example/m/7Qk2… now",
		"https://x.example/m/7Qk2abcdWXYZ":         "https://x.example/m/7Qk2…",
		"/m/abc":                                   "/m/abc…",
		"two /m/aaaabbbb and /m/ccccdddd.":         "two /m/aaaa… and /m/cccc….",
		"a note /m/ without a token":               "a note /m/ without a token",
		"none":                                     "none",
		"":                                         "",
		"https://x.example/m/7Qk2-_dWXYZ?x=/m/abcde": "https://x.example/m/7Qk2…?x=/m/abcd…",
	}
	for in, want := range tests {
		if got := mask(in); got != want {
			t.Errorf("mask(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAnonymous(t *testing.T) {
	tests := []struct{ text, name, want string }{
		{"Hello Maria, dear Ms. Alvarez.", "Maria Alvarez", "Hello Alex, dear Ms. Sample."},
		{"Marianne and Maria's", "Maria Alvarez", "Marianne and Alex's"},
		{"José, ¿hola?", "José Ñúñez", "Alex, ¿hola?"},
		{"A yearly exam", "M. A.", "A yearly exam"},
		{"Hello", "", "Hello"},
		{"van den Berg", "Jo van den Berg", "Alex Alex Sample"},
	}
	for _, tt := range tests {
		if got := anonymous(tt.text, tt.name, madeUpGiven, madeUpFamily); got != tt.want {
			t.Errorf("anonymous(%q, %q) = %q, want %q", tt.text, tt.name, got, tt.want)
		}
	}
}

func TestForestStaysInsideItsFrame(t *testing.T) {
	tests := map[string][]interval{
		"none":       nil,
		"one":        {{Label: "a", Diff: 6.8, Low: 4.9, High: 8.7}},
		"all below":  {{Label: "a", Diff: -6, Low: -9, High: -3}},
		"all zero":   {{Label: "a"}},
		"not finite": {{Label: "a", Diff: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}},
		"huge":       {{Label: "a", Diff: 50, Low: -1e6, High: 1e6}},
		"tiny":       {{Label: "a", Diff: 1e-5, Low: -1e-5, High: 3e-5}},
		"long label": {{Label: strings.Repeat("w", 200), Diff: 1, Low: 0, High: 2}},
	}
	for name, rows := range tests {
		for _, f := range []forest{wideForest(rows), narrowForest(rows)} {
			if len(f.Marks) < 2 || len(f.Marks) > 12 {
				t.Errorf("%s: %d marks", name, len(f.Marks))
			}
			zero := 0
			for _, m := range f.Marks {
				if m.Zero {
					zero++
				}
				if !(m.X >= 0 && m.X <= f.Width) {
					t.Errorf("%s: mark at %v of %v", name, m.X, f.Width)
				}
			}
			if zero != 1 {
				t.Errorf("%s: %d zero lines, want 1", name, zero)
			}
			for _, r := range f.Rows {
				if !(r.From <= r.At && r.At <= r.To && r.From >= 0 && r.To <= f.Width) {
					t.Errorf("%s: drawn from %v over %v to %v of %v", name, r.From, r.At, r.To, f.Width)
				}
				if len([]rune(r.Label)) > 25 {
					t.Errorf("%s: a label of %d letters", name, len([]rune(r.Label)))
				}
			}
		}
	}
}

func TestSay(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "−1,234"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[float64]string{0.068: "+6.8", -0.012: "−1.2", 0: "0.0", 0.0004: "0.0", -0.0004: "0.0"} {
		if got := points(d); got != want {
			t.Errorf("points(%v) = %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "less than a minute", time.Minute: "1 minute", 61 * time.Second: "2 minutes", time.Hour: "1 hour", 47 * time.Hour: "47 hours", 48 * time.Hour: "2 days"} {
		if got := lasts(d); got != want {
			t.Errorf("lasts(%v) = %q, want %q", d, got, want)
		}
	}
	if got := share(1, 0); got != "–" {
		t.Errorf("share of nothing = %q", got)
	}
}

func TestInOrderPutsDeliveryAfterHandOff(t *testing.T) {
	at := func(sec int) time.Time { return noon.Add(time.Duration(sec) * time.Second) }
	tests := []struct {
		name string
		in   []reach.Step
		want string
	}{
		{"receipt first", []reach.Step{{At: at(0), Kind: "drawn"}, {At: at(1), Kind: "delivered", Channel: "sms"}, {At: at(2), Kind: "sent", Channel: "sms"}, {At: at(3), Kind: "seen"}}, "drawn sent delivered seen"},
		{"already in order", []reach.Step{{At: at(1), Kind: "sent", Channel: "sms"}, {At: at(2), Kind: "delivered", Channel: "sms"}}, "sent delivered"},
		{"another channel's", []reach.Step{{At: at(1), Kind: "delivered", Channel: "sms"}, {At: at(2), Kind: "sent", Channel: "email"}}, "delivered sent"},
		{"an earlier try's", []reach.Step{{At: at(1), Kind: "delivered", Channel: "sms"}, {At: at(61), Kind: "sent", Channel: "sms"}}, "delivered sent"},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		var kinds []string
		for _, s := range inOrder(tt.in) {
			kinds = append(kinds, s.Kind)
		}
		if got := strings.Join(kinds, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
