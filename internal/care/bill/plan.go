package bill

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/task"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Rules are what the clinic allows of plans.
type Rules struct {
	Least int64 // the least a month, in minor units; 0: 2500
	Most  int   // so many months; 0: 12
}

func (r Rules) orUsual() Rules {
	if r.Least <= 0 {
		r.Least = 2500
	}
	if r.Most <= 0 {
		r.Most = 12
	}
	return r
}

// PlanState says how far a plan came.
type PlanState string

// The states of a plan.
const (
	PlanAsked    PlanState = "asked"
	PlanAgreed   PlanState = "agreed"
	PlanDeclined PlanState = "declined"
	PlanEnded    PlanState = "ended"
	PlanDone     PlanState = "done"
)

// Plan is a balance that is paid in parts.
type Plan struct {
	ID, Patient    string
	State          PlanState
	Total, Monthly money.Sum
	First          time.Time
	Asked, Decided time.Time
	By             string // who decided, by name
	Answer         string
	Task           string
	Parts          []Part
}

// Part is one month of a plan.
type Part struct {
	N    int
	Due  time.Time
	Sum  money.Sum
	Left money.Sum // what of it is not paid yet
	Told time.Time
}

// Next returns the first part that is not paid, nil where all are.
func (p Plan) Next() *Part {
	for i := range p.Parts {
		if p.Parts[i].Left.Cents > 0 {
			return &p.Parts[i]
		}
	}
	return nil
}

// Late says whether a part of the plan is owed and its day is over.
func (p Plan) Late(now time.Time) bool {
	next := p.Next()
	return p.State == PlanAgreed && next != nil && now.After(next.Due)
}

// The refusals of plans.
var (
	errPlanLow   = errs.New(errs.Invalid, "That is less than we can agree to each month. Please choose a larger amount, or ask us for help.")
	errPlanThere = errs.New(errs.Conflict, "You already have a payment plan, or have asked for one.")
	errPlanOver  = errs.New(errs.Conflict, "This plan was decided already.")
	errPlanWhy   = errs.New(errs.Invalid, "Please write to the patient why not. They read it.")
)

// Least is the least a month for a total: what the clinic says, and enough to
// be done in its longest time.
func (r Rules) LeastOf(total money.Sum) money.Sum {
	r = r.orUsual()
	n := int64(r.Most)
	return money.Sum{Cents: min(total.Cents, max(r.Least, (total.Cents+n-1)/n)), Currency: total.Currency}
}

// Schedule parts a total into months: each the same, the last what is left.
// The days are noon where the clinic is, the same day of each month, the last
// of a shorter one.
func Schedule(total, monthly money.Sum, first time.Time, zone *time.Location) []Part {
	if monthly.Cents <= 0 {
		return nil
	}
	var parts []Part
	at := first.In(zone)
	for left := total.Cents; left > 0; left -= monthly.Cents {
		n := len(parts)
		month := time.Date(at.Year(), at.Month()+time.Month(n), 1, 12, 0, 0, 0, zone)
		last := month.AddDate(0, 1, -1).Day()
		sum := money.Sum{Cents: min(left, monthly.Cents), Currency: total.Currency}
		due := time.Date(month.Year(), month.Month(), min(at.Day(), last), 12, 0, 0, 0, zone)
		parts = append(parts, Part{N: n + 1, Due: due, Sum: sum, Left: sum})
	}
	return parts
}

// FirstDay is when the first part of a plan that is asked for now is due: two
// weeks on, on the same day of each month that all months have.
func (s *Store) FirstDay() time.Time {
	d := s.Now().In(s.Zone).AddDate(0, 0, 14)
	if d.Day() > 28 {
		d = time.Date(d.Year(), d.Month()+1, 1, 12, 0, 0, 0, s.Zone)
	}
	return time.Date(d.Year(), d.Month(), d.Day(), 12, 0, 0, 0, s.Zone)
}

// Propose returns the plan that a monthly sum comes to for all that is owed,
// without asking for it.
func (s *Store) Propose(ctx context.Context, pass access.Pass, monthly money.Sum) (Plan, []Bill, error) {
	list, err := s.List(ctx, pass, 200)
	if err != nil {
		return Plan{}, nil, err
	}
	sums := Balance(list)
	if len(sums) == 0 {
		return Plan{}, nil, errNothing
	}
	total, bills := sums[0], open(list, sums[0].Currency)
	if monthly.Cents == 0 {
		monthly = s.Rules.LeastOf(total)
	}
	monthly.Currency = total.Currency
	p := Plan{Total: total, Monthly: monthly, First: s.FirstDay()}
	if monthly.Cents < s.Rules.LeastOf(total).Cents {
		return p, bills, errPlanLow
	}
	if monthly.Cents > total.Cents {
		p.Monthly = total
	}
	p.Parts = Schedule(p.Total, p.Monthly, p.First, s.Zone)
	return p, bills, nil
}

