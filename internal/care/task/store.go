package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Letters tells a patient what became of a task, in the transaction of what
// it tells. They say that there is an answer; what it is stands in the portal.
type Letters interface {
	Tell(ctx context.Context, tx *db.Tx, t Task) error
}

// Store keeps tasks.
type Store struct {
	db      *db.DB
	records records
	events  *event.Log
	ids     *ids.Source
	now     func() time.Time
	hours   func() Hours
	letters Letters

	translations translations
}

// translations has answers put into the patient's language by a person.
type translations interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, target, lang string) error
	AgainTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, target string) error
}

// Translate has s ask t for translations of answers.
func (s *Store) Translate(t translations) { s.translations = t }

// NewStore returns a store that counts time by hours, which may change.
func NewStore(d *db.DB, r records, events *event.Log, ids *ids.Source, now func() time.Time, hours func() Hours) *Store {
	return &Store{db: d, records: r, events: events, ids: ids, now: now, hours: hours}
}

// Tell lets s tell patients through l.
func (s *Store) Tell(l Letters) { s.letters = l }

const columns = `t.id, t.patient, t.kind, t.title, t.said, t.focus, t.status, t.team, t.owner, t.owner_name, t.asked_by,
	t.asked_at, t.due_at, t.changed_at, t.closed_at, t.reason, t.answer, t.detail, t.raised_at, t.raised_to, t.raised_name`

// veil leaves out what the pass does not show: a task with a label, and one
// about something with a label.
const veil = ` not exists (select 1 from shield z where z.patient = t.patient
	and (z.id = t.id and z.typ = 'Task' or z.typ || '/' || z.id = t.focus) and ((z.labels & $2) <> 0 or z.held_until > $3)) `

func scan(row db.Scan) (t Task, err error) {
	var asked, due, changed, closed, raised int64
	var more string
	if err = row(&t.ID, &t.Patient, &t.Kind, &t.Title, &t.Text, &t.Focus, &t.Status, &t.Team, &t.Owner, &t.OwnerName, &t.AskedBy,
		&asked, &due, &changed, &closed, &t.Reason, &t.Answer, &more, &raised, &t.RaisedTo, &t.RaisedName); err != nil {
		return t, err
	}
	t.Asked, t.Due, t.Changed, t.Closed = db.Time(asked), db.Time(due), db.Time(changed), db.Time(closed)
	t.Raised = db.Time(raised)
	var d detail
	err = json.Unmarshal([]byte(more), &d)
	t.Values, t.Steps = d.Values, d.Steps
	return t, err
}

// reads are the rights that open a patient's own tasks.
var reads = []access.Right{access.ReadMessages, access.PayBills, access.ReadRecord, access.ReadVisits, access.SendMessages, access.BookVisits, access.AskMedicines, access.SendReadings, access.AnswerPatients, access.AnswerVisits, access.AnswerBills}

// Mine returns up to n tasks of the patient whom pass opens, of the kinds
// that it shows: the open ones first, soonest due first, then the closed
// ones, newest first.
func (s *Store) Mine(ctx context.Context, pass access.Pass, n int) ([]Task, error) {
	patient, err := opens(pass, reads...)
	if err != nil {
		return nil, err
	}
	kinds := shown(pass)
	if len(kinds) == 0 {
		return nil, nil
	}
	hidden, until := pass.Veil()
	q := `select ` + columns + ` from task t where t.patient = $1 and ` + veil + ` and t.kind in (` + db.In(5, len(kinds)) + `)
		order by case when t.closed_at = 0 then 0 else 1 end, case when t.closed_at = 0 then t.due_at else -t.closed_at end, t.id limit $4`
	list, err := db.All(ctx, s.db, scan, q, append([]any{patient, hidden, until, n}, db.Args(kinds)...)...)
	if err != nil {
		return nil, fmt.Errorf("task: mine: %w", err)
	}
	return list, nil
}

// Get returns one task of the patient whom pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Task, error) {
	patient, err := opens(pass, reads...)
	if err != nil {
		return Task{}, err
	}
	t, err := get(ctx, s.db, pass, patient, id)
	if err == nil && t.Overdue(s.now()) {
		t = t.again(s.hours().Due(t.Raised, anew), s.now())
	}
	return t, err
}

