package bill

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/store/db"
)

// State is how far somebody came who went to pay by card.
type State string

// The states. Asked is before the till answered; Waits is when the payer did
// their part and the money is on its way; Unfit is when another sum was paid
// than was asked.
const (
	Asked  State = "asked"
	Going  State = "open"
	Waits  State = "waits"
	Paid   State = "paid"
	Ended  State = "ended"
	Failed State = "failed"
	Unfit  State = "unfit"
)

// Checkout is one time that somebody went to pay by card.
type Checkout struct {
	ID, Patient, Bill, Plan string
	Sum                     money.Sum
	State                   State
	Session, Intent         string
	Address                 string
	Way, Back, Lang         string
	ByKind, By              string
	Made, Looked, Over      time.Time
	Said                    money.Sum // what was paid, as the till says
}

// Order is what somebody wants to pay: a bill, or the next of a plan.
type Order struct {
	Bill, Plan string
	Sum        money.Sum
	Way        string // portal or link
	Back       string // where on our site the payer comes back to; the checkout's id is added
	Lang       string
}

const checkoutColumns = `id, patient, bill, plan, currency, cents, state, session, intent, address, way, back, lang, by_kind, by, made_at, looked_at, ended_at, said, said_in`

func scanCheckout(row db.Scan) (c Checkout, err error) {
	var made, looked, over int64
	err = row(&c.ID, &c.Patient, &c.Bill, &c.Plan, &c.Sum.Currency, &c.Sum.Cents, &c.State, &c.Session, &c.Intent, &c.Address, &c.Way, &c.Back, &c.Lang,
		&c.ByKind, &c.By, &made, &looked, &over, &c.Said.Cents, &c.Said.Currency)
	c.Made, c.Looked, c.Over = db.Time(made), db.Time(looked), db.Time(over)
	return c, err
}

// pageLife is how long a page of the till is open, again is how long a second
// press of the button leads to the same page.
const (
	pageLife = 2 * time.Hour
	again    = 30 * time.Minute
)

// Begin makes a page of the till for an order and returns where it is. What
// was begun before for the same is shut first, so that nobody pays twice.
func (s *Store) Begin(ctx context.Context, pass access.Pass, in Order) (Checkout, error) {
	if s.Till == nil {
		return Checkout{}, errOff
	}
	patient, err := opened(pass)
	if err != nil {
		return Checkout{}, err
	}
	old, err := s.going(ctx, patient, in)
	if err != nil {
		return Checkout{}, err
	}
	for _, c := range old {
		if c.State == Going && c.Sum == in.Sum && c.Back == in.Back && s.Now().Sub(c.Made) < again {
			return c, nil
		}
		if err := s.shut(ctx, c); err != nil {
			return Checkout{}, err
		}
	}
	c := Checkout{
		ID: s.IDs.New(), Patient: patient, Bill: in.Bill, Plan: in.Plan, Sum: in.Sum, State: Asked, Way: in.Way, Back: in.Back, Lang: in.Lang,
		ByKind: string(pass.Actor().Kind), By: pass.Actor().ID, Made: s.Now().UTC().Truncate(time.Second),
	}
	if err := s.DB.Tx(ctx, func(tx *db.Tx) error { return s.ask(ctx, tx, pass, c) }); err != nil {
		return Checkout{}, failed("begin", in.Bill+in.Plan, err)
	}
	return s.open(ctx, c) // from here on a job finishes what a crash leaves
}

// ask writes down that somebody goes to pay, if so much is owed.
func (s *Store) ask(ctx context.Context, tx *db.Tx, pass access.Pass, c Checkout) error {
	if err := s.Records.Hold(ctx, tx, c.Patient); err != nil { // one at a time
		return err
	}
	left, err := s.owed(ctx, tx, pass, c.Patient, c.Bill, c.Plan)
	if err != nil {
		return err
	}
	switch {
	case left.Cents <= 0:
		return errNothing
	case c.Sum.Currency != left.Currency:
		return errAmount
	case c.Sum.Cents < min(leastByCard, left.Cents):
		return errLittle
	case c.Sum.Cents > left.Cents:
		return errMuch
	}
	const other = `select count(*) from checkout where patient = $1 and bill = $2 and plan = $3 and state in ('asked', 'open', 'waits')`
	n, err := db.One(ctx, tx, db.Value[int], other, c.Patient, c.Bill, c.Plan)
	if err == nil && n > 0 {
		err = errGoing
	}
	if err != nil {
		return err
	}
	const q = `insert into checkout (id, patient, bill, plan, currency, cents, state, way, back, lang, by_kind, by, made_at)
		values ($1, $2, $3, $4, $5, $6, 'asked', $7, $8, $9, $10, $11, $12)`
	_, err = tx.ExecContext(ctx, q, c.ID, c.Patient, c.Bill, c.Plan, c.Sum.Currency, c.Sum.Cents, c.Way, c.Back, c.Lang, c.ByKind, c.By, db.Micro(c.Made))
	return err
}

