package bill_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// till is one who takes cards, in memory.
type till struct {
	pages  map[string]*bill.Page // by our name
	opened int
	broken error
}

func (t *till) Open(_ context.Context, in bill.Asking) (bill.Page, error) {
	if t.broken != nil {
		return bill.Page{}, t.broken
	}
	t.opened++
	if p := t.pages[in.Ref]; p != nil {
		return *p, nil
	}
	p := &bill.Page{Session: "cs_" + in.Ref, Ref: in.Ref, Address: "https://till.example/" + in.Ref, State: bill.PageOpen, Sum: in.Sum}
	t.pages[in.Ref] = p
	return *p, nil
}

func (t *till) Look(_ context.Context, session string) (bill.Page, error) {
	return *t.pages[strings.TrimPrefix(session, "cs_")], t.broken
}

func (t *till) Shut(_ context.Context, session string) (bill.Page, error) {
	p := t.pages[strings.TrimPrefix(session, "cs_")]
	if p.State == bill.PageOpen {
		p.State = bill.PageExpired
	}
	return *p, t.broken
}

// pay pays on the page of a checkout.
func (t *till) pay(ref string) bill.Page {
	p := t.pages[ref]
	p.State, p.Paid, p.Intent = bill.PageComplete, true, "pi_"+ref
	return *p
}

// office is a clinic with bills.
type office struct {
	*bill.Store
	till *till
	db   *db.DB
	recs *record.Store
	now  *time.Time
}

func open(t *testing.T, d *db.DB) office {
	t.Helper()
	now := haletest.Noon
	clock := func() time.Time { return now }
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), clock)
	records := record.New(d, ids, clock, events, bill.View(), task.View())
	hours := task.Usual(time.UTC)
	tasks := task.NewStore(d, records, events, ids, clock, func() task.Hours { return hours })
	tl := &till{pages: map[string]*bill.Page{}}
	o := office{till: tl, db: d, recs: records, now: &now}
	o.Store = bill.NewStore(bill.Config{DB: d, Records: records, Tasks: tasks, Events: events, IDs: ids, Now: clock, Till: tl, Clinic: "Riverside Clinic"})
	o.put(t, "Patient", "p1", `"active":true`)
	o.put(t, "Patient", "p2", `"active":true`)
	o.invoice(t, "b1", "p1", "2026-01-10", "2026-02-10", 200, 120, 40, 40)
	o.invoice(t, "b2", "p1", "2026-02-01", "2026-03-20", 100, 0, 0, 100)
	o.invoice(t, "other", "p2", "2026-02-01", "", 75, 0, 0, 75)
	return o
}

func (o office) invoice(t *testing.T, id, patient, date, due string, charged, insurance, adjusted, owed int) {
	t.Helper()
	ext := ""
	if due != "" {
		ext = fmt.Sprintf(`"extension":[{"url":"https://hale.example/fhir/due-date","valueDate":%q}],`, due)
	}
	o.put(t, "Invoice", id, fmt.Sprintf(`%s"identifier":[{"value":"N-%s"}],"status":"issued","subject":{"reference":"Patient/%s"},"date":%q,
		"account":{"identifier":{"value":"A-%s"}},"issuer":{"display":"Riverside Clinic"},
		"lineItem":[{"chargeItemCodeableConcept":{"text":"Visit"},"priceComponent":[{"type":"base","amount":{"value":%d.00,"currency":"USD"}}]},
			{"chargeItemReference":{"reference":"ChargeItem/c-%s"},"priceComponent":[{"type":"base","amount":{"value":0.10,"currency":"USD"}}]}],
		"totalPriceComponent":[{"type":"base","amount":{"value":%d.00,"currency":"USD"}},
			{"type":"deduction","code":{"text":"Insurance paid"},"amount":{"value":-%d,"currency":"USD"}},
			{"type":"discount","amount":{"value":-%d.0,"currency":"USD"}}],
		"totalGross":{"value":%d.00,"currency":"USD"}`, ext, id, patient, date, id, charged, id, charged, insurance, adjusted, owed))
}

