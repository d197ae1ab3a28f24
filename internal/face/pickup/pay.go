package pickup

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/face/web"
	"hale/internal/reach/collect"
	"hale/internal/reach/link"
)

// bills is what paying by link needs of package bill.
type bills interface {
	TakesCards() bool
	Get(ctx context.Context, pass access.Pass, id string) (bill.Bill, error)
	Plan(ctx context.Context, pass access.Pass, id string) (bill.Plan, error)
	Begin(ctx context.Context, pass access.Pass, in bill.Order) (bill.Checkout, error)
	Checkout(ctx context.Context, pass access.Pass, id string) (bill.Checkout, error)
}

// targets says what a link is for.
type targets interface {
	Of(ctx context.Context, o link.Opened) (collect.Target, error)
}

// payCookie remembers, for the half hour of a link, which link it was: the
// one who takes cards is not told its token, and leads back without it.
const payCookie = "hale-pay"

// payRoutes are the pages on which somebody pays without an account.
func (p *Pickup) payRoutes(get, post func(path string, h handler)) {
	get("/pay", p.payCode)
	post("/pay", p.payFind)
	get("/pay/{token}", p.payGate)
	post("/pay/{token}", p.payOpen)
	get("/pay/{token}/bill", p.payBill)
	post("/pay/{token}/bill", p.payGo)
	get("/pay/{token}/done/{id}", p.payDone)
	get("/paid/{id}", p.payBack)
}

// payView is what the pages of paying show.
type payView struct {
	gateView
	Sum     money.Sum
	Number  string
	Title   string // of a plan or a bill; it says nothing of care
	Due     string
	Coming  money.Sum
	Cards   bool
	How     string
	Typed   string
	Problem string
	State   bill.State
	Left    bool
	Said    money.Sum
	Again   templ.SafeURL
	Bill    bool
}

// here is where the page of a payment is looked at again.
func (v payView) here() string {
	if v.Left {
		return string(v.Again) + "?left=1"
	}
	return web.Local(string(v.Again), "/pay")
}

// payAt returns the address of a page of paying.
func payAt(token, page string) templ.SafeURL {
	address := collect.Path + url.PathEscape(token)
	if page != "" {
		address += "/" + page
	}
	return templ.SafeURL(address)
}

func (p *Pickup) payFrame(r *http.Request, title string) payView {
	v := payView{Cards: p.Bills.TakesCards(), How: p.PayHow}
	v.View, v.Token = p.Site.View(r, web.Lang(r).T(title), ""), r.PathValue("token")
	v.View.Card = web.Lang(r).T("Pay a bill")
	return v
}

// payCode asks for the code that stands on a paper bill.
func (p *Pickup) payCode(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Render(w, r, http.StatusOK, payCodePage(p.payFrame(r, "Pay a bill")))
}

// payFind leads to the bill of a code. Whether there is one is not said.
func (p *Pickup) payFind(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	code := r.PostForm.Get("code")
	if i := strings.LastIndex(code, collect.Path); i >= 0 { // the whole address was typed
		code = code[i+len(collect.Path):]
	}
	code = strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return -1
	}, code)
	if code == "" || len(code) > 64 {
		v := p.payFrame(r, "Pay a bill")
		v.Problem = v.T("Please type the code from your bill.")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, payCodePage(v))
	}
	http.Redirect(w, r, string(payAt(code, "")), http.StatusSeeOther)
	return nil
}

