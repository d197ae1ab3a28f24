package reach_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/todo"
	"hale/internal/store/db"
)

// todoWorld is a world in which every kind of thing to do has happened once.
type todoWorld struct {
	*world
	store    *todo.Store
	outreach string
	message  map[string]string // by patient
}

func newTodoWorld(t *testing.T, d *db.DB) todoWorld {
	w := todoWorld{world: newWorld(t, d), message: map[string]string{}}
	w.store = todo.NewStore(d, w.clock)
	people := []string{"call", "elsewhere", "notme", "reply", "stop", "failed", "doubt", "fine"}
	for i, p := range people {
		w.add(who{id: p, sms: "+1312555014" + string(rune('0'+i))})
	}
	w.gate[reach.SMS].answer = func(h reach.Handoff) reach.Result {
		switch h.To {
		case "+13125550145":
			return reach.Result{Outcome: reach.Rejected, Code: "no_such_number"}
		case "+13125550146":
			return reach.Result{Outcome: reach.Uncertain}
		}
		return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
	}
	w.outreach = w.start(care())
	for range 3 { // so often is tried what may have gone out
		w.send()
		w.at(w.clock().Add(5 * time.Minute))
		if err := w.e.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range people {
		w.message[p] = w.text(`select id from message where patient = $1`, p)
	}
	w.mark("call", "call_wanted", nil)
	w.mark("call", "call_wanted", nil)
	w.mark("elsewhere", "done_elsewhere", map[string]string{"note": "in May, Dr. Ruiz"})
	w.mark("notme", "wrong_person", nil)
	w.mark("fine", "revealed", nil)
	w.said("+13125550143", "Can I come on a Friday?\x00")
	w.said("+13125550144", "STOP")
	return w
}

func (w todoWorld) mark(patient, kind string, data any) {
	w.t.Helper()
	if err := w.e.Mark(w.t.Context(), w.pass(patient, access.ReadMessage), w.message[patient], kind, data); err != nil {
		w.t.Fatal(err)
	}
}

func (w todoWorld) said(from, text string) {
	w.t.Helper()
	if err := w.e.Receipt(w.t.Context(), reach.Receipt{Channel: reach.SMS, From: from, Kind: "replied", Text: text}); err != nil {
		w.t.Fatal(err)
	}
}

// open returns the patients of the open entries of k.
func (w todoWorld) open(k todo.Kind) string {
	w.t.Helper()
	list, err := w.store.Open(w.t.Context(), w.run(access.AnswerPatients), k, 9)
	if err != nil {
		w.t.Fatal(err)
	}
	return patientsOf(list)
}

func (w todoWorld) done(k todo.Kind, since time.Time) []todo.Entry {
	w.t.Helper()
	list, err := w.store.Done(w.t.Context(), w.run(access.AnswerPatients), k, since, 9)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func patientsOf(list []todo.Entry) string {
	var ids []string
	for _, e := range list {
		ids = append(ids, e.Patient)
	}
	return strings.Join(ids, " ")
}

// Each kind lists exactly the patient to whom it happened.
func TestTodoOpen(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newTodoWorld(t, d)
		counts, err := w.store.Counts(t.Context(), w.run(access.RunOutreach))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range todo.Kinds() {
			if got := w.open(k); got != string(k) || counts[k] != 1 {
				t.Errorf("Open(%s) = %q, count %d, want the one patient %q", k, got, counts[k], k)
			}
			tallies, err := w.store.Tallies(t.Context(), w.run(access.RunOutreach), k)
			if err != nil || len(tallies) != 1 || tallies[0] != (todo.Tally{Outreach: w.outreach, Name: "Eye exam recall", N: 1}) {
				t.Errorf("Tallies(%s) = %+v, %v", k, tallies, err)
			}
		}
		run := w.run(access.AnswerPatients)
		for k, want := range map[todo.Kind]todo.Entry{
			todo.Elsewhere: {Note: "in May, Dr. Ruiz", Phone: "+13125550141"},
			todo.Reply:     {Note: "Can I come on a Friday?\x00", Phone: "+13125550143"},
			todo.Call:      {Phone: "+13125550140"},
			todo.NotMe:     {}, // a number that is somebody else's is no number to call
		} {
			list, err := w.store.Open(t.Context(), run, k, 9)
			if err != nil || len(list) != 1 {
				t.Fatalf("Open(%s) = %+v, %v", k, list, err)
			}
			e := list[0]
			if e.Note != want.Note || e.Phone != want.Phone || e.Name != "Eye exam recall" || e.Channel != "sms" || !e.At.Equal(w.clock()) || e.Word != "" || !e.Closed.IsZero() || !e.Live {
				t.Errorf("Open(%s) = %+v, want %+v", k, e, want)
			}
		}
		if list, err := w.store.Open(t.Context(), run, todo.Call, 0); err != nil || len(list) != 0 {
			t.Errorf("Open of no more than 0 = %+v, %v", list, err)
		}
	})
}

