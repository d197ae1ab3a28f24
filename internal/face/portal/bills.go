package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/care/task"
	"hale/internal/face/web"
)

// Bills is what the portal needs of package bill.
type Bills interface {
	TakesCards() bool
	List(ctx context.Context, pass access.Pass, n int) ([]bill.Bill, error)
	Get(ctx context.Context, pass access.Pass, id string) (bill.Bill, error)
	Benefits(ctx context.Context, pass access.Pass, n int) ([]bill.Benefit, error)
	Payments(ctx context.Context, pass access.Pass, bill string) ([]bill.Payment, error)
	Begin(ctx context.Context, pass access.Pass, in bill.Order) (bill.Checkout, error)
	Checkout(ctx context.Context, pass access.Pass, id string) (bill.Checkout, error)
	Receipts(ctx context.Context, pass access.Pass, n int) ([]bill.Receipt, error)
	Receipt(ctx context.Context, pass access.Pass, number string) (bill.Receipt, error)
	Propose(ctx context.Context, pass access.Pass, monthly money.Sum) (bill.Plan, []bill.Bill, error)
	AskPlan(ctx context.Context, pass access.Pass, monthly money.Sum, words string) (bill.Plan, error)
	Plans(ctx context.Context, pass access.Pass) ([]bill.Plan, error)
	Plan(ctx context.Context, pass access.Pass, id string) (bill.Plan, error)
}

// billRoutes are the pages about money.
func (p *Portal) billRoutes(both func(method, path string, h handler)) {
	see := func(h handler) handler { return p.shared(access.Bills, access.PayBills, h) }
	both("GET", "/bills", see(p.billList))
	both("GET", "/bills/{id}", see(p.bill))
	both("GET", "/bills/pay/{id}", see(p.payAsk))
	both("POST", "/bills/pay/{id}", see(p.pay))
	both("GET", "/bills/payments/{id}", see(p.payBack))
	both("GET", "/bills/receipts", see(p.receipts))
	both("GET", "/bills/receipts/{number}", see(p.receipt))
	both("GET", "/bills/receipts/{number}/file", see(p.receiptFile))
	both("GET", "/bills/plan/{id}", see(p.payPlan))
	both("GET", "/bills/plan/{id}/pay", see(p.payPartAsk))
	both("POST", "/bills/plan/{id}/pay", see(p.payPart))
	if p.Tasks != nil {
		both("GET", "/bills/plan", see(p.planAsk))
		both("POST", "/bills/plan", see(p.planSend))
		both("GET", "/bills/help", see(p.billHelpAsk))
		both("POST", "/bills/help", see(p.billHelp))
	}
}

// How much the pages list.
const (
	billMost    = 200
	benefitMost = 60
)

// billsData is what the list shows.
type billsData struct {
	Balance  []money.Sum
	Open     []bill.Bill
	Past     []bill.Bill
	Benefits []bill.Benefit // of no bill that is listed
	Plan     *bill.Plan     // that is asked for, or runs
	Receipts bool
	Cards    bool
	Asks     bool
	Prices   bool
	How      string
	Updated  time.Time
}

// billList lists what is owed, and what was.
func (p *Portal) billList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.PayBills, "Bills", "more")
	if err != nil {
		return err
	}
	d := billsData{Cards: p.Bills.TakesCards(), Asks: p.Tasks != nil, Prices: p.Prices != nil && p.Tasks != nil, How: p.PayHow}
	list, err := p.Bills.List(r.Context(), pass, billMost)
	if err != nil {
		return err
	}
	benefits, err := p.Bills.Benefits(r.Context(), pass, benefitMost)
	if err != nil {
		return err
	}
	d.Balance = bill.Balance(list)
	used := map[string]bool{}
	for _, b := range list {
		used[b.Account] = true
		if d.Updated.Before(b.Updated) {
			d.Updated = b.Updated
		}
		if b = b.With(benefits); b.Open() {
			d.Open = append(d.Open, b)
		} else {
			d.Past = append(d.Past, b)
		}
		d.Receipts = d.Receipts || b.Paid.Cents != 0
	}
	slices.SortStableFunc(d.Open, func(a, b bill.Bill) int { return dueFirst(a.Due, b.Due) })
	d.Benefits = slices.DeleteFunc(benefits, func(e bill.Benefit) bool { return e.Account != "" && used[e.Account] })
	plans, err := p.Bills.Plans(r.Context(), pass)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(plans, func(x bill.Plan) bool { return x.State == bill.PlanAsked || x.State == bill.PlanAgreed }); i >= 0 {
		d.Plan = &plans[i]
	}
	return p.render(w, r, billsPage(s, d))
}

