package desk

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/reach/collect"
)

// patientBillsView are the bills of one patient.
type patientBillsView struct {
	Name, Home string
	Rows       []moneyRow
	Plans      []moneyRow
	Owed       []string
}

// patientBills lists the bills of one patient.
func (d *Desk) patientBills(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.PayBills, id)
	if err != nil {
		return err
	}
	list, err := d.Bills.List(r.Context(), pass, billsMost)
	if err != nil {
		return err
	}
	plans, err := d.Bills.Plans(r.Context(), pass)
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	v := patientBillsView{Name: person.Full, Home: "/desk/patients/" + id}
	for _, sum := range bill.Balance(list) {
		v.Owed = append(v.Owed, sum.String())
	}
	for _, b := range list {
		v.Rows = append(v.Rows, d.billRow(b, billName(b)))
	}
	for _, p := range plans {
		v.Plans = append(v.Plans, moneyRow{Href: billsPath + "/plans/" + p.ID, Who: p.Monthly.String() + " a month", Sub: "Asked " + d.day(p.Asked), Sum: p.Total.String(), Chip: sentenceCase(string(p.State))})
	}
	return d.Site.Render(w, r, http.StatusOK, patientBillsPage(d.view(r, "Bills of "+person.Full, "bills"), v))
}

// deskBillView is one bill with what can be done about it.
type deskBillView struct {
	bill.Bill
	Name, Home string
	Facts      [][2]string
	Items      [][2]string
	Payments   [][3]string
	Once       string
	Link       string // a link that was just made
	Typed      string
	Kind       string
	Note       string
	Said, Err  string
}

func (d *Desk) openDeskBill(r *http.Request) (v deskBillView, pass access.Pass, err error) {
	id := r.PathValue("id")
	if pass, err = d.one(r, access.PayBills, id); err != nil {
		return v, pass, err
	}
	if v.Bill, err = d.Bills.Get(r.Context(), pass, r.PathValue("bill")); err != nil {
		return v, pass, err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return v, pass, err
	}
	payments, err := d.Bills.Payments(r.Context(), pass, v.Bill.ID)
	if err != nil {
		return v, pass, err
	}
	v.Name, v.Home, v.Once, v.Said = person.Full, "/desk/patients/"+id, once(), billSaid(r.URL.Query().Get("note"))
	for _, p := range payments {
		v.Payments = append(v.Payments, [3]string{d.clock(p.At), paymentWord(p), p.Sum.String()})
	}
	for _, l := range v.Lines {
		v.Items = append(v.Items, [2]string{l.Title, l.Sum.String()})
	}
	b := v.Bill
	v.Facts = [][2]string{{"Number", b.Number}, {"Date", d.day(b.Issued)}, {"Charged", b.Charged.String()}, {"Insurance paid", b.Insurance.String()},
		{"Taken off", b.Adjusted.String()}, {"Patient’s part", b.Asked.String()}, {"Paid", b.Paid.String()}, {"Left", b.Left().String()}}
	if b.Source != "" {
		v.Facts = append(v.Facts, [2]string{"From", b.Source})
	}
	if !b.Due.IsZero() {
		v.Facts = append(v.Facts, [2]string{"Due", d.day(b.Due)})
	}
	return v, pass, nil
}

// paymentWord says how money came, and why.
func paymentWord(p bill.Payment) string {
	word := map[bill.Kind]string{bill.Card: "By card", bill.Cash: "Cash", bill.Check: "Check", bill.Elsewhere: "Reported by the biller", bill.WriteOff: "Written off",
		bill.Refund: "Refunded", bill.Dispute: "Disputed with the bank"}[p.Kind]
	if p.Kind == bill.Refund && p.Sum.Cents > 0 {
		return "Refund failed, put back: " + failureWords(p.Note)
	}
	if p.Number != "" {
		word += ", receipt " + p.Number
	}
	if p.Note != "" {
		word += ": " + p.Note
	}
	return word
}

func (d *Desk) showBill(w http.ResponseWriter, r *http.Request) error {
	v, _, err := d.openDeskBill(r)
	if err != nil {
		return err
	}
	return d.renderBill(w, r, http.StatusOK, v)
}

func (d *Desk) renderBill(w http.ResponseWriter, r *http.Request, status int, v deskBillView) error {
	return d.Site.Render(w, r, status, deskBillPage(d.view(r, "Bill of "+v.Name, "bills"), v))
}

// takePayment writes down cash, a check or a write-off.
func (d *Desk) takePayment(w http.ResponseWriter, r *http.Request) error {
	v, pass, err := d.openDeskBill(r)
	if err != nil {
		return err
	}
	v.Typed, v.Kind, v.Note = cut(r.PostFormValue("amount"), 20), r.PostFormValue("kind"), cut(r.PostFormValue("note"), 300)
	in := bill.Taking{Bill: v.Bill.ID, Kind: bill.Kind(v.Kind), Note: v.Note, Once: cut(r.PostFormValue("once"), 40)}
	if in.Sum, err = money.Typed(v.Typed, v.Asked.Currency); err != nil {
		in.Sum = money.Sum{Currency: v.Asked.Currency}
	}
	_, err = d.Bills.Take(r.Context(), pass, in)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		v.Err = errs.Say(err)
		return d.renderBill(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	note := "taken"
	if in.Kind == bill.WriteOff {
		note = "written-off"
	}
	return d.backToBill(w, r, note)
}

func (d *Desk) backToBill(w http.ResponseWriter, r *http.Request, note string) error {
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"/bills/"+r.PathValue("bill")+"?note="+note, http.StatusSeeOther)
	return nil
}

// sendBill tells the patient of a bill.
func (d *Desk) sendBill(w http.ResponseWriter, r *http.Request) error {
	v, pass, err := d.openDeskBill(r)
	if err != nil {
		return err
	}
	err = d.Collect.Send(r.Context(), pass, collect.Target{Bill: v.Bill.ID})
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict || kind == errs.Forbidden) {
		v.Err = errs.Say(err)
		return d.renderBill(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return d.backToBill(w, r, "sent")
}

// linkBill makes a link that can be printed or told. It is shown once.
func (d *Desk) linkBill(w http.ResponseWriter, r *http.Request) error {
	v, pass, err := d.openDeskBill(r)
	if err != nil {
		return err
	}
	if v.Link, err = d.Collect.Link(r.Context(), pass, collect.Target{Bill: v.Bill.ID}); err != nil {
		return err
	}
	return d.renderBill(w, r, http.StatusOK, v)
}

// acceptPayment takes a payment whose sum did not fit as it is.
func (d *Desk) acceptPayment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.PayBills, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := d.Bills.Accept(r.Context(), pass, r.PathValue("payment")); err != nil {
		return err
	}
	http.Redirect(w, r, billsPath+"?note=accepted", http.StatusSeeOther)
	return nil
}

// amountOr is what somebody typed, or all that is left as a beginning.
func amountOr(v deskBillView) string {
	if v.Typed != "" {
		return v.Typed
	}
	return v.Left().Decimal()
}
