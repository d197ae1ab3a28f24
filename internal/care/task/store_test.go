package task_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// open returns a store on d with two patients, and its clock.
func open(t *testing.T, d *db.DB) (*task.Store, *record.Store, *time.Time) {
	t.Helper()
	now := time.Date(2026, 10, 6, 9, 14, 0, 0, time.UTC) // a Tuesday
	clock := func() time.Time { return now }
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), clock)
	records := record.New(d, ids, clock, events, task.View())
	for _, p := range []string{"p1", "p2"} {
		put(t, d, records, "Patient", p, `"active":true`)
	}
	return task.NewStore(d, records, events, ids, clock, func() task.Hours { return task.Usual(time.UTC) }), records, &now
}

func put(t *testing.T, d *db.DB, s *record.Store, typ, id, rest string) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		body := fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{{Type: typ, ID: id, Body: body}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// nurse returns the pass of a nurse who answers p1.
func nurse(t *testing.T, d *db.DB) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "n", Name: "J. Okafor", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	pass, err := haletest.Doors(d).Check(t.Context(), a, access.AnswerPatients, "p1")
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

func TestStoreFromAskingToAnAnswer(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, records, now := open(t, d)
		ctx := t.Context()
		ask, read := haletest.Pass(t, d, "p1", access.SendMessages), haletest.Pass(t, d, "p1", access.ReadMessages)
		desk, all := nurse(t, d), haletest.Everyone(t, d, access.AnswerPatients)
		one, err := s.Ask(ctx, ask, task.New{Kind: task.Refill, Title: "Refill of Metformin", Text: "Two are left.", Focus: "MedicationRequest/m1",
			Values: map[string]string{"pharmacy": "Main Street", "empty": ""}})
		if err != nil {
			t.Fatal(err)
		}
		if want := time.Date(2026, 10, 8, 17, 0, 0, 0, time.UTC); one.Status != task.Received || !one.Due.Equal(want) {
			t.Fatalf("Ask = %+v, want it due %s", one, want)
		}
		if _, err := s.Ask(ctx, ask, task.New{Kind: task.Refill, Title: "Refill", Focus: "MedicationRequest/m1"}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("the same again: %v, want a conflict", err)
		}
		body, err := records.Get(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), "Task", one.ID)
		if err != nil || !strings.Contains(string(body.Body), `"intent":"proposal"`) || !strings.Contains(string(body.Body), `"reference":"Patient/p1"`) {
			t.Fatalf("the record has %s, %v", body.Body, err)
		}
		*now = now.Add(time.Hour)
		for _, do := range []func() error{
			func() error { return s.Read(ctx, desk, one.ID) },
			func() error { return s.Read(ctx, desk, one.ID) }, // the first one counts
			func() error { return s.Claim(ctx, desk, one.ID) },
			func() error { return s.Step(ctx, desk, one.ID, task.Waiting, "We asked the pharmacy.") },
			func() error { return s.Close(ctx, desk, one.ID, task.Finished, "It is ready on Thursday.") },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Get(ctx, read, one.ID)
		if err != nil || got.Status != task.Done || got.Answer != "It is ready on Thursday." || got.Reason != task.Finished || len(got.Steps) != 5 ||
			got.Steps[0].By != "" || got.Steps[3].Note != "We asked the pharmacy." || got.Values["pharmacy"] != "Main Street" || len(got.Values) != 1 ||
			got.Text != "Two are left." || got.Focus != "MedicationRequest/m1" || !got.Closed.Equal(*now) {
			t.Fatalf("Get = %+v, %v", got, err)
		}
		if err := s.Close(ctx, desk, one.ID, task.Finished, ""); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second Close = %v", err)
		}
		if list, err := s.Open(ctx, all, task.Filter{}); err != nil || len(list) != 0 {
			t.Errorf("Open = %v, %v", list, err)
		}
		if err := s.Reopen(ctx, desk, one.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := s.Open(ctx, all, task.Filter{Kind: task.Refill}); err != nil || len(list) != 1 || list[0].Answer != "" || list[0].Status != task.Claimed {
			t.Errorf("after Reopen: %+v, %v", list, err)
		}
	})
}