// dueFirst puts what has no day last.
func dueFirst(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

// billData is what the page of a bill shows.
type billData struct {
	Bill     bill.Bill
	Payments []bill.Payment
	Cards    bool
	Asks     bool
	How      string
	Typed    string // the amount somebody typed
	Problem  string
}

func (p *Portal) openBill(r *http.Request, title string) (s sheet, pass access.Pass, d billData, err error) {
	s, pass, err = p.open(r, access.PayBills, title, "more")
	if err != nil {
		return s, pass, d, err
	}
	if d.Bill, err = p.Bills.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return s, pass, d, s.orProve(err)
	}
	d.Cards, d.Asks, d.How = p.Bills.TakesCards(), p.Tasks != nil, p.PayHow
	return s, pass, d, nil
}

// bill is one bill: what it is for, and what became of each part of it.
func (p *Portal) bill(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openBill(r, "Your bill")
	if err != nil {
		return err
	}
	benefits, err := p.Bills.Benefits(r.Context(), pass, benefitMost)
	if err != nil {
		return err
	}
	d.Bill = d.Bill.With(benefits)
	if d.Payments, err = p.Bills.Payments(r.Context(), pass, d.Bill.ID); err != nil {
		return err
	}
	return p.render(w, r, billPage(s, d))
}

// payAsk asks how much of a bill to pay.
func (p *Portal) payAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openBill(r, "Pay this bill")
	if err != nil {
		return err
	}
	if !d.Cards || !d.Bill.Open() {
		http.Redirect(w, r, s.Link("/bills/"+d.Bill.ID), http.StatusSeeOther)
		return nil
	}
	p.leads(w)
	return p.render(w, r, payPage(s, d))
}

// stripePage is where Stripe's own page is.
const stripePage = "https://checkout.stripe.com"

// leads lets the form of a response lead to the page where cards are taken.
func (p *Portal) leads(w http.ResponseWriter) { web.Leads(w, stripePage, p.Base) }

// pay leads to the page where cards are taken.
func (p *Portal) pay(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openBill(r, "Pay this bill")
	if err != nil {
		return err
	}
	sum := d.Bill.Left()
	if r.FormValue("what") == "part" {
		d.Typed = typedText(r.FormValue("amount"), 20)
		if sum, err = money.Typed(d.Typed, sum.Currency); err != nil {
			sum = money.Sum{Currency: d.Bill.Left().Currency}
		}
	}
	back := p.Base + s.Link("/bills/payments/")
	c, err := p.Bills.Begin(r.Context(), pass, bill.Order{Bill: d.Bill.ID, Sum: sum, Way: "portal", Back: back, Lang: s.Lang.Tag()})
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict || kind == errs.Unavailable) {
		d.Problem = s.T(errs.Say(err))
		p.leads(w)
		return p.Site.Render(w, r, statusOf(kind), payPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, c.Address, http.StatusSeeOther)
	return nil
}

// typedText is what somebody typed, shortened to n bytes.
func typedText(text string, n int) string {
	if text = strings.TrimSpace(strings.ToValidUTF8(text, "")); len(text) > n {
		return strings.ToValidUTF8(text[:n], "")
	}
	return text
}

