package policy_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/reach/trial"
)

var day = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

func settings() policy.Settings {
	return policy.Settings{Matrix: policy.Defaults(), Caps: policy.DefaultCaps(), Clinic: "America/Chicago", Anywhere: []string{"America/New_York", "America/Los_Angeles"}, Load: time.LoadLocation}
}

func purpose(t testing.TB, key string) policy.Purpose {
	p, ok := policy.PurposeOf(key)
	if !ok {
		t.Fatalf("no purpose %s", key)
	}
	return p
}

func person() *policy.Facts {
	return &policy.Facts{Patient: "ada", Zone: "America/Chicago", Account: true, Points: []contact.Point{
		{Kind: contact.SMS, Value: "+13125550142", Status: contact.Active}, {Kind: contact.Email, Value: "ada@mail.example", Status: contact.Active}},
		Able: map[string]policy.Ability{"ada@mail.example": {OK: true, Level: policy.L2}, "+13125550142": {OK: true}}}
}

// The matrix of sensitivity and medium, cell by cell, as one table to read.
func TestDecideMatrix(t *testing.T) {
	type cell struct {
		channel policy.Channel
		level   policy.Level
		warned  bool
		shared  bool
		modes   [5]policy.Mode  // S0 to S4
		least   [5]policy.Level // that the connection must have
	}
	const f, n, g, x = policy.Full, policy.Notice, policy.Generic, policy.None
	cells := []cell{
		{channel: policy.Email, level: policy.L3, modes: [5]policy.Mode{f, f, f, n, g}, least: [5]policy.Level{0, 1, 2, 1, 1}},
		{channel: policy.Email, level: policy.L2, modes: [5]policy.Mode{f, f, f, n, g}, least: [5]policy.Level{0, 1, 2, 1, 1}},
		{channel: policy.Email, level: policy.L1, modes: [5]policy.Mode{f, f, n, n, g}, least: [5]policy.Level{0, 1, 0, 1, 1}},
		{channel: policy.Email, modes: [5]policy.Mode{f, n, n, g, x}},
		{channel: policy.Email, warned: true, modes: [5]policy.Mode{f, f, n, n, x}},
		{channel: policy.SMS, modes: [5]policy.Mode{f, f, n, n, g}},
		{channel: policy.Inbox, modes: [5]policy.Mode{f, f, f, f, f}},
		{channel: policy.Email, level: policy.L2, shared: true, modes: [5]policy.Mode{f, n, n, n, x}, least: [5]policy.Level{0, 0, 0, 1, 0}},
		{channel: policy.SMS, shared: true, modes: [5]policy.Mode{f, n, n, n, x}},
		{channel: policy.Inbox, shared: true, modes: [5]policy.Mode{f, f, f, f, f}},
	}
	for _, c := range cells {
		for class, want := range c.modes {
			t.Run(fmt.Sprintf("%s %s warned=%t shared=%t S%d", c.channel, c.level, c.warned, c.shared, class), func(t *testing.T) {
				p := person()
				for i := range p.Points {
					p.Points[i].Shared = c.shared
				}
				p.Able["ada@mail.example"] = policy.Ability{OK: true, Level: c.level}
				if c.warned {
					p.Consent = consent.Fold([]consent.Event{{Channel: "email", Purpose: "*", Action: consent.WarnAck, At: day}})
				}
				d := policy.Decide(day, p, policy.Ask{Purpose: purpose(t, "care"), Class: policy.Class(class), Channels: []policy.Channel{c.channel}}, settings())
				got := policy.None
				if len(d.Plan) > 0 {
					got = d.Plan[0].Mode
				}
				if got != want {
					t.Errorf("mode = %s, want %s; %+v", got, want, d.Reasons)
				}
				if len(d.Plan) > 0 && d.Plan[0].Level != c.least[class] {
					t.Errorf("Level = %s, want %s", d.Plan[0].Level, c.least[class])
				}
			})
		}
	}
}

