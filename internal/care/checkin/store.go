package checkin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/document"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

type visits interface {
	Get(ctx context.Context, pass access.Pass, id string) (visit.Visit, error)
	Arrive(ctx context.Context, tx *db.Tx, pass access.Pass, id string) error
}

type tasks interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in task.New) (task.Task, error)
	CloseTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, why task.Reason, answer string) error
	Get(ctx context.Context, pass access.Pass, id string) (task.Task, error)
}

type letters interface {
	Send(ctx context.Context, pass access.Pass, l document.Letter) (string, error)
}

type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
}

// Config is all a Store needs.
type Config struct {
	DB      *db.DB
	Records records
	Visits  visits
	Tasks   tasks
	Letters letters
	Events  *event.Log
	IDs     *ids.Source
	Now     func() time.Time
	Key     seal.Key // hashes what was said, to know it again
}

// Store keeps how far people came with checking in.
type Store struct{ Config }

// NewStore returns a store made of c.
func NewStore(c Config) *Store { return &Store{c} }

// Get returns how far the patient whom pass opens came with a visit.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (State, error) {
	patient, err := pass.Open(access.ReadVisits)
	if err != nil {
		if patient, err = pass.Open(access.BookVisits); err != nil {
			return State{}, err
		}
	}
	const q = `select steps, begun_at, arrived_at from checkin where visit = $1 and patient = $2`
	st, err := db.One(ctx, s.DB, func(scan db.Scan) (st State, err error) {
		var steps string
		var begun, arrived int64
		err = scan(&steps, &begun, &arrived)
		st.Done, st.Begun, st.Arrived = Parse(steps), db.Time(begun), db.Time(arrived)
		return st, err
	}, q, id, patient)
	st.Visit = id
	if errors.Is(err, db.ErrNone) {
		return st, nil
	}
	if err != nil {
		return st, fmt.Errorf("checkin: get %s: %w", id, err)
	}
	return st, nil
}

// do runs a step of checking in to a visit, in one transaction with the mark
// that it is done.
func (s *Store) do(ctx context.Context, pass access.Pass, id string, step Step, fn func(tx *db.Tx, patient string) error) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	v, err := s.Visits.Get(ctx, pass, id)
	if err != nil {
		return err
	}
	if !Open(v, s.Now()) {
		return errClosed
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := fn(tx, patient); err != nil {
			return err
		}
		return s.mark(ctx, tx, pass, patient, id, step)
	})
	if err != nil && errs.KindOf(err) == errs.Internal {
		return fmt.Errorf("checkin: %s of %s: %w", step, id, err)
	}
	return err
}

// ask makes a task of what was said at a step, once: what is said again as it
// was said last, by a second tap or a page that was sent twice, is no more
// work for anybody.
func (s *Store) ask(ctx context.Context, tx *db.Tx, pass access.Pass, id string, step Step, said any, in task.New) error {
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	const put = `insert into checkin_said (visit, step, digest, at) values ($1, $2, $3, $4)
		on conflict (visit, step) do update set digest = excluded.digest, at = excluded.at where checkin_said.digest <> excluded.digest`
	digest := s.Key.For("checkin").Hash(id + "/" + string(step) + "/" + string(text))
	n, err := db.Changed(tx.ExecContext(ctx, put, id, string(step), digest, s.Now().UnixMicro()))
	if err != nil || n == 0 {
		return err
	}
	_, err = s.Tasks.AskTx(ctx, tx, pass, in)
	return err
}

// mark writes down that a step is done.
func (s *Store) mark(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string, step Step) error {
	now := s.Now().UnixMicro()
	const begin = `insert into checkin (visit, patient, account, steps, begun_at, updated_at) values ($1, $2, $3, '', $4, $4) on conflict (visit) do nothing`
	if _, err := tx.ExecContext(ctx, begin, id, patient, pass.Actor().ID, now); err != nil {
		return err
	}
	const add = `update checkin set steps = case when steps = '' then $3 else steps || ' ' || $3 end, updated_at = $4
		where visit = $1 and patient = $2 and (' ' || steps || ' ') not like $5`
	if _, err := tx.ExecContext(ctx, add, id, patient, string(step), now, "% "+string(step)+" %"); err != nil {
		return err
	}
	if step == Arrive {
		const here = `update checkin set arrived_at = $3 where visit = $1 and patient = $2 and arrived_at = 0`
		if _, err := tx.ExecContext(ctx, here, id, patient, now); err != nil {
			return err
		}
	}
	return s.Events.Add(ctx, tx, event.Event{Kind: "checkin." + string(step), Patient: patient, Subject: id})
}

// Change is one detail that is different now.
type Change struct {
	Field string // line, city, state, zip, phone, email
	Was   string
	Now   string
}

// Fields are the details that are asked about, with their names.
var Fields = []struct{ Key, Name string }{
	{"line", "Street and number"}, {"city", "City"}, {"state", "State"}, {"zip", "ZIP code"}, {"phone", "Mobile phone"}, {"email", "Email"},
}

