package reach_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// visits is a calendar that notes what is done to it.
type visits struct {
	list []visit.Visit
	did  []string
	fail bool
}

func (v *visits) Upcoming(_ context.Context, pass access.Pass, _ int) ([]visit.Visit, error) {
	_, err := pass.Open(access.ReadVisits)
	return v.list, err
}

func (v *visits) Confirm(_ context.Context, pass access.Pass, id string) (visit.Visit, error) {
	_, err := pass.Open(access.BookVisits)
	if v.fail {
		err = errs.New(errs.Conflict, "begun")
	}
	v.did = append(v.did, "confirm "+id)
	return visit.Visit{ID: id}, err
}

func (v *visits) Cancel(_ context.Context, pass access.Pass, id string) error {
	_, err := pass.Open(access.BookVisits)
	v.did = append(v.did, "cancel "+id)
	return err
}

// reply has somebody answer by text, twice, as a network does.
func (w *world) replies(from, text, key string) {
	w.t.Helper()
	for range 2 {
		if err := w.e.Receipt(w.t.Context(), reach.Receipt{Kind: "replied", Channel: reach.SMS, From: from, Text: text, At: w.clock(), Dedupe: key}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.send()
}

// last is the last text that went to anybody.
func (w *world) last() string {
	w.t.Helper()
	got := w.gate[reach.SMS].got()
	if len(got) == 0 {
		return ""
	}
	return got[len(got)-1].Text
}

func appointment() reach.Outreach {
	o := care()
	o.Purpose, o.Service, o.Template.Sensitivity = "appointment", "", 1
	o.Template.Parts = []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Your visit", Body: "Hello {{ first_name | default: \"there\" }},\n\nyour visit is on Tuesday."},
		{Channel: string(reach.SMS), Lang: "en", Body: "{{ clinic }}: your visit is on Tuesday. Reply C to confirm, X to cancel. {{ link }}"},
	}
	return o
}

func TestAnswersAboutVisits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		cal := &visits{list: []visit.Visit{{ID: "v1", Start: midday.Add(48 * time.Hour)}}}
		w.e.Visits = cal
		const number = "+13122000001"
		w.add(who{id: "ada", family: "Byron", sms: number})
		w.start(appointment())
		w.send()
		before := len(w.gate[reach.SMS].got())
		w.replies(number, "C", "r1")
		if strings.Join(cal.did, ",") != "confirm v1" || !strings.Contains(w.last(), "You are down for") {
			t.Fatalf("after C: %v, said %q", cal.did, w.last())
		}
		if n := len(w.gate[reach.SMS].got()); n != before+1 {
			t.Errorf("%d texts, want one answer however often the same reply comes", n-before)
		}
		w.replies(number, "Cancel my visit please", "r2")
		if strings.Join(cal.did, ",") != "confirm v1,cancel v1" || !strings.Contains(w.last(), "is cancelled") {
			t.Fatalf("after no: %v, said %q", cal.did, w.last())
		}
		list, err := w.e.Dialogs.List(t.Context(), w.run(access.AnswerPatients), dialog.Open, 10)
		if err != nil || len(list) != 1 || list[0].Unread != 0 || !list[0].Waiting.IsZero() {
			t.Errorf("conversations = %+v, %v, want one that waits for nobody", list, err)
		}
		// Two visits to come: a person has to look.
		cal.list = append(cal.list, visit.Visit{ID: "v2", Start: midday.Add(72 * time.Hour)})
		w.replies(number, "yes", "r3")
		if len(cal.did) != 2 || !strings.Contains(w.last(), "could not tell which visit") {
			t.Errorf("after an unclear yes: %v, said %q", cal.did, w.last())
		}
		if list, _ := w.e.Dialogs.List(t.Context(), w.run(access.AnswerPatients), dialog.Open, 10); len(list) != 1 || list[0].Unread != 1 {
			t.Errorf("conversations = %+v, want one unread", list)
		}
	})
}