func TestDecide(t *testing.T) {
	say := func(channel, purpose string, a consent.Action) consent.Event {
		return consent.Event{Channel: channel, Purpose: purpose, Action: a, At: day.Add(-time.Hour)}
	}
	tests := []struct {
		name    string
		purpose string
		change  func(*policy.Facts)
		at      time.Time
		verdict policy.Verdict
		code    string // must be among the reasons
		first   policy.Channel
	}{
		{name: "anyone", verdict: policy.Treat, first: policy.SMS},
		{name: "died", change: func(f *policy.Facts) { f.Deceased = true }, verdict: policy.Exclude, code: "deceased"},
		{name: "merged", change: func(f *policy.Facts) { f.Inactive = true }, verdict: policy.Exclude, code: "inactive"},
		{name: "not on record", change: func(f *policy.Facts) { f.Missing = true }, verdict: policy.Exclude, code: "gone"},
		{name: "refused all", change: func(f *policy.Facts) { f.Consent = consent.Fold([]consent.Event{say("*", "*", consent.Revoke)}) }, verdict: policy.Exclude, code: "refused"},
		{name: "refused this", change: func(f *policy.Facts) { f.Consent = consent.Fold([]consent.Event{say("*", "care", consent.Revoke)}) }, verdict: policy.Exclude, code: "refused"},
		{name: "refused something else", change: func(f *policy.Facts) { f.Consent = consent.Fold([]consent.Event{say("*", "survey", consent.Revoke)}) }, verdict: policy.Treat, first: policy.SMS},
		{name: "stopped texts", change: func(f *policy.Facts) { f.Consent = consent.Fold([]consent.Event{say("sms", "*", consent.Revoke)}) }, verdict: policy.Treat, code: "opted_out", first: policy.Email},
		{name: "marketing without a signature", purpose: "marketing", verdict: policy.Exclude, code: "no_authorization"},
		{name: "marketing signed", purpose: "marketing", change: func(f *policy.Facts) {
			f.Consent = consent.Fold([]consent.Event{say("*", "marketing", consent.Authorize)})
		}, verdict: policy.Treat, first: policy.SMS},
		{name: "marketing signed and taken back", purpose: "marketing", change: func(f *policy.Facts) {
			f.Consent = consent.Fold([]consent.Event{say("*", "marketing", consent.Authorize), say("*", "marketing", consent.Revoke)})
		}, verdict: policy.Exclude},
		{name: "email first", change: func(f *policy.Facts) {
			f.Preferences = []contact.Preference{{Topic: "*", Channels: []string{"email", "sms"}}}
		}, verdict: policy.Treat, first: policy.Email},
		{name: "email only, for this", change: func(f *policy.Facts) {
			f.Preferences = []contact.Preference{{Topic: "*", Channels: []string{"sms"}}, {Topic: "care", Channels: []string{"email"}}}
		}, verdict: policy.Treat, code: "not_chosen", first: policy.Email},
		{name: "portal only", change: func(f *policy.Facts) {
			f.Preferences = []contact.Preference{{Topic: "care", Channels: []string{"inbox"}}}
		}, verdict: policy.Treat, first: policy.Inbox},
		{name: "none of these", change: func(f *policy.Facts) {
			f.Preferences = []contact.Preference{{Topic: "care", Channels: []string{"none"}}}
		}, verdict: policy.Exclude, code: "refused"},
		{name: "number bounced", change: func(f *policy.Facts) { f.Points[0].Status = contact.Bounced }, verdict: policy.Treat, code: "bounced", first: policy.Email},
		{name: "number is somebody else's", change: func(f *policy.Facts) { f.Points[0].Status = contact.WrongPerson }, verdict: policy.Treat, code: "wrong_person", first: policy.Email},
		{name: "number blocked", change: func(f *policy.Facts) { f.Suppressed = map[string]string{"+13125550142": "stop"} }, verdict: policy.Treat, code: "suppressed", first: policy.Email},
		{name: "no address, portal", change: func(f *policy.Facts) { f.Points = nil }, verdict: policy.Treat, code: "no_address", first: policy.Inbox},
		{name: "no way at all", change: func(f *policy.Facts) { f.Points, f.Account = nil, false }, verdict: policy.Block, code: "no_way"},
		{name: "texted today", change: func(f *policy.Facts) {
			f.Used = []policy.Use{{Key: "+13125550142", Channel: policy.SMS, Class: "care", Day: policy.Day(day, time.UTC), N: 1}}
		}, verdict: policy.Treat, code: "cap_text_day", first: policy.Email},
		{name: "texted yesterday", change: func(f *policy.Facts) {
			f.Used = []policy.Use{{Key: "+13125550142", Channel: policy.SMS, Class: "care", Day: policy.Day(day, time.UTC) - 1, N: 1}}
		}, verdict: policy.Treat, first: policy.SMS},
		{name: "five this week", change: func(f *policy.Facts) {
			f.Account = false
			f.Used = []policy.Use{{Key: "ada", Channel: policy.Email, Class: "care", Day: policy.Day(day, time.UTC) - 6, N: 5}}
		}, verdict: policy.Defer, code: "cap_all"},
		{name: "five last week", change: func(f *policy.Facts) {
			f.Used = []policy.Use{{Key: "ada", Channel: policy.Email, Class: "care", Day: policy.Day(day, time.UTC) - 7, N: 5}}
		}, verdict: policy.Treat, first: policy.SMS},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := person()
			if tt.change != nil {
				tt.change(f)
			}
			if tt.purpose == "" {
				tt.purpose = "care"
			}
			p := purpose(t, tt.purpose)
			d := policy.Decide(day, f, policy.Ask{Purpose: p, Class: p.Sensitivity}, settings())
			if d.Verdict != tt.verdict {
				t.Fatalf("Decide = %s, want %s; %+v", d.Verdict, tt.verdict, d.Reasons)
			}
			if tt.code != "" && !slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool { return r.Code == tt.code && len(r.Words) > 10 }) {
				t.Errorf("reasons = %+v, want %s", d.Reasons, tt.code)
			}
			if tt.first != "" && d.Plan[0].Channel != tt.first {
				t.Errorf("first channel = %s, want %s", d.Plan[0].Channel, tt.first)
			}
			if tt.verdict == policy.Defer && !d.RetryAt.After(day) {
				t.Errorf("RetryAt = %s, want a time to come", d.RetryAt)
			}
		})
	}
}

