package thread_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// room is a store on d with two patients, and its clock.
type room struct {
	t       *testing.T
	d       *db.DB
	now     time.Time
	threads *thread.Store
	tasks   *task.Store
}

func open(t *testing.T, d *db.DB) *room {
	t.Helper()
	r := &room{t: t, d: d, now: time.Date(2026, 10, 6, 9, 14, 0, 0, time.UTC)} // a Tuesday
	clock := func() time.Time { return r.now }
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), clock)
	ring := haletest.Ring(t, d, clock)
	records := record.New(d, ids, clock, events, task.View(), thread.View()).WithKeys(ring)
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Feed: "test"}, []record.Draft{
			{Type: "Patient", ID: "maria", Body: []byte(`{"resourceType":"Patient","id":"maria"}`)}, {Type: "Patient", ID: "sam", Body: []byte(`{"resourceType":"Patient","id":"sam"}`)},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.tasks = task.NewStore(d, records, events, ids, clock, func() task.Hours { return task.Usual(time.UTC) })
	r.threads = thread.NewStore(d, records, r.tasks, events, ids, clock, ring)
	return r
}

func (r *room) pass(who string, right access.Right) access.Pass {
	r.t.Helper()
	a := access.Actor{Kind: access.Patient, ID: "account-" + who, Name: who, Patient: who}
	patient := who
	switch who {
	case "rosa":
		a = access.Actor{Kind: access.Proxy, ID: "account-rosa", Name: "Rosa Alvarez", Grants: []access.Grant{{Patient: "maria", Rights: []access.Right{access.ReadMessages, access.SendMessages}, Categories: []access.Category{access.Messages}}}}
		patient = "maria"
	case "nurse":
		a = access.Actor{Kind: access.Staff, ID: "account-nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
		patient = "maria"
	}
	a.Proof = access.Proof{Zone: access.PortalZone, At: haletest.Noon}
	p, err := haletest.Doors(r.d).Check(r.t.Context(), a, right, patient)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *room) start(who, text string, files ...intake.File) string {
	r.t.Helper()
	id, err := r.threads.Start(r.t.Context(), r.pass(who, access.SendMessages), thread.New{Reason: "medicine", Words: thread.Words{Text: text, Files: files}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.now = r.now.Add(time.Minute)
	return id
}

func (r *room) answer(id, message, text string) {
	r.t.Helper()
	pass := r.pass("nurse", access.AnswerPatients)
	err := r.d.Tx(r.t.Context(), func(tx *db.Tx) error {
		return r.threads.AnswerTx(r.t.Context(), tx, pass, id, message, thread.Words{Text: text})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.now = r.now.Add(time.Minute)
}

func (r *room) get(who, id string) (thread.Thread, []thread.Line) {
	r.t.Helper()
	t, lines, err := r.threads.Get(r.t.Context(), r.pass(who, access.ReadMessages), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return t, lines
}

// photo is a picture that a phone took.
func photo(t *testing.T) intake.File {
	t.Helper()
	pic := image.NewRGBA(image.Rect(0, 0, 8, 8))
	pic.Set(1, 1, color.White)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, pic, nil); err != nil {
		t.Fatal(err)
	}
	f, err := intake.Open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A thread goes from the patient to the clinic and back, and each side sees
// how far it is.
func TestThereAndBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		id := r.start("maria", "I feel sick in the mornings.", photo(t))
		got, lines := r.get("maria", id)
		if got.State() != thread.Received || got.Team != "the nurse team" || !got.Due.Equal(time.Date(2026, 10, 7, 17, 0, 0, 0, time.UTC)) || got.Title != "About a medicine" {
			t.Errorf("sent: %q, %+v", got.State(), got)
		}
		if len(lines) != 1 || len(lines[0].Files) != 1 || lines[0].Files[0].Title != "photo-1.jpg" || lines[0].Side != thread.Patient {
			t.Fatalf("lines = %+v", lines)
		}
		f, body, err := r.threads.File(t.Context(), r.pass("rosa", access.ReadMessages), id, lines[0].ID, 0)
		if err != nil || f.Media != "image/jpeg" || !bytes.Equal(body, photo(t).Body) {
			t.Errorf("File() = %+v, %d bytes, %v", f, len(body), err)
		}
		if err := r.threads.See(t.Context(), r.pass("nurse", access.AnswerPatients), id); err != nil {
			t.Fatal(err)
		}
		if got, _ = r.get("maria", id); got.State() != thread.Read {
			t.Errorf("seen: %q", got.State())
		}
		r.answer(id, "m1", "Take it with food.")
		got, lines = r.get("maria", id)
		if got.State() != thread.Answered || !got.Unread || len(lines) != 2 || lines[1].Name != "J. Okafor, RN" {
			t.Errorf("answered: %q, unread %v, %+v", got.State(), got.Unread, lines)
		}
		k, err := r.tasks.Get(t.Context(), r.pass("maria", access.ReadMessages), got.Task)
		if err != nil || k.Status != task.Done || k.Answer != "Take it with food." || k.Focus != "Communication/"+id {
			t.Errorf("task = %+v, %v", k, err)
		}
		if n, err := r.threads.Unread(t.Context(), r.pass("maria", access.ReadMessages)); n != 1 || err != nil {
			t.Errorf("Unread() = %d, %v", n, err)
		}
		if err := r.threads.Looked(t.Context(), r.pass("maria", access.ReadMessages), id); err != nil {
			t.Fatal(err)
		}
		if n, _ := r.threads.Unread(t.Context(), r.pass("maria", access.ReadMessages)); n != 0 {
			t.Errorf("Unread() after reading = %d", n)
		}
		if n, _ := r.threads.Unread(t.Context(), r.pass("rosa", access.ReadMessages)); n != 1 {
			t.Errorf("her daughter's Unread() = %d, want her own", n)
		}
	})
}

// A caregiver writes under both names, and what is written later opens what
// was closed, with a clock of its own.
func TestAddForAnother(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		id := r.start("maria", "A question.")
		if err := r.threads.Add(t.Context(), r.pass("rosa", access.SendMessages), id, thread.Words{Text: "My mother means the white pill."}); err != nil {
			t.Fatal(err)
		}
		got, lines := r.get("nurse", id)
		if lines[1].Side != thread.Caregiver || lines[1].Name != "Rosa Alvarez" || got.HeardBy != "account-rosa" {
			t.Errorf("lines = %+v, by %q", lines, got.HeardBy)
		}
		first := got.Task
		if err := r.threads.Close(t.Context(), r.pass("nurse", access.AnswerPatients), id, "called"); err != nil {
			t.Fatal(err)
		}
		if got, _ = r.get("maria", id); got.State() != thread.Closed {
			t.Errorf("closed: %q", got.State())
		}
		if err := r.threads.Add(t.Context(), r.pass("maria", access.SendMessages), id, thread.Words{Text: "One more thing."}); err != nil {
			t.Fatal(err)
		}
		if got, _ = r.get("maria", id); got.State() != thread.Received || got.Task == first {
			t.Errorf("opened again: %q, the same task %v", got.State(), got.Task == first)
		}
		if err := r.threads.Withdraw(t.Context(), r.pass("maria", access.SendMessages), id); err != nil {
			t.Fatal(err)
		}
		if k, err := r.tasks.Get(t.Context(), r.pass("maria", access.ReadMessages), got.Task); err != nil || k.Status != task.Cancelled {
			t.Errorf("withdrawn: %q, %v", k.Status, err)
		}
	})
}

// What is answered to the message that told of an answer lands in its thread,
// once, and asks the desk again.
func TestHear(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		id := r.start("maria", "A question.")
		r.answer(id, "m1", "An answer.")
		hear := func(h thread.Heard) (to string) {
			err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
				to, err = r.threads.Hear(context.WithoutCancel(t.Context()), tx, h)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return to
		}
		h := thread.Heard{Message: "m1", Via: thread.SMS, Text: "Thank you. And at night?", Key: "k"}
		if to := hear(h); to != id {
			t.Errorf("Hear() = %q, want the thread", to)
		}
		hear(h)
		if to := hear(thread.Heard{Message: "m1", Patient: "sam", Via: thread.Page, Text: "Not mine", Key: "x"}); to != "" {
			t.Errorf("another patient's words landed in %q", to)
		}
		if to := hear(thread.Heard{Message: "elsewhere", Via: thread.SMS, Text: "Hello", Key: "y"}); to != "" {
			t.Errorf("words to another message landed in %q", to)
		}
		_, lines := r.get("maria", id)
		if len(lines) != 3 || lines[2].Via != thread.SMS || lines[2].Side != thread.Patient {
			t.Fatalf("lines = %+v", lines)
		}
		list, err := r.threads.Unasked(t.Context(), 10)
		if err != nil || len(list) != 1 || list[0].Patient != "maria" {
			t.Fatalf("Unasked() = %+v, %v", list, err)
		}
		if err := r.threads.Ask(t.Context(), r.pass("maria", access.SendMessages), id); err != nil {
			t.Fatal(err)
		}
		if got, _ := r.get("maria", id); got.Due.IsZero() || got.State() != thread.Received {
			t.Errorf("asked: %+v", got)
		}
	})
}

