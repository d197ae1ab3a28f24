package record

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record/label"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// moment is where a version stands in a history, which goes from the newest to
// the oldest.
type moment struct{ updated, n, version int64 }

// String returns p as a cursor.
func (p moment) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d", p.updated, p.n, p.version))
}

// readMoment reads a cursor; none is before everything.
func readMoment(cursor string) (p moment, err error) {
	if cursor == "" {
		return moment{updated: 1 << 62}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d %d %d", &p.updated, &p.n, &p.version)
	}
	if err != nil {
		return p, errs.New(errs.Invalid, "The _cursor is not from this history.")
	}
	return p, nil
}

// versionRow is a version without its body.
type versionRow struct {
	link
	moment
	deleted, born, now bool // born: before it there was none, or a deletion
	labels             access.Label
}

func readVersionRow(scan db.Scan) (v versionRow, err error) {
	var deleted, before, now int
	err = scan(&v.typ, &v.id, &v.n, &v.version, &v.updated, &deleted, &before, &now, &v.labels)
	v.deleted, v.born, v.now = deleted != 0, before != 0, now != 0
	return v, err
}

// versioned is an entry and where it stands.
type versioned struct {
	PastEntry
	moment
}

// look is one look into the past.
type look struct {
	store    *Store
	q        PastQuery
	pass     access.Pass
	reaches  []reach // one for each of types
	types    []string
	resource int64 // the number of the one resource it is about; 0: all
	after    moment
}

// begin finds out what the look is about.
func (l *look) begin(ctx context.Context) (err error) {
	if l.after, err = readMoment(l.q.Cursor); err != nil {
		return err
	}
	if l.q.ID != "" {
		r, st, err := l.store.pastOf(ctx, l.pass, l.q.Type, l.q.ID)
		l.reaches, l.types, l.resource = []reach{r}, []string{l.q.Type}, st.n
		return err
	}
	if l.q.Type != "" {
		if _, ok := l.pass.Reaches(l.q.Type, smart.Search); !ok {
			return errScopes
		}
		r, err := reachOf(l.pass, l.q.Type)
		if err == nil && sees(l.pass, l.q.Type) {
			l.reaches, l.types = []reach{r}, []string{l.q.Type}
		}
		return err
	}
	return l.everyType(ctx)
}

// everyType makes the look one at all types that the pass opens: of a pass
// for one patient at those of which the patient has something.
func (l *look) everyType(ctx context.Context) error {
	const next = `select coalesce(min(typ), '') from resource where typ > $1`
	const own = `
		select coalesce(min(r.typ), '') from resource r
		where r.patient = (select n from patient_number where id = $2) and r.typ > $1`
	for typ := ""; ; {
		r, err := reachOf(l.pass, "Patient")
		if err != nil {
			return err
		}
		if r.everyone {
			typ, err = db.One(ctx, l.store.db, db.Value[string], next, typ)
		} else {
			typ, err = db.One(ctx, l.store.db, db.Value[string], own, typ, r.patient)
		}
		if err != nil || typ == "" {
			return err
		}
		r, err = reachOf(l.pass, typ)
		if _, ok := l.pass.Reaches(typ, smart.Search); err == nil && ok && sees(l.pass, typ) {
			l.reaches, l.types = append(l.reaches, r), append(l.types, typ)
		}
	}
}