// payGate answers every token alike.
func (p *Pickup) payGate(w http.ResponseWriter, r *http.Request) error {
	v := p.payFrame(r, "Pay a bill")
	h := r.Header
	p.Links.Fetched(v.Token, link.LookOf(r.Method, h.Get("User-Agent"), h.Get("Accept-Language"), h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Moz")))
	known, err := p.Links.Known(r.Context(), v.Token, p.Site.Cookie(r, deviceCookie))
	if err != nil {
		return err
	}
	v.Button = known
	return p.Site.Render(w, r, http.StatusOK, payGatePage(v))
}

// payOpen lets in who knows the date of birth.
func (p *Pickup) payOpen(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	v := p.payFrame(r, "Pay a bill")
	var born string
	if r.PostForm.Get("button") == "" {
		v.gateView.Typed = typed{r.PostForm.Get("m"), r.PostForm.Get("d"), r.PostForm.Get("y")}
		if born, v.Wrong = parseBorn(v.gateView.Typed, p.Site.Now()); v.Wrong != nil {
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, payGatePage(v))
		}
	}
	o, err := p.Links.Open(r.Context(), v.Token, born, p.Site.Cookie(r, deviceCookie))
	if err != nil {
		return p.payRefuse(w, r, v, err)
	}
	if o.Waits { // a message that asks for a code, too, is opened as such
		return see(w, r, "")
	}
	p.Site.SetCookie(w, sessionCookie, o.Session, int(link.SessionLife.Seconds()))
	p.Site.SetCookie(w, payCookie, v.Token, int(link.SessionLife.Seconds()))
	if o.Device != "" {
		p.Site.SetCookie(w, deviceCookie, o.Device, int(link.DeviceLife.Seconds()))
	}
	http.Redirect(w, r, string(payAt(v.Token, "bill")), http.StatusSeeOther)
	return nil
}

// payRefuse shows the gate again and says why.
func (p *Pickup) payRefuse(w http.ResponseWriter, r *http.Request, v payView, err error) error {
	status := http.StatusUnprocessableEntity
	switch kind := errs.KindOf(err); {
	case errors.Is(err, link.ErrAsk):
		v.Button = false
		return p.Site.Render(w, r, status, payGatePage(v))
	case errors.Is(err, link.ErrGone), errors.Is(err, link.ErrSignIn):
		v.Ended, status = true, http.StatusNotFound
	case errors.Is(err, link.ErrLocked), kind == errs.Forbidden:
		v.Refused, status = errs.Say(err), http.StatusTooManyRequests
	case kind == errs.Invalid:
		v.Wrong = &wrongBox{"all", errs.Say(err)}
	default:
		return err
	}
	p.limits.miss(p.Site.Remote(r))
	if err := p.denied(r); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, payGatePage(v))
}

// payEnter returns what the link of the request is for, which this browser
// opened within the last half hour.
func (p *Pickup) payEnter(r *http.Request) (v payView, t collect.Target, pass access.Pass, err error) {
	v = p.payFrame(r, "Your bill")
	o, err := p.Links.Session(r.Context(), v.Token, p.Site.Cookie(r, sessionCookie))
	if err != nil {
		return v, t, pass, err
	}
	if pass, err = p.act(r, o, access.PayBills, access.PayBills); err != nil {
		return v, t, pass, err
	}
	if t, err = p.Collect.Of(r.Context(), o); err != nil {
		return v, t, pass, err
	}
	if t.Plan != "" {
		return v, t, pass, p.payPlan(r, pass, t, &v)
	}
	b, err := p.Bills.Get(r.Context(), pass, t.Bill)
	if err != nil {
		return v, t, pass, err
	}
	v.Sum, v.Number, v.Coming, v.Bill = b.Left(), b.Number, b.Coming, true
	if !b.Due.IsZero() {
		v.Due = v.Lang.ShortDate(b.Due.In(p.Site.Clinic.Zone))
	}
	return v, t, pass, nil
}

func (p *Pickup) payPlan(r *http.Request, pass access.Pass, t collect.Target, v *payView) error {
	plan, err := p.Bills.Plan(r.Context(), pass, t.Plan)
	if err != nil {
		return err
	}
	if next := plan.Next(); next != nil && plan.State == bill.PlanAgreed {
		v.Sum, v.Due = next.Left, v.Lang.ShortDate(next.Due.In(p.Site.Clinic.Zone))
	}
	return nil
}

