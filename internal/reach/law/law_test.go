package law_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/reach/law"
)

func book(t testing.TB) *law.Book {
	t.Helper()
	b, err := law.Default()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func on(t testing.TB, date string) int {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Unix() / (24 * 3600))
}

func TestBookDay(t *testing.T) {
	b := book(t)
	tests := []struct {
		name, place, channel, class, date string
		from, to                          int
	}{
		{"an ordinary reminder", "US-IL", "sms", "care", "2026-03-02", 8, 20},
		{"an offer in Connecticut", "US-CT", "sms", "marketing", "2026-03-02", 9, 20},
		{"the day before the row of Connecticut held", "US-CT", "sms", "marketing", "2023-09-30", 8, 20},
		{"an offer in Texas on a Sunday", "US-TX", "voice", "marketing", "2026-03-01", 12, 20},
		{"an offer in Texas on a Monday", "US-TX", "voice", "marketing", "2026-03-02", 9, 20},
		{"an offer in Rhode Island on a Saturday", "US-RI", "sms", "marketing", "2026-03-07", 10, 17},
		{"no offer in Louisiana on a Sunday", "US-LA", "voice", "marketing", "2026-03-01", 0, 0},
		{"care in Louisiana on a Sunday", "US-LA", "voice", "care", "2026-03-01", 8, 20},
		{"a bill on the Fourth of July", "US-IL", "sms", "billing", "2025-07-04", 0, 0},
		{"a result on the Fourth of July", "US-IL", "sms", "clinical_result", "2025-07-04", 8, 20},
		{"the Friday on which a Saturday's holiday is observed", "US-IL", "sms", "survey", "2026-07-03", 0, 0},
		{"a New Year's Day that is observed in the year before", "US-IL", "sms", "survey", "2021-12-31", 0, 0},
		{"Thanksgiving", "US-IL", "sms", "survey", "2026-11-26", 0, 0},
		{"an offer in Utah on a Sunday", "US-UT", "sms", "marketing", "2026-03-01", 0, 0},
		{"an offer in South Dakota on a Monday", "US-SD", "sms", "marketing", "2026-03-02", 9, 20},
		{"no offer in South Dakota on a Saturday", "US-SD", "sms", "marketing", "2026-03-07", 0, 0},
		{"an offer in New Mexico", "US-NM", "sms", "marketing", "2026-03-02", 9, 20},
		{"an offer in Kentucky by text", "US-KY", "sms", "marketing", "2026-03-02", 10, 20},
		{"an offer in Pennsylvania on a Sunday before the row holds", "US-PA", "sms", "marketing", "2026-10-11", 8, 20},
		{"no offer in Pennsylvania on a Sunday", "US-PA", "sms", "marketing", "2026-10-18", 0, 0},
		{"Good Friday in Pennsylvania", "US-PA", "voice", "marketing", "2026-04-03", 0, 0},
		{"the Friday on which Pioneer Day is observed", "US-UT", "sms", "marketing", "2027-07-23", 0, 0},
		{"the day after", "US-IL", "sms", "survey", "2026-11-27", 8, 20},
		{"Memorial Day", "US-IL", "sms", "survey", "2026-05-25", 0, 0},
		{"Mardi Gras in Louisiana", "US-LA", "sms", "survey", "2026-02-17", 0, 0},
		{"Mardi Gras in Illinois", "US-IL", "sms", "survey", "2026-02-17", 8, 20},
		{"a survey by email on a holiday", "US-IL", "email", "survey", "2026-07-04", 8, 20},
	}
	for _, tt := range tests {
		d := b.Day([]string{tt.place}, tt.channel, tt.class, on(t, tt.date))
		if d.From != tt.from || d.To != tt.to || d.Source == "" {
			t.Errorf("%s: %d to %d by %q, want %d to %d", tt.name, d.From, d.To, d.Source, tt.from, tt.to)
		}
		if again := b.Day([]string{tt.place}, tt.channel, tt.class, on(t, tt.date)); again != d {
			t.Errorf("%s: asked again %+v, before %+v", tt.name, again, d)
		}
	}
	if d := b.Day([]string{"US-TX", "US-CT"}, "sms", "marketing", on(t, "2026-03-01")); d.From != 12 || d.To != 20 {
		t.Errorf("in Texas or Connecticut: %+v, want the strictest of both", d)
	}
}

func TestBookStop(t *testing.T) {
	b := book(t)
	for date, want := range map[string]law.Reach{"2025-04-11": law.Topic, "2027-01-30": law.Topic, "2027-01-31": law.Calls, "2030-01-01": law.Calls, "2020-01-01": law.Calls} {
		at, _ := time.Parse(time.DateOnly, date)
		if got := b.Stop(at); got.Reach != want || got.Days != 10 {
			t.Errorf("Stop(%s) = %+v, want %s", date, got, want)
		}
	}
}

