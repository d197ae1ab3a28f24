package desk

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/reading"
	"hale/internal/care/result"
	"hale/internal/care/task"
)

// Readings is what the desk needs of readings from home.
type Readings interface {
	Limits(ctx context.Context, pass access.Pass) (map[reading.Part]reading.Limit, error)
	UsualLimits(ctx context.Context, pass access.Pass) (map[reading.Part]reading.Limit, error)
	SetLimits(ctx context.Context, pass access.Pass, set map[reading.Part]reading.Limit) error
	SetUsual(ctx context.Context, pass access.Pass, set map[reading.Part]reading.Limit) error
	Past(ctx context.Context, pass access.Pass, n int) ([]reading.Past, error)
}

// Vitals is what the desk needs of what was measured.
type Vitals interface {
	Recent(ctx context.Context, pass access.Pass, category result.Category, n int) ([]result.Result, error)
}

const limitsPath = "/desk/limits"

// readingRoutes adds the limits of readings from home.
func (d *Desk) readingRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Readings == nil {
		return
	}
	page("GET "+limitsPath, d.showUsual)
	page("POST "+limitsPath, d.saveUsual)
	page("POST "+limitsPath+"/{id}", d.saveOwnLimits)
	page("POST "+limitsPath+"/past/{n}", d.restoreLimits)
}

// limitRow is one part with its limits, as a form shows them.
type limitRow struct {
	Key, Name, Unit                  string
	Low, High, DangerLow, DangerHigh string
	Own                              bool
}

// poundsOf is how many pounds are in a kilogram.
const poundsOf = 1 / 0.45359237

// pounds says whether the staff sets limits of weight in pounds.
func (d *Desk) pounds() bool { return d.Units != nil && d.Units() == result.Customary }

