package visit

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Led returns the visits of the patient that pass lets book to which ref, a
// message or an intent, led; the newest booking first.
func (s *Store) Led(ctx context.Context, pass access.Pass, ref string) ([]Visit, error) {
	const q = `select ` + columns + from + `
		where v.patient = $1 and ` + veil + ` and v.ref = $4
		order by v.booked_at desc, v.id desc`
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return nil, err
	}
	if ref == "" {
		return nil, nil
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, patient, hidden, until, ref)
	if err != nil {
		return nil, fmt.Errorf("visit: led: %w", err)
	}
	return list, nil
}
