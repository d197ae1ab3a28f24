package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/journey"
)

// Journeys is what the desk needs of package journey.
type Journeys interface {
	List(ctx context.Context, pass access.Pass) ([]journey.Journey, error)
	Get(ctx context.Context, pass access.Pass, id string) (journey.Journey, error)
	Save(ctx context.Context, pass access.Pass, id string, d journey.Definition) (string, error)
	Problem(pass access.Pass, d journey.Definition) error
	Proposal(ctx context.Context, pass access.Pass, id string) (reach.Proposal, error)
	Publish(ctx context.Context, pass access.Pass, id string) error
	Start(ctx context.Context, pass access.Pass, id string) error
	Pause(ctx context.Context, pass access.Pass, id string) error
	Stop(ctx context.Context, pass access.Pass, id string) error
	Migrate(ctx context.Context, pass access.Pass, id string) (int, error)
	Numbers(ctx context.Context, pass access.Pass, id string) (map[string]journey.Number, error)
	People(ctx context.Context, pass access.Pass, id, node string, n int) ([]journey.Traveller, error)
	Rehearse(ctx context.Context, pass access.Pass, d journey.Definition, patient string, at, start time.Time, as journey.Course) ([]journey.Line, error)
	Tasks(ctx context.Context, pass access.Pass, n int) ([]journey.Job, error)
	Close(ctx context.Context, pass access.Pass, task string) error
}

func (d *Desk) journeyRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/journeys", d.listJourneys)
	page("POST /desk/journeys", d.newJourney)
	page("GET /desk/journey-tasks", d.listTasks)
	page("POST /desk/journey-tasks/{task}", d.closeTask)
	page("GET /desk/journeys/{id}", d.showJourney)
	page("GET /desk/journeys/{id}/edit", d.editJourney)
	page("POST /desk/journeys/{id}/edit", d.saveJourney)
	page("POST /desk/journeys/{id}/steps", d.addStep)
	page("GET /desk/journeys/{id}/steps/{step}", d.editStep)
	page("POST /desk/journeys/{id}/steps/{step}", d.saveStep)
	page("GET /desk/journeys/{id}/people", d.journeyPeople)
	page("GET /desk/journeys/{id}/try", d.tryJourney)
	page("POST /desk/journeys/{id}/{do}", d.moveJourney)
}

func journeyPath(id string) string { return "/desk/journeys/" + url.PathEscape(id) }

// journeyState is a state in words, and its tone.
func journeyState(s journey.State) (word, tone string) {
	switch s {
	case journey.Running:
		return "Running", "good"
	case journey.Paused:
		return "Paused", "watch"
	case journey.Stopped:
		return "Stopped", ""
	}
	return "Not started", ""
}

// listJourneys shows every journey, and those to begin with.
func (d *Desk) listJourneys(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Journeys.List(r.Context(), pass)
	if err != nil {
		return err
	}
	var v journeysView
	for _, j := range list {
		row := journeyRow{Href: journeyPath(j.ID), Name: j.Name, Words: j.Draft.Words, On: journey.Choose(journey.Triggers(), j.Draft.Trigger.On), Under: patients(j.Under), Ended: count(j.Ended)}
		row.State, row.Tone = journeyState(j.State)
		v.Rows = append(v.Rows, row)
	}
	ready, err := journey.ReadyMade()
	if err != nil {
		return err
	}
	for _, one := range ready {
		v.Ready = append(v.Ready, readyRow{Key: one.Key, Name: one.Definition.Name, Words: one.Definition.Words})
	}
	if may(r, access.FindPatients) {
		tasks, err := d.tasks(r)
		if err != nil {
			return err
		}
		v.Tasks = len(tasks)
	}
	return d.Site.Render(w, r, http.StatusOK, journeysPage(d.view(r, "Journeys", "outreach"), v))
}

