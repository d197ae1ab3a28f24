package record

import (
	"context"
	"errors"
	"net/url"

	"hale/internal/access"
)

// Page is one page of a search.
type Page struct {
	Resources []Resource
	Next      string // the _cursor of the next page; empty at the end
}

// Search finds resources.
func (s *Store) Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (Page, error) {
	return Page{}, errors.New("record: not yet")
}

// Clause compiles a search.
func Clause(typ string, q url.Values, patientColumn string, first int) (sql string, args []any, err error) {
	return "", nil, errors.New("record: not yet")
}