func (o office) put(t *testing.T, typ, id, rest string) {
	t.Helper()
	err := o.db.Tx(t.Context(), func(tx *db.Tx) error {
		body := fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, typ, id, rest)
		_, err := o.recs.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{{Type: typ, ID: id, Body: []byte(body)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func usd(cents int64) money.Sum { return money.Sum{Cents: cents, Currency: "USD"} }

// left returns what is left of a bill of p1.
func (o office) left(t *testing.T, id string) int64 {
	t.Helper()
	b, err := o.Get(t.Context(), haletest.Pass(t, o.db, "p1", access.PayBills), id)
	if err != nil {
		t.Fatal(err)
	}
	return b.Left().Cents
}

// begin goes to pay on a bill of p1.
func (o office) begin(t *testing.T, id string, cents int64) bill.Checkout {
	t.Helper()
	c, err := o.Begin(t.Context(), haletest.Pass(t, o.db, "p1", access.PayBills), bill.Order{Bill: id, Sum: usd(cents), Way: "portal", Back: "https://hale.example/bills/payments/"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o office) hear(t *testing.T, n bill.News) {
	t.Helper()
	if err := o.Hear(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func TestStoreList(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		pass := haletest.Pass(t, d, "p1", access.PayBills)
		o.put(t, "ChargeItem", "c-b1", `"status":"billable","subject":{"reference":"Patient/p1"},"code":{"text":"Blood test"}`)
		list, err := o.List(t.Context(), pass, 9)
		if err != nil || len(list) != 2 || list[0].ID != "b2" || list[1].ID != "b1" {
			t.Fatalf("List = %v, %v, want both, the newest first", list, err)
		}
		b := list[1]
		if b.Charged != usd(20000) || b.Insurance != usd(12000) || b.Adjusted != usd(4000) || b.Left() != usd(4000) || b.Number != "N-b1" || b.Account != "A-b1" {
			t.Errorf("the bill says %+v", b)
		}
		if len(b.Lines) != 2 || b.Lines[0] != (bill.Line{Title: "Visit", Sum: usd(20000)}) || b.Lines[1] != (bill.Line{Title: "Blood test", Sum: usd(10)}) {
			t.Errorf("its lines are %+v", b.Lines)
		}
		if !b.Late(*o.now) || list[0].Late(*o.now) {
			t.Errorf("late: %t and %t, want the one that was due in February at %v", b.Late(*o.now), list[0].Late(*o.now), *o.now)
		}
		if sums := bill.Balance(list); len(sums) != 1 || sums[0] != usd(14000) {
			t.Errorf("Balance = %v", sums)
		}
		if _, err := o.Get(t.Context(), pass, "other"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of somebody else's = %v, want not found", err)
		}
		for name, wrong := range map[string]access.Pass{"none": {}, "another right": haletest.Pass(t, d, "p1", access.ReadVisits)} {
			if list, err := o.List(t.Context(), wrong, 9); errs.KindOf(err) != errs.NotFound || len(list) > 0 {
				t.Errorf("List with the pass %s = %v, %v", name, list, err)
			}
		}
		o.put(t, "Invoice", "b1", `"status":"balanced","subject":{"reference":"Patient/p1"},"totalGross":{"value":40,"currency":"USD"}`)
		if n := o.left(t, "b1"); n != 0 {
			t.Errorf("a balanced bill has %d left", n)
		}
		o.put(t, "Invoice", "b1", `"status":"entered-in-error","subject":{"reference":"Patient/p1"}`)
		if _, err := o.Get(t.Context(), pass, "b1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of a mistake = %v", err)
		}
	})
}

func TestStoreBenefits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		pass := haletest.Pass(t, d, "p1", access.PayBills)
		total := func(code string, value string) string {
			return fmt.Sprintf(`{"category":{"coding":[{"code":%q}]},"amount":{"value":%s,"currency":"USD"}}`, code, value)
		}
		o.put(t, "ExplanationOfBenefit", "e1", `"status":"active","use":"claim","patient":{"reference":"Patient/p1"},"created":"2026-01-12","insurer":{"display":"Sun Health"},"outcome":"complete",
			"supportingInfo":[{"sequence":1,"category":{"coding":[{"code":"patientaccountnumber"}]},"valueString":"A-b2"}],
			"item":[{"sequence":1,"productOrService":{"text":"Eye exam"}}],
			"total":[`+total("submitted", "129.16000000000003")+`,`+total("benefit", "1.0E2")+`,`+total("memberliability", "9.16")+`]`)
		list, err := o.Benefits(t.Context(), pass, 9)
		if err != nil || len(list) != 1 {
			t.Fatalf("Benefits = %v, %v", list, err)
		}
		if e := list[0]; e.Charged != usd(12916) || e.Paid != usd(10000) || e.Owes != usd(916) || e.Adjusted != usd(2000) || e.Insurer != "Sun Health" || e.Title != "Eye exam" {
			t.Errorf("it says %+v", e)
		}
		b, err := o.Get(t.Context(), pass, "b2")
		if err != nil {
			t.Fatal(err)
		}
		if b = b.With(list); b.Insurance != usd(10000) || b.Adjusted != usd(2000) || b.Left() != usd(10000) {
			t.Errorf("with it the bill says %+v, want what insurance did and the same owed", b)
		}
	})
}

func TestStorePay(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx, pass := t.Context(), haletest.Pass(t, d, "p1", access.PayBills)
		for sum, want := range map[money.Sum]errs.Kind{usd(4001): errs.Invalid, usd(99): errs.Invalid, {Cents: 1000, Currency: "EUR"}: errs.Invalid, usd(-5): errs.Invalid} {
			if _, err := o.Begin(ctx, pass, bill.Order{Bill: "b1", Sum: sum}); errs.KindOf(err) != want {
				t.Errorf("Begin of %v = %v, want %v", sum, err, want)
			}
		}
		if _, err := o.Begin(ctx, pass, bill.Order{Bill: "other", Sum: usd(500)}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Begin of somebody else's bill = %v", err)
		}
		c := o.begin(t, "b1", 1500)
		if same := o.begin(t, "b1", 1500); same.ID != c.ID || o.till.opened != 1 {
			t.Errorf("a second press made %s, want the page that is open", same.ID)
		}
		d2 := o.begin(t, "b1", 4000)
		if o.till.pages[c.ID].State != bill.PageExpired {
			t.Error("another sum left the first page open")
		}
		page := o.till.pay(d2.ID)
		o.hear(t, bill.News{ID: "evt_1", Kind: bill.PageNews, At: *o.now, Object: page.Session, Intent: page.Intent, Page: page})
		o.hear(t, bill.News{ID: "evt_1", Kind: bill.PageNews, At: *o.now, Object: page.Session, Intent: page.Intent, Page: page}) // sent again
		o.hear(t, bill.News{ID: "evt_2", Kind: bill.PageNews, At: *o.now, Object: page.Session, Intent: page.Intent, Page: page}) // told again
		late := page
		late.State, late.Paid = bill.PageExpired, false
		o.hear(t, bill.News{ID: "evt_3", Kind: bill.PageNews, At: *o.now, Object: page.Session, Page: late}) // out of order
		if n := o.left(t, "b1"); n != 0 {
			t.Errorf("%d is left, want none", n)
		}
		if _, err := o.Begin(ctx, pass, bill.Order{Bill: "b1", Sum: usd(100)}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Begin of what is paid = %v", err)
		}
		list, err := o.Receipts(ctx, pass, 9)
		if err != nil || len(list) != 1 || list[0].Sum != usd(4000) || list[0].Number == "" || list[0].Parts[0].Title != "Visit" {
			t.Fatalf("Receipts = %+v, %v", list, err)
		}
		if r, err := o.Receipt(ctx, pass, list[0].Number); err != nil || r.Sum != usd(4000) {
			t.Errorf("Receipt = %+v, %v", r, err)
		}
		if _, err := o.Receipt(ctx, haletest.Pass(t, d, "p2", access.PayBills), list[0].Number); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Receipt for somebody else = %v", err)
		}
		n, err := db.One(ctx, d, db.Value[int], `select count(*) from resource where typ = 'PaymentNotice'`)
		if err != nil || n != 1 {
			t.Errorf("%d payment notices, %v, want one in the record", n, err)
		}
	})
}

