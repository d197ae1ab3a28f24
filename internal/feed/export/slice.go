package export

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// slice is a part of an export between two places to go on from.
type slice struct {
	*worker
	out   *sink
	fresh map[int64]bool     // patients who were not in it before
	refs  map[[2]string]bool // what is referred to, of the types beside
	done  [][2]string        // of what was referred to: exported now
	step  int                // where to go on
	place string
}

// fill puts the next part of a step into the slice.
func (b *slice) fill(ctx context.Context, st step) error {
	switch st.kind {
	case scan:
		return b.scan(ctx, st, false)
	case gone:
		return b.scan(ctx, st, true)
	case pick:
		return b.pick(ctx, st)
	case aside:
		return b.aside(ctx, st)
	}
	b.on()
	for _, text := range b.t.Ask.Left {
		if err := b.outcome(text); err != nil {
			return err
		}
	}
	return nil
}

// on goes to the beginning of the next step.
func (b *slice) on() { b.step, b.place = b.step+1, "" }

// outcome says something in the file of errors.
func (b *slice) outcome(text string) error {
	body, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": []any{map[string]any{
		"severity": "warning", "code": "not-supported", "details": map[string]string{"text": text}, "diagnostics": text,
	}}})
	if err != nil {
		return err
	}
	return b.out.add(place{"error", "OperationOutcome"}, func(dst []byte) []byte { return append(append(dst, body...), '\n') })
}

// scan walks over whole types; deleted over what of them was deleted.
func (b *slice) scan(ctx context.Context, st step, deleted bool) error {
	after, _ := strconv.ParseInt(b.place, 10, 64)
	walk := record.Walk{At: b.t.At, Since: b.t.Ask.Since, Deleted: deleted, People: b.t.Ask.Level != OfSystem}
	if len(st.types) < len(every(OfSystem)) {
		walk.Types = st.types
	}
	take := b.line
	var dead tombs
	if deleted {
		take = dead.add
	}
	if b.member != nil {
		if err := b.members(ctx, walk, after, take); err != nil {
			return err
		}
	} else {
		walk.After, walk.To = after, min(after+b.Slice, b.t.last)
		if err := b.Record.Walk(ctx, b.pass, walk, take); err != nil {
			return err
		}
		if b.place = strconv.FormatInt(walk.To, 10); walk.To >= b.t.last {
			b.on()
		}
	}
	return dead.write(b)
}

// perSlice is how many members of a group are in one slice.
const perSlice = 2000

// members walks over the records of the patients that the export is limited
// to, after the one with number after.
func (b *slice) members(ctx context.Context, walk record.Walk, after int64, take func(record.Stored) error) error {
	list := slices.Sorted(maps.Keys(b.member))
	from, _ := slices.BinarySearch(list, after+1)
	list = list[from:]
	part := list[:min(perSlice, len(list))]
	walk.To = b.t.last
	for _, n := range part {
		walk.Patient = n
		if err := b.Record.Walk(ctx, b.pass, walk, take); err != nil {
			return err
		}
	}
	if len(part) == len(list) {
		b.on()
		return nil
	}
	b.place = strconv.FormatInt(part[len(part)-1], 10)
	return nil
}

// line adds one resource.
func (b *slice) line(r record.Stored) error {
	b.see(r.Patient)
	if b.t.Ask.Level != OfSystem {
		b.refer(r.Body)
	}
	return b.out.add(place{"output", r.Type}, func(dst []byte) []byte {
		return record.AppendLine(dst, r.ID, r.Version, r.Updated, r.Body)
	})
}

// see notes whose the slice shows something of.
func (b *slice) see(patient int64) {
	if patient != 0 && !b.shown[patient] {
		b.fresh[patient] = true
	}
}

// refer notes what a body refers to, of the types beside.
func (b *slice) refer(body []byte) {
	key := []byte(`"reference"`)
	for {
		i := bytes.Index(body, key)
		if i < 0 {
			return
		}
		body = bytes.TrimLeft(body[i+len(key):], " \t\r\n:")
		if len(body) == 0 || body[0] != '"' {
			continue
		}
		for _, typ := range beside {
			rest, ok := bytes.CutPrefix(body[1:], []byte(typ))
			if !ok || len(rest) == 0 || rest[0] != '/' {
				continue
			}
			id, _, _ := bytes.Cut(rest[1:], []byte(`"`))
			id, _, _ = bytes.Cut(id, []byte("/")) // …/_history/1
			if fhir.ValidID(string(id)) {
				b.refs[[2]string{typ, string(id)}] = true
			}
		}
	}
}

