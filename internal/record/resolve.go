package record

import (
	"context"
	"fmt"
	"net/url"

	"hale/internal/store/db"
)

// Resolve returns the ids of the resources of a type that meet q, two at the
// most: where a conditional reference such as
// Practitioner?identifier=system|value leads. It gives away nothing but ids,
// and takes no Pass.
//
// Spec: https://hl7.org/fhir/R4/http.html#trules
func (s *Store) Resolve(ctx context.Context, typ string, q url.Values) ([]string, error) {
	query, err := readQuery(typ, q, 1)
	if err != nil {
		return nil, err
	}
	text := query.search(0, order{column: "id", count: 1}) // count+1 are read
	list, err := db.All(ctx, s.db, readHit, text, query.params.args...)
	if err != nil {
		return nil, fmt.Errorf("record: resolve %s: %w", typ, err)
	}
	var ids []string
	for _, h := range list {
		ids = append(ids, h.ID)
	}
	return ids, nil
}