// Nobody reads, answers or changes what is another's, and what is specially
// protected is hidden from who may not see it.
func TestOthers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		id := r.start("maria", "A question.")
		if _, _, err := r.threads.Get(t.Context(), r.pass("sam", access.ReadMessages), id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another's Get() = %v", err)
		}
		if err := r.threads.Add(t.Context(), r.pass("sam", access.SendMessages), id, thread.Words{Text: "x"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another's Add() = %v", err)
		}
		if list, err := r.threads.List(t.Context(), r.pass("sam", access.ReadMessages)); len(list) != 0 || err != nil {
			t.Errorf("another's List() = %+v, %v", list, err)
		}
		if err := r.threads.See(t.Context(), access.Pass{}, id); err == nil {
			t.Error("no pass saw it")
		}
		const hide = `insert into shield (patient, typ, id, labels, held_until) values ('maria', 'Communication', $1, $2, 0)`
		if _, err := d.ExecContext(t.Context(), hide, id, int64(access.Every)); err != nil {
			t.Fatal(err)
		}
		if list, err := r.threads.List(t.Context(), r.pass("rosa", access.ReadMessages)); len(list) != 0 || err != nil {
			t.Errorf("her daughter sees what is protected: %+v, %v", list, err)
		}
		if _, _, err := r.threads.Get(t.Context(), r.pass("rosa", access.ReadMessages), id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("her daughter's Get() of what is protected = %v", err)
		}
	})
}

