// Package chart draws numbers as SVG on the server: a line over time with the
// band it should lie in, and a number line that shows where one value is.
//
// A drawing never stands alone: it has a label that says it in words, and the
// page has a table or a sentence beside it. Looks are classes of the style
// sheet, since no element has a style of its own.
package chart

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Point is one value in time.
type Point struct {
	At    time.Time
	Value float64
	Text  string // the value as it is written
	When  string // the date as the axis says it
}

// Line is a chart over time. Its series share the axis.
type Line struct {
	Label  string // the chart in words
	Series [][]Point
	Low    float64 // the band
	High   float64
	Band   Sides
}

// Sides says which sides a band has.
type Sides int

// The sides.
const (
	None  Sides = 0
	Lower Sides = 1
	Upper Sides = 2
	Both  Sides = 3
)

// size is one drawing's measures.
type size struct{ width, height, left, right, top, bottom float64 }

var (
	wide   = size{width: 560, height: 230, left: 44, right: 24, top: 26, bottom: 36}
	narrow = size{width: 320, height: 210, left: 38, right: 20, top: 26, bottom: 36}
)

// drawing is a Line laid out.
type drawing struct {
	size
	line  Line
	box   [2]float64 // band: top and height; height 0 for none
	ticks []tick
	paths []string
	dots  []dot
	dates []mark
}

type tick struct {
	y    float64
	text string
}

type dot struct {
	x, y  float64
	text  string // empty where there is no room
	last  bool
	below bool // the text goes under the dot
}

type mark struct {
	x      float64
	text   string
	anchor string
}

// layout draws l at a size. A narrow drawing keeps the newest points only.
func layout(l Line, s size, most int) drawing {
	d := drawing{size: s, line: l}
	series := make([][]Point, 0, len(l.Series))
	for _, points := range l.Series {
		series = append(series, points[max(0, len(points)-most):])
	}
	low, high, step := scale(l, series)
	y := func(v float64) float64 {
		return s.top + (high-v)/(high-low)*(s.height-s.top-s.bottom)
	}
	for v := low; v <= high+step/2; v += step {
		d.ticks = append(d.ticks, tick{y(v), number(v)})
	}
	d.box = band(l, low, high, y)
	x := across(series, s)
	for i, points := range series {
		d.add(points, x, y, i > 0)
	}
	if len(series) > 0 {
		d.dates = dates(series[0], x, s)
	}
	return d
}

// scale returns the ends of the axis and the step between its lines: round
// numbers that hold every value and the sides of the band.
func scale(l Line, series [][]Point) (low, high, step float64) {
	low, high = math.Inf(1), math.Inf(-1)
	see := func(v float64) { low, high = min(low, v), max(high, v) }
	for _, points := range series {
		for _, p := range points {
			see(p.Value)
		}
	}
	if l.Band&Lower != 0 {
		see(l.Low)
	}
	if l.Band&Upper != 0 {
		see(l.High)
	}
	if math.IsInf(low, 0) {
		low, high = 0, 1
	}
	if high-low < 1e-9 {
		pad := max(math.Abs(high)*0.1, 0.5)
		low, high = low-pad, high+pad
	}
	step = round((high - low) / 3)
	positive := low >= 0
	room := 0.15
	if len(series) > 1 { // texts of the second series go under it
		room = 0.5
	}
	low = math.Floor(low/step-room) * step
	high = math.Ceil(high/step+0.15) * step
	if positive {
		low = max(low, 0)
	}
	return low, high, step
}

// round returns the nearest step not below v that people count in.
func round(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range [...]float64{1, 2, 2.5, 5, 10} {
		if m*p >= v*0.999 {
			return m * p
		}
	}
	return 10 * p
}

// band returns the top and the height of the band; a side that is not there
// is the end of the axis.
func band(l Line, low, high float64, y func(float64) float64) [2]float64 {
	if l.Band == None {
		return [2]float64{}
	}
	top, bottom := y(high), y(low)
	if l.Band&Upper != 0 {
		top = y(l.High)
	}
	if l.Band&Lower != 0 {
		bottom = y(l.Low)
	}
	return [2]float64{top, max(bottom-top, 0)}
}

