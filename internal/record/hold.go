package record

import (
	"context"
	"maps"
	"slices"

	"hale/internal/store/db"
)

// hold makes everybody else who would write what works name, or search for
// the same before they write, wait until tx ends. All take what they hold in
// the same order, so that no two wait for each other.
func hold(ctx context.Context, tx *db.Tx, works []*work) error {
	if tx.Engine() == db.SQLite {
		return nil // one writes at a time
	}
	searches := map[string]bool{}
	byType := map[string][]string{}
	for _, w := range works {
		for i := range w.steps {
			for _, q := range w.steps[i].searches() {
				searches[q] = true
			}
		}
		for _, l := range w.named() {
			byType[l.typ] = append(byType[l.typ], l.id)
		}
	}
	for _, q := range slices.Sorted(maps.Keys(searches)) {
		if err := tx.Lock(ctx, "match "+q); err != nil {
			return err
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		slices.Sort(byType[typ])
		err := inChunks(byType[typ], func(args []any) error {
			_, err := tx.ExecContext(ctx, `select n from resource where typ = $1 and id in (`+db.In(2, len(args))+`) order by id for update`, append([]any{typ}, args...)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// searches are the conditions of st that have to be true still when it is
// written: Type?query.
func (st *step) searches() []string {
	var list []string
	if st.IfNoneExist != nil {
		list = append(list, st.Type+"?"+st.IfNoneExist.Encode())
	}
	if st.Match != nil && st.ID == "" && st.Verb != Delete {
		list = append(list, st.Type+"?"+st.Match.Encode())
	}
	return list
}
