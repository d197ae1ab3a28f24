package record

import (
	"context"
	"time"

	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// batch is one PutPrepared.
type batch struct {
	store   *Store
	tx      *db.Tx
	at      time.Time
	again   bool                // only the labels are made again
	owns    map[string]keys.Own // patients' keys
	covered []link              // new, and sealed as they were written
}

// current is what is there of a resource before it is put.
type current struct {
	typ, id    string
	n, version int64
	patient    int64 // number of whose it was
	deleted    int
	digest     []byte
	head       []byte // how the body begins: an envelope says so
}

// put writes list, in which no resource stands twice.
func (b *batch) put(ctx context.Context, list []Prepared) ([]Change, error) {
	patients, err := b.numbers(ctx, list)
	if err != nil {
		return nil, err
	}
	before, err := b.current(ctx, list)
	if err != nil {
		return nil, err
	}
	var w writer
	var fresh []Prepared
	changes := make([]Change, 0, len(list))
	for _, p := range list {
		c, known := before[[2]string{p.draft.Type, p.draft.ID}]
		if want := p.draft.IfVersion; want != 0 && want != c.version {
			return nil, &draftError{link{p.draft.Type, p.draft.ID}, errChanged}
		}
		same, err := b.unchanged(ctx, c, &p, patients[p.patient])
		if err != nil {
			return nil, err
		}
		if same && (known || p.gone) {
			continue
		}
		if known {
			if err := b.replace(ctx, c, p, patients[p.patient]); err != nil {
				return nil, err
			}
			w.add(p.rows, patients[p.patient], c.n)
		} else {
			fresh = append(fresh, p)
		}
		was, err := b.moved(ctx, c.patient, patients[p.patient])
		if err != nil {
			return nil, err
		}
		changes = append(changes, Change{
			Type: p.draft.Type, ID: p.draft.ID, Patient: p.patient, Was: was, Version: c.version + 1, At: b.at,
			Body: p.draft.Body, Node: p.node, Created: !known, Deleted: p.gone,
			Labels: p.labels, cared: b.sortAt(&p), refs: p.refs, sum: p.sum,
			by: p.by, n: c.n, whose: patients[p.patient], born: !known || c.deleted != 0,
		})
	}
	numbers, err := b.insert(ctx, fresh, patients)
	if err != nil {
		return nil, err
	}
	for _, p := range fresh {
		w.add(p.rows, patients[p.patient], numbers[[2]string{p.draft.Type, p.draft.ID}])
	}
	for i := range changes {
		if c := &changes[i]; c.Created {
			c.n = numbers[[2]string{c.Type, c.ID}]
		}
	}
	return changes, w.write(ctx, b.tx)
}

// draftError says which draft cannot be written.
type draftError struct {
	at  link
	err error
}

func (e *draftError) Error() string { return e.at.typ + "/" + e.at.id + ": " + e.err.Error() }

func (e *draftError) Unwrap() error { return e.err }

// moved returns the patient whose a resource was, if it is another's now.
func (b *batch) moved(ctx context.Context, was, is int64) (string, error) {
	if was == 0 || was == is {
		return "", nil
	}
	return db.One(ctx, b.tx, db.Value[string], `select id from patient_number where n = $1`, was)
}

// numbers returns the number of every patient in list, making those that are
// missing.
func (b *batch) numbers(ctx context.Context, list []Prepared) (map[string]int64, error) {
	known := map[string]int64{"": 0}
	var ids []string
	for _, p := range list {
		if _, ok := known[p.patient]; !ok {
			known[p.patient] = 0
			ids = append(ids, p.patient)
		}
	}
	if err := b.look(ctx, ids, known); err != nil {
		return nil, err
	}
	var missing []any
	var again []string
	for _, id := range ids {
		if known[id] == 0 {
			missing = append(missing, id)
			again = append(again, id)
		}
	}
	if len(missing) == 0 {
		return known, nil
	}
	if err := db.InsertMany(ctx, b.tx, `insert into patient_number (id)`, `on conflict do nothing`, 1, missing); err != nil {
		return nil, err
	}
	return known, b.look(ctx, again, known)
}

// look fills in the numbers of ids.
func (b *batch) look(ctx context.Context, ids []string, known map[string]int64) error {
	type pair struct {
		n  int64
		id string
	}
	scan := func(scan db.Scan) (p pair, err error) { return p, scan(&p.n, &p.id) }
	return inChunks(ids, func(args []any) error {
		list, err := db.All(ctx, b.tx, scan, `select n, id from patient_number where id in (`+db.In(1, len(args))+`)`, args...)
		for _, p := range list {
			known[p.id] = p.n
		}
		return err
	})
}

// inChunks calls fn with ids in few different lengths, the last repeated to
// fill, so that there are few different statements to compile.
func inChunks(ids []string, fn func([]any) error) error {
	for len(ids) > 0 {
		size := 1
		if len(ids) > 1 {
			size = 8
		}
		if len(ids) > 8 {
			size = 64
		}
		part := ids[:min(size, len(ids))]
		args := db.Args(part)
		for len(args) < size {
			args = append(args, part[len(part)-1])
		}
		if err := fn(args); err != nil {
			return err
		}
		ids = ids[len(part):]
	}
	return nil
}

// current returns what is there of the resources in list.
func (b *batch) current(ctx context.Context, list []Prepared) (map[[2]string]current, error) {
	byType := map[string][]string{}
	for _, p := range list {
		if p.fresh {
			continue
		}
		byType[p.draft.Type] = append(byType[p.draft.Type], p.draft.ID)
	}
	found := map[[2]string]current{}
	for typ, ids := range byType {
		err := inChunks(ids, func(args []any) error {
			q := `select typ, id, n, version, patient, deleted, digest, substr(body, 1, 3) from resource where typ = $1 and id in (` + db.In(2, len(args)) + `)`
			all, err := db.All(ctx, b.tx, readCurrent, q, append([]any{typ}, args...)...)
			for _, c := range all {
				found[[2]string{c.typ, c.id}] = c
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func readCurrent(scan db.Scan) (c current, err error) {
	err = scan(&c.typ, &c.id, &c.n, &c.version, &c.patient, &c.deleted, &c.digest, &c.head)
	return c, err
}

// insert writes new resources and returns their numbers.
func (b *batch) insert(ctx context.Context, list []Prepared, patients map[string]int64) (map[[2]string]int64, error) {
	args := make([]any, 0, len(list)*9)
	for i := range list {
		p := &list[i]
		body, digest, err := b.cover(ctx, p, 1)
		if err != nil {
			return nil, err
		}
		args = append(args, p.draft.Type, p.draft.ID, patients[p.patient], 1, b.at.UnixMicro(), b.sortAt(p), p.by.id, digest, body)
	}
	const head = `insert into resource (typ, id, patient, version, updated, sort_at, provenance, digest, body)`
	scan := func(scan db.Scan) (c current, err error) { return c, scan(&c.typ, &c.id, &c.n) }
	rows, err := db.InsertReturning(ctx, b.tx, scan, head, `on conflict do nothing returning typ, id, n`, 9, args)
	if err != nil {
		return nil, err
	}
	if len(rows) != len(list) {
		return nil, errChanged // another transaction made one of them first
	}
	numbers := make(map[[2]string]int64, len(rows))
	for _, c := range rows {
		numbers[[2]string{c.typ, c.id}] = c.n
	}
	return numbers, nil
}

// sortAt is where p stands in a list by date: at its main date, else when it
// was written.
func (b *batch) sortAt(p *Prepared) int64 {
	if p.rows.sort != 0 {
		return p.rows.sort
	}
	return b.at.UnixMicro()
}

// replace keeps the current version c and writes p over it.
func (b *batch) replace(ctx context.Context, c current, p Prepared, patient int64) error {
	if err := b.unindex(ctx, c); err != nil {
		return err
	}
	const keep = `
		insert into resource_version (resource, version, updated, deleted, provenance, body, typ, labels, held_until)
		select r.n, r.version, r.updated, r.deleted, r.provenance, r.body, r.typ, coalesce(z.labels, 0), coalesce(z.held_until, 0)
		from resource r
		left join shield z on z.typ = r.typ and z.id = r.id
		where r.n = $1`
	if _, err := b.tx.ExecContext(ctx, keep, c.n); err != nil {
		return err
	}
	body, digest, err := b.cover(ctx, &p, c.version+1)
	if err != nil {
		return err
	}
	const q = `
		update resource
		set patient = $1, version = $2, updated = $3, sort_at = $4, deleted = $5, provenance = $6, digest = $7, body = $8
		where n = $9 and version = $10`
	gone := 0
	if p.gone {
		gone, body, digest = 1, []byte{}, []byte{}
	}
	changed, err := db.Changed(b.tx.ExecContext(ctx, q, patient, c.version+1, b.at.UnixMicro(), b.sortAt(&p),
		gone, p.by.id, digest, body, c.n, c.version))
	if err == nil && changed != 1 {
		return &draftError{link{c.typ, c.id}, errChanged}
	}
	return err
}

// unindex deletes the index rows of the current version c, which are known
// from its body.
func (b *batch) unindex(ctx context.Context, c current) error {
	if c.deleted != 0 {
		return nil // it has none
	}
	type old struct {
		patient int64
		id      string
		body    []byte
	}
	const q = `
		select r.patient, coalesce(p.id, ''), r.body
		from resource r left join patient_number p on p.n = r.patient
		where r.n = $1`
	scan := func(scan db.Scan) (o old, err error) { return o, scan(&o.patient, &o.id, &o.body) }
	o, err := db.One(ctx, b.tx, scan, q, c.n)
	if err != nil {
		return err
	}
	if o.body, err = b.store.open(ctx, b.tx, o.body, link{c.typ, c.id}, c.version); err != nil {
		return err
	}
	node, err := fhir.Parse(o.body)
	if err != nil {
		return err
	}
	r, _ := rowsOf(c.typ, o.id, node)
	if err := r.delete(ctx, b.tx, o.patient, c.n); err != nil {
		return err
	}
	return b.wordless(ctx, c.n)
}
