package collect_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/collect"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// mailroom notes what it is asked to send.
type mailroom struct {
	open    []reach.Outreach
	entered []reach.Entry
}

func (m *mailroom) List(context.Context, access.Pass) ([]reach.Outreach, error) { return m.open, nil }

func (m *mailroom) Open(_ context.Context, _ *db.Tx, _ access.Pass, o reach.Outreach) (reach.Outreach, error) {
	o.ID, o.State = fmt.Sprint("o", len(m.open)+1), reach.Running
	m.open = append(m.open, o)
	return o, nil
}

// Enter returns the same intent for the same trigger, as the engine does.
func (m *mailroom) Enter(_ context.Context, _ *db.Tx, _ access.Pass, in reach.Entry) (string, error) {
	for i, e := range m.entered {
		if e.Outreach == in.Outreach && e.Patient == in.Patient && e.Trigger == in.Trigger {
			return fmt.Sprint("i", i+1), nil
		}
	}
	m.entered = append(m.entered, in)
	return fmt.Sprint("i", len(m.entered)), nil
}

// births knows when everybody was born.
type births struct{}

func (births) BornOn(_ context.Context, _, date string) (bool, error) {
	return date == "1957-03-09", nil
}

// office is a clinic that brings people to their bills.
type office struct {
	*collect.Store
	bills *bill.Store
	links *link.Store
	room  *mailroom
	recs  *record.Store
	db    *db.DB
	now   *time.Time
}

func open(t *testing.T, d *db.DB) office {
	t.Helper()
	now := haletest.Noon
	clock := func() time.Time { return now }
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), clock)
	records := record.New(d, ids, clock, events, bill.View(), task.View())
	tasks := task.NewStore(d, records, events, ids, clock, func() task.Hours { return task.Usual(time.UTC) })
	o := office{db: d, now: &now, recs: records, room: &mailroom{}, links: link.NewStore(d, ids, clock, rand.Reader, births{})}
	o.bills = bill.NewStore(bill.Config{DB: d, Records: records, Tasks: tasks, Events: events, IDs: ids, Now: clock, Clinic: "Riverside Clinic"})
	o.Store = collect.New(collect.Config{DB: d, IDs: ids, Now: clock, Doors: haletest.Doors(d), Reach: o.room, Links: o.links, Bills: o.bills, Base: "https://hale.example"})
	o.put(t, "Patient", "p1", `"active":true`)
	o.put(t, "Patient", "p2", `"active":true`)
	o.invoice(t, "b1", "p1", 40)
	o.invoice(t, "b2", "p1", 100)
	o.invoice(t, "theirs", "p2", 75)
	return o
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

func (o office) invoice(t *testing.T, id, patient string, owed int) {
	t.Helper()
	status := "issued"
	if owed == 0 {
		status = "balanced"
	}
	o.put(t, "Invoice", id, fmt.Sprintf(`"identifier":[{"value":"N-%s"}],"status":%q,"subject":{"reference":"Patient/%s"},"date":"2026-01-10","totalGross":{"value":%d.00,"currency":"USD"}`, id, status, patient, owed))
}

// count counts rows of bill_link.
func (o office) count(t *testing.T) int {
	t.Helper()
	n, err := db.One(t.Context(), o.db, db.Value[int], `select count(*) from bill_link`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// agreed is a plan of p1 that the clinic agreed to.
func (o office) agreed(t *testing.T) bill.Plan {
	t.Helper()
	p, err := o.bills.AskPlan(t.Context(), haletest.Pass(t, o.db, "p1", access.PayBills), money.Sum{Cents: 5000, Currency: "USD"}, "")
	if err != nil {
		t.Fatal(err)
	}
	err = o.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `update bill_plan set state = 'agreed' where id = $1`, p.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A link to a bill opens by the date of birth, and only that bill; nobody
// makes one to a bill that is not the patient's.
func TestStoreLink(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx, o := t.Context(), open(t, d)
		mine := haletest.Pass(t, d, "p1", access.PayBills)
		address, err := o.Link(ctx, mine, collect.Target{Bill: "b1"})
		if err != nil {
			t.Fatal(err)
		}
		token, ok := strings.CutPrefix(address, "https://hale.example"+collect.Path)
		if !ok {
			t.Fatalf("Link = %q", address)
		}
		if _, err := o.links.Open(ctx, token, "1957-03-10", ""); err == nil {
			t.Error("a wrong date of birth opens the bill")
		}
		opened, err := o.links.Open(ctx, token, "1957-03-09", "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Of(ctx, opened); err != nil || got != (collect.Target{Patient: "p1", Bill: "b1"}) {
			t.Errorf("Of = %+v, %v", got, err)
		}
		stolen := opened
		stolen.Patient = "p2"
		if got, err := o.Of(ctx, stolen); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Of somebody else = %+v, %v", got, err)
		}
		if _, err := o.Of(ctx, link.Opened{Message: "m-none", Patient: "p1"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Of another message: %v", err)
		}
		made := o.count(t)
		for _, to := range []collect.Target{{Bill: "theirs"}, {Bill: "none"}, {Plan: "none"}, {Patient: "p2", Bill: "theirs"}} {
			if _, err := o.Link(ctx, mine, to); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Link(%+v) = %v, want not found", to, err)
			}
		}
		if _, err := o.Link(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), collect.Target{Bill: "b1"}); err == nil {
			t.Error("a pass for something else makes a link")
		}
		if n := o.count(t); n != made {
			t.Errorf("what was refused left %d links", n-made)
		}
		*o.now = o.now.AddDate(0, 0, 61)
		if _, err := o.links.Open(ctx, token, "1957-03-09", ""); err == nil {
			t.Error("the link opens after two months")
		}
	})
}

