package form

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/phone"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

// Came returns up to n forms of everybody that came and that nobody has
// reviewed, those that cannot wait first, then oldest first; or, with
// reviewed, the last that were.
func (s *Store) Came(ctx context.Context, pass access.Pass, reviewed bool, n int) ([]Ask, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	q := `select ` + askColumns + `''` + askFrom + `where a.state = 'sent' and a.reviewed_at = 0 and $1 = 0 and ` + veil + clerks(pass) + ` order by a.alarm desc, a.sent_at, a.id limit $4`
	if reviewed {
		q = `select ` + askColumns + `''` + askFrom + `where a.state = 'sent' and a.reviewed_at > $1 and ` + veil + clerks(pass) + ` order by a.reviewed_at desc, a.id limit $4`
	}
	list, err := db.All(ctx, s.db, scanAsk, q, 0, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("form: came: %w", err)
	}
	return list, nil
}

// Whose returns the patient of a form that was sent, by its own id or that of
// its response, for whoever asks for a pass.
func (s *Store) Whose(ctx context.Context, pass access.Pass, id string) (patient, ask string, err error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return "", "", err
	}
	type row struct{ patient, ask string }
	q := `select a.patient, a.id` + askFrom + `where (a.id = $1 or a.response = $1 and a.response <> '')` + clerks(pass)
	r, err := db.One(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.patient, &r.ask) }, q, id)
	if errors.Is(err, db.ErrNone) {
		return "", "", errNone
	}
	if err != nil {
		return "", "", fmt.Errorf("form: whose %s: %w", id, err)
	}
	return r.patient, r.ask, nil
}

// Reading is a form that came, with what it said.
type Reading struct {
	Ask
	Filled form.Filled
	Form   *form.Questionnaire // the very version that was filled in
	Number int64               // the record's version of it
}

// Response returns a form that came, of the patient whom pass opens for
// ReadRecord or the front desk, beside the very version of the form that was filled in.
func (s *Store) Response(ctx context.Context, pass access.Pass, id string) (Reading, error) {
	if _, err := pass.OpenOne(access.ReadRecord, access.AnswerVisits); err != nil {
		return Reading{}, err
	}
	a, err := s.ask(ctx, s.db, pass, id, work)
	if err != nil {
		return Reading{}, err
	}
	if a.State != Sent {
		return Reading{}, errNone
	}
	get := s.records.Get
	if clerks(pass) != "" {
		get = s.records.Paper
	}
	res, err := get(ctx, pass, "QuestionnaireResponse", a.Response)
	if err != nil {
		return Reading{}, fmt.Errorf("form: response of %s: %w", id, err)
	}
	r := Reading{Ask: a}
	if r.Filled, err = form.ParseResponse(res.Body); err != nil {
		return r, err
	}
	var typ string
	if _, err := fmt.Sscanf(strings.ReplaceAll(r.Filled.Stored, "/", " "), "%s %s _history %d", &typ, new(string), &r.Number); err != nil {
		return r, fmt.Errorf("form: response of %s names no version: %w", id, err)
	}
	was, err := s.records.Version(ctx, pass, "Questionnaire", a.Form, r.Number)
	if err != nil {
		return r, fmt.Errorf("form: version %d of %s: %w", r.Number, a.Form, err)
	}
	r.Form, err = form.Parse(was.Body)
	return r, err
}