func TestBookDue(t *testing.T) {
	loc, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	// Wednesday 25 November 2026, late: Thanksgiving and two weekends are in between.
	at := time.Date(2026, 11, 25, 22, 0, 0, 0, loc)
	if got := book(t).Due(at, 10, loc); !got.Equal(time.Date(2026, 12, 11, 0, 0, 0, 0, loc)) {
		t.Errorf("Due = %s, want the end of 10 December", got)
	}
}

func TestBookWith(t *testing.T) {
	own, err := law.Parse([]byte(`{"hours":[{"where":"US-IL","from":10,"to":18,"validFrom":"2026-01-01","validTo":"2027-01-01","name":"own","source":"own"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	b := book(t).With(own)
	if d := b.Day([]string{"US-IL"}, "sms", "care", on(t, "2026-06-01")); d.From != 10 || d.To != 18 || d.Name != "own" {
		t.Errorf("with the clinic's own row: %+v", d)
	}
	if d := b.Day([]string{"US-IL"}, "sms", "care", on(t, "2027-01-01")); d.From != 8 || d.To != 20 {
		t.Errorf("after it ended: %+v", d)
	}
	if place, zones := b.Zip("60546"); place != "US-IL" || len(zones) != 1 {
		t.Errorf("Zip = %s, %v", place, zones)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		``, `{}x`, `{"unknown":1}`, `{"hours":[{"where":"US","from":8,"to":25,"validFrom":"2026-01-01","source":"s"}]}`, `{"hours":[{"where":"US","from":9,"to":8,"validFrom":"2026-01-01","source":"s"}]}`,
		`{"hours":[{"where":"US","from":8,"to":20,"validFrom":"2026-13-01","source":"s"}]}`, `{"hours":[{"where":"US","from":8,"to":20,"validFrom":"2026-01-01"}]}`,
		`{"hours":[{"where":"US","from":8,"to":20,"validFrom":"2026-01-01","validTo":"2026-01-01","source":"s"}]}`, `{"hours":[{"where":"US","days":["funday"],"from":8,"to":20,"validFrom":"2026-01-01","source":"s"}]}`,
		`{"holidays":[{"where":"US","name":"x","on":"13-01","validFrom":"2026-01-01","source":"s"}]}`, `{"stops":[{"where":"US","reach":"all","days":10,"validFrom":"2026-01-01","source":"s"}]}`,
	} {
		if _, err := law.Parse([]byte(text)); err == nil {
			t.Errorf("Parse(%s) = nil error, want one", text)
		}
	}
}

func TestPlaces(t *testing.T) {
	b := book(t)
	for zip, want := range map[string]string{"10001": "US-NY", "90210": "US-CA", "75201": "US-TX", "79901": "US-TX", "99501": "US-AK", "00501": "US-NY", "000": "", "abc": "", "9": ""} {
		if got, zones := b.Zip(zip); got != want || (want != "") != (len(zones) > 0) {
			t.Errorf("Zip(%s) = %s %v, want %s", zip, got, zones, want)
		}
	}
	for number, want := range map[string]string{"+13125550142": "US-IL", "+12125550100": "US-NY", "+18005550100": "", "+4930123456": "", "": ""} {
		if got := b.Area(number); got != want {
			t.Errorf("Area(%s) = %s, want %s", number, got, want)
		}
	}
	var none *law.Book
	if got := none.Area("+13125550142"); got != "" {
		t.Errorf("Area of no book = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"hours":[{"where":"US","from":8,"to":20,"validFrom":"2026-01-01","source":"s"}],"holidays":[{"where":"US","name":"x","on":"last mon 05","validFrom":"2026-01-01","source":"s"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := law.Parse(text)
		if err != nil {
			return
		}
		if d := b.Day([]string{"US-IL"}, "sms", "care", 20_500); d.From < 0 || d.To > 24 || d.From > d.To {
			t.Errorf("Day = %+v", d)
		}
		b.Stop(time.Unix(1_800_000_000, 0))
		b.Due(time.Unix(1_800_000_000, 0), 10, time.UTC)
	})
}

// Each row of a law says on which day somebody looked at it, or that counsel
// has to confirm it, and never both.
func TestBookLookedUp(t *testing.T) {
	b := book(t)
	known := func(where, name, checked, verify string) {
		_, err := time.Parse(time.DateOnly, checked)
		open := strings.HasPrefix(verify, "to be confirmed by counsel: ")
		if where != "*" && (err == nil) == open {
			t.Errorf("%s, %s: looked up on %q, open: %q; want one of them", where, name, checked, verify)
		}
	}
	for _, r := range b.Hours {
		known(r.Where, r.Name, r.Checked, r.Verify)
	}
	for _, h := range b.Holidays {
		known(h.Where, h.Name, h.Checked, h.Verify)
	}
	for _, s := range b.Stops {
		known(s.Where, s.Name, s.Checked, s.Verify)
	}
}