func TestTodoClose(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newTodoWorld(t, d)
		for _, k := range todo.Kinds() {
			p := string(k)
			subject := w.message[p]
			if k == todo.Failed {
				subject = w.text(`select intent from message where id = $1`, subject)
			}
			own := w.pass(p, access.AnswerPatients)
			refused := []struct {
				name          string
				pass          access.Pass
				kind          todo.Kind
				subject, word string
				want          errs.Kind
			}{
				{"another's record", w.pass("fine", access.AnswerPatients), k, subject, todo.Noted, errs.NotFound},
				{"another right", w.pass(p, access.ReadDecisions), k, subject, todo.Noted, errs.NotFound},
				{"everyone at once", w.run(access.AnswerPatients), k, subject, todo.Noted, errs.NotFound},
				{"no such entry", own, k, w.message["fine"], todo.Noted, errs.NotFound},
				{"no such kind", own, "", subject, todo.Noted, errs.NotFound},
				{"a word of one's own", own, k, subject, "whatever", errs.Invalid},
				{"no word", own, k, subject, "", errs.Invalid},
			}
			for _, tt := range refused {
				if tt.kind == "" && tt.word == todo.Noted {
					tt.kind = "nothing"
				}
				if err := w.store.Close(t.Context(), tt.pass, tt.kind, tt.subject, tt.word); errs.KindOf(err) != tt.want {
					t.Errorf("Close(%s) with %s = %v, want %v", k, tt.name, err, tt.want)
				}
			}
			if got := w.open(k); got != p {
				t.Fatalf("after refusals Open(%s) = %q", k, got)
			}
			for _, word := range []string{k.Words()[0], todo.Noted} { // the second comes too late
				if err := w.store.Close(t.Context(), own, k, subject, word); err != nil {
					t.Fatal(err)
				}
			}
			done := w.done(k, w.clock())
			if w.open(k) != "" || len(done) != 1 || done[0].Word != k.Words()[0] || done[0].By != "test" || !done[0].Closed.Equal(w.clock()) || done[0].Patient != p || !done[0].Live {
				t.Errorf("after Close(%s): open %q, done %+v", k, w.open(k), done)
			}
			if later := w.done(k, w.clock().Add(time.Microsecond)); len(later) != 0 {
				t.Errorf("Done(%s) since later = %+v, want none", k, later)
			}
			if err := w.store.Reopen(t.Context(), w.pass("fine", access.AnswerPatients), k, subject); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Reopen(%s) of another's = %v, want not found", k, err)
			}
			for range 2 {
				if err := w.store.Reopen(t.Context(), own, k, subject); err != nil {
					t.Fatal(err)
				}
			}
			if w.open(k) != p || len(w.done(k, w.clock())) != 0 {
				t.Errorf("after Reopen(%s): open %q, done %+v", k, w.open(k), w.done(k, w.clock()))
			}
			if n := w.count(`select count(*) from todo where kind = $1`, string(k)); n != 2 {
				t.Errorf("%s: %d rows of what was done, want one for closing and one for opening again", k, n)
			}
		}
	})
}

// What happens after an entry was closed opens it again, and what settles by
// itself stays among what was done.
func TestTodoLaterEvents(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newTodoWorld(t, d)
		for _, k := range []todo.Kind{todo.Call, todo.Doubt} {
			if err := w.store.Close(t.Context(), w.pass(string(k), access.AnswerPatients), k, w.message[string(k)], todo.Noted); err != nil {
				t.Fatal(err)
			}
		}
		w.at(w.clock().Add(time.Hour))
		w.mark("call", "call_wanted", nil)
		if got := w.open(todo.Call); got != "call" || len(w.done(todo.Call, midday)) != 0 {
			t.Errorf("after a second press: open %q, done %+v, want it open again", got, w.done(todo.Call, midday))
		}
		if err := w.e.Receipt(t.Context(), reach.Receipt{Message: w.message["doubt"], Kind: "delivered"}); err != nil {
			t.Fatal(err)
		}
		done := w.done(todo.Doubt, midday)
		if w.open(todo.Doubt) != "" || len(done) != 1 || done[0].Live {
			t.Errorf("after its end is known: open %q, done %+v, want it done and settled", w.open(todo.Doubt), done)
		}
	})
}

// Each list opens to its own right alone.
func TestTodoRights(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		store := todo.NewStore(d, haletest.Clock(midday))
		for _, right := range []access.Right{access.RunOutreach, access.FindPatients, access.AnswerPatients} {
			pass := haletest.Everyone(t, d, right)
			_, open := store.Open(t.Context(), pass, todo.Call, 9)
			_, done := store.Done(t.Context(), pass, todo.Call, midday, 9)
			_, counts := store.Counts(t.Context(), pass)
			_, tallies := store.Tallies(t.Context(), pass, todo.Call)
			names, numbers := right == access.AnswerPatients, right == access.RunOutreach
			if (open == nil) != names || (done == nil) != names || (counts == nil) != numbers || (tallies == nil) != numbers {
				t.Errorf("with %s: open %v, done %v, counts %v, tallies %v", right, open, done, counts, tallies)
			}
		}
		doors := haletest.Doors(d)
		for role, want := range map[access.Role]bool{access.Nurse: true, access.Marketer: false, access.Admin: false} {
			actor := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "s", Roles: []access.Role{role}}
			_, all := doors.CheckAll(t.Context(), actor, access.AnswerPatients)
			_, one := doors.Check(t.Context(), actor, access.AnswerPatients, "p")
			if (all == nil) != want || (one == nil) != want {
				t.Errorf("%s: everyone %v, one patient %v, want let in %v", role, all, one, want)
			}
		}
	})
}
