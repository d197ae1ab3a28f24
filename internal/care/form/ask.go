package form

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/care/saved"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

// The states of an ask.
const (
	Open      = "open"
	Sent      = "sent"
	Withdrawn = "withdrawn"
)

// mostOpen is how many forms wait for one patient at most.
const mostOpen = 20

// Ask is a form that a patient is to fill in, or has filled in.
type Ask struct {
	ID, Patient string
	Form        string // the version: Questionnaire.id
	Title       string
	Errand      string // Task.id; empty: the patient began it
	AskedBy     string
	Asked, Due  time.Time // Due is zero where there is no hurry
	State       string
	Page        int
	Response    string // QuestionnaireResponse.id
	SentAt      time.Time
	SentBy      string
	Task        string // Task.id: what the desk does about it
	Score       string
	Alarm       bool
	Reviewed    time.Time
	ReviewedBy  string

	body string
}

// Named returns the title of the form in a language.
func (a Ask) Named(lang string) string {
	if q, err := a.Read(); err == nil {
		return q.Title.Say(lang)
	}
	return a.Title
}

// Read returns the form itself.
func (a Ask) Read() (*form.Questionnaire, error) { return form.Parse([]byte(a.body)) }

// Place is where saved answers of a lie.
func (a Ask) Place() string { return "form/" + a.ID }

const askColumns = `a.id, a.patient, a.form, f.title, a.errand, a.asked_by, a.asked_at, a.due_at, a.state, a.page, a.response, a.sent_at, a.sent_by,
	a.task, a.score, a.alarm, a.reviewed_at, a.reviewed_by, `

const askFrom = ` from form_ask a join form f on f.id = a.form `

// veil leaves out what the pass does not show: the forms whose answers have a
// label.
const veil = ` not exists (select 1 from shield z where z.patient = a.patient and z.typ = 'QuestionnaireResponse' and z.id = a.response
	and ((z.labels & $2) <> 0 or z.held_until > $3)) `

func scanAsk(row db.Scan) (a Ask, err error) {
	var asked, due, sent, reviewed int64
	var alarm int
	err = row(&a.ID, &a.Patient, &a.Form, &a.Title, &a.Errand, &a.AskedBy, &asked, &due, &a.State, &a.Page, &a.Response, &sent, &a.SentBy,
		&a.Task, &a.Score, &alarm, &reviewed, &a.ReviewedBy, &a.body)
	a.Asked, a.Due, a.SentAt, a.Reviewed, a.Alarm = db.Time(asked), db.Time(due), db.Time(sent), db.Time(reviewed), alarm == 1
	return a, err
}

// fills are the rights by which a patient, or who acts for them, sees and
// fills in forms; work is the staff's.
var (
	fills = []access.Right{access.SendMessages, access.ReadMessages}
	work  = []access.Right{access.SendMessages, access.ReadMessages, access.ReadRecord, access.AnswerPatients, access.AnswerVisits}
)

// desks are the rights by which the staff works on forms: all of them, or
// those of the office alone.
var desks = []access.Right{access.AnswerPatients, access.AnswerVisits}

// clerks leaves out, for whoever works at the front desk, every form but those
// of the office. An answer that cannot wait is no business of the office,
// either.
func clerks(pass access.Pass) string {
	if _, err := pass.Open(access.AnswerVisits); err != nil && pass.OpenAll(access.AnswerVisits) != nil {
		return ""
	}
	return ` and a.alarm = 0` + ofOffice
}

// ofOffice is true of a form f that the front desk works on.
const ofOffice = ` and exists (select 1 from form_use u where u.url = f.url and u.office = 1) `

func opens(pass access.Pass, rights []access.Right) (patient string, err error) {
	for _, r := range rights {
		if patient, err = pass.Open(r); err == nil {
			return patient, nil
		}
	}
	return "", err
}

// Mine returns up to n forms of the patient whom pass opens: those that wait
// first, then those that were sent, newest first.
func (s *Store) Mine(ctx context.Context, pass access.Pass, n int) ([]Ask, error) {
	patient, err := opens(pass, work)
	if err != nil || !pass.Sees(access.Messages) {
		return nil, err
	}
	hidden, until := pass.Veil()
	q := `select ` + askColumns + `f.body` + askFrom + `where a.patient = $1 and a.state <> 'withdrawn' and ` + veil + clerks(pass) + `
		order by case when a.state = 'open' then 0 else 1 end, case when a.state = 'open' then a.asked_at else -a.sent_at end, a.id limit $4`
	list, err := db.All(ctx, s.db, scanAsk, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("form: mine: %w", err)
	}
	return list, nil
}