// limitRows are limits as a form shows them: those of weight in pounds where
// the clinic says amounts of the body so. What is kept is in kilograms.
func (d *Desk) limitRows(limits map[reading.Part]reading.Limit) []limitRow {
	names := map[reading.Part][2]string{
		reading.Upper: {"Upper blood pressure", "mmHg"}, reading.Lower: {"Lower blood pressure", "mmHg"},
		reading.Sugar: {"Blood sugar", "mg/dL"}, reading.Gain: {"Weight gained in a week", "kg"},
	}
	text := func(v float64) string {
		if v == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	var rows []limitRow
	for _, p := range reading.Parts {
		l := limits[p]
		if p == reading.Gain && d.pounds() {
			names[p] = [2]string{names[p][0], "lb"}
			for _, v := range [...]*float64{&l.Low, &l.High, &l.DangerLow, &l.DangerHigh} {
				*v = hundredths(*v * poundsOf)
			}
		}
		rows = append(rows, limitRow{string(p), names[p][0], names[p][1], text(l.Low), text(l.High), text(l.DangerLow), text(l.DangerHigh), l.Own})
	}
	return rows
}

var errNumber = errs.New(errs.Invalid, "A limit is a number. Leave a field empty for no limit.")

// hundredths rounds to two places, which is fine enough to find a kilogram's
// hundredth again behind a pound's.
func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

// typedLimits reads a form of limitRows.
func (d *Desk) typedLimits(in url.Values) (map[reading.Part]reading.Limit, error) {
	set := map[reading.Part]reading.Limit{}
	for _, p := range reading.Parts {
		var l reading.Limit
		for name, to := range map[string]*float64{"low": &l.Low, "high": &l.High, "danger-low": &l.DangerLow, "danger-high": &l.DangerHigh} {
			text := strings.TrimSpace(in.Get(string(p) + "-" + name))
			if text == "" {
				continue
			}
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !(v >= 0 && v <= 1000) {
				return nil, errNumber
			}
			if p == reading.Gain && d.pounds() {
				v = hundredths(v / poundsOf)
			}
			*to = v
		}
		set[p] = l
	}
	return set, nil
}

// limitsView is the page of the limits for everybody.
type limitsView struct {
	Rows      []limitRow
	Said, Err string
	Whose     string // whose limits these are
	Past      []limitPast
}

// limitPast is one time that somebody set the limits.
type limitPast struct {
	N          int64
	When, By   string
	Now        bool
	Words      []string
	RestoreURL string
}

// limitsPast is how many times the page lists.
const limitsPast = 20

// withPast adds who set the limits, and when.
func (d *Desk) withPast(r *http.Request, pass access.Pass, v limitsView) (limitsView, error) {
	list, err := d.Readings.Past(r.Context(), pass, limitsPast)
	if err != nil {
		return v, err
	}
	v.Whose = "These come with Hale. Nobody here has set them yet: have a clinician check and save them."
	for i, p := range list {
		if i == 0 {
			v.Whose = "The clinic’s own, set by " + p.Name + ", " + d.clock(p.At) + "."
		}
		row := limitPast{N: p.N, When: d.clock(p.At), By: p.Name, Now: i == 0, RestoreURL: limitsPath + "/past/" + strconv.FormatInt(p.N, 10)}
		for _, l := range d.limitRows(p.Limits) {
			row.Words = append(row.Words, limitWords(l))
		}
		v.Past = append(v.Past, row)
	}
	return v, nil
}

// limitWords are one part's limits as one line.
func limitWords(l limitRow) string {
	var list []string
	for _, b := range [][2]string{{"below", l.Low}, {"above", l.High}, {"dangerous below", l.DangerLow}, {"dangerous from", l.DangerHigh}} {
		if b[1] != "" {
			list = append(list, b[0]+" "+b[1])
		}
	}
	if len(list) == 0 {
		return l.Name + ": no limit"
	}
	return l.Name + ": " + strings.Join(list, ", ") + " " + l.Unit
}

// restoreLimits sets the limits as they were set once before.
func (d *Desk) restoreLimits(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	list, err := d.Readings.Past(r.Context(), pass, limitsPast)
	if err != nil {
		return err
	}
	for _, p := range list {
		if strconv.FormatInt(p.N, 10) != r.PathValue("n") {
			continue
		}
		if err := d.Readings.SetUsual(r.Context(), pass, p.Limits); err != nil {
			return err
		}
		http.Redirect(w, r, limitsPath+"?note=saved", http.StatusSeeOther)
		return nil
	}
	return errNowhere
}

func (d *Desk) showUsual(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	limits, err := d.Readings.UsualLimits(r.Context(), pass)
	if err != nil {
		return err
	}
	v, err := d.withPast(r, pass, limitsView{Rows: d.limitRows(limits)})
	if err != nil {
		return err
	}
	if r.URL.Query().Get("note") == "saved" {
		v.Said = "Saved. It holds for every reading from now on."
	}
	return d.Site.Render(w, r, http.StatusOK, limitsPage(d.view(r, "Limits of readings from home", "queue"), v))
}

func (d *Desk) saveUsual(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	set, err := d.typedLimits(in)
	if err == nil {
		err = d.Readings.SetUsual(r.Context(), pass, set)
	}
	if errs.KindOf(err) == errs.Invalid && err != nil {
		v, bad := d.withPast(r, pass, limitsView{Rows: d.typedRows(in), Err: errs.Say(err)})
		if bad != nil {
			return bad
		}
		return d.Site.Render(w, r, http.StatusUnprocessableEntity, limitsPage(d.view(r, "Limits of readings from home", "queue"), v))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, limitsPath+"?note=saved", http.StatusSeeOther)
	return nil
}

// typedRows are the rows as somebody typed them.
func (d *Desk) typedRows(in url.Values) []limitRow {
	rows := d.limitRows(nil)
	for i, r := range rows {
		rows[i].Low, rows[i].High = in.Get(r.Key+"-low"), in.Get(r.Key+"-high")
		rows[i].DangerLow, rows[i].DangerHigh = in.Get(r.Key+"-danger-low"), in.Get(r.Key+"-danger-high")
	}
	return rows
}

// saveOwnLimits changes the limits of the patient of a task.
func (d *Desk) saveOwnLimits(w http.ResponseWriter, r *http.Request) error {
	return d.moveTask(w, r, "limits", func(t openedTask, in url.Values) error {
		set, err := d.typedLimits(in)
		if err != nil {
			return err
		}
		return d.Readings.SetLimits(r.Context(), t.pass, set)
	})
}

// readingPanel is what a nurse sees of a reading that is out of its limits.
type readingPanel struct {
	Task  task.Task
	Last  [][2]string // the newest readings of what is measured
	Rows  []limitRow
	Meds  []string
	Saved bool
}

// panelOfReading makes the panel of a reading from home.
func (d *Desk) panelOfReading(r *http.Request, pass access.Pass, t task.Task) (panel, error) {
	if d.Readings == nil || d.Vitals == nil {
		return panel{}, nil
	}
	read, err := d.one(r, access.ReadRecord, t.Patient)
	if err != nil {
		return panel{}, err
	}
	limits, err := d.Readings.Limits(r.Context(), pass)
	if err != nil {
		return panel{}, err
	}
	v := readingPanel{Task: t, Rows: d.limitRows(limits), Saved: r.URL.Query().Get("note") == "limits"}
	list, err := d.Vitals.Recent(r.Context(), read, result.Vital, 60)
	if err != nil {
		return panel{}, err
	}
	code := ""
	for _, res := range list {
		if "Observation/"+res.ID == t.Focus {
			code = res.Code
		}
	}
	for _, res := range list {
		if res.Code != code || len(v.Last) == 10 {
			continue
		}
		where := "at the clinic"
		if res.Source == reading.Home {
			where = "at home"
		}
		v.Last = append(v.Last, [2]string{d.clock(res.At), result.Value(lang.English, res) + ", " + where})
	}
	if d.Medicines != nil {
		cards, _, err := d.Medicines.Cards(r.Context(), read, lang.English)
		if err != nil {
			return panel{}, err
		}
		for _, c := range cards {
			v.Meds = append(v.Meds, c.Name)
		}
	}
	return panel{Body: readingBody(v)}, nil
}
