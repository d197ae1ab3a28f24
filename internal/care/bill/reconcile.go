package bill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/money"
	"hale/internal/store/db"
)

// Matched is one checkout beside what the ledger has of it.
type Matched struct {
	Checkout
	Entered money.Sum // what the ledger has of it, less what came back
}

// Tally is what the till said and what the ledger has in one currency, in
// minor units.
type Tally struct {
	Currency string
	Said     int64 // paid by card, as the till says
	Back     int64 // came back, as the till says
	Entered  int64 // by the ledger
}

// Off says how far the two are apart.
func (t Tally) Off() int64 { return t.Said - t.Back - t.Entered }

// Reconciliation is what the till said and what the ledger has, side by side:
// one tally for each currency, since no two can be added.
type Reconciliation struct {
	Rows    []Matched
	Tallies []Tally // by currency; none where nobody paid by card
	Early   int     // news about payments that nobody has heard of
	Foreign int     // news that is not ours
	Heard   time.Time
}

// Even says whether the two are the same in every currency.
func (r Reconciliation) Even() bool {
	return !slices.ContainsFunc(r.Tallies, func(t Tally) bool { return t.Off() != 0 })
}

// add counts a sum into the tally of its currency.
func (r *Reconciliation) add(sum money.Sum, to func(*Tally) *int64) {
	i := slices.IndexFunc(r.Tallies, func(t Tally) bool { return t.Currency == sum.Currency })
	if i < 0 {
		r.Tallies = append(r.Tallies, Tally{Currency: sum.Currency})
		i = len(r.Tallies) - 1
	}
	*to(&r.Tallies[i]) += sum.Cents
}

// Reconcile compares what the till said with the ledger, since a time: both
// sums come from what each side keeps by itself.
func (s *Store) Reconcile(ctx context.Context, pass access.Pass, since time.Time, n int) (r Reconciliation, err error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return r, err
	}
	const rows = `select c.id, c.patient, c.bill, c.plan, c.currency, c.cents, c.state, c.session, c.intent, '', c.way, c.back, c.lang, c.by_kind, c.by, c.made_at, c.looked_at, c.ended_at, c.said, c.said_in,
			cast(coalesce((select sum(p.cents) from payment p where p.checkout = c.id and p.currency = c.currency), 0) as bigint)
		from checkout c where c.made_at >= $1 order by c.made_at desc, c.id limit $2`
	r.Rows, err = db.All(ctx, s.DB, func(scan db.Scan) (m Matched, err error) {
		m.Checkout, err = scanCheckout(func(into ...any) error { return scan(append(into, &m.Entered.Cents)...) })
		m.Entered.Currency = m.Sum.Currency
		return m, err
	}, rows, db.Micro(since), n)
	if err == nil {
		err = s.tallies(ctx, since, &r)
	}
	const news = `select count(case when outcome = 'early' then 1 end), count(case when outcome = 'foreign' then 1 end), coalesce(max(heard_at), 0) from till_news where heard_at >= $1`
	if err == nil {
		_, err = db.One(ctx, s.DB, func(scan db.Scan) (v struct{}, err error) {
			var at int64
			err = scan(&r.Early, &r.Foreign, &at)
			r.Heard = db.Time(at)
			return v, err
		}, news, db.Micro(since))
	}
	if err != nil {
		return r, fmt.Errorf("bill: reconcile: %w", err)
	}
	return r, nil
}

func scanSum(scan db.Scan) (sum money.Sum, err error) { return sum, scan(&sum.Currency, &sum.Cents) }

// tallies adds up both sides, each currency by itself.
func (s *Store) tallies(ctx context.Context, since time.Time, r *Reconciliation) error {
	const said = `select case when said_in = '' then currency else said_in end as c, cast(coalesce(sum(said), 0) as bigint) from checkout where state in ('paid', 'unfit') and made_at >= $1 group by case when said_in = '' then currency else said_in end`
	const entered = `select p.currency, cast(coalesce(sum(p.cents), 0) as bigint) from payment p join checkout c on c.id = p.checkout where c.made_at >= $1 group by p.currency`
	list, err := db.All(ctx, s.DB, scanSum, said, db.Micro(since))
	if err != nil {
		return err
	}
	for _, sum := range list {
		r.add(sum, func(t *Tally) *int64 { return &t.Said })
	}
	if list, err = db.All(ctx, s.DB, scanSum, entered, db.Micro(since)); err != nil {
		return err
	}
	for _, sum := range list {
		r.add(sum, func(t *Tally) *int64 { return &t.Entered })
	}
	if err := s.cameBack(ctx, since, r); err != nil {
		return err
	}
	slices.SortFunc(r.Tallies, func(a, b Tally) int { return cmp.Compare(a.Currency, b.Currency) })
	return nil
}

// cameBack adds up what the till said of money that went back: of a charge
// what stands refunded, of a dispute what was taken less what was given.
func (s *Store) cameBack(ctx context.Context, since time.Time, r *Reconciliation) error {
	const q = `select ` + newsColumns + ` from till_news n join checkout c on c.id = n.checkout
		where n.kind in ('refund', 'refund_failed', 'taken', 'given') and n.outcome = 'done' and c.made_at >= $1 order by n.intent, n.made_at, n.id`
	list, err := db.All(ctx, s.DB, scanNews, q, db.Micro(since))
	if err != nil {
		return err
	}
	back := func(t *Tally) *int64 { return &t.Back }
	for len(list) > 0 {
		i := slices.IndexFunc(list, func(n News) bool { return n.Intent != list[0].Intent })
		if i < 0 {
			i = len(list)
		}
		one := list[:i]
		list = list[i:]
		r.add(money.Sum{Currency: one[0].Sum.Currency, Cents: wentBack(one) + disputed(one)}, back)
	}
	return nil
}

// disputed returns what banks took back of one payment and did not give again.
func disputed(list []News) (cents int64) {
	taken, given := map[string]int64{}, map[string]int64{}
	for _, n := range list {
		switch n.Kind {
		case TakenBack:
			taken[n.Object] = max(taken[n.Object], n.Sum.Cents)
		case GivenAgain:
			given[n.Object] = max(given[n.Object], n.Sum.Cents)
		}
	}
	for object, n := range taken {
		cents += n - given[object]
	}
	return cents
}
