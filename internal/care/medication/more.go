package medication

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/lang"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/store/db"
)

// records is what the store needs of the record.
type records interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Supplies tells how much of a medicine there is, and gets more of it.
type Supplies struct {
	db      *db.DB
	list    *Store
	records records
	tasks   *task.Store
	ids     *ids.Source
	now     func() time.Time
}

// NewSupplies returns a store that reads and writes through r and asks the
// clinic through tasks.
func NewSupplies(d *db.DB, r records, tasks *task.Store, ids *ids.Source, now func() time.Time) *Supplies {
	return &Supplies{db: d, list: NewStore(d), records: r, tasks: tasks, ids: ids, now: now}
}

// The bounds of what patients write.
const (
	maxName = 120 // letters of a medicine or a pharmacy
	maxSaid = 1000
)

// The refusals.
var (
	errMedicine = errs.New(errs.NotFound, "We could not find that medicine.")
	errName     = errs.New(errs.Invalid, "Please write the name of the medicine.")
	errLong     = errs.New(errs.Invalid, "That is too long. Please use fewer words.")
	errPharmacy = errs.New(errs.Invalid, "Please choose a pharmacy.")
	errTold     = errs.New(errs.Invalid, "Please write the name of the pharmacy and its town.")
)

// More is what somebody asks for.
type More struct {
	Medicine string // Type/id; empty: Name says it
	Name     string // of a medicine that is not in the record
	Pharmacy string // Type/id, or OtherPharmacy
	Told     string // the pharmacy in the patient's words
	Note     string
}

// OtherPharmacy stands for a pharmacy that the record does not know.
const OtherPharmacy = "other"

// kinds are the kinds of task for the ways.
var kinds = map[Way]task.Kind{Refill: task.Refill, Renewal: task.Renewal, Question: task.MedicineQuestion}

// Kind returns the kind of task that w becomes.
func (w Way) Kind() task.Kind { return kinds[w] }

// Keys are the passes of somebody on one patient: to do something about
// medicines (AskMedicines; at the desk AnswerPatients), and to read the
// record.
type Keys struct{ Act, Read access.Pass }

// Ask asks the clinic for more of a medicine of the patient whom k opens.
// Whoever asks twice has asked once: the second time returns the request that
// is already there.
func (s *Supplies) Ask(ctx context.Context, k Keys, in More) (Ask, error) {
	patient, err := k.Act.Open(access.AskMedicines)
	if err != nil {
		return Ask{}, err
	}
	if !k.Act.Sees(access.Medicines) {
		return Ask{}, errMedicine
	}
	in, card, err := s.asked(ctx, k.Read, in)
	if err != nil {
		return Ask{}, err
	}
	pharmacy, err := s.pharmacy(ctx, k.Read, in, card)
	if err != nil {
		return Ask{}, err
	}
	var id string
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		if id, err = s.already(ctx, tx, k.Act, patient, in); err != nil || id != "" {
			return err
		}
		id, err = s.begin(ctx, tx, k.Act, in, card, pharmacy)
		return err
	})
	if err != nil {
		return Ask{}, failed("ask", in.Medicine, err)
	}
	return s.Get(ctx, k.Read, id)
}

// asked tidies what is asked and finds what it is about.
func (s *Supplies) asked(ctx context.Context, pass access.Pass, in More) (More, Card, error) {
	in.Name, in.Told, in.Note = tidied(in.Name), tidied(in.Told), tidied(in.Note)
	if utf8.RuneCountInString(in.Name) > maxName || utf8.RuneCountInString(in.Told) > maxName || utf8.RuneCountInString(in.Note) > maxSaid {
		return in, Card{}, errLong
	}
	if in.Medicine == "" {
		if in.Name == "" {
			return in, Card{}, errName
		}
		return in, Card{Medicine: Medicine{Name: in.Name}, Way: Question, Because: Elsewhere}, nil
	}
	c, err := s.Card(ctx, pass, lang.English, in.Medicine)
	in.Medicine = c.Ref()
	return in, c, err
}

func tidied(text string) string { return strings.TrimSpace(strings.ToValidUTF8(text, "")) }

// pharmacy returns the one that was chosen. A question needs none.
func (s *Supplies) pharmacy(ctx context.Context, pass access.Pass, in More, c Card) (Pharmacy, error) {
	if in.Pharmacy == OtherPharmacy {
		if in.Told == "" {
			return Pharmacy{}, errTold
		}
		return Pharmacy{Name: in.Told}, nil
	}
	list, err := s.Pharmacies(ctx, pass)
	if err != nil {
		return Pharmacy{}, err
	}
	for _, p := range list {
		if p.Ref == in.Pharmacy {
			return p, nil
		}
	}
	if c.Way == Question && in.Pharmacy == "" {
		return Pharmacy{}, nil
	}
	return Pharmacy{}, errPharmacy
}

// again is how long the same words about a medicine outside the record are
// taken for one request.
const again = 10 * time.Minute

// already returns the open request about the same medicine.
func (s *Supplies) already(ctx context.Context, tx *db.Tx, pass access.Pass, patient string, in More) (string, error) {
	if in.Medicine != "" {
		t, ok, err := s.tasks.SameTx(ctx, tx, pass, in.Medicine)
		if err != nil || !ok {
			return "", err
		}
		const q = `select task from medicine_ask where task = $1 and patient = $2`
		id, err := db.One(ctx, tx, db.Value[string], q, t.ID, patient)
		if errors.Is(err, db.ErrNone) {
			return "", nil // a task of another kind about it
		}
		return id, err
	}
	const q = `select a.task from medicine_ask a join task t on t.id = a.task
		where a.patient = $1 and a.medicine = '' and t.title = $2 and t.said = $3 and t.closed_at = 0 and a.asked_at > $4
			and not exists (select 1 from shield z where z.patient = t.patient and z.typ = 'Task' and z.id = t.id)
		order by a.asked_at desc limit 1`
	id, err := db.One(ctx, tx, db.Value[string], q, patient, in.Name, in.Note, s.now().Add(-again).UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	return id, err
}

// begin writes the request: a task for the clinic, and where it stands.
func (s *Supplies) begin(ctx context.Context, tx *db.Tx, pass access.Pass, in More, c Card, p Pharmacy) (string, error) {
	values := map[string]string{"pharmacy": p.Name}
	t, err := s.tasks.AskTx(ctx, tx, pass, task.New{Kind: c.Way.Kind(), Title: c.Name, Text: in.Note, Focus: in.Medicine, Values: values})
	if err != nil {
		return "", err
	}
	const add = `insert into medicine_ask (task, patient, medicine, way, because, stage, pharmacy, pharmacy_name, asked_at)
		values ($1, $2, $3, $4, $5, 'asked', $6, $7, $8)`
	_, err = tx.ExecContext(ctx, add, t.ID, t.Patient, in.Medicine, string(c.Way), string(c.Because), p.Ref, p.Name, s.now().UnixMicro())
	return t.ID, err
}

// failed keeps the sort of an error and names what failed.
func failed(verb, id string, err error) error {
	if errs.KindOf(err) == errs.Internal {
		return fmt.Errorf("medication: %s %s: %w", verb, id, err)
	}
	return err
}
