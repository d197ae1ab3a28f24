package bill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/money"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Outcome is what became of news.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Early   Outcome = "early"   // about a payment that we have not heard of yet: it waits for it
	Foreign Outcome = "foreign" // not ours: other programs may use the same till
	NotFit  Outcome = "unfit"   // another sum than was asked
	Nothing Outcome = "nothing" // nothing to do
)

// Hear takes news of the till, once each, in whatever order it comes.
func (s *Store) Hear(ctx context.Context, n News) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `insert into till_news (id, kind, object, intent, checkout, currency, cents, made_at, heard_at, outcome, reason)
			values ($1, $2, $3, $4, '', $5, $6, $7, $8, 'nothing', $9) on conflict do nothing`
		fresh, err := db.Changed(tx.ExecContext(ctx, q, n.ID, string(n.Kind), n.Object, n.Intent, n.Sum.Currency, n.Sum.Cents, db.Micro(n.At), db.Micro(s.Now()), n.Reason))
		if err != nil || fresh == 0 {
			return err
		}
		c, out, err := s.apply(ctx, tx, n)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update till_news set checkout = $2, outcome = $3 where id = $1`, n.ID, c, string(out))
		return err
	})
	if err != nil {
		return fmt.Errorf("bill: hear %s: %w", n.ID, err)
	}
	return nil
}

// Heard takes in how a page stands, as the till said when it was asked.
func (s *Store) Heard(ctx context.Context, page Page) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		_, _, err := s.stands(ctx, tx, page)
		return err
	})
	if err != nil {
		return fmt.Errorf("bill: page of %s: %w", page.Ref, err)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, tx *db.Tx, n News) (checkout string, out Outcome, err error) {
	switch n.Kind {
	case PageNews:
		return s.stands(ctx, tx, n.Page)
	case Refunded, RefundFailed, TakenBack, GivenAgain:
	default:
		return "", Nothing, nil
	}
	if n.Intent == "" {
		return "", Foreign, nil
	}
	const q = `select ` + checkoutColumns + ` from checkout where intent = $1`
	c, err := db.One(ctx, tx, scanCheckout, q, n.Intent)
	if errors.Is(err, db.ErrNone) {
		return "", Early, nil
	}
	if err != nil {
		return "", "", err
	}
	if c.State != Paid {
		return c.ID, Early, nil
	}
	return c.ID, Done, s.returned(ctx, tx, c, n)
}

// stands brings a checkout to where its page is. What was paid stays paid,
// whatever is told later.
func (s *Store) stands(ctx context.Context, tx *db.Tx, p Page) (checkout string, out Outcome, err error) {
	c, err := s.held(ctx, tx, p)
	if errors.Is(err, db.ErrNone) {
		return "", Foreign, nil
	}
	if err != nil {
		return "", "", err
	}
	const looked = `update checkout set session = $2, looked_at = $3, intent = case when $4 = '' then intent else $4 end where id = $1`
	if _, err := tx.ExecContext(ctx, looked, c.ID, p.Session, db.Micro(s.Now()), p.Intent); err != nil {
		return "", "", err
	}
	if p.Intent != "" {
		c.Intent = p.Intent
	}
	switch {
	case c.State == Paid || c.State == Unfit:
		return c.ID, Done, nil
	case p.Paid && (p.Sum.Cents != c.Sum.Cents || !strings.EqualFold(p.Sum.Currency, c.Sum.Currency)):
		return c.ID, NotFit, s.over(ctx, tx, c, Unfit, p.Sum)
	case p.Paid:
		return c.ID, Done, s.settle(ctx, tx, c, c.Sum, "page/"+c.ID)
	case p.State == PageComplete:
		_, err := tx.ExecContext(ctx, `update checkout set state = 'waits' where id = $1`, c.ID)
		return c.ID, Done, err
	case p.State == PageExpired && c.State == Waits:
		return c.ID, Done, s.over(ctx, tx, c, Failed, money.Sum{})
	case p.State == PageExpired:
		return c.ID, Done, s.over(ctx, tx, c, Ended, money.Sum{})
	}
	return c.ID, Nothing, nil
}

// held returns the checkout of a page, which nobody else changes until the
// transaction ends.
func (s *Store) held(ctx context.Context, tx *db.Tx, p Page) (Checkout, error) {
	const lock = `update checkout set looked_at = looked_at where id = $1 or session = $2 and session <> ''`
	const q = `select ` + checkoutColumns + ` from checkout where id = $1 or session = $2 and session <> '' order by case when id = $1 then 0 else 1 end limit 1`
	if _, err := tx.ExecContext(ctx, lock, p.Ref, p.Session); err != nil {
		return Checkout{}, err
	}
	return db.One(ctx, tx, scanCheckout, q, p.Ref, p.Session)
}

// over ends a checkout otherwise than by the payment that was asked.
func (s *Store) over(ctx context.Context, tx *db.Tx, c Checkout, to State, said money.Sum) error {
	const q = `update checkout set state = $2, ended_at = $3, address = '', said = $4, said_in = $5 where id = $1`
	_, err := tx.ExecContext(ctx, q, c.ID, string(to), db.Micro(s.Now()), said.Cents, strings.ToUpper(said.Currency))
	return err
}

// settle writes the money into the ledger and into the record: what is due
// first is paid first.
func (s *Store) settle(ctx context.Context, tx *db.Tx, c Checkout, sum money.Sum, origin string) error {
	bills, err := s.forCheckout(ctx, tx, c)
	if err != nil {
		return err
	}
	const q = `update checkout set state = 'paid', ended_at = $2, address = '', said = $3, said_in = $4 where id = $1`
	if _, err := tx.ExecContext(ctx, q, c.ID, db.Micro(s.Now()), sum.Cents, sum.Currency); err != nil {
		return err
	}
	number := receiptNumber(c.ID)
	for i, cents := range split(bills, sum.Cents) {
		if cents == 0 {
			continue
		}
		p := Payment{Bill: bills[i].ID, Kind: Card, Sum: money.Sum{Cents: cents, Currency: sum.Currency}, At: s.Now(), Number: number, Checkout: c.ID, ByKind: c.ByKind}
		if err := s.enter(ctx, tx, c.Patient, c.By, origin+"/"+bills[i].ID, p); err != nil {
			return err
		}
	}
	data := map[string]string{"way": c.Way, "plan": c.Plan}
	if err := s.Events.Add(ctx, tx, event.Event{Kind: "bill.paid", Patient: c.Patient, Subject: c.Bill, Data: data}); err != nil {
		return err
	}
	if err := s.finished(ctx, tx, c.Plan); err != nil {
		return err
	}
	c.State = Paid
	return s.caughtUp(ctx, tx, c)
}

// forCheckout returns the bills that a checkout pays, due first.
func (s *Store) forCheckout(ctx context.Context, tx *db.Tx, c Checkout) ([]Bill, error) {
	if c.Plan != "" {
		return s.billsOf(ctx, tx, c.Patient, c.Plan)
	}
	// No veil: the money is there, whatever the bill is about, and nothing of it is shown.
	const q = `select ` + columns + ` from bill b where b.patient = $1 and b.id = $2`
	b, err := db.One(ctx, tx, scan, q, c.Patient, c.Bill)
	if errors.Is(err, db.ErrNone) { // taken back since: the money is kept under it all the same
		return []Bill{{ID: c.Bill, Patient: c.Patient, Asked: money.Sum{Currency: c.Sum.Currency}}}, nil
	}
	return []Bill{b}, err
}

// caughtUp applies the news about a payment that came before the payment.
func (s *Store) caughtUp(ctx context.Context, tx *db.Tx, c Checkout) error {
	if c.Intent == "" {
		return nil
	}
	const q = `select ` + newsColumns + ` from till_news n where n.intent = $1 and n.outcome = 'early' order by n.made_at, n.id`
	list, err := db.All(ctx, tx, scanNews, q, c.Intent)
	if err != nil {
		return err
	}
	for _, n := range list {
		if err := s.returned(ctx, tx, c, n); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update till_news set outcome = 'done', checkout = $2 where id = $1`, n.ID, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// returned writes down money that went back, or came again. What comes late or
