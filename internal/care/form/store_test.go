package form_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	care "hale/internal/care/form"
	"hale/internal/care/saved"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

type world struct {
	*care.Store
	d       *db.DB
	records *record.Store
	tasks   *task.Store
	saved   *saved.Store
	ring    *keys.Ring
	now     *time.Time
}

func open(t *testing.T, d *db.DB) world {
	t.Helper()
	now := haletest.Noon
	clock := func() time.Time { return now }
	log := event.NewLog(haletest.IDs(), clock)
	r := record.New(d, haletest.IDs(), clock, log, care.View(), task.View())
	people := `{"resourceType":"Patient","id":"%","name":[{"use":"official","family":"Lovelace","given":["Ada"]}],"birthDate":"1957-05-28","telecom":[{"system":"phone","value":"+13125550142"}],"address":[{"line":["1 Main St"],"city":"Peoria","state":"IL","postalCode":"61602"}]}`
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := r.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord), Feed: "test"}, []record.Draft{
			{Type: "Patient", ID: "ada", Body: []byte(strings.ReplaceAll(people, "%", "ada"))}, {Type: "Patient", ID: "bob", Body: []byte(strings.ReplaceAll(people, "%", "bob"))},
			{Type: "MedicationRequest", ID: "m1", Body: []byte(`{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","subject":{"reference":"Patient/ada"},"medicationCodeableConcept":{"text":"Lisinopril 10 mg"}}`)},
			{Type: "AllergyIntolerance", ID: "a1", Body: []byte(`{"resourceType":"AllergyIntolerance","id":"a1","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/ada"},"code":{"text":"Penicillin"}}`)},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tasks := task.NewStore(d, r, log, haletest.IDs(), clock, func() task.Hours { return task.Usual(time.UTC) })
	ring := haletest.Ring(t, d, clock)
	return world{care.NewStore(d, r, tasks, ring, haletest.IDs(), clock), d, r, tasks, saved.NewStore(d, ring, clock), ring, &now}
}

