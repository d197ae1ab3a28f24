package desk

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/causal"
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
	return d.showBasics(w, r, http.StatusOK, o, basicsForm{Name: o.Name, Purpose: o.Purpose})
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
	f := basicsForm{Name: field(in, "name"), Purpose: field(in, "purpose")}
	if f.Name == "" {
		f.NameErr = "Give it a name, like “Diabetic eye exam recall”."
	}
	purpose, ok := policy.PurposeOf(f.Purpose)
	if !ok || purpose.Key == "security" {
		f.PurposeErr = "Choose what it is for."
	}
	if f.NameErr+f.PurposeErr != "" {
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

func (d *Desk) showBasics(w http.ResponseWriter, r *http.Request, status int, o reach.Outreach, f basicsForm) error {
	for _, p := range policy.Purposes() {
		if p.Key != "security" {
			f.Purposes = append(f.Purposes, purposeOption{Key: p.Key, Name: p.Name, Words: purposeWords(p.Key), Holdout: p.Holdout})
		}
	}
	a := author(o, "basics")
	if f.NameErr+f.PurposeErr != "" {
		a.Err = strings.TrimSpace(f.NameErr + " " + f.PurposeErr)
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
	case "billing":
		return "About what is owed or was paid."
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
	v.Adds, v.Names, v.Languages = ingredients(), ingredientNames(), languageOptions()
	a := author(o, "audience")
	a.Err = why
	return d.Site.Render(w, r, status, audiencePage(d.view(r, "Who: "+o.Name, "outreach"), a, v))
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
	return append(groups, optionGroup{Title: "The person", Options: []option{{"age", "age"}, {"sex", "sex"}, {"lang", "language"}, {"city", "city"}, {"signed", "use of the portal"}}},
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
	}
	return l.Kind
}

func notValue(not bool) string {
	if not {
		return "1"
	}
	return "0"
}

// editPlan shows the experiment.
func (d *Desk) editPlan(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	v := planView{Percent: strings.TrimSuffix(percent(o.Holdout), " %"), Window: zeroBlank(o.WindowDays), Expire: zeroBlank(o.ExpireDays), Households: o.Households}
	return d.showPlan(w, r, http.StatusOK, pass, o, v)
}

// savePlan keeps the experiment.
func (d *Desk) savePlan(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	v := planView{Percent: field(in, "holdout"), Window: field(in, "window"), Expire: field(in, "expire"), Households: in.Get("households") == "1"}
	held, ok := parsePercent(v.Percent)
	if !ok || held > 0.5 {
		v.PercentErr = "Write a share from 0 to 50, like 10 or 2.5."
	}
	if p, known := policy.PurposeOf(o.Purpose); known && !p.Holdout {
		held, v.PercentErr = 0, ""
	}
	window, okWindow := parseDays(v.Window)
	if !okWindow {
		v.WindowErr = "Write days from 1 to 365."
	}
	expire, okExpire := parseDays(v.Expire)
	if !okExpire {
		v.ExpireErr = "Write days from 1 to 365."
	}
	if v.PercentErr+v.WindowErr+v.ExpireErr != "" {
		return d.showPlan(w, r, http.StatusUnprocessableEntity, pass, o, v)
	}
	o.Holdout, o.WindowDays, o.ExpireDays, o.Households = held, window, expire, v.Households
	if o, err = d.Reach.Save(r.Context(), pass, o); err != nil {
		return err
	}
	toStep(w, r, o, "check")
	return nil
}

// parsePercent reads a share as people write one: 10, 2.5, 2,5 or 10 %.
func parsePercent(text string) (float64, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	text = strings.Replace(text, ",", ".", 1)
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || v > 100 {
		return 0, false
	}
	return v / 100, true
}

// parseDays reads a number of days from 1 to 365.
func parseDays(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= 365
}

func (d *Desk) showPlan(w http.ResponseWriter, r *http.Request, status int, pass access.Pass, o reach.Outreach, v planView) error {
	n, err := d.Reach.Count(r.Context(), pass, o.Segment)
	if err != nil {
		return err
	}
	purpose, _ := policy.PurposeOf(o.Purpose)
	v.CanHold, v.PurposeName, v.Audience, v.Back = purpose.Holdout, "A message of the kind “"+purpose.Name+"”", n, path(o.ID)+"/edit/message"
	cur, _ := parsePercent(v.Percent)
	v.Rows, v.Base = powerRows(n, cur)
	a := author(o, "plan")
	a.Err = strings.TrimSpace(v.PercentErr + " " + v.WindowErr + " " + v.ExpireErr)
	return d.Site.Render(w, r, status, planPage(d.view(r, "Comparison: "+o.Name, "outreach"), a, v))
}

// base is how many of those held out are taken to act anyway.
const base = 0.2

// powerRows say what holding out a share costs and buys, for n patients.
func powerRows(n int, cur float64) ([]powerRow, string) {
	shares := []float64{0.05, 0.1, 0.2, 0.5}
	if cur > 0 && cur <= 0.5 && !slices.Contains(shares, cur) {
		shares = append(shares, cur)
		slices.Sort(shares)
	}
	var rows []powerRow
	for _, h := range shares {
		row := powerRow{Percent: percent(h), Held: int(math.Round(h * float64(n))), Smallest: "none", Current: h == cur}
		if mde := (causal.Plan{N: n, Holdout: h, Base: base}).MDE(); mde < 1-base {
			row.Smallest = strconv.FormatFloat(100*mde, 'f', 1, 64) + " pts"
		}
		rows = append(rows, row)
	}
	return rows, "The smallest effect that such a comparison finds four times out of five, if 20 of 100 patients would act without it. " +
		"Smaller effects may be there and stay hidden; more held out finds smaller ones, and costs more patients their message."
}
