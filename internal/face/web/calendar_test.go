package web

import (
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
	visits "hale/internal/care/visit"
)

func TestCalendar(t *testing.T) {
	clinic := Clinic{Name: "Clínica; Río, Norte", Address: strings.Repeat("Ñandú ", 30), Phone: "+12025550142"}
	start := time.Date(2026, 3, 4, 10, 40, 0, 0, time.UTC)
	got := string(calendar(lang.English, clinic, visits.Visit{ID: "v1", Title: "Eye exam", Status: visits.Booked, Start: start, End: start.Add(20 * time.Minute)}, start))
	for _, line := range strings.Split(strings.TrimSuffix(got, "\r\n"), "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
	for _, want := range []string{"BEGIN:VEVENT\r\n", "UID:v1@hale\r\n", "DTEND:20260304T110000Z\r\n", `SUMMARY:Visit at Clínica\; Río\, Norte`, "STATUS:CONFIRMED\r\n"} {
		if !strings.Contains(strings.ReplaceAll(got, "\r\n ", ""), want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(got, "Eye exam") {
		t.Error("the calendar says what the visit is for")
	}
}
