package portal

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// payPlanData is what the pages of plans show.
type payPlanData struct {
	Plan    bill.Plan
	Bills   []bill.Bill
	Least   money.Sum
	Typed   string
	Words   string
	Shown   bool // the schedule of what was typed
	Cards   bool
	Problem string
}

// planAsk offers to pay in parts: a sum a month, and the days that come of
// it, before anything is asked.
func (p *Portal) planAsk(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.PayBills, "Pay a little each month", "more")
	if err != nil {
		return err
	}
	plans, err := p.Bills.Plans(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, one := range plans {
		if one.State == bill.PlanAsked || one.State == bill.PlanAgreed {
			http.Redirect(w, r, s.Link("/bills/plan/"+one.ID), http.StatusSeeOther)
			return nil
		}
	}
	d, err := p.proposed(r, s, pass, r.URL.Query().Get("monthly"))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if d.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.Site.Render(w, r, status, planAskPage(s, d))
}

// proposed reads what somebody typed, and what it comes to.
func (p *Portal) proposed(r *http.Request, s sheet, pass access.Pass, typed string) (d payPlanData, err error) {
	least, bills, err := p.Bills.Propose(r.Context(), pass, money.Sum{})
	if errs.KindOf(err) == errs.Conflict { // nothing is owed
		return d, nil
	}
	if err != nil {
		return d, err
	}
	d = payPlanData{Plan: least, Bills: bills, Least: least.Monthly, Typed: typedText(typed, 20)}
	if d.Typed == "" {
		return d, nil
	}
	monthly, err := money.Typed(d.Typed, least.Total.Currency)
	if err != nil || monthly.Cents <= 0 {
		d.Problem = s.T("Please enter an amount, such as 25.00.")
		return d, nil
	}
	chosen, _, err := p.Bills.Propose(r.Context(), pass, monthly)
	if errs.KindOf(err) == errs.Invalid {
		d.Problem = s.T(errs.Say(err))
		return d, nil
	}
	if err == nil {
		d.Plan, d.Shown = chosen, true
	}
	return d, err
}

// planSend asks the clinic for the plan.
func (p *Portal) planSend(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.PayBills, "Pay a little each month", "more")
	if err != nil {
		return err
	}
	d, err := p.proposed(r, s, pass, r.FormValue("monthly"))
	if err != nil {
		return err
	}
	d.Words = typedText(r.FormValue("words"), 1000)
	if d.Problem == "" && d.Shown {
		var made bill.Plan
		made, err = p.Bills.AskPlan(r.Context(), pass, d.Plan.Monthly, d.Words)
		if err == nil {
			http.Redirect(w, r, s.Link("/bills/plan/"+made.ID+"?done=asked"), http.StatusSeeOther)
			return nil
		}
		if k := errs.KindOf(err); k != errs.Invalid && k != errs.Conflict && k != errs.TooMany {
			return err
		}
		d.Problem = s.T(errs.Say(err))
	}
	return p.Site.Render(w, r, http.StatusUnprocessableEntity, planAskPage(s, d))
}

func (p *Portal) openPlan(r *http.Request, title string) (s sheet, pass access.Pass, d payPlanData, err error) {
	if s, pass, err = p.open(r, access.PayBills, title, "more"); err != nil {
		return s, pass, d, err
	}
	d.Cards = p.Bills.TakesCards()
	d.Plan, err = p.Bills.Plan(r.Context(), pass, r.PathValue("id"))
	return s, pass, d, err
}

// payPlan is a plan: what is paid of it, and what is next.
func (p *Portal) payPlan(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openPlan(r, "Your payment plan")
	if err != nil {
		return err
	}
	s.Title = planTitle(s, d.Plan)
	return p.render(w, r, payPlanPage(s, d))
}

// planTitle says how a plan stands.
func planTitle(s sheet, x bill.Plan) string {
	switch x.State {
	case bill.PlanAsked:
		return s.T("We are looking at your plan")
	case bill.PlanDeclined:
		return s.T("We could not agree to this plan")
	case bill.PlanEnded:
		return s.T("This plan has ended")
	case bill.PlanDone:
		return s.T("Your plan is paid")
	}
	return s.T("Your payment plan")
}

// payPartAsk asks to pay what is next of a plan.
func (p *Portal) payPartAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openPlan(r, "Pay the next part of your plan")
	if err != nil {
		return err
	}
	if !payable(d) {
		http.Redirect(w, r, s.Link("/bills/plan/"+d.Plan.ID), http.StatusSeeOther)
		return nil
	}
	p.leads(w)
	return p.render(w, r, payPartPage(s, d))
}

// payable says whether anything of a plan can be paid now.
func payable(d payPlanData) bool {
	return d.Cards && d.Plan.State == bill.PlanAgreed && d.Plan.Next() != nil
}

// payPart leads to the page where cards are taken.
func (p *Portal) payPart(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openPlan(r, "Pay the next part of your plan")
	if err != nil {
		return err
	}
	if !payable(d) {
		http.Redirect(w, r, s.Link("/bills/plan/"+d.Plan.ID), http.StatusSeeOther)
		return nil
	}
	order := bill.Order{Plan: d.Plan.ID, Sum: d.Plan.Next().Left, Way: "portal", Back: p.Base + s.Link("/bills/payments/"), Lang: s.Lang.Tag()}
	c, err := p.Bills.Begin(r.Context(), pass, order)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict || kind == errs.Unavailable) {
		d.Problem = s.T(errs.Say(err))
		p.leads(w)
		return p.Site.Render(w, r, statusOf(kind), payPartPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, c.Address, http.StatusSeeOther)
	return nil
}
