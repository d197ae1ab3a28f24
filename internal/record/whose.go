package record

import (
	"context"
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Personal says whether resources of a type are each about a patient.
func Personal(typ string) bool { return personal(typ) }

// Whose returns whose compartment a resource is in: what a caller needs to
// know before it can ask for a pass. It is empty where there is no such
// resource, or where it is nobody's. It gives away nothing but that, takes no
// Pass, and must not be shown to who asks.
func (s *Store) Whose(ctx context.Context, typ, id string) (patient string, err error) {
	const q = `
		select p.id
		from resource r
		join patient_number p on p.n = r.patient
		where r.typ = $1 and r.id = $2`
	patient, err = db.One(ctx, s.db, db.Value[string], q, typ, id)
	if errs.KindOf(err) == errs.NotFound {
		if typ != "Binary" {
			return "", nil
		}
		patient, err = s.ofFile(ctx, id)
	}
	if err != nil {
		return "", fmt.Errorf("record: whose %s: %w", typ, err)
	}
	return patient, nil
}
