package form

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/saved"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

// Sending is what somebody sends.
type Sending struct {
	Typed url.Values // every page of it
	Sign  string     // the name they typed, where the form is signed
	Lang  string
	Zone  *time.Location
}

// Incomplete is the error of a form with a page on which something is missing
// or wrong: the first of them, from 1.
type Incomplete struct {
	Page  int
	Wrong map[string]*form.Wrong
}

func (e *Incomplete) Error() string { return fmt.Sprintf("form: page %d is not complete", e.Page) }

// Check returns an *Incomplete for the first page of q with something wrong.
func Check(q *form.Questionnaire, typed url.Values) error {
	q = q.Unfold(typed)
	asked := q.Asked(q.Read(typed))
	for i, p := range q.Pages() {
		if !p.Shown(asked) {
			continue
		}
		if wrong := p.Check(asked, typed); len(wrong) > 0 {
			return &Incomplete{i + 1, wrong}
		}
	}
	return nil
}

// urgent is how soon somebody looks at an answer that cannot wait.
const urgent = time.Hour

// Send takes a form that the patient whom pass opens for SendMessages filled
// in, or somebody who acts for them: the response is in the record, the desk
// has it in its queue, and what was saved of it is forgotten. The error of
// one that cannot be sent yet is an *Incomplete.
func (s *Store) Send(ctx context.Context, pass access.Pass, id string, in Sending) (Ask, error) {
	if _, err := pass.Open(access.SendMessages); err != nil {
		return Ask{}, err
	}
	a, err := s.ask(ctx, s.db, pass, id, fills)
	if err != nil {
		return a, err
	}
	q, err := a.Read()
	if err != nil {
		return a, fmt.Errorf("form: send %s: %w", id, err)
	}
	if a.State != Open {
		return a, errSent
	}
	if err := Check(q, in.Typed); err != nil {
		return a, err
	}
	q, in.Sign = q.Unfold(in.Typed), strings.TrimSpace(in.Sign)
	if q.Signed && (len([]rune(in.Sign)) < 2 || len(in.Sign) > 200) {
		return a, errSign
	}
	sent := s.sent(pass, a.Patient, in, q)
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return s.take(ctx, tx, pass, &a, q, sent) })
	if err != nil {
		return a, fmt.Errorf("form: send %s: %w", id, err)
	}
	return a, nil
}

// sent returns what somebody sends as the standard has it.
func (s *Store) sent(pass access.Pass, patient string, in Sending, q *form.Questionnaire) form.Sent {
	now := s.now()
	out := form.Sent{ID: s.ids.New(), Patient: patient, At: now, Language: in.Lang, Zone: in.Zone, Answers: q.Read(in.Typed)}
	if by := pass.Actor(); by.Kind == access.Patient || by.Patient == patient {
		out.Author = "Patient/" + patient
	}
	if q.Signed {
		out.Sign = &form.Signature{Name: in.Sign, At: now}
		for _, g := range pass.Actor().Grants {
			if g.Patient == patient && out.Author == "" {
				out.Sign.For = g.Name
			}
		}
	}
	return out
}

// take writes a response, and what follows from it.
func (s *Store) take(ctx context.Context, tx *db.Tx, pass access.Pass, a *Ask, q *form.Questionnaire, sent form.Sent) error {
	if err := s.records.Hold(ctx, tx, a.Patient); err != nil {
		return err
	}
	if err := ownFiles(ctx, tx, pass, *a, sent.Answers); err != nil {
		return err
	}
	score, err := s.putResponse(ctx, tx, pass, a.Form, q, &sent)
	if err != nil {
		return err
	}
	a.Response, a.SentAt, a.SentBy, a.State, a.Alarm = sent.ID, sent.At, pass.Actor().ID, Sent, len(score.Alarms) > 0
	a.Score = words(score)
	office, err := db.One(ctx, tx, db.Value[int], `select count(*) from form f where f.id = $1`+ofOffice, a.Form)
	if err != nil {
		return err
	}
	if office > 0 {
		if err := lay(ctx, tx, a.Patient, sent.Answers); err != nil {
			return err
		}
	}
	t, err := s.tasks.AskTx(ctx, tx, pass, errandOf(*a, office > 0))
	if err != nil {
		return err
	}
	a.Task = t.ID
	const q1 = `update form_ask set state = 'sent', response = $2, sent_at = $3, sent_by = $4, task = $5, score = $6, alarm = $7 where id = $1 and state = 'open'`
	n, err := db.Changed(tx.ExecContext(ctx, q1, a.ID, a.Response, db.Micro(a.SentAt), a.SentBy, a.Task, a.Score, bit(a.Alarm)))
	if err != nil {
		return err
	}
	if n == 0 {
		return errSent
	}
	if a.Errand != "" {
		if err := s.putErrand(ctx, tx, pass, *a, "completed", a.Response); err != nil {
			return err
		}
	}
	return saved.Gone(ctx, tx, a.Patient, a.Place())
}

