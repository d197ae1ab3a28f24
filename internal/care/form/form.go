// Package form holds the forms that a clinic asks people to fill in:
// Questionnaires with their versions, whom they were asked of, what came
// back, and what strangers send from the web.
//
// A version that was published never changes: a change is a new version, and
// what somebody filled in keeps the very one they saw.
//
// Spec: https://hl7.org/fhir/R4/questionnaire.html and
// https://hl7.org/fhir/R4/questionnaireresponse.html
package form

import (
	"context"
	"regexp"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// The states of a version.
const (
	Draft     = "draft"
	Published = "active"
	Retired   = "retired"
)

// Base is the front of the addresses of the clinic's own forms.
const Base = "https://hale.example/fhir/Questionnaire/"

// Version is one version of a form.
type Version struct {
	ID      string // Questionnaire.id
	URL     string
	Version string
	Title   string
	Status  string
	At      time.Time // when it was last written
	Stored  int64     // the record's version of it

	body string
}

// Read returns the form itself.
func (v Version) Read() (*form.Questionnaire, error) { return form.Parse([]byte(v.body)) }

// Body returns the form as FHIR JSON.
func (v Version) Body() []byte { return []byte(v.body) }

// Use is what the clinic decided about a form, whatever its version.
type Use struct {
	URL     string
	Open    bool   // patients may fill it in unasked
	Office  bool   // the front desk works on it: it asks nothing about health
	Slug    string // strangers fill it in at /f/slug; empty: nowhere
	Consent string // what strangers agree to
}

// Form is a form with its versions, newest first.
type Form struct {
	Use
	Versions []Version
}

// Newest returns the version that counts: the published one, else the draft,
// else the last that was retired.
func (f Form) Newest() Version {
	for _, status := range [...]string{Published, Draft, Retired} {
		for _, v := range f.Versions {
			if v.Status == status {
				return v
			}
		}
	}
	return Version{}
}

// The refusals.
var (
	errNone      = errs.New(errs.NotFound, "We could not find that form.")
	errPublished = errs.New(errs.Conflict, "A version that was published never changes. Make a new version of it.")
	errChanged   = errs.New(errs.Conflict, "Somebody else changed this in the meantime. Please look at it again.")
	errDraft     = errs.New(errs.Conflict, "There is a draft of the next version already.")
	errNotOut    = errs.New(errs.Invalid, "Only a form that is published can be filled in.")
	errNotHere   = errs.New(errs.Invalid, "This form came from another system and has questions that cannot be shown here.")
	errSent      = errs.New(errs.Conflict, "You have already sent this form. We have it.")
	errSign      = errs.New(errs.Invalid, "Please write your name to sign.")
	errSlug      = errs.New(errs.Invalid, "An address has small letters, digits and - alone, at most 60.")
	errSlugTaken = errs.New(errs.Conflict, "Another form has that address.")
	errConsent   = errs.New(errs.Invalid, "Please write what people agree to before they send the form.")
	errFiles     = errs.New(errs.Invalid, "A form on the web cannot ask for files: nobody knows yet whose they are.")
	errIdentity  = errs.New(errs.Invalid, "A form on the web has to ask for the name, the date of birth, and a phone number or an e-mail address. Add these questions from the list of ready ones.")
	errOffice    = errs.New(errs.Invalid, "This form counts answers into a score or has answers that cannot wait, so it is about health. The front desk cannot work on it.")
	errClosed    = errs.New(errs.Conflict, "Somebody has already dealt with this.")
	errMany      = errs.New(errs.TooMany, "There are many open forms already. Please send these first.")
)

var slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Paper(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
	Version(ctx context.Context, pass access.Pass, typ, id string, version int64) (record.Resource, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// tasks puts what came into the desk's queue.
type tasks interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in task.New) (task.Task, error)
	CloseTx(ctx context.Context, tx *db.Tx, pass access.Pass, id string, why task.Reason, answer string) error
}

// Store keeps forms.
type Store struct {
	db      *db.DB
	records records
	tasks   tasks
	ring    *keys.Ring
	ids     *ids.Source
	now     func() time.Time
	sets    func(address string, held []byte) []form.Value
}

// NewStore returns a store on d that writes through r and tells t.
func NewStore(d *db.DB, r records, t tasks, ring *keys.Ring, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, records: r, tasks: t, ring: ring, ids: ids, now: now, sets: func(string, []byte) []form.Value { return nil }}
}

// UseSets gives the store what lists the answers of a value set: by its
// address, or by the resource of one that a form holds. It is called before
// the store is used; without it a form lists its value sets itself.
func (s *Store) UseSets(list func(address string, held []byte) []form.Value) { s.sets = list }
