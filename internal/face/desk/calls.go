package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/call"
	"hale/internal/store/db"
)

// Calls is what the desk needs of package call.
type Calls interface {
	Due(ctx context.Context, pass access.Pass) (int, error)
	List(ctx context.Context, pass access.Pass, n int) ([]call.Entry, error)
	Closed(ctx context.Context, pass access.Pass, since time.Time, n int) ([]call.Entry, error)
	Whose(ctx context.Context, id string) (string, error)
	Get(ctx context.Context, pass access.Pass, id string) (call.Entry, []call.Try, error)
	Take(ctx context.Context, pass access.Pass, id string) error
	Say(ctx context.Context, pass access.Pass, ledger call.Ledger, id string, r call.Result) (call.Entry, error)
}

// Caller is what the desk needs of the engine for calls.
type Caller interface {
	Script(ctx context.Context, pass access.Pass, message string) (reach.Script, error)
	CalledIn(ctx context.Context, tx *db.Tx, c reach.Call) error
}

func (d *Desk) callRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/calls", d.listCalls)
	page("GET /desk/calls/{id}", d.showCall)
	page("POST /desk/calls/{id}/take", d.takeCall)
	page("POST /desk/calls/{id}", d.sayCall)
}

// callTask says on the first page how many calls there are to make.
func (d *Desk) callTask(r *http.Request) ([]taskRow, error) {
	if d.Calls == nil || !may(r, clerkRight(r)) {
		return nil, nil
	}
	right := access.RunOutreach
	if clerkRight(r) == access.AnswerVisits {
		right = access.AnswerVisits
	}
	pass, err := d.all(r, right)
	if err != nil {
		return nil, err
	}
	n, err := d.Calls.Due(r.Context(), pass)
	if err != nil || n == 0 {
		return nil, err
	}
	return []taskRow{{Href: "/desk/calls", Icon: "phone", Tone: "act", N: n, Title: "Calls to make", Sub: "Whom no message reached, and who asked to be called"}}, nil
}

// callWords are a kind of call in words, and its tone.
func callWords(k call.Kind) (words, tone string) {
	switch k {
	case call.Asked:
		return "Asked to be called", "act"
	case call.Unreached:
		return "No message reached them", "watch"
	}
	return "Part of an outreach", ""
}

// outcomeWords are what a caller can say, as the form and the history have it.
var outcomeWords = map[reach.Called]string{
	reach.Told: "Spoke with them and told them", reach.Later: "Spoke with them; they want to be called another time", reach.LeftVoice: "Left a message on the voicemail",
	reach.NoAnswer: "Nobody answered, or the line was busy", reach.OtherPerson: "Wrong number: it is somebody else's", reach.OutOfService: "The number does not work",
	reach.NoMoreCalls: "They want no more calls",
}

// endWords are why a call was closed without being made.
var endWords = map[string]string{"seen": "They saw the message.", "stopped": "The outreach was stopped.", "expired": "Its time was over."}

// listCalls shows whom to call: now, and later.
func (d *Desk) listCalls(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, clerkRight(r))
	if err != nil {
		return err
	}
	open, err := d.Calls.List(r.Context(), pass, todoMost+1)
	if err != nil {
		return err
	}
	closed, err := d.Calls.Closed(r.Context(), pass, d.now().Add(-todoBack), todoMost)
	if err != nil {
		return err
	}
	v := callsView{Said: callSaid(r.URL.Query().Get("note")), More: len(open) > todoMost}
	open = open[:min(len(open), todoMost)]
	people, err := d.called(r, open, closed)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, e := range open {
		row := d.callRow(e, people[e.Patient])
		if row.Taken, err = d.takenBy(r, e, names); err != nil {
			return err
		}
		if e.NotBefore.After(d.now()) {
			row.When = "from " + d.clock(e.NotBefore)
			v.Later = append(v.Later, row)
			continue
		}
		row.When = "waiting since " + d.clock(e.NotBefore)
		v.Now = append(v.Now, row)
	}
	for _, e := range closed {
		row := d.callRow(e, people[e.Patient])
		row.When = d.clock(e.Closed)
		v.Done = append(v.Done, row)
	}
	return d.Site.Render(w, r, http.StatusOK, callsPage(d.view(r, "Calls to make", "today"), v))
}

// callSaid is what just happened.
func callSaid(note string) string {
	switch note {
	case "done":
		return "Written down. This call is closed."
	case "again":
		return "Written down. The call comes back in the list when it is time to try again."
	}
	return ""
}

// called names the patients of calls.
func (d *Desk) called(r *http.Request, lists ...[]call.Entry) (map[string]patient.Person, error) {
	by := map[string]patient.Person{}
	var ids []string
	for _, list := range lists {
		for _, e := range list {
			if _, asked := by[e.Patient]; !asked {
				by[e.Patient] = patient.Person{}
				ids = append(ids, e.Patient)
			}
		}
	}
	return by, d.name(r, ids, by)
}

// takenBy says who else has a call open.
func (d *Desk) takenBy(r *http.Request, e call.Entry, names map[string]string) (string, error) {
	if e.TakenBy == "" || e.TakenBy == web.Actor(r).ID || !e.TakenTill.After(d.now()) {
		return "", nil
	}
	return d.accountName(r, e.TakenBy, names)
}

