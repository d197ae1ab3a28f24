package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/proxy"
	"hale/internal/base/errs"
)

// Helpers is what the desk needs of package proxy.
type Helpers interface {
	Of(ctx context.Context, pass access.Pass) ([]proxy.Proxy, error)
	Get(ctx context.Context, pass access.Pass, id string) (proxy.Proxy, error)
	Whose(ctx context.Context, id string) (string, error)
	Due(ctx context.Context, pass access.Pass, within time.Duration) ([]proxy.Task, error)
	Code(ctx context.Context, pass access.Pass, id string) (string, error)
	NextAge(ctx context.Context, p proxy.Proxy) (proxy.Change, bool, error)
	Narrowed(ctx context.Context, p proxy.Proxy) (proxy.Limits, error)
	Invite(ctx context.Context, pass access.Pass, in proxy.Invite) (proxy.Sent, error)
	Again(ctx context.Context, pass access.Pass, id string) (proxy.Sent, error)
	End(ctx context.Context, pass access.Pass, id, why string) error
	Reviewed(ctx context.Context, pass access.Pass, id string, next time.Time) error
	Block(ctx context.Context, pass access.Pass, account, reason string) error
	Unblock(ctx context.Context, pass access.Pass, account, reason string) error
	Blocks(ctx context.Context, pass access.Pass) ([]proxy.Block, error)
}

// Invitations sends the links of invitations on their way.
type Invitations interface {
	SendInvite(ctx context.Context, s proxy.Sent) error
}

// helperRoutes are the pages about caregivers.
func (d *Desk) helperRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/proxies", d.listHelpers)
	page("GET /desk/proxies/{id}", d.showHelper)
	page("POST /desk/proxies/{id}/end", d.endHelper)
	page("POST /desk/proxies/{id}/again", d.inviteAgain)
	page("POST /desk/proxies/{id}/review", d.reviewHelper)
	page("POST /desk/proxies/{id}/block", d.blockHelper)
	page("GET /desk/patients/{id}/proxies", d.patientHelpers)
	page("GET /desk/patients/{id}/proxies/new", d.newHelper)
	page("POST /desk/patients/{id}/proxies/new", d.addHelper)
	page("POST /desk/patients/{id}/proxies/unblock", d.unblockHelper)
}

// dueWithin is how far ahead the list of caregivers looks.
const dueWithin = 60 * 24 * time.Hour

// helperItem is one caregiver of a list.
type helperItem struct {
	Href, Who, Sub string
	Chip, Tone     string
}

// listHelpers shows the caregivers that somebody has to look at.
func (d *Desk) listHelpers(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	if !opens(r, access.SeeProxies) {
		return errNowhere
	}
	tasks, err := d.Helpers.Due(r.Context(), pass, dueWithin)
	if err != nil {
		return err
	}
	var rows []helperItem
	for _, t := range tasks {
		rows = append(rows, d.dueItem(t))
	}
	return d.Site.Render(w, r, http.StatusOK, helpersPage(d.view(r, "Caregivers", "today"), rows))
}

func (d *Desk) dueItem(t proxy.Task) helperItem {
	row := helperItem{Href: "/desk/proxies/" + t.ID, Who: t.Helper + " for " + t.Name}
	switch t.What {
	case "waiting":
		row.Sub, row.Chip, row.Tone = "Joined "+d.day(t.At)+"; the patient has not said yes", "Waits", "watch"
	case "review":
		row.Sub, row.Chip, row.Tone = "Look at the "+t.Paper+" again by "+d.day(t.At), "Review", "watch"
		if t.At.Before(d.now()) {
			row.Chip, row.Tone = "Review overdue", "act"
		}
	case "age":
		row.Sub, row.Chip = "On "+d.day(t.At)+" the patient turns "+intText(t.Age.Age)+": some parts close", "Age"
		if t.Age.Ends {
			row.Sub = "On " + d.day(t.At) + " the patient turns " + intText(t.Age.Age) + ": it ends"
		}
	}
	return row
}

