package portal

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
	"hale/internal/base/lang"
	"hale/internal/face/web"
	"hale/internal/store/audit"
)

// Helpers is what the portal needs of package proxy.
type Helpers interface {
	Of(ctx context.Context, pass access.Pass) ([]proxy.Proxy, error)
	Get(ctx context.Context, pass access.Pass, id string) (proxy.Proxy, error)
	Mine(ctx context.Context, a access.Actor) ([]proxy.Proxy, error)
	Narrowed(ctx context.Context, p proxy.Proxy) (proxy.Limits, error)
	NextAge(ctx context.Context, p proxy.Proxy) (proxy.Change, bool, error)
	Code(ctx context.Context, pass access.Pass, id string) (string, error)
	Invite(ctx context.Context, pass access.Pass, in proxy.Invite) (proxy.Sent, error)
	Again(ctx context.Context, pass access.Pass, id string) (proxy.Sent, error)
	Change(ctx context.Context, pass access.Pass, id string, l proxy.Limits) error
	Confirm(ctx context.Context, pass access.Pass, id string) error
	End(ctx context.Context, pass access.Pass, id, why string) error
	Leave(ctx context.Context, a access.Actor, patient string) error
	Asked(ctx context.Context, token string) error
	Prove(ctx context.Context, token, code string) (device string, err error)
	Offered(ctx context.Context, token, device string, by access.Actor) (proxy.Offer, error)
	Join(ctx context.Context, token, device string, a access.Actor) (proxy.Proxy, error)
	Refuse(ctx context.Context, token, device string) error
}

// Invitations sends the links of invitations on their way.
type Invitations interface {
	SendInvite(ctx context.Context, s proxy.Sent) error
}

// Rows is what the portal needs of package audit.
type Rows interface {
	Of(ctx context.Context, patient string, n int) ([]audit.Row, error)
}

var errForm = errs.New(errs.Invalid, "We could not read that form. Please send it again.")

// peopleRoutes are the pages about who helps whom.
func (p *Portal) peopleRoutes(mux web.Router) {
	on := func(pattern string, h handler) { mux.Handle(pattern, p.page(h)) }
	on("GET /people", p.helperList)
	on("GET /people/invite", p.inviteAsk)
	on("POST /people/invite", p.invite)
	on("GET /people/{id}", p.helper)
	on("GET /people/{id}/change", p.changeAsk)
	on("POST /people/{id}/change", p.change)
	on("POST /people/{id}/end", p.endHelper)
	on("POST /people/{id}/confirm", p.confirmHelper)
	on("POST /people/{id}/again", p.inviteAgain)
	on("GET /for/{patient}/help", p.myHelp)
	on("POST /for/{patient}/leave", p.leave)
	on("GET /join/{token}", p.joinAsk)
	on("POST /join/{token}/code", p.joinCode)
	on("GET /join/{token}/offer", p.joinOffer)
	on("POST /join/{token}/yes", p.joinYes)
	on("POST /join/{token}/no", p.joinNo)
}

// helperList shows who helps, and who did.
func (p *Portal) helperList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SeeProxies, "People who help you", "more")
	if err != nil {
		return err
	}
	list, err := p.Helpers.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	now, past := []proxy.Proxy{}, []proxy.Proxy{}
	for _, h := range list {
		if h.State.Open() {
			now = append(now, h)
		} else {
			past = append(past, h)
		}
	}
	slices.SortStableFunc(now, func(a, b proxy.Proxy) int { return rank(a.State) - rank(b.State) })
	return p.render(w, r, helpersPage(s, now, past))
}

// rank puts what needs the patient first.
func rank(s proxy.State) int {
	return slices.Index([]proxy.State{proxy.Joined, proxy.Active, proxy.Invited}, s)
}

// inviteForm is an invitation on its way through the pages.
type inviteForm struct {
	Step                        string // who, what, until, check
	Name, Address               string
	Template                    string
	Actions, Categories, Labels []string
	Until                       string // months as a number
	Problem                     string
}

// lengths are how long a helper can be asked to help, in months.
var lengths = []string{"1", "6", "12", "24", "60"}

func readInvite(form url.Values) inviteForm {
	f := inviteForm{Step: form.Get("step"), Name: strings.TrimSpace(form.Get("name")), Address: strings.TrimSpace(form.Get("address")), Template: form.Get("share"),
		Actions: form["action"], Categories: form["category"], Labels: form["label"], Until: form.Get("until")}
	if t, ok := proxy.TemplateOf(f.Template); ok {
		f.Actions, f.Categories, f.Labels = nil, nil, nil
		for _, a := range t.Actions {
			f.Actions = append(f.Actions, string(a))
		}
		for _, c := range t.Categories {
			f.Categories = append(f.Categories, string(c))
		}
	}
	return f
}