// putResponse writes the response into the record, with the very version of
// the form that it answers.
func (s *Store) putResponse(ctx context.Context, tx *db.Tx, pass access.Pass, formID string, q *form.Questionnaire, sent *form.Sent) (form.Score, error) {
	v, err := version(ctx, tx, formID)
	if err != nil {
		return form.Score{}, err
	}
	q.URL = v.URL
	sent.Stored = fmt.Sprintf("Questionnaire/%s/_history/%d", v.ID, v.Stored)
	body, err := q.Response(*sent)
	if err != nil {
		return form.Score{}, err
	}
	drafts := []record.Draft{{Type: "QuestionnaireResponse", ID: sent.ID, Body: body, Strict: true}}
	if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, drafts); err != nil {
		return form.Score{}, err
	}
	return q.Score(sent.Answers), nil
}

// errandOf is what the desk has to do about a form that was sent: look at it,
// and at once where an answer cannot wait. One of the office is for the front
// desk.
func errandOf(a Ask, office bool) task.New {
	in := task.New{Kind: task.Form, Title: a.Title, Focus: "QuestionnaireResponse/" + a.Response, Values: map[string]string{"form": a.ID}}
	if office {
		in.Kind = task.OfficeForm
	}
	if a.Alarm {
		in.Kind, in.Team, in.Due, in.Values["urgent"] = task.Form, "the nurse team", a.SentAt.Add(urgent), "An answer in this form cannot wait."
	}
	return in
}

// words says a score in one line, for the staff.
func words(s form.Score) string {
	if s.Sum == "" {
		return ""
	}
	line := s.Sum + " of " + s.Most
	if s.Words != "" {
		line += ", " + s.Words
	}
	if !s.Whole {
		line += " (not every question was answered)"
	}
	return line
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// lay notes that the files in the answers of a form of the office are for the
// front desk, too.
func lay(ctx context.Context, tx *db.Tx, patient string, answers form.Answers) error {
	const q = `insert into office_paper (document, patient) values ($1, $2) on conflict (document) do nothing`
	for _, list := range answers {
		for _, v := range list {
			if v.Kind != "Attachment" {
				continue
			}
			if _, err := tx.ExecContext(ctx, q, strings.TrimPrefix(v.Text, "DocumentReference/"), patient); err != nil {
				return err
			}
		}
	}
	return nil
}

var errFile = errs.New(errs.Invalid, "We could not find the photo that goes with this form. Please send it once more.")

// ownFiles says whether every file in the answers is one that was sent for
// this patient; from whoever did not sign in, one that came with this form.
func ownFiles(ctx context.Context, tx *db.Tx, pass access.Pass, a Ask, answers form.Answers) error {
	const q = `select count(*) from upload u where u.document = $1 and u.patient = $2
		and ($3 = 0 or exists (select 1 from form_file f where f.document = u.document and f.patient = u.patient and f.ask = $4))`
	bound := bit(pass.Actor().Kind == access.Link)
	for _, list := range answers {
		for _, v := range list {
			if v.Kind != "Attachment" {
				continue
			}
			id := strings.TrimPrefix(v.Text, "DocumentReference/")
			n, err := db.One(ctx, tx, db.Value[int], q, id, a.Patient, bound, a.ID)
			if err != nil {
				return err
			}
			if n == 0 {
				return errFile
			}
		}
	}
	return nil
}
