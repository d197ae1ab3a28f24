package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
)

var errNotDraft = errs.New(errs.Conflict, "This outreach has started, so it cannot be changed. Duplicate it to send something else.")

// draft returns the draft that the page is about, and the pass that opened
// it.
func (d *Desk) draft(r *http.Request) (reach.Outreach, access.Pass, error) {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return reach.Outreach{}, pass, err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err == nil && o.State != reach.Draft {
		err = errNotDraft
	}
	return o, pass, err
}

// stepKeys are the steps of writing an outreach, in order.
func stepKeys() []option {
	return []option{{"basics", "What for"}, {"audience", "Who"}, {"message", "Message"}, {"plan", "Comparison"}, {"check", "Dry run and send"}}
}

// doneStep says whether a step of o has been filled in.
func doneStep(o reach.Outreach, key string) bool {
	switch key {
	case "basics":
		return o.Name != "" && o.Purpose != ""
	case "audience":
		return !isEveryone(o.Segment)
	case "message":
		return len(o.Template.Parts) > 0
	case "plan":
		return o.WindowDays > 0 && doneStep(o, "message")
	}
	return false
}

// firstOpen is the step at which a draft goes on.
func firstOpen(o reach.Outreach) string {
	for _, s := range stepKeys() {
		if !doneStep(o, s.Value) {
			return s.Value
		}
	}
	return "check"
}

// author is the frame of a step.
func author(o reach.Outreach, key string) authorView {
	a := authorView{ID: o.ID, Name: o.Name, Step: key}
	for i, s := range stepKeys() {
		step := authorStep{Key: s.Value, Title: s.Text, N: i + 1, Current: s.Value == key, State: "todo"}
		if o.ID != "" {
			step.Href = path(o.ID) + "/edit/" + s.Value
			if doneStep(o, s.Value) {
				step.State = "done"
			}
		}
		a.Steps = append(a.Steps, step)
	}
	return a
}

// toStep sends the browser to a step of o.
func toStep(w http.ResponseWriter, r *http.Request, o reach.Outreach, key string) {
	http.Redirect(w, r, path(o.ID)+"/edit/"+key, http.StatusSeeOther)
}

// form parses what the browser sent.
func form(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("desk: form: %w", errs.New(errs.Invalid, "We could not read that form. Please send it again.").Because(err))
	}
	return r.PostForm, nil
}

// newOutreach asks for a name and a purpose.
func (d *Desk) newOutreach(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	return d.showBasics(w, r, http.StatusOK, reach.Outreach{}, basicsForm{Purpose: "care"})
}

// createOutreach makes the draft.
func (d *Desk) createOutreach(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o := reach.Outreach{State: reach.Draft, Holdout: 0.1, WindowDays: 90, ExpireDays: 30, CreatedBy: web.Actor(r).ID}
	return d.keepBasics(w, r, pass, o)
}

// editBasics shows the first step of a draft.
func (d *Desk) editBasics(w http.ResponseWriter, r *http.Request) error {
	o, _, err := d.draft(r)
	if err != nil {
		return err
	}
	return d.showBasics(w, r, http.StatusOK, o, basicsForm{Name: o.Name, Purpose: o.Purpose, Permit: string(o.Exception), Paid: o.Paid})
}

// saveBasics keeps the first step of a draft.
func (d *Desk) saveBasics(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	return d.keepBasics(w, r, pass, o)
}

// keepBasics puts a name and a purpose into o and keeps it.
func (d *Desk) keepBasics(w http.ResponseWriter, r *http.Request, pass access.Pass, o reach.Outreach) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	f := basicsForm{Name: field(in, "name"), Purpose: field(in, "purpose"), Permit: field(in, "permit"), Paid: in.Get("paid") == "1"}
	if f.Name == "" {
		f.NameErr = "Give it a name, like “Diabetic eye exam recall”."
	}
	purpose, ok := policy.PurposeOf(f.Purpose)
	if !ok || purpose.Key == "security" {
		f.PurposeErr = "Choose what it is for."
	}
	o.Exception, o.Paid = "", false
	if purpose.Authorization { // of no other purpose does it say anything
		o.Exception, o.Paid = reach.Exception(f.Permit), f.Paid
		if f.Paid && f.Permit != "" {
			f.PermitErr = "Somebody pays the clinic for this offer: then only patients who signed for that may get it."
		} else if !slices.ContainsFunc(permits, func(p option) bool { return p.Value == f.Permit }) {
			f.PermitErr = "Choose by what the offer is allowed."
		}
	}
	if f.NameErr+f.PurposeErr+f.PermitErr != "" {
		return d.showBasics(w, r, http.StatusUnprocessableEntity, o, f)
	}
	o.Name, o.Purpose = f.Name, purpose.Key
	if !purpose.Holdout {
		o.Holdout = 0
	}
	if len(o.Template.Parts) == 0 {
		o.Template.Sensitivity = purpose.Sensitivity
	}
	o.Template.Sensitivity = max(o.Template.Sensitivity, purpose.Sensitivity)
	o, err = d.Reach.Save(r.Context(), pass, o)
	if err != nil {
		return err
	}
	toStep(w, r, o, "audience")
	return nil
}