// changed are those of list that say something new, checked.
func changed(list []Change) ([]Change, error) {
	var out []Change
	for _, c := range list {
		c.Now = strings.Join(strings.Fields(strings.ToValidUTF8(c.Now, "")), " ")
		if c.Now == c.Was || c.Now == "" {
			continue
		}
		digits := 0
		for _, r := range c.Now {
			if r >= '0' && r <= '9' {
				digits++
			}
		}
		switch {
		case len(c.Now) > 200:
			return nil, errLong
		case c.Field == "phone" && (digits < 10 || digits > 15):
			return nil, errPhone
		case c.Field == "email" && (strings.Count(c.Now, "@") != 1 || strings.HasPrefix(c.Now, "@") || !strings.Contains(c.Now[strings.Index(c.Now, "@"):], ".") || strings.Contains(c.Now, " ")):
			return nil, errEmail
		}
		out = append(out, c)
	}
	return out, nil
}

// You takes which details changed. Nothing is written over: the clinic looks
// at it first.
func (s *Store) You(ctx context.Context, pass access.Pass, id string, list []Change) error {
	list, err := changed(list)
	if err != nil {
		return err
	}
	return s.do(ctx, pass, id, You, func(tx *db.Tx, patient string) error {
		if len(list) == 0 {
			return nil
		}
		values := map[string]string{"visit": id, "about": "details"}
		var text []string
		for _, c := range list {
			values["was-"+c.Field], values["now-"+c.Field] = c.Was, c.Now
			text = append(text, fieldName(c.Field)+": "+c.Now)
		}
		return s.ask(ctx, tx, pass, id, You, values, task.New{Kind: task.CheckIn, Title: "New contact details", Text: strings.Join(text, "\n"), Focus: "Patient/" + patient, Values: values})
	})
}

func fieldName(key string) string {
	for _, f := range Fields {
		if f.Key == key {
			return f.Name
		}
	}
	return key
}

// Card takes photos of an insurance card: of its front, and of its back where
// there is something on it. Without one it says that the card is the same.
// letters is a pass to send files.
func (s *Store) Card(ctx context.Context, pass, letters access.Pass, id string, front, back []byte) error {
	values := map[string]string{"visit": id, "about": "card"}
	for _, side := range []struct {
		name string
		body []byte
	}{{"front", front}, {"back", back}} {
		if len(side.body) == 0 {
			continue
		}
		doc, err := s.Letters.Send(ctx, letters, document.Letter{Sort: "insurance", Note: side.name, Body: side.body})
		if err != nil {
			return err
		}
		values[side.name] = doc
	}
	return s.do(ctx, pass, id, Insurance, func(tx *db.Tx, _ string) error {
		if values["front"] == "" && values["back"] == "" {
			return nil
		}
		focus := values["front"]
		if focus == "" {
			focus = values["back"]
		}
		return s.ask(ctx, tx, pass, id, Insurance, [][]byte{front, back}, task.New{Kind: task.Insurance, Title: "New insurance card", Focus: "DocumentReference/" + focus, Values: values})
	})
}

// Taking is what somebody says about one medicine on their list.
type Taking struct {
	Ref    string // MedicationRequest/id
	Name   string
	Answer string // yes, no, differently
}

// Meds takes what the patient says they take. Where all is as the record has
// it nobody needs to look.
func (s *Store) Meds(ctx context.Context, pass access.Pass, id string, list []Taking, also string) error {
	also = strings.TrimSpace(strings.ToValidUTF8(also, ""))
	if len(also) > 1000 {
		return errLong
	}
	values := map[string]string{"visit": id, "about": "medicines"}
	var text []string
	for _, m := range list {
		switch m.Answer {
		case "no":
			text = append(text, "No longer takes: "+m.Name)
		case "differently":
			text = append(text, "Takes it differently: "+m.Name)
		default:
			continue
		}
		values[m.Ref] = m.Answer
	}
	if also != "" {
		text = append(text, "Also takes: "+also)
		values["also"] = also
	}
	return s.do(ctx, pass, id, Medicines, func(tx *db.Tx, _ string) error {
		if len(text) == 0 {
			return nil
		}
		return s.ask(ctx, tx, pass, id, Medicines, values, task.New{Kind: task.CheckIn, Title: "Medicines, as the patient takes them", Text: strings.Join(text, "\n"), Focus: "Appointment/" + id, Values: values, Team: "the nurse team"})
	})
}

// Forms notes that the patient saw which forms wait.
func (s *Store) Forms(ctx context.Context, pass access.Pass, id string) error {
	return s.do(ctx, pass, id, Forms, func(*db.Tx, string) error { return nil })
}

// Here notes that the patient has come.
func (s *Store) Here(ctx context.Context, pass access.Pass, id string) error {
	return s.do(ctx, pass, id, Arrive, func(tx *db.Tx, _ string) error { return s.Visits.Arrive(ctx, tx, pass, id) })
}
