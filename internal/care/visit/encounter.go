package visit

import (
	"context"

	"hale/internal/access"
)

// Encounters returns the last n visits that took place and stand in the
// record as FHIR Encounters, newest first: what an app can be opened about.
func (s *Store) Encounters(ctx context.Context, pass access.Pass, n int) ([]Visit, error) {
	const q = `select ` + columns + from + `
		where v.patient = $1 and ` + veil + ` and v.kind = 'encounter' and v.start_at < $4
		order by v.start_at desc, v.id
		limit $5`
	return s.list(ctx, pass, "encounters", q, n)
}
