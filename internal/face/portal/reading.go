package portal

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/reading"
	"hale/internal/care/result"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// Readings is what the portal needs to take what patients measure at home.
type Readings interface {
	Limits(ctx context.Context, pass access.Pass) (map[reading.Part]reading.Limit, error)
	Send(ctx context.Context, pass access.Pass, in reading.New) (reading.Reading, error)
	SetBy(ctx context.Context) (name string, at time.Time, err error)
}

// readingRoutes adds the pages of readings from home.
func (p *Portal) readingRoutes(both func(method, path string, h handler)) {
	if p.Readings == nil {
		return
	}
	see := func(h handler) handler { return p.shared(access.Results, access.ReadRecord, h) }
	both("GET", "/health/readings", see(p.readingList))
	both("GET", "/readings/new", see(p.readingAsk))
	both("POST", "/readings/new", see(p.readingSay))
	both("GET", "/health/readings/{id}", see(p.reading))
}

// readingsData is the list of readings from home.
type readingsData struct {
	List    []resultRow
	Limits  map[reading.Part]reading.Limit
	Metric  bool
	SetBy   string // who set the limits for everybody; empty: nobody here
	SetAt   time.Time
	Updated time.Time
}

// homeMost is how many readings the list looks through.
const homeMost = 300

// readingList lists what was measured at home.
func (p *Portal) readingList(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Readings from home")
	if err != nil {
		return err
	}
	list, err := p.Results.Recent(r.Context(), pass, result.Vital, homeMost)
	if err != nil {
		return err
	}
	d := readingsData{Updated: who.Updated, Metric: p.metric()}
	var home []result.Result
	for _, res := range list {
		if res.Source == reading.Home {
			home = append(home, res)
		}
		if res.Source == reading.Home && res.Updated.After(d.Updated) {
			d.Updated = res.Updated
		}
	}
	d.List = explained(s.Lang, home[:min(len(home), perPage)], who, nil, p.Now())
	if d.Limits, err = p.Readings.Limits(r.Context(), pass); err != nil {
		return err
	}
	if d.SetBy, d.SetAt, err = p.Readings.SetBy(r.Context()); err != nil {
		return err
	}
	return p.render(w, r, readingsPage(s, d))
}

// readingForm is the form of a reading.
type readingForm struct {
	Kind    reading.Kind
	In      map[string]string
	Metric  bool // kilograms are offered first
	Problem string
}

// metric says whether the clinic asks and says amounts of the body in metric
// units.
func (p *Portal) metric() bool { return p.Units != nil && p.Units() == result.Metric }

// kindOfReading returns the kind that a form is about: blood pressure where it does
// not say.
func kindOfReading(text string) reading.Kind {
	for _, k := range reading.Kinds {
		if string(k) == text {
			return k
		}
	}
	return reading.Pressure
}

func (p *Portal) readingAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.SendReadings, "A reading from home", "record")
	if err != nil {
		return err
	}
	s.Zone = p.Site.Clinic.Zone
	return p.render(w, r, newReadingPage(s, readingForm{Kind: kindOfReading(r.URL.Query().Get("kind")), Metric: p.metric(), In: map[string]string{"at": p.Now().In(s.Zone).Format(local)}}))
}

// local is how a form writes a time of the clinic's zone.
const local = "2006-01-02T15:04"

// readingSay takes a reading down.
func (p *Portal) readingSay(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendReadings, "A reading from home", "record")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return err
	}
	f := readingForm{Kind: kindOfReading(r.PostForm.Get("kind")), Metric: p.metric(), In: map[string]string{}}
	for key := range r.PostForm {
		f.In[key] = r.PostForm.Get(key)
	}
	in := readReading(f.Kind, r.PostForm, p.Site.Clinic.Zone)
	made, err := p.Readings.Send(r.Context(), pass, in)
	if says, code := sayable(s, err); says != "" {
		f.Problem = says
		return p.Site.Render(w, r, code, newReadingPage(s, f))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/health/readings/"+made.ID), http.StatusSeeOther)
	return nil
}

// pounds are in a kilogram.
const pounds = 2.20462262

// readReading reads a form; what is no number is 0, which the store refuses.
func readReading(kind reading.Kind, f url.Values, zone *time.Location) reading.New {
	number := func(name string) float64 {
		v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(f.Get(name)), ",", ".", 1), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return 0
		}
		return v
	}
	in := reading.New{Kind: kind, Note: f.Get("note"), Upper: number("upper"), Lower: number("lower"), Weight: number("weight"), Glucose: number("glucose")}
	if f.Get("unit") != "kg" {
		in.Weight = float64(int(in.Weight/pounds*10+0.5)) / 10
	}
	in.At, _ = time.ParseInLocation(local, f.Get("at"), zone)
	return in
}

// readingData is the page on which a reading was taken down.
type readingData struct {
	Result result.Result
	Value  string
	Level  reading.Level
	Task   task.Task // zero: nobody has to look at it
	Answer web.Words // of the task
}

// reading says what becomes of a reading.
func (p *Portal) reading(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "A reading from home")
	if err != nil {
		return err
	}
	res, err := p.Results.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	d := readingData{Result: res}
	d.Value = explained(s.Lang, []result.Result{res}, who, nil, p.Now())[0].Meaning.Value
	tasks, err := p.Tasks.Mine(r.Context(), pass, askedMost)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if t.Focus == "Observation/"+res.ID && t.Kind == task.Reading {
			d.Task, d.Level = t, reading.Out
			if t.Values["danger"] != "" {
				d.Level = reading.Danger
			}
		}
	}
	words, err := p.translated(r, pass, translation.Answer)
	if err != nil {
		return err
	}
	d.Answer = words.words(d.Task.ID, d.Task.Answer)
	s.Title = readingHead(s, d)
	return p.render(w, r, readingPage(s, d))
}

// readingHead says how a reading lies.
func readingHead(s sheet, d readingData) string {
	switch d.Level {
	case reading.Danger:
		return s.T("This reading is dangerous")
	case reading.Out:
		return s.T("Your care team looks at this reading")
	}
	return s.T("Your reading is in your record")
}

// limitsWhose says whose limits hold for a patient.
func limitsWhose(s sheet, d readingsData) string {
	for _, l := range d.Limits {
		if l.Own {
			return s.T("Your care team set some of these limits just for you.")
		}
	}
	if d.SetAt.IsZero() {
		return s.T("These limits are used for most adults. Ask your care team if others are right for you.")
	}
	return s.T("Our clinic set these limits for its patients. %s did so on %s.", d.SetBy, s.day(d.SetAt))
}
