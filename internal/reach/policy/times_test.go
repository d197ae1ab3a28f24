package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
)

// Whoever it is and whenever it is asked, what an outreach with hours of its
// own plans leaves inside of them, on every clock the person may live by; and
// the window that a message keeps says the same after it was written down.
func TestTimesHold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 36))
	s := withLaw(t)
	care := purpose(t, "care")
	planned := 0
	for range 3000 {
		f := somebody(r)
		now := day.Add(time.Duration(r.IntN(60*24*60)) * time.Minute)
		from := r.IntN(20)
		h := policy.Times{Days: policy.Days(1 + r.IntN(127)), From: from, To: from + 1 + r.IntN(24-from), Spread: r.IntN(8)}
		a := policy.Ask{Purpose: care, Class: policy.S2, Hours: h, Turn: policy.Turn{Since: now.Add(-time.Hour), Share: r.Float64()}}
		d := policy.Decide(now, f, a, s)
		for _, c := range d.Plan {
			planned++
			if c.NotBefore.Before(now) {
				t.Fatalf("planned for %s, before %s", c.NotBefore, now)
			}
			w, err := policy.ParseWindow(c.Window.String())
			if err != nil {
				t.Fatal(err)
			}
			if next, ok := w.Next(c.NotBefore, &s); !ok || !next.Equal(c.NotBefore) {
				t.Fatalf("%s is shut at %s, when a message is planned", c.Window, c.NotBefore)
			}
			for _, name := range w.Zones {
				loc, err := s.Load(name)
				if err != nil {
					t.Fatal(err)
				}
				at := c.NotBefore.In(loc)
				if !h.Days.Has(at.Weekday()) || at.Hour() < h.From || at.Hour() >= h.To {
					t.Fatalf("%s in %s by %s, outside of %s", at, name, c.Channel, h.Words())
				}
			}
			if c.NotBefore.After(now) && !slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool {
				return r.Channel == c.Channel && (r.Code == "window" || r.Code == "quiet" || r.Code == "spread")
			}) {
				t.Fatalf("a message waits for %s, and no reason says why: %v", c.NotBefore, d.Reasons)
			}
		}
	}
	if planned < 1000 {
		t.Errorf("%d messages planned, too few to say anything", planned)
	}
}

// A spread counts the hours in which the window is open, over nights and
// weekends, and starts where the outreach did.
func TestTimesSpread(t *testing.T) {
	s := withLaw(t)
	f := &policy.Facts{Patient: "p", Zone: "America/Chicago", State: "IL", Points: []contact.Point{{Kind: contact.Email, Value: "p@mail.example", Status: contact.Active}}}
	chicago, err := s.Load("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	friday := time.Date(2026, 3, 6, 15, 0, 0, 0, chicago)
	days, ok := policy.ParseDays([]string{"mon", "tue", "wed", "thu", "fri"})
	if !ok {
		t.Fatal("the days are not read")
	}
	for _, tt := range []struct {
		share float64
		now   time.Time
		want  time.Time
	}{
		{0, friday, friday},
		{0.25, friday, friday.Add(time.Hour)},
		{0.75, friday, time.Date(2026, 3, 9, 10, 2, 0, 0, chicago)}, // 1 h 58 on Friday, the rest on Monday
		{0.25, friday.Add(90 * time.Minute), friday.Add(90 * time.Minute)},
	} {
		a := policy.Ask{Purpose: purpose(t, "care"), Class: policy.S2, Channels: []policy.Channel{policy.Email},
			Hours: policy.Times{Days: days, From: 9, To: 17, Spread: 4}, Turn: policy.Turn{Since: friday, Share: tt.share}}
		d := policy.Decide(tt.now, f, a, s)
		if len(d.Plan) != 1 || !d.Plan[0].NotBefore.Equal(tt.want) {
			t.Errorf("at %.2f = %+v, want %s", tt.share, d.Plan, tt.want)
		}
	}
	f.Preferences = []contact.Preference{{Topic: "*", HourFrom: 18, HourTo: 20}}
	d := policy.Decide(friday, f, policy.Ask{Purpose: purpose(t, "care"), Class: policy.S2, Channels: []policy.Channel{policy.Email}, Hours: policy.Times{From: 9, To: 12}}, s)
	if d.Verdict != policy.Block || !slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool { return r.Code == "hours_apart" }) {
		t.Errorf("hours that never meet = %s, %v", d.Verdict, d.Reasons)
	}
}

func TestTimesCheck(t *testing.T) {
	for _, tt := range []struct {
		name    string
		h       policy.Times
		purpose string
		ok      bool
	}{
		{"none", policy.Times{}, "emergency", true},
		{"at any hour", policy.Times{From: 9, To: 17}, "emergency", false},
		{"working days", policy.Times{Days: 62, From: 9, To: 17, Spread: 40}, "care", true},
		{"backwards", policy.Times{From: 17, To: 9}, "care", false},
		{"beyond the day", policy.Times{From: 9, To: 25}, "care", false},
		{"no end", policy.Times{From: 9}, "care", false},
		{"too long", policy.Times{Spread: policy.MaxSpread + 1}, "care", false},
		{"longer than its hours", policy.Times{Days: 2, From: 9, To: 10, Spread: 6}, "care", false},
	} {
		if err := tt.h.Check(purpose(t, tt.purpose), 30); (err == nil) != tt.ok || err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s = %v", tt.name, err)
		}
	}
	for days, want := range map[policy.Days]string{0: "every day", 62: "Monday to Friday", 4 | 16: "Tuesday and Thursday", 1 | 64: "Saturday and Sunday", 2: "Monday", 2 | 4 | 32: "Monday, Tuesday and Friday"} {
		if got := days.String(); got != want {
			t.Errorf("Days %d = %q, want %q", days, got, want)
		}
	}
	if _, ok := policy.ParseDays([]string{"noday"}); ok {
		t.Error("a day that is none was read")
	}
}
