package record

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

var errChanged = errs.New(errs.Conflict, "Somebody else changed this in the meantime. Please look at it again.")

// PutAll writes drafts in tx: it checks their shape, keeps the version
// before, writes the search index, lets the views follow and notes the
// event. A body that is the current one byte for byte is no change and not in
// the result. The error for a draft that cannot be taken is errs.Invalid and
// has an *InvalidError.
func (s *Store) PutAll(ctx context.Context, tx *db.Tx, src Source, drafts []Draft) ([]Change, error) {
	list := make([]Prepared, 0, len(drafts))
	for _, d := range drafts {
		p, err := s.Prepare(d)
		if err != nil {
			return nil, fmt.Errorf("record: put: %w", err)
		}
		list = append(list, p)
	}
	return s.PutPrepared(ctx, tx, src, list)
}

// PutPrepared is PutAll for what Prepare has made ready.
func (s *Store) PutPrepared(ctx context.Context, tx *db.Tx, src Source, list []Prepared) ([]Change, error) {
	if len(list) == 0 {
		return nil, nil
	}
	b := batch{store: s, tx: tx, at: s.now().UTC().Truncate(time.Microsecond)}
	if err := b.addSource(ctx, src); err != nil {
		return nil, fmt.Errorf("record: put: %w", err)
	}
	var all []Change
	for len(list) > 0 {
		n := distinct(list)
		changes, err := b.put(ctx, list[:n])
		if err != nil {
			return nil, fmt.Errorf("record: put: %w", err)
		}
		all = append(all, changes...)
		list = list[n:]
	}
	if err := b.shield(ctx, all); err != nil {
		return nil, fmt.Errorf("record: shield: %w", err)
	}
	if err := s.follow(ctx, tx, all); err != nil {
		return nil, err
	}
	if err := b.noted(ctx, src, all); err != nil {
		return nil, fmt.Errorf("record: put: %w", err)
	}
	return all, nil
}

// distinct returns how many of list come before one that has been there.
func distinct(list []Prepared) int {
	seen := make(map[[2]string]bool, len(list))
	for i, p := range list {
		key := [2]string{p.draft.Type, p.draft.ID}
		if seen[key] {
			return i
		}
		seen[key] = true
	}
	return len(list)
}

// follow tells the views and the events what changed.
func (s *Store) follow(ctx context.Context, tx *db.Tx, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	for _, v := range s.views {
		var mine []Change
		for _, c := range all {
			if v.types[c.Type] {
				mine = append(mine, c)
			}
		}
		if len(mine) == 0 {
			continue
		}
		if err := v.view.Project(ctx, tx, mine); err != nil {
			return fmt.Errorf("record: project: %w", err)
		}
	}
	return s.events.Add(ctx, tx, happened(all)...)
}

// happened returns one event for each patient in all, with what changed.
func happened(all []Change) []event.Event {
	var list []event.Event
	at := map[string]int{}
	for _, c := range all {
		i, ok := at[c.Patient]
		if !ok {
			i = len(list)
			at[c.Patient] = i
			list = append(list, event.Event{At: c.At, Kind: "record.changed", Patient: c.Patient,
				Subject: c.Type + "/" + c.ID, Data: map[string]int{}})
		} else {
			list[i].Subject = "" // several
		}
		list[i].Data.(map[string]int)[c.Type]++
	}
	return list
}

// batch is one PutPrepared.
type batch struct {
	store   *Store
	tx      *db.Tx
	at      time.Time
	source  int64               // the provenance's id
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

// addSource writes who wrote it.
func (b *batch) addSource(ctx context.Context, src Source) error {
	const q = `
		insert into provenance (id, feed, actor_kind, actor, name)
		values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	a := src.Actor
	h := sha256.New()
	for _, part := range []string{src.Feed, string(a.Kind), a.ID, a.Name} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	b.source = int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
	if a.Kind == access.System || a.Kind == "" {
		if n := b.store.fed.again(b.source, b.at); n > 0 {
			fmt.Fprintf(h, "%d@%d", n, b.at.UnixMicro())
			b.source = int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
		}
	}
	_, err := b.tx.ExecContext(ctx, q, b.source, src.Feed, string(a.Kind), a.ID, a.Name)
	return err
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
			return nil, errChanged
		}
		same, err := b.unchanged(ctx, c, &p, patients[p.patient])
		if err != nil {
			return nil, err
		}
		if known && same {
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
			Body: p.draft.Body, Node: p.node, Created: !known,
			Labels: p.labels, cared: b.sortAt(&p), refs: p.refs, sum: p.sum,
		})
	}
	numbers, err := b.insert(ctx, fresh, patients)
	if err != nil {
		return nil, err
	}
	for _, p := range fresh {
		w.add(p.rows, patients[p.patient], numbers[[2]string{p.draft.Type, p.draft.ID}])
	}
	return changes, w.write(ctx, b.tx)
}

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
		args = append(args, p.draft.Type, p.draft.ID, patients[p.patient], 1, b.at.UnixMicro(), b.sortAt(p), b.source, digest, body)
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
		insert into resource_version (resource, version, updated, deleted, provenance, body)
		select n, version, updated, deleted, provenance, body
		from resource
		where n = $1`
	if _, err := b.tx.ExecContext(ctx, keep, c.n); err != nil {
		return err
	}
	body, digest, err := b.cover(ctx, &p, c.version+1)
	if err != nil {
		return err
	}
	const q = `
		update resource
		set patient = $1, version = $2, updated = $3, sort_at = $4, deleted = 0, provenance = $5, digest = $6, body = $7
		where n = $8 and version = $9`
	changed, err := db.Changed(b.tx.ExecContext(ctx, q, patient, c.version+1, b.at.UnixMicro(), b.sortAt(&p),
		b.source, digest, body, c.n, c.version))
	if err == nil && changed != 1 {
		return errChanged
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
	return r.delete(ctx, b.tx, o.patient, c.n)
}
