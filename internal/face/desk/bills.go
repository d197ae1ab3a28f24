package desk

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/base/seal"
	"hale/internal/care/bill"
	"hale/internal/care/task"
	"hale/internal/reach/collect"
)

// Bills is what the desk needs of package bill.
type Bills interface {
	TakesCards() bool
	Counts(ctx context.Context, pass access.Pass) (bill.Count, error)
	Owed(ctx context.Context, pass access.Pass, n int) ([]bill.Bill, error)
	Over(ctx context.Context, pass access.Pass, n int) ([]bill.Bill, error)
	Unfits(ctx context.Context, pass access.Pass, n int) ([]bill.Checkout, error)
	Failures(ctx context.Context, pass access.Pass, n int) ([]bill.Failure, error)
	SettleFailure(ctx context.Context, pass access.Pass, id string) error
	PlansOpen(ctx context.Context, pass access.Pass, n int) ([]bill.Plan, error)
	PlanWhose(ctx context.Context, pass access.Pass, id string) (string, error)
	Reconcile(ctx context.Context, pass access.Pass, since time.Time, n int) (bill.Reconciliation, error)
	List(ctx context.Context, pass access.Pass, n int) ([]bill.Bill, error)
	Get(ctx context.Context, pass access.Pass, id string) (bill.Bill, error)
	Payments(ctx context.Context, pass access.Pass, bill string) ([]bill.Payment, error)
	Plans(ctx context.Context, pass access.Pass) ([]bill.Plan, error)
	Plan(ctx context.Context, pass access.Pass, id string) (bill.Plan, error)
	Take(ctx context.Context, pass access.Pass, in bill.Taking) (number string, err error)
	Accept(ctx context.Context, pass access.Pass, checkout string) error
	Decide(ctx context.Context, pass, answers access.Pass, id string, agree bool, words string) error
	EndPlan(ctx context.Context, pass access.Pass, id string) error
}

// Collect brings patients to their bills.
type Collect interface {
	Link(ctx context.Context, pass access.Pass, t collect.Target) (address string, err error)
	Send(ctx context.Context, pass access.Pass, t collect.Target) error
}

// billRoutes are the pages about money.
func (d *Desk) billRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/bills", d.listBills)
	page("GET /desk/bills/compare", d.compareBills)
	page("GET /desk/bills/plans/{id}", d.showPayPlan)
	page("POST /desk/bills/plans/{id}", d.decidePayPlan)
	page("GET /desk/patients/{id}/bills", d.patientBills)
	page("GET /desk/patients/{id}/bills/{bill}", d.showBill)
	page("POST /desk/patients/{id}/bills/{bill}/take", d.takePayment)
	page("POST /desk/patients/{id}/bills/{bill}/send", d.sendBill)
	page("POST /desk/patients/{id}/bills/{bill}/link", d.linkBill)
	page("POST /desk/patients/{id}/payments/{payment}/accept", d.acceptPayment)
	page("POST /desk/patients/{id}/refunds/{refund}/settle", d.settleRefund)
}

const billsPath = "/desk/bills"

// billsMost is how much one list shows.
const billsMost = 100

// moneyRow is one line about money.
type moneyRow struct {
	Href, Who, Sub string
	Sum            string
	Chip, Tone     string
	Action, Do     string // a form's address and its button; empty: none
}

// deskBillsView is the first page.
type deskBillsView struct {
	Count                     bill.Count
	Plans, Owed, Over, Unfits []moneyRow
	Failed                    []moneyRow // refunds
	Cards, Prices             bool
	Said                      string
}

// listBills shows what the desk has to do about money.
func (d *Desk) listBills(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerBills)
	if err != nil {
		return err
	}
	v := deskBillsView{Cards: d.Bills.TakesCards(), Prices: d.Prices != nil, Said: billSaid(r.URL.Query().Get("note"))}
	if v.Count, err = d.Bills.Counts(r.Context(), pass); err != nil {
		return err
	}
	for _, fill := range []func(*http.Request, access.Pass, *deskBillsView) error{d.fillPlans, d.fillOwed, d.fillUnfit, d.fillFailed} {
		if err := fill(r, pass, &v); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, http.StatusOK, deskBillsPage(d.view(r, "Bills", "bills"), v))
}

