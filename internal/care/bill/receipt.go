package bill

import (
	"context"
	"fmt"
	"slices"

	"hale/internal/access"
	"hale/internal/base/money"
	"hale/internal/store/db"
)

// hiddenBills leaves out payments for bills that the pass does not show.
const hiddenBills = ` not exists (select 1 from shield z where z.patient = $1 and z.id = p.bill
	and z.typ = 'Invoice' and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// Payments returns what was paid on one bill of the patient whom pass opens,
// oldest first.
func (s *Store) Payments(ctx context.Context, pass access.Pass, bill string) ([]Payment, error) {
	const q = `select ` + paymentColumns + ` from payment p join bill b on b.id = p.bill
		where b.patient = $1 and ` + hiddenBills + ` and p.bill = $4 order by p.at, p.id`
	return s.payments(ctx, pass, q, bill)
}

func (s *Store) payments(ctx context.Context, pass access.Pass, q string, more ...any) ([]Payment, error) {
	patient, err := opened(pass)
	if err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, scanPayment, q, append([]any{patient, hidden, until}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("bill: payments: %w", err)
	}
	return list, nil
}

// Receipts returns what the patient whom pass opens paid, the newest first.
func (s *Store) Receipts(ctx context.Context, pass access.Pass, n int) ([]Receipt, error) {
	const q = `select ` + paymentColumns + ` from payment p left join bill b on b.id = p.bill
		where p.patient = $1 and ` + hiddenBills + ` and p.number <> '' order by p.at desc, p.number, p.id limit $4`
	list, err := s.payments(ctx, pass, q, n)
	if err != nil {
		return nil, err
	}
	return s.receipts(ctx, list)
}

// Receipt returns one of them by its number.
func (s *Store) Receipt(ctx context.Context, pass access.Pass, number string) (Receipt, error) {
	const q = `select ` + paymentColumns + ` from payment p left join bill b on b.id = p.bill
		where p.patient = $1 and ` + hiddenBills + ` and p.number = $4 and p.number <> '' order by p.id`
	list, err := s.payments(ctx, pass, q, number)
	if err != nil {
		return Receipt{}, err
	}
	all, err := s.receipts(ctx, list)
	if err == nil && len(all) == 0 {
		err = errNone
	}
	if err != nil {
		return Receipt{}, err
	}
	return all[0], nil
}

// receipts puts rows with one number together, and adds what came back.
func (s *Store) receipts(ctx context.Context, list []Payment) (all []Receipt, err error) {
	for _, p := range list {
		i := slices.IndexFunc(all, func(r Receipt) bool { return r.Number == p.Number })
		if i < 0 {
			all = append(all, Receipt{Number: p.Number, Kind: p.Kind, At: p.At, Sum: money.Sum{Currency: p.Sum.Currency}, Back: money.Sum{Currency: p.Sum.Currency}})
			i = len(all) - 1
		}
		all[i].Sum.Cents += p.Sum.Cents
		all[i].Parts = append(all[i].Parts, p)
	}
	const q = `select cast(coalesce(sum(cents), 0) as bigint) from payment where checkout = $1 and kind in ('refund', 'dispute')`
	for i := range all {
		if c := all[i].Parts[0].Checkout; c != "" {
			n, err := db.One(ctx, s.DB, db.Value[int64], q, c)
			if err != nil {
				return nil, fmt.Errorf("bill: receipts: %w", err)
			}
			all[i].Back.Cents = max(0, -n)
		}
	}
	return all, nil
}