// CANCEL alone to a text about a visit ends the texts, as the law has it, and
// never in silence: it is said that the visit stands, and X cancels it still.
func TestCancelAlone(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		cal := &visits{list: []visit.Visit{{ID: "v1", Start: midday.Add(48 * time.Hour)}}}
		w.e.Visits = cal
		const number, other = "+13122000001", "+13122000002"
		w.add(who{id: "ada", family: "Byron", sms: number}, who{id: "bob", family: "Bell", lang: "es", sms: other})
		o := appointment()
		o.Template.Parts = append(o.Template.Parts, template.Part{Channel: template.Page, Lang: "es", Subject: "Su cita", Body: "Su cita es el martes."},
			template.Part{Channel: string(reach.SMS), Lang: "es", Body: "{{ clinic }}: su cita es el martes. Responda C o X. {{ link }}"})
		w.start(o)
		w.send()
		w.replies(number, "Cancel.", "c1")
		if got := w.text(`select status from contact_point where patient = 'ada' and kind = 'sms'`); got != "opted_out" || len(cal.did) != 0 || !strings.Contains(w.last(), "Your visit still stands: to cancel it, reply X") {
			t.Fatalf("after CANCEL the number is %s, %v was done, said %q", got, cal.did, w.last())
		}
		if n := len(w.last()); n > 160 {
			t.Errorf("the confirmation has %d letters, more than one text holds", n)
		}
		list, err := w.e.Dialogs.List(t.Context(), w.run(access.AnswerPatients), dialog.Open, 10)
		if err != nil || len(list) != 1 || list[0].Unread != 1 || !list[0].Stop {
			t.Errorf("conversations = %+v, %v, want one that waits", list, err)
		}
		w.replies(number, "X", "c2")
		if strings.Join(cal.did, ",") != "cancel v1" || !strings.Contains(w.last(), "is cancelled") {
			t.Errorf("after X: %v, said %q", cal.did, w.last())
		}
		if got := w.text(`select status from contact_point where patient = 'ada' and kind = 'sms'`); got != "opted_out" {
			t.Errorf("X gave the texts back: %s", got)
		}
		w.replies(other, "CANCELAR", "c3")
		if !strings.Contains(w.last(), "Su cita sigue en pie") {
			t.Errorf("to CANCELAR: %q", w.last())
		}
		w.replies(other, "STOP", "c4") // to STOP nothing is asked about a visit
		w.start(care())
		w.send()
		if n := w.count(`select count(*) from message where patient = 'bob' and purpose = 'care' and channel = 'sms'`); n != 0 {
			t.Errorf("%d texts after CANCELAR", n)
		}
	})
}

func TestAnswersToKeywords(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const number = "+13122000001"
		w.add(who{id: "ada", family: "Byron", lang: "es", sms: number})
		w.start(care())
		w.send()
		w.replies(number, "AYUDA", "h")
		if !strings.Contains(w.last(), "llame al (312) 555-0100") {
			t.Errorf("to AYUDA: %q", w.last())
		}
		w.replies(number, "ALTO", "s")
		if !strings.Contains(w.last(), "responda CITAS") {
			t.Errorf("to ALTO: %q", w.last())
		}
		status := func() string {
			return w.text(`select status from contact_point where patient = 'ada' and kind = 'sms'`)
		}
		if status() != "opted_out" {
			t.Errorf("after ALTO the number is %s", status())
		}
		w.replies(number, "Citas", "k")
		if status() != "active" || w.count(`select count(*) from suppression where scope = '*'`) != 0 || w.count(`select count(*) from suppression where scope = 'marketing'`) != 1 || w.count(`select count(*) from suppression where scope = 'appointment'`) != 0 {
			t.Errorf("after CITAS the number is %s and %d scopes are blocked", status(), w.count(`select count(*) from suppression`))
		}
		w.replies(number, "START", "a")
		if n := w.count(`select count(*) from suppression`); n != 0 || !strings.Contains(w.last(), "volvera a recibir") {
			t.Errorf("after START %d scopes are blocked, said %q", n, w.last())
		}
	})
}

// What only the network has heard counts as well.
func TestCarrierStop(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13122000001"})
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
			return reach.Result{Outcome: reach.Rejected, Code: "opted_out_21610"}
		}
		w.start(care())
		w.send()
		if s := w.text(`select status from contact_point where patient = 'ada'`); s != "opted_out" || w.count(`select count(*) from suppression where scope = '*'`) != 1 {
			t.Errorf("the number is %s", s)
		}
	})
}

// An answer of the staff goes as it is, or behind a link where it tells of
// health, and not at all after a STOP.
func TestSay(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const number = "+13122000001"
		w.add(who{id: "ada", family: "Byron", sms: number})
		w.replies(number, "When do you open?", "q")
		pass := w.pass("ada", access.AnswerPatients)
		list, err := w.e.Dialogs.List(t.Context(), w.run(access.AnswerPatients), dialog.Open, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		say := func(text string) error {
			_, err := w.e.Say(t.Context(), pass, list[0], reach.Saying{Text: text})
			w.send()
			return err
		}
		if err := say("At eight – see you!"); err != nil || w.last() != "At eight - see you!" {
			t.Errorf("said %q, %v", w.last(), err)
		}
		if err := say("Your insulin is ready."); err != nil || !strings.Contains(w.last(), "https://rfm.example/m/") || strings.Contains(w.last(), "insulin") {
			t.Errorf("said %q, %v", w.last(), err)
		}
		w.replies(number, "STOP", "s")
		if err := say("One more thing"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("an answer after STOP: %v", err)
		}
	})
}
