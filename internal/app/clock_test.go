package app

import (
	"testing"
	"time"
)

func TestTownClock(t *testing.T) {
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, zone) }
	tests := []struct {
		name      string
		now, last time.Time
		want      time.Time
	}{
		{name: "by day it is what it is", now: at(20, 11, 30), want: at(20, 11, 30)},
		{name: "from nine on", now: at(20, 9, 0), want: at(20, 9, 0)},
		{name: "in the evening", now: at(20, 17, 0), want: at(20, 10, 4)},
		{name: "after midnight", now: at(20, 1, 15), want: at(19, 10, 4)},
		{name: "early in the morning", now: at(20, 8, 59), want: at(19, 10, 4)},
		{name: "never before what happened", now: at(20, 22, 0), last: at(20, 14, 0), want: at(20, 14, 0).Add(time.Second)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			real := tt.now
			clock := townClock(func() time.Time { return real }, zone, tt.last)
			if got := clock(); !got.Equal(tt.want) {
				t.Errorf("clock = %v, want %v", got.In(zone), tt.want)
			}
			real = real.Add(time.Hour)
			if got := clock(); !got.Equal(tt.want.Add(time.Hour)) {
				t.Errorf("an hour later clock = %v, want %v", got.In(zone), tt.want.Add(time.Hour))
			}
		})
	}
}