func (d *Desk) fillPlans(r *http.Request, pass access.Pass, v *deskBillsView) error {
	plans, err := d.Bills.PlansOpen(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	ids := make([]string, len(plans))
	for i, p := range plans {
		ids[i] = p.Patient
	}
	names, err := d.payers(r, ids)
	for _, p := range plans {
		row := moneyRow{Href: billsPath + "/plans/" + p.ID, Who: names[p.Patient], Sum: p.Total.String(), Chip: "To decide", Tone: "watch"}
		row.Sub = p.Monthly.String() + " a month, " + counted(len(p.Parts), "part", "parts") + ", asked " + d.day(p.Asked)
		if p.State == bill.PlanAgreed {
			row.Chip, row.Tone = "Runs", "good"
		}
		if p.Late(d.now()) {
			row.Chip, row.Tone = "Part past due", "act"
		}
		v.Plans = append(v.Plans, row)
	}
	return err
}

func (d *Desk) fillOwed(r *http.Request, pass access.Pass, v *deskBillsView) error {
	owed, err := d.Bills.Owed(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	over, err := d.Bills.Over(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	var ids []string
	for _, b := range append(append([]bill.Bill(nil), owed...), over...) {
		ids = append(ids, b.Patient)
	}
	names, err := d.payers(r, ids)
	for _, b := range owed {
		v.Owed = append(v.Owed, d.billRow(b, names[b.Patient]))
	}
	for _, b := range over {
		v.Over = append(v.Over, d.billRow(b, names[b.Patient]))
	}
	return err
}

// billRow is one bill of a list.
func (d *Desk) billRow(b bill.Bill, who string) moneyRow {
	row := moneyRow{Href: "/desk/patients/" + b.Patient + "/bills/" + b.ID, Who: who, Sum: b.Left().String(), Sub: "Bill " + b.Number + " of " + d.day(b.Issued)}
	if b.Number == "" {
		row.Sub = "Bill of " + d.day(b.Issued)
	}
	if !b.Due.IsZero() {
		row.Sub += ", due " + d.day(b.Due)
	}
	switch left := b.Left().Cents; {
	case left < 0:
		row.Chip, row.Tone = "Too much paid", "act"
	case b.Coming.Cents > 0:
		row.Chip, row.Tone = "On its way", "brand"
	case b.Late(d.now()):
		row.Chip, row.Tone = "Past due", "watch"
	case left == 0:
		row.Chip, row.Tone = "Paid", "good"
	}
	return row
}

func (d *Desk) fillUnfit(r *http.Request, pass access.Pass, v *deskBillsView) error {
	list, err := d.Bills.Unfits(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.Patient
	}
	names, err := d.payers(r, ids)
	for _, c := range list {
		v.Unfits = append(v.Unfits, moneyRow{
			Who: names[c.Patient], Sum: c.Said.String(), Sub: "Asked for " + c.Sum.String() + " on " + d.clock(c.Made),
			Action: "/desk/patients/" + c.Patient + "/payments/" + c.ID + "/accept", Do: "Take it as paid",
		})
	}
	return err
}

// payers returns the names of patients.
func (d *Desk) payers(r *http.Request, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	people, err := d.named(r, ids...)
	for _, id := range ids {
		if names[id] = people[id].Full; names[id] == "" {
			names[id] = "A patient without a name"
		}
	}
	return names, err
}

// compareView is what the till said beside the ledger.
type compareView struct {
	bill.Reconciliation
	Rows  []compareRow
	Days  int
	Sums  []currencyRow
	Heard string
	Cards bool
}

// currencyRow is one currency; no two are added.
type currencyRow struct {
	Currency, Said, Back, Entered, Off string
	Different                          bool
}

// compareRow is one time that somebody went to pay.
type compareRow struct{ When, Who, Asked, Said, Entered, State, Tone, Href string }

// compareDays is how far back the comparison goes.
const compareDays = 90

// compareBills shows what the one who takes cards said beside what the
// ledger has.
func (d *Desk) compareBills(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerBills)
	if err != nil {
		return err
	}
	v := compareView{Days: compareDays, Cards: d.Bills.TakesCards()}
	if v.Reconciliation, err = d.Bills.Reconcile(r.Context(), pass, d.now().AddDate(0, 0, -compareDays), 2*billsMost); err != nil {
		return err
	}
	for _, t := range v.Tallies {
		in := func(cents int64) string { return money.Sum{Cents: cents, Currency: t.Currency}.String() }
		v.Sums = append(v.Sums, currencyRow{Currency: t.Currency, Said: in(t.Said), Back: in(t.Back), Entered: in(t.Entered), Off: in(t.Off()), Different: t.Off() != 0})
	}
	if !v.Reconciliation.Heard.IsZero() {
		v.Heard = d.clock(v.Reconciliation.Heard)
	}
	ids := make([]string, len(v.Reconciliation.Rows))
	for i, m := range v.Reconciliation.Rows {
		ids[i] = m.Patient
	}
	names, err := d.payers(r, ids)
	if err != nil {
		return err
	}
	for _, m := range v.Reconciliation.Rows {
		row := compareRow{When: d.clock(m.Made), Who: names[m.Patient], Asked: m.Sum.String(), Entered: m.Entered.String(), Href: "/desk/patients/" + m.Patient + "/bills"}
		if m.Checkout.Said.Cents != 0 {
			row.Said = m.Checkout.Said.String()
		}
		row.State, row.Tone = checkoutWord(m.State)
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, comparePage(d.view(r, "Card payments compared", "bills"), v))
}

// checkoutWord says how far somebody came who went to pay.
func checkoutWord(s bill.State) (word, tone string) {
	switch s {
	case bill.Paid:
		return "Paid", "good"
	case bill.Waits:
		return "On its way", "brand"
	case bill.Unfit:
		return "Another sum", "act"
	case bill.Failed:
		return "Failed", "watch"
	case bill.Ended:
		return "Not paid", ""
	}
	return "Open", ""
}

// payPlanView is one plan for whoever decides.
type payPlanView struct {
	bill.Plan
	Who, Patient string
	Parts        [][3]string
	Task         string
	Said, Err    string
	Words        string
}

func (d *Desk) openDeskPlan(r *http.Request) (v payPlanView, pass access.Pass, err error) {
	all, err := d.all(r, access.AnswerBills)
	if err != nil {
		return v, pass, err
	}
	whose, err := d.Bills.PlanWhose(r.Context(), all, r.PathValue("id"))
	if err != nil {
		return v, pass, err
	}
	if pass, err = d.one(r, access.PayBills, whose); err != nil {
		return v, pass, err
	}
	if v.Plan, err = d.Bills.Plan(r.Context(), pass, r.PathValue("id")); err != nil {
		return v, pass, err
	}
	names, err := d.payers(r, []string{whose})
	v.Who, v.Patient, v.Said = names[whose], "/desk/patients/"+whose, billSaid(r.URL.Query().Get("note"))
	if v.Plan.Task != "" {
		v.Task = queuePath + "/" + v.Plan.Task
	}
	for _, x := range v.Plan.Parts {
		state := ""
		switch {
		case v.State != bill.PlanAgreed && v.State != bill.PlanDone:
		case x.Left.Cents == 0:
			state = "Paid"
		case d.now().After(x.Due):
			state = "Past due"
		case !x.Told.IsZero():
			state = "Reminded " + d.day(x.Told)
		}
		v.Parts = append(v.Parts, [3]string{d.day(x.Due), x.Sum.String(), state})
	}
	return v, pass, err
}

func (d *Desk) showPayPlan(w http.ResponseWriter, r *http.Request) error {
	v, _, err := d.openDeskPlan(r)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, deskPlanPage(d.view(r, "Payment plan", "bills"), v))
}

// decidePayPlan agrees to a plan, declines it or ends it.
func (d *Desk) decidePayPlan(w http.ResponseWriter, r *http.Request) error {
	v, pass, err := d.openDeskPlan(r)
	if err != nil {
		return err
	}
	v.Words = cut(r.PostFormValue("words"), 2000)
	act := r.PostFormValue("act")
	if act == "end" {
		err = d.Bills.EndPlan(r.Context(), pass, v.Plan.ID)
	} else {
		var answers access.Pass
		if answers, err = d.one(r, access.AnswerBills, v.Plan.Patient); err != nil {
			return err
		}
		err = d.Bills.Decide(r.Context(), pass, answers, v.Plan.ID, act == "agree", v.Words)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		v.Err = errs.Say(err)
		return d.Site.Render(w, r, http.StatusUnprocessableEntity, deskPlanPage(d.view(r, "Payment plan", "bills"), v))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, billsPath+"/plans/"+v.Plan.ID+"?note="+url.QueryEscape("plan-"+act), http.StatusSeeOther)
	return nil
}

// billSaid says what was just done.
func billSaid(note string) string {
	switch note {
	case "settled":
		return "Noted: somebody saw to this refund."
	case "plan-agree":
		return "The plan is agreed. The patient is told, and reminded before each part."
	case "plan-decline":
		return "The plan is declined, and the patient is told."
	case "plan-end":
		return "The plan has ended. The bills are owed as they were."
	case "taken":
		return "The payment is written down, and the patient sees a receipt."
	case "written-off":
		return "The sum is written off."
	case "sent":
		return "A message about the bill goes out by the patient’s own channel, by the rules for bills."
	case "accepted":
		return "The payment is taken as it is."
	}
	return ""
}

// once names a form, so that what is pressed twice counts once.
func once() string { return seal.Token(9) }

// panelOfBill makes the panel of a task about money.
func (d *Desk) panelOfBill(r *http.Request, _ access.Pass, t task.Task) (panel, error) {
	if d.Bills == nil {
		return panel{}, nil
	}
	pass, err := d.one(r, access.PayBills, t.Patient)
	if err != nil {
		return panel{}, err
	}
	list, err := d.Bills.List(r.Context(), pass, billsMost)
	if err != nil {
		return panel{}, err
	}
	var rows []moneyRow
	for _, b := range list {
		if b.Open() {
			rows = append(rows, d.billRow(b, billName(b)))
		}
	}
	plan := ""
	if id := t.Values["plan"]; id != "" {
		plan = billsPath + "/plans/" + id
	}
	return panel{Body: billPanel(rows, plan)}, nil
}

// billName is what a bill is called.
func billName(b bill.Bill) string {
	if b.Title != "" {
		return b.Title
	}
	return "Bill"
}