// keepBeside keeps what is referred to, and what of it was exported now.
func (b *slice) keepBeside(ctx context.Context, tx *db.Tx) error {
	const did = `update bulk_export_beside set done = 1 where export = $1 and done = 0 and typ = $2 and id = $3`
	for _, r := range b.done {
		if _, err := tx.ExecContext(ctx, did, b.t.ID, r[0], r[1]); err != nil {
			return fmt.Errorf("export: beside: %w", err)
		}
	}
	var args []any
	for r := range b.refs {
		n, err := db.One(ctx, tx, db.Value[int], `select count(*) from bulk_export_beside where export = $1 and done = 1 and typ = $2 and id = $3`, b.t.ID, r[0], r[1])
		if err != nil {
			return fmt.Errorf("export: beside: %w", err)
		}
		if n == 0 {
			args = append(args, b.t.ID, r[0], r[1])
		}
	}
	return db.InsertMany(ctx, tx, `insert into bulk_export_beside (export, typ, id)`, `on conflict do nothing`, 3, args)
}

// aside exports what the rest refers to, and what that refers to.
func (b *slice) aside(ctx context.Context, st step) error {
	const q = `select typ, id from bulk_export_beside where export = $1 and done = 0 order by typ, id limit 2000`
	list, err := db.All(ctx, b.DB, func(scan db.Scan) (r [2]string, err error) { return r, scan(&r[0], &r[1]) }, q, b.t.ID)
	if err != nil {
		return fmt.Errorf("export: beside: %w", err)
	}
	if b.done = list; len(list) == 0 {
		b.on()
		return nil
	}
	for _, r := range list {
		if !slices.Contains(st.types, r[0]) {
			continue
		}
		if err := b.Record.WalkTo(ctx, b.pass, record.Walk{At: b.t.At, Since: b.t.Ask.Since, Types: r[:1], To: b.t.last}, r[1:], b.line); err != nil {
			return err
		}
	}
	return nil
}

// pages is how many pages of a filter are in one slice.
const pages = 40

// pick exports what one filter of a type finds, and the filters before it do
// not. A filter sees the record as it is; what it finds is shown as it was
// at the moment of the export.
func (b *slice) pick(ctx context.Context, st step) error {
	typ, filters := st.types[0], b.t.Ask.filters(st.types[0])
	for range pages {
		q := url.Values{"_count": {"200"}, "_sort": {"_id"}}
		if len(filters) > 0 {
			maps.Copy(q, filters[st.filter].Query)
		}
		if b.place != "" {
			q.Set("_cursor", b.place)
		}
		found, err := b.Record.Find(ctx, b.pass, typ, q)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(found.Matches))
		for _, r := range found.Matches {
			ids = append(ids, r.ID)
		}
		for i := range st.filter {
			if ids, err = b.others(ctx, typ, filters[i].Query, ids); err != nil {
				return err
			}
		}
		if err := b.picked(ctx, typ, ids); err != nil {
			return err
		}
		if b.place = found.Next; b.place == "" {
			b.on()
			return nil
		}
	}
	return nil
}

// others returns those of ids that a filter does not find.
func (b *slice) others(ctx context.Context, typ string, filter url.Values, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := maps.Clone(filter)
	q["_id"] = append(slices.Clone(q["_id"]), strings.Join(ids, ","))
	q.Set("_count", strconv.Itoa(len(ids)))
	found, err := b.Record.Find(ctx, b.pass, typ, q)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, r := range found.Matches {
		seen[r.ID] = true
	}
	return slices.DeleteFunc(ids, func(id string) bool { return seen[id] }), nil
}

// picked adds the resources with ids, of the patients that the export is of.
func (b *slice) picked(ctx context.Context, typ string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	limited := b.t.Ask.Level != OfSystem && !slices.Contains(beside, typ)
	return b.Record.WalkTo(ctx, b.pass, record.Walk{At: b.t.At, Since: b.t.Ask.Since, Types: []string{typ}, To: b.t.last, People: limited}, ids, func(r record.Stored) error {
		if _, in := b.member[r.Patient]; b.member != nil && limited && !in {
			return nil
		}
		return b.line(r)
	})
}

// tombs are what was deleted, by type.
type tombs struct{ list map[string][]string }

func (d *tombs) add(r record.Stored) error {
	if d.list == nil {
		d.list = map[string][]string{}
	}
	d.list[r.Type] = append(d.list[r.Type], r.ID)
	return nil
}

// perBundle is how many deletions one Bundle has.
const perBundle = 1000

// write adds Bundles that say what was deleted.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
func (d *tombs) write(b *slice) error {
	type request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	type entry struct {
		Request request `json:"request"`
	}
	for _, typ := range slices.Sorted(maps.Keys(d.list)) {
		for ids := range slices.Chunk(d.list[typ], perBundle) {
			bundle := struct {
				ResourceType string  `json:"resourceType"`
				Type         string  `json:"type"`
				Entry        []entry `json:"entry"`
			}{"Bundle", "transaction", nil}
			for _, id := range ids {
				bundle.Entry = append(bundle.Entry, entry{request{"DELETE", typ + "/" + id}})
			}
			body, err := json.Marshal(bundle)
			if err != nil {
				return err
			}
			if err := b.out.add(place{"deleted", "Bundle"}, func(dst []byte) []byte { return append(append(dst, body...), '\n') }); err != nil {
				return err
			}
		}
	}
	return nil
}