// opened opens one caregiver's page for right.
func (d *Desk) opened(r *http.Request, right access.Right) (access.Pass, string, error) {
	patient, err := d.Helpers.Whose(r.Context(), r.PathValue("id"))
	if err != nil {
		return access.Pass{}, "", err
	}
	pass, err := d.one(r, right, patient)
	return pass, patient, err
}

// helperView is one caregiver.
type helperView struct {
	proxy.Proxy
	Name, Patient string // of the patient
	Code          string
	Facts         [][2]string
	Shares        []string
	Said, Err     string
	Manage, Stop  bool
	ReviewDay     string
}

// showHelper shows one caregiver, and what the office can do.
func (d *Desk) showHelper(w http.ResponseWriter, r *http.Request) error {
	return d.renderHelper(w, r, http.StatusOK, saidOfHelper(r.URL.Query().Get("note")), "")
}

func (d *Desk) renderHelper(w http.ResponseWriter, r *http.Request, status int, said, problem string) error {
	pass, patient, err := d.opened(r, access.SeeProxies)
	if err != nil {
		return err
	}
	v := helperView{Said: said, Err: problem, Patient: patient, Manage: opens(r, access.ManageProxies), Stop: opens(r, access.EndProxies)}
	if v.Proxy, err = d.Helpers.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	if v.Name, err = d.nameOf(r, patient); err != nil {
		return err
	}
	if v.Code, err = d.Helpers.Code(r.Context(), pass, v.ID); err != nil {
		return err
	}
	now, err := d.Helpers.Narrowed(r.Context(), v.Proxy)
	if err != nil {
		return err
	}
	next, narrows, err := d.Helpers.NextAge(r.Context(), v.Proxy)
	if err != nil {
		return err
	}
	v.Shares = shareWords(now)
	v.Facts = d.helperFacts(v.Proxy)
	if narrows {
		v.Facts = append(v.Facts, [2]string{"Changes by age", d.day(next.At) + ", at " + intText(next.Age)})
	}
	v.ReviewDay = d.now().AddDate(1, 0, 0).Format(time.DateOnly)
	return d.Site.Render(w, r, status, helperPage(d.view(r, v.Helper, "patients"), v))
}

// nameOf names a patient to whoever finds patients.
func (d *Desk) nameOf(r *http.Request, patient string) (string, error) {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return "", err
	}
	list, err := d.Patients.Named(r.Context(), pass, []string{patient})
	if err != nil || len(list) == 0 {
		return "A patient", err
	}
	return list[0].Full, nil
}

func (d *Desk) helperFacts(p proxy.Proxy) [][2]string {
	facts := [][2]string{{"State", helperState(p.State)}, {"Why", basisWord(p.Basis)}, {"Document", p.Paper}, {"Where it is kept", p.PaperNote},
		{"Invited", d.day(p.Made) + " at " + phoneWords(p.Address)}}
	if !p.Since.IsZero() {
		facts = append(facts, [2]string{"Since", d.day(p.Since)})
	}
	if p.State.Open() {
		facts = append(facts, [2]string{"Until", d.day(p.Until)})
		if !p.Review.IsZero() {
			facts = append(facts, [2]string{"Look again by", d.day(p.Review)})
		}
	} else if !p.Ended.IsZero() {
		facts = append(facts, [2]string{"Ended", d.day(p.Ended)}, [2]string{"Because", p.EndedWhy})
	}
	return slices.DeleteFunc(facts, func(f [2]string) bool { return f[1] == "" })
}

func helperState(s proxy.State) string {
	switch s {
	case proxy.Joined:
		return "Waits for the patient’s yes"
	case proxy.Active:
		return "Helps"
	}
	return sentenceCase(string(s))
}

