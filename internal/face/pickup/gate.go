package pickup

import (
	"errors"
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach/link"
)

// gateView is what the gate shows: nothing that depends on whether there is
// a link, and what the person just typed.
type gateView struct {
	web.View
	Token   string
	Button  bool // nothing to fill in: the form of the token, or the browser, is enough
	Typed   typed
	Wrong   *wrongBox
	Refused string // why the link did not open
	Ended   bool   // offer a new link first
	SignIn  bool   // the message is read after signing in
	Other   bool   // it opens in another browser only
	Code    bool   // offer a code, for the date did not do
}

// gate answers every token alike. It reads a table only for a browser that
// opened a link before, and then the same way for every token.
func (p *Pickup) gate(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	h := r.Header
	p.Links.Fetched(token, link.LookOf(r.Method, h.Get("User-Agent"), h.Get("Accept-Language"), h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Moz")))
	known, err := p.Links.Known(r.Context(), token, p.Site.Cookie(r, deviceCookie))
	if err != nil {
		return err
	}
	v := p.view(r, "A message for you")
	return p.Site.Render(w, r, http.StatusOK, gatePage(gateView{View: v, Token: token, Button: known || link.AsksNothing(token)}))
}

// open opens the link for who knows the date of birth, and leads to the
// message.
func (p *Pickup) open(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	token, device := r.PathValue("token"), p.Site.Cookie(r, deviceCookie)
	g := gateView{View: p.view(r, "A message for you"), Token: token}
	var born string
	if r.PostForm.Get("button") == "" {
		g.Typed = typed{r.PostForm.Get("m"), r.PostForm.Get("d"), r.PostForm.Get("y")}
		if born, g.Wrong = parseBorn(g.Typed, p.Site.Now()); g.Wrong != nil {
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, gatePage(g))
		}
	}
	o, err := p.Links.Open(r.Context(), token, born, device)
	if o.Died {
		if err := p.locked(r, o); err != nil {
			return err
		}
	}
	if err != nil {
		return p.refuse(w, r, g, err)
	}
	if !o.Waits {
		return p.letIn(w, r, o)
	}
	p.Site.SetCookie(w, sessionCookie, o.Session, int(link.CodeLife.Seconds()))
	if err := p.code(r, o, true); err != nil {
		return err
	}
	return see(w, r, "code")
}

// letIn leads who passed the second factor to the message.
func (p *Pickup) letIn(w http.ResponseWriter, r *http.Request, o link.Opened) error {
	p.Site.SetCookie(w, sessionCookie, o.Session, int(link.SessionLife.Seconds()))
	if o.Device != "" {
		p.Site.SetCookie(w, deviceCookie, o.Device, int(link.DeviceLife.Seconds()))
	}
	pass, err := p.act(r, o, access.ReadMessage, inside...)
	if err != nil {
		return err
	}
	if err := p.Reach.Passed(r.Context(), pass, o.Message, o.Factor, o.Browser, o.First); err != nil {
		return err
	}
	return see(w, r, "message")
}

// locked tells the staff of a link that somebody guessed at.
func (p *Pickup) locked(r *http.Request, o link.Opened) error {
	pass, err := p.act(r, o, access.EditContacts, access.EditContacts)
	if err != nil {
		return err
	}
	return p.Reach.Locked(r.Context(), pass, o.Message)
}

var errForm = errs.New(errs.Invalid, "We could not read that form. Please go back and try again.")

// refuse shows the gate again and says why.
func (p *Pickup) refuse(w http.ResponseWriter, r *http.Request, g gateView, err error) error {
	switch errs.KindOf(err) {
	case errs.Invalid, errs.NotFound, errs.TooMany, errs.Forbidden:
	default:
		return err
	}
	g.Code = !errors.Is(err, link.ErrAsk)
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, link.ErrGone):
		g.Ended, status = true, http.StatusNotFound
	case errors.Is(err, link.ErrLocked):
		g.Refused, status = errs.Say(err), http.StatusTooManyRequests
	case errors.Is(err, link.ErrOther):
		g.Refused, g.Other, status = errs.Say(err), true, http.StatusForbidden
	case errors.Is(err, link.ErrAsk):
		g.Button = false
	case errors.Is(err, link.ErrSignIn):
		g.SignIn, status = true, http.StatusForbidden
	default:
		g.Wrong = &wrongBox{"all", errs.Say(err)}
	}
	if !errors.Is(err, link.ErrAsk) {
		if !g.SignIn {
			p.limits.miss(p.Site.Remote(r))
		}
		if err := p.denied(r); err != nil {
			return err
		}
	}
	return p.Site.Render(w, r, status, gatePage(g))
}

