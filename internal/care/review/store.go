package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/care/clinician"
	"hale/internal/record"
	"hale/internal/store/db"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Teller has a patient told that somebody looked at a result, in the
// transaction of the look. It asks Told what is still to be told.
type Teller interface {
	Looked(ctx context.Context, tx *db.Tx, patient string) error
}

// Store keeps who looked at results.
type Store struct {
	db      *db.DB
	records records
	ids     *ids.Source
	now     func() time.Time
	tell    Teller

	translations translations // nil: nothing is translated
}

// translations is what asks for a remark in another language.
type translations interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id, lang string) error
}

// Translate has s ask t for translations of remarks.
func (s *Store) Translate(t translations) { s.translations = t }

// NewStore returns a store on d that writes to r and tells patients by tell.
func NewStore(d *db.DB, r records, ids *ids.Source, now func() time.Time, tell Teller) *Store {
	return &Store{db: d, records: r, ids: ids, now: now, tell: tell}
}

const columns = `p.id, p.title, p.category, p.status, p.at, p.reviewer, coalesce(c.name, ''), p.reviewed_at, p.remark, p.source, p.updated_at`

// veil leaves out the reports that the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = p.patient and z.id = p.id
	and z.typ = 'DiagnosticReport' and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// opens returns the patient of pass; reports are results and documents both.
func opens(pass access.Pass) (patient string, sees bool, err error) {
	patient, err = pass.Open(access.ReadRecord)
	return patient, pass.Sees(access.Results) && pass.Sees(access.Documents), err
}

// Of returns what is known of who looked at each result of the patient whom
// pass opens, by the result's id. It is nil where the pass does not show
// reports: then nothing can be said.
func (s *Store) Of(ctx context.Context, pass access.Pass) (map[string]State, error) {
	const q = `
		select t.result, p.id, p.reviewer, coalesce(c.name, ''), p.reviewed_at, case when p.remark = '' then 0 else 1 end,
			(select count(*) from panel_part o where o.patient = t.patient and o.panel = t.panel and not exists (select 1 from shield y
				where y.patient = o.patient and y.id = o.result and y.typ = 'Observation' and ((y.labels & $2) <> 0 or y.held_until > $3)))
		from panel_part t join panel p on p.patient = t.patient and p.id = t.panel left join clinician c on c.id = p.reviewer
		where t.patient = $1 and ` + veil + ` and not exists (select 1 from shield x where x.patient = t.patient and x.id = t.result
			and x.typ = 'Observation' and ((x.labels & $2) <> 0 or x.held_until > $3))
		order by p.reviewed_at, p.id`
	patient, sees, err := opens(pass)
	if err != nil || !sees {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scanState, q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("review: of: %w", err)
	}
	states := make(map[string]State, len(list))
	for _, one := range list {
		states[one.result] = one.over(states[one.result])
	}
	const waits = `select w.result from review_wait w where w.patient = $1 and not exists (select 1 from shield z where z.patient = w.patient
		and z.id = w.result and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3))`
	waiting, err := db.All(ctx, s.db, db.Value[string], waits, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("review: of: %w", err)
	}
	for _, id := range waiting {
		st := states[id]
		st.Waiting = true
		states[id] = st
	}
	return states, nil
}

type stated struct {
	result string
	State
}

// over returns what one report adds to what those before it say: the newest
// look counts, and the panel with the most results.
func (n stated) over(was State) State {
	st := n.State
	if !st.Looked {
		st.Looked, st.By, st.At, st.Remark = was.Looked, was.By, was.At, was.Remark
	}
	if was.Panel != "" && was.Others >= st.Others {
		st.Panel, st.Others = was.Panel, was.Others
	}
	return st
}

func scanState(row db.Scan) (s stated, err error) {
	var reviewer, name string
	var at int64
	var remark, n int
	err = row(&s.result, &s.Panel, &reviewer, &name, &at, &remark, &n)
	s.Remark, s.Others = remark == 1, n-1
	if reviewer != "" {
		s.Looked, s.By, s.At = true, clinician.Name(reviewer, name), db.Time(at)
	}
	return s, err
}

