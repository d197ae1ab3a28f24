package desk

import (
	"math"
	"strconv"
)

// interval is one estimate with its interval, in percentage points.
type interval struct {
	Label           string
	Href            string // where the row leads in the table; "" for nowhere
	N               int    // people behind it
	Diff, Low, High float64
	Main            bool // the whole, beside its parts
}

// mark is one grid line of a drawing.
type mark struct {
	X    float64
	Text string
	Zero bool
}

// whisker is one row of a drawing.
type whisker struct {
	interval
	Y, From, At, To float64
}

// forest is a drawing of intervals over one axis. Two are made of each
// chart, a wide one and a narrow one, because text in a scaled drawing
// would become too small to read on a phone.
type forest struct {
	Width, Height, Foot, LabelX float64
	Marks                       []mark
	Rows                        []whisker
}

// rowHeight is the room of one row of a forest.
const rowHeight = 34

// wideForest returns the drawing for a desk.
func wideForest(rows []interval) forest { return drawForest(rows, 640, 170, 5) }

// narrowForest returns the drawing for a phone.
func narrowForest(rows []interval) forest { return drawForest(rows, 330, 118, 3) }

// drawForest lays rows out in width, the labels in the first left units.
func drawForest(rows []interval, width, left float64, ticks int) forest {
	low, high := 0.0, 0.0
	for _, r := range rows {
		low, high = min(low, finite(r.Low)), max(high, finite(r.High))
	}
	step := niceStep((high - low) / float64(ticks))
	low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if high == low {
		high = low + step
	}
	right := width - 18
	at := func(v float64) float64 {
		return round1(left + (right-left)*(min(max(finite(v), low), high)-low)/(high-low))
	}
	f := forest{Width: width, Foot: float64(len(rows))*rowHeight + 6, LabelX: left - 12}
	f.Height = f.Foot + 24
	for i := 0; low+float64(i)*step <= high+step/2; i++ {
		v := low + float64(i)*step
		f.Marks = append(f.Marks, mark{X: at(v), Text: axisText(v, step), Zero: math.Abs(v) < step/1e6})
	}
	for i, r := range rows {
		r.Label = short(r.Label, int((left-10)/6.6)) // 12 px letters are at most so wide
		f.Rows = append(f.Rows, whisker{interval: r, Y: float64(i)*rowHeight + 20, From: at(r.Low), At: at(r.Diff), To: at(r.High)})
	}
	return f
}

// short cuts text to n letters, and shows that it did.
func short(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// niceStep returns the smallest of 1, 2, 5 times a power of ten not below raw.
func niceStep(raw float64) float64 {
	if !(raw > 0) || math.IsInf(raw, 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= raw*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// axisText writes v with its sign and as many digits as step needs.
func axisText(v, step float64) string {
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	text := strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
	switch {
	case math.Abs(v) < step/1e6:
		return "0"
	case v < 0:
		return minus + text
	}
	return "+" + text
}

// finite returns v, or 0 for what is no number.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }

// num writes a drawing's coordinate.
func num(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// radius makes the whole stand out from its parts.
func radius(main bool) string {
	if main {
		return "7"
	}
	return "5.5"
}

// barWidth returns how much of a bar 200 wide part of whole is.
func barWidth(part, whole int) string {
	if whole <= 0 || part <= 0 {
		return "0"
	}
	return num(round1(200 * min(1, float64(part)/float64(whole))))
}
