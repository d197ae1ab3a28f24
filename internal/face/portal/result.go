package portal

import (
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/face/chart"
)

// resultData is what a result's page shows.
type resultData struct {
	Result   result.Result
	Title    string
	Meaning  result.Meaning
	Goal     *result.Goal
	Scale    *chart.Scale
	Line     *chart.Line
	Shaded   string // what the band of the chart is
	Rows     []resultRow
	Source   string // the system or person that the result came from
	Part     string // what the range is: the lab's, or usual for adults
	Remarks  []remark
	Received time.Time
	Review   review.State // who looked at it
	Panel    string       // the title of the report that it stands in with others
	Clinic   string       // what the clinic says of values that lie like this one
}

// trendMost is how many values a trend shows.
const trendMost = 24

// result is the page of one result.
func (p *Portal) result(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Test result")
	if err != nil {
		return err
	}
	res, err := p.Results.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	goals, err := p.Results.Goals(r.Context(), pass)
	if err != nil {
		return err
	}
	trend := []result.Result{res}
	if res.Code != "" {
		if trend, err = p.Results.Trend(r.Context(), pass, res.Code, trendMost); err != nil {
			return err
		}
	}
	d := describe(s, res, trend, who, goals, p.Now())
	d.Source = p.source(r, pass, res)
	if d.Remarks, err = p.remarks(r, pass, res); err != nil {
		return err
	}
	if err := p.reviewOf(r, pass, &d); err != nil {
		return err
	}
	if d.Clinic, err = p.clinicSays(r, s, d); err != nil {
		return err
	}
	s.Title = d.Title
	return p.render(w, r, resultPage(s, d))
}

// reviewOf adds who looked at a result, and with which others it came.
func (p *Portal) reviewOf(r *http.Request, pass access.Pass, d *resultData) error {
	if p.Reviews == nil {
		return nil
	}
	states, err := p.Reviews.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	if d.Review = states[d.Result.ID]; d.Review.Others == 0 {
		return nil
	}
	panel, err := p.Reviews.Panel(r.Context(), pass, d.Review.Panel)
	if err != nil {
		return err
	}
	d.Panel = panel.Title
	return nil
}

// clinicSays returns what the clinic approved to be said of a value that lies
// where this one does; empty where it says nothing.
func (p *Portal) clinicSays(r *http.Request, s sheet, d resultData) (string, error) {
	m := d.Meaning
	if p.Reviews == nil || m.Basis == result.ByNone || !d.Result.HasValue {
		return "", nil
	}
	at := review.Far
	switch m.Band.Place(d.Result.Value) {
	case result.Within:
		at = review.Within
	case result.Above, result.Below:
		at = review.Near
	}
	return p.Reviews.Says(r.Context(), s.Lang, d.Result.Code, at)
}

// describe puts a result into words and drawings.
func describe(s sheet, res result.Result, trend []result.Result, who patient.Person, goals map[string]result.Goal, now time.Time) resultData {
	d := resultData{Result: res, Title: result.Title(s.Lang, res), Received: res.Updated}
	if !res.Issued.IsZero() {
		d.Received = res.Issued
	}
	if g, ok := goals[res.Code]; ok {
		d.Goal = &g
	}
	var before *result.Result
	newest := make([]result.Result, 0, len(trend))
	for i := len(trend) - 1; i >= 0; i-- {
		if trend[i].At.Before(res.At) && before == nil {
			before = &trend[i]
		}
		newest = append(newest, trend[i])
	}
	d.Meaning = result.Explain(s.Lang, res, result.Person{Sex: who.Sex, Born: who.Born}, before, d.Goal, now)
	d.Rows = explained(s.Lang, newest, who, goals, now)
	d.Scale = scaleOf(s, d, trend)
	if len(trend) > 1 {
		d.Line = lineOf(s, d, trend, now)
	}
	switch d.Meaning.Basis {
	case result.ByGoal:
		d.Shaded, d.Part = s.T("Shaded: your goal."), s.T("Your goal: %s", d.Meaning.Limits)
	case result.ByLab:
		d.Shaded, d.Part = s.T("Shaded: the lab’s usual range."), s.T("The lab’s range: %s", d.Meaning.Limits)
	case result.ByUsual:
		d.Shaded, d.Part = s.T("Shaded: the usual range for adults."), s.T("Usual range for adults: %s", d.Meaning.Limits)
	}
	return d
}