// What the till says later, or before its time, or twice, comes to the same.
func TestStoreMoneyBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		c := o.begin(t, "b2", 10000)
		page := o.till.pay(c.ID)
		refund := func(id string, cents int64) bill.News {
			return bill.News{ID: id, Kind: bill.Refunded, At: *o.now, Object: "ch_1", Intent: page.Intent, Sum: usd(cents)}
		}
		o.hear(t, refund("r2", 3000)) // before the payment is known
		if n := o.left(t, "b2"); n != 10000 {
			t.Fatalf("%d is left before anything was paid", n)
		}
		o.hear(t, bill.News{ID: "e1", Kind: bill.PageNews, Object: page.Session, Intent: page.Intent, Page: page})
		o.hear(t, refund("r1", 1000)) // an older one, later
		if n := o.left(t, "b2"); n != 3000 {
			t.Errorf("%d is left after a refund of 30, want 3000", n)
		}
		o.hear(t, bill.News{ID: "d1", Kind: bill.TakenBack, Object: "dp_1", Intent: page.Intent, Sum: usd(7000)})
		o.hear(t, bill.News{ID: "d1", Kind: bill.TakenBack, Object: "dp_1", Intent: page.Intent, Sum: usd(7000)})
		if n := o.left(t, "b2"); n != 10000 {
			t.Errorf("%d is left after a dispute, want 10000", n)
		}
		o.hear(t, bill.News{ID: "d2", Kind: bill.GivenAgain, Object: "dp_1", Intent: page.Intent, Sum: usd(7000)})
		if n := o.left(t, "b2"); n != 3000 {
			t.Errorf("%d is left after the dispute was won, want 3000", n)
		}
		r, err := o.Reconcile(t.Context(), haletest.Everyone(t, d, access.AnswerPatients), o.now.Add(-time.Hour), 9)
		if err != nil || len(r.Tallies) != 1 || r.Tallies[0] != (bill.Tally{Currency: "USD", Said: 10000, Back: 3000, Entered: 7000}) || !r.Even() || r.Early != 0 {
			t.Errorf("Reconcile = %+v, %v", r, err)
		}
		rec, err := o.Receipts(t.Context(), haletest.Pass(t, d, "p1", access.PayBills), 9)
		if err != nil || len(rec) != 1 || rec[0].Sum != usd(10000) || rec[0].Back != usd(3000) {
			t.Errorf("Receipts = %+v, %v, want what was paid and what came back", rec, err)
		}
	})
}

