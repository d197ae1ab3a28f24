package bill

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// unlabelled leaves out what a pass over everyone does not show.
const unlabelled = ` not exists (select 1 from shield z where z.patient = b.patient and z.id = b.id
	and z.typ = 'Invoice' and ((z.labels & $1) <> 0 or z.held_until > $2)) `

const leftOf = `b.owed - (select coalesce(sum(p.cents), 0) from payment p where p.bill = b.id and p.currency = b.currency)`

// Owed returns n bills of anyone on which something is owed, the one that was
// due first first.
func (s *Store) Owed(ctx context.Context, pass access.Pass, n int) ([]Bill, error) {
	const q = `select ` + columns + ` from bill b where b.status = 'issued' and ` + unlabelled + ` and ` + leftOf + ` > 0
		order by case when b.due_at = 0 then 1 else 0 end, b.due_at, b.id limit $3`
	return s.everyones(ctx, pass, q, n)
}

// Over returns n bills of anyone on which too much was paid.
func (s *Store) Over(ctx context.Context, pass access.Pass, n int) ([]Bill, error) {
	const q = `select ` + columns + ` from bill b where b.status = 'issued' and b.id in (select y.bill from payment y) and ` + unlabelled + ` and ` + leftOf + ` < 0
		order by b.updated_at desc, b.id limit $3`
	return s.everyones(ctx, pass, q, n)
}

func (s *Store) everyones(ctx context.Context, pass access.Pass, q string, n int) ([]Bill, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, scan, q, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("bill: of everyone: %w", err)
	}
	return list, nil
}

// Count is what the desk has to do about money.
type Count struct{ Open, Late, Asked, LateParts, Unfit, Waits, Failed int }

// Counts counts over everyone.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (c Count, err error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return c, err
	}
	hidden, until := pass.Veil()
	const q = `select count(*), count(case when b.due_at <> 0 and b.due_at < $3 then 1 end) from bill b where b.status = 'issued' and ` + unlabelled + ` and ` + leftOf + ` > 0`
	_, err = db.One(ctx, s.DB, func(scan db.Scan) (v struct{}, err error) { return v, scan(&c.Open, &c.Late) }, q, hidden, until, db.Micro(s.Now()))
	if err != nil {
		return c, fmt.Errorf("bill: counts: %w", err)
	}
	for _, one := range []struct {
		into *int
		n    func() (int, error)
	}{
		{&c.Asked, func() (int, error) {
			return db.One(ctx, s.DB, db.Value[int], `select count(*) from bill_plan where state = 'asked'`)
		}},
		{&c.Unfit, func() (int, error) {
			return db.One(ctx, s.DB, db.Value[int], `select count(*) from checkout where state = 'unfit'`)
		}},
		{&c.Failed, func() (int, error) {
			return db.One(ctx, s.DB, db.Value[int], `select count(*) from refund_failed where seen_at = 0`)
		}},
		{&c.Waits, func() (int, error) {
			return db.One(ctx, s.DB, db.Value[int], `select count(*) from checkout where state = 'waits'`)
		}},
	} {
		if *one.into, err = one.n(); err != nil {
			return c, fmt.Errorf("bill: counts: %w", err)
		}
	}
	return c, nil
}

