package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/checkin"
	"hale/internal/care/contact"
	"hale/internal/care/form"
	"hale/internal/care/medication"
	"hale/internal/care/visit"
)

// CheckIn is what the portal needs to let patients check in.
type CheckIn struct {
	Store  checkins
	Points points
	Forms  openForms // nil: no form waits
}

type checkins interface {
	Get(ctx context.Context, pass access.Pass, visit string) (checkin.State, error)
	Paper(ctx context.Context) (checkin.Paper, error)
	You(ctx context.Context, pass access.Pass, visit string, list []checkin.Change) error
	Card(ctx context.Context, pass, letters access.Pass, visit string, front, back []byte) error
	Meds(ctx context.Context, pass access.Pass, visit string, list []checkin.Taking, also string) error
	Forms(ctx context.Context, pass access.Pass, visit string) error
	Sign(ctx context.Context, pass access.Pass, visit string, in checkin.Signature) error
	Here(ctx context.Context, pass access.Pass, visit string) error
}

type points interface {
	Of(ctx context.Context, pass access.Pass) ([]contact.Point, error)
}

type openForms interface {
	Waiting(ctx context.Context, pass access.Pass, n int) ([]form.Ask, error)
}

func (p *Portal) checkInRoutes(both func(method, path string, h handler)) {
	both("GET", "/checkin/{id}", p.checkIn)
	both("GET", "/checkin/{id}/{step}", p.checkStep)
	both("POST", "/checkin/{id}/{step}", p.checkDone)
}

// checkState is how far checking in to a visit came.
type checkState struct {
	checkin.State
	Open  bool // it can be done now
	Steps []checkin.Step
	Next  checkin.Step // empty: all done
}

// checkState reads it.
func (p *Portal) checkState(r *http.Request, s sheet, pass access.Pass, v visit.Visit) (c checkState, err error) {
	if p.CheckIn == nil || !s.may(access.BookVisits) {
		return c, nil
	}
	if c.State, err = p.CheckIn.Store.Get(r.Context(), pass, v.ID); err != nil {
		return c, err
	}
	c.Open, c.Steps = checkin.Open(v, s.Now()), p.stepsOf(s)
	c.Next = c.State.Next(c.Steps)
	return c, nil
}

// stepsOf are the steps that the reader can do: who may not see medicines is
// not asked about them.
func (p *Portal) stepsOf(s sheet) []checkin.Step {
	return slices.DeleteFunc(slices.Clone(checkin.Steps), func(step checkin.Step) bool {
		switch step {
		case checkin.You:
			return !s.may(access.ReadContacts)
		case checkin.Insurance:
			return !s.may(access.SendMessages)
		case checkin.Medicines:
			return !s.may(access.ReadRecord) || !s.Actor.Sees(access.Medicines, s.Patient)
		case checkin.Forms:
			return p.CheckIn.Forms == nil || !s.may(access.SendMessages)
		}
		return false
	})
}

var errCheckClosed = errs.New(errs.NotFound, "Check-in for this visit is not open. It opens seven days before.")

// openCheck opens a page of checking in, with the passes that its step wants.
func (p *Portal) openCheck(r *http.Request, also ...access.Right) (sheet, access.Pass, visit.Visit, checkState, error) {
	s, pass, err := p.open(r, access.BookVisits, "Check in for your visit", "visits", also...)
	if err != nil {
		return s, pass, visit.Visit{}, checkState{}, err
	}
	v, err := p.Visits.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s, pass, v, checkState{}, s.orProve(err)
	}
	c, err := p.checkState(r, s, pass, v)
	if err == nil && !c.Open {
		err = errCheckClosed
	}
	return s, pass, v, c, err
}

// checkIn shows the steps, and leads on where one left off.
func (p *Portal) checkIn(w http.ResponseWriter, r *http.Request) error {
	s, _, v, c, err := p.openCheck(r)
	if err != nil {
		return err
	}
	return p.render(w, r, checkInPage(s, v, c))
}

// stepData is what a step shows.
type stepData struct {
	Step    checkin.Step
	N, Of   int
	Changes []checkin.Change // details as they are
	Taking  []checkin.Taking
	Also    string
	Forms   []form.Ask
	Paper   checkin.Paper
	Title   string // of the paper, in the reader's language
	Text    string
	Name    string
	Early   bool // it is too early to have come
	Problem string
}

