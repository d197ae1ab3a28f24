package clinic_test

import (
	"math"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinic"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// The colours and their contrast with white are those of published tables:
// CSS Color 4's own examples of oklch, and WCAG's of contrast.
func TestColour(t *testing.T) {
	for text, want := range map[string]struct {
		css      string
		hex      string
		contrast float64
	}{
		"#ff0000":               {"", "", 3.998}, // too light for white letters
		"#767676":               {"oklch(0.5622 0 89.8756)", "#767676", 4.54},
		"#0000ff":               {"oklch(0.452 0.3132 264.052)", "#0000ff", 8.59},
		"#000000":               {"oklch(0 0 0)", "#000000", 21},
		"oklch(0.46 0.085 195)": {"oklch(0.46 0.085 195)", "#006667", 6.76},
	} {
		c, err := clinic.ParseColour(text)
		if want.css == "" {
			if errs.KindOf(err) != errs.Invalid || math.Abs(c.OnWhite()-want.contrast) > 0.02 {
				t.Errorf("%s: contrast %.2f, %v; want it refused at %.2f", text, c.OnWhite(), err, want.contrast)
			}
			continue
		}
		if err != nil || math.Abs(c.OnWhite()-want.contrast) > 0.1 || c.Hex() != want.hex {
			t.Errorf("%s is %s, %s, contrast %.2f (%v), want %+v", text, c.CSS(), c.Hex(), c.OnWhite(), err, want)
		}
	}
	for _, text := range []string{"", "red", "#12345", "oklch(1 2)", "oklch(0.4 0.1 999)", "oklch(0.4 0.1 20); } body { display: none", "#ffffff"} {
		if _, err := clinic.ParseColour(text); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q is taken as a colour: %v", text, err)
		}
	}
}

func FuzzColour(f *testing.F) {
	for _, s := range []string{"#0a6b63", "oklch(0.46 0.085 195)", "oklch(1e9 . 3)", "#zzzzzz", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := clinic.ParseColour(text)
		if err != nil {
			return
		}
		if again, err := clinic.ParseColour(c.Hex()); err != nil && again.OnWhite() < 4.4 {
			t.Fatalf("%q is %s, which white letters cannot be read on", text, c.Hex())
		}
	})
}

func TestOpenAt(t *testing.T) {
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	var s clinic.Settings
	s.Open[time.Monday] = []clinic.Span{{8 * 60, 12 * 60}, {13 * 60, 17 * 60}}
	s.Open[time.Sunday] = []clinic.Span{{22 * 60, 24 * 60}}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, zone) } // the 23rd is a Monday
	for _, tt := range []struct {
		at   time.Time
		open bool
		next time.Time
	}{
		{at(23, 9, 0), true, at(23, 12, 0)}, {at(23, 12, 0), false, at(23, 13, 0)}, {at(23, 17, 0), false, at(29, 22, 0)},
		{at(22, 23, 59), true, at(23, 0, 0)}, {at(1, 1, 30), false, at(1, 22, 0)}, // clocks went back that night
	} {
		if open, next := s.OpenAt(tt.at); open != tt.open || !next.Equal(tt.next) {
			t.Errorf("at %s: open %t until %s, want %t, %s", tt.at, open, next, tt.open, tt.next)
		}
	}
	if open, next := (clinic.Settings{}).OpenAt(at(23, 9, 0)); open || !next.IsZero() {
		t.Errorf("without hours: open %t until %s", open, next)
	}
}

// What is saved counts at once here, and after a look on another node; who
// saw an older version changes nothing; an older version can be had again.
func TestSave(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		usual := clinic.Settings{Name: "Riverside"}
		one, other := clinic.NewStore(d, haletest.Clock(haletest.Noon), usual), clinic.NewStore(d, haletest.Clock(haletest.Noon), usual)
		heard := []string{}
		other.Tell(func(v clinic.Version) { heard = append(heard, v.Name) })
		pass := haletest.Everyone(t, d, access.ManageUsers)
		if _, err := one.Save(t.Context(), access.Pass{}, 0, clinic.Settings{Name: "Thieves"}); err == nil {
			t.Error("the zero pass changes the clinic's name")
		}
		if _, err := one.Save(t.Context(), pass, 0, clinic.Settings{Name: " Alder ", Phone: "(312) 555-0100", Brand: "#0a6b63"}); err != nil {
			t.Fatal(err)
		}
		if v := one.Now(); v.Name != "Alder" || v.N != 1 || v.Brand[:6] != "oklch(" {
			t.Errorf("now it says %+v", v)
		}
		if _, err := other.Save(t.Context(), pass, 0, clinic.Settings{Name: "Late"}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("saving over what was not seen = %v, want a conflict", err)
		}
		if err := other.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(heard) != 2 || heard[0] != "Riverside" || heard[1] != "Alder" {
			t.Errorf("the other node heard %q", heard)
		}
		for _, bad := range []clinic.Settings{{}, {Name: "A", Phone: "12"}, {Name: "A", Brand: "red"}, {Name: "A", Open: [7][]clinic.Span{{{600, 500}}}}, {Name: "A", Open: [7][]clinic.Span{{{0, 600}, {500, 700}}}}} {
			if _, err := one.Save(t.Context(), pass, 1, bad); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%+v = %v, want it refused", bad, err)
			}
		}
		if list, err := one.History(t.Context(), pass, 9); err != nil || len(list) != 1 {
			t.Errorf("history: %+v, %v", list, err)
		}
	})
}