// Panels returns the newest n reports that pass opens and that are over more
// than one result.
func (s *Store) Panels(ctx context.Context, pass access.Pass, n int) ([]Panel, error) {
	const q = `
		select ` + columns + ` from panel p left join clinician c on c.id = p.reviewer
		where p.patient = $1 and ` + veil + ` and (select count(*) from panel_part t where t.patient = p.patient and t.panel = p.id and not exists (select 1 from shield y
			where y.patient = t.patient and y.id = t.result and y.typ = 'Observation' and ((y.labels & $2) <> 0 or y.held_until > $3))) > 1
		order by p.at desc, p.id
		limit $4`
	return s.panels(ctx, pass, "panels", q, n)
}

// Reports returns the newest n reports that pass opens and that are over no
// result: pictures, tissue, germs, told in words. Each can be read as a
// document.
func (s *Store) Reports(ctx context.Context, pass access.Pass, n int) ([]Panel, error) {
	const q = `
		select ` + columns + ` from panel p left join clinician c on c.id = p.reviewer
		where p.patient = $1 and ` + veil + ` and not exists (select 1 from panel_part t where t.patient = p.patient and t.panel = p.id)
			and exists (select 1 from document d where d.patient = p.patient and d.id = p.id and d.kind = 'report')
		order by p.at desc, p.id
		limit $4`
	return s.panels(ctx, pass, "reports", q, n)
}

// Panel returns one report, with the results that it is over.
func (s *Store) Panel(ctx context.Context, pass access.Pass, id string) (Panel, error) {
	const q = `select ` + columns + ` from panel p left join clinician c on c.id = p.reviewer where p.patient = $1 and p.id = $4 and ` + veil
	list, err := s.panels(ctx, pass, "panel", q, id)
	if err != nil {
		return Panel{}, err
	}
	if len(list) == 0 {
		return Panel{}, fmt.Errorf("review: panel %s: %w", id, db.ErrNone)
	}
	p := list[0]
	patient, _, err := opens(pass)
	if err != nil {
		return Panel{}, err
	}
	const parts = `select t.result from panel_part t where t.patient = $1 and t.panel = $4 and not exists (select 1 from shield z where z.patient = t.patient
		and z.id = t.result and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3)) order by t.n`
	hidden, until := pass.Veil()
	if p.Results, err = db.All(ctx, s.db, db.Value[string], parts, patient, hidden, until, id); err != nil {
		return Panel{}, fmt.Errorf("review: panel %s: %w", id, err)
	}
	return p, nil
}

func (s *Store) panels(ctx context.Context, pass access.Pass, verb, q string, args ...any) ([]Panel, error) {
	patient, sees, err := opens(pass)
	if err != nil || !sees {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, func(row db.Scan) (p Panel, err error) {
		var reviewer, name string
		var at, looked, updated int64
		err = row(&p.ID, &p.Title, &p.Category, &p.Status, &at, &reviewer, &name, &looked, &p.Remark, &p.Source, &updated)
		p.At, p.Updated = db.Time(at), db.Time(updated)
		if reviewer != "" {
			p.Reviewed, p.By, p.Looked = true, clinician.Name(reviewer, name), db.Time(looked)
		}
		return p, err
	}, q, append([]any{patient, hidden, until}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("review: %s: %w", verb, err)
	}
	return list, nil
}

// Waits returns the n results that wait for a look, of all patients: those
// out of range first, then those that have waited longest; and how many wait.
func (s *Store) Waits(ctx context.Context, pass access.Pass, n int) ([]Wait, int, error) {
	const q = `
		select w.patient, w.result, w.place, w.at, r.name
		from (
			select w.patient, w.result, w.place, w.at from review_wait w
			where not exists (select 1 from shield z where z.patient = w.patient and z.id = w.result
				and z.typ = 'Observation' and ((z.labels & $1) <> 0 or z.held_until > $2))
			order by w.place, w.at, w.patient, w.result
			limit $3) w
		join result r on r.patient = w.patient and r.id = w.result
		order by w.place, w.at, w.patient, w.result`
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, 0, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scanWait, q, hidden, until, n)
	if err != nil {
		return nil, 0, fmt.Errorf("review: waits: %w", err)
	}
	count, err := db.One(ctx, s.db, db.Value[int], `select count(*) from review_wait`)
	if err != nil {
		return nil, 0, fmt.Errorf("review: waits: %w", err)
	}
	return list, count, nil
}

func scanWait(row db.Scan) (w Wait, err error) {
	var place, at int64
	err = row(&w.Patient, &w.Result, &place, &at, &w.Name)
	w.Outside, w.At = place == 0, db.Time(at)
	return w, err
}