func TestStoreUnfit(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		c := o.begin(t, "b2", 5000)
		page := o.till.pay(c.ID)
		page.Sum = usd(4900)
		o.hear(t, bill.News{ID: "e1", Kind: bill.PageNews, Object: page.Session, Page: page})
		if n := o.left(t, "b2"); n != 10000 {
			t.Errorf("%d is left: what does not fit was entered", n)
		}
		everyone := haletest.Everyone(t, d, access.AnswerPatients)
		list, err := o.Unfits(t.Context(), everyone, 9)
		if err != nil || len(list) != 1 || list[0].Said != usd(4900) {
			t.Fatalf("Unfits = %+v, %v", list, err)
		}
		if r, err := o.Reconcile(t.Context(), everyone, o.now.Add(-time.Hour), 9); err != nil || r.Even() || r.Tallies[0].Off() != 4900 {
			t.Errorf("Reconcile = %+v, %v, want 4900 apart", r, err)
		}
		if err := o.Accept(t.Context(), haletest.Pass(t, d, "p2", access.PayBills), c.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Accept for somebody else = %v", err)
		}
		if err := o.Accept(t.Context(), haletest.Pass(t, d, "p1", access.PayBills), c.ID); err != nil {
			t.Fatal(err)
		}
		if n := o.left(t, "b2"); n != 5100 {
			t.Errorf("%d is left after 49 was taken as paid", n)
		}
		o.hear(t, bill.News{ID: "e9", Kind: bill.PageNews, Object: "cs_foreign", Page: bill.Page{Session: "cs_foreign", State: bill.PageComplete, Paid: true, Sum: usd(1)}})
		if r, _ := o.Reconcile(t.Context(), everyone, o.now.Add(-time.Hour), 9); r.Foreign != 1 || !r.Even() {
			t.Errorf("Reconcile = %+v, want one that is not ours", r)
		}
	})
}

