package thread

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// tasks is what the store needs of what waits at the desk.
type tasks interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in task.New) (task.Task, error)
	CloseTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, why task.Reason, answer string) error
	Read(ctx context.Context, pass access.Pass, id string) error
	Cancel(ctx context.Context, pass access.Pass, id string) error
}

// translations is what asks for what the clinic said in another language.
type translations interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id, lang string) error
}

// Store keeps threads.
type Store struct {
	db      *db.DB
	records records
	tasks   tasks
	events  *event.Log
	ids     *ids.Source
	now     func() time.Time
	ring    *keys.Ring

	translations translations // nil: nothing is translated
}

// Translate has s ask t for translations of what the clinic says.
func (s *Store) Translate(t translations) { s.translations = t }

// NewStore returns a store on d that writes through r, has t keep the clock
// of what waits, and seals notes with ring.
func NewStore(d *db.DB, r records, t tasks, events *event.Log, ids *ids.Source, now func() time.Time, ring *keys.Ring) *Store {
	return &Store{db: d, records: r, tasks: t, events: events, ids: ids, now: now, ring: ring}
}

// writer is who writes for the patient's side.
type writer struct {
	pass    access.Pass // opens SendMessages, or nothing
	actor   access.Actor
	reader  string // under which name their looks stand
	account string // of a caregiver
}

// writes returns who writes by pass, and puts them into l.
func (l *saying) writes(pass access.Pass) writer {
	a := pass.Actor()
	if a.Patient == l.patient {
		l.side = Patient
		return writer{pass, a, string(Patient), ""}
	}
	l.side, l.name = Caregiver, a.Name
	return writer{pass, a, a.ID, a.ID}
}

// Start begins a thread for the patient whom pass opens for SendMessages, and
// returns its id.
func (s *Store) Start(ctx context.Context, pass access.Pass, in New) (id string, err error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return "", err
	}
	reason, ok := ReasonOf(in.Reason)
	if !ok {
		return "", errReason
	}
	if in.Words, err = in.Words.check(); err != nil {
		return "", err
	}
	if in.Title = short(in.Title, maxTitle); in.Title == "" {
		in.Title = reason.Title
	}
	id = s.ids.New()
	l := saying{id: id, thread: id, patient: patient, via: Portal, reason: in.Reason, title: in.Title, about: in.About, words: in.Words}
	by := l.writes(pass)
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.room(ctx, tx, patient); err != nil {
			return err
		}
		return s.hear(ctx, tx, by, l)
	})
	if err != nil {
		return "", fmt.Errorf("thread: start: %w", err)
	}
	return id, nil
}

// Add adds words of the patient's side to a thread that pass opens for
// SendMessages. A closed one is open again by that.
func (s *Store) Add(ctx context.Context, pass access.Pass, id string, w Words) error {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return err
	}
	if w, err = w.check(); err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.room(ctx, tx, patient); err != nil {
			return err
		}
		t, err := s.take(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		l := saying{id: s.ids.New(), thread: id, patient: patient, via: Portal, reason: t.Reason, words: w}
		by := l.writes(pass)
		return s.hear(ctx, tx, by, l)
	})
	if err != nil {
		return fmt.Errorf("thread: add to %s: %w", id, err)
	}
	return nil
}

// room says whether the patient's side may write one more today. The record
// is held, so that two at once cannot both take the last place.
func (s *Store) room(ctx context.Context, tx *db.Tx, patient string) error {
	if err := s.records.Hold(ctx, tx, patient); err != nil {
		return err
	}
	const q = `select count(*) from communication c where c.patient = $1 and c.side <> 'clinic' and c.sent_at > $2`
	n, err := db.One(ctx, tx, db.Value[int], q, patient, s.now().Add(-24*time.Hour).UnixMicro())
	if err == nil && n >= dayLines {
		err = errDay
	}
	return err
}

// take returns a thread that pass opens and keeps others from changing it
// until the transaction ends. What came by a feed gets a row of its own then.
func (s *Store) take(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string) (Thread, error) {
	l, err := s.first(ctx, tx, pass, patient, id)
	if err != nil {
		return Thread{}, err
	}
	const make = `insert into thread (id, patient, reason, state, made_at, last_at) values ($1, $2, $3, 'open', $4, $4)
		on conflict (id) do update set last_at = thread.last_at`
	if _, err := tx.ExecContext(ctx, make, id, patient, l.Reason, l.At.UnixMicro()); err != nil {
		return Thread{}, err
	}
	return s.get(ctx, tx, patient, id)
}

