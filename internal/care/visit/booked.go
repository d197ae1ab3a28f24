package visit

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Booked returns the next n visits of anyone from a time on that were booked
// by a way, soonest first.
func (s *Store) Booked(ctx context.Context, pass access.Pass, via string, after time.Time, n int) ([]Visit, error) {
	const q = `select ` + columns + from + `
		where v.start_at >= $1 and ` + veil + ` and v.via = $4 and v.via <> '' and v.status = 'booked'
		order by v.start_at, v.id
		limit $5`
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, after.UnixMicro(), hidden, until, via, n)
	if err != nil {
		return nil, fmt.Errorf("visit: booked: %w", err)
	}
	return list, nil
}
