package bill

import (
	"context"
	"encoding/json"
	"math/big"
	"strings"

	"hale/internal/base/money"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// dueURL is the extension of an Invoice that says by when it is to be paid.
// R4 has no element for it.
const dueURL = "https://hale.example/fhir/due-date"

// Prices is the code system that says what a deduction of an Invoice is; its
// code insurance is what insurance paid. A text that names insurance says the
// same.
const Prices = "https://hale.example/fhir/CodeSystem/price"

// Ledger is the identifier system of payments that stand in the ledger.
const Ledger = "https://hale.example/fhir/payment"

// View returns the projector that keeps tables bill, benefit, bill_charge,
// and what the ledger knows from PaymentNotices.
func View() record.Projector {
	return projector{
		bills: view.NewTable("bill", 1, "id", "patient", "status", "number", "title", "account", "issued_at", "due_at", "currency",
			"charged", "insurance", "adjusted", "owed", "issuer", "entries", "source", "updated_at"),
		benefits: view.NewTable("benefit", 1, "id", "patient", "at", "title", "account", "insurer", "currency", "charged", "paid", "adjusted", "owes",
			"source", "updated_at"),
		charges:  view.NewTable("bill_charge", 1, "id", "patient", "title"),
		payments: view.NewTable("payment", 1, "id", "bill", "patient", "kind", "currency", "cents", "at", "origin"),
	}
}

type projector struct{ bills, benefits, charges, payments *view.Table }

// Types says which resources these views come from.
func (projector) Types() []string {
	return []string{"Invoice", "ExplanationOfBenefit", "ChargeItem", "PaymentNotice"}
}

// Project writes what a batch says about money.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	bills, benefits, charges, payments := p.bills.Batch(len(batch)), p.benefits.Batch(len(batch)), p.charges.Batch(0), p.payments.Batch(0)
	for _, c := range batch {
		switch c.Type {
		case "Invoice":
			put(bills, c, invoice(c))
		case "ExplanationOfBenefit":
			put(benefits, c, benefit(c))
		case "ChargeItem":
			put(charges, c, charge(c))
		case "PaymentNotice":
			put(payments, c, notice(c))
		}
	}
	for _, b := range []*view.Batch{charges, bills, benefits, payments} {
		if err := b.Write(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func put(rows *view.Batch, c record.Change, values []any) {
	switch {
	case values != nil:
		rows.Set(values...)
	case !c.Created && c.Type == "PaymentNotice":
		rows.Drop(elsewhere + c.ID)
	case !c.Created:
		rows.Drop(c.ID)
	}
}

// entry is a line of a bill as its row keeps it.
type entry struct {
	Title  string `json:"t,omitempty"`
	Cents  int64  `json:"c"`
	Charge string `json:"r,omitempty"` // id of a ChargeItem that names it
}

// invoice returns the row of an Invoice, nil for none: a draft, one that was
// entered by mistake, one that somebody else than a person is to pay.
func invoice(c record.Change) []any {
	n, status := c.Node, c.Node.Get("status").Text()
	if c.Deleted || c.Patient == "" || status != string(Issued) && status != string(Balanced) && status != string(Cancelled) {
		return nil
	}
	if t, _ := n.Get("recipient").Reference(); t == "Organization" {
		return nil
	}
	currency := currencyOf(n)
	lines, sum := entries(n, currency)
	title := n.Get("type").Concept()
	if title == "" && len(lines) > 0 {
		title = lines[0].Title
	}
	var charged, insurance, adjusted int64
	for part := range n.Get("totalPriceComponent").Each() {
		cents := cents(part.Get("amount"), currency)
		switch part.Get("type").Text() {
		case "base", "surcharge", "tax":
			charged += cents
		case "deduction", "discount":
			if insured(part.Get("code")) {
				insurance += positive(cents)
				continue
			}
			adjusted += positive(cents)
		}
	}
	if charged == 0 {
		charged = sum
	}
	owed := charged - insurance - adjusted
	if total := view.First(n.Get("totalGross"), n.Get("totalNet")); total.Exists() {
		owed = cents(total, currency)
	}
	if charged == 0 {
		charged = owed + insurance + adjusted
	}
	text, _ := json.Marshal(lines) // strings and numbers alone
	return []any{c.ID, c.Patient, status, n.Get("identifier", "value").Text(), view.Plain(title), account(n.Get("account")),
		view.At(n.Get("date")), due(n), currency, charged, insurance, adjusted, owed, n.Get("issuer", "display").Text(), string(text),
		view.Source(c), c.At.UnixMicro()}
}

// entries returns what an Invoice is for, and what it costs together.
func entries(n fhir.Node, currency string) (list []entry, sum int64) {
	list = []entry{}
	for line := range n.Get("lineItem").Each() {
		e := entry{Title: view.Plain(line.Get("chargeItemCodeableConcept").Concept())}
		if t, id := line.Get("chargeItemReference").Reference(); t == "ChargeItem" {
			e.Charge = id
			e.Title = line.Get("chargeItemReference", "display").Text()
		}
		for part := range line.Get("priceComponent").Each() {
			switch part.Get("type").Text() {
			case "base", "surcharge", "tax":
				e.Cents += cents(part.Get("amount"), currency)
			}
		}
		sum += e.Cents
		list = append(list, e)
	}
	return list, sum
}

// insured says whether a deduction is what insurance paid.
func insured(code fhir.Node) bool {
	for c := range code.Get("coding").Each() {
		if c.Get("system").Text() == Prices && c.Get("code").Text() == "insurance" {
			return true
		}
	}
	return strings.Contains(strings.ToLower(code.Concept()), "insurance")
}

func due(n fhir.Node) int64 {
	for e := range n.Get("extension").Each() {
		if e.Get("url").Text() == dueURL {
			return view.At(view.First(e.Get("valueDate"), e.Get("valueDateTime")))
		}
	}
	return 0
}

// account is what an account is known by: its number, else its id.
func account(ref fhir.Node) string {
	if v := ref.Get("identifier", "value").Text(); v != "" {
		return v
	}
	_, id := ref.Reference()
	return id
}

// benefit returns the row of an ExplanationOfBenefit, nil for none.
//
// Spec: https://hl7.org/fhir/us/carin-bb/ (categories of totals, and the
// patient's account number among the supporting information)
func benefit(c record.Change) []any {
	n := c.Node
	if status := n.Get("status").Text(); c.Deleted || c.Patient == "" || status != "active" && status != "" || n.Get("outcome").Text() == "error" {
		return nil
	}
	currency := currencyOf(n)
	totals := map[string]int64{}
	for t := range n.Get("total").Each() {
		for code := range t.Get("category", "coding").Each() {
			totals[code.Get("code").Text()] += cents(t.Get("amount"), currency)
			break
		}
	}
	paid := cents(n.Get("payment", "amount"), currency)
	if paid == 0 {
		paid = max(totals["benefit"], totals["paidtoprovider"])
	}
	owes := totals["memberliability"]
	if owes == 0 {
		owes = totals["copay"] + totals["deductible"] + totals["coinsurance"] + totals["noncovered"]
	}
	adjusted := totals["discount"]
	if rest := totals["submitted"] - paid - owes; adjusted == 0 && owes > 0 && rest > 0 {
		adjusted = rest
	}
	number := ""
	for info := range n.Get("supportingInfo").Each() {
		if info.Get("category", "coding", "code").Text() == "patientaccountnumber" {
			number = info.Get("valueString").Text()
		}
	}
	title := view.Plain(view.First(n.Get("item", "productOrService"), n.Get("type")).Concept())
	at := view.At(view.First(n.Get("billablePeriod", "start"), n.Get("created")))
	return []any{c.ID, c.Patient, at, title, number, n.Get("insurer", "display").Text(), currency, totals["submitted"], paid, adjusted, owes,
		view.Source(c), c.At.UnixMicro()}
}

func charge(c record.Change) []any {
	title := view.Plain(c.Node.Get("code").Concept())
	if c.Deleted || c.Patient == "" || title == "" || c.Node.Get("status").Text() == "entered-in-error" {
		return nil
	}
	return []any{c.ID, c.Patient, title}
}

// elsewhere begins the id of a payment that another system says it took.
const elsewhere = "notice/"

// notice returns the row of a PaymentNotice of another system. Ours stand in
// the ledger already.
func notice(c record.Change) []any {
	n := c.Node
	for id := range n.Get("identifier").Each() {
		if id.Get("system").Text() == Ledger {
			return nil
		}
	}
	typ, id := n.Get("request").Reference()
	if c.Deleted || n.Get("status").Text() != "active" || typ != "Invoice" {
		return nil
	}
	currency := currencyOf(n)
	at := view.At(view.First(n.Get("paymentDate"), n.Get("created")))
	return []any{elsewhere + c.ID, id, "", string(Elsewhere), currency, cents(n.Get("amount"), currency), at, elsewhere + c.ID}
}

// currencyOf returns the first currency that a resource names, dollars where
// it names none.
func currencyOf(n fhir.Node) string {
	for at := range n.Texts("currency") {
		if c := strings.ToUpper(at.Text()); len(c) == 3 {
			return c
		}
	}
	return "USD"
}

// cents reads a Money of FHIR: a decimal, exactly.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#decimal
func cents(amount fhir.Node, currency string) int64 {
	text := amount.Get("value").Text()
	if strings.ContainsAny(text, "eE") && len(text) < 30 {
		if r, ok := new(big.Rat).SetString(text); ok && len(text[strings.IndexAny(text, "eE"):]) < 4 {
			text = r.FloatString(money.Places(currency) + 2)
		}
	}
	s, err := money.Parse(text, currency)
	if err != nil {
		return 0
	}
	return s.Cents
}

func positive(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