// first returns the message that began a thread, as pass shows it.
func (s *Store) first(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Line, error) {
	hidden, until := pass.Veil()
	const q = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` and c.id = $4 and c.thread = $4`
	l, err := db.One(ctx, c, scanLine, q, patient, hidden, until, id)
	if errors.Is(err, db.ErrNone) || err == nil && (!pass.Sees(access.Messages) || !within(pass, l.Reason)) {
		err = errNone
	}
	return l, err
}

// hear writes what the patient's side said, and has it wait for an answer.
// Where the writer's pass cannot ask for one, Ask does later.
func (s *Store) hear(ctx context.Context, tx *db.Tx, by writer, l saying) error {
	l.at = s.now()
	if err := s.put(ctx, tx, by.actor, l); err != nil {
		return err
	}
	at := l.at.UnixMicro()
	const note = `
		insert into thread (id, patient, reason, about, state, heard_at, heard_by, waiting_at, made_at, last_at) values ($1, $2, $3, $4, 'open', $5, $6, $5, $5, $5)
		on conflict (id) do update set state = 'open', heard_at = $5, heard_by = $6, seen_at = 0, last_at = $5, closed_at = 0, closed_by = '', why = '',
			task = case when thread.waiting_at > 0 then thread.task else '' end, waiting_at = case when thread.waiting_at > 0 then thread.waiting_at else $5 end`
	if _, err := tx.ExecContext(ctx, note, l.thread, l.patient, l.reason, l.about, at, by.account); err != nil {
		return err
	}
	if err := look(ctx, tx, l.thread, by.reader, at); err != nil {
		return err
	}
	if _, err := by.pass.Open(access.SendMessages); err != nil {
		return nil
	}
	return s.ask(ctx, tx, by.pass, l)
}

// ask asks the desk for an answer, unless it has been asked already.
func (s *Store) ask(ctx context.Context, tx *db.Tx, pass access.Pass, l saying) error {
	id := l.thread
	t, err := s.get(ctx, tx, l.patient, id)
	if err != nil || t.Task != "" || t.Waiting.IsZero() {
		return err
	}
	title := l.title
	if title == "" {
		title = titleOf(l.reason)
	}
	asked, err := s.tasks.AskTx(ctx, tx, pass, task.New{
		Kind: task.Message, Title: title, Text: cut(l.words.Text, 3900), Focus: "Communication/" + id, Team: team(l.reason),
	})
	if err != nil {
		return err
	}
	const q = `update thread set task = $2, due_at = $3 where id = $1`
	_, err = tx.ExecContext(ctx, q, id, asked.ID, asked.Due.UnixMicro())
	return err
}

// put writes a message into the record and notes that it happened.
func (s *Store) put(ctx context.Context, tx *db.Tx, by access.Actor, l saying) error {
	body, err := l.resource()
	if err != nil {
		return err
	}
	if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: by}, []record.Draft{{Type: "Communication", ID: l.id, Body: body}}); err != nil {
		return err
	}
	return s.events.Add(ctx, tx, event.Event{Kind: "thread." + string(l.side), Patient: l.patient, Subject: l.thread, Data: map[string]string{"via": string(l.via), "reason": l.reason}})
}

// readerOf is under which name a reader's looks stand.
func readerOf(pass access.Pass, patient string) string {
	if a := pass.Actor(); a.Patient != patient {
		return a.ID
	}
	return string(Patient)
}

func look(ctx context.Context, tx *db.Tx, id, reader string, at int64) error {
	const q = `insert into thread_look (thread, reader, at) values ($1, $2, $3)
		on conflict (thread, reader) do update set at = case when thread_look.at > excluded.at then thread_look.at else excluded.at end`
	_, err := tx.ExecContext(ctx, q, id, reader, at)
	return err
}

func titleOf(reason string) string {
	if r, ok := ReasonOf(reason); ok {
		return r.Title
	}
	return "A question"
}

// short returns one line of at most n letters.
func short(text string, n int) string {
	list := []rune(tidy(text))
	for i, r := range list {
		if r == '\n' || r == '\t' {
			list[i] = ' '
		}
	}
	return string(list[:min(len(list), n)])
}

// cut returns at most n bytes of text, whole letters only.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// over says whether err only says that a task was closed by somebody else.
func over(err error) bool {
	k := errs.KindOf(err)
	return k == errs.Conflict || k == errs.NotFound
}