// sidesOf returns which sides of a band there are.
func sidesOf(b result.Band) chart.Sides {
	sides := chart.None
	if b.HasLow {
		sides |= chart.Lower
	}
	if b.HasHigh {
		sides |= chart.Upper
	}
	return sides
}

// scaleOf returns the number line of a result, nil where there is nothing to
// hold it against or it has two numbers.
func scaleOf(s sheet, d resultData, trend []result.Result) *chart.Scale {
	m, res := d.Meaning, d.Result
	if !res.HasValue || m.Basis == result.ByNone {
		return nil
	}
	var past []float64
	for _, t := range trend {
		if t.HasValue && t.ID != res.ID && t.At.Before(res.At) {
			past = append(past, t.Value)
		}
	}
	past = past[max(0, len(past)-3):]
	b := m.Band
	number := func(v float64) string { return s.Lang.Number(v, result.DigitsIn(v, res.Unit)) }
	texts := [3]string{s.T("Below %s", number(b.Low)), m.Limits, s.T("Over %s", number(b.High))}
	if m.Basis == result.ByGoal {
		texts[1] = s.T("Goal: %s", m.Limits)
	}
	scale := chart.Place(res.Value, b.Low, b.High, sidesOf(b), texts, past...)
	scale.Label = m.Value + ". " + m.Line
	return &scale
}

// lineOf returns the chart of a trend.
func lineOf(s sheet, d resultData, trend []result.Result, now time.Time) *chart.Line {
	l := chart.Line{Series: make([][]chart.Point, 1)}
	for _, t := range trend {
		if upper, lower, ok := t.Pressure(); ok {
			if len(l.Series) == 1 {
				l.Series = append(l.Series, nil)
			}
			l.Series[0] = append(l.Series[0], point(s, t, upper, now))
			l.Series[1] = append(l.Series[1], point(s, t, lower, now))
			continue
		}
		if t.HasValue && t.Unit == d.Result.Unit {
			l.Series[0] = append(l.Series[0], point(s, t, t.Value, now))
		}
	}
	if len(l.Series[0]) < 2 {
		return nil
	}
	if b := d.Meaning.Band; b.Is() && len(l.Series) == 1 {
		l.Low, l.High, l.Band = b.Low, b.High, sidesOf(b)
	}
	first, last := trend[0], trend[len(trend)-1]
	l.Label = s.T("%s over time: from %s on %s to %s on %s. The table below has every value.",
		d.Title, result.Value(s.Lang, first), s.day(first.At), result.Value(s.Lang, last), s.day(last.At))
	return &l
}

func point(s sheet, res result.Result, v float64, now time.Time) chart.Point {
	t := res.At.In(s.Zone)
	when := s.Lang.ShortMonth(t)
	if t.Year() != now.In(s.Zone).Year() {
		when += t.Format(" ’06")
	}
	return chart.Point{At: res.At, Value: v, Text: s.Lang.Number(v, result.DigitsIn(v, res.Unit)), When: when}
}

// source returns what system or person a result came from, empty where that
// is not known: it is a footnote, and no reason to fail the page.
func (p *Portal) source(r *http.Request, pass access.Pass, res result.Result) string {
	if p.Records == nil {
		return res.Source
	}
	found, err := p.Records.Get(r.Context(), pass, "Observation", res.ID)
	if err != nil {
		return res.Source
	}
	return found.Source
}

// resultHead says when and by whom.
func resultHead(s sheet, d resultData) string {
	by := ""
	if d.Result.Performer != "" {
		by = s.T("Done by %s", d.Result.Performer)
	}
	return joined(s.T("Taken %s", s.day(d.Result.At)), by)
}

// arrow returns the icon for where a value lies, so that the chip's colour
// never speaks alone.
func arrow(d resultData) string {
	if upper, lower, ok := d.Result.Pressure(); ok {
		if upper < 90 || lower < 60 {
			return "arrow-down"
		}
		return "arrow-up"
	}
	if !d.Result.HasValue {
		return "info"
	}
	if d.Meaning.Band.Place(d.Result.Value) < result.Within {
		return "arrow-down"
	}
	return "arrow-up"
}
