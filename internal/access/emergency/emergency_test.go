package emergency_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/emergency"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// node is one process of a clinic's: its own doors and its own store.
type node struct {
	doors *access.Doors
	store *emergency.Store
}

// queue remembers what was added.
type queue struct{ list []jobs.Job }

func (q *queue) Add(_ context.Context, _ *db.Tx, j jobs.Job) error {
	q.list = append(q.list, j)
	return nil
}
func (*queue) Run(context.Context) error                             { return nil }
func (*queue) Failures(context.Context, int) ([]jobs.Failure, error) { return nil, nil }

func newNode(d *db.DB, now *time.Time, q jobs.Queue, tell func(context.Context, emergency.Opening) error) node {
	clock := func() time.Time { return *now }
	log := audit.NewLog(d, haletest.IDs(), clock)
	n := node{doors: access.NewDoors(log, lookup.New(d, clock), clock)}
	n.store = emergency.New(emergency.Config{DB: d, IDs: haletest.IDs(), Now: clock, Audit: log, Tell: tell})
	n.store.Use(q, n.doors.Forget)
	return n
}

func nurse(at time.Time) access.Actor {
	return access.Actor{Kind: access.Staff, ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.StepUpZone, At: at}}
}

const reason = "She is unconscious and the ambulance asks for her allergies."

