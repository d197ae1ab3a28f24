package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/store/db"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Store takes readings.
type Store struct {
	db      *db.DB
	records records
	tasks   *task.Store
	ids     *ids.Source
	now     func() time.Time
}

// NewStore returns a store that writes through r and tells the team through
// tasks.
func NewStore(d *db.DB, r records, tasks *task.Store, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, records: r, tasks: tasks, ids: ids, now: now}
}

// Limits returns what holds for the patient whom pass opens: their own, else
// the clinic's, else the usual.
func (s *Store) Limits(ctx context.Context, pass access.Pass) (map[Part]Limit, error) {
	patient, err := opens(pass)
	if err != nil {
		return nil, err
	}
	return s.limits(ctx, s.db, patient)
}

// opens returns the patient whom pass opens to read or to add to.
func opens(pass access.Pass) (patient string, err error) {
	for _, right := range [...]access.Right{access.ReadRecord, access.SendReadings, access.AnswerPatients} {
		if patient, err = pass.Open(right); err == nil {
			return patient, nil
		}
	}
	return "", err
}

func (s *Store) limits(ctx context.Context, c db.Conn, patient string) (map[Part]Limit, error) {
	const q = `select patient, part, low, high, danger_low, danger_high from reading_limit where patient = $1 or patient = '' order by patient`
	type row struct {
		patient string
		part    Part
		Limit
	}
	list, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) {
		return r, scan(&r.patient, &r.part, &r.Low, &r.High, &r.DangerLow, &r.DangerHigh)
	}, q, patient)
	if err != nil {
		return nil, fmt.Errorf("reading: limits: %w", err)
	}
	all := map[Part]Limit{}
	for p, l := range Usual {
		all[p] = l
	}
	for _, r := range list { // the clinic's row sorts first
		r.Own = r.patient != ""
		all[r.part] = r.Limit
	}
	return all, nil
}

// SetLimits changes the limits of the patient whom pass opens.
func (s *Store) SetLimits(ctx context.Context, pass access.Pass, set map[Part]Limit) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	return s.set(ctx, pass, patient, set)
}

// SetUsual changes the limits of everybody who has none of their own.
func (s *Store) SetUsual(ctx context.Context, pass access.Pass, set map[Part]Limit) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	return s.set(ctx, pass, "", set)
}

// UsualLimits returns the limits of everybody who has none of their own.
func (s *Store) UsualLimits(ctx context.Context, pass access.Pass) (map[Part]Limit, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	return s.limits(ctx, s.db, "")
}

func (s *Store) set(ctx context.Context, pass access.Pass, patient string, set map[Part]Limit) error {
	for _, p := range Parts {
		if err := set[p].check(); err != nil {
			return err
		}
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `insert into reading_limit (patient, part, low, high, danger_low, danger_high, changed_by, changed_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (patient, part) do update set low = excluded.low, high = excluded.high, danger_low = excluded.danger_low,
				danger_high = excluded.danger_high, changed_by = excluded.changed_by, changed_at = excluded.changed_at`
		for _, p := range Parts {
			l, ok := set[p]
			if !ok {
				continue
			}
			if _, err := tx.ExecContext(ctx, q, patient, string(p), l.Low, l.High, l.DangerLow, l.DangerHigh, pass.Actor().ID, s.now().UnixMicro()); err != nil {
				return err
			}
		}
		if patient != "" {
			return nil
		}
		return s.keep(ctx, tx, pass.Actor(), set)
	})
	if err != nil {
		return fmt.Errorf("reading: set limits: %w", err)
	}
	return nil
}

