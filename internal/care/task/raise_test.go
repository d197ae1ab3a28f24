package task_test

import (
	"slices"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// works is somebody of the staff with one role.
func works(role access.Role) access.Actor {
	return access.Actor{Kind: access.Staff, ID: string(role), Name: "Somebody", Roles: []access.Role{role}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
}

func TestStoreRaise(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, records, now := open(t, d)
		ctx := t.Context()
		ask, desk, all := haletest.Pass(t, d, "p1", access.SendMessages), nurse(t, d), haletest.Everyone(t, d, access.AnswerPatients)
		asked := func(k task.Kind, focus string) task.Task {
			one, err := s.Ask(ctx, ask, task.New{Kind: k, Title: string(k), Focus: focus})
			if err != nil {
				t.Fatal(err)
			}
			return one
		}
		late, closed, ready, asksBack := asked(task.Booking, ""), asked(task.Form, ""), asked(task.Refill, "MedicationRequest/a"), asked(task.Renewal, "MedicationRequest/b")
		for id, to := range map[string]task.Status{ready.ID: task.Ready, asksBack.ID: task.Waiting} {
			if err := s.Step(ctx, desk, id, to, "So it is."); err != nil {
				t.Fatal(err)
			}
		}
		unraised := func() []string {
			list, err := s.Unraised(ctx, all, 10)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, one := range list {
				ids = append(ids, one.ID)
			}
			return ids
		}
		told := 0
		raise := func(id string) bool {
			done, err := s.Raise(ctx, desk, id, "lead", "L. Ead", func(_ *db.Tx, got task.Task) error {
				told++
				if got.RaisedTo != "lead" || !got.Overdue(*now) {
					t.Errorf("told of %+v, want it raised to the lead", got)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if list := unraised(); len(list) != 0 || raise(late.ID) {
			t.Fatalf("before its time %v is raised", list)
		}
		*now = now.AddDate(0, 0, 7)
		if list := unraised(); len(list) != 2 || slices.Contains(list, ready.ID) || slices.Contains(list, asksBack.ID) {
			t.Fatalf("late are %v, want what was asked and neither what is ready nor what waits for the patient", list)
		}
		if err := s.Close(ctx, desk, closed.ID, task.Finished, "Here it is."); err != nil {
			t.Fatal(err)
		}
		if raise(closed.ID) || told != 0 {
			t.Error("what was closed at the same moment is raised")
		}
		if !raise(late.ID) || raise(late.ID) || told != 1 {
			t.Errorf("raised twice it told %d times, want once", told)
		}
		if list := unraised(); len(list) != 0 {
			t.Errorf("after it %v are left", list)
		}
		got, err := s.Get(ctx, desk, late.ID)
		if err != nil || !got.Raised.Equal(*now) || got.RaisedName != "L. Ead" || got.RaisedTo != "lead" || len(got.Steps) != 1 || got.Status != task.Received {
			t.Errorf("Get = %+v, %v, want it raised and otherwise as it was", got, err)
		}
		res, err := records.Get(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), "Task", late.ID)
		if err != nil || res.Version != 2 {
			t.Errorf("the record has version %d, %v, want the second", res.Version, err)
		}
		if err := s.Claim(ctx, desk, late.ID); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Get(ctx, desk, late.ID); err != nil || !got.Overdue(*now) || got.OwnerName != "J. Okafor" {
			t.Errorf("claimed it is %+v, %v, want it overdue still", got, err)
		}
	})
}

// Who leads is set by those who set the promises, and counted for them.
func TestStoreLeads(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _, now := open(t, d)
		ctx, rules := t.Context(), haletest.Everyone(t, d, access.SetRules)
		if err := s.SetLead(ctx, haletest.Everyone(t, d, access.AnswerPatients), "the nurse team", "n"); err == nil {
			t.Error("a nurse sets who leads")
		}
		if err := s.SetLead(ctx, rules, "the kitchen", "n"); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a team that is none: %v", err)
		}
		for _, lead := range []string{"n", "m"} {
			if err := s.SetLead(ctx, rules, "the nurse team", lead); err != nil {
				t.Fatal(err)
			}
		}
		if leads, err := s.Leads(ctx); err != nil || len(leads) != 1 || leads["the nurse team"] != "m" {
			t.Errorf("Leads = %v, %v", leads, err)
		}
		if err := s.SetLead(ctx, rules, "the nurse team", ""); err != nil {
			t.Fatal(err)
		}
		if leads, err := s.Leads(ctx); err != nil || len(leads) != 0 {
			t.Errorf("Leads = %v, %v, want nobody", leads, err)
		}
		if _, err := s.Ask(ctx, haletest.Pass(t, d, "p1", access.SendMessages), task.New{Kind: task.Booking, Title: "A visit"}); err != nil {
			t.Fatal(err)
		}
		*now = now.AddDate(0, 0, 7)
		if late, err := s.LateOf(ctx, rules); err != nil || len(late) != 1 || late["the front desk"] != 1 {
			t.Errorf("LateOf = %v, %v", late, err)
		}
		if _, err := s.LateOf(ctx, access.Pass{}); err == nil {
			t.Error("the zero pass counts")
		}
	})
}