// limits are what the form comes to.
func (f inviteForm) limits(now time.Time) proxy.Limits {
	l := proxy.Limits{Labels: proxy.LabelsOf(f.Labels)}
	for _, a := range f.Actions {
		l.Actions = append(l.Actions, proxy.Action(a))
	}
	for _, c := range f.Categories {
		l.Categories = append(l.Categories, access.Category(c))
	}
	months := 0
	if i := slices.Index(lengths, f.Until); i >= 0 {
		months = []int{1, 6, 12, 24, 60}[i]
	}
	if months > 0 {
		l.Until = now.AddDate(0, months, 0)
	}
	return l
}

// inviteAsk is the first step: who.
func (p *Portal) inviteAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.ManageProxies, "Invite a helper", "more")
	if err != nil {
		return err
	}
	return p.render(w, r, askHelperPage(s, inviteForm{Step: "who"}))
}

// invite takes one step of the invitation; only the last one changes
// something.
func (p *Portal) invite(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ManageProxies, "Invite a helper", "more")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	f := readInvite(r.PostForm)
	switch f.Step {
	case "who":
		if f.Name == "" || f.Address == "" {
			f.Problem = s.T("Please write the name, and a phone number or an email address.")
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, askHelperPage(s, f))
		}
		f.Step = "what"
	case "what":
		if f.Template == "choose" {
			f.Step = "choose"
			break
		}
		f.Step = "until"
		if len(f.Categories) == 0 {
			f.Step, f.Problem = "what", s.T("Please choose what you want to share.")
		}
	case "choose":
		f.Step = "until"
		if len(f.Categories) == 0 {
			f.Step, f.Problem = "choose", s.T("Please choose at least one thing to share.")
		}
	case "until":
		f.Step = "check"
		if !slices.Contains(lengths, f.Until) {
			f.Step, f.Problem = "until", s.T("Please choose until when.")
		}
	case "send":
		return p.sendInvite(w, r, s, pass, f)
	default:
		f.Step = "who"
	}
	return p.render(w, r, askHelperPage(s, f))
}

func (p *Portal) sendInvite(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, f inviteForm) error {
	sent, err := p.Helpers.Invite(r.Context(), pass, proxy.Invite{Helper: f.Name, Address: f.Address, Limits: f.limits(p.Now())})
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		f.Step, f.Problem = "who", s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), askHelperPage(s, f))
	}
	if err != nil {
		return err
	}
	return p.dispatch(w, r, sent)
}

// dispatch sends the link and shows the code that goes with it.
func (p *Portal) dispatch(w http.ResponseWriter, r *http.Request, sent proxy.Sent) error {
	done := "invited"
	if err := p.Invited.SendInvite(r.Context(), sent); err != nil {
		if errs.KindOf(err) != errs.Unavailable {
			return err
		}
		done = "unsent"
	}
	http.Redirect(w, r, "/people/"+sent.ID+"?done="+done, http.StatusSeeOther)
	return nil
}

func (p *Portal) inviteAgain(w http.ResponseWriter, r *http.Request) error {
	_, pass, err := p.open(r, access.ManageProxies, "", "more")
	if err != nil {
		return err
	}
	sent, err := p.Helpers.Again(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.dispatch(w, r, sent)
}

// helperData is what the page of one helper shows.
type helperData struct {
	proxy.Proxy
	Now    proxy.Limits // what is open at the patient's age
	Code   string
	Done   string
	Lately []didRow
	Age    *proxy.Change
}

// didRow is something that a helper did.
type didRow struct {
	At    time.Time
	Words string
}

// helper shows one helper: what is shared, until when, and what they did.
func (p *Portal) helper(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SeeProxies, "Helper", "more")
	if err != nil {
		return err
	}
	d := helperData{Done: r.URL.Query().Get("done")}
	if d.Proxy, err = p.Helpers.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	if d.Now, err = p.Helpers.Narrowed(r.Context(), d.Proxy); err != nil {
		return err
	}
	if d.Code, err = p.Helpers.Code(r.Context(), pass, d.ID); err != nil {
		return err
	}
	if c, ok, err := p.Helpers.NextAge(r.Context(), d.Proxy); err != nil {
		return err
	} else if ok {
		d.Age = &c
	}
	if d.Lately, err = p.lately(r, s, d.Proxy); err != nil {
		return err
	}
	s.Title = d.Helper
	return p.render(w, r, helperPage(s, d))
}

