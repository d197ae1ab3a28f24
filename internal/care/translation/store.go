package translation

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// doors let the store itself read the words that a translator was shown.
type doors interface {
	Check(ctx context.Context, a access.Actor, right access.Right, patient string) (access.Pass, error)
}

// Teller has a patient told that a translation is there, in the transaction
// that brings it.
type Teller interface {
	Translated(ctx context.Context, tx *db.Tx, id string) error
}

// Store keeps translations.
type Store struct {
	db      *db.DB
	records records
	doors   doors
	events  *event.Log
	ids     *ids.Source
	now     func() time.Time
	due     func(asked time.Time) time.Time
	tell    Teller
}

// NewStore returns a store on d that writes to r. Due says by when what is
// asked at a time is translated.
func NewStore(d *db.DB, r records, doors doors, events *event.Log, ids *ids.Source, now func() time.Time, due func(time.Time) time.Time, tell Teller) *Store {
	return &Store{db: d, records: r, doors: doors, events: events, ids: ids, now: now, due: due, tell: tell}
}

// veil leaves out what the pass does not show: words with a label, and an
// answer about something with a label.
const veil = ` not exists (select 1 from shield z where z.patient = t.patient and (z.typ = t.typ and z.id = t.target
	or t.typ = 'Task' and z.typ || '/' || z.id = (select k.focus from task k where k.id = t.target)) and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// there are the translations that are there, of one sort, as far as the pass
// shows what they translate.
const there = `select t.id, t.lang, t.body, t.name, t.at, 0, 0, 0 from translated t where t.patient = $1 and t.typ = $4 and
	not exists (select 1 from shield z where z.patient = t.patient and (z.typ = t.typ and z.id = t.id
	or t.typ = 'Task' and z.typ || '/' || z.id = (select k.focus from task k where k.id = t.id)) and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// reads are the rights by which what was translated is read: each of its sort.
var reads = map[string][]access.Right{
	Message: {access.ReadMessages, access.SendMessages, access.AnswerPatients, access.AnswerVisits, access.AnswerBills, access.ReadMessage},
	Report:  {access.ReadRecord, access.AnswerPatients},
	Answer: {access.ReadMessages, access.PayBills, access.ReadRecord, access.ReadVisits, access.SendMessages, access.BookVisits, access.AskMedicines, access.SendReadings,
		access.AnswerPatients, access.AnswerVisits, access.AnswerBills},
}

func opens(pass access.Pass, typ string) (patient string, err error) {
	for _, r := range reads[typ] {
		if patient, err = pass.Open(r); err == nil {
			return patient, nil
		}
	}
	return "", err
}

// Of returns the translations of a patient's things of one sort that pass
// opens, those that are still coming too, by the id of what they translate.
func (s *Store) Of(ctx context.Context, pass access.Pass, typ string) (map[string]Translation, error) {
	patient, err := opens(pass, typ)
	if err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	const asked = `select t.target, t.lang, '', '', 0, t.asked_at, case when t.why <> '' then 1 else 0 end, t.raised_at
		from translation t where t.patient = $1 and t.typ = $4 and ` + veil
	list, err := db.All(ctx, s.db, scanOf, asked, patient, hidden, until, typ)
	if err != nil {
		return nil, fmt.Errorf("translation: of: %w", err)
	}
	all := make(map[string]Translation, len(list))
	for _, one := range list {
		all[one.id] = one.Translation
	}
	if list, err = db.All(ctx, s.db, scanOf, there, patient, hidden, until, typ); err != nil {
		return nil, fmt.Errorf("translation: of: %w", err)
	}
	for _, one := range list {
		one.Asked = all[one.id].Asked
		all[one.id] = one.Translation
	}
	return all, nil
}

type oneOf struct {
	id string
	Translation
}

func scanOf(row db.Scan) (o oneOf, err error) {
	var at, asked, refused, raised int64
	err = row(&o.id, &o.Lang, &o.Text, &o.By, &at, &asked, &refused, &raised)
	o.At, o.Asked, o.Refused, o.Raised = some(at), some(asked), refused != 0, some(raised)
	return o, err
}

// some is a time, zero for none.
func some(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return db.Time(micro)
}

// able counts who may translate into a language, those who were shut out aside.
const able = `select count(*) from staff_language l join account a on a.id = l.account where l.lang = $1 and a.status = 'active'`

// AskTx asks for a translation of what the clinic wrote to the patient whom
// pass opens for an answer, in the transaction that writes it.
func (s *Store) AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, target, lang string) error {
	patient, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits, access.AnswerBills)
	if err != nil {
		return err
	}
	l, ok := Of(lang)
	if !ok || reads[typ] == nil {
		return errLang
	}
	n, err := db.One(ctx, tx, db.Value[int], able, l.Tag)
	if err != nil {
		return fmt.Errorf("translation: ask: %w", err)
	}
	if n == 0 {
		return errNobody
	}
	now := s.now()
	// An answer that was taken back and given anew is asked for anew.
	const q = `insert into translation (id, patient, typ, target, lang, asked_by, asked_at, due_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (typ, target) do update set lang = excluded.lang, asked_by = excluded.asked_by, asked_at = excluded.asked_at, due_at = excluded.due_at,
			owner = '', closed_by = '', closed_at = 0, why = '', told_at = 0, raised_at = 0, raised_to = '', raised_name = ''
		where translation.typ = 'Task' and translation.patient = excluded.patient and translation.closed_at > 0`
	id := s.ids.New()
	if _, err := tx.ExecContext(ctx, q, id, patient, typ, target, l.Tag, pass.Actor().ID, now.UnixMicro(), s.due(now).UnixMicro()); err != nil {
		return fmt.Errorf("translation: ask: %w", err)
	}
	return s.events.Add(ctx, tx, event.Event{Kind: "translation.asked", Patient: patient, Subject: id, Data: map[string]string{"lang": l.Tag, "type": typ}})
}

