package record

import (
	"context"
	"fmt"
	"net/url"

	"hale/internal/access"
	"hale/internal/base/errs"
)

// Verb is what an Op does.
type Verb string

// The verbs.
const (
	Create Verb = "create" // under an id of ours
	Update Verb = "update" // under the id it names, which may be new
	Patch  Verb = "patch"
	Delete Verb = "delete"
)

// Op is one thing to do to one resource.
type Op struct {
	Verb      Verb
	Type      string
	ID        string // empty: a new one, or whatever Match finds
	Body      []byte // of a create and an update; must not change afterwards
	IfVersion int64  // fail with errs.Unmet unless this is the current version; 0 is any

	// IfNoneExist makes a create conditional: nothing is created where the
	// search finds one, and it is refused where it finds more.
	IfNoneExist url.Values
	// Match makes an update, a patch or a delete one of what the search
	// finds.
	Match url.Values
	// Many is how many a conditional delete may delete at a time; 0 is one.
	Many int

	// Patch returns the body that a patch makes of the current one, which has
	// its id, version and time in it.
	Patch func(now []byte) ([]byte, error)
	// FullURL is what the other ops of the transaction call it: urn:uuid:…
	// or an address.
	FullURL string
}

// Done is what became of an Op.
type Done struct {
	Resource      // as it is now; of a deleted one without a body, of nothing deleted the zero Resource
	Created  bool // it was not there before
	Deleted  int  // how many were deleted
	Same     bool // nothing was changed: it was so before, or IfNoneExist found it
}

// OpError says which op of a transaction failed. It has the reason as its
// cause.
type OpError struct {
	Index int
	Err   error
}

// Error names the op by its place, from 0.
func (e *OpError) Error() string { return fmt.Sprintf("op %d: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *OpError) Unwrap() error { return e.Err }

// The refusals of Do.
var (
	errStale    = errs.New(errs.Unmet, "Somebody else changed this in the meantime: it has another version now.").Because(&PlaceError{"http.If-Match"})
	errSeveral  = errs.New(errs.Unmet, "The search finds more than one.").Because(&PlaceError{"http.query"})
	errTwice    = errs.New(errs.Invalid, "The same resource stands twice in one transaction.")
	errNoSearch = errs.New(errs.Invalid, "The condition is empty: it has to be a search.")
	errTaken    = errs.New(errs.Conflict, "The search finds nothing, and there is another resource under the id of the body.")
	errNotYours = errs.New(errs.Forbidden, "This is not part of the record that may be written.")
	errGone     = errs.New(errs.Gone, "This was deleted.")
)

// Do does ops in one transaction, all or nothing, with right
// access.WriteRecord, and within the scopes of an app. Deletes come first,
// then creates, then updates and patches; references between ops by their
// FullURL and conditional references are written as Type/id. What several do
// at the same moment shares one commit, and fails alone.
//
// The error of an op that fails is an *OpError around one of the kinds
// errs.Invalid (with an *InvalidError where it is the body), errs.NotFound,
// errs.Gone, errs.Forbidden, errs.Conflict or errs.Unmet.
//
// Spec: https://hl7.org/fhir/R4/http.html
func (s *Store) Do(ctx context.Context, pass access.Pass, src Source, ops []Op) ([]Done, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	w, err := s.plan(ctx, pass, src, ops)
	if err == nil {
		err = s.together.add(ctx, s, w)
	}
	if err != nil {
		return nil, fmt.Errorf("record: do: %w", err)
	}
	return w.done(), nil
}
