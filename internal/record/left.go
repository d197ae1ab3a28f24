package record

import (
	"context"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// errLeft refuses to delete a person whose record would be nobody's.
var errLeft = errs.New(errs.Conflict, "The patient has a record. Delete what is in it first, or in the same transaction.")

// left refuses to delete a Patient of whose record anything is left, be it
// shown to who deletes or not.
func (w *work) left(ctx context.Context, tx *db.Tx) error {
	for i := range w.steps {
		st := &w.steps[i]
		if st.Verb != Delete || st.Type != "Patient" || st.out.Deleted == 0 {
			continue
		}
		const q = `select count(*) from (select 1 from resource r where r.patient = (select n from patient_number where id = $1) and r.deleted = 0 limit 1) o`
		for _, id := range w.deletedIDs(st) {
			n, err := db.One(ctx, tx, db.Value[int], q, id)
			if err == nil && n > 0 {
				err = errLeft
			}
			if err != nil {
				return &OpError{i, err}
			}
		}
	}
	return nil
}

// deletedIDs are the ids of what a step deleted.
func (w *work) deletedIDs(st *step) []string {
	if len(st.many) == 0 {
		return []string{st.id}
	}
	list := make([]string, len(st.many))
	for i := range st.many {
		list[i] = st.many[i].draft.ID
	}
	return list
}