// A patient is told of a bill once a day, by a text that says nothing of what
// the bill is for; the message leads to that bill.
func TestStoreSend(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx, o := t.Context(), open(t, d)
		mine := haletest.Pass(t, d, "p1", access.PayBills)
		for _, id := range []string{"b1", "b1", "b2"} {
			if err := o.Send(ctx, mine, collect.Target{Bill: id}); err != nil {
				t.Fatal(err)
			}
		}
		if n, links := len(o.room.entered), o.count(t); n != 2 || links != 2 || len(o.room.open) != 1 {
			t.Errorf("two bills, one of them twice: %d messages, %d links, %d outreaches", n, links, len(o.room.open))
		}
		if e := o.room.entered[0]; e.Patient != "p1" || e.Values["amount"] != "$40.00" {
			t.Errorf("the message is %+v", e)
		}
		if made := o.room.open[0]; made.Purpose != "billing" || made.Kind != reach.API || made.Template.Sensitivity != policy.S2 {
			t.Errorf("the outreach is %+v", made)
		}
		o.message(t, "m1", "i2")
		if got, err := o.Of(ctx, link.Opened{Message: "m1", Patient: "p1"}); err != nil || got.Bill != "b2" {
			t.Errorf("the message is about %+v, %v", got, err)
		}
		if _, err := o.Of(ctx, link.Opened{Message: "m1", Patient: "p2"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the message opens a bill for somebody else: %v", err)
		}
		*o.now = o.now.AddDate(0, 0, 1)
		if err := o.Send(ctx, mine, collect.Target{Bill: "b1"}); err != nil || len(o.room.entered) != 3 {
			t.Errorf("told again on another day: %d messages, %v", len(o.room.entered), err)
		}
		o.room.open[0].State = reach.Done
		o.invoice(t, "b1", "p1", 0)
		if err := o.Send(ctx, mine, collect.Target{Bill: "b1"}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("told of a bill that is paid: %v", err)
		}
		if err := o.Send(ctx, mine, collect.Target{Bill: "theirs"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("told of another's bill: %v", err)
		}
		if err := o.Send(ctx, mine, collect.Target{Bill: "b2"}); err != nil || len(o.room.open) != 2 {
			t.Errorf("after its outreach ended there are %d, %v", len(o.room.open), err)
		}
	})
}

// message writes the row of a message that goes with an intent.
func (o office) message(t *testing.T, id, intent string) {
	t.Helper()
	const q = `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at)
		values ($1, $2, 'o1', 'p1', 'billing', 'sms', 1, 'delivered', 1, 'notice', $3, '', $1, 1, 1, 1)`
	err := o.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), q, id, intent, []byte("sealed"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Parts of a plan are told of three days before their day, each once, and one
// that is paid by then is not told of at all.
func TestStoreRemind(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx, o := t.Context(), open(t, d)
		p := o.agreed(t)
		remind := func(at time.Time, want int) {
			t.Helper()
			*o.now = at
			for range 2 {
				if err := o.Remind(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(o.room.entered); n != want {
				t.Errorf("on %s %d messages, want %d", at.Format(time.DateOnly), n, want)
			}
		}
		first, second := p.Parts[0].Due, p.Parts[1].Due
		remind(first.Add(-73*time.Hour), 0)
		remind(first.Add(-71*time.Hour), 1)
		if e := o.room.entered[0]; e.Values["amount"] != "$50.00" || o.room.open[0].Name != "A part of a payment plan" {
			t.Errorf("told of %+v by %q", e, o.room.open[0].Name)
		}
		o.message(t, "m1", "i1")
		if got, err := o.Of(ctx, link.Opened{Message: "m1", Patient: "p1"}); err != nil || got.Plan != p.ID || got.Bill != "" {
			t.Errorf("the message is about %+v, %v", got, err)
		}
		o.pays(t, 10000)
		remind(second.Add(-time.Hour), 1)
		remind(p.Parts[2].Due.Add(-time.Hour), 2)
		if e := o.room.entered[1]; e.Values["amount"] != "$40.00" {
			t.Errorf("the last part is told as %+v", e)
		}
	})
}

// pays takes money at the counter for what p1 owes.
func (o office) pays(t *testing.T, cents int64) {
	t.Helper()
	left := cents
	for _, id := range []string{"b1", "b2"} {
		b, err := o.bills.Get(t.Context(), haletest.Pass(t, o.db, "p1", access.PayBills), id)
		if err != nil {
			t.Fatal(err)
		}
		part := min(left, b.Left().Cents)
		left -= part
		by := access.Actor{Kind: access.Staff, ID: "n1", Name: "Nurse", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
		pass, err := haletest.Doors(o.db).Check(t.Context(), by, access.PayBills, "p1")
		if err == nil && part > 0 {
			_, err = o.bills.Take(t.Context(), pass, bill.Taking{Bill: id, Sum: money.Sum{Cents: part, Currency: "USD"}, Kind: bill.Cash, Once: fmt.Sprint("once-", id)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A plan that nobody agreed to yet reminds of nothing.
func TestStoreRemindAgreed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx, o := t.Context(), open(t, d)
		p, err := o.bills.AskPlan(ctx, haletest.Pass(t, d, "p1", access.PayBills), money.Sum{Cents: 5000, Currency: "USD"}, "")
		if err != nil {
			t.Fatal(err)
		}
		*o.now = p.Parts[0].Due
		if err := o.Remind(ctx); err != nil || len(o.room.entered) != 0 {
			t.Errorf("a plan that was only asked for: %d messages, %v", len(o.room.entered), err)
		}
	})
}