func nurse(t testing.TB, d *db.DB, right access.Right, patient string) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "nurse", Name: "Nurse Joy", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	check := func() (access.Pass, error) { return haletest.Doors(d).Check(t.Context(), a, right, patient) }
	if patient == "" {
		check = func() (access.Pass, error) { return haletest.Doors(d).CheckAll(t.Context(), a, right) }
	}
	pass, err := check()
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// out makes a ready form that is published.
func (w world) out(t testing.TB, key string) care.Version {
	t.Helper()
	desk := nurse(t, w.d, access.AnswerPatients, "")
	v, err := w.AddReady(t.Context(), desk, key)
	if err == nil {
		err = w.Publish(t.Context(), desk, v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// worried is a PHQ-9 with an answer that cannot wait.
func worried(last string) url.Values {
	typed := url.Values{}
	for i := range 9 {
		typed.Set(form.Field("p"+string(rune('1'+i))), form.LOINC+"|LA6569-3")
	}
	typed.Set(form.Field("p9"), form.LOINC+"|"+last)
	return typed
}

// A form that the staff asks for is filled in, lands in the record with the
// very version, in the desk's queue at once where it cannot wait, and is
// reviewed there.
func TestStoreSend(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w, ctx := open(t, d), t.Context()
		v := w.out(t, "phq-9")
		ask, err := w.Assign(ctx, nurse(t, d, access.AnswerPatients, "ada"), v.ID, haletest.Noon.AddDate(0, 0, 3))
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := w.Assign(ctx, nurse(t, d, access.AnswerPatients, "ada"), v.ID, time.Time{}); err != nil || twice.ID != ask.ID {
			t.Errorf("asked twice it is %s, %v, want the one that waits", twice.ID, err)
		}
		ada, bob := haletest.Pass(t, d, "ada", access.SendMessages), haletest.Pass(t, d, "bob", access.SendMessages)
		if list, err := w.Waiting(ctx, ada, 5); err != nil || len(list) != 1 || list[0].Title != "How you have felt (PHQ-9)" {
			t.Fatalf("Waiting = %+v, %v", list, err)
		}
		if _, err := w.Asked(ctx, bob, ask.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("somebody else's form = %v, want not found", err)
		}
		if _, err := w.saved.Save(ctx, ada, ask.Place(), url.Values{"q:p1": {"x"}}); err != nil {
			t.Fatal(err)
		}
		var more *care.Incomplete
		if _, err := w.Send(ctx, ada, ask.ID, care.Sending{Typed: url.Values{}}); !errors.As(err, &more) || more.Page != 1 || len(more.Wrong) != 9 {
			t.Errorf("Send of nothing = %v", err)
		}
		if _, err := w.Send(ctx, bob, ask.ID, care.Sending{Typed: worried("LA6568-5")}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Send by somebody else = %v", err)
		}
		sent, err := w.Send(ctx, ada, ask.ID, care.Sending{Typed: worried("LA6569-3"), Lang: "es"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Send(ctx, ada, ask.ID, care.Sending{Typed: worried("LA6569-3")}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Send twice = %v, want a conflict", err)
		}
		if f, err := w.saved.Load(ctx, ada, ask.Place()); err != nil || !f.At.IsZero() {
			t.Errorf("what was saved is still there: %v, %v", f, err)
		}
		queue, err := w.tasks.Open(ctx, nurse(t, d, access.AnswerPatients, ""), task.Filter{Kind: task.Form})
		if err != nil || len(queue) != 1 || queue[0].Focus != "QuestionnaireResponse/"+sent.Response || queue[0].Values["urgent"] == "" || queue[0].Due.After(haletest.Noon.Add(time.Hour)) {
			t.Fatalf("the queue has %+v, %v", queue, err)
		}
		came, err := w.Came(ctx, nurse(t, d, access.AnswerPatients, ""), false, 5)
		if err != nil || len(came) != 1 || !came[0].Alarm || !strings.HasPrefix(came[0].Score, "9 of 27, mild") {
			t.Fatalf("Came = %+v, %v", came, err)
		}
		r, err := w.Response(ctx, nurse(t, d, access.ReadRecord, "ada"), ask.ID)
		if err != nil || r.Filled.Questionnaire != care.Base+"phq-9|1" || r.Form.Status != care.Published || len(r.Filled.Answers()) != 9 {
			t.Fatalf("Response = %+v, %v", r, err)
		}
		errand, err := w.records.Get(ctx, nurse(t, d, access.ReadRecord, "ada"), "Task", ask.Errand)
		if err != nil || !strings.Contains(string(errand.Body), `"completed"`) || !strings.Contains(string(errand.Body), "QuestionnaireResponse/"+sent.Response) {
			t.Errorf("what the clinic asked is %s, %v", errand.Body, err)
		}
		if err := w.Review(ctx, nurse(t, d, access.AnswerPatients, "ada"), ask.ID, "We will call you today."); err != nil {
			t.Fatal(err)
		}
		if err := w.Review(ctx, nurse(t, d, access.AnswerPatients, "ada"), ask.ID, ""); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Review twice = %v", err)
		}
		if done, err := w.tasks.Get(ctx, nurse(t, d, access.AnswerPatients, "ada"), queue[0].ID); err != nil || done.Status != task.Done || done.Answer != "We will call you today." {
			t.Errorf("the task is %+v, %v", done, err)
		}
		if err := w.Withdraw(ctx, nurse(t, d, access.AnswerPatients, "ada"), ask.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Withdraw of what was sent = %v", err)
		}
	})
}

// A published version never changes; the next one is filled in from then on,
// and what was begun with the old one is sent with it.
func TestStoreVersions(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w, ctx, desk := open(t, d), t.Context(), nurse(t, d, access.AnswerPatients, "")
		one := w.out(t, "consent-to-treatment")
		ada := haletest.Pass(t, d, "ada", access.SendMessages)
		ask, err := w.Assign(ctx, nurse(t, d, access.AnswerPatients, "ada"), one.ID, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		rename := func(q *form.Questionnaire) error { q.Title.Words = "New words"; return nil }
		if err := w.Change(ctx, desk, one.ID, 0, rename); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Change of a published version = %v, want a conflict", err)
		}
		two, err := w.Revise(ctx, desk, one.ID)
		if err != nil || two.Version != "2" || two.Status != care.Draft || two.URL != one.URL {
			t.Fatalf("Revise = %+v, %v", two, err)
		}
		if _, err := w.Revise(ctx, desk, one.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second draft = %v", err)
		}
		if err := w.Change(ctx, desk, two.ID, two.Stored, rename); err != nil {
			t.Fatal(err)
		}
		if err := w.Change(ctx, desk, two.ID, two.Stored, rename); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a change of what somebody else changed = %v", err)
		}
		if _, err := w.Assign(ctx, nurse(t, d, access.AnswerPatients, "bob"), two.ID, time.Time{}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a draft is asked of a patient: %v", err)
		}
		if err := w.Publish(ctx, desk, two.ID); err != nil {
			t.Fatal(err)
		}
		list, err := w.List(ctx, desk)
		if err != nil || len(list) != 1 || len(list[0].Versions) != 2 || list[0].Newest().ID != two.ID || list[0].Versions[1].Status != care.Retired {
			t.Fatalf("List = %+v, %v", list, err)
		}
		typed := url.Values{"q:understand": {"true"}, "q:student": {"https://hale.example/fhir/form-answer|no"}}
		if _, err := w.Send(ctx, ada, ask.ID, care.Sending{Typed: typed}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without a signature it is %v", err)
		}
		if _, err := w.Send(ctx, ada, ask.ID, care.Sending{Typed: typed, Sign: "Ada Lovelace"}); err != nil {
			t.Fatal(err)
		}
		r, err := w.Response(ctx, nurse(t, d, access.ReadRecord, "ada"), ask.ID)
		if err != nil || r.Filled.Questionnaire != one.URL+"|1" || r.Form.Title.Words != "Consent to treatment" || r.Filled.Sign.Name != "Ada Lovelace" || !r.Filled.Sign.At.Equal(haletest.Noon) {
			t.Errorf("what was signed is %+v, %v", r, err)
		}
	})
}

