package reading

import (
	"testing"
	"time"

	"hale/internal/base/errs"
)

func TestJudge(t *testing.T) {
	tests := []struct {
		name string
		in   New
		gain float64
		want Level
		low  bool
	}{
		{"as expected", New{Kind: Pressure, Upper: 128, Lower: 80}, 0, Expected, false},
		{"at the upper limit", New{Kind: Pressure, Upper: 160, Lower: 100}, 0, Expected, false},
		{"above it", New{Kind: Pressure, Upper: 161, Lower: 80}, 0, Out, false},
		{"the lower number alone", New{Kind: Pressure, Upper: 140, Lower: 101}, 0, Out, false},
		{"just not dangerous", New{Kind: Pressure, Upper: 179, Lower: 119}, 0, Out, false},
		{"dangerous", New{Kind: Pressure, Upper: 180, Lower: 80}, 0, Danger, false},
		{"dangerous below", New{Kind: Pressure, Upper: 150, Lower: 120}, 0, Danger, false},
		{"too low", New{Kind: Pressure, Upper: 89, Lower: 60}, 0, Out, true},
		{"dangerously low", New{Kind: Pressure, Upper: 79, Lower: 55}, 0, Danger, true},
		{"sugar at the limit", New{Kind: Glucose, Glucose: 70}, 0, Expected, false},
		{"sugar low", New{Kind: Glucose, Glucose: 69}, 0, Out, true},
		{"sugar at the danger", New{Kind: Glucose, Glucose: 54}, 0, Out, true},
		{"sugar dangerously low", New{Kind: Glucose, Glucose: 53}, 0, Danger, true},
		{"sugar high", New{Kind: Glucose, Glucose: 251}, 0, Out, false},
		{"sugar dangerously high", New{Kind: Glucose, Glucose: 400}, 0, Danger, false},
		{"weight, no week before", New{Kind: Weight, Weight: 90}, 0, Expected, false},
		{"weight at the limit", New{Kind: Weight, Weight: 90}, 2.3, Expected, false},
		{"weight up fast", New{Kind: Weight, Weight: 90}, 2.4, Out, false},
		{"weight down", New{Kind: Weight, Weight: 90}, -4, Expected, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if level, low := tt.in.judge(Usual, tt.gain); level != tt.want || low != tt.low {
				t.Errorf("judge = %d, low %v, want %d, %v", level, low, tt.want, tt.low)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	good := New{Kind: Pressure, Upper: 130, Lower: 80, At: now}
	for name, in := range map[string]New{
		"the numbers the wrong way round": {Kind: Pressure, Upper: 80, Lower: 130, At: now}, "one number": {Kind: Pressure, Upper: 130, At: now},
		"no weight": {Kind: Weight, At: now}, "a slip of the finger": {Kind: Weight, Weight: 1650, At: now}, "no sugar": {Kind: Glucose, At: now},
		"in the future": {Kind: Pressure, Upper: 130, Lower: 80, At: now.Add(time.Hour)}, "long ago": {Kind: Pressure, Upper: 130, Lower: 80, At: now.AddDate(0, 0, -31)},
	} {
		if err := in.check(now); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if err := good.check(now); err != nil {
		t.Errorf("a good one: %v", err)
	}
	if err := (New{Kind: "height", At: now}).check(now); errs.KindOf(err) != errs.NotFound {
		t.Errorf("no kind of ours: %v", err)
	}
	for name, l := range map[string]Limit{"crossed": {Low: 100, High: 90}, "danger inside": {High: 160, DangerHigh: 150}, "low danger inside": {Low: 70, DangerLow: 80}, "below nothing": {Low: -1}} {
		if err := l.check(); err == nil {
			t.Errorf("%s limits are taken", name)
		}
	}
	for p, l := range Usual {
		if err := l.check(); err != nil {
			t.Errorf("the usual limits of %s: %v", p, err)
		}
	}
}
