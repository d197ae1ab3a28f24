package record

import (
	"context"
	"errors"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

var errStub = errors.New("record: not yet")

// PutAll writes drafts.
func (s *Store) PutAll(ctx context.Context, tx *db.Tx, src Source, drafts []Draft) ([]Change, error) {
	return nil, errStub
}

// Resource is one version of a resource.
type Resource struct {
	Type, ID, Patient string
	Version           int64
	Updated           time.Time
	Body              []byte
	Source            string // the feed or the person it came from
}

// JSON returns the resource with its id, version and time inside.
func (r Resource) JSON() []byte { return r.Body }

// Page is one page of a search.
type Page struct {
	Resources []Resource
	Next      string // the _cursor of the next page; empty at the end
}

// Get returns a resource.
func (s *Store) Get(ctx context.Context, pass access.Pass, typ, id string) (Resource, error) {
	return Resource{}, errStub
}

// GetIn returns a resource as tx sees it.
func (s *Store) GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (Resource, error) {
	return Resource{}, errStub
}

// History returns all versions, newest first.
func (s *Store) History(ctx context.Context, pass access.Pass, typ, id string) ([]Resource, error) {
	return nil, errStub
}

// Search finds resources.
func (s *Store) Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (Page, error) {
	return Page{}, errStub
}

// Clause compiles a search.
func Clause(typ string, q url.Values, patientColumn string, first int) (sql string, args []any, err error) {
	return "", nil, errStub
}