// lately says what a helper looked at and did, the newest first, one line for
// each sort of thing and day.
func (p *Portal) lately(r *http.Request, s sheet, h proxy.Proxy) ([]didRow, error) {
	if h.Account == "" || p.Rows == nil {
		return nil, nil
	}
	rows, err := p.Rows.Of(r.Context(), h.Patient, 400)
	if err != nil {
		return nil, err
	}
	var list []didRow
	said := map[string]bool{}
	for _, row := range rows {
		words := didWords(s.Lang, row.Action)
		if row.Actor != h.Account || !row.Granted || words == "" {
			continue
		}
		key := row.At.In(s.Zone).Format(time.DateOnly) + words
		if said[key] || len(list) >= 12 {
			continue
		}
		said[key] = true
		list = append(list, didRow{row.At, words})
	}
	return list, nil
}

// didWords says in plain words what an audit row's action is; what matters to
// nobody is empty.
func didWords(l lang.Lang, action string) string {
	switch access.Right(action) {
	case access.ReadRecord:
		return l.T("Looked at the record")
	case access.ReadVisits:
		return l.T("Looked at visits")
	case access.BookVisits:
		return l.T("Booked, moved or cancelled a visit")
	case access.ReadMessages, access.ReadMessage:
		return l.T("Read messages")
	case access.SendMessages:
		return l.T("Wrote a message")
	case access.AskPrivacy:
		return l.T("Looked at privacy requests")
	case "proxy.join":
		return l.T("Said yes to helping")
	}
	return ""
}

// changeAsk is the form to share more or less.
func (p *Portal) changeAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, h, err := p.managed(r)
	if err != nil {
		return err
	}
	return p.render(w, r, changePage(s, h, ""))
}

// managed opens one helper for changes.
func (p *Portal) managed(r *http.Request) (s sheet, pass access.Pass, h proxy.Proxy, err error) {
	if s, pass, err = p.open(r, access.ManageProxies, "Change what is shared", "more"); err != nil {
		return s, pass, h, err
	}
	see, err := p.Doors.Check(r.Context(), web.Actor(r), access.SeeProxies, web.Subject(r))
	if err != nil {
		return s, pass, h, err
	}
	h, err = p.Helpers.Get(r.Context(), see, r.PathValue("id"))
	return s, pass, h, err
}

func (p *Portal) change(w http.ResponseWriter, r *http.Request) error {
	s, pass, h, err := p.managed(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	l := readInvite(r.PostForm).limits(p.Now())
	if l.Until.IsZero() {
		l.Until = h.Until
	}
	l.Actions = append(l.Actions, proxy.See)
	err = p.Helpers.Change(r.Context(), pass, h.ID, l)
	if errs.KindOf(err) == errs.Invalid {
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, changePage(s, h, s.T(errs.Say(err))))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/people/"+h.ID+"?done=changed", http.StatusSeeOther)
	return nil
}

// endHelper takes everything away, with one tap.
func (p *Portal) endHelper(w http.ResponseWriter, r *http.Request) error {
	_, pass, err := p.open(r, access.EndProxies, "", "more")
	if err != nil {
		return err
	}
	if err := p.Helpers.End(r.Context(), pass, r.PathValue("id"), ""); err != nil {
		return err
	}
	http.Redirect(w, r, "/people/"+r.PathValue("id")+"?done=ended", http.StatusSeeOther)
	return nil
}

func (p *Portal) confirmHelper(w http.ResponseWriter, r *http.Request) error {
	_, pass, err := p.open(r, access.ManageProxies, "", "more")
	if err != nil {
		return err
	}
	if err := p.Helpers.Confirm(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/people/"+r.PathValue("id")+"?done=confirmed", http.StatusSeeOther)
	return nil
}

// myHelp shows a helper what is shared with them, and the way out.
func (p *Portal) myHelp(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	list, err := p.Helpers.Mine(r.Context(), a)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(h proxy.Proxy) bool { return h.Patient == r.PathValue("patient") && h.State == proxy.Active })
	if i < 0 {
		return errNoPage
	}
	open, err := p.Helpers.Narrowed(r.Context(), list[i])
	if err != nil {
		return err
	}
	s := sheet{View: p.Site.View(r, web.Lang(r).T("What is shared with you"), "more"), Zone: p.Site.Clinic.Zone}
	return p.render(w, r, myHelpPage(s, list[i], open))
}

func (p *Portal) leave(w http.ResponseWriter, r *http.Request) error {
	if web.Actor(r).ID == "" {
		return errSignIn
	}
	if err := p.Helpers.Leave(r.Context(), web.Actor(r), r.PathValue("patient")); err != nil {
		return err
	}
	http.Redirect(w, r, "/for?done=left", http.StatusSeeOther)
	return nil
}