func TestStoreIsNobodyElses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _, _ := open(t, d)
		ctx := t.Context()
		one, err := s.Ask(ctx, haletest.Pass(t, d, "p1", access.SendMessages), task.New{Kind: task.Message, Title: "Hello"})
		if err != nil {
			t.Fatal(err)
		}
		other := haletest.Pass(t, d, "p2", access.ReadMessages)
		if _, err := s.Get(ctx, other, one.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of another's = %v", err)
		}
		if err := s.Cancel(ctx, other, one.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Cancel of another's = %v", err)
		}
		if list, err := s.Mine(ctx, other, 10); err != nil || len(list) != 0 {
			t.Errorf("Mine of another = %v, %v", list, err)
		}
		for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.SendMessages)} {
			if _, err := s.Open(ctx, pass, task.Filter{}); err == nil {
				t.Error("Open opened to somebody who may not")
			}
			if err := s.Claim(ctx, pass, one.ID); err == nil {
				t.Error("Claim opened to somebody who may not")
			}
		}
	})
}

func TestStoreCancel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _, _ := open(t, d)
		ctx := t.Context()
		pass, desk := haletest.Pass(t, d, "p1", access.SendMessages), nurse(t, d)
		one, err := s.Ask(ctx, pass, task.New{Kind: task.Message, Title: "Hello"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Step(ctx, desk, one.ID, task.Ready, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Cancel(ctx, pass, one.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Cancel of what is ready = %v", err)
		}
		if err := s.Step(ctx, desk, one.ID, task.Waiting, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Cancel(ctx, pass, one.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, haletest.Pass(t, d, "p1", access.ReadMessages), one.ID); err != nil || got.Status != task.Cancelled || got.Closed.IsZero() {
			t.Errorf("Get = %+v, %v", got, err)
		}
	})
}

// What is about something labelled is as labelled as that.
func TestStoreVeilsWhatATaskIsAbout(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, records, _ := open(t, d)
		ctx := t.Context()
		put(t, d, records, "MedicationRequest", "m1", `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},
			"status":"active","intent":"order","medicationCodeableConcept":{"text":"x"},"subject":{"reference":"Patient/p1"}`)
		one, err := s.Ask(ctx, haletest.Pass(t, d, "p1", access.SendMessages), task.New{Kind: task.Refill, Title: "Refill", Focus: "MedicationRequest/m1"})
		if err != nil {
			t.Fatal(err)
		}
		helper := access.Actor{Kind: access.Proxy, ID: "h", Patient: "p2", Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon},
			Grants: []access.Grant{{Patient: "p1", Rights: []access.Right{access.ReadMessages}, Categories: access.Categories, Basis: access.ByPatient}}}
		pass, err := haletest.Doors(d).Check(ctx, helper, access.ReadMessages, "p1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, pass, one.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a helper's Get = %v", err)
		}
		if list, err := s.Mine(ctx, pass, 10); err != nil || len(list) != 0 {
			t.Errorf("a helper's Mine = %v, %v", list, err)
		}
	})
}

// The desk lists what waits by kind, by who has it and by the clock, and what
// was closed lately.
func TestStoreOpenFilters(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, _, now := open(t, d)
		ctx := t.Context()
		ask, desk, all := haletest.Pass(t, d, "p1", access.SendMessages), nurse(t, d), haletest.Everyone(t, d, access.AnswerPatients)
		ids := map[string]string{}
		for title, k := range map[string]task.Kind{"late": task.CheckIn, "mine": task.Message, "over": task.Bill} {
			one, err := s.Ask(ctx, ask, task.New{Kind: k, Title: title})
			if err != nil {
				t.Fatal(err)
			}
			ids[title] = one.ID
		}
		*now = now.Add(5 * time.Hour) // a check-in is answered within four
		if err := s.Claim(ctx, desk, ids["mine"]); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(ctx, desk, ids["over"], task.Called, ""); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			f    task.Filter
			want []string
		}{
			{"all, the first due first", task.Filter{}, []string{"late", "mine"}},
			{"late", task.Filter{Late: true}, []string{"late"}},
			{"one's own", task.Filter{Owner: "n"}, []string{"mine"}},
			{"nobody's", task.Filter{Free: true}, []string{"late"}},
			{"of a kind", task.Filter{Kind: task.Message}, []string{"mine"}},
			{"closed", task.Filter{Closed: true}, []string{"over"}},
			{"closed of another kind", task.Filter{Closed: true, Kind: task.Message}, nil},
		} {
			list, err := s.Open(ctx, all, tt.f)
			var got []string
			for _, one := range list {
				got = append(got, one.Title)
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
			}
		}
		if c, err := s.Counts(ctx, all); err != nil || c.Open != 2 || c.Late != 1 || c.Free != 1 || c.Kinds[task.CheckIn] != 1 {
			t.Errorf("Counts = %+v, %v", c, err)
		}
		if list, err := s.Mine(ctx, haletest.Pass(t, d, "p1", access.ReadMessages), 10); err != nil || len(list) != 3 || list[2].Title != "over" {
			t.Errorf("Mine = %+v, %v", list, err)
		}
	})
}