// backData is what shows after the card page.
type backData struct {
	Checkout bill.Checkout
	Left     bool // the person came back without paying
	Number   string
}

// payBack says how a payment stands: it is paid when the one who takes cards
// says so, and not because somebody came back.
func (p *Portal) payBack(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.PayBills, "Your payment", "more")
	if err != nil {
		return err
	}
	d := backData{Left: r.URL.Query().Get("left") != ""}
	if d.Checkout, err = p.Bills.Checkout(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	if d.Checkout.State == bill.Paid {
		list, err := p.Bills.Receipts(r.Context(), pass, billMost)
		if err != nil {
			return err
		}
		for _, one := range list {
			if one.Parts[0].Checkout == d.Checkout.ID {
				d.Number = one.Number
			}
		}
	}
	s.Title = backTitle(s, d)
	return p.render(w, r, payBackPage(s, d))
}

// backTitle says in a few words how a payment stands.
func backTitle(s sheet, d backData) string {
	switch d.Checkout.State {
	case bill.Paid:
		return s.T("Thank you. Your payment arrived")
	case bill.Ended:
		return s.T("Nothing was paid")
	case bill.Failed:
		return s.T("The payment did not go through")
	case bill.Unfit:
		return s.T("We are looking at your payment")
	}
	if d.Left && d.Checkout.State == bill.Going {
		return s.T("You have not paid yet")
	}
	return s.T("We wait for confirmation of your payment")
}

// receipts lists what was paid.
func (p *Portal) receipts(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.PayBills, "Receipts", "more")
	if err != nil {
		return err
	}
	list, err := p.Bills.Receipts(r.Context(), pass, billMost)
	if err != nil {
		return err
	}
	return p.render(w, r, receiptsPage(s, list))
}

func (p *Portal) openReceipt(r *http.Request) (s sheet, one bill.Receipt, name string, err error) {
	s, pass, err := p.open(r, access.PayBills, "Receipt", "more")
	if err != nil {
		return s, one, "", err
	}
	if one, err = p.Bills.Receipt(r.Context(), pass, r.PathValue("number")); err != nil {
		return s, one, "", err
	}
	who, err := p.person(r, pass)
	return s, one, who.Full, err
}

// receipt is one of them, to print.
func (p *Portal) receipt(w http.ResponseWriter, r *http.Request) error {
	s, one, name, err := p.openReceipt(r)
	if err != nil {
		return err
	}
	return p.render(w, r, receiptPage(s, one, name))
}

// receiptFile is the same to keep.
func (p *Portal) receiptFile(w http.ResponseWriter, r *http.Request) error {
	s, one, name, err := p.openReceipt(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="receipt-`+one.Number+`.txt"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(receiptText(s, one, name))) // the reader may have gone
	return nil
}

// receiptText is a receipt in plain words.
func receiptText(s sheet, one bill.Receipt, name string) string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\r\n") }
	line(s.T("Receipt"), one.Number)
	line(s.Site.Clinic.Name)
	if s.Site.Clinic.Address != "" {
		line(s.Site.Clinic.Address)
	}
	line()
	line(s.T("For"), name)
	line(s.T("Paid on %s", s.day(one.At)))
	line(s.T("How"), paidWords(s, one.Kind))
	line()
	for _, part := range one.Parts {
		line(billTitle(s, part.Title)+":", part.Sum.String())
	}
	line(s.T("Together"), one.Sum.String())
	if one.Back.Cents > 0 {
		line(s.T("Paid back to you since"), one.Back.String())
	}
	return b.String()
}

// paidWords says how something was paid.
func paidWords(s sheet, k bill.Kind) string {
	switch k {
	case bill.Card:
		return s.T("By card")
	case bill.Cash:
		return s.T("In cash")
	case bill.Check:
		return s.T("By check")
	case bill.WriteOff:
		return s.T("Forgiven by the clinic")
	case bill.Refund:
		return s.T("Paid back to you")
	case bill.Dispute:
		return s.T("Taken back by the bank")
	}
	return s.T("Paid another way")
}

