package record

import (
	"cmp"
	"context"
	"slices"

	"hale/internal/store/db"
)

// writer gathers the index rows of many resources, to write them in the
// order in which they lie.
type writer struct {
	tokens     []placed[tokenRow]
	dates      []placed[dateRow]
	references []placed[referenceRow]
	strings    []placed[stringRow]
	amounts    []placed[amountRow]
	parts      []placed[partRow]
}

// placed is a row with whose it is.
type placed[T any] struct {
	row               T
	patient, resource int64
}

// add adds the rows of one resource.
func (w *writer) add(r rows, patient, resource int64) {
	w.tokens = place(w.tokens, r.tokens, patient, resource)
	w.dates = place(w.dates, r.dates, patient, resource)
	w.references = place(w.references, r.references, patient, resource)
	w.strings = place(w.strings, r.strings, patient, resource)
	w.amounts = place(w.amounts, r.amounts, patient, resource)
	w.parts = place(w.parts, r.parts, patient, resource)
}

func place[T any](list []placed[T], rows []T, patient, resource int64) []placed[T] {
	for _, r := range rows {
		list = append(list, placed[T]{r, patient, resource})
	}
	return list
}

const (
	insertToken     = `insert into token_index (param, code, patient, resource, system)`
	insertDate      = `insert into date_index (param, patient, resource, low, high)`
	insertReference = `insert into reference_index (param, patient, id, typ, resource)`
	insertString    = `insert into string_index (param, folded, patient, resource, exact)`
	insertAmount    = `insert into quantity_index (param, patient, resource, low, high, system, code, base, base_low, base_high)`
	insertPart      = `insert into part_index (param, patient, resource, place, code, system, low, high, base, base_low, base_high, typ, id)`
	ifNew           = `on conflict do nothing`
)

// write writes the rows.
func (w *writer) write(ctx context.Context, tx *db.Tx) error {
	slices.SortFunc(w.tokens, func(a, b placed[tokenRow]) int {
		return cmp.Or(cmp.Compare(a.row.param, b.row.param), cmp.Compare(a.row.code, b.row.code), cmp.Compare(a.patient, b.patient))
	})
	args := make([]any, 0, 5*max(len(w.tokens), len(w.dates), len(w.references), len(w.strings)))
	for _, t := range w.tokens {
		args = append(args, t.row.param, t.row.code, t.patient, t.resource, t.row.system)
	}
	if err := db.InsertMany(ctx, tx, insertToken, ifNew, 5, args); err != nil {
		return err
	}
	slices.SortFunc(w.dates, func(a, b placed[dateRow]) int {
		return cmp.Or(cmp.Compare(a.row.param, b.row.param), cmp.Compare(a.patient, b.patient))
	})
	args = args[:0]
	for _, d := range w.dates {
		args = append(args, d.row.param, d.patient, d.resource, d.row.low, d.row.high)
	}
	if err := db.InsertMany(ctx, tx, insertDate, ifNew, 5, args); err != nil {
		return err
	}
	slices.SortFunc(w.references, func(a, b placed[referenceRow]) int {
		return cmp.Or(cmp.Compare(a.row.param, b.row.param), cmp.Compare(a.patient, b.patient), cmp.Compare(a.row.id, b.row.id))
	})
	args = args[:0]
	for _, r := range w.references {
		args = append(args, r.row.param, r.patient, r.row.id, r.row.typ, r.resource)
	}
	if err := db.InsertMany(ctx, tx, insertReference, ifNew, 5, args); err != nil {
		return err
	}
	args = args[:0]
	for _, s := range w.strings {
		args = append(args, s.row.param, s.row.folded, s.patient, s.resource, s.row.exact)
	}
	if err := db.InsertMany(ctx, tx, insertString, ifNew, 5, args); err != nil {
		return err
	}
	return w.writeAmounts(ctx, tx)
}

// writeAmounts writes the rows that few resources have.
func (w *writer) writeAmounts(ctx context.Context, tx *db.Tx) error {
	slices.SortFunc(w.amounts, func(a, b placed[amountRow]) int {
		return cmp.Or(cmp.Compare(a.row.param, b.row.param), cmp.Compare(a.patient, b.patient))
	})
	var args []any
	for i := range w.amounts {
		q := &w.amounts[i]
		a := &q.row.amount
		args = append(args, q.row.param, q.patient, q.resource, a.low, a.high, a.system, a.code, a.base, a.baseLow, a.baseHigh)
	}
	if err := db.InsertMany(ctx, tx, insertAmount, ifNew, 10, args); err != nil {
		return err
	}
	args = args[:0]
	for i := range w.parts {
		p := &w.parts[i]
		a := &p.row.amount
		args = append(args, p.row.param, p.patient, p.resource, p.row.place, p.row.code, a.system, a.low, a.high, a.base, a.baseLow, a.baseHigh, p.row.typ, p.row.id)
	}
	return db.InsertMany(ctx, tx, insertPart, ifNew, 13, args)
}

// delete deletes the rows of one resource.
func (r rows) delete(ctx context.Context, tx *db.Tx, patient, resource int64) error {
	for _, t := range r.tokens {
		const q = `delete from token_index where param = $1 and code = $2 and patient = $3 and resource = $4`
		if _, err := tx.ExecContext(ctx, q, t.param, t.code, patient, resource); err != nil {
			return err
		}
	}
	for _, d := range r.dates {
		const q = `delete from date_index where param = $1 and patient = $2 and resource = $3`
		if _, err := tx.ExecContext(ctx, q, d.param, patient, resource); err != nil {
			return err
		}
	}
	for _, f := range r.references {
		const q = `delete from reference_index where param = $1 and patient = $2 and id = $3 and typ = $4 and resource = $5`
		if _, err := tx.ExecContext(ctx, q, f.param, patient, f.id, f.typ, resource); err != nil {
			return err
		}
	}
	for _, s := range r.strings {
		const q = `delete from string_index where param = $1 and folded = $2 and patient = $3 and resource = $4`
		if _, err := tx.ExecContext(ctx, q, s.param, s.folded, patient, resource); err != nil {
			return err
		}
	}
	for _, a := range r.amounts {
		const q = `delete from quantity_index where param = $1 and patient = $2 and resource = $3`
		if _, err := tx.ExecContext(ctx, q, a.param, patient, resource); err != nil {
			return err
		}
	}
	for _, p := range r.parts {
		const q = `delete from part_index where param = $1 and code = $2 and patient = $3 and resource = $4`
		if _, err := tx.ExecContext(ctx, q, p.param, p.code, patient, resource); err != nil {
			return err
		}
	}
	return nil
}
