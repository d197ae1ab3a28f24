package patient

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Named returns the persons with these ids, by name: for lists of people that
// something else than their names has picked.
func (s *Store) Named(ctx context.Context, pass access.Pass, ids []string) ([]Person, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, nil
	}
	q := `select ` + columns + ` from person where id in (` + db.In(1, len(ids)) + `) order by family, given, id`
	list, err := db.All(ctx, s.db, scan, q, db.Args(ids)...)
	if err != nil {
		return nil, fmt.Errorf("patient: named: %w", err)
	}
	return list, nil
}