// wants are the rights that a step needs beside booking.
func wants(step checkin.Step) []access.Right {
	switch step {
	case checkin.You:
		return []access.Right{access.ReadContacts}
	case checkin.Medicines:
		return []access.Right{access.ReadRecord}
	case checkin.Insurance, checkin.Forms:
		return []access.Right{access.SendMessages}
	}
	return nil
}

// stepOf opens the page of a step.
func (p *Portal) stepOf(r *http.Request) (s sheet, pass access.Pass, v visit.Visit, d stepData, err error) {
	step := checkin.Step(r.PathValue("step"))
	if p.CheckIn == nil || !slices.Contains(checkin.Steps, step) {
		return s, pass, v, d, errCheckClosed
	}
	s, pass, v, c, err := p.openCheck(r, wants(step)...)
	if err != nil {
		return s, pass, v, d, err
	}
	d = stepData{Step: step, N: slices.Index(c.Steps, step) + 1, Of: len(c.Steps)}
	if d.N == 0 {
		return s, pass, v, d, errCheckClosed
	}
	s.Title = s.T(checkTitle(step))
	return s, pass, v, d, p.fillStep(r, s, pass, v, &d)
}

// fillStep reads what the step asks about.
func (p *Portal) fillStep(r *http.Request, s sheet, pass access.Pass, v visit.Visit, d *stepData) (err error) {
	switch d.Step {
	case checkin.You:
		d.Changes, err = p.details(r, pass, s.also[access.ReadContacts])
	case checkin.Medicines:
		var list []medication.Medicine
		list, err = p.Medicines.List(r.Context(), s.also[access.ReadRecord], 100)
		for _, m := range list {
			if m.Current() {
				d.Taking = append(d.Taking, checkin.Taking{Ref: "MedicationRequest/" + m.ID, Name: m.Name})
			}
		}
	case checkin.Forms:
		d.Forms, err = p.CheckIn.Forms.Waiting(r.Context(), s.also[access.SendMessages], 20)
	case checkin.Sign:
		d.Paper, err = p.CheckIn.Store.Paper(r.Context())
		d.Title, d.Text = d.Paper.In(s.Lang.Tag())
	case checkin.Arrive:
		d.Early = v.Start.Sub(s.Now()) > visit.Early
	}
	return err
}

// details are what the record says about where somebody lives and how they
// are reached.
func (p *Portal) details(r *http.Request, pass, contacts access.Pass) ([]checkin.Change, error) {
	who, err := p.People.Get(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	list, err := p.CheckIn.Points.Of(r.Context(), contacts)
	if err != nil {
		return nil, err
	}
	now := map[string]string{"line": who.Line, "city": who.City, "state": who.State, "zip": who.Zip}
	for _, pt := range list {
		switch key := map[contact.Kind]string{contact.Email: "email", contact.SMS: "phone"}[pt.Kind]; {
		case key == "" || now[key] != "" || pt.Status != contact.Active:
		default:
			now[key] = pt.Value
		}
	}
	var out []checkin.Change
	for _, f := range checkin.Fields {
		out = append(out, checkin.Change{Field: f.Key, Was: now[f.Key], Now: now[f.Key]})
	}
	return out, nil
}

// checkStep shows one task.
func (p *Portal) checkStep(w http.ResponseWriter, r *http.Request) error {
	s, _, v, d, err := p.stepOf(r)
	if err != nil {
		return err
	}
	return p.render(w, r, stepPage(s, v, d))
}

// checkDone takes what was said, and leads to the next task.
func (p *Portal) checkDone(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, d, err := p.stepOf(r)
	if err != nil {
		return err
	}
	if err := p.finish(w, r, s, pass, v, &d); err != nil {
		kind := errs.KindOf(err)
		if kind != errs.Invalid && kind != errs.TooMany && kind != errs.Conflict {
			return err
		}
		d.Problem = s.T(errs.Say(err))
		s.Title = s.T("Please check: %s", s.Title)
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, statusOf(kind), stepPage(s, v, d))
	}
	if d.Step == checkin.Arrive {
		http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=arrived"), http.StatusSeeOther)
		return nil
	}
	c, err := p.checkState(r, s, pass, v)
	if err != nil {
		return err
	}
	next := "/checkin/" + v.ID
	if c.Next != "" && !c.Ready(c.Steps) {
		next += "/" + string(c.Next)
	}
	http.Redirect(w, r, s.Link(next), http.StatusSeeOther)
	return nil
}

