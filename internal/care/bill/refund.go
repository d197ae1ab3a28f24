package bill

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/money"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Failure is money that was to go back to a card and did not. It is in the
// balance again, and somebody has to give it back another way.
type Failure struct {
	ID, Checkout, Patient string
	Bill                  string // empty: of a plan
	Sum                   money.Sum
	Reason                string // the till's code
	At                    time.Time
}

// wentBack returns how much of a charge stands refunded, by all that the till
// told of it: its newest word on the charge, less each refund that failed
// since. The till counts a refund when it begins, and takes it out of later
// words when it fails.
//
// Spec: https://docs.stripe.com/refunds#failed-refunds
func wentBack(list []News) int64 {
	var last News
	for _, n := range list {
		if n.Kind == Refunded && (n.At.After(last.At) || n.At.Equal(last.At) && n.Sum.Cents > last.Sum.Cents || last.ID == "") {
			last = n
		}
	}
	if last.ID == "" {
		return 0
	}
	cents, seen := last.Sum.Cents, map[string]bool{}
	for _, n := range list {
		if n.Kind == RefundFailed && !n.At.Before(last.At) && !seen[n.Object] {
			seen[n.Object] = true
			cents -= n.Sum.Cents
		}
	}
	return max(0, cents)
}

const newsColumns = `n.id, n.kind, n.object, n.intent, n.currency, n.cents, n.made_at, n.reason`

func scanNews(scan db.Scan) (n News, err error) {
	var at int64
	err = scan(&n.ID, &n.Kind, &n.Object, &n.Intent, &n.Sum.Currency, &n.Sum.Cents, &at, &n.Reason)
	n.At = db.Time(at)
	return n, err
}

// refunded brings the ledger to what the till says went back of a checkout:
// below it where more went back, and above it again where a refund failed.
func (s *Store) refunded(ctx context.Context, tx *db.Tx, c Checkout, n News) error {
	const q = `select ` + newsColumns + ` from till_news n where n.intent = $1 and n.kind in ('refund', 'refund_failed') order by n.made_at, n.id`
	news, err := db.All(ctx, tx, scanNews, q, c.Intent)
	if err != nil {
		return err
	}
	paid, err := s.rowsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	if n.Kind == RefundFailed {
		if err := s.failedOnce(ctx, tx, c, n); err != nil {
			return err
		}
	}
	cents, origin := wentBack(news), "refund/"+n.ID
	for _, p := range paid {
		if p.Kind == Refund {
			cents += p.Sum.Cents // below zero
		}
	}
	parts, sign := back(paid, max(0, cents)), int64(-1)
	if cents < 0 {
		parts, sign = putBack(paid, -cents), 1
	}
	for i, part := range parts {
		if part == 0 {
			continue
		}
		p := Payment{Bill: paid[i].Bill, Kind: Refund, Sum: money.Sum{Cents: sign * part, Currency: paid[i].Sum.Currency}, At: s.Now(), Checkout: c.ID, ByKind: string(access.System)}
		if sign > 0 {
			p.Note = n.Reason
		}
		if err := s.enter(ctx, tx, c.Patient, "till", origin+"/"+paid[i].Bill+"/"+paid[i].ID, p); err != nil {
			return err
		}
	}
	return nil
}

// putBack says how much of cents is put back to the bill of each row: what was
// refunded last comes back first.
func putBack(paid []Payment, cents int64) []int64 {
	parts, net := make([]int64, len(paid)), map[string]int64{}
	for _, p := range paid {
		if p.Kind == Refund {
			net[p.Bill] -= p.Sum.Cents
		}
	}
	for i, p := range slices.Backward(paid) {
		if p.Kind != Refund || p.Sum.Cents >= 0 {
			continue
		}
		part := min(cents, -p.Sum.Cents, net[p.Bill])
		parts[i], cents, net[p.Bill] = part, cents-part, net[p.Bill]-part
	}
	return parts
}

// failedOnce notes that a refund failed, for the desk.
func (s *Store) failedOnce(ctx context.Context, tx *db.Tx, c Checkout, n News) error {
	const q = `insert into refund_failed (id, checkout, patient, currency, cents, reason, at) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	added, err := db.Changed(tx.ExecContext(ctx, q, n.Object, c.ID, c.Patient, n.Sum.Currency, n.Sum.Cents, n.Reason, db.Micro(n.At)))
	if err != nil || added == 0 {
		return err
	}
	return s.Events.Add(ctx, tx, event.Event{Kind: "bill.refund_failed", Patient: c.Patient, Subject: c.Bill})
}

// Failures returns the refunds of anyone that failed and that nobody has
// settled, the oldest first.
func (s *Store) Failures(ctx context.Context, pass access.Pass, n int) ([]Failure, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select f.id, f.checkout, f.patient, coalesce(c.bill, ''), f.currency, f.cents, f.reason, f.at
		from refund_failed f left join checkout c on c.id = f.checkout where f.seen_at = 0 order by f.at, f.id limit $1`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (f Failure, err error) {
		var at int64
		err = scan(&f.ID, &f.Checkout, &f.Patient, &f.Bill, &f.Sum.Currency, &f.Sum.Cents, &f.Reason, &at)
		f.At = db.Time(at)
		return f, err
	}, q, n)
	if err != nil {
		return nil, fmt.Errorf("bill: failures: %w", err)
	}
	return list, nil
}

// SettleFailure notes that somebody saw to a refund that failed, of the
// patient whom pass opens.
func (s *Store) SettleFailure(ctx context.Context, pass access.Pass, id string) error {
	patient, err := opened(pass)
	if err != nil {
		return err
	}
	if pass.Actor().Kind != access.Staff {
		return errNone
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update refund_failed set seen_by = $3, seen_at = $4 where id = $1 and patient = $2 and seen_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, pass.Actor().ID, db.Micro(s.Now())))
		if err == nil && n == 0 {
			err = errNone
		}
		return err
	})
	return failed("settle refund", id, err)
}