// A watched record opens to a reason, for one patient and an hour, on every
// node, and is told, logged and reviewed.
func TestEmergency(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		q := &queue{}
		var told []emergency.Opening
		one := newNode(d, &now, q, func(_ context.Context, o emergency.Opening) error { told = append(told, o); return nil })
		two := newNode(d, &now, q, nil)
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `insert into patient_flag (patient, vip, reason, set_by, set_at) values ('maria', 1, 'mayor', 'privacy', 0), ('bob', 1, 'singer', 'privacy', 0)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		reads := func(n node, patient string) error {
			_, err := n.doors.Check(t.Context(), nurse(now), access.ReadRecord, patient)
			return err
		}
		if err := reads(one, "maria"); !access.NeedsReason(err) {
			t.Fatalf("a watched record without a reason = %v, want to be asked for one", err)
		}
		if _, err := one.doors.Check(t.Context(), access.Actor{Kind: access.Staff, ID: "nurse", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: now}}, access.BreakGlass, "maria"); errs.KindOf(err) != errs.StepUp {
			t.Errorf("emergency without a fresh proof = %v, want to be asked for one", err)
		}
		pass, err := one.doors.Check(t.Context(), nurse(now), access.BreakGlass, "maria")
		if err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][2]string{"no code": {"", reason}, "no such code": {"bored", reason}, "no reason": {"unable", " "}, "a word": {"unable", "because"}} {
			if _, err := one.store.Open(t.Context(), pass, bad[0], bad[1]); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: Open = %v, want a refusal", name, err)
			}
		}
		opened, err := one.store.Open(t.Context(), pass, "unable", reason)
		if err != nil {
			t.Fatal(err)
		}
		again, err := one.store.Open(t.Context(), pass, "life", reason)
		if err != nil || again.ID != opened.ID || len(q.list) != 1 {
			t.Errorf("Open again = %s, %v with %d notices, want the same one", again.ID, err, len(q.list))
		}
		args, err := json.Marshal(q.list[0].Args)
		if err != nil {
			t.Fatal(err)
		}
		if err := one.store.Handlers()[q.list[0].Kind](t.Context(), args); err != nil || len(told) != 1 || told[0].Patient != "maria" {
			t.Errorf("told %v, %v, want the privacy officers told of maria", told, err)
		}
		for i, n := range []node{one, two} {
			if err := reads(n, "maria"); err != nil {
				t.Errorf("node %d after the opening = %v, want the record", i+1, err)
			}
			if err := reads(n, "bob"); !access.NeedsReason(err) {
				t.Errorf("node %d at another watched record = %v, want to be asked for a reason", i+1, err)
			}
		}
		lasting, err := two.store.Lasting(t.Context(), nurse(now))
		if err != nil || len(lasting) != 1 {
			t.Errorf("Lasting on the other node = %v, %v, want one for the banner", lasting, err)
		}
		now = now.Add(emergency.Lasts - time.Second)
		if err := reads(two, "maria"); err != nil {
			t.Errorf("a second before the hour is over = %v, want the record", err)
		}
		now = now.Add(time.Second)
		if err := reads(two, "maria"); !access.NeedsReason(err) {
			t.Errorf("after an hour = %v, want the record closed", err)
		}
		rows, err := audit.NewLog(d, haletest.IDs(), haletest.Clock(now)).Of(t.Context(), "maria", 50)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, r := range rows {
			seen = seen || r.Action == "emergency.open" && r.Reason == "unable" && r.Actor == "nurse"
			if strings.Contains(r.Reason, "unconscious") {
				t.Error("the log holds what was written about the patient, want the code alone")
			}
		}
		if !seen {
			t.Error("the log has no emergency.open")
		}
	})
}

func TestEndAndReview(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		one := newNode(d, &now, &queue{}, nil)
		pass, err := one.doors.Check(t.Context(), nurse(now), access.BreakGlass, "maria")
		if err != nil {
			t.Fatal(err)
		}
		o, err := one.store.Open(t.Context(), pass, "unable", reason)
		if err != nil {
			t.Fatal(err)
		}
		stranger := nurse(now)
		stranger.ID = "other"
		if err := one.store.End(t.Context(), stranger, "maria"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("End by somebody else = %v, want nothing to end", err)
		}
		if err := one.store.End(t.Context(), nurse(now), "maria"); err != nil {
			t.Fatal(err)
		}
		if list, err := one.store.Lasting(t.Context(), nurse(now)); err != nil || len(list) != 0 {
			t.Errorf("Lasting after End = %v, %v, want none", list, err)
		}
		officer := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "privacy", Roles: []access.Role{access.Privacy}}
		both := nurse(now)
		both.Roles = []access.Role{access.Nurse, access.Privacy}
		all := func(a access.Actor) access.Pass {
			p, err := one.doors.CheckAll(t.Context(), a, access.ReviewAccess)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if _, err := one.doors.CheckAll(t.Context(), nurse(now), access.ReviewAccess); err == nil {
			t.Error("a nurse may review access, want the privacy officers alone")
		}
		now = now.Add(emergency.ReviewIn)
		got, err := one.store.Get(t.Context(), all(officer), o.ID)
		if err != nil || got.Overdue(now) || !got.Overdue(now.Add(time.Second)) {
			t.Errorf("Overdue after a day = %t, %v, want it from the next second on", got.Overdue(now), err)
		}
		if err := one.store.Review(t.Context(), all(both), o.ID, emergency.Appropriate, "mine"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("reviewing one's own access = %v, want a refusal", err)
		}
		if err := one.store.Review(t.Context(), all(officer), o.ID, "fine", "x"); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a verdict that is none = %v, want a refusal", err)
		}
		if err := one.store.Review(t.Context(), all(officer), o.ID, emergency.Not, "no ambulance that day"); err != nil {
			t.Fatal(err)
		}
		if err := one.store.Review(t.Context(), all(officer), o.ID, emergency.Appropriate, "again"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second review = %v, want a refusal", err)
		}
		waiting, err := one.store.Waiting(t.Context(), all(officer), 10)
		if err != nil || len(waiting) != 0 {
			t.Errorf("Waiting = %v, %v, want none", waiting, err)
		}
	})
}

// Who opened a record twice at the same moment closes it with one End: here
// at once, on the other node within a second.
func TestEndEndsAll(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		one, two := newNode(d, &now, &queue{}, nil), newNode(d, &now, &queue{}, nil)
		if _, err := d.ExecContext(t.Context(), `insert into patient_flag (patient, vip, reason, set_by, set_at) values ('maria', 1, 'mayor', 'privacy', 0)`); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"e1", "e2"} {
			const q = `insert into emergency (id, account, patient, code, reason, opened_at, until_at) values ($1, 'nurse', 'maria', 'life', 'raced', $2, $3)`
			if _, err := d.ExecContext(t.Context(), q, id, now.UnixMicro(), now.Add(emergency.Lasts).UnixMicro()); err != nil {
				t.Fatal(err)
			}
		}
		reads := func(n node) error {
			_, err := n.doors.Check(t.Context(), nurse(now), access.ReadRecord, "maria")
			return err
		}
		if err1, err2 := reads(one), reads(two); err1 != nil || err2 != nil {
			t.Fatalf("while it is open = %v, %v, want the record", err1, err2)
		}
		if err := one.store.End(t.Context(), nurse(now), "maria"); err != nil {
			t.Fatal(err)
		}
		if err := reads(one); !access.NeedsReason(err) {
			t.Errorf("here after End = %v, want it closed at once", err)
		}
		now = now.Add(access.Fresh)
		if err := reads(two); !access.NeedsReason(err) {
			t.Errorf("on the other node a second later = %v, want it closed", err)
		}
		rows, err := audit.NewLog(d, haletest.IDs(), haletest.Clock(now)).Find(t.Context(), audit.Query{Action: "emergency.end"}, 9)
		if err != nil || len(rows) != 2 {
			t.Errorf("%d rows for the end, %v, want one for each opening", len(rows), err)
		}
	})
}