// finish does the step.
func (p *Portal) finish(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, v visit.Visit, d *stepData) error {
	store := p.CheckIn.Store
	if d.Step == checkin.Insurance {
		return p.takeCard(w, r, s, pass, v)
	}
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	switch in := r.PostForm; d.Step {
	case checkin.You:
		for i := range d.Changes {
			d.Changes[i].Now = in.Get(d.Changes[i].Field)
		}
		return store.You(r.Context(), pass, v.ID, d.Changes)
	case checkin.Medicines:
		return p.takeMeds(r, pass, v, d, in)
	case checkin.Forms:
		return store.Forms(r.Context(), pass, v.ID)
	case checkin.Sign:
		d.Name = in.Get("name")
		var version int
		_, _ = fmt.Sscanf(in.Get("version"), "%d", &version) // what is no number is no version
		return store.Sign(r.Context(), pass, v.ID, checkin.Signature{Version: version, Lang: s.Lang.Tag(), Name: d.Name, Agree: in.Get("agree") == "yes"})
	}
	return store.Here(r.Context(), pass, v.ID)
}

func (p *Portal) takeMeds(r *http.Request, pass access.Pass, v visit.Visit, d *stepData, in url.Values) error {
	d.Also = in.Get("also")
	for i := range d.Taking {
		d.Taking[i].Answer = in.Get(d.Taking[i].Ref)
	}
	return p.CheckIn.Store.Meds(r.Context(), pass, v.ID, d.Taking, d.Also)
}

var errNoCard = errs.New(errs.Invalid, "Please take a photo of the front of your card, or say that nothing has changed.")

// takeCard takes the photos of a card.
func (p *Portal) takeCard(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, v visit.Visit) error {
	select {
	case p.taking <- struct{}{}:
		defer func() { <-p.taking }()
	default:
		return errBusy
	}
	p.Site.Large(w, r, 2*intake.MaxFile+1<<16)
	card, err := readCard(r)
	if err != nil {
		return err
	}
	if card.same == "yes" {
		card.front, card.back = nil, nil
	} else if len(card.front) == 0 {
		return errNoCard
	}
	return p.CheckIn.Store.Card(r.Context(), pass, s.also[access.SendMessages], v.ID, card.front, card.back)
}

type cardForm struct {
	same        string
	front, back []byte
}

// readCard reads the form part by part: the photos stay in memory.
func readCard(r *http.Request) (c cardForm, err error) {
	in, err := r.MultipartReader()
	if err != nil {
		return c, errNoCard.Because(err)
	}
	for range 6 { // the form has three
		part, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, tooLarge(err)
		}
		if err := c.read(part); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *cardForm) read(part *multipart.Part) error {
	limit := int64(64)
	if part.FormName() == "front" || part.FormName() == "back" {
		limit = intake.MaxFile + 1
	}
	body, err := io.ReadAll(io.LimitReader(part, limit))
	if err != nil {
		return tooLarge(err)
	}
	switch part.FormName() {
	case "same":
		c.same = string(body)
	case "front":
		c.front = body
	case "back":
		c.back = body
	}
	return nil
}

// checkTitle is what a step is called.
func checkTitle(step checkin.Step) string {
	switch step {
	case checkin.You:
		return "Are these details still right?"
	case checkin.Insurance:
		return "Your insurance card"
	case checkin.Medicines:
		return "Do you still take these?"
	case checkin.Forms:
		return "Forms for your visit"
	case checkin.Sign:
		return "Read and sign"
	}
	return "Tell us when you are here"
}

// stepName is what a step is called in the list of steps.
func stepName(step checkin.Step) string {
	switch step {
	case checkin.You:
		return "Your details"
	case checkin.Insurance:
		return "Insurance card"
	case checkin.Medicines:
		return "Your medicines"
	case checkin.Forms:
		return "Forms"
	case checkin.Sign:
		return "Sign"
	}
	return "Tell us when you are here"
}

// fieldComplete is what browsers fill into a field by themselves.
func fieldComplete(key string) (typ, complete string) {
	switch key {
	case "line":
		return "text", "street-address"
	case "city":
		return "text", "address-level2"
	case "state":
		return "text", "address-level1"
	case "zip":
		return "text", "postal-code"
	case "phone":
		return "tel", "tel"
	}
	return "email", "email"
}

// fieldLabel is the name of a field.
func fieldLabel(key string) string {
	for _, f := range checkin.Fields {
		if f.Key == key {
			return f.Name
		}
	}
	return key
}