// permits are by what an offer may be allowed.
//
// Spec: 45 CFR 164.501 (marketing), 45 CFR 164.508(a)(3)
var permits = []option{
	{"", "The patient has signed that offers may come"},
	{string(reach.ForTreatment), "It is about this patient’s own treatment, and nobody pays the clinic for it"},
	{string(reach.ForRefill), "It is about a medicine that they take or took until 90 days ago, and the clinic gets its costs at most"},
}

func (d *Desk) showBasics(w http.ResponseWriter, r *http.Request, status int, o reach.Outreach, f basicsForm) error {
	for _, p := range policy.Purposes() {
		if p.Key != "security" {
			f.Purposes = append(f.Purposes, purposeOption{Key: p.Key, Name: p.Name, Words: purposeWords(p.Key), Holdout: p.Holdout})
		}
	}
	a, err := d.framed(r, author(o, "basics"))
	if err != nil {
		return err
	}
	if f.NameErr+f.PurposeErr+f.PermitErr != "" {
		a.Err = strings.Join(strings.Fields(f.NameErr+" "+f.PurposeErr+" "+f.PermitErr), " ")
	}
	title := "New outreach"
	if o.Name != "" {
		title = o.Name
	}
	return d.Site.Render(w, r, status, basicsPage(d.view(r, title, "outreach"), a, f))
}

// purposeWords says what a purpose means for the patient.
func purposeWords(key string) string {
	switch key {
	case "care":
		return "Care that is due or helps: an exam, a vaccine, a check. Needs no permission beyond the patient's own choices."
	case "appointment":
		return "About a visit that is planned, moved or should be."
	case "clinical_result":
		return "Something in the record is ready to be read."
	case "refill":
		return "About a medicine that runs out or is ready."
	case "billing":
		return "About what is owed or was paid."
	case "admin":
		return "About the office: its hours, a new number, a form that is missing."
	case "safety":
		return "Something that may harm, and what to do about it. People cannot stop these as a topic."
	case "recall":
		return "A medicine or a device that is called back. People cannot stop these as a topic."
	case "emergency":
		return "Danger to life or health right now. Goes at any hour."
	case "education":
		return "Health information for a group, with nothing to do right now."
	case "survey":
		return "Questions to patients."
	case "marketing":
		return "Anything you would call an offer. Goes only to patients who signed a permission for marketing."
	}
	return ""
}

// editAudience shows the segment as a form.
func (d *Desk) editAudience(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	a, ok := fromExpr(o.Segment)
	v := audienceView{Form: a, Foreign: !ok}
	if !ok {
		if err := d.countInto(r, pass, &v, o.Segment); err != nil {
			return err
		}
		return d.showAudience(w, r, http.StatusOK, o, v, "")
	}
	return d.tryAudience(w, r, pass, o, a)
}

// saveAudience keeps the segment, or changes the form by one line.
func (d *Desk) saveAudience(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	a, do := parseAudience(in), in.Get("do")
	if a.edit(do, in) || do == "count" {
		return d.tryAudience(w, r, pass, o, a)
	}
	if _, shown := fromExpr(o.Segment); !shown && a.lines() == 0 {
		toStep(w, r, o, "message") // kept as it is
		return nil
	}
	e, ok := a.expr(knownConcept)
	if !ok || a.lines() == 0 {
		v := audienceView{Form: a}
		why := "Some lines are not complete; each says what is missing."
		if a.lines() == 0 {
			why = "Add at least one condition. An outreach to everyone has to say so: add an age from 0."
		}
		if err := d.countInto(r, pass, &v, e); err != nil {
			return err
		}
		return d.showAudience(w, r, http.StatusUnprocessableEntity, o, v, why)
	}
	o.Segment = e
	if o, err = d.Reach.Save(r.Context(), pass, o); err != nil {
		return err
	}
	toStep(w, r, o, "message")
	return nil
}

// tryAudience shows a form with how many people it finds.
func (d *Desk) tryAudience(w http.ResponseWriter, r *http.Request, pass access.Pass, o reach.Outreach, a audience) error {
	e, _ := a.expr(knownConcept)
	v := audienceView{Form: a}
	if err := d.countInto(r, pass, &v, e); err != nil {
		return err
	}
	return d.showAudience(w, r, http.StatusOK, o, v, "")
}

// countAudience is the fragment that htmx asks for after each change.
func (d *Desk) countAudience(w http.ResponseWriter, r *http.Request) error {
	_, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	a := parseAudience(in)
	e, ok := a.expr(knownConcept)
	var v audienceView
	if err := d.countInto(r, pass, &v, e); err != nil {
		return err
	}
	if !ok {
		v.CountErr = "Lines that are not complete are left out."
	}
	return d.Site.Render(w, r, http.StatusOK, people(v))
}