// Waiting returns up to n forms that wait for the patient whom pass opens.
func (s *Store) Waiting(ctx context.Context, pass access.Pass, n int) ([]Ask, error) {
	patient, err := opens(pass, work)
	if err != nil || !pass.Sees(access.Messages) {
		return nil, err
	}
	hidden, until := pass.Veil()
	q := `select ` + askColumns + `f.body` + askFrom + `where a.patient = $1 and a.state = 'open' and ` + veil + clerks(pass) + ` order by a.asked_at, a.id limit $4`
	list, err := db.All(ctx, s.db, scanAsk, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("form: waiting: %w", err)
	}
	return list, nil
}

// Offered returns the newest versions of the forms that patients may fill in
// unasked.
func (s *Store) Offered(ctx context.Context, pass access.Pass) ([]Version, error) {
	if _, err := opens(pass, fills); err != nil {
		return nil, err
	}
	const q = `select ` + columns + ` from form f join form_use u on u.url = f.url where u.open = 1 and f.status = 'active' order by f.title, f.id limit 50`
	list, err := db.All(ctx, s.db, scan, q)
	if err != nil {
		return nil, fmt.Errorf("form: offered: %w", err)
	}
	return list, nil
}

// ask returns one form of the patient whom pass opens, with the questions.
func (s *Store) ask(ctx context.Context, c db.Conn, pass access.Pass, id string, rights []access.Right) (Ask, error) {
	patient, err := opens(pass, rights)
	if err != nil {
		return Ask{}, err
	}
	if !pass.Sees(access.Messages) {
		return Ask{}, errNone
	}
	hidden, until := pass.Veil()
	q := `select ` + askColumns + `f.body` + askFrom + `where a.patient = $1 and ` + veil + clerks(pass) + ` and a.id = $4 and a.state <> 'withdrawn'`
	a, err := db.One(ctx, c, scanAsk, q, patient, hidden, until, id)
	if errors.Is(err, db.ErrNone) {
		return a, errNone
	}
	if err != nil {
		return a, fmt.Errorf("form: ask %s: %w", id, err)
	}
	return a, nil
}

// Asked returns one form of the patient whom pass opens.
func (s *Store) Asked(ctx context.Context, pass access.Pass, id string) (Ask, error) {
	return s.ask(ctx, s.db, pass, id, work)
}

// Assign asks the patient whom pass opens for the desk to fill in a
// version of a form, by a time that may be zero. It is a FHIR Task for the
// patient, in their record.
func (s *Store) Assign(ctx context.Context, pass access.Pass, formID string, due time.Time) (Ask, error) {
	patient, err := pass.OpenOne(desks...)
	if err != nil {
		return Ask{}, err
	}
	return s.begin(ctx, pass, patient, formID, due, true)
}

// Begin lets the patient whom pass opens for SendMessages fill in a form that
// is offered to all. One that they have begun goes on.
func (s *Store) Begin(ctx context.Context, pass access.Pass, formID string) (Ask, error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return Ask{}, err
	}
	offered, err := s.Offered(ctx, pass)
	if err != nil {
		return Ask{}, err
	}
	for _, v := range offered {
		if v.ID == formID {
			return s.begin(ctx, pass, patient, formID, time.Time{}, false)
		}
	}
	return Ask{}, errNone
}