// across returns where a time lies; one point alone is in the middle.
func across(series [][]Point, s size) func(time.Time) float64 {
	var from, to time.Time
	for _, points := range series {
		for _, p := range points {
			if from.IsZero() || p.At.Before(from) {
				from = p.At
			}
			if p.At.After(to) {
				to = p.At
			}
		}
	}
	left, right := s.left+14, s.width-s.right
	span := to.Sub(from).Seconds()
	return func(t time.Time) float64 {
		if span <= 0 {
			return (left + right) / 2
		}
		return left + t.Sub(from).Seconds()/span*(right-left)
	}
}

// room is the least distance between two texts.
const room = 38

// add draws one series; texts of a second one go under its dots.
func (d *drawing) add(points []Point, x func(time.Time) float64, y func(float64) float64, below bool) {
	var path strings.Builder
	last := len(points) - 1
	end := math.Inf(1)
	if last >= 0 {
		end = x(points[last].At)
	}
	before := math.Inf(-1)
	for i, p := range points {
		at := dot{x: x(p.At), y: y(p.Value), last: i == last, below: below}
		if i == last || at.x-before >= room && end-at.x >= room {
			at.text, before = p.Text, at.x
		}
		if i == 0 {
			path.WriteByte('M')
		} else {
			path.WriteByte('L')
		}
		path.WriteString(number(at.x) + " " + number(at.y))
		d.dots = append(d.dots, at)
	}
	d.paths = append(d.paths, path.String())
}

// dates returns the texts under the axis, the first and the last and those
// between that have room.
func dates(points []Point, x func(time.Time) float64, s size) []mark {
	var list []mark
	const apart = 66
	last := len(points) - 1
	for i, p := range points {
		m := mark{x: x(p.At), text: p.When, anchor: "middle"}
		if m.x > s.width-40 {
			m.x, m.anchor = s.width-2, "end"
		}
		if i == last {
			for len(list) > 0 && m.x-list[len(list)-1].x < apart+10 {
				list = list[:len(list)-1]
			}
			return append(list, m)
		}
		if len(list) == 0 || m.x-list[len(list)-1].x >= apart {
			list = append(list, m)
		}
	}
	return list
}

// number writes v with at most two decimals.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Scale is a number line: the zones from the left, and where values lie on
// it, all from 0 to 100.
type Scale struct {
	Label string // where the value lies, in words
	Zones []Zone
	At    float64
	Past  []float64 // earlier values, small
}

// Zone is one part of a number line.
type Zone struct {
	From, To float64
	Good     bool
	Text     string
}

// Place returns the number line of a value in a band with a side or two.
// Texts say what the zones are, from the left: below, in, above; those of
// sides that are not there are left out.
func Place(value, low, high float64, sides Sides, texts [3]string, past ...float64) Scale {
	from, to := ends(value, low, high, sides)
	at := func(v float64) float64 { return min(max((v-from)/(to-from)*100, 1.5), 98.5) }
	s := Scale{At: at(value)}
	left, right := 0.0, 100.0
	if sides&Lower != 0 {
		left = at(low)
		s.Zones = append(s.Zones, Zone{0, left, false, texts[0]})
	}
	if sides&Upper != 0 {
		right = at(high)
	}
	s.Zones = append(s.Zones, Zone{left, right, true, texts[1]})
	if sides&Upper != 0 {
		s.Zones = append(s.Zones, Zone{right, 100, false, texts[2]})
	}
	for _, p := range past {
		if p >= from && p <= to {
			s.Past = append(s.Past, at(p))
		}
	}
	return s
}

// ends returns what the line reaches from and to: beyond the band by as much
// as the band is wide, and beyond the value.
func ends(value, low, high float64, sides Sides) (from, to float64) {
	switch sides {
	case Both:
		width := high - low
		from, to = low-width*0.6, high+width*0.6
	case Upper:
		from, to = high*0.5, high*1.5
	default:
		from, to = low*0.5, low*1.5
	}
	margin := (to - from) * 0.08
	return min(from, value-margin), max(to, value+margin)
}

// textY returns where a dot's text goes.
func (d dot) textY() float64 {
	if d.below {
		return d.y + 22
	}
	return d.y - 11
}

// class returns the look of a zone. There is none that alarms.
func (z Zone) class() string {
	if z.Good {
		return "good"
	}
	return "watch"
}

func percent(v float64) string { return number(v) + "%" }
