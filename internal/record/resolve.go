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
	query.now, query.store = s.now(), s
	where := "r.typ = " + query.params.add(typ) + " and r.deleted = 0 and " + query.where("r")
	text, args := compact("select r.id from resource r where "+where+" order by r.id limit 2", query.params.args, 1, 1)
	ids, err := db.All(ctx, s.db, db.Value[string], text, args...)
	if err != nil {
		return nil, fmt.Errorf("record: resolve %s: %w", typ, err)
	}
	return ids, nil
}