// payBill shows what is needed to pay, and nothing of what it is for.
func (p *Pickup) payBill(w http.ResponseWriter, r *http.Request) error {
	v, _, _, err := p.payEnter(r)
	if errors.Is(err, link.ErrGone) {
		http.Redirect(w, r, string(payAt(v.Token, "")), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	p.Site.SetCookie(w, payCookie, v.Token, int(link.SessionLife.Seconds()))
	p.payLeads(w)
	return p.Site.Render(w, r, http.StatusOK, payBillPage(v))
}

// payLeads lets the form lead to the page where cards are taken.
func (p *Pickup) payLeads(w http.ResponseWriter) {
	web.Leads(w, "https://checkout.stripe.com", p.Base)
}

// payGo leads to the page where cards are taken.
func (p *Pickup) payGo(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	v, t, pass, err := p.payEnter(r)
	if errors.Is(err, link.ErrGone) {
		http.Redirect(w, r, string(payAt(v.Token, "")), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	sum := v.Sum
	if v.Bill && r.PostForm.Get("what") == "part" {
		v.Typed = r.PostForm.Get("amount")
		if len(v.Typed) > 20 {
			v.Typed = ""
		}
		if sum, err = money.Typed(v.Typed, v.Sum.Currency); err != nil {
			sum = money.Sum{Currency: v.Sum.Currency}
		}
	}
	c, err := p.Bills.Begin(r.Context(), pass, bill.Order{Bill: t.Bill, Plan: t.Plan, Sum: sum, Way: "link", Back: p.Base + "/paid/", Lang: v.Lang.Tag()})
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict || kind == errs.Unavailable) {
		v.Problem = v.T(errs.Say(err))
		p.payLeads(w)
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, payBillPage(v))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, c.Address, http.StatusSeeOther)
	return nil
}

// payBack is where the one who takes cards leads back to.
func (p *Pickup) payBack(w http.ResponseWriter, r *http.Request) error {
	token := p.Site.Cookie(r, payCookie)
	if token == "" {
		v := p.payFrame(r, "Your payment")
		v.State = bill.Going
		return p.Site.Render(w, r, http.StatusOK, payDonePage(v))
	}
	to := string(payAt(token, "done/"+url.PathEscape(r.PathValue("id"))))
	if r.URL.Query().Get("left") != "" {
		to += "?left=1"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// payDone says how a payment stands.
func (p *Pickup) payDone(w http.ResponseWriter, r *http.Request) error {
	v, _, pass, err := p.payEnter(r)
	if errors.Is(err, link.ErrGone) {
		http.Redirect(w, r, string(payAt(v.Token, "")), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	c, err := p.Bills.Checkout(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	v.State, v.Said, v.Left = c.State, c.Said, r.URL.Query().Get("left") != ""
	v.Again = payAt(v.Token, "done/"+url.PathEscape(c.ID))
	if c.State == bill.Paid {
		v.Number = c.ID
	}
	v.Title = doneTitle(v)
	v.View.Title = v.Title
	return p.Site.Render(w, r, http.StatusOK, payDonePage(v))
}

// doneTitle says in a few words how a payment stands.
func doneTitle(v payView) string {
	switch v.State {
	case bill.Paid:
		return v.T("Thank you. Your payment arrived")
	case bill.Ended:
		return v.T("Nothing was paid")
	case bill.Failed:
		return v.T("The payment did not go through")
	case bill.Unfit:
		return v.T("We are looking at your payment")
	}
	if v.Left && v.State == bill.Going {
		return v.T("You have not paid yet")
	}
	return v.T("We wait for confirmation of your payment")
}

// owes says whether a message is about a bill.
func (p *Pickup) owes(r *http.Request, o link.Opened) (bool, error) {
	if p.Bills == nil || p.Collect == nil {
		return false, nil
	}
	_, err := p.Collect.Of(r.Context(), o)
	if errs.KindOf(err) == errs.NotFound {
		return false, nil
	}
	return err == nil, err
}