const columns = `t.id, t.patient, t.typ, t.target, t.lang, t.asked_by, t.asked_at, t.due_at, t.owner, t.closed_at, t.closed_by, t.why, t.raised_at, t.raised_to, t.raised_name`

func scan(row db.Scan) (w Work, err error) {
	var asked, due, closed, raised int64
	err = row(&w.ID, &w.Patient, &w.Type, &w.Target, &w.Lang, &w.AskedBy, &asked, &due, &w.Owner, &closed, &w.ClosedBy, &w.Why, &raised, &w.RaisedTo, &w.RaisedName)
	w.Asked, w.Due, w.Closed, w.Raised = db.Time(asked), db.Time(due), some(closed), some(raised)
	return w, err
}

// Waits returns up to n translations that wait, of everybody, soonest due
// first.
func (s *Store) Waits(ctx context.Context, pass access.Pass, n int) ([]Work, error) {
	const q = `select ` + columns + ` from translation t where t.closed_at = 0 and $1 = '' and ` + veil + ` order by t.due_at, t.id limit $4`
	return s.listed(ctx, pass, q, n)
}

// Lately returns the n translations that were closed last.
func (s *Store) Lately(ctx context.Context, pass access.Pass, n int) ([]Work, error) {
	const q = `select ` + columns + ` from translation t where t.closed_at > 0 and $1 = '' and ` + veil + ` order by t.closed_at desc, t.id limit $4`
	return s.listed(ctx, pass, q, n)
}

func (s *Store) listed(ctx context.Context, pass access.Pass, q string, n int) ([]Work, error) {
	if err := pass.OpenAll(access.Translate); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, "", hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("translation: list: %w", err)
	}
	return list, nil
}

// Whose returns the patient of a translation, for whoever asks for a pass.
func (s *Store) Whose(ctx context.Context, pass access.Pass, id string) (string, error) {
	if err := pass.OpenAll(access.Translate); err != nil {
		return "", err
	}
	hidden, until := pass.Veil()
	patient, err := db.One(ctx, s.db, db.Value[string], `select t.patient from translation t where t.id = $1 and `+veil, id, hidden, until)
	if err != nil {
		return "", errNoWork.Because(err)
	}
	return patient, nil
}

func (s *Store) work(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Work, error) {
	hidden, until := pass.Veil()
	w, err := db.One(ctx, c, scan, `select `+columns+` from translation t where t.patient = $1 and `+veil+` and t.id = $4`, patient, hidden, until, id)
	if err != nil {
		return w, errNoWork.Because(err)
	}
	return w, nil
}

// reader returns the key to the words of a patient: the translator's own pass
// opens the one piece of work and nothing of the record.
func (s *Store) reader(ctx context.Context, patient, typ string) (access.Pass, error) {
	right := access.ReadMessages
	if typ != Message {
		right = access.ReadRecord
	}
	return s.doors.Check(ctx, access.SystemActor("translation", right), right, patient)
}

// Get returns the words to be translated to whoever pass lets translate for a
// patient.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Text, error) {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return Text{}, err
	}
	w, err := s.work(ctx, s.db, pass, patient, id)
	if err != nil {
		return Text{}, fmt.Errorf("translation: get %s: %w", id, err)
	}
	read, err := s.reader(ctx, patient, w.Type)
	if err != nil {
		return Text{}, fmt.Errorf("translation: get %s: %w", id, err)
	}
	res, err := s.records.Get(ctx, read, w.Type, w.Target)
	if err != nil {
		return Text{}, fmt.Errorf("translation: get %s: %w", id, err)
	}
	return w.text(res)
}

func (w Work) text(res record.Resource) (Text, error) {
	n, err := fhir.Parse(res.Body)
	if err != nil {
		return Text{}, fmt.Errorf("translation: read %s: %w", w.ID, err)
	}
	return Text{Work: w, Original: original(w.Type, n), By: author(w.Type, n), Version: res.Version}, nil
}