func get(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Task, error) {
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from task t where t.patient = $1 and ` + veil + ` and t.id = $4`
	t, err := db.One(ctx, c, scan, q, patient, hidden, until, id)
	if err == nil && (!pass.Sees(kinds[t.Kind].category) || !within(pass, t)) {
		err = db.ErrNone
	}
	if err != nil {
		return Task{}, fmt.Errorf("task: get %s: %w", id, err)
	}
	return t, nil
}

// Ask takes what the patient whom pass opens asks, or somebody who acts for
// them.
func (s *Store) Ask(ctx context.Context, pass access.Pass, in New) (t Task, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		t, err = s.AskTx(ctx, tx, pass, in)
		return err
	})
	return t, err
}

// AskTx is Ask inside the transaction of its cause.
func (s *Store) AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in New) (Task, error) {
	in, err := in.check()
	if err != nil {
		return Task{}, err
	}
	patient, err := opens(pass, kinds[in.Kind].rights...)
	if err != nil {
		return Task{}, err
	}
	if err := s.records.Hold(ctx, tx, patient); err != nil {
		return Task{}, fmt.Errorf("task: ask %s: %w", in.Kind, err)
	}
	if err := s.room(ctx, tx, patient, in); err != nil {
		return Task{}, err
	}
	rule, err := s.ruleOf(ctx, tx, in.Kind)
	if err != nil {
		return Task{}, err
	}
	by, now := "", s.now()
	if a := pass.Actor(); a.Patient != patient {
		by = a.Name
	}
	if slices.Contains(Teams, in.Team) {
		rule.Team = in.Team
	}
	t := begin(s.ids.New(), patient, in, by, rule.Team, now, s.hours().Due(now, rule))
	if err := s.put(ctx, tx, pass, t, "task.asked"); err != nil {
		return Task{}, fmt.Errorf("task: ask %s: %w", in.Kind, err)
	}
	return t, nil
}

// room says whether the patient may ask one more.
func (s *Store) room(ctx context.Context, tx *db.Tx, patient string, in New) error {
	const q = `select count(*), count(case when kind = $2 and focus = $3 and focus <> '' then 1 end) from task where patient = $1 and closed_at = 0`
	type counts struct{ all, same int64 }
	n, err := db.One(ctx, tx, func(scan db.Scan) (c counts, err error) { return c, scan(&c.all, &c.same) }, q, patient, string(in.Kind), in.Focus)
	switch {
	case err != nil:
		return fmt.Errorf("task: ask %s: %w", in.Kind, err)
	case n.same > 0 && kinds[in.Kind].once:
		return errTwice
	case n.all >= openMost && in.Kind != Reading: // what may be dangerous is never turned away; package reading bounds it by itself
		return errMany
	}
	return nil
}

// put writes t into the record, and what happened to it.
func (s *Store) put(ctx context.Context, tx *db.Tx, pass access.Pass, t Task, happened string) error {
	body, err := t.resource()
	if err != nil {
		return err
	}
	if _, err = s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "Task", ID: t.ID, Body: body}}); err != nil {
		return err
	}
	return s.events.Add(ctx, tx, event.Event{Kind: happened, Patient: t.Patient, Subject: t.ID, Data: map[string]string{"kind": string(t.Kind), "status": string(t.Status)}})
}

// Cancel takes back what the patient asked.
func (s *Store) Cancel(ctx context.Context, pass access.Pass, id string) error {
	return s.change(ctx, pass, id, reads, func(t Task, by string, now time.Time) (Task, error) {
		if !t.Cancellable() {
			return t, errLate
		}
		t, err := t.step(Cancelled, by, "", now)
		t.Closed = now
		return t, err
	})
}

// change lets do change a task of the patient whom pass opens by one of
// rights.
func (s *Store) change(ctx context.Context, pass access.Pass, id string, rights []access.Right, do func(t Task, by string, now time.Time) (Task, error)) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.changeTx(ctx, tx, pass, id, rights, do) })
}

func (s *Store) changeTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, rights []access.Right, do func(t Task, by string, now time.Time) (Task, error)) error {
	was, t, err := s.moveTx(ctx, tx, pass, id, rights, do)
	if err != nil {
		return err
	}
	if s.letters != nil && tells(was, t) {
		return s.letters.Tell(ctx, tx, t)
	}
	return nil
}

// moveTx is changeTx that tells nobody. It returns the task as it was and is.
func (s *Store) moveTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, rights []access.Right, do func(t Task, by string, now time.Time) (Task, error)) (was, t Task, err error) {
	patient, err := opens(pass, rights...)
	if err != nil {
		return was, t, err
	}
	const lock = `update task set changed_at = changed_at where patient = $1 and id = $2`
	if _, err := tx.ExecContext(ctx, lock, patient, id); err != nil {
		return was, t, fmt.Errorf("task: change %s: %w", id, err)
	}
	if was, err = get(ctx, tx, pass, patient, id); err != nil {
		return was, t, err
	}
	by := ""
	if a := pass.Actor(); a.Patient != patient {
		by = a.Name
	}
	if t, err = do(was, by, s.now()); err != nil {
		return was, t, err
	}
	if err := s.put(ctx, tx, pass, t, "task.changed"); err != nil {
		return was, t, fmt.Errorf("task: change %s: %w", id, err)
	}
	return was, t, nil
}

// tells says whether the patient is told of what became of a task: an answer,
// a note on the way, and that something is ready. Of a message the answer
// itself tells: see package thread.
func tells(was, now Task) bool {
	if now.Kind == Message || now.Status == Cancelled || len(now.Steps) == len(was.Steps) {
		return false
	}
	if now.Kind == Message && now.Answer == "" { // the thread says it
		return false
	}
	return !now.Status.Open() || now.Steps[len(now.Steps)-1].Note != "" || now.Status == Ready && was.Status != Ready
}

// ruleOf returns what the clinic promises about a kind.
func (s *Store) ruleOf(ctx context.Context, c db.Conn, k Kind) (Rule, error) {
	r, err := db.One(ctx, c, func(scan db.Scan) (r Rule, err error) { return r, scan(&r.Days, &r.Hours, &r.Team) },
		`select days, hours, team from task_rule where kind = $1`, string(k))
	if errors.Is(err, db.ErrNone) {
		return k.Rule(), nil
	}
	if err != nil {
		return r, fmt.Errorf("task: rule of %s: %w", k, err)
	}
	return r, nil
}