// twice takes nothing away a second time.
func (s *Store) returned(ctx context.Context, tx *db.Tx, c Checkout, n News) error {
	if n.Kind == Refunded || n.Kind == RefundFailed {
		return s.refunded(ctx, tx, c, n)
	}
	paid, err := s.rowsOf(ctx, tx, c.ID)
	if err != nil || n.Sum.Cents <= 0 {
		return err
	}
	sign := int64(-1)
	if n.Kind == GivenAgain {
		sign = 1
	}
	origin := "dispute/" + n.Object + "/" + string(n.Kind)
	for i, part := range back(paid, n.Sum.Cents) {
		if part == 0 {
			continue
		}
		p := Payment{Bill: paid[i].Bill, Kind: Dispute, Sum: money.Sum{Cents: sign * part, Currency: paid[i].Sum.Currency}, At: s.Now(), Checkout: c.ID, ByKind: string(access.System)}
		if err := s.enter(ctx, tx, c.Patient, "till", origin+"/"+paid[i].Bill, p); err != nil {
			return err
		}
	}
	return nil
}

// back says how much of cents comes off each payment by card: the last first.
// What is more than was paid comes off the first.
func back(paid []Payment, cents int64) []int64 {
	parts, first := make([]int64, len(paid)), -1
	for i, p := range slices.Backward(paid) {
		if p.Kind != Card {
			continue
		}
		first = i
		part := min(cents, p.Sum.Cents)
		parts[i], cents = part, cents-part
	}
	if first >= 0 {
		parts[first] += cents
	}
	return parts
}