// next returns the next versions, at most count.
func (l *look) next(ctx context.Context, count int) ([]versionRow, error) {
	var all []versionRow
	for i, typ := range l.types {
		for _, q := range [...]func(context.Context, reach, string, int) ([]versionRow, error){l.newest, l.older} {
			list, err := q(ctx, l.reaches[i], typ, count)
			if err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
	}
	slices.SortFunc(all, func(a, b versionRow) int {
		return -cmp.Or(cmp.Compare(a.updated, b.updated), cmp.Compare(a.n, b.n), cmp.Compare(a.moment.version, b.moment.version))
	})
	all = all[:min(count, len(all))]
	if len(all) > 0 {
		l.after = all[len(all)-1].moment
	}
	return all, nil
}

// newest returns the next current versions of a type.
func (l *look) newest(ctx context.Context, r reach, typ string, count int) ([]versionRow, error) {
	p := params{first: 1}
	q := `
		select r.typ, r.id, r.n, r.version, r.updated, r.deleted,
			coalesce((select w.deleted from resource_version w where w.resource = r.n and w.version = r.version - 1), 1), 1, 0
		from resource r
		where ` + l.about(&p, r, typ) + ` and (r.updated, r.n, r.version) < (` + p.add(l.after.updated) + `, ` + p.add(l.after.n) + `, ` + p.add(l.after.version) + `)`
	if !l.q.Since.IsZero() {
		q += ` and r.updated >= ` + p.add(l.q.Since.UnixMicro())
	}
	if !l.q.At.IsZero() {
		q += ` and r.updated < ` + p.add(l.q.end())
	}
	q += ` order by r.updated desc, r.n desc limit ` + p.add(count)
	return db.All(ctx, l.store.db, readVersionRow, q, p.args...)
}

// end is before when a version has to begin that was current at the time that
// is asked about.
func (q PastQuery) end() int64 {
	if q.AtEnd.After(q.At) {
		return q.AtEnd.UnixMicro()
	}
	return q.At.UnixMicro() + 1
}

const olderColumns = `
	select r.typ, r.id, r.n, v.version, v.updated, v.deleted,
		coalesce((select w.deleted from resource_version w where w.resource = v.resource and w.version = v.version - 1), 1), 0, v.labels
	from `

// older returns the next versions of a type that are not current any more.
func (l *look) older(ctx context.Context, r reach, typ string, count int) ([]versionRow, error) {
	p := params{first: 1}
	// The engine goes through the side that stands first: the few of one
	// patient or resource, or the newest of everyone.
	tables := `resource_version v cross join resource r`
	if l.resource != 0 || !r.everyone && personal(typ) {
		tables = `resource r cross join resource_version v`
	}
	hidden, _ := r.pass.Veil()
	q := olderColumns + tables + ` where v.resource = r.n and ` + l.about(&p, r, typ) + ` and v.typ = ` + p.add(typ) +
		` and (v.labels & ` + p.add(hidden) + `) = 0` +
		` and (v.updated, v.resource, v.version) < (` + p.add(l.after.updated) + `, ` + p.add(l.after.n) + `, ` + p.add(l.after.version) + `)`
	if !l.q.Since.IsZero() {
		q += ` and v.updated >= ` + p.add(l.q.Since.UnixMicro())
	}
	if !l.q.At.IsZero() {
		q += ` and v.updated < ` + p.add(l.q.end()) + `
			and coalesce((select w.updated from resource_version w where w.resource = v.resource and w.version = v.version + 1), r.updated) > ` + p.add(l.q.At.UnixMicro())
	}
	q += ` order by v.updated desc, v.resource desc, v.version desc limit ` + p.add(count)
	return db.All(ctx, l.store.db, readVersionRow, q, p.args...)
}

// kept returns one version that is not current any more.
func (l *look) kept(ctx context.Context, r reach, typ string, version int64) ([]versionRow, error) {
	p := params{first: 1}
	q := olderColumns + `resource r cross join resource_version v where v.resource = r.n and ` + l.about(&p, r, typ) + ` and v.version = ` + p.add(version)
	hidden, _ := r.pass.Veil()
	q += ` and (v.labels & ` + p.add(hidden) + `) = 0`
	return db.All(ctx, l.store.db, readVersionRow, q, p.args...)
}

// about is true of resources r of a type whose past may be shown: they are
// shown now, or would be if they had not been deleted. What was erased for
// good has no past.
func (l *look) about(p *params, r reach, typ string) string {
	hidden, until := r.pass.Veil()
	q := `r.typ = ` + p.add(typ) + ` and ` + p.veil(r.pass, "r") + `
		and (r.deleted = 0 or length(r.body) = 0 and not exists (
			select 1 from resource_version w
			where w.resource = r.n and w.version = r.version - 1 and ((w.labels & ` + p.add(hidden) + `) <> 0 or w.held_until > ` + p.add(until) + `)))`
	if !r.everyone && personal(typ) {
		q += ` and r.patient = (select n from patient_number where id = ` + p.add(r.patient) + `)`
	}
	if l.resource != 0 {
		q += ` and r.n = ` + p.add(l.resource)
	}
	return q
}

// full returns those of rows that the pass shows, with their bodies.
func (l *look) full(ctx context.Context, rows []versionRow) ([]versioned, error) {
	scoped, err := l.scoped(ctx, rows)
	if err != nil {
		return nil, err
	}
	bodies, err := l.bodies(ctx, scoped)
	if err != nil {
		return nil, err
	}
	var all []versioned
	for _, row := range scoped {
		f, ok := bodies[moment{0, row.n, row.moment.version}]
		if !ok {
			continue // changed or erased at this moment
		}
		e := PastEntry{Resource: f.Resource, Verb: Update}
		switch {
		case row.deleted:
			e.Verb, e.Body = Delete, nil
		case row.born:
			e.Verb = Create
		}
		if row.deleted || row.now || l.shows(row, f) {
			same, err := l.alike(ctx, row, f)
			if err != nil {
				return nil, err
			}
			if same {
				all = append(all, versioned{e, row.moment})
			}
		}
	}
	return all, nil
}

// shows says whether a version from before may be shown by what it says
// itself: of itself, and of whose it was.
func (l *look) shows(row versionRow, f found) bool {
	r := l.reaches[max(0, slices.Index(l.types, row.typ))]
	node, err := fhir.Parse(f.Body)
	if err != nil || !r.pass.Shows(row.labels|label.Of(node), time.Time{}) {
		return false
	}
	return r.everyone || !personal(row.typ) || compartment(row.typ, row.id, node) == r.patient
}

// scoped leaves out what the scopes of the app do not reach.
func (l *look) scoped(ctx context.Context, rows []versionRow) ([]versionRow, error) {
	verb := smart.Search
	if l.resource != 0 {
		verb = smart.Read
	}
	in := map[link]bool{}
	for _, typ := range l.types {
		some, _ := l.pass.Reaches(typ, verb)
		if len(some) == 0 {
			continue
		}
		var ids []string
		for _, row := range rows {
			if row.typ == typ {
				ids = once(ids, row.id)
				in[row.link] = false
			}
		}
		if len(ids) == 0 {
			continue
		}
		list, err := l.store.seek(ctx, l.store.db, l.pass, typ, verb, nil, ids, len(ids))
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			in[link{typ, id}] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row versionRow) bool {
		ok, asked := in[row.link]
		return asked && !ok
	}), nil
}

