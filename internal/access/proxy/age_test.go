package proxy

import (
	"slices"
	"testing"
	"time"

	"hale/internal/access"
)

func TestAgesNext(t *testing.T) {
	ages, err := NewAges(time.UTC, "")
	if err != nil {
		t.Fatal(err)
	}
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	tests := []struct {
		name, born, state, at, next string // next is empty where nothing comes
		ends                        bool
	}{
		{name: "a child", born: "2020-03-01", at: "2026-01-01", next: "2032-03-01"},
		{name: "in Washington", born: "2020-03-01", state: "wa", at: "2026-01-01", next: "2033-03-01"},
		{name: "at 13 in Washington", born: "2013-03-01", state: "WA", at: "2026-03-01", next: "2027-03-01"},
		{name: "a teenager", born: "2010-03-01", state: "IL", at: "2026-01-01", next: "2028-03-01", ends: true},
		{name: "on a leap day", born: "2008-02-29", at: "2026-02-28", next: "2026-03-01", ends: true},
		{name: "grown up", born: "2008-02-28", at: "2026-02-28"},
		{name: "no birth date", born: "2020", at: "2026-01-01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, ok := ages.Next(tt.born, tt.state, day(tt.at))
			if ok != (tt.next != "") || ok && (!c.At.Equal(day(tt.next)) || c.Ends != tt.ends) {
				t.Errorf("Next = %+v, %t, want %q ends=%t", c, ok, tt.next, tt.ends)
			}
		})
	}
}

// What a clinic's own state takes from parents is taken whatever the state of
// the patient's address leaves, and the other way round.
func TestAgesWhereTheClinicIs(t *testing.T) {
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	grant := Proxy{Patient: "kim", Basis: access.AsParent, Limits: Limits{Actions: Actions, Categories: access.Categories, Labels: access.HIV}}.Grant("Kim")
	for _, tt := range []struct {
		name, clinic, state, born string
		hiv, writes               bool
		next                      string
	}{
		{"a child of 12 with two careful states", "WA", "IL", "2014-01-01", false, false, "2032-01-01"},
		{"the same the other way round", "IL", "WA", "2014-01-01", false, false, "2032-01-01"},
		{"a child of 12 of the state alone", "", "WA", "2014-01-01", true, true, "2027-01-01"},
		{"a child of 13 of the state alone", "", "WA", "2013-01-01", true, false, "2027-01-01"},
		{"a child of 13, the clinic stricter", "CA", "WA", "2013-01-01", false, false, "2031-01-01"},
		{"a clinic where no pack holds", "TX", "WA", "2014-01-01", false, false, "2032-01-01"},
	} {
		ages, err := NewAges(time.UTC, tt.clinic)
		if err != nil {
			t.Fatal(err)
		}
		g := ages.Narrow(grant, tt.born, tt.state, at)
		if (g.Labels&access.HIV != 0) != tt.hiv || slices.Contains(g.Rights, access.SendMessages) != tt.writes {
			t.Errorf("%s: %+v, want HIV %t, writing %t", tt.name, g, tt.hiv, tt.writes)
		}
		if c, ok := ages.Next(tt.born, tt.state, at); !ok || c.At.Format(time.DateOnly) != tt.next {
			t.Errorf("%s: next is %+v, %t, want %s", tt.name, c, ok, tt.next)
		}
	}
}

// Whatever the age and the state, narrowing only takes away, and from 18 on
// leaves nothing; what is no parent's is left alone.
func TestAgesNarrowNeverWidens(t *testing.T) {
	ages, err := NewAges(time.UTC, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range ages.Packs() {
		if pack.Verify == "" || len(pack.Law) == 0 {
			t.Errorf("pack %q names no law, or does not say that counsel has to look", pack.State)
		}
		for years := range 21 {
			for _, tpl := range Templates {
				p := Proxy{Patient: "kim", Basis: access.AsParent, Limits: Limits{Actions: tpl.Actions, Categories: tpl.Categories, Labels: access.HIV | access.MentalHealth}}
				g := p.Grant("Kim")
				at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
				got := ages.Narrow(g, at.AddDate(-years, 0, 0).Format(time.DateOnly), pack.State, at)
				if len(known(g.Rights, got.Rights)) != len(got.Rights) || len(known(g.Categories, got.Categories)) != len(got.Categories) || got.Labels&^g.Labels != 0 {
					t.Errorf("%s at %d: %+v is wider than %+v", pack.Name, years, got, g)
				}
				if years >= 18 && len(got.Rights)+len(got.Categories) > 0 {
					t.Errorf("%s at %d leaves %+v", pack.Name, years, got)
				}
				g.Basis = access.AsGuardian
				if same := ages.Narrow(g, "2015-01-01", pack.State, at); len(same.Rights) != len(g.Rights) || same.Labels != g.Labels {
					t.Errorf("a guardian's grant narrowed to %+v", same)
				}
			}
		}
	}
}

func TestParsePackRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no end":    `{"bands":[{"from":0,"categories":["visits"],"actions":["see"]}]}`,
		"a gap":     `{"bands":[{"from":3,"categories":["visits"],"actions":["see"]},{"from":18,"ends":true}]}`,
		"widening":  `{"bands":[{"from":0,"categories":["visits"],"actions":["see"]},{"from":12,"categories":["visits","bills"],"actions":["see"]},{"from":18,"ends":true}]}`,
		"unknown":   `{"bands":[{"from":0,"categories":["visit"],"actions":["see"]},{"from":18,"ends":true}]}`,
		"backwards": `{"bands":[{"from":0,"categories":["visits"],"actions":["see"]},{"from":0,"ends":true}]}`,
		"not JSON":  `bands`,
	} {
		if _, err := parsePack([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