// newJourney begins with a ready-made journey, or with an empty one.
func (d *Desk) newJourney(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	def := journey.Definition{Name: "New journey", Trigger: journey.Trigger{On: journey.VisitBooked}, Nodes: []journey.Node{{ID: "end", Kind: journey.Exit, Name: "End"}}}
	ready, err := journey.ReadyMade()
	if err != nil {
		return err
	}
	for _, one := range ready {
		if one.Key == in.Get("from") {
			def = one.Definition
		}
	}
	id, err := d.Journeys.Save(r.Context(), pass, "", def)
	if err != nil {
		return err
	}
	http.Redirect(w, r, journeyPath(id), http.StatusSeeOther)
	return nil
}

// theJourney reads the journey that a page is about.
func (d *Desk) theJourney(r *http.Request) (journey.Journey, access.Pass, error) {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return journey.Journey{}, pass, err
	}
	j, err := d.Journeys.Get(r.Context(), pass, r.PathValue("id"))
	return j, pass, err
}

// showJourney draws the map with who is where.
func (d *Desk) showJourney(w http.ResponseWriter, r *http.Request) error {
	j, pass, err := d.theJourney(r)
	if err != nil {
		return err
	}
	numbers, err := d.Journeys.Numbers(r.Context(), pass, j.ID)
	if err != nil {
		return err
	}
	v := journeyView{Path: journeyPath(j.ID), Name: j.Name, Words: j.Draft.Words, Version: j.Version, Map: drawJourney(j, numbers), Said: journeySaid(r.URL.Query().Get("note"))}
	v.State, v.Tone = journeyState(j.State)
	v.On = journey.Choose(journey.Triggers(), j.Draft.Trigger.On)
	if g := j.Draft.Goal; g != "" {
		v.Goal = journey.Choose(journey.Events(), g)
	}
	v.Under, v.Ended = patients(j.Under), patients(j.Ended)
	if err := d.Journeys.Problem(pass, j.Draft); err != nil {
		v.Problem = errs.Say(err)
	}
	v.CanPublish = v.Problem == "" && j.State != journey.Stopped
	v.CanStart = j.Version > 0 && (j.State == journey.Draft || j.State == journey.Paused)
	v.CanPause = j.State == journey.Running
	v.CanStop = j.State == journey.Running || j.State == journey.Paused
	v.CanMigrate = j.Version > 1 && j.Under > 0
	v.Kinds = stepKinds()
	if v.CanPublish || v.CanStart {
		if v.Two, err = d.journeyBox(r, pass, j.ID); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, http.StatusOK, journeyPage(d.view(r, j.Name, "outreach"), v))
}

// journeyBox says what a second person said of what is written.
func (d *Desk) journeyBox(r *http.Request, pass access.Pass, id string) (*approvalBox, error) {
	p, err := d.Journeys.Proposal(r.Context(), pass, id)
	if err != nil || p.Why == "" || d.Writing.Approvals == nil {
		return nil, err
	}
	return d.boxOf(p, journeyPath(id)+"/approval"), nil
}

// askJourney asks for a second person's word on what is written.
func (d *Desk) askJourney(r *http.Request, pass access.Pass, id string) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	p, err := d.Journeys.Proposal(r.Context(), pass, id)
	if err != nil {
		return err
	}
	if p.Why == "" || d.Writing.Approvals == nil {
		return errNowhere
	}
	_, err = d.Writing.Approvals.Ask(r.Context(), web.Actor(r), p.Subject, p.Content, long(in, "note", 500))
	return err
}

func journeySaid(note string) string {
	switch note {
	case "approval":
		return "Asked. A colleague sees the question under Approvals."
	case "publish":
		return "Published. Whoever comes in from now on goes by this version."
	case "start":
		return "Running. People come in from now on."
	case "pause":
		return "Paused. Everybody stays where they are."
	case "stop":
		return "Stopped. What waited to be sent was taken back."
	case "migrate":
		return "Moved. Those who were under way go by the newest version now."
	}
	return ""
}

