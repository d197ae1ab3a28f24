package policy_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"hale/internal/care/contact"
	"hale/internal/reach/law"
	"hale/internal/reach/policy"
)

func withLaw(t testing.TB) policy.Settings {
	t.Helper()
	s := settings()
	b, err := law.Default()
	if err != nil {
		t.Fatal(err)
	}
	zones := map[string]*time.Location{}
	s.Law = b
	s.Load = func(name string) (*time.Location, error) {
		loc, known := zones[name]
		if !known {
			loc, _ = time.LoadLocation(name)
			zones[name] = loc
		}
		if loc == nil {
			return nil, errNowhere
		}
		return loc, nil
	}
	return s
}

var errNowhere = errors.New("no such zone")

// somebody is a person of whom some things are known.
func somebody(r *rand.Rand) *policy.Facts {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	f := &policy.Facts{
		Patient: "p", Account: r.IntN(2) == 0,
		Zone:  pick("", "", "America/Chicago", "America/New_York", "America/Phoenix", "Pacific/Honolulu", "No/Where"),
		State: pick("", "IL", "TX", "CT", "RI", "LA", "FL", "zz", "illinois"), Zip: pick("", "60546", "79901", "32401", "99501", "10001", "x"),
	}
	if r.IntN(4) > 0 {
		f.Points = append(f.Points, contact.Point{Kind: contact.SMS, Value: pick("+13125550142", "+12125550100", "+18085550100", "+15415550100", "+18005550100"), Status: contact.Active})
	}
	if r.IntN(4) > 0 {
		f.Points = append(f.Points, contact.Point{Kind: contact.Email, Value: "p@mail.example", Status: contact.Active})
	}
	if r.IntN(4) == 0 {
		f.Preferences = append(f.Preferences, contact.Preference{Topic: "*", HourFrom: r.IntN(12), HourTo: 12 + r.IntN(12)})
	}
	return f
}

// Whatever is known of somebody and whenever it is asked, nothing is planned
// for a moment at which it is night, a holiday or against the law in any
// place the person may be in.
func TestDecideNeverInQuietTime(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	if os.Getenv("HALE_DEEP") != "" {
		n = 1_000_000
	}
	s, r := withLaw(t), rand.New(rand.NewPCG(11, 30))
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	planned := 0
	for range n {
		f := somebody(r)
		p := policy.Purposes()[r.IntN(len(policy.Purposes()))]
		p.Authorization = false
		now := begin.Add(time.Duration(r.Int64N(int64(2 * 365 * 24 * time.Hour))))
		d := policy.Decide(now, f, policy.Ask{Purpose: p, Class: p.Sensitivity}, s)
		for _, c := range d.Plan {
			if c.Channel == policy.Inbox || p.AnyHour {
				continue
			}
			planned++
			if why := wrong(t, f, &s, c, p, now); why != "" {
				t.Fatalf("%s by %s at %s (asked at %s), zone %q state %q zip %q: %s", p.Key, c.Channel, c.NotBefore, now, f.Zone, f.State, f.Zip, why)
			}
		}
	}
	if planned < n/3 {
		t.Errorf("only %d messages were planned: this shows nothing", planned)
	}
}

// wrong is the oracle: it asks the rows of the law one by one, minute by
// minute, and knows nothing of windows.
func wrong(t *testing.T, f *policy.Facts, s *policy.Settings, c policy.Candidate, p policy.Purpose, now time.Time) string {
	zones, places := policy.Whereabouts(f, s)
	if len(zones) == 0 || len(places) == 0 {
		return "nobody knows where"
	}
	if c.NotBefore.Before(now) {
		return "before it was asked for"
	}
	for _, z := range zones {
		loc, err := s.Load(z)
		if err != nil {
			return err.Error()
		}
		local := c.NotBefore.In(loc)
		y, m, d := local.Date()
		if local.Hour() < 8 || local.Hour() >= 20 {
			return "night in " + z
		}
		date := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 3600))
		for _, place := range places {
			day := s.Law.Day([]string{place}, string(c.Channel), p.Class, date)
			if local.Hour() < day.From || local.Hour() >= day.To {
				return "against the law of " + place + ": " + day.Name
			}
		}
	}
	return ""
}

// A window says the same after it was written down and read again.
func TestWindowRoundTrip(t *testing.T) {
	s, r := withLaw(t), rand.New(rand.NewPCG(3, 4))
	for range 500 {
		f := somebody(r)
		p := policy.Purposes()[r.IntN(len(policy.Purposes()))]
		p.Authorization = false
		for _, c := range policy.Decide(day, f, policy.Ask{Purpose: p, Class: p.Sensitivity}, s).Plan {
			w, err := policy.ParseWindow(c.Window.String())
			if err != nil {
				t.Fatalf("ParseWindow(%q): %v", c.Window.String(), err)
			}
			at := day.Add(time.Duration(r.IntN(400)) * time.Hour)
			a, okA := c.Window.Next(at, &s)
			b, okB := w.Next(at, &s)
			if !a.Equal(b) || okA != okB {
				t.Errorf("%q opens at %s, read again at %s", c.Window.String(), a, b)
			}
		}
	}
}

// BenchmarkDecideByTheLaw is the budget of the engine: 30,000 decisions a second on
// one core.
func BenchmarkDecideByTheLaw(b *testing.B) {
	s, r := withLaw(b), rand.New(rand.NewPCG(1, 2))
	people := make([]*policy.Facts, 512)
	for i := range people {
		people[i] = somebody(r)
	}
	care := purpose(b, "care")
	i := 0
	for b.Loop() {
		policy.Decide(day, people[i%len(people)], policy.Ask{Purpose: care, Class: policy.S2}, s)
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