// owed is what is left of a bill, or of all bills of a plan.
func (s *Store) owed(ctx context.Context, c db.Conn, pass access.Pass, patient, id, plan string) (money.Sum, error) {
	if plan == "" {
		b, err := get(ctx, c, pass, patient, id)
		if err != nil {
			return money.Sum{}, err
		}
		if b.Status == Cancelled {
			return money.Sum{}, errNothing
		}
		return b.Left(), nil
	}
	list, err := s.billsOf(ctx, c, patient, plan)
	if err != nil {
		return money.Sum{}, err
	}
	sums := Balance(list)
	if len(sums) == 0 {
		return money.Sum{}, errNothing
	}
	return sums[0], nil
}

// open asks the till for the page of c and writes down where it is. The till
// is asked by the checkout's id: however often it is asked, there is one page.
func (s *Store) open(ctx context.Context, c Checkout) (Checkout, error) {
	page, err := s.Till.Open(ctx, Asking{
		Ref: c.ID, Sum: c.Sum, Title: s.Clinic, Back: c.Back + c.ID, Cancel: c.Back + c.ID + "?left=1", Lang: c.Lang, Ends: c.Made.Add(pageLife),
	})
	if err != nil {
		return c, errTill.Because(err)
	}
	c.State, c.Session, c.Address = Going, page.Session, page.Address
	const q = `update checkout set state = 'open', session = $2, address = $3 where id = $1 and state = 'asked'`
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, c.ID, c.Session, c.Address)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("bill: open %s: %w", c.ID, err)
	}
	return c, nil
}

// going returns what was begun for the same order and is not over.
func (s *Store) going(ctx context.Context, patient string, in Order) ([]Checkout, error) {
	const q = `select ` + checkoutColumns + ` from checkout where patient = $1 and bill = $2 and plan = $3 and state in ('asked', 'open') order by made_at`
	list, err := db.All(ctx, s.DB, scanCheckout, q, patient, in.Bill, in.Plan)
	if err != nil {
		return nil, fmt.Errorf("bill: going: %w", err)
	}
	return list, nil
}

// shut ends a page that nobody paid on. Where somebody did, that counts, and
// nothing new is begun.
func (s *Store) shut(ctx context.Context, c Checkout) error {
	if c.State == Asked {
		var err error
		if c, err = s.open(ctx, c); err != nil { // the till may have made it before a crash
			return err
		}
	}
	page, err := s.Till.Shut(ctx, c.Session)
	if err != nil {
		return errTill.Because(err)
	}
	if err := s.Heard(ctx, page); err != nil {
		return err
	}
	if page.State == PageComplete {
		return errGoing
	}
	return nil
}

// Checkout returns one of the patient whom pass opens.
func (s *Store) Checkout(ctx context.Context, pass access.Pass, id string) (Checkout, error) {
	patient, err := opened(pass)
	if err != nil {
		return Checkout{}, err
	}
	const q = `select ` + checkoutColumns + ` from checkout where patient = $1 and id = $2`
	c, err := db.One(ctx, s.DB, scanCheckout, q, patient, id)
	if err != nil {
		return c, fmt.Errorf("bill: checkout %s: %w", id, err)
	}
	return c, nil
}

// LeastByCard is the least that a card pays of what is left.
func LeastByCard(left money.Sum) money.Sum {
	return money.Sum{Cents: min(leastByCard, left.Cents), Currency: left.Currency}
}

// failed keeps the sort of an error and names what failed.
func failed(verb, id string, err error) error {
	if err != nil && errs.KindOf(err) == errs.Internal {
		return fmt.Errorf("bill: %s %s: %w", verb, id, err)
	}
	return err
}
