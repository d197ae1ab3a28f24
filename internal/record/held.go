package record

import (
	"context"
	"fmt"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Held returns the types of which the patient whom pass opens has something
// that pass shows, in the order of the alphabet: what a copy of the record
// has to look through.
func (s *Store) Held(ctx context.Context, pass access.Pass) ([]string, error) {
	patient, _, err := opens(pass, "Patient")
	if err != nil {
		return nil, err
	}
	if patient == "" {
		return nil, errWalk
	}
	number, err := db.One(ctx, s.db, db.Value[int64], `select n from patient_number where id = $1`, patient)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("record: held: %w", err)
	}
	p := params{first: 1}
	q := `select distinct r.typ from resource r where r.patient = ` + p.add(number) + ` and r.deleted = 0 and ` + p.veil(pass, "r")
	list, err := db.All(ctx, s.db, db.Value[string], q, p.args...)
	if err != nil {
		return nil, fmt.Errorf("record: held: %w", err)
	}
	list = slices.DeleteFunc(list, func(typ string) bool {
		_, reached := pass.Reaches(typ, smart.Read)
		return !reached || !sees(pass, typ)
	})
	slices.Sort(list)
	return list, nil
}
