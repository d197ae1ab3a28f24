package pickup

import (
	"testing"
	"time"

	"hale/internal/base/lang"
	"hale/internal/haletest"
)

func TestParseBorn(t *testing.T) {
	tests := []struct {
		name             string
		month, day, year string
		want, box        string
	}{
		{name: "numbers", month: "4", day: "27", year: "1961", want: "1961-04-27"},
		{name: "zeros in front and spaces", month: " 04 ", day: "07", year: " 1961", want: "1961-04-07"},
		{name: "a month's name", month: "April", day: "27", year: "1961", want: "1961-04-27"},
		{name: "a short name with a full stop", month: "Sept.", day: "3", year: "1961", want: "1961-09-03"},
		{name: "a Spanish name", month: "ENERO", day: "3", year: "1961", want: "1961-01-03"},
		{name: "an ordinal", month: "4", day: "27th", year: "1961", want: "1961-04-27"},
		{name: "day and month the other way round", month: "27", day: "4", year: "1961", want: "1961-04-27"},
		{name: "day first with the name", month: "27", day: "April", year: "1961", want: "1961-04-27"},
		{name: "all in the first box", month: "4/27/1961", want: "1961-04-27"},
		{name: "all in the last box, ISO", year: "1961-04-27", want: "1961-04-27"},
		{name: "all in one box, in words", day: "27 de abril de 1961", want: "1961-04-27"},
		{name: "all in one box, English", month: "April 27, 1961", want: "1961-04-27"},
		{name: "a leap day", month: "2", day: "29", year: "1960", want: "1960-02-29"},
		{name: "no leap day", month: "2", day: "29", year: "1961", box: "d"},
		{name: "today", month: "3", day: "2", year: "2026", want: "2026-03-02"},
		{name: "tomorrow", month: "3", day: "3", year: "2026", box: "y"},
		{name: "two numbers of a year", month: "4", day: "27", year: "61", box: "y"},
		{name: "the oldest", month: "4", day: "27", year: "1896", want: "1896-04-27"},
		{name: "older than anyone", month: "4", day: "27", year: "1895", box: "y"},
		{name: "nothing", box: "all"},
		{name: "no month", day: "27", year: "1961", box: "m"},
		{name: "no day", month: "4", year: "1961", box: "d"},
		{name: "no year", month: "4", day: "27", box: "y"},
		{name: "month 13", month: "13", day: "27", year: "1961", box: "m"},
		{name: "day 32", month: "1", day: "32", year: "1961", box: "d"},
		{name: "day 31 of a short month", month: "4", day: "31", year: "1961", box: "d"},
		{name: "a minus", month: "-4", day: "27", year: "1961", box: "m"},
		{name: "words", month: "x", day: "y", year: "z", box: "m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, wrong := parseBorn(typed{tt.month, tt.day, tt.year}, haletest.Noon)
			box := ""
			if wrong != nil {
				box = wrong.box
			}
			if got != tt.want || box != tt.box {
				t.Errorf("parseBorn(%q, %q, %q) = %q, box %q, want %q, box %q", tt.month, tt.day, tt.year, got, box, tt.want, tt.box)
			}
		})
	}
}

// FuzzParseBorn holds that every date taken is one that a person alive can
// have, and that writing it out plainly gives it again.
func FuzzParseBorn(f *testing.F) {
	f.Add("4", "27", "1961")
	f.Add("27 de abril de 1961", "", "")
	f.Add("", "", "1961-04-27")
	f.Add("27", "Sept", "61")
	f.Fuzz(func(t *testing.T, month, day, year string) {
		got, wrong := parseBorn(typed{month, day, year}, haletest.Noon)
		if (got == "") == (wrong == nil) {
			t.Fatalf("parseBorn(%q, %q, %q) = %q, %v", month, day, year, got, wrong)
		}
		if wrong != nil {
			return
		}
		at, err := time.Parse(time.DateOnly, got)
		if err != nil || at.After(haletest.Noon) || at.Year() < haletest.Noon.Year()-oldest {
			t.Errorf("parseBorn(%q, %q, %q) = %q, no date of birth", month, day, year, got)
		}
		if again, _ := parseBorn(typed{got[5:7], got[8:], got[:4]}, haletest.Noon); again != got {
			t.Errorf("parseBorn of %q written out = %q", got, again)
		}
	})
}

func TestWordsAreEasy(t *testing.T) {
	for _, text := range []string{sayAll, sayMonth, sayDay, sayYear, sayNoDay, sayFuture} {
		if g := lang.Grade(text); g > 8 {
			t.Errorf("%q is of grade %.1f, want at most 8", text, g)
		}
	}
}