// A crash between any two lines loses nothing: the job finishes what is left.
func TestStoreLookAll(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx, pass := t.Context(), haletest.Pass(t, d, "p1", access.PayBills)
		o.till.broken = fmt.Errorf("no network")
		if _, err := o.Begin(ctx, pass, bill.Order{Bill: "b1", Sum: usd(4000), Back: "x/"}); errs.KindOf(err) != errs.Unavailable {
			t.Fatalf("Begin without a network = %v", err)
		}
		o.till.broken = nil
		*o.now = o.now.Add(4 * time.Minute)
		if err := o.LookAll(ctx); err != nil || o.till.opened != 1 {
			t.Fatalf("LookAll = %v, %d pages, want the one that was asked for", err, o.till.opened)
		}
		c := o.begin(t, "b1", 4000) // finds no other: shuts the old one, whose way back differs
		o.till.pay(c.ID)            // and no news comes
		*o.now = o.now.Add(11 * time.Minute)
		if err := o.LookAll(ctx); err != nil {
			t.Fatal(err)
		}
		if n := o.left(t, "b1"); n != 0 {
			t.Errorf("%d is left, want that the payment was found", n)
		}
		c = o.begin(t, "b2", 2000)
		o.till.pages[c.ID].State = bill.PageComplete // a slow way of paying
		*o.now = o.now.Add(11 * time.Minute)
		if err := o.LookAll(ctx); err != nil {
			t.Fatal(err)
		}
		b, err := o.Get(ctx, pass, "b2")
		if err != nil || b.Coming != usd(2000) || b.Left() != usd(10000) {
			t.Errorf("the bill says %v coming, %v left, %v", b.Coming, b.Left(), err)
		}
		if _, err := o.Begin(ctx, pass, bill.Order{Bill: "b2", Sum: usd(3000)}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Begin while one is on its way = %v", err)
		}
		o.hear(t, bill.News{ID: "f", Kind: bill.PageNews, Page: bill.Page{Session: "cs_" + c.ID, Ref: c.ID, State: bill.PageExpired}})
		if got, err := o.Checkout(ctx, pass, c.ID); err != nil || got.State != bill.Failed {
			t.Errorf("Checkout = %+v, %v, want one that failed", got, err)
		}
	})
}