// moveJourney publishes, starts, pauses, stops or migrates, or asks whether it
// may.
func (d *Desk) moveJourney(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	id, do := r.PathValue("id"), r.PathValue("do")
	switch do {
	case "publish":
		err = d.Journeys.Publish(r.Context(), pass, id)
	case "approval":
		err = d.askJourney(r, pass, id)
	case "start":
		err = d.Journeys.Start(r.Context(), pass, id)
	case "pause":
		err = d.Journeys.Pause(r.Context(), pass, id)
	case "stop":
		err = d.Journeys.Stop(r.Context(), pass, id)
	case "migrate":
		_, err = d.Journeys.Migrate(r.Context(), pass, id)
	default:
		err = errNowhere
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, journeyPath(id)+"?note="+do, http.StatusSeeOther)
	return nil
}

// editJourney shows what takes people in and what ends it.
func (d *Desk) editJourney(w http.ResponseWriter, r *http.Request) error {
	j, _, err := d.theJourney(r)
	if err != nil {
		return err
	}
	return d.drawEdit(w, r, http.StatusOK, j, "")
}

func (d *Desk) drawEdit(w http.ResponseWriter, r *http.Request, status int, j journey.Journey, why string) error {
	segments, err := d.segmentOptions(r, j.Draft.Trigger.Segment)
	if err != nil {
		return err
	}
	def := j.Draft
	v := journeyForm{Path: journeyPath(j.ID), Name: def.Name, Words: def.Words, On: def.Trigger.On, Days: zeroBlank(def.Trigger.Days), Service: def.Trigger.Service,
		Goal: def.Goal, Late: def.Late, Segments: segments, Services: d.serviceOptions("any"), Err: why}
	v.Triggers, v.Goals = choices(journey.Triggers(), ""), choices(journey.Events(), "nothing but its own end")
	return d.Site.Render(w, r, status, journeyEdit(d.view(r, "Change "+j.Name, "outreach"), v))
}

// choices are the options of a list of words.
func choices(list []journey.Choice, none string) []option {
	var out []option
	if none != "" {
		out = append(out, option{"", none})
	}
	for _, c := range list {
		out = append(out, option{c.Key, c.Words})
	}
	return out
}

func (d *Desk) serviceOptions(none string) []option {
	list := []option{{"", none}}
	for _, s := range d.Services {
		list = append(list, option{s.Code, s.Name})
	}
	return list
}