// countInto says in v whom e is and how many that is.
func (d *Desk) countInto(r *http.Request, pass access.Pass, v *audienceView, e segment.Expr) error {
	v.Sentence = sentenceOf(e)
	n, err := d.Reach.Count(r.Context(), pass, e)
	switch {
	case errs.KindOf(err) == errs.Invalid:
		v.Count, v.CountErr = "–", errs.Say(err)
		return nil
	case err != nil:
		return err
	}
	v.Count = patients(n)
	return nil
}

func (d *Desk) showAudience(w http.ResponseWriter, r *http.Request, status int, o reach.Outreach, v audienceView, why string) error {
	v.Href, v.Back = path(o.ID)+"/edit/audience", path(o.ID)+"/edit/basics"
	if err := d.fillAudience(r, &v); err != nil {
		return err
	}
	a, err := d.framed(r, author(o, "audience"))
	if err != nil {
		return err
	}
	a.Err = why
	return d.Site.Render(w, r, status, audiencePage(d.view(r, "Who: "+o.Name, "outreach"), a, v))
}

// fillAudience adds what lines can be about.
func (d *Desk) fillAudience(r *http.Request, v *audienceView) error {
	v.Adds, v.Names, v.Languages = ingredients(), ingredientNames(), languageOptions()
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Reach.List(r.Context(), pass)
	if err != nil {
		return err
	}
	v.Outreach = []option{{"", "any message"}}
	for _, o := range list {
		if o.State != reach.Draft {
			v.Outreach = append(v.Outreach, option{o.ID, o.Name})
		}
	}
	return nil
}

// factOptions are the values that a fact can be asked for.
func factOptions(s segment.Sort) []option {
	list := []option{{"", "choose"}}
	for _, o := range s.Options {
		list = append(list, option{o.Value, o.Words})
	}
	return list
}

// sentenceOf reads a segment back, as a whole sentence.
func sentenceOf(e segment.Expr) string { return sentence(segment.Sentence(e)) }

func knownConcept(key string) bool {
	_, ok := segment.ConceptOf(key)
	return ok
}

// ingredients is what a line can be added about, by kind.
func ingredients() []optionGroup {
	groups := []optionGroup{{Title: "Conditions"}, {Title: "Procedures"}, {Title: "Tests and readings"}, {Title: "Vaccines"}, {Title: "Medicines"}}
	at := map[string]int{"Condition": 0, "Procedure": 1, "Observation": 2, "Immunization": 3, "MedicationRequest": 4}
	for _, c := range segment.Concepts() {
		g := &groups[at[c.Type]]
		g.Options = append(g.Options, option{"has:" + c.Key, c.Words})
	}
	groups = slices.DeleteFunc(groups, func(g optionGroup) bool { return len(g.Options) == 0 })
	groups = append(groups, optionGroup{Title: "The person", Options: []option{{"age", "age"}, {"sex", "sex"}, {"lang", "language"}, {"city", "city"}, {"signed", "use of the portal"}}})
	for _, s := range segment.Facts() {
		i := slices.IndexFunc(groups, func(g optionGroup) bool { return g.Title == s.Group })
		if i < 0 {
			i = len(groups)
			groups = append(groups, optionGroup{Title: s.Group})
		}
		groups[i].Options = append(groups[i].Options, option{"fact:" + s.Key, s.Words})
	}
	return append(groups,
		optionGroup{Title: "Other", Options: []option{{"code", "something else, by its code"}}})
}

func ingredientNames() map[string]string {
	names := map[string]string{}
	for _, c := range segment.Concepts() {
		names[c.Key] = c.Words
	}
	return names
}

// languageOptions are the languages a person may prefer.
func languageOptions() []option {
	return []option{{"", "choose"}, {"en", "English"}, {"es", "Spanish"}, {"zh", "Chinese"}, {"vi", "Vietnamese"}, {"ar", "Arabic"}, {"pl", "Polish"},
		{"tl", "Tagalog"}, {"ko", "Korean"}, {"ru", "Russian"}, {"fr", "French"}, {"pt", "Portuguese"}, {"hi", "Hindi"}, {"he", "Hebrew"}, {"th", "Thai"}}
}

// ingredientName is what a line is about.
func ingredientName(key string, names map[string]string) string {
	if n := names[key]; n != "" {
		return n
	}
	return key
}

// whatOf is an ingredient inside its line: no article after "has no".
func whatOf(l line, names map[string]string) string {
	name := ingredientName(l.Value, names)
	if l.Not {
		return strings.TrimPrefix(strings.TrimPrefix(name, "an "), "a ")
	}
	return name
}

// lineLabel names a line for those who do not see it.
func lineLabel(l line, names map[string]string) string {
	switch l.Kind {
	case "has":
		return ingredientName(l.Value, names)
	case "code":
		if l.Label != "" {
			return l.Label
		}
		return "something by its code"
	case "signed":
		return "use of the portal"
	case "lang":
		return "language"
	case "fact":
		s, _ := segment.SortOf(l.Value)
		return s.Words
	}
	return l.Kind
}

func notValue(not bool) string {
	if not {
		return "1"
	}
	return "0"
}