// WaitsOf returns the ids of the results of one patient that wait for a look.
func (s *Store) WaitsOf(ctx context.Context, pass access.Pass) ([]string, error) {
	const q = `
		select w.result from review_wait w where w.patient = $1 and not exists (select 1 from shield z where z.patient = w.patient
			and z.id = w.result and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by w.place, w.at, w.result`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Results) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, db.Value[string], q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("review: waits: %w", err)
	}
	return list, nil
}

// Look notes that a clinician looked at results of the patient whom pass opens
// for AnswerPatients, writes what they say about them into the record, and
// tells the patient. Of two who look at once, the second is told so.
func (s *Store) Look(ctx context.Context, pass access.Pass, l Look) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	if l, err = l.check(); err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		at, err := s.waiting(ctx, tx, pass, patient, l.Results)
		if err != nil {
			return err
		}
		id := s.ids.New()
		body, err := s.resource(id, patient, at, l)
		if err != nil {
			return err
		}
		if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "DiagnosticReport", ID: id, Body: body}}); err != nil {
			return err
		}
		if l.Remark != "" && l.Translate != "" && s.translations != nil {
			if err := s.translations.AskTx(ctx, tx, pass, "DiagnosticReport", id, l.Translate); err != nil {
				return err
			}
		}
		const news = `insert into review_news (panel, patient, at) values ($1, $2, $3)`
		if _, err := tx.ExecContext(ctx, news, id, patient, db.Micro(s.now())); err != nil {
			return err
		}
		return s.tell.Looked(ctx, tx, patient)
	})
	if err != nil {
		return fmt.Errorf("review: look: %w", err)
	}
	return nil
}

// ErrTold says that a patient was told of every look already.
var ErrTold = errors.New("review: the patient was told of every look")

// Told notes, in the transaction that makes a message, that it tells the
// patient of every look that they were not told of. It is ErrTold where there
// is none, so that no look is told twice.
func (s *Store) Told(ctx context.Context, tx *db.Tx, patient, message string) error {
	const q = `update review_news set message = $2, told_at = $3 where patient = $1 and told_at = 0`
	n, err := db.Changed(tx.ExecContext(ctx, q, patient, message, db.Micro(s.now())))
	if err == nil && n == 0 {
		err = ErrTold
	}
	return err
}

// waiting checks that every result is the patient's, is shown by pass and
// waits, and returns when the first was taken.
func (s *Store) waiting(ctx context.Context, tx *db.Tx, pass access.Pass, patient string, results []string) (at time.Time, err error) {
	const q = `
		select r.at, (select count(*) from review_wait w where w.patient = r.patient and w.result = r.id) from result r
		where r.patient = $1 and r.id = $4 and not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id
			and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3))`
	hidden, until := pass.Veil()
	type found struct{ at, waits int64 }
	for _, id := range results {
		list, err := db.All(ctx, tx, func(row db.Scan) (f found, err error) {
			err = row(&f.at, &f.waits)
			return f, err
		}, q, patient, hidden, until, id)
		switch {
		case err != nil:
			return at, err
		case len(list) == 0:
			return at, errGone
		case list[0].waits == 0:
			return at, errDone
		}
		if t := db.Time(list[0].at); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at, nil
}

// resource returns a look as FHIR.
//
// Spec: http://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-diagnosticreport-lab.html
func (s *Store) resource(id, patient string, at time.Time, l Look) ([]byte, error) {
	const form = "2006-01-02T15:04:05Z"
	code := func(system, code, display string) map[string]any {
		return map[string]any{"coding": []any{map[string]string{"system": system, "code": code, "display": display}}}
	}
	what := code("http://loinc.org", "11502-2", "Laboratory report")
	what["text"] = l.Title
	results := make([]any, len(l.Results))
	for i, r := range l.Results {
		results[i] = map[string]string{"reference": "Observation/" + r}
	}
	body := map[string]any{
		"resourceType": "DiagnosticReport", "id": id, "status": "final", "code": what,
		"category": []any{code("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")},
		"subject":  map[string]string{"reference": "Patient/" + patient}, "effectiveDateTime": at.UTC().Format(form), "issued": s.now().UTC().Format(form),
		"resultsInterpreter": []any{map[string]string{"display": l.By}}, "result": results,
	}
	if l.Remark != "" {
		body["conclusion"] = l.Remark
		if l.Lang != "" {
			body["language"] = l.Lang
		}
	}
	return json.Marshal(body)
}
