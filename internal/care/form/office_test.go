package form_test

import (
	"net/url"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	care "hale/internal/care/form"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

// clerk opens patient, or everybody, for somebody at the front desk.
func clerk(t testing.TB, d *db.DB, patient string) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "clerk", Name: "Fran", Roles: []access.Role{access.FrontDesk}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	check := func() (access.Pass, error) {
		return haletest.Doors(d).Check(t.Context(), a, access.AnswerVisits, patient)
	}
	if patient == "" {
		check = func() (access.Pass, error) { return haletest.Doors(d).CheckAll(t.Context(), a, access.AnswerVisits) }
	}
	pass, err := check()
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

func answered(v care.Version, t testing.TB) url.Values {
	t.Helper()
	q, err := v.Read()
	if err != nil {
		t.Fatal(err)
	}
	typed := url.Values{}
	q.Each(func(it *form.Item, _ int) bool {
		switch it.Type {
		case form.Boolean:
			typed.Set(form.Field(it.LinkID), "true")
		case form.String, form.Long:
			typed.Set(form.Field(it.LinkID), "Blue Plan")
		case form.Choice, form.OpenChoice:
			typed.Set(form.Field(it.LinkID), it.Options[0].Value.Key())
		}
		return true
	})
	return typed
}

// The front desk works on the forms of the office, and finds no other: not in
// lists, not by their ids, not of another patient.
func TestStoreOffice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w, ctx, desk := open(t, d), t.Context(), nurse(t, d, access.AnswerPatients, "")
		plan, health := w.out(t, "registration"), w.out(t, "family-history")
		if _, u, err := w.Get(ctx, desk, plan.ID); err != nil || !u.Office {
			t.Fatalf("the ready form of the office is %+v, %v", u, err)
		}
		fran, everybody := clerk(t, d, "ada"), clerk(t, d, "")
		if _, err := w.Assign(ctx, fran, health.ID, time.Time{}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the front desk asks for a form about health: %v", err)
		}
		mine, err := w.Assign(ctx, fran, plan.ID, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := w.Assign(ctx, nurse(t, d, access.AnswerPatients, "ada"), health.ID, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		ada := haletest.Pass(t, d, "ada", access.SendMessages)
		if _, err := w.Send(ctx, ada, mine.ID, care.Sending{Typed: answered(plan, t), Lang: "en"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Send(ctx, ada, theirs.ID, care.Sending{Typed: url.Values{form.Field("any"): {"false"}}, Lang: "en"}); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Came(ctx, everybody, false, 9); err != nil || len(list) != 1 || list[0].ID != mine.ID {
			t.Errorf("Came to the front desk = %+v, %v", list, err)
		}
		if list, err := w.Mine(ctx, fran, 9); err != nil || len(list) != 1 || list[0].ID != mine.ID {
			t.Errorf("Mine at the front desk = %+v, %v", list, err)
		}
		if list, err := w.List(ctx, everybody); err != nil || len(list) != 1 || !list[0].Office {
			t.Errorf("List at the front desk = %+v, %v", list, err)
		}
		if queue, err := w.tasks.Open(ctx, everybody, task.Filter{}); err != nil || len(queue) != 1 || queue[0].Kind != task.OfficeForm {
			t.Errorf("the queue of the front desk = %+v, %v", queue, err)
		}
		if r, err := w.Response(ctx, fran, mine.ID); err != nil || len(r.Filled.Lines) == 0 {
			t.Errorf("Response = %+v, %v", r, err)
		}
		for name, try := range map[string]func() error{
			"reads a form about health":    func() error { _, err := w.Response(ctx, fran, theirs.ID); return err },
			"reads another's":              func() error { _, err := w.Response(ctx, clerk(t, d, "bob"), mine.ID); return err },
			"answers another's":            func() error { return w.Review(ctx, clerk(t, d, "bob"), mine.ID, "") },
			"answers a form about health":  func() error { return w.Review(ctx, fran, theirs.ID, "") },
			"takes back one about health":  func() error { return w.Withdraw(ctx, fran, theirs.ID) },
			"finds whose one of health is": func() error { _, _, err := w.Whose(ctx, everybody, theirs.ID); return err },
			"finds it by what it became":   func() error { _, _, err := w.Whose(ctx, everybody, responseOf(t, w, theirs.ID)); return err },
			"opens the record itself":      func() error { _, err := w.records.Get(ctx, fran, "MedicationRequest", "m1"); return err },
			"opens the record as a paper":  func() error { _, err := w.records.Paper(ctx, fran, "MedicationRequest", "m1"); return err },
			"opens the response as a record": func() error {
				_, err := w.records.Get(ctx, fran, "QuestionnaireResponse", responseOf(t, w, mine.ID))
				return err
			},
			"opens another's as a paper": func() error {
				_, err := w.records.Paper(ctx, clerk(t, d, "bob"), "QuestionnaireResponse", responseOf(t, w, mine.ID))
				return err
			},
		} {
			if err := try(); errs.KindOf(err) != errs.NotFound {
				t.Errorf("the front desk %s: %v, want nothing there", name, err)
			}
		}
		if err := w.Review(ctx, fran, mine.ID, "Thank you."); err != nil {
			t.Errorf("Review by the front desk = %v", err)
		}
	})
}

func responseOf(t testing.TB, w world, ask string) string {
	t.Helper()
	id, err := db.One(t.Context(), w.d, db.Value[string], `select response from form_ask where id = $1`, ask)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// What is counted or cannot wait is about health, whoever says otherwise; and
// a form whose answers are protected is not shown.
func TestStoreOfficeLimits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w, ctx, desk := open(t, d), t.Context(), nurse(t, d, access.AnswerPatients, "")
		score := w.out(t, "phq-9")
		if err := w.SetUse(ctx, desk, care.Use{URL: score.URL, Office: true}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("SetUse of a form with a score = %v, want a refusal", err)
		}
		if err := w.SetUse(ctx, clerk(t, d, ""), care.Use{URL: score.URL}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("SetUse by the front desk = %v, want a refusal", err)
		}
		plan := w.out(t, "registration")
		fran := clerk(t, d, "ada")
		ask, err := w.Assign(ctx, fran, plan.ID, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := w.Send(ctx, haletest.Pass(t, d, "ada", access.SendMessages), ask.ID, care.Sending{Typed: answered(plan, t), Lang: "en"})
		if err != nil {
			t.Fatal(err)
		}
		const hide = `insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold) values ('ada', 'QuestionnaireResponse', $1, $2, $2, 0, 0, '')`
		if _, err := d.ExecContext(ctx, hide, sent.Response, int64(access.Reproductive)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Response(ctx, fran, ask.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Response of a protected form = %v, want nothing there", err)
		}
		if list, err := w.Came(ctx, clerk(t, d, ""), false, 9); err != nil || len(list) != 0 {
			t.Errorf("Came with a protected form = %+v, %v", list, err)
		}
		if err := w.SetUse(ctx, desk, care.Use{URL: plan.URL}); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Mine(ctx, fran, 9); err != nil || len(list) != 0 {
			t.Errorf("Mine after the office let go of it = %+v, %v", list, err)
		}
	})
}
