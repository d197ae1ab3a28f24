package town

import (
	"time"

	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// insurer is who pays a part of Maria's bills.
const insurer = "Prairie Health Plan"

// billed is one bill of a person; sums are in cents.
type billed struct {
	id, number, title        string
	status                   string
	of, due                  time.Time
	insured, off, owed       int64
	lines                    []billedLine
	account, benefit, charge string // charge: the id of a ChargeItem that names the last line
}

type billedLine struct {
	title string
	cents int64
}

func usd(cents int64) string { return money.Sum{Cents: cents, Currency: "USD"}.Decimal() }

// mariaBills writes three bills: one to pay soon, one past its day, one that
// is paid.
func (g *gen) mariaBills(p *person) {
	g.bill(p, billed{id: "maria-bill-1", number: "RC-20417", title: "Visit for diabetes", status: "issued", of: g.today.AddDate(0, 0, -12), due: g.today.AddDate(0, 0, 10),
		insured: 16500, off: 3500, owed: 4000, account: "RC-A-20417", benefit: "maria-benefit-1", charge: "maria-charge-1",
		lines: []billedLine{{"Visit with the doctor", 18500}, {"Blood test: A1c", 5500}}})
	g.bill(p, billed{id: "maria-bill-2", number: "RC-19880", title: "Eye exam", status: "issued", of: g.today.AddDate(0, -2, -3), due: g.today.AddDate(0, 0, -9),
		insured: 9600, off: 2150, owed: 6250, account: "RC-A-19880", lines: []billedLine{{"Eye exam with pictures", 18000}}})
	g.bill(p, billed{id: "maria-bill-3", number: "RC-17002", title: "Flu shot", status: "balanced", of: g.today.AddDate(0, -11, -6), due: g.today.AddDate(0, -10, -6),
		insured: 3800, off: 700, owed: 0, account: "RC-A-17002", lines: []billedLine{{"Flu shot", 4500}}})
}

// bill writes an Invoice, and with it what insurance says about it.
func (g *gen) bill(p *person, b billed) {
	charged := b.insured + b.off + b.owed
	g.put(`{"resourceType":"Invoice","id":%,"extension":[{"url":"https://hale.example/fhir/due-date","valueDate":%}],"identifier":[{"value":%}],"status":%,"type":{"text":%},"subject":{"reference":%,"display":%},"date":%,`,
		b.id, g.day(b.due), b.number, b.status, b.title, p.ref(), p.Name, g.day(b.of))
	g.put(`"account":{"identifier":{"value":%}},"issuer":{"display":%},"lineItem":[`, b.account, Clinic)
	for i, l := range b.lines {
		if i > 0 {
			g.put(`,`)
		}
		if i == len(b.lines)-1 && b.charge != "" {
			g.put(`{"sequence":^,"chargeItemReference":{"reference":%},`, string(rune('1'+i)), "ChargeItem/"+b.charge)
		} else {
			g.put(`{"sequence":^,"chargeItemCodeableConcept":{"text":%},`, string(rune('1'+i)), l.title)
		}
		g.put(`"priceComponent":[{"type":"base","amount":{"value":^,"currency":"USD"}}]}`, usd(l.cents))
	}
	g.line(`],"totalPriceComponent":[{"type":"base","amount":{"value":^,"currency":"USD"}},{"type":"deduction","code":{"coding":[{"system":%,"code":"insurance"}],"text":"Insurance paid"},"amount":{"value":^,"currency":"USD"}},{"type":"discount","code":{"text":"Agreed with the plan"},"amount":{"value":^,"currency":"USD"}}],"totalNet":{"value":^,"currency":"USD"},"totalGross":{"value":^,"currency":"USD"}}`,
		usd(charged), bill.Prices, usd(-b.insured), usd(-b.off), usd(b.owed), usd(b.owed))
	if b.charge != "" {
		g.line(`{"resourceType":"ChargeItem","id":%,"status":"billed","code":{"text":%},"subject":{"reference":%,"display":%},"occurrenceDateTime":%}`,
			b.charge, b.lines[len(b.lines)-1].title, p.ref(), p.Name, g.day(b.of.AddDate(0, 0, -5)))
	}
	if b.benefit != "" {
		g.benefit(p, b, charged)
	}
}

// benefit writes what insurance says it did.
func (g *gen) benefit(p *person, b billed, charged int64) {
	const category = `{"category":{"coding":[{"system":%,"code":%}]},"amount":{"value":^,"currency":"USD"}}`
	const adjudication, bb = "http://terminology.hl7.org/CodeSystem/adjudication", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication"
	g.put(`{"resourceType":"ExplanationOfBenefit","id":%,"status":"active","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/claim-type","code":"professional"}]},"use":"claim","patient":{"reference":%,"display":%},`,
		b.benefit, p.ref(), p.Name)
	g.put(`"billablePeriod":{"start":%,"end":%},"created":%,"insurer":{"display":%},"provider":{"display":%},"outcome":"complete",`, g.day(b.of.AddDate(0, 0, -5)), g.day(b.of.AddDate(0, 0, -5)), g.day(b.of.AddDate(0, 0, -1)), insurer, Clinic)
	g.put(`"supportingInfo":[{"sequence":1,"category":{"coding":[{"system":"http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType","code":"patientaccountnumber"}]},"valueString":%}],`, b.account)
	g.put(`"insurance":[{"focal":true,"coverage":{"display":%}}],"item":[{"sequence":1,"productOrService":{"text":%}}],"total":[`, insurer, b.title)
	g.put(category+`,`, adjudication, "submitted", usd(charged))
	g.put(category+`,`, adjudication, "benefit", usd(b.insured))
	g.put(category+`,`, bb, "discount", usd(b.off))
	g.put(category, bb, "memberliability", usd(b.owed))
	g.line(`],"payment":{"amount":{"value":^,"currency":"USD"}}}`, usd(b.insured))
}
