package reach

import (
	"context"
	"fmt"
	"time"

	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// CountForeign counts a message that another system sent to patient, as if it
// had been ours: for the person, and for every address of hers that channel c
// reaches.
func (e *Engine) CountForeign(ctx context.Context, tx *db.Tx, patient string, c Channel, class string, at time.Time) error {
	zone, err := db.One(ctx, tx, db.Value[string], `select zone from person where id = $1`, patient)
	if err != nil {
		return err
	}
	loc, err := e.zone(zone)
	if zone == "" || err != nil {
		loc = e.Clinic.Zone
	}
	points, err := contact.List(ctx, tx, []string{patient})
	if err != nil {
		return err
	}
	keys := []string{patient}
	for _, p := range points[patient] {
		if policy.Fits(p.Kind, c) {
			keys = append(keys, e.hash(c, p.Value))
		}
	}
	day := policy.Day(at, loc)
	const q = `insert into cap_ledger (address_hash, channel, class, day, n) values ($1, $2, $3, $4, 1)
		on conflict (address_hash, channel, class, day) do update set n = cap_ledger.n + 1`
	for _, key := range keys {
		if _, err := tx.ExecContext(ctx, q, key, string(c), class, day); err != nil {
			return fmt.Errorf("reach: foreign: %w", err)
		}
	}
	return nil
}