// open returns the bills of a currency on which something is owed, due first.
func open(list []Bill, currency string) (bills []Bill) {
	for _, b := range list {
		if b.Open() && b.Asked.Currency == currency {
			bills = append(bills, b)
		}
	}
	byDue(bills)
	return bills
}

// AskPlan asks the clinic for a plan over all that is owed now.
func (s *Store) AskPlan(ctx context.Context, pass access.Pass, monthly money.Sum, words string) (Plan, error) {
	patient, err := opened(pass)
	if err != nil {
		return Plan{}, err
	}
	p, bills, err := s.Propose(ctx, pass, monthly)
	if err != nil {
		return Plan{}, err
	}
	p.ID, p.Patient, p.State, p.Asked = s.IDs.New(), patient, PlanAsked, s.Now()
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := s.Records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		const there = `select count(*) from bill_plan where patient = $1 and state in ('asked', 'agreed')`
		n, err := db.One(ctx, tx, db.Value[int], there, patient)
		if err == nil && n > 0 {
			err = errPlanThere
		}
		if err != nil {
			return err
		}
		t, err := s.Tasks.AskTx(ctx, tx, pass, task.New{
			Kind: task.Bill, Title: "Payment plan", Text: words,
			Values: map[string]string{"plan": p.ID, "total": p.Total.String(), "monthly": p.Monthly.String(), "months": fmt.Sprint(len(p.Parts))},
		})
		if err != nil {
			return err
		}
		p.Task = t.ID
		return s.keepPlan(ctx, tx, p, bills)
	})
	if err != nil {
		return Plan{}, failed("ask for a plan", patient, err)
	}
	return p, nil
}

func (s *Store) keepPlan(ctx context.Context, tx *db.Tx, p Plan, bills []Bill) error {
	const q = `insert into bill_plan (id, patient, state, currency, total, monthly, first_at, asked_at, task) values ($1, $2, 'asked', $3, $4, $5, $6, $7, $8)`
	if _, err := tx.ExecContext(ctx, q, p.ID, p.Patient, p.Total.Currency, p.Total.Cents, p.Monthly.Cents, db.Micro(p.First), db.Micro(p.Asked), p.Task); err != nil {
		return err
	}
	var args, parts []any
	for _, b := range bills {
		args = append(args, p.ID, b.ID)
	}
	for _, x := range p.Parts {
		parts = append(parts, p.ID, x.N, db.Micro(x.Due), x.Sum.Cents)
	}
	if err := db.InsertMany(ctx, tx, `insert into bill_plan_bill (plan, bill)`, "", 2, args); err != nil {
		return err
	}
	return db.InsertMany(ctx, tx, `insert into bill_part (plan, n, due_at, cents)`, "", 4, parts)
}

const planColumns = `id, patient, state, currency, total, monthly, first_at, asked_at, decided_at, decided_by, answer, task`

func scanPlan(row db.Scan) (p Plan, err error) {
	var first, asked, decided int64
	err = row(&p.ID, &p.Patient, &p.State, &p.Total.Currency, &p.Total.Cents, &p.Monthly.Cents, &first, &asked, &decided, &p.By, &p.Answer, &p.Task)
	p.Monthly.Currency = p.Total.Currency
	p.First, p.Asked, p.Decided = db.Time(first), db.Time(asked), db.Time(decided)
	return p, err
}

// Plans returns the plans of the patient whom pass opens, the newest first.
func (s *Store) Plans(ctx context.Context, pass access.Pass) ([]Plan, error) {
	patient, err := opened(pass)
	if err != nil {
		return nil, err
	}
	const q = `select ` + planColumns + ` from bill_plan where patient = $1 order by asked_at desc, id limit 20`
	list, err := db.All(ctx, s.DB, scanPlan, q, patient)
	for i := 0; i < len(list) && err == nil; i++ {
		err = s.fill(ctx, s.DB, &list[i])
	}
	if err != nil {
		return nil, fmt.Errorf("bill: plans: %w", err)
	}
	return list, nil
}

// Plan returns one plan of the patient whom pass opens.
func (s *Store) Plan(ctx context.Context, pass access.Pass, id string) (Plan, error) {
	patient, err := opened(pass)
	if err != nil {
		return Plan{}, err
	}
	const q = `select ` + planColumns + ` from bill_plan where patient = $1 and id = $2`
	p, err := db.One(ctx, s.DB, scanPlan, q, patient, id)
	if err == nil {
		err = s.fill(ctx, s.DB, &p)
	}
	if err != nil {
		return Plan{}, fmt.Errorf("bill: plan %s: %w", id, err)
	}
	return p, nil
}

