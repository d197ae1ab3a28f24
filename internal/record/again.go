package record

import (
	"context"
	"fmt"

	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Again is a view that may be asked again for what has long stood in the
// record: one that came with an upgrade knows nothing of what was there. Its
// rows follow from the resources alone, so that writing them twice changes
// nothing.
type Again interface {
	Projector
	Again()
}

// projectAgain lets such views follow resources that stand.
func (s *Store) projectAgain(ctx context.Context, tx *db.Tx, list []stored) error {
	for _, v := range s.views {
		if _, ok := v.view.(Again); !ok {
			continue
		}
		var mine []Change
		for _, r := range list {
			if r.body == nil || !v.types[r.typ] {
				continue
			}
			node, err := fhir.Parse(r.body)
			if err != nil {
				return err
			}
			at, err := db.One(ctx, tx, db.Value[int64], `select updated from resource where n = $1`, r.n)
			if err != nil {
				return err
			}
			mine = append(mine, Change{Type: r.typ, ID: r.id, Patient: r.patient, Version: r.version, At: db.Time(at), Body: r.body, Node: node})
		}
		if len(mine) == 0 {
			continue
		}
		if err := v.view.Project(ctx, tx, mine); err != nil {
			return fmt.Errorf("record: project again: %w", err)
		}
	}
	return nil
}