func basisWord(b access.Basis) string {
	switch b {
	case access.AsParent:
		return "Parent"
	case access.AsGuardian:
		return "Guardian"
	case access.ByProxy:
		return "Power of attorney"
	}
	return "The patient asked"
}

// categoryWord names a part of the record.
func categoryWord(c access.Category) string { return sentenceCase(string(c)) }

// shareWords says what is open, and what may be done.
func shareWords(l proxy.Limits) []string {
	var list []string
	for _, c := range l.Categories {
		list = append(list, categoryWord(c))
	}
	for _, name := range proxy.NamesOf(l.Labels) {
		list = append(list, "Private topic: "+strings.ReplaceAll(name, "-", " "))
	}
	if l.May(proxy.Book) {
		list = append(list, "May book, move and cancel visits")
	}
	if l.May(proxy.Write) {
		list = append(list, "May write to the care team")
	}
	return list
}

func saidOfHelper(note string) string {
	switch note {
	case "invited":
		return "The invitation is on its way. Tell the caregiver the code below in person or by phone."
	case "unsent":
		return "The invitation is made, but the link could not be sent. Try again later."
	case "ended":
		return "It has ended. The caregiver is shut out from the next click on."
	case "blocked":
		return "The caregiver is kept out of this record, whatever is granted."
	case "reviewed":
		return "The next review is set."
	}
	return ""
}

// helperDone goes back to the caregiver's page, or says there what was wrong.
func (d *Desk) helperDone(w http.ResponseWriter, r *http.Request, note string, err error) error {
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.renderHelper(w, r, http.StatusUnprocessableEntity, "", errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/proxies/"+r.PathValue("id")+"?note="+note, http.StatusSeeOther)
	return nil
}

func (d *Desk) endHelper(w http.ResponseWriter, r *http.Request) error {
	pass, _, err := d.opened(r, access.EndProxies)
	if err != nil {
		return err
	}
	why := strings.TrimSpace(r.PostFormValue("why"))
	if why == "" {
		return d.helperDone(w, r, "", errs.New(errs.Invalid, "Please write why it ends."))
	}
	return d.helperDone(w, r, "ended", d.Helpers.End(r.Context(), pass, r.PathValue("id"), why))
}

func (d *Desk) inviteAgain(w http.ResponseWriter, r *http.Request) error {
	pass, _, err := d.opened(r, access.ManageProxies)
	if err != nil {
		return err
	}
	sent, err := d.Helpers.Again(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return d.helperDone(w, r, "", err)
	}
	return d.helperDone(w, r, d.dispatch(r, sent), nil)
}

// dispatch sends the link and says how that went.
func (d *Desk) dispatch(r *http.Request, sent proxy.Sent) (note string) {
	if err := d.Invited.SendInvite(r.Context(), sent); err != nil {
		return "unsent"
	}
	return "invited"
}

func (d *Desk) reviewHelper(w http.ResponseWriter, r *http.Request) error {
	pass, _, err := d.opened(r, access.ManageProxies)
	if err != nil {
		return err
	}
	day, err := time.ParseInLocation(time.DateOnly, r.PostFormValue("day"), d.Site.Clinic.Zone)
	if err != nil {
		return d.helperDone(w, r, "", errs.New(errs.Invalid, "Please choose a day."))
	}
	return d.helperDone(w, r, "reviewed", d.Helpers.Reviewed(r.Context(), pass, r.PathValue("id"), day))
}

// blockHelper keeps a caregiver out, as an order says.
func (d *Desk) blockHelper(w http.ResponseWriter, r *http.Request) error {
	pass, patient, err := d.opened(r, access.EndProxies)
	if err != nil {
		return err
	}
	see, err := d.one(r, access.SeeProxies, patient)
	if err != nil {
		return err
	}
	p, err := d.Helpers.Get(r.Context(), see, r.PathValue("id"))
	if err != nil {
		return err
	}
	return d.helperDone(w, r, "blocked", d.Helpers.Block(r.Context(), pass, p.Account, r.PostFormValue("why")))
}

// patientHelpersView is who helps one patient.
type patientHelpersView struct {
	Name, Patient, Err string
	Rows               []helperItem
	Blocks             []proxy.Block
	Manage             bool
}

// patientHelpers shows who helps one patient, and who is kept out.
func (d *Desk) patientHelpers(w http.ResponseWriter, r *http.Request) error {
	patient := r.PathValue("id")
	pass, err := d.one(r, access.SeeProxies, patient)
	if err != nil {
		return err
	}
	list, err := d.Helpers.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	v := patientHelpersView{Patient: patient, Manage: opens(r, access.ManageProxies)}
	if v.Name, err = d.nameOf(r, patient); err != nil {
		return err
	}
	if v.Blocks, err = d.Helpers.Blocks(r.Context(), pass); err != nil {
		return err
	}
	for _, p := range list {
		v.Rows = append(v.Rows, caregiverItem(p))
	}
	return d.Site.Render(w, r, http.StatusOK, patientHelpersPage(d.view(r, "Caregivers of "+v.Name, "patients"), v))
}

// addForm is the form for a new caregiver.
type addForm struct {
	Name, Patient, Err string
	In                 url.Values
}

// Has says whether the box was ticked.
func (f addForm) Has(name, value string) bool { return slices.Contains(f.In[name], value) }

func (d *Desk) newHelper(w http.ResponseWriter, r *http.Request) error {
	return d.helperForm(w, r, http.StatusOK, "", url.Values{"category": {"visits", "medicines"}, "action": {"book"}})
}

func (d *Desk) helperForm(w http.ResponseWriter, r *http.Request, status int, problem string, in url.Values) error {
	patient := r.PathValue("id")
	if _, err := d.one(r, access.ManageProxies, patient); err != nil {
		return err
	}
	name, err := d.nameOf(r, patient)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, status, addHelperPage(d.view(r, "Add a caregiver", "patients"), addForm{Name: name, Patient: patient, Err: problem, In: in}))
}

