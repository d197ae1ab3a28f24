package request

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Amendments returns the newest request to amend each entry of the record of
// the patient whom pass opens, by what it is about: Type/id. Those that were
// taken back are not among them.
func (s *Store) Amendments(ctx context.Context, pass access.Pass) (map[string]Request, error) {
	const q = `select ` + columns + ` from privacy_request r
		where r.patient = $1 and r.kind = 'amend' and r.about <> '' and r.state <> 'withdrawn' and ` + veiled + ` order by r.asked_at, r.id`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, q, patient, veil(pass, patient))
	if err != nil {
		return nil, fmt.Errorf("request: amendments: %w", err)
	}
	by := make(map[string]Request, len(list))
	for _, r := range list {
		by[r.About] = r
	}
	return by, nil
}