// Review notes that whoever holds pass, for the patient,
// has read a form that came, and closes the task with what they say back.
func (s *Store) Review(ctx context.Context, pass access.Pass, id, answer string) error {
	if _, err := pass.OpenOne(desks...); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.ask(ctx, tx, pass, id, work)
		if err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update form_ask set reviewed_at = $2, reviewed_by = $3 where id = $1 and state = 'sent' and reviewed_at = 0`,
			id, s.now().UnixMicro(), pass.Actor().Name))
		if err != nil {
			return err
		}
		if n == 0 {
			return errClosed
		}
		if err := s.tasks.CloseTx(ctx, tx, pass, a.Task, task.Finished, answer); errs.KindOf(err) != errs.Conflict {
			return err // closed in the queue before is as good
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("form: review %s: %w", id, err)
	}
	return nil
}

// Lead is what a stranger sent from the web.
type Lead struct {
	ID, Form, Title string
	SentAt          time.Time
	State           string // new, linked, dropped
	Alarm           bool
	Patient         string // whose record it went to
	DoneAt          time.Time
	DoneBy, Reason  string
	Who             Identity
	Filled          form.Filled
	Score           string

	sealed []byte
	body   string
}

const leadColumns = `l.id, l.form, f.title, l.sent_at, l.state, l.alarm, l.patient, l.done_at, l.done_by, l.reason, l.sealed, f.body`

func scanLead(row db.Scan) (l Lead, err error) {
	var sent, done int64
	var alarm int
	err = row(&l.ID, &l.Form, &l.Title, &sent, &l.State, &alarm, &l.Patient, &done, &l.DoneBy, &l.Reason, &l.sealed, &l.body)
	l.SentAt, l.DoneAt, l.Alarm = db.Time(sent), db.Time(done), alarm == 1
	return l, err
}

// Leads returns up to n forms of strangers that nobody has dealt with.
func (s *Store) Leads(ctx context.Context, pass access.Pass, n int) ([]Lead, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return nil, err
	}
	q := `select ` + leadColumns + ` from form_lead l join form f on f.id = l.form where l.state = 'new'` + clerksLeads(pass) + ` order by l.alarm desc, l.sent_at, l.id limit $1`
	list, err := db.All(ctx, s.db, scanLead, q, n)
	if err != nil {
		return nil, fmt.Errorf("form: leads: %w", err)
	}
	for i := range list {
		if _, err := s.open(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// open unseals what a lead says.
func (s *Store) open(ctx context.Context, l *Lead) (form.Sent, error) {
	w, err := s.unseal(ctx, l.sealed, l.ID)
	if err != nil {
		return form.Sent{}, err
	}
	q, err := form.Parse([]byte(l.body))
	if err != nil {
		return form.Sent{}, err
	}
	q = q.Unfold(w.Typed)
	sent := form.Sent{ID: l.ID, At: l.SentAt, Language: w.Lang, Answers: q.Read(w.Typed)}
	if q.Signed {
		sent.Sign = &form.Signature{Name: w.Sign, At: l.SentAt}
	}
	l.Who, l.Score = identity(q, sent.Answers), words(q.Score(sent.Answers))
	body, err := q.Response(sent)
	if err != nil {
		return sent, err
	}
	l.Filled, err = form.ParseResponse(body)
	return sent, err
}

// Lead returns one form of a stranger.
func (s *Store) Lead(ctx context.Context, pass access.Pass, id string) (Lead, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return Lead{}, err
	}
	l, err := lead(ctx, s.db, pass, id)
	if err != nil {
		return l, err
	}
	_, err = s.open(ctx, &l)
	return l, err
}

// clerksLeads is clerks for what strangers sent.
func clerksLeads(pass access.Pass) string {
	if clerks(pass) == "" {
		return ""
	}
	return ` and l.alarm = 0` + ofOffice
}

func lead(ctx context.Context, c db.Conn, pass access.Pass, id string) (Lead, error) {
	q := `select ` + leadColumns + ` from form_lead l join form f on f.id = l.form where l.id = $1 and l.state <> 'begun'` + clerksLeads(pass)
	l, err := db.One(ctx, c, scanLead, q, id)
	if errors.Is(err, db.ErrNone) {
		return l, errNone
	}
	if err != nil {
		return l, fmt.Errorf("form: lead %s: %w", id, err)
	}
	return l, nil
}

// Enrol makes a new patient of whoever sent a lead, by the word of the staff
// member who holds pass, and returns the patient's id. The lead is linked
// after it, with a pass for the new record.
func (s *Store) Enrol(ctx context.Context, pass access.Pass, id string) (patient string, err error) {
	l, err := s.Lead(ctx, pass, id)
	if err != nil {
		return "", err
	}
	if l.State != "new" {
		return "", errClosed
	}
	patient = s.ids.New()
	body, err := json.Marshal(person(patient, l.Who))
	if err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "Patient", ID: patient, Body: body}})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("form: enrol: %w", err)
	}
	return patient, nil
}

// person returns who somebody says they are as a FHIR Patient.
func person(id string, who Identity) map[string]any {
	words := strings.Fields(who.Name)
	name := map[string]any{"use": "official", "text": strings.Join(words, " ")}
	if len(words) > 1 {
		name["family"], name["given"] = words[len(words)-1], words[:len(words)-1]
	}
	m := map[string]any{"resourceType": "Patient", "id": id, "active": true, "name": []any{name}, "gender": "unknown",
		"identifier": []any{map[string]string{"system": "https://hale.example/patient", "value": id}}}
	if len(who.Born) == 10 {
		m["birthDate"] = who.Born
	}
	var ways []any
	if who.Phone != "" {
		number := who.Phone
		if n, err := phone.Parse(number, "US"); err == nil {
			number = string(n)
		}
		ways = append(ways, map[string]string{"system": "phone", "use": "mobile", "value": number})
	}
	if who.Mail != "" {
		ways = append(ways, map[string]string{"system": "email", "value": who.Mail})
	}
	if ways != nil {
		m["telecom"] = ways
	}
	return m
}

// Link puts what a stranger sent into the record of the patient whom pass
// opens for SendMessages or the front desk: somebody at the clinic knows that
// it is theirs.
func (s *Store) Link(ctx context.Context, pass access.Pass, id string) (Ask, error) {
	patient, err := pass.OpenOne(access.SendMessages, access.AnswerVisits)
	if err != nil {
		return Ask{}, err
	}
	a := Ask{}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		l, err := lead(ctx, tx, pass, id)
		if err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update form_lead set state = 'linked', patient = $2, done_at = $3, done_by = $4 where id = $1 and state = 'new'`,
			id, patient, s.now().UnixMicro(), pass.Actor().Name))
		if err != nil {
			return err
		}
		if n == 0 {
			return errClosed
		}
		sent, err := s.open(ctx, &l)
		if err != nil {
			return err
		}
		q, err := form.Parse([]byte(l.body))
		if err != nil {
			return err
		}
		a = Ask{ID: s.ids.New(), Patient: patient, Form: l.Form, Title: l.Title, AskedBy: pass.Actor().ID, Asked: l.SentAt}
		const put = `insert into form_ask (id, patient, form, asked_by, asked_at, state) values ($1, $2, $3, $4, $5, 'open')`
		if _, err := tx.ExecContext(ctx, put, a.ID, patient, a.Form, a.AskedBy, db.Micro(a.Asked)); err != nil {
			return err
		}
		sent.ID, sent.Patient = s.ids.New(), patient
		if err := s.take(ctx, tx, pass, &a, q, sent); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update form_lead set response = $2 where id = $1`, id, a.Response)
		return err
	})
	if err != nil {
		return Ask{}, fmt.Errorf("form: link %s: %w", id, err)
	}
	return a, nil
}

var errReason = errs.New(errs.Invalid, "Please say why nothing is done about it.")

// Drop notes why nothing is done about a lead, and forgets what it said.
func (s *Store) Drop(ctx context.Context, pass access.Pass, id, reason string) error {
	if err := pass.OpenAllOne(desks...); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > 500 {
		return errReason
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := lead(ctx, tx, pass, id); err != nil {
			return err
		}
		sealed, err := (&Front{s: s}).seal(ctx, tx, id, nil)
		if err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update form_lead set state = 'dropped', done_at = $2, done_by = $3, reason = $4, sealed = $5 where id = $1 and state = 'new'`,
			id, s.now().UnixMicro(), pass.Actor().Name, reason, sealed))
		if err == nil && n == 0 {
			err = errClosed
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("form: drop %s: %w", id, err)
	}
	return nil
}