// callRow puts a call into words.
func (d *Desk) callRow(e call.Entry, p patient.Person) callRow {
	row := callRow{Href: "/desk/calls/" + e.ID, Who: p.Full, Outreach: e.Name, Tries: e.Tries, Record: "/desk/patients/" + e.Patient}
	row.Why, row.Tone = callWords(e.Kind)
	if row.Who == "" {
		row.Who = "A patient without a name"
	}
	if p.Deceased {
		row.Warn = "Recorded as deceased: do not call"
	}
	if e.Outcome != "" {
		row.Last = outcomeWords[reach.Called(e.Outcome)]
	}
	if words := endWords[e.Outcome]; words != "" {
		row.Last = words
	}
	if e.State == call.GaveUp {
		row.Last = "Tried " + counted(e.Tries, "time", "times") + "; nobody was reached."
	}
	return row
}

// showCall shows what to say, and asks what came of it.
func (d *Desk) showCall(w http.ResponseWriter, r *http.Request) error {
	return d.drawCall(w, r, http.StatusOK, "")
}

func (d *Desk) drawCall(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	pass, err := d.callPass(r)
	if err != nil {
		return err
	}
	e, tries, err := d.Calls.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	s, err := d.Caller.Script(r.Context(), pass, e.Message)
	if err != nil {
		return err
	}
	people, err := d.called(r, []call.Entry{e})
	if err != nil {
		return err
	}
	v := callView{Row: d.callRow(e, people[e.Patient]), Problem: problem, Action: "/desk/calls/" + e.ID, Open: e.State == call.Open, Mine: e.TakenBy == web.Actor(r).ID && e.TakenTill.After(d.now())}
	names := map[string]string{}
	if v.Row.Taken, err = d.takenBy(r, e, names); err != nil {
		return err
	}
	d.fillScript(&v, s, people[e.Patient])
	for _, t := range tries {
		who, err := d.accountName(r, t.By, names)
		if err != nil {
			return err
		}
		v.Tries = append(v.Tries, tryRow{When: d.clock(t.At), Who: who, Words: outcomeWords[t.Outcome], Note: t.Note})
	}
	if status != http.StatusOK { // what was written stays
		v.Chosen, v.Note, v.At, v.Number = r.PostFormValue("outcome"), r.PostFormValue("note"), r.PostFormValue("at"), r.PostFormValue("number")
	}
	return d.Site.Render(w, r, status, callPage(d.view(r, "Call "+v.Row.Who, "today"), v))
}

// fillScript adds what to say, and when it is right to say it.
func (d *Desk) fillScript(v *callView, s reach.Script, p patient.Person) {
	v.Title, v.Text, v.Clinic, v.Phone = s.Title, web.Paragraphs(s.Text), d.Site.Latest().Clinic.Name, phoneWords(d.Site.Latest().Clinic.Phone)
	v.Born, v.Lang, v.Closed = bornWords(p.Born), languageName(s.Lang), s.Closed
	for _, n := range s.Numbers {
		v.Numbers = append(v.Numbers, option{Value: n, Text: phoneWords(n)})
	}
	for _, o := range call.Outcomes() {
		v.Outcomes = append(v.Outcomes, option{Value: string(o), Text: outcomeWords[o]})
	}
	v.At = d.now().AddDate(0, 0, 1).Format("2006-01-02") + "T10:00"
	zone := d.Site.Clinic.Zone
	if loc, err := time.LoadLocation(s.Zone); err == nil && s.Zone != "" {
		zone = loc
	}
	here := d.now().In(zone)
	v.Local = here.Format("3:04 pm")
	switch {
	case v.Closed != "":
	case s.Opens.IsZero():
		v.Quiet = "No hour of the next two weeks is right for a call wherever they may be."
	case s.Opens.After(d.now()):
		v.Quiet = "It is " + v.Local + " there. Calls may be made from " + s.Opens.In(zone).Format("Monday, 3:04 pm") + " their time."
	}
}

func (d *Desk) callPass(r *http.Request) (access.Pass, error) {
	whose, err := d.Calls.Whose(r.Context(), r.PathValue("id"))
	if err != nil {
		return access.Pass{}, err
	}
	return d.clerk(r, whose)
}

// takeCall tells colleagues that the reader is dialling.
func (d *Desk) takeCall(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.callPass(r)
	if err != nil {
		return err
	}
	if err := d.Calls.Take(r.Context(), pass, r.PathValue("id")); err != nil {
		if errs.KindOf(err) != errs.Conflict {
			return err
		}
		return d.drawCall(w, r, http.StatusConflict, errs.Say(err))
	}
	http.Redirect(w, r, "/desk/calls/"+r.PathValue("id"), http.StatusSeeOther)
	return nil
}

// sayCall writes down what came of a call.
func (d *Desk) sayCall(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.callPass(r)
	if err != nil {
		return err
	}
	result := call.Result{Outcome: reach.Called(in.Get("outcome")), Number: in.Get("number"), Note: in.Get("note")}
	if at, err := time.ParseInLocation("2006-01-02T15:04", in.Get("at"), d.Site.Clinic.Zone); err == nil {
		result.At = at
	}
	e, err := d.Calls.Say(r.Context(), pass, d.Caller, r.PathValue("id"), result)
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict:
		return d.drawCall(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	if err != nil {
		return err
	}
	note := "done"
	if e.State == call.Open {
		note = "again"
	}
	http.Redirect(w, r, "/desk/calls?note="+note, http.StatusSeeOther)
	return nil
}