// What the record says is filled in beforehand; without a pass for the record
// nothing is.
func TestPrefill(t *testing.T) {
	d := haletest.SQLite(t)
	w, ctx := open(t, d), t.Context()
	v := w.out(t, "new-patient")
	got, _, err := w.Get(ctx, nurse(t, d, access.AnswerPatients, ""), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	q, err := got.Read()
	if err != nil {
		t.Fatal(err)
	}
	q.Item("contact").Expr = "%patient.telecom.where(system='phone').value"
	typed, err := care.Prefill(ctx, w.records, haletest.Pass(t, d, "ada", access.ReadRecord), q, haletest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]string{"name": "Ada Lovelace", "born": "1957-05-28", "phone": "+13125550142", "home": "1 Main St, Peoria, IL 61602", "medicines": "Lisinopril 10 mg", "allergies": "Penicillin", "contact": "+13125550142", "mail": ""} {
		if s := typed.Get(form.Field(link)); s != want {
			t.Errorf("%s = %q, want %q", link, s, want)
		}
	}
	if _, err := care.Prefill(ctx, w.records, haletest.Pass(t, d, "ada", access.SendMessages), q, haletest.Noon); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Prefill without a pass for the record = %v", err)
	}
}

// A stranger's form opens no record; the staff links it, or makes a patient
// of it, or drops it.
func TestFront(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w, ctx, desk := open(t, d), t.Context(), nurse(t, d, access.AnswerPatients, "")
		v := w.out(t, "new-patient")
		if err := w.SetUse(ctx, desk, care.Use{URL: v.URL, Slug: "new-patient"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without words to agree to it is %v", err)
		}
		if err := w.SetUse(ctx, desk, care.Use{URL: v.URL, Slug: "new-patient", Consent: "We read it.", Open: true}); err != nil {
			t.Fatal(err)
		}
		phq := w.out(t, "phq-9")
		if err := w.SetUse(ctx, desk, care.Use{URL: phq.URL, Slug: "mood", Consent: "We read it."}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a form that asks nobody's name is out: %v", err)
		}
		front := w.Front(seal.NewKey())
		typed := url.Values{"q:name": {"Zoe New"}, "q:born": {"1990-01-02"}, "q:phone": {"(312) 555-0199"}, "q:takes": {"false"}, "q:allergic": {"false"}}
		if _, err := front.Begin(ctx, "new-patient", "192.0.2.1", care.Agreed{Yes: false}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without agreeing = %v", err)
		}
		send := func(network string) {
			t.Helper()
			token, err := front.Begin(ctx, "new-patient", network, care.Agreed{Yes: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := front.Open(ctx, "other", token); errs.KindOf(err) != errs.NotFound {
				t.Errorf("the token opens another form: %v", err)
			}
			b, err := front.Open(ctx, "new-patient", token)
			if err != nil {
				t.Fatal(err)
			}
			if err := front.Keep(ctx, b, typed); err != nil {
				t.Fatal(err)
			}
			if b, err = front.Open(ctx, "new-patient", token); err != nil || b.Typed.Get("q:name") != "Zoe New" {
				t.Fatalf("Open = %v, %v", b.Typed, err)
			}
			var more *care.Incomplete
			if _, err := front.Send(ctx, b, care.Sending{Typed: url.Values{}}); !errors.As(err, &more) {
				t.Errorf("Send of nothing = %v", err)
			}
			if _, err := front.Send(ctx, b, care.Sending{Typed: typed, Lang: "en"}); err != nil {
				t.Fatal(err)
			}
			if _, err := front.Open(ctx, "new-patient", token); errs.KindOf(err) != errs.NotFound {
				t.Errorf("what was sent is open still: %v", err)
			}
		}
		for range 3 {
			send("192.0.2.1")
		}
		for range 7 {
			if _, err := front.Begin(ctx, "new-patient", "192.0.2.1", care.Agreed{Yes: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := front.Begin(ctx, "new-patient", "192.0.2.1", care.Agreed{Yes: true}); errs.KindOf(err) != errs.TooMany {
			t.Errorf("the eleventh from one network = %v, want too many", err)
		}
		if _, err := front.Begin(ctx, "new-patient", "192.0.2.2", care.Agreed{Yes: true}); err != nil {
			t.Errorf("another network = %v", err)
		}
		if n, err := db.One(ctx, d, db.Value[int], `select count(*) from resource where typ = 'QuestionnaireResponse'`); err != nil || n != 0 {
			t.Errorf("a stranger wrote %d resources, %v", n, err)
		}
		leads, err := w.Leads(ctx, desk, 9)
		if err != nil || len(leads) != 3 || leads[0].Who != (care.Identity{Name: "Zoe New", Born: "1990-01-02", Phone: "(312) 555-0199"}) {
			t.Fatalf("Leads = %+v, %v", leads, err)
		}
		a, err := w.Link(ctx, nurse(t, d, access.SendMessages, "ada"), leads[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Link(ctx, nurse(t, d, access.SendMessages, "bob"), leads[0].ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("linked twice = %v", err)
		}
		if r, err := w.Response(ctx, nurse(t, d, access.ReadRecord, "ada"), a.ID); err != nil || len(r.Filled.Answers()) != 5 {
			t.Errorf("the response is %+v, %v", r, err)
		}
		patient, err := w.Enrol(ctx, desk, leads[1].ID)
		if err != nil {
			t.Fatal(err)
		}
		res, err := w.records.Get(ctx, nurse(t, d, access.ReadRecord, patient), "Patient", patient)
		if err != nil || !strings.Contains(string(res.Body), `"family":"New"`) || !strings.Contains(string(res.Body), "+13125550199") {
			t.Errorf("the new patient is %s, %v", res.Body, err)
		}
		if err := w.Drop(ctx, desk, leads[2].ID, "Sent twice"); err != nil {
			t.Error(err)
		}
		if l, err := w.Lead(ctx, desk, leads[2].ID); err != nil || l.State != "dropped" || l.Who.Name != "" {
			t.Errorf("what was dropped is %+v, %v", l, err)
		}
		*w.now = w.now.Add(8 * 24 * time.Hour)
		if err := front.Tidy(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := db.One(ctx, d, db.Value[int], `select count(*) from form_lead where state = 'begun'`); err != nil || n != 0 {
			t.Errorf("%d are left, %v", n, err)
		}
	})
}

// Passes for other things open nothing.
func TestStorePasses(t *testing.T) {
	d := haletest.SQLite(t)
	w, ctx := open(t, d), t.Context()
	v := w.out(t, "phq-9")
	ada := haletest.Pass(t, d, "ada", access.SendMessages)
	for name, try := range map[string]func() error{
		"List":     func() error { _, err := w.List(ctx, ada); return err },
		"Assign":   func() error { _, err := w.Assign(ctx, ada, v.ID, time.Time{}); return err },
		"Leads":    func() error { _, err := w.Leads(ctx, ada, 1); return err },
		"Begin":    func() error { _, err := w.Begin(ctx, ada, v.ID); return err },
		"Response": func() error { _, err := w.Response(ctx, ada, "x"); return err },
		"Send":     func() error { _, err := w.Send(ctx, access.Pass{}, "x", care.Sending{}); return err },
		"Review":   func() error { return w.Review(ctx, ada, "x", "") },
		"Publish":  func() error { return w.Publish(ctx, ada, v.ID) },
	} {
		if err := try(); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s = %v, want not found", name, err)
		}
	}
}