// fill adds the parts of a plan, and how far they are paid: what was paid on
// its bills since it was asked for counts for the first parts first.
func (s *Store) fill(ctx context.Context, c db.Conn, p *Plan) error {
	const parts = `select n, due_at, cents, told_at from bill_part where plan = $1 order by n`
	const paid = `select cast(coalesce(sum(y.cents), 0) as bigint) from payment y where y.currency = $2 and y.at >= $3
		and y.bill in (select x.bill from bill_plan_bill x where x.plan = $1)`
	var err error
	p.Parts, err = db.All(ctx, c, func(scan db.Scan) (x Part, err error) {
		var due, told int64
		err = scan(&x.N, &due, &x.Sum.Cents, &told)
		x.Sum.Currency, x.Due, x.Told = p.Total.Currency, db.Time(due), db.Time(told)
		return x, err
	}, parts, p.ID)
	if err != nil {
		return err
	}
	got, err := db.One(ctx, c, db.Value[int64], paid, p.ID, p.Total.Currency, db.Micro(p.Asked))
	for i := range p.Parts {
		x := &p.Parts[i]
		part := max(0, min(got, x.Sum.Cents))
		x.Left = money.Sum{Cents: x.Sum.Cents - part, Currency: x.Sum.Currency}
		got -= part
	}
	return err
}

// billsOf returns the bills of a plan, due first.
func (s *Store) billsOf(ctx context.Context, c db.Conn, patient, plan string) ([]Bill, error) {
	// No veil: sums alone are made of them, and a plan is of all its bills.
	const q = `select ` + columns + ` from bill b where b.patient = $1 and b.id in (select x.bill from bill_plan_bill x where x.plan = $2)`
	list, err := db.All(ctx, c, scan, q, patient, plan)
	if err != nil {
		return nil, fmt.Errorf("bill: bills of %s: %w", plan, err)
	}
	byDue(list)
	return list, nil
}

// closer is what deciding needs of package task.
type closer interface {
	CloseTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, why task.Reason, answer string) error
}

// Decide agrees to a plan or not, and answers whoever asked: answers is a
// pass of the same person to answer this patient.
func (s *Store) Decide(ctx context.Context, pass, answers access.Pass, id string, agree bool, words string) error {
	patient, err := opened(pass)
	if err != nil {
		return err
	}
	to, why := PlanAgreed, task.Finished
	if !agree {
		to, why = PlanDeclined, task.Refused
	}
	if !agree && words == "" {
		return errPlanWhy
	}
	p, err := s.Plan(ctx, pass, id)
	if err != nil {
		return err
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update bill_plan set state = $3, decided_at = $4, decided_by = $5, answer = $6 where id = $1 and patient = $2 and state = 'asked'`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, string(to), db.Micro(s.Now()), pass.Actor().Name, words))
		if err == nil && n == 0 {
			err = errPlanOver
		}
		if err != nil {
			return err
		}
		if c, ok := s.Tasks.(closer); ok && p.Task != "" {
			if err := c.CloseTx(ctx, tx, answers, p.Task, why, words); err != nil && errs.KindOf(err) != errs.Conflict { // closed in the queue already
				return err
			}
		}
		return s.Events.Add(ctx, tx, event.Event{Kind: "bill.plan-" + string(to), Patient: patient, Subject: id})
	})
	if err != nil {
		return failed("decide", id, err)
	}
	return nil
}

// EndPlan ends a plan that was agreed to: the bills are owed as they were.
func (s *Store) EndPlan(ctx context.Context, pass access.Pass, id string) error {
	patient, err := opened(pass)
	if err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update bill_plan set state = 'ended', decided_at = $3, decided_by = $4 where id = $1 and patient = $2 and state = 'agreed'`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, db.Micro(s.Now()), pass.Actor().Name))
		if err == nil && n == 0 {
			err = errPlanOver
		}
		return failed("end plan", id, err)
	})
}

// finished closes a plan whose bills are all paid.
func (s *Store) finished(ctx context.Context, tx *db.Tx, plan string) error {
	if plan == "" {
		return nil
	}
	// No veil: whether anything is left, which is shown to nobody.
	const left = `select count(*) from bill b where b.id in (select x.bill from bill_plan_bill x where x.plan = $1) and b.status = 'issued'
		and b.owed > (select coalesce(sum(p.cents), 0) from payment p where p.bill = b.id and p.currency = b.currency)`
	n, err := db.One(ctx, tx, db.Value[int], left, plan)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `update bill_plan set state = 'done' where id = $1 and state = 'agreed'`, plan)
	return err
}