func TestStoreTake(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx, pass := t.Context(), nurse(t, d, access.PayBills)
		if _, err := o.Take(ctx, haletest.Pass(t, d, "p1", access.PayBills), bill.Taking{Bill: "b2", Kind: bill.Cash, Sum: usd(100)}); err == nil {
			t.Error("a patient took cash")
		}
		for range 2 { // pressed twice
			if _, err := o.Take(ctx, pass, bill.Taking{Bill: "b2", Kind: bill.Cash, Sum: usd(2500), Once: "f1"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Take(ctx, pass, bill.Taking{Bill: "b2", Kind: bill.WriteOff, Sum: usd(500)}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a write-off without a reason = %v", err)
		}
		if _, err := o.Take(ctx, pass, bill.Taking{Bill: "b2", Kind: bill.WriteOff, Sum: usd(500), Note: "hardship", Once: "f2"}); err != nil {
			t.Fatal(err)
		}
		if n := o.left(t, "b2"); n != 7000 {
			t.Errorf("%d is left, want 7000", n)
		}
		if _, err := o.Take(ctx, pass, bill.Taking{Bill: "b2", Kind: bill.Check, Sum: usd(7001), Once: "f3"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("more than is owed = %v", err)
		}
		owed, err := o.Owed(ctx, haletest.Everyone(t, d, access.AnswerPatients), 9)
		if err != nil || len(owed) != 3 || owed[0].ID != "b1" || owed[2].ID != "other" {
			t.Errorf("Owed = %v, %v, want all three, the oldest due first", owed, err)
		}
		count, err := o.Counts(ctx, haletest.Everyone(t, d, access.AnswerPatients))
		if err != nil || count.Open != 3 || count.Late != 1 {
			t.Errorf("Counts = %+v, %v", count, err)
		}
	})
}

func nurse(t *testing.T, d *db.DB, right access.Right) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "n1", Name: "Nurse", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	pass, err := haletest.Doors(d).Check(t.Context(), a, right, "p1")
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

func TestSchedule(t *testing.T) {
	first := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	parts := bill.Schedule(usd(10000), usd(3000), first, time.UTC)
	want := []string{"2026-01-31 3000", "2026-02-28 3000", "2026-03-31 3000", "2026-04-30 1000"}
	if len(parts) != len(want) {
		t.Fatalf("Schedule = %v", parts)
	}
	for i, p := range parts {
		if got := fmt.Sprintf("%s %d", p.Due.Format(time.DateOnly), p.Sum.Cents); got != want[i] {
			t.Errorf("part %d = %s, want %s", i+1, got, want[i])
		}
	}
	if bill.Schedule(usd(100), usd(0), first, time.UTC) != nil {
		t.Error("nothing a month is no schedule")
	}
}

func TestStorePlan(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		ctx, pass := t.Context(), haletest.Pass(t, d, "p1", access.PayBills)
		if _, err := o.AskPlan(ctx, pass, usd(2000), ""); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a plan of 20 a month = %v, want that it is too little", err)
		}
		p, err := o.AskPlan(ctx, pass, usd(5000), "I am between jobs.")
		if err != nil || len(p.Parts) != 3 || p.Parts[2].Sum != usd(4000) || p.Task == "" {
			t.Fatalf("AskPlan = %+v, %v", p, err)
		}
		if _, err := o.AskPlan(ctx, pass, usd(5000), ""); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second plan = %v", err)
		}
		answers := nurse(t, d, access.AnswerPatients)
		if err := o.Decide(ctx, nurse(t, d, access.PayBills), answers, p.ID, true, "That works for us."); err != nil {
			t.Fatal(err)
		}
		if err := o.Decide(ctx, nurse(t, d, access.PayBills), answers, p.ID, false, "No."); errs.KindOf(err) != errs.Conflict {
			t.Errorf("deciding twice = %v", err)
		}
		c, err := o.Begin(ctx, pass, bill.Order{Plan: p.ID, Sum: usd(5000), Way: "link", Back: "x/"})
		if err != nil {
			t.Fatal(err)
		}
		page := o.till.pay(c.ID)
		o.hear(t, bill.News{ID: "e", Kind: bill.PageNews, Intent: page.Intent, Page: page})
		if one, two := o.left(t, "b1"), o.left(t, "b2"); one != 0 || two != 9000 {
			t.Errorf("%d and %d are left, want that the one that was due first is paid first", one, two)
		}
		got, err := o.Plan(ctx, pass, p.ID)
		if err != nil || got.State != bill.PlanAgreed || got.Next() == nil || got.Next().N != 2 || got.Next().Left != usd(5000) {
			t.Errorf("Plan = %+v, %v, want that the second part is next", got, err)
		}
		r, err := o.Receipts(ctx, pass, 9)
		if err != nil || len(r) != 1 || len(r[0].Parts) != 2 || r[0].Sum != usd(5000) {
			t.Errorf("Receipts = %+v, %v, want one for both bills", r, err)
		}
		if _, err := o.Take(ctx, nurse(t, d, access.PayBills), bill.Taking{Bill: "b2", Kind: bill.Check, Sum: usd(9000), Once: "x"}); err != nil {
			t.Fatal(err)
		}
		if got, err := o.Plan(ctx, pass, p.ID); err != nil || got.State != bill.PlanDone || got.Next() != nil {
			t.Errorf("Plan = %+v, %v, want one that is done", got, err)
		}
	})
}