// random makes facts of every sort.
func random(r *rand.Rand) *policy.Facts {
	f := person()
	f.Zone = []string{"America/Chicago", "Pacific/Honolulu", "Asia/Kolkata", "", "Nowhere/Land"}[r.IntN(5)]
	f.Account = r.IntN(2) == 0
	f.Deceased = r.IntN(20) == 0
	for i := range f.Points {
		f.Points[i].Shared = r.IntN(4) == 0
		f.Points[i].Status = []contact.Status{contact.Active, contact.Active, contact.Active, contact.Bounced}[r.IntN(4)]
		f.Points[i].Zone = []string{"", "America/Denver"}[r.IntN(2)]
	}
	f.Able["ada@mail.example"] = policy.Ability{OK: r.IntN(8) > 0, Level: policy.Level(r.IntN(4))}
	if r.IntN(4) == 0 {
		f.Preferences = []contact.Preference{{Topic: "*", HourFrom: 9 + r.IntN(5), HourTo: 15 + r.IntN(4)}}
	}
	var said []consent.Event
	for range r.IntN(3) {
		said = append(said, consent.Event{Channel: []string{"sms", "email", "*"}[r.IntN(3)], Purpose: []string{"care", "*"}[r.IntN(2)], Action: []consent.Action{consent.Grant, consent.Revoke}[r.IntN(2)], At: day.Add(time.Duration(r.IntN(1e6)) * -time.Second)})
	}
	f.Consent = consent.Fold(said)
	return f
}

// Who is held out changes the verdict and nothing else.
func TestDecideIsIndependentOfTheDraw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	care := purpose(t, "care")
	for range 3000 {
		f, at := random(r), day.Add(time.Duration(r.IntN(1e7))*time.Second)
		a := policy.Decide(at, f, policy.Ask{Purpose: care, Class: policy.S2, Arm: trial.Treat}, settings())
		b := policy.Decide(at, f, policy.Ask{Purpose: care, Class: policy.S2, Arm: trial.Holdout}, settings())
		if a.Verdict == policy.Exclude != (b.Verdict == policy.Exclude) || !reflect.DeepEqual(a.Plan, b.Plan) {
			t.Fatalf("treat %+v, holdout %+v", a, b)
		}
		if b.Verdict != policy.Holdout && b.Verdict != policy.Exclude {
			t.Fatalf("a held-out person got %s", b.Verdict)
		}
	}
}