// Each part of the staff sees, in lists and one by one, what is theirs.
func TestStoreAreas(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _, now := open(t, d)
		ctx, ask := t.Context(), haletest.Pass(t, d, "p1", access.SendMessages)
		ids := map[string]string{}
		for _, in := range []task.New{
			{Kind: task.Booking, Title: "booking"}, {Kind: task.Bill, Title: "bill"}, {Kind: task.Insurance, Title: "insurance"}, {Kind: task.Refill, Title: "refill"},
			{Kind: task.Form, Title: "form"}, {Kind: task.OfficeForm, Title: "plan"}, {Kind: task.CheckIn, Title: "pills", Team: "the nurse team"}, {Kind: task.Record, Title: "record"}, {Kind: task.Message, Title: "about a visit", Team: "the front desk"},
			{Kind: task.Message, Title: "about a bill", Team: "the billing office"}, {Kind: task.Message, Title: "about a medicine", Team: "the nurse team"},
		} {
			one, err := s.Ask(ctx, ask, in)
			if err != nil {
				t.Fatal(err)
			}
			ids[in.Title] = one.ID
		}
		*now = now.AddDate(0, 0, 30)
		tests := []struct {
			role  access.Role
			right access.Right
			sees  []string
		}{
			{access.FrontDesk, access.AnswerVisits, []string{"about a visit", "booking", "insurance", "plan"}},
			{access.Billing, access.AnswerBills, []string{"about a bill", "bill", "insurance"}},
			{access.Nurse, access.AnswerPatients, nil},
		}
		for _, tt := range tests {
			doors := haletest.Doors(d)
			all, err := doors.CheckAll(ctx, works(tt.role), tt.right)
			if err != nil {
				t.Fatal(err)
			}
			one, err := doors.Check(ctx, works(tt.role), tt.right, "p1")
			if err != nil {
				t.Fatal(err)
			}
			list, err := s.Open(ctx, all, task.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			var sees []string
			for _, x := range list {
				sees = append(sees, x.Title)
				if !x.For(works(tt.role)) {
					t.Errorf("%q cannot be given to %s", x.Title, tt.role)
				}
			}
			slices.Sort(sees)
			if tt.sees != nil && !slices.Equal(sees, tt.sees) || tt.sees == nil && len(sees) != len(ids) {
				t.Errorf("%s sees %v, want %v", tt.role, sees, tt.sees)
			}
			if c, err := s.Counts(ctx, all); err != nil || c.Open != len(sees) || c.Late != len(sees) {
				t.Errorf("%s counts %+v, %v, want %d", tt.role, c, err, len(sees))
			}
			for title, id := range ids {
				_, err := s.Get(ctx, one, id)
				_, whose := s.Whose(ctx, all, id)
				claim := s.Claim(ctx, one, id)
				if want := slices.Contains(sees, title); (err == nil) != want || (whose == nil) != want || (claim == nil) != want {
					t.Errorf("%s at %q: %v, %v, %v", tt.role, title, err, whose, claim)
				}
			}
		}
	})
}

func TestPromisesKeepTheirTeams(t *testing.T) {
	for _, team := range task.Teams {
		if len(task.Roles(team)) == 0 {
			t.Errorf("nobody works for %s", team)
		}
	}
	at := time.Date(2026, 10, 6, 9, 0, 0, 0, time.UTC)
	if (task.Task{Status: task.Ready, Due: at}).Late(at.AddDate(0, 0, 9)) {
		t.Error("what is ready is late")
	}
}