// Notes of the staff lie sealed, search finds words whatever their case, and
// a day and a message have their bounds.
func TestNotesSearchAndBounds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		id := r.start("maria", "Is the White pill safe?")
		nurse := r.pass("nurse", access.AnswerPatients)
		if err := r.threads.AddNote(t.Context(), nurse, id, "Ask the pharmacist"); err != nil {
			t.Fatal(err)
		}
		if raw, err := db.One(t.Context(), d, db.Value[[]byte], `select body from thread_note`); err != nil || strings.Contains(string(raw), "pharmacist") {
			t.Errorf("the note lies open: %v", err)
		}
		if list, err := r.threads.Notes(t.Context(), nurse, id); err != nil || len(list) != 1 || list[0].Text != "Ask the pharmacist" {
			t.Errorf("Notes() = %+v, %v", list, err)
		}
		if err := r.threads.Call(t.Context(), nurse, id, "We talked it over."); err != nil {
			t.Fatal(err)
		}
		for words, want := range map[string]int{"white PILL": 1, "blue": 0, "talked": 1, "pharmacist": 0} {
			if list, err := r.threads.Search(t.Context(), r.pass("maria", access.ReadMessages), words); err != nil || len(list) != want {
				t.Errorf("Search(%q) = %d threads, %v; want %d", words, len(list), err, want)
			}
		}
		send := r.pass("maria", access.SendMessages)
		bad := map[string]thread.New{
			"nothing":         {Reason: "bill"},
			"too long":        {Reason: "bill", Words: thread.Words{Text: strings.Repeat("a ", 2501) + "b"}},
			"no such reason":  {Reason: "gossip", Words: thread.Words{Text: "x"}},
			"too many photos": {Reason: "bill", Words: thread.Words{Text: "x", Files: make([]intake.File, 4)}},
		}
		for name, in := range bad {
			if _, err := r.threads.Start(t.Context(), send, in); errs.KindOf(err) != errs.Invalid && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		for i := range 39 {
			const add = `insert into communication (patient, id, thread, sent_at, side, name, via, reason, title, body, files, source, updated_at)
				values ('maria', $1, $2, $3, 'patient', '', 'portal', 'bill', '', 'again', '', '', 0)`
			if _, err := d.ExecContext(t.Context(), add, fmt.Sprint("again", i), id, r.now.UnixMicro()); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.threads.Add(t.Context(), send, id, thread.Words{Text: "again"}); errs.KindOf(err) != errs.TooMany {
			t.Errorf("the message after the last of a day: %v", err)
		}
	})
}