// No message is planned for the quiet hours of where its reader may be.
func TestDecideNeverAtNight(t *testing.T) {
	zones := map[string]*time.Location{}
	load := func(name string) (*time.Location, error) {
		if zones[name] == nil {
			loc, err := time.LoadLocation(name)
			if err != nil {
				return nil, err
			}
			zones[name] = loc
		}
		return zones[name], nil
	}
	s := settings()
	s.Load = load
	r := rand.New(rand.NewPCG(3, 4))
	care := purpose(t, "care")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	for range 30_000 {
		f, at := random(r), start.Add(time.Duration(r.IntN(2*365*24*3600))*time.Second) // two years, with their changes of clock
		d := policy.Decide(at, f, policy.Ask{Purpose: care, Class: policy.S2}, s)
		for _, c := range d.Plan {
			if c.Channel == policy.Inbox {
				continue
			}
			n++
			for _, name := range c.Window.Zones {
				loc, _ := load(name)
				if h := c.NotBefore.In(loc).Hour(); h < 8 || h >= 20 || c.NotBefore.Before(at) {
					t.Fatalf("%s planned for %s", c.Channel, c.NotBefore.In(loc))
				}
			}
			again, err := policy.ParseWindow(c.Window.String())
			if err != nil || !reflect.DeepEqual(again, c.Window) {
				t.Fatalf("ParseWindow(%q) = %+v, %v", c.Window, again, err)
			}
		}
	}
	if n < 10_000 {
		t.Errorf("only %d messages were planned: the property was hardly tried", n)
	}
}

func TestWindowNext(t *testing.T) {
	chicago := policy.Window{From: 8, To: 20, Zones: []string{"America/Chicago"}}
	both := policy.Window{From: 8, To: 20, Zones: []string{"America/New_York", "America/Los_Angeles"}}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct {
		name   string
		window policy.Window
		at     time.Time
		want   time.Time
		ok     bool
	}{
		{name: "opens", window: chicago, at: at("2026-03-02T14:00:00Z"), want: at("2026-03-02T14:00:00Z"), ok: true},
		{name: "a second before", window: chicago, at: at("2026-03-02T13:59:59Z"), want: at("2026-03-02T14:00:00Z"), ok: true},
		{name: "last moment", window: chicago, at: at("2026-03-03T01:57:59Z"), want: at("2026-03-03T01:57:59Z"), ok: true},
		{name: "too close to the end", window: chicago, at: at("2026-03-03T01:58:00Z"), want: at("2026-03-03T14:00:00Z"), ok: true},
		{name: "night before the clocks go forward", window: chicago, at: at("2026-03-08T04:00:00Z"), want: at("2026-03-08T13:00:00Z"), ok: true},
		{name: "night before the clocks go back", window: chicago, at: at("2026-11-01T02:00:00Z"), want: at("2026-11-01T14:00:00Z"), ok: true},
		{name: "morning in the east alone", window: both, at: at("2026-03-02T14:00:00Z"), want: at("2026-03-02T16:00:00Z"), ok: true},
		{name: "always", at: at("2026-03-02T03:00:00Z"), want: at("2026-03-02T03:00:00Z"), ok: true},
		{name: "never", window: policy.Window{From: 8, To: 20, Zones: []string{"America/New_York", "Asia/Kolkata", "Pacific/Auckland"}}, at: at("2026-03-02T03:00:00Z")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.window.Next(tt.at, &policy.Settings{Load: time.LoadLocation})
			if ok != tt.ok || ok && !got.Equal(tt.want) {
				t.Errorf("Next = %s, %t, want %s, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	chicago, _ := time.LoadLocation("America/Chicago")
	s := settings()
	s.Load = func(string) (*time.Location, error) { return chicago, nil }
	f, ask := person(), policy.Ask{Purpose: purpose(b, "care"), Class: policy.S2}
	for b.Loop() {
		if d := policy.Decide(day, f, ask, s); len(d.Plan) == 0 {
			b.Fatal("nothing planned")
		}
	}
}
