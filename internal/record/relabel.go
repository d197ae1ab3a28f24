package record

import (
	"context"
	"fmt"

	"hale/internal/record/label"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// stored is a resource as it lies in the table.
type stored struct {
	link
	n       int64
	patient string
	cared   int64
	version int64
	body    []byte
}

func readKey(scan db.Scan) (r stored, err error) { return r, scan(&r.n, &r.typ, &r.id) }

func readBody(scan db.Scan) (r stored, err error) {
	return r, scan(&r.n, &r.typ, &r.id, &r.patient, &r.cared, &r.version, &r.body)
}

const storedColumns = `
	select r.n, r.typ, r.id, coalesce(p.id, ''), r.sort_at, r.version, r.body
	from resource r left join patient_number p on p.n = r.patient`

// readStored returns the resources with numbers.
func (s *Store) readStored(ctx context.Context, tx *db.Tx, numbers []int64) ([]stored, error) {
	args := db.Args(numbers)
	for len(args) < 64 {
		args = append(args, numbers[0]) // one statement for any number of them
	}
	return s.bodies(ctx, tx, ` where r.n in (`+db.In(1, len(args))+`)`, args...)
}

// bodies reads stored resources and opens them.
func (s *Store) bodies(ctx context.Context, tx *db.Tx, where string, args ...any) ([]stored, error) {
	list, err := db.All(ctx, tx, readBody, storedColumns+where, args...)
	for i := range list {
		if err == nil {
			list[i].body, err = s.open(ctx, tx, list[i].body, list[i].link, list[i].version)
		}
	}
	return list, err
}

// relabelled is how many resources Relabel looks at in one transaction.
const relabelled = 250

// Relabel looks at the next resources whose labels were made by older rules,
// and says whether there are more. Whoever calls it again goes on where it
// stopped, even after a crash; when the rules change in between, it begins
// again.
func (s *Store) Relabel(ctx context.Context) (more bool, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `select version, doing, reached from shield_rules where one = 1`
		type state struct{ version, doing, reached int64 }
		at, err := db.One(ctx, tx, func(scan db.Scan) (v state, err error) { return v, scan(&v.version, &v.doing, &v.reached) }, q)
		if err != nil || at.version == label.Version() {
			return err
		}
		if at.doing != label.Version() {
			at.doing, at.reached = label.Version(), 0
		}
		list, err := s.bodies(ctx, tx, ` where r.n > $1 and r.deleted = 0 order by r.n limit $2`, at.reached, relabelled)
		if err != nil {
			return err
		}
		more = len(list) == relabelled
		if !more {
			at.version = at.doing
		}
		if len(list) > 0 {
			at.reached = list[len(list)-1].n
		}
		if err := s.relabel(ctx, tx, list); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update shield_rules set version = $1, doing = $2, reached = $3 where one = 1`, at.version, at.doing, at.reached)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record: relabel: %w", err)
	}
	return more, nil
}

// relabel makes the labels of list again.
func (s *Store) relabel(ctx context.Context, tx *db.Tx, list []stored) error {
	changes := make([]Change, 0, len(list))
	for _, r := range list {
		node, err := fhir.Parse(r.body)
		if err != nil {
			return err
		}
		refs, err := references(Draft{Type: r.typ, ID: r.id}, node)
		if err != nil {
			return err
		}
		changes = append(changes, Change{Type: r.typ, ID: r.id, Patient: r.patient, Node: node, Labels: label.Of(node), cared: r.cared, refs: refs})
	}
	b := batch{store: s, tx: tx, again: true}
	return b.shield(ctx, changes)
}