// Send writes down what the patient whom pass opens measured, and tells the
// team where it is out of its limits.
func (s *Store) Send(ctx context.Context, pass access.Pass, in New) (Reading, error) {
	patient, err := pass.Open(access.SendReadings)
	if err != nil {
		return Reading{}, err
	}
	if !pass.Sees(access.Results) {
		return Reading{}, errKind
	}
	in.Note = strings.TrimSpace(strings.ToValidUTF8(in.Note, ""))
	if err := in.check(s.now()); err != nil {
		return Reading{}, err
	}
	r := Reading{ID: s.ids.New(), Kind: in.Kind, At: in.At}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		again, err := s.room(ctx, tx, pass, patient, in)
		if err != nil || again != "" {
			r.ID = again
			return err
		}
		limits, err := s.limits(ctx, tx, patient)
		if err != nil {
			return err
		}
		gain, err := s.gain(ctx, tx, pass, patient, in)
		if err != nil {
			return err
		}
		r.Level, r.Low = in.judge(limits, gain)
		body, err := json.Marshal(s.resource(r.ID, patient, pass.Actor(), in, r.Level))
		if err != nil {
			return err
		}
		if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "Observation", ID: r.ID, Body: body}}); err != nil {
			return err
		}
		return s.tell(ctx, tx, pass, in, &r, gain)
	})
	if err != nil {
		if errs.KindOf(err) == errs.Internal {
			return Reading{}, fmt.Errorf("reading: send: %w", err)
		}
		return Reading{}, err
	}
	return r, nil
}

// room refuses a flood, and finds the same reading of the same moment: a
// button pressed twice is pressed once.
func (s *Store) room(ctx context.Context, tx *db.Tx, pass access.Pass, patient string, in New) (string, error) {
	const q = `select r.id, r.code, r.at, r.updated_at from result r where r.patient = $1 and r.source = $4 and r.updated_at > $5
		and not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3))`
	type row struct {
		id, code    string
		at, written int64
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, tx, func(scan db.Scan) (r row, err error) { return r, scan(&r.id, &r.code, &r.at, &r.written) },
		q, patient, hidden, until, Home, s.now().Add(-24*time.Hour).UnixMicro())
	if err != nil {
		return "", err
	}
	for _, r := range list {
		if r.code == loinc[in.Kind].code && r.at == in.At.UnixMicro() {
			return r.id, nil
		}
	}
	if len(list) >= maxDay {
		return "", errTooMany
	}
	return "", nil
}

// gain returns how much more the weight is than the lowest of the last week.
func (s *Store) gain(ctx context.Context, tx *db.Tx, pass access.Pass, patient string, in New) (float64, error) {
	if in.Kind != Weight {
		return 0, nil
	}
	const q = `select r.value from result r where r.patient = $1 and r.code = $4 and r.unit = 'kg' and r.at > $5 and r.at < $6 and r.value is not null
		and not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3))`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, tx, db.Value[float64], q, patient, hidden, until, loinc[Weight].code, in.At.AddDate(0, 0, -7).UnixMicro(), in.At.UnixMicro())
	if err != nil || len(list) == 0 {
		return 0, err
	}
	least := math.Inf(1)
	for _, v := range list {
		least = min(least, v)
	}
	return in.Weight - least, nil
}

// tell asks the team to look at what is out of its limits.
func (s *Store) tell(ctx context.Context, tx *db.Tx, pass access.Pass, in New, r *Reading, gain float64) error {
	if r.Level == Expected {
		return nil
	}
	values := map[string]string{"value": in.words(), "measured": in.At.UTC().Format(time.RFC3339)}
	if gain > 0 {
		values["gain within a week"] = weight(gain, 1)
	}
	if r.Level == Danger {
		values["danger"] = "The patient was told to get help at once."
	}
	t, err := s.tasks.AskTx(ctx, tx, pass, task.New{Kind: task.Reading, Title: loinc[in.Kind].title, Text: in.Note, Focus: "Observation/" + r.ID, Values: values})
	r.Task = t.ID
	return err
}

// weight says kilograms, and pounds with so many digits beside: the desk may
// think in either.
func weight(v float64, places int) string {
	return strconv.FormatFloat(v, 'f', 1, 64) + " kg (" + strconv.FormatFloat(v/0.45359237, 'f', places, 64) + " lb)"
}

// words is the value as the desk reads it.
func (n New) words() string {
	number := func(v float64, places int) string { return strconv.FormatFloat(v, 'f', places, 64) }
	switch n.Kind {
	case Pressure:
		return number(n.Upper, 0) + "/" + number(n.Lower, 0) + " mmHg"
	case Weight:
		return weight(n.Weight, 0)
	}
	return number(n.Glucose, 0) + " mg/dL"
}
