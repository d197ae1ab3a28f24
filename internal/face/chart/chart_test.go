package chart

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
)

func points(values ...float64) []Point {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []Point
	for i, v := range values {
		list = append(list, Point{At: start.AddDate(0, i, 0), Value: v, Text: number(v), When: "Jan"})
	}
	return list
}

func TestLayoutStaysInside(t *testing.T) {
	many := make([]float64, 60)
	for i := range many {
		many[i] = math.Sin(float64(i)) * 1e4
	}
	tests := []struct {
		name string
		line Line
	}{
		{"a trend in a band", Line{Series: [][]Point{points(8.6, 8.3, 7.4)}, High: 7, Band: Upper}},
		{"one value", Line{Series: [][]Point{points(5)}}},
		{"no value", Line{}},
		{"all the same", Line{Series: [][]Point{points(5, 5, 5)}, Low: 4, High: 6, Band: Both}},
		{"two series", Line{Series: [][]Point{points(140, 130), points(90, 80)}}},
		{"many values", Line{Series: [][]Point{points(many...)}}},
		{"all at one time", Line{Series: [][]Point{{points(1)[0], points(2)[0]}}}},
		{"a band far away", Line{Series: [][]Point{points(5, 6)}, Low: 100, Band: Lower}},
	}
	for _, tt := range tests {
		for _, s := range []size{wide, narrow} {
			d := layout(tt.line, s, 24)
			for _, p := range d.dots {
				if !(p.x >= 0 && p.x <= s.width && p.y >= 0 && p.y <= s.height) {
					t.Errorf("%s: a dot at %g, %g", tt.name, p.x, p.y)
				}
			}
			if d.box[1] < 0 || d.box[0]+d.box[1] > s.height || math.IsNaN(d.box[0]) {
				t.Errorf("%s: the band is %v", tt.name, d.box)
			}
			if n := len(d.ticks); n < 2 || n > 8 {
				t.Errorf("%s: %d lines on the axis", tt.name, n)
			}
			for i := 1; i < len(d.dates); i++ {
				if d.dates[i].x-d.dates[i-1].x < 50 {
					t.Errorf("%s: dates at %g and %g", tt.name, d.dates[i-1].x, d.dates[i].x)
				}
			}
		}
	}
}

func TestPlace(t *testing.T) {
	tests := []struct {
		name      string
		value     float64
		low, high float64
		sides     Sides
		zones     int
		good      bool // the value lies in the good zone
	}{
		{"inside", 85, 70, 99, Both, 3, true}, {"at the edge", 99, 70, 99, Both, 3, true}, {"below", 60, 70, 99, Both, 3, false},
		{"far above", 900, 70, 99, Both, 3, false}, {"below a limit", 5, 0, 7, Upper, 2, true}, {"above a limit", 7.4, 0, 7, Upper, 2, false},
		{"above a floor", 72, 60, 0, Lower, 2, true}, {"below a floor", 12, 60, 0, Lower, 2, false},
	}
	for _, tt := range tests {
		s := Place(tt.value, tt.low, tt.high, tt.sides, [3]string{"a", "b", "c"}, 80)
		if len(s.Zones) != tt.zones || s.Zones[0].From != 0 || s.Zones[len(s.Zones)-1].To != 100 {
			t.Errorf("%s: zones %v", tt.name, s.Zones)
		}
		for _, z := range s.Zones {
			if z.Good && (s.At >= z.From && s.At <= z.To) != tt.good {
				t.Errorf("%s: %g lies at %g, the good zone is %g to %g", tt.name, tt.value, s.At, z.From, z.To)
			}
			if z.To < z.From {
				t.Errorf("%s: zone %v", tt.name, z)
			}
		}
	}
}

func TestOverHasWordsAndNoStyle(t *testing.T) {
	var b strings.Builder
	if err := Over(Line{Label: "A1c <came> down", Series: [][]Point{points(8, 7)}}).Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.Contains(got, "style=") || strings.Contains(got, "NaN") || strings.Count(got, `aria-label="A1c &lt;came&gt; down"`) != 2 {
		t.Errorf("Over = %s", got)
	}
}