// billTitle is what a bill is called.
func billTitle(s sheet, title string) string {
	if title == "" {
		return s.T("Care at %s", s.Site.Clinic.Name)
	}
	return title
}

// helpReasons are what somebody may ask for, in order.
func helpReasons() [][2]string {
	return [][2]string{
		{"lower", "I cannot pay this. Can it be lower?"}, {"time", "I need more time"},
		{"insurance", "My insurance should have paid"}, {"wrong", "Something on the bill looks wrong"},
	}
}

// helpData is the form that asks for help.
type helpData struct {
	Bills   []bill.Bill
	Bill    string
	Reason  string
	Words   string
	People  string
	Problem string
	By      time.Time // an answer is there by then
}

func (p *Portal) openHelp(r *http.Request) (s sheet, pass access.Pass, d helpData, err error) {
	if s, pass, err = p.open(r, access.PayBills, "Ask for help with a bill", "more"); err != nil {
		return s, pass, d, err
	}
	list, err := p.Bills.List(r.Context(), pass, billMost)
	for _, b := range list {
		if b.Open() {
			d.Bills = append(d.Bills, b)
		}
	}
	return s, pass, d, err
}

func (p *Portal) billHelpAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openHelp(r)
	if err != nil {
		return err
	}
	d.Bill = r.URL.Query().Get("bill")
	return p.render(w, r, billHelpPage(s, d))
}

// billHelp asks the clinic for help with a bill.
func (p *Portal) billHelp(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openHelp(r)
	if err != nil {
		return err
	}
	d.Bill, d.Reason, d.Words, d.People = r.FormValue("bill"), r.FormValue("reason"), typedText(r.FormValue("words"), 2000), typedText(r.FormValue("people"), 3)
	i := slices.IndexFunc(helpReasons(), func(one [2]string) bool { return one[0] == d.Reason })
	if i < 0 {
		d.Problem = s.T("Please choose what you need.")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, billHelpPage(s, d))
	}
	in := task.New{Kind: task.Bill, Title: helpReasons()[i][1], Text: d.Words, Values: map[string]string{"reason": d.Reason}}
	if d.People != "" {
		in.Values["people in the home"] = d.People
	}
	if at := slices.IndexFunc(d.Bills, func(b bill.Bill) bool { return b.ID == d.Bill }); at >= 0 {
		in.Focus, in.Values["owed"] = "Invoice/"+d.Bill, d.Bills[at].Left().String()
	}
	t, err := p.Tasks.Ask(r.Context(), pass, in)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany || kind == errs.Conflict) {
		d.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), billHelpPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/requests/"+t.ID+"?done=asked"), http.StatusSeeOther)
	return nil
}

// billNeeds asks to pay what is due, for the home page.
func (p *Portal) billNeeds(r *http.Request, s sheet) ([]need, error) {
	pass, ok := s.also[access.PayBills]
	if p.Bills == nil || !ok {
		return nil, nil
	}
	list, err := p.Bills.List(r.Context(), pass, 20)
	if err != nil {
		return nil, err
	}
	var needs []need
	for _, b := range list {
		soon := b.Open() && !b.Due.IsZero() && b.Due.Before(s.Now().Add(14*24*time.Hour))
		if !soon || b.Coming.Cents > 0 || len(needs) == 2 {
			continue
		}
		words := s.T("Due on %s", s.day(b.Due))
		if b.Late(s.Now()) {
			words = s.T("Was due on %s", s.day(b.Due))
		}
		needs = append(needs, need{Href: s.Link("/bills/" + b.ID), Icon: "file-text", Title: s.T("You owe %s", b.Left().String()), Sub: words, Button: s.T("See the bill")})
	}
	return needs, nil
}