func (s *Store) begin(ctx context.Context, pass access.Pass, patient, formID string, due time.Time, errand bool) (a Ask, err error) {
	id := s.ids.New()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		v, err := version(ctx, tx, formID)
		if err != nil {
			return err
		}
		if err := s.mayGive(ctx, tx, pass, v); err != nil {
			return err
		}
		if q, err := v.Read(); err != nil || len(q.Unlisted()) > 0 { // it came from elsewhere, and nobody could answer it
			return errNotHere
		}
		open, err := db.All(ctx, tx, db.Value[string], `select id from form_ask where patient = $1 and form = $2 and state = 'open'`, patient, formID)
		if err != nil {
			return err
		}
		if len(open) > 0 { // once is enough
			id = open[0]
			a, err = s.ask(ctx, tx, pass, id, work)
			return err
		}
		if n, err := db.One(ctx, tx, db.Value[int], `select count(*) from form_ask where patient = $1 and state = 'open'`, patient); err != nil || n >= mostOpen {
			if err == nil {
				err = errMany
			}
			return err
		}
		a := Ask{ID: id, Patient: patient, Form: formID, Title: v.Title, AskedBy: pass.Actor().ID, Asked: s.now(), Due: due}
		if errand {
			a.Errand = s.ids.New()
			if err := s.putErrand(ctx, tx, pass, a, "requested", ""); err != nil {
				return err
			}
		}
		const put = `insert into form_ask (id, patient, form, asked_by, asked_at, due_at, errand, state) values ($1, $2, $3, $4, $5, $6, $7, 'open')`
		_, err = tx.ExecContext(ctx, put, id, patient, formID, a.AskedBy, db.Micro(a.Asked), db.Micro(due), a.Errand)
		return err
	})
	if err != nil {
		return Ask{}, fmt.Errorf("form: begin: %w", err)
	}
	if a.ID != "" {
		return a, nil
	}
	return s.ask(ctx, s.db, pass, id, work)
}

// mayGive says whether whoever holds pass may have a version filled in.
func (s *Store) mayGive(ctx context.Context, tx *db.Tx, pass access.Pass, v Version) error {
	if v.Status != Published {
		return errNotOut
	}
	if clerks(pass) == "" {
		return nil
	}
	n, err := db.One(ctx, tx, db.Value[int], `select count(*) from form f where f.id = $1`+ofOffice, v.ID)
	if err == nil && n == 0 {
		err = errNone
	}
	return err
}

// putErrand writes what the clinic asks of the patient as a FHIR Task, in the
// words of Structured Data Capture.
//
// Spec: https://hl7.org/fhir/uv/sdc/STU3/StructureDefinition-sdc-task.html
func (s *Store) putErrand(ctx context.Context, tx *db.Tx, pass access.Pass, a Ask, status, response string) error {
	when := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	m := map[string]any{
		"resourceType": "Task", "id": a.Errand, "status": status, "intent": "order",
		"code":       map[string]any{"coding": []any{map[string]string{"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/temp", "code": "complete-questionnaire"}}, "text": a.Title},
		"focus":      map[string]string{"reference": "Questionnaire/" + a.Form},
		"for":        map[string]string{"reference": "Patient/" + a.Patient},
		"owner":      map[string]string{"reference": "Patient/" + a.Patient},
		"authoredOn": when(a.Asked), "lastModified": when(s.now()),
	}
	if !a.Due.IsZero() {
		m["restriction"] = map[string]any{"period": map[string]string{"end": when(a.Due)}}
	}
	if response != "" {
		m["output"] = []any{map[string]any{"type": map[string]string{"text": "response"}, "valueReference": map[string]string{"reference": "QuestionnaireResponse/" + response}}}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "Task", ID: a.Errand, Body: body}})
	return err
}

// Withdraw takes back what the patient whom pass opens for the desk was asked.
func (s *Store) Withdraw(ctx context.Context, pass access.Pass, id string) error {
	if _, err := pass.OpenOne(desks...); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.ask(ctx, tx, pass, id, work)
		if err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update form_ask set state = 'withdrawn' where id = $1 and state = 'open'`, id))
		if err != nil {
			return err
		}
		if n == 0 {
			return errClosed
		}
		if err := saved.Gone(ctx, tx, a.Patient, a.Place()); err != nil || a.Errand == "" {
			return err
		}
		return s.putErrand(ctx, tx, pass, a, "cancelled", "")
	})
	if err != nil {
		return fmt.Errorf("form: withdraw %s: %w", id, err)
	}
	return nil
}

// Reached notes up to which page the one who fills a form in has come.
func (s *Store) Reached(ctx context.Context, pass access.Pass, id string, page int) error {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `update form_ask set page = $3 where id = $1 and patient = $2 and state = 'open' and page < $3`, id, patient, page)
	if err != nil {
		return fmt.Errorf("form: reached %s of %s: %w", strconv.Itoa(page), id, err)
	}
	return nil
}