// denied leaves an audit row for an answer that opened nothing, if there is
// such a link.
func (p *Pickup) denied(r *http.Request) error {
	o, err := p.Links.Whose(r.Context(), r.PathValue("token"))
	if errors.Is(err, link.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err = p.act(r, o, access.ReadMessage); errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

// question is a page that asks once before something is done.
type question struct {
	what                 string
	icon, title, text    string
	button, back, action string
}

// The questions. None of them depends on the link.
var (
	askCall = question{what: "call", icon: "phone", title: "Shall we call you?",
		text:   "We call the number we have for you, on a working day between 9 am and 5 pm.",
		button: "Yes, call me", back: "No, go back"}
	askNotMe = question{what: "not-me", icon: "user-round", title: "Is this not for you?",
		text:   "We will stop writing to this number or address about this. Nobody sees the message.",
		button: "Stop, this is not me", back: "Go back, it is me"}
	askStop = question{what: "stop", icon: "bell", title: "Stop these reminders?",
		text:   "We will not send you reminders like this one again. You still get news about your own visits and results.",
		button: "Stop these reminders", back: "No, keep them"}
)

func (p *Pickup) ask(q question) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := q
		q.action = r.URL.Path
		return p.Site.Render(w, r, http.StatusOK, askPage(p.view(r, q.title), r.PathValue("token"), q))
	}
}

// call leaves word that the person wants to be called.
func (p *Pickup) call(w http.ResponseWriter, r *http.Request) error {
	return p.leave(w, r, "call_wanted", "call", nil)
}

// notMe says that the number or address belongs to somebody else.
func (p *Pickup) notMe(w http.ResponseWriter, r *http.Request) error {
	return p.leave(w, r, "wrong_person", "not-me", nil)
}

// reminders is what a person who stops a message stops: its purpose, on
// every channel.
const reminders = "this"

// stop ends such reminders, by the page's button or by a mail program's one
// click (RFC 8058), which wants no page.
func (p *Pickup) stop(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	if r.PostForm.Get("List-Unsubscribe") != "One-Click" {
		return p.leave(w, r, "opted_out", "stop", reminders)
	}
	if err := p.mark(r, "opted_out", "one_click"); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("Done. You will not get reminders like this again.\n")) // the mail program may have gone
	return nil
}

// leave marks the link's message with kind and thanks. An unknown token is
// thanked as well.
func (p *Pickup) leave(w http.ResponseWriter, r *http.Request, kind, what string, data any) error {
	if err := p.mark(r, kind, data); err != nil {
		return err
	}
	return see(w, r, "thanks/"+what)
}

// mark marks the link's message without a second factor: whoever holds the
// link may say that it is not theirs, ask for a call, or stop it.
func (p *Pickup) mark(r *http.Request, kind string, data any) error {
	o, err := p.Links.Whose(r.Context(), r.PathValue("token"))
	if errors.Is(err, link.ErrGone) {
		p.limits.miss(p.Site.Remote(r))
		return nil
	}
	if err != nil {
		return err
	}
	pass, err := p.act(r, o, access.EditContacts, access.EditContacts)
	if err != nil {
		return err
	}
	return p.Reach.Mark(r.Context(), pass, o.Message, kind, data)
}

// fresh sends a new link to where the old one went. The answer is the same
// whether or not there was one.
func (p *Pickup) fresh(w http.ResponseWriter, r *http.Request) error {
	o, ok, err := p.Links.Fresh(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	if !ok {
		p.limits.miss(p.Site.Remote(r))
		return see(w, r, "thanks/fresh")
	}
	pass, err := p.act(r, o, access.EditContacts, access.EditContacts)
	if err != nil {
		return err
	}
	if err := p.Reach.Renew(r.Context(), pass, o.Message); err != nil {
		return err
	}
	return see(w, r, "thanks/fresh")
}

// thanked is what a page of thanks says.
type thanked struct{ title, text string }

func thanksFor(what string) (thanked, bool) {
	switch what {
	case "call":
		return thanked{"We will call you", "Our team calls you by the end of the next working day. You do not need to do anything."}, true
	case "not-me":
		return thanked{"Thank you for telling us", "We stop writing to this number or address about this. We are sorry for the bother."}, true
	case "stop":
		return thanked{"You will not get these again", "We stop these reminders. If you change your mind, call us or ask at your next visit."}, true
	case "reply":
		return thanked{"We have your answer", "Your care team reads it and writes back by the next working day. Is it urgent? Please call us."}, true
	case "cancel":
		return thanked{"Your visit is cancelled", "Thank you for telling us. Somebody else can have the time now."}, true
	case "elsewhere":
		return thanked{"Thank you, we noted it", "Your care team sees your answer. If we need proof of it, we ask the other clinic, not you."}, true
	case "fresh":
		return thanked{"Look for a new link", "If this link was yours, a new one is on its way to the same number or address. It takes a minute or two."}, true
	}
	return thanked{}, false
}

func (p *Pickup) thanks(w http.ResponseWriter, r *http.Request) error {
	t, ok := thanksFor(r.PathValue("what"))
	if !ok {
		return see(w, r, "")
	}
	return p.Site.Render(w, r, http.StatusOK, thanksPage(p.view(r, t.title), r.PathValue("token"), r.PathValue("what"), t))
}

// view returns the view of a page called title.
func (p *Pickup) view(r *http.Request, title string) web.View {
	v := p.Site.View(r, web.Lang(r).T(title), "")
	v.Card = web.Lang(r).T("Secure message")
	return v
}