const keptColumns = `
	select r.typ, r.id, coalesce(p.id, ''), v.version, v.updated, v.body, s.feed, s.name, s.actor, v.deleted, v.resource
	from resource_version v
	join resource r on r.n = v.resource
	join provenance s on s.id = v.provenance
	left join patient_number p on p.n = r.patient
	where `

const nowColumns = `
	select r.typ, r.id, coalesce(p.id, ''), r.version, r.updated, r.body, s.feed, s.name, s.actor, r.deleted, r.n
	from resource r
	join provenance s on s.id = r.provenance
	left join patient_number p on p.n = r.patient
	where `

// bodies returns the versions of rows by their numbers, opened. Those that
// cannot be opened any more are missing.
func (l *look) bodies(ctx context.Context, rows []versionRow) (map[moment]found, error) {
	all := make(map[moment]found, len(rows))
	for _, now := range [...]bool{true, false} {
		head, mark := keptColumns, `v.resource = $%d and v.version = $%d`
		if now {
			head, mark = nowColumns, `r.n = $%d and r.version = $%d`
		}
		var args []any
		for _, row := range rows {
			if _, ok := all[moment{0, row.n, row.moment.version}]; !ok && (row.now || !now) {
				args = append(args, row.n, row.moment.version) // what is not current any more is among the older
			}
		}
		for part := range slices.Chunk(args, 32) {
			if err := l.read(ctx, head+anyOf(mark, len(part)/2), part, all); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// anyOf returns n conditions of two parameters each, any of which holds.
func anyOf(mark string, n int) string {
	q := "("
	for i := range n {
		if i > 0 {
			q += ") or ("
		}
		q += fmt.Sprintf(mark, 2*i+1, 2*i+2)
	}
	return q + ")"
}

func (l *look) read(ctx context.Context, q string, args []any, into map[moment]found) error {
	type numbered struct {
		found
		n int64
	}
	scan := func(scan db.Scan) (v numbered, err error) {
		v.found, err = readFound(func(dest ...any) error { return scan(append(dest, &v.n)...) })
		return v, err
	}
	list, err := db.All(ctx, l.store.db, scan, q, args...)
	if err != nil {
		return err
	}
	for _, v := range list {
		err := l.store.openFound(ctx, l.store.db, &v.found)
		if errors.Is(err, keys.ErrShredded) {
			continue // it was erased while it was protected
		}
		if err != nil {
			return err
		}
		into[moment{0, v.n, v.Version}] = v.found
	}
	return nil
}