func (d *Desk) saveJourney(w http.ResponseWriter, r *http.Request) error {
	j, pass, err := d.theJourney(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	t := &j.Draft.Trigger
	j.Draft.Name, j.Draft.Words, j.Draft.Goal, j.Draft.Late = field(in, "name"), strings.TrimSpace(in.Get("words")), field(in, "goal"), field(in, "late")
	t.On, t.Service = field(in, "on"), field(in, "service")
	t.Days, _ = strconv.Atoi(field(in, "days"))
	if t.Segment, err = d.chosen(r, pass, in.Get("segment"), t.Segment); err != nil {
		return err
	}
	if _, err := d.Journeys.Save(r.Context(), pass, j.ID, j.Draft); errs.KindOf(err) == errs.Invalid {
		return d.drawEdit(w, r, http.StatusUnprocessableEntity, j, errs.Say(err))
	} else if err != nil {
		return err
	}
	http.Redirect(w, r, journeyPath(j.ID), http.StatusSeeOther)
	return nil
}

// journeyPeople shows who is at a step, or who has come to an end.
func (d *Desk) journeyPeople(w http.ResponseWriter, r *http.Request) error {
	j, _, err := d.theJourney(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	node := r.URL.Query().Get("step")
	list, err := d.Journeys.People(r.Context(), pass, j.ID, node, 100)
	if err != nil {
		return err
	}
	by := map[string]patient.Person{}
	var ids []string
	for _, t := range list {
		if !slices.Contains(ids, t.Patient) {
			ids = append(ids, t.Patient)
		}
	}
	if err := d.name(r, ids, by); err != nil {
		return err
	}
	title := "Who has come to an end"
	if node != "" {
		title = "Who is at “" + nodeName(j.Draft, node) + "”"
	}
	var rows []personLink
	for _, t := range list {
		note := "since " + d.clock(t.Entered)
		switch {
		case t.State == "waiting" && !t.Wake.IsZero():
			note += ", until " + d.clock(t.Wake) + " at the latest"
		case t.Outcome != "":
			note = t.Outcome + ", " + d.clock(t.Ended)
		}
		rows = append(rows, personLink{Href: "/desk/patients/" + t.Patient, ID: t.Patient, Name: nameOr(by[t.Patient]), Note: note})
	}
	return d.Site.Render(w, r, http.StatusOK, journeyPeoplePage(d.view(r, title, "outreach"), title, j.Name, journeyPath(j.ID), rows))
}

func nodeName(def journey.Definition, id string) string {
	for _, n := range def.Nodes {
		if n.ID == id && n.Name != "" {
			return n.Name
		}
	}
	return id
}

// tryJourney says what would happen to one real person.
func (d *Desk) tryJourney(w http.ResponseWriter, r *http.Request) error {
	j, pass, err := d.theJourney(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	v := tryView{Path: journeyPath(j.ID), Name: j.Name, Patient: strings.TrimSpace(q.Get("patient")), At: q.Get("at"), Start: q.Get("start"), As: q.Get("as")}
	zone := d.Site.Clinic.Zone
	at, start := d.now(), time.Time{}
	if t, err := time.ParseInLocation("2006-01-02T15:04", v.At, zone); err == nil {
		at = t
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04", v.Start, zone); err == nil {
		start = t
	}
	if v.At == "" {
		v.At, v.Start = at.In(zone).Format("2006-01-02T15:04"), at.In(zone).AddDate(0, 0, 5).Format("2006-01-02T15:04")
	}
	if may(r, access.FindPatients) && v.Patient != "" {
		found, err := d.someone(r, v.Patient)
		if err != nil {
			return err
		}
		if found.ID == "" {
			v.Err = "Nobody was found by that name or number."
		} else {
			v.Who = nameOr(found)
			lines, err := d.Journeys.Rehearse(r.Context(), pass, j.Draft, found.ID, at, start, journey.Course(v.As))
			switch k := errs.KindOf(err); {
			case k == errs.Invalid || k == errs.NotFound:
				v.Err = errs.Say(err)
			case err != nil:
				return err
			}
			for _, l := range lines {
				name := nodeName(j.Draft, l.Node.ID)
				v.Lines = append(v.Lines, tryLine{When: d.clock(l.At), Name: name, Words: l.Words})
			}
		}
	}
	return d.Site.Render(w, r, http.StatusOK, tryPage(d.view(r, "Try "+j.Name, "outreach"), v))
}

// someone finds one patient by an id, or the first by a name.
func (d *Desk) someone(r *http.Request, text string) (patient.Person, error) {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return patient.Person{}, err
	}
	list, err := d.Patients.Named(r.Context(), pass, []string{text})
	if err == nil && len(list) == 0 {
		list, err = d.Patients.Find(r.Context(), pass, text, 1)
	}
	if err != nil || len(list) == 0 {
		return patient.Person{}, err
	}
	return list[0], nil
}

func (d *Desk) tasks(r *http.Request) ([]journey.Job, error) {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	return d.Journeys.Tasks(r.Context(), pass, 200)
}

// listTasks shows what journeys ask the staff to do.
func (d *Desk) listTasks(w http.ResponseWriter, r *http.Request) error {
	list, err := d.tasks(r)
	if err != nil {
		return err
	}
	by := map[string]patient.Person{}
	var ids []string
	for _, t := range list {
		if !slices.Contains(ids, t.Patient) {
			ids = append(ids, t.Patient)
		}
	}
	if err := d.name(r, ids, by); err != nil {
		return err
	}
	var rows []taskLine
	for _, t := range list {
		rows = append(rows, taskLine{Action: "/desk/journey-tasks/" + t.ID, Href: "/desk/patients/" + t.Patient, Who: nameOr(by[t.Patient]), Words: t.Words, From: t.Name, When: d.clock(t.At)})
	}
	return d.Site.Render(w, r, http.StatusOK, tasksPage(d.view(r, "To do for journeys", "outreach"), rows))
}

func (d *Desk) closeTask(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	if err := d.Journeys.Close(r.Context(), pass, r.PathValue("task")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/journey-tasks", http.StatusSeeOther)
	return nil
}