func (s *Store) rowsOf(ctx context.Context, c db.Conn, checkout string) ([]Payment, error) {
	const q = `select ` + paymentColumns + ` from payment p left join bill b on b.id = p.bill where p.checkout = $1 order by p.at, p.id`
	// No veil: rows are counted, and their titles are not shown.
	return db.All(ctx, c, scanPayment, q, checkout)
}

const paymentColumns = `p.id, p.bill, coalesce(b.title, ''), p.kind, p.currency, p.cents, p.at, p.number, p.checkout, p.by_kind, p.note`

func scanPayment(row db.Scan) (p Payment, err error) {
	var at int64
	err = row(&p.ID, &p.Bill, &p.Title, &p.Kind, &p.Sum.Currency, &p.Sum.Cents, &at, &p.Number, &p.Checkout, &p.ByKind, &p.Note)
	p.At = db.Time(at)
	return p, err
}

// enter adds a row to the ledger, and a PaymentNotice to the record, so that
// the biller learns of it by the usual ways. The same origin counts once.
func (s *Store) enter(ctx context.Context, tx *db.Tx, patient, by, origin string, p Payment) error {
	const q = `insert into payment (id, bill, patient, kind, currency, cents, at, origin, checkout, number, by_kind, by, note)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (origin) do nothing`
	p.ID = s.IDs.New()
	n, err := db.Changed(tx.ExecContext(ctx, q, p.ID, p.Bill, patient, string(p.Kind), p.Sum.Currency, p.Sum.Cents, db.Micro(p.At), origin, p.Checkout, p.Number, p.ByKind, by, p.Note))
	if err != nil || n == 0 {
		return err
	}
	body, err := json.Marshal(s.notice(p))
	if err != nil {
		return err
	}
	src := record.Source{Actor: access.SystemActor("bills", access.WriteRecord)}
	_, err = s.Records.PutAll(ctx, tx, src, []record.Draft{{Type: "PaymentNotice", ID: p.ID, Body: body}})
	return err
}

// notice is a row of the ledger as FHIR. It names the bill and the sum, and
// nobody. A sum below zero is money that went back.
//
// Spec: https://hl7.org/fhir/R4/paymentnotice.html
func (s *Store) notice(p Payment) map[string]any {
	status := "paid"
	if p.Kind == Card {
		status = "cleared"
	}
	id := map[string]string{"system": Ledger, "value": p.ID}
	return map[string]any{
		"resourceType": "PaymentNotice", "id": p.ID, "status": "active", "identifier": []any{id},
		"request": map[string]string{"reference": "Invoice/" + p.Bill}, "created": p.At.UTC().Format(time.RFC3339), "paymentDate": p.At.In(s.Zone).Format(time.DateOnly),
		"payment": map[string]any{"identifier": id, "display": string(p.Kind)}, "recipient": map[string]string{"display": s.Clinic},
		"amount":        map[string]any{"value": json.RawMessage(p.Sum.Decimal()), "currency": p.Sum.Currency},
		"paymentStatus": map[string]any{"coding": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/paymentstatus", "code": status}}},
	}
}

// receiptNumber is what stands on a receipt: short enough to be told by
// phone.
func receiptNumber(id string) string {
	id = strings.ToUpper(strings.ReplaceAll(id, "-", ""))
	return "R-" + id[max(0, len(id)-10):]
}