// PlansOpen returns the plans of anyone that wait to be decided, and those
// that run.
func (s *Store) PlansOpen(ctx context.Context, pass access.Pass, n int) ([]Plan, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select ` + planColumns + ` from bill_plan where state in ('asked', 'agreed') order by case when state = 'asked' then 0 else 1 end, asked_at, id limit $1`
	list, err := db.All(ctx, s.DB, scanPlan, q, n)
	for i := 0; i < len(list) && err == nil; i++ {
		err = s.fill(ctx, s.DB, &list[i])
	}
	if err != nil {
		return nil, fmt.Errorf("bill: plans: %w", err)
	}
	return list, nil
}

// PlanWhose returns whose plan it is, for somebody who sees everyone's.
func (s *Store) PlanWhose(ctx context.Context, pass access.Pass, id string) (string, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return "", err
	}
	patient, err := db.One(ctx, s.DB, db.Value[string], `select patient from bill_plan where id = $1`, id)
	if err != nil {
		return "", fmt.Errorf("bill: plan %s: %w", id, err)
	}
	return patient, nil
}

// Taking is money that the desk took, or that it asks for no longer.
type Taking struct {
	Bill string
	Kind Kind // Cash, Check or WriteOff
	Sum  money.Sum
	Note string
	Once string // the form's own name: pressed twice, it counts once
}

// noteMost is how long a note may be, in bytes.
const noteMost = 300

// Take writes down what the desk took for a bill of the patient whom pass
// opens. It returns the number of the receipt, empty for a write-off.
func (s *Store) Take(ctx context.Context, pass access.Pass, in Taking) (number string, err error) {
	patient, err := opened(pass)
	if err != nil {
		return "", err
	}
	if in.Note = strings.TrimSpace(strings.ToValidUTF8(in.Note, "")); len(in.Note) > noteMost {
		in.Note = strings.ToValidUTF8(in.Note[:noteMost], "")
	}
	switch {
	case in.Kind != Cash && in.Kind != Check && in.Kind != WriteOff:
		return "", errKind
	case in.Kind == WriteOff && in.Note == "":
		return "", errNote
	case pass.Actor().Kind != access.Staff:
		return "", errs.New(errs.NotFound, "We could not find that record.")
	}
	p := Payment{Bill: in.Bill, Kind: in.Kind, Sum: in.Sum, At: s.Now(), ByKind: string(access.Staff), Note: in.Note}
	if in.Kind != WriteOff {
		p.Number = receiptNumber(s.IDs.New())
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := s.Records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		b, err := get(ctx, tx, pass, patient, in.Bill)
		if err != nil {
			return err
		}
		switch {
		case b.Left().Cents <= 0:
			return errNothing
		case in.Sum.Cents <= 0 || in.Sum.Currency != b.Asked.Currency:
			return errAmount
		case in.Sum.Cents > b.Left().Cents:
			return errMuch
		}
		if err := s.enter(ctx, tx, patient, pass.Actor().ID, "desk/"+in.Bill+"/"+in.Once, p); err != nil {
			return err
		}
		if err := s.plansDone(ctx, tx, in.Bill); err != nil {
			return err
		}
		return s.Events.Add(ctx, tx, event.Event{Kind: "bill." + string(in.Kind), Patient: patient, Subject: in.Bill})
	})
	if err != nil {
		return "", failed("take for", in.Bill, err)
	}
	return p.Number, nil
}

// plansDone closes the plan of a bill, if all its bills are paid.
func (s *Store) plansDone(ctx context.Context, tx *db.Tx, bill string) error {
	const q = `select plan from bill_plan_bill where bill = $1`
	list, err := db.All(ctx, tx, db.Value[string], q, bill)
	for _, plan := range list {
		if err == nil {
			err = s.finished(ctx, tx, plan)
		}
	}
	return err
}

// Accept takes a payment whose sum did not fit as it is: so much was paid.
func (s *Store) Accept(ctx context.Context, pass access.Pass, checkout string) error {
	patient, err := opened(pass)
	if err != nil {
		return err
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		c, err := s.held(ctx, tx, Page{Ref: checkout})
		if err != nil {
			return err
		}
		if c.Patient != patient || c.State != Unfit || c.Said.Currency != c.Sum.Currency {
			return errNone
		}
		return s.settle(ctx, tx, c, c.Said, "page/"+c.ID)
	})
	return failed("accept", checkout, err)
}

// Unfits returns the payments of anyone whose sum was not what was asked.
func (s *Store) Unfits(ctx context.Context, pass access.Pass, n int) ([]Checkout, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select ` + checkoutColumns + ` from checkout where state = 'unfit' order by made_at, id limit $1`
	list, err := db.All(ctx, s.DB, scanCheckout, q, n)
	if err != nil {
		return nil, fmt.Errorf("bill: unfit: %w", err)
	}
	return list, nil
}