// addHelper invites a caregiver for a patient.
func (d *Desk) addHelper(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.ManageProxies, r.PathValue("id"))
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	inv := proxy.Invite{Helper: in.Get("name"), Address: in.Get("address"), Basis: access.Basis(in.Get("basis")), Paper: in.Get("paper"), PaperNote: in.Get("note"),
		Confirm: in.Get("confirm") != ""}
	for _, c := range in["category"] {
		inv.Categories = append(inv.Categories, access.Category(c))
	}
	for _, a := range in["action"] {
		inv.Actions = append(inv.Actions, proxy.Action(a))
	}
	if day, err := time.ParseInLocation(time.DateOnly, in.Get("until"), d.Site.Clinic.Zone); err == nil {
		inv.Until = day.AddDate(0, 0, 1)
	}
	sent, err := d.Helpers.Invite(r.Context(), pass, inv)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.helperForm(w, r, http.StatusUnprocessableEntity, errs.Say(err), in)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/proxies/"+sent.ID+"?note="+d.dispatch(r, sent), http.StatusSeeOther)
	return nil
}

func (d *Desk) unblockHelper(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.ManageProxies, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := d.Helpers.Unblock(r.Context(), pass, r.PostFormValue("account"), r.PostFormValue("why")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"/proxies", http.StatusSeeOther)
	return nil
}

// helperRows are the caregivers that need somebody today.
func (d *Desk) helperRows(r *http.Request) ([]taskRow, error) {
	if d.Helpers == nil || !may(r, access.FindPatients) || !opens(r, access.SeeProxies) {
		return nil, nil
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	tasks, err := d.Helpers.Due(r.Context(), pass, proxy.Ahead)
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	return []taskRow{{Href: "/desk/proxies", Icon: "heart-handshake", N: len(tasks), Title: "Caregivers to look at", Sub: "Birthdays that change something, papers to review, a yes that is missing"}}, nil
}
