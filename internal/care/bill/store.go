package bill

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/money"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// tasks is what the store needs of package task.
type tasks interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in task.New) (task.Task, error)
}

// Config is what a Store is made of.
type Config struct {
	DB      *db.DB
	Records records
	Tasks   tasks // takes what patients ask for; nil: nothing can be asked
	Events  *event.Log
	IDs     *ids.Source
	Now     func() time.Time
	Till    Till // takes cards; nil: none are taken
	Rules   Rules
	Clinic  string // its name, which is all that the one who takes cards is told
	Zone    *time.Location
}

// Store keeps bills, payments and plans.
type Store struct{ Config }

// NewStore returns a store made of c.
func NewStore(c Config) *Store {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	c.Rules = c.Rules.orUsual()
	return &Store{c}
}

// TakesCards says whether anybody can pay by card here.
func (s *Store) TakesCards() bool { return s.Till != nil }

// columns are those of a bill with what was paid.
const columns = `b.id, b.patient, b.status, b.number, b.title, b.account, b.issuer, b.issued_at, b.due_at, b.currency,
	b.charged, b.insurance, b.adjusted, b.owed, b.entries, b.source, b.updated_at,
	cast(coalesce((select sum(p.cents) from payment p where p.bill = b.id and p.currency = b.currency), 0) as bigint),
	cast(coalesce((select sum(c.cents) from checkout c where c.bill = b.id and c.state = 'waits'), 0) as bigint)`

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = b.patient and z.id = b.id
	and z.typ = 'Invoice' and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// opened returns the patient whose bills pass opens.
func opened(pass access.Pass) (patient string, err error) {
	if patient, err = pass.Open(access.PayBills); err != nil {
		return "", err
	}
	if !pass.Sees(access.Bills) {
		return "", fmt.Errorf("bill: %w", db.ErrNone)
	}
	return patient, nil
}

// List returns the bills of the patient whom pass opens, the newest first.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Bill, error) {
	const q = `select ` + columns + ` from bill b where b.patient = $1 and ` + veil + ` and b.status <> 'cancelled'
		order by b.issued_at desc, b.id limit $4`
	patient, err := opened(pass)
	if err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, scan, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("bill: list: %w", err)
	}
	return list, s.named(ctx, patient, list)
}

// Get returns one bill of the patient whom pass opens, with what insurance did
// where the bill itself does not say it.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Bill, error) {
	patient, err := opened(pass)
	if err != nil {
		return Bill{}, err
	}
	b, err := get(ctx, s.DB, pass, patient, id)
	if err != nil {
		return Bill{}, err
	}
	list := []Bill{b}
	if err := s.named(ctx, patient, list); err != nil {
		return Bill{}, err
	}
	return list[0], nil
}

func get(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Bill, error) {
	const q = `select ` + columns + ` from bill b where b.patient = $1 and ` + veil + ` and b.id = $4`
	hidden, until := pass.Veil()
	b, err := db.One(ctx, c, scan, q, patient, hidden, until, id)
	if err != nil {
		return Bill{}, fmt.Errorf("bill: get %s: %w", id, err)
	}
	return b, nil
}

// named fills in the names of charges that stand in resources of their own.
func (s *Store) named(ctx context.Context, patient string, list []Bill) error {
	var asked []string
	for _, b := range list {
		for _, l := range b.Lines {
			if id, ok := chargeOf(l.Title); ok && !slices.Contains(asked, id) {
				asked = append(asked, id)
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	const q = `select id, title from bill_charge where patient = $1`
	titles := map[string]string{}
	rows, err := db.All(ctx, s.DB, func(scan db.Scan) (v [2]string, err error) { return v, scan(&v[0], &v[1]) }, q, patient)
	if err != nil {
		return fmt.Errorf("bill: charges: %w", err)
	}
	for _, r := range rows {
		titles[r[0]] = r[1]
	}
	for i := range list {
		for j, l := range list[i].Lines {
			if id, ok := chargeOf(l.Title); ok {
				list[i].Lines[j].Title = titles[id]
			}
		}
		if id, ok := chargeOf(list[i].Title); ok {
			list[i].Title = titles[id]
		}
	}
	return nil
}

// chargeMark begins the title of a line that a ChargeItem names.
const chargeMark = "\x00"

func chargeOf(title string) (id string, ok bool) {
	if len(title) > 1 && title[:1] == chargeMark {
		return title[1:], true
	}
	return "", false
}

// Benefits returns what insurance did for the patient whom pass opens, the
// newest first.
func (s *Store) Benefits(ctx context.Context, pass access.Pass, n int) ([]Benefit, error) {
	const q = `
		select b.id, b.title, b.account, b.insurer, b.at, b.currency, b.charged, b.paid, b.adjusted, b.owes, b.source, b.updated_at
		from benefit b
		where b.patient = $1 and not exists (select 1 from shield z where z.patient = b.patient and z.id = b.id
			and z.typ = 'ExplanationOfBenefit' and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by b.at desc, b.id limit $4`
	patient, err := opened(pass)
	if err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, scanBenefit, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("bill: benefits: %w", err)
	}
	return list, nil
}

// With returns b with what insurance says it did, where the bill has nothing
// of it and an account in common.
func (b Bill) With(list []Benefit) Bill {
	if b.Account == "" || b.Insurance.Cents != 0 || b.Adjusted.Cents != 0 {
		return b
	}
	for _, x := range list {
		if x.Account == b.Account && x.Paid.Currency == b.Asked.Currency {
			b.Insurance.Cents += x.Paid.Cents
			b.Adjusted.Cents += x.Adjusted.Cents
		}
	}
	return b
}

func scan(row db.Scan) (b Bill, err error) {
	var issued, due, updated int64
	var currency, text string
	err = row(&b.ID, &b.Patient, &b.Status, &b.Number, &b.Title, &b.Account, &b.Issuer, &issued, &due, &currency,
		&b.Charged.Cents, &b.Insurance.Cents, &b.Adjusted.Cents, &b.Asked.Cents, &text, &b.Source, &updated, &b.Paid.Cents, &b.Coming.Cents)
	if err != nil {
		return b, err
	}
	for _, s := range []*money.Sum{&b.Charged, &b.Insurance, &b.Adjusted, &b.Asked, &b.Paid, &b.Coming} {
		s.Currency = currency
	}
	b.Issued, b.Due, b.Updated = db.Time(issued), db.Time(due), db.Time(updated)
	var list []entry
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return b, err
	}
	for _, e := range list {
		l := Line{Title: e.Title, Sum: money.Sum{Cents: e.Cents, Currency: currency}}
		if l.Title == "" && e.Charge != "" {
			l.Title = chargeMark + e.Charge
		}
		b.Lines = append(b.Lines, l)
	}
	if b.Title == "" && len(b.Lines) > 0 {
		b.Title = b.Lines[0].Title
	}
	return b, nil
}

func scanBenefit(row db.Scan) (b Benefit, err error) {
	var at, updated int64
	var currency string
	err = row(&b.ID, &b.Title, &b.Account, &b.Insurer, &at, &currency, &b.Charged.Cents, &b.Paid.Cents, &b.Adjusted.Cents, &b.Owes.Cents, &b.Source, &updated)
	b.At, b.Updated = db.Time(at), db.Time(updated)
	for _, s := range []*money.Sum{&b.Charged, &b.Paid, &b.Adjusted, &b.Owes} {
		s.Currency = currency
	}
	return b, err
}