// A refund that failed is in the balance again, whatever order the news comes
// in, and one that goes its way later counts anew.
func TestStoreRefundFailed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		c := o.begin(t, "b2", 10000)
		page := o.till.pay(c.ID)
		at := *o.now
		refund := func(id string, cents int64, after time.Duration) bill.News {
			return bill.News{ID: id, Kind: bill.Refunded, At: at.Add(after), Object: "ch_1", Intent: page.Intent, Sum: usd(cents)}
		}
		failed := func(id, object string, cents int64, after time.Duration) bill.News {
			return bill.News{ID: id, Kind: bill.RefundFailed, At: at.Add(after), Object: object, Intent: page.Intent, Sum: usd(cents), Reason: "declined"}
		}
		o.hear(t, failed("f1", "re_1", 3000, 2*time.Second)) // before anything it is about
		o.hear(t, bill.News{ID: "e1", Kind: bill.PageNews, Object: page.Session, Intent: page.Intent, Page: page})
		if n := o.left(t, "b2"); n != 0 {
			t.Fatalf("%d is left of what was paid", n)
		}
		for _, step := range []struct {
			news bill.News
			left int64
		}{
			{refund("r1", 3000, time.Second), 0},                   // its failure is known
			{failed("f2", "re_1", 3000, 3*time.Second), 0},         // told twice
			{refund("r2", 2000, time.Minute), 2000},                // another one, which goes its way
			{refund("r3", 4500, 2*time.Minute), 4500},              // and one more
			{failed("f3", "re_3", 2500, 3*time.Minute), 2000},      // which fails
			{refund("r1-late", 3000, time.Second), 2000},           // an old word
			{refund("r4", 5000, 4*time.Minute), 5000},              // and at last
			{failed("f4", "re_4", 900000, 5*time.Minute), 0},       // more than ever went back
			{failed("f4-again", "re_4", 900000, 5*time.Minute), 0}, // told twice
		} {
			o.hear(t, step.news)
			if n := o.left(t, "b2"); n != step.left {
				t.Fatalf("after %s %d is left, want %d", step.news.ID, n, step.left)
			}
		}
		everyone := haletest.Everyone(t, d, access.AnswerPatients)
		if r, err := o.Reconcile(t.Context(), everyone, o.now.Add(-time.Hour), 9); err != nil || !r.Even() {
			t.Errorf("Reconcile = %+v, %v", r, err)
		}
		list, err := o.Failures(t.Context(), everyone, 9)
		if err != nil || len(list) != 3 || list[0].ID != "re_1" || list[0].Reason != "declined" || list[0].Bill != "b2" {
			t.Errorf("Failures = %+v, %v", list, err)
		}
		if err := o.SettleFailure(t.Context(), haletest.Pass(t, d, "p1", access.PayBills), "re_1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("SettleFailure by the patient = %v", err)
		}
	})
}

// Two currencies are never added.
func TestReconcileCurrencies(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		o.put(t, "Invoice", "b3", `"status":"issued","subject":{"reference":"Patient/p1"},"date":"2026-01-03","totalGross":{"value":80,"currency":"EUR"}`)
		usdPage := o.till.pay(o.begin(t, "b2", 10000).ID)
		o.hear(t, bill.News{ID: "e1", Kind: bill.PageNews, Object: usdPage.Session, Intent: usdPage.Intent, Page: usdPage})
		c, err := o.Begin(t.Context(), haletest.Pass(t, d, "p1", access.PayBills), bill.Order{Bill: "b3", Sum: money.Sum{Cents: 8000, Currency: "EUR"}})
		if err != nil {
			t.Fatal(err)
		}
		page := o.till.pay(c.ID)
		o.hear(t, bill.News{ID: "e2", Kind: bill.PageNews, Object: page.Session, Intent: page.Intent, Page: page})
		r, err := o.Reconcile(t.Context(), haletest.Everyone(t, d, access.AnswerPatients), o.now.Add(-time.Hour), 9)
		want := []bill.Tally{{Currency: "EUR", Said: 8000, Entered: 8000}, {Currency: "USD", Said: 10000, Entered: 10000}}
		if err != nil || !slices.Equal(r.Tallies, want) || !r.Even() {
			t.Errorf("Reconcile = %+v, %v; want %+v", r.Tallies, err, want)
		}
	})
}
