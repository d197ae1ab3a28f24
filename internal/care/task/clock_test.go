package task

import (
	"testing"
	"time"
)

func TestHoursDue(t *testing.T) {
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 10, day, hour, minute, 0, 0, zone) }
	hours := Usual(zone)
	hours.Closed = func(day time.Time) bool { return day.Month() == 10 && day.Day() == 12 } // a Monday
	tests := []struct {
		name        string
		asked, want time.Time
		rule        Rule
	}{
		{"a Tuesday morning, a day", at(6, 9, 14), at(7, 17, 0), Rule{Days: 1}},
		{"a minute before closing", at(6, 16, 59), at(7, 17, 0), Rule{Days: 1}},
		{"at closing: as if asked the next day", at(6, 17, 0), at(8, 17, 0), Rule{Days: 1}},
		{"before opening", at(6, 3, 0), at(7, 17, 0), Rule{Days: 1}},
		{"a Saturday before a holiday", at(10, 11, 0), at(14, 17, 0), Rule{Days: 1}},
		{"a Friday before a holiday", at(9, 11, 0), at(13, 17, 0), Rule{Days: 1}},
		{"hours within a day", at(6, 9, 14), at(6, 13, 15), Rule{Hours: 4}},
		{"hours over the night", at(6, 15, 30), at(7, 10, 30), Rule{Hours: 4}},
		{"hours over the weekend and a holiday", at(9, 16, 0), at(13, 11, 0), Rule{Hours: 4}},
		{"hours asked in the night", at(6, 22, 0), at(7, 12, 0), Rule{Hours: 4}},
		{"hours that end at closing", at(6, 13, 0), at(6, 17, 0), Rule{Hours: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hours.Due(tt.asked, tt.rule); !got.Equal(tt.want) {
				t.Errorf("Due(%s, %+v) = %s, want %s", tt.asked, tt.rule, got, tt.want)
			}
		})
	}
	if got := (Hours{Zone: zone}).Due(at(6, 9, 0), Rule{Days: 1}); got.Before(at(6, 9, 0)) {
		t.Errorf("a clinic that never works is due %s", got)
	}
}
