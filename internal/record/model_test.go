package record_test

import (
	"context"
	"fmt"
	mrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// model is the record as simple as can be: for each id the bodies of its
// versions, empty where it was deleted.
type model map[string][]string

func (m model) now(id string) string {
	if v := m[id]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// with returns the ids of what has the key now.
func (m model) with(key string) []string {
	var ids []string
	for id := range m {
		if strings.Contains(m.now(id), `"value":"`+key+`"`) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// someone does things in the record and in a model of its own, among others
// who do, in a part of the record where only it writes.
type someone struct {
	t    *testing.T
	s    *record.Store
	pass access.Pass
	src  record.Source
	name string
	draw *mrand.Rand
	m    model
	n    int
	did  map[record.Verb]int
}

func (p *someone) body(id, key string) string {
	p.n++
	if id != "" {
		id = `"id":"` + id + `",`
	}
	return fmt.Sprintf(`{"resourceType":"Basic",%s"identifier":[{"value":"%s"}],"code":{"text":"%d"}}`, id, key, p.n)
}

func (p *someone) key() string { return fmt.Sprintf("%s-k%d", p.name, p.draw.IntN(4)) }

func (p *someone) id() string { return fmt.Sprintf("%s-u%d", p.name, p.draw.IntN(5)) }

// keyOf returns the key that a body has.
func keyOf(body string) string {
	_, rest, _ := strings.Cut(body, `"value":"`)
	key, _, _ := strings.Cut(rest, `"`)
	return key
}

// expected is what one op should do, by the model.
type expected struct {
	op    record.Op
	kind  errs.Kind // ok: it works
	ids   []string  // of what it changes; "" is a new one
	bodys []string  // what they become, "" for deleted; with %ID% for an id that is not known yet
}

// one draws an op and says by the model what it should do.
func (p *someone) one() expected {
	switch p.draw.IntN(8) {
	case 0:
		b := p.body("", p.key())
		return expected{record.Op{Verb: record.Create, Type: "Basic", Body: []byte(b)}, ok, []string{""}, []string{b}}
	case 1, 2:
		return p.replaces()
	case 3:
		return p.patches(p.id())
	case 4:
		id := p.id()
		e := expected{op: remove("Basic", id), kind: ok}
		if p.m.now(id) != "" {
			e.ids, e.bodys = []string{id}, []string{""}
		}
		return e
	}
	return p.conditional()
}

func (p *someone) replaces() expected {
	id := p.id()
	b := p.body(id, p.key())
	e := expected{record.Op{Verb: record.Update, Type: "Basic", ID: id, Body: []byte(b)}, ok, []string{id}, []string{b}}
	switch p.draw.IntN(4) {
	case 0:
		e.op.IfVersion = int64(len(p.m[id]))
		if p.m.now(id) == "" && len(p.m[id]) > 0 {
			e.kind = errs.Unmet // of a deletion nobody has a version to go by
		}
	case 1:
		e.op.IfVersion, e.kind = int64(len(p.m[id]))+7, errs.Unmet
	case 2:
		if now := p.m.now(id); now != "" { // the same bytes again
			e.op.Body, e.ids, e.bodys = []byte(now), nil, nil
		}
	}
	return e
}

func (p *someone) patches(id string) expected {
	p.n++
	text := fmt.Sprint("patched ", p.n)
	e := expected{op: record.Op{Verb: record.Patch, Type: "Basic", ID: id, Patch: func(now []byte) ([]byte, error) {
		return []byte(fmt.Sprintf(`{"resourceType":"Basic","id":"%s","identifier":[{"value":"%s"}],"code":{"text":"%s"}}`, id, keyOf(string(now)), text)), nil
	}}, kind: ok, ids: []string{id}}
	switch {
	case len(p.m[id]) == 0:
		e.kind = errs.NotFound
	case p.m.now(id) == "":
		e.kind = errs.Gone
	default:
		b, _ := e.op.Patch([]byte(p.m.now(id)))
		e.bodys = []string{string(b)}
	}
	return e
}

func (p *someone) conditional() expected {
	key := p.key()
	found, q := p.m.with(key), url.Values{"identifier": {key}}
	several := len(found) > 1
	switch p.draw.IntN(4) {
	case 0:
		b := p.body("", key)
		e := expected{op: record.Op{Verb: record.Create, Type: "Basic", Body: []byte(b), IfNoneExist: q}, kind: ok}
		if several {
			e.kind = errs.Unmet
		} else if len(found) == 0 {
			e.ids, e.bodys = []string{""}, []string{b}
		}
		return e
	case 1:
		b := p.body("", key)
		e := expected{record.Op{Verb: record.Update, Type: "Basic", Body: []byte(b), Match: q}, ok, []string{""}, []string{b}}
		if several {
			e.kind = errs.Unmet
		} else if len(found) == 1 {
			e.ids = found
		}
		return e
	case 2:
		many := p.draw.IntN(4)
		e := expected{op: record.Op{Verb: record.Delete, Type: "Basic", Match: q, Many: many}, kind: ok, ids: found, bodys: make([]string, len(found))}
		if len(found) > max(many, 1) {
			e.kind = errs.Unmet
		}
		return e
	}
	if len(found) != 1 {
		e := p.patches("x")
		e.op.ID, e.op.Match, e.kind = "", q, errs.NotFound
		if several {
			e.kind = errs.Unmet
		}
		return e
	}
	e := p.patches(found[0])
	e.op.ID, e.op.Match = "", q
	return e
}

// act does one op, or several about different resources, and compares.
func (p *someone) act() {
	list := []expected{p.one()}
	if p.draw.IntN(3) == 0 {
		for range p.draw.IntN(4) {
			e := p.one()
			if e.op.Match == nil && e.op.IfNoneExist == nil && list[0].op.Match == nil && list[0].op.IfNoneExist == nil &&
				(e.op.ID == "" || !slices.ContainsFunc(list, func(o expected) bool { return o.op.ID == e.op.ID })) {
				list = append(list, e)
			}
		}
	}
	ops, want := make([]record.Op, len(list)), ok
	for i, e := range list {
		ops[i] = e.op
		p.did[e.op.Verb]++
		if want == ok || e.op.Verb == record.Delete && e.kind != ok { // deletes come first
			want = e.kind
		}
	}
	done, err := p.s.Do(context.Background(), p.pass, p.src, ops)
	if (err == nil) != (want == ok) {
		p.t.Errorf("%s: Do(%+v) = %v, want kind %d", p.name, ops, err, want)
		return
	}
	if err != nil {
		if kinds := kindsOf(list); !slices.Contains(kinds, errs.KindOf(err)) {
			p.t.Errorf("%s: Do = %v, want one of kinds %v", p.name, err, kinds)
		}
		return
	}
	for i, e := range list {
		if len(e.ids) == 0 && done[i].Created || e.op.Verb == record.Delete && done[i].Deleted != len(e.ids) {
			p.t.Errorf("%s: %+v came of %+v", p.name, done[i], e)
		}
		for j, id := range e.ids {
			if id == "" {
				id = done[i].ID
			}
			p.m[id] = append(p.m[id], e.bodys[j])
			if e.op.Verb != record.Delete && (done[i].ID != id || done[i].Version != int64(len(p.m[id])) || string(done[i].Body) != e.bodys[j]) {
				p.t.Errorf("%s: %+v came of %+v, want version %d", p.name, done[i], e, len(p.m[id]))
			}
		}
	}
}

func kindsOf(list []expected) (kinds []errs.Kind) {
	for _, e := range list {
		kinds = append(kinds, e.kind)
	}
	return kinds
}

// agrees compares the record with the model: what is there, what was, and
// what the index finds.
func (p *someone) agrees(ctx context.Context, read access.Pass) (versions int) {
	for id, bodies := range p.m {
		versions += len(bodies)
		r, err := p.s.Get(ctx, read, "Basic", id)
		if now := p.m.now(id); string(r.Body) != now || now == "" && errs.KindOf(err) != errs.Gone || now != "" && r.Version != int64(len(bodies)) {
			p.t.Errorf("Get(%s) = version %d %s, %v, want version %d %s", id, r.Version, r.Body, err, len(bodies), now)
		}
		var got []string
		q := record.PastQuery{Type: "Basic", ID: id, Count: 1 + p.draw.IntN(4)}
		for {
			past, err := p.s.Past(ctx, read, q)
			if err != nil {
				p.t.Errorf("Past(%s) = %v", id, err)
				return versions
			}
			for _, e := range past.Entries {
				if n := len(bodies) - len(got); e.Version != int64(n) || e.Verb != verbOf(bodies, n-1) {
					p.t.Errorf("Past(%s) has version %d, %s, want %d, %s", id, e.Version, e.Verb, n, verbOf(bodies, n-1))
				}
				got = append(got, string(e.Body))
			}
			if q.Cursor = past.Next; q.Cursor == "" {
				break
			}
		}
		slices.Reverse(got)
		if !slices.Equal(got, bodies) {
			p.t.Errorf("Past(%s) = %q, want %q", id, got, bodies)
		}
		for i, b := range bodies {
			r, err := p.s.Version(ctx, read, "Basic", id, int64(i+1))
			if string(r.Body) != b || b == "" && errs.KindOf(err) != errs.Gone {
				p.t.Errorf("Version(%s, %d) = %s, %v, want %s", id, i+1, r.Body, err, b)
			}
		}
	}
	for k := range 4 {
		key := fmt.Sprintf("%s-k%d", p.name, k)
		page, err := p.s.Search(ctx, read, "Basic", url.Values{"identifier": {key}, "_count": {"1000"}})
		var got []string
		for _, r := range page.Resources {
			got = append(got, r.ID)
		}
		slices.Sort(got)
		if want := p.m.with(key); err != nil || !slices.Equal(got, want) {
			p.t.Errorf("Search(%s) = %v, %v, want %v", key, got, err, want)
		}
	}
	return versions
}

func verbOf(bodies []string, i int) record.Verb {
	switch {
	case i >= 0 && bodies[i] == "":
		return record.Delete
	case i <= 0 || bodies[i-1] == "":
		return record.Create
	}
	return record.Update
}

// TestStoreDoAsModel has several do all sorts of things at the same time, and
// compares with what should have become of each.
func TestStoreDoAsModel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		pass := app(t, d, access.WriteRecord, "system/*.cruds")
		var all sync.WaitGroup
		people := make([]*someone, 6)
		for i := range people {
			name := fmt.Sprint("w", i)
			people[i] = &someone{t: t, s: s, pass: pass, src: record.Source{Actor: pass.Actor()}, name: name,
				draw: mrand.New(mrand.NewPCG(uint64(i), 20)), m: model{}, did: map[record.Verb]int{}}
			all.Go(func() {
				for range 120 {
					people[i].act()
				}
			})
		}
		all.Wait()
		versions := 0
		for _, p := range people {
			versions += p.agrees(t.Context(), haletest.Everyone(t, d, access.ReadRecord))
		}
		last := map[string]int64{}
		for seq := int64(0); ; {
			list, err := s.Changes(t.Context(), seq, 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, c := range list {
				if c.Version != last[c.ID]+1 || c.Seq <= seq {
					t.Errorf("the feed has %+v after version %d, seq %d", c, last[c.ID], seq)
				}
				last[c.ID], seq = c.Version, c.Seq
				versions--
			}
		}
		t.Logf("%d versions in the feed, %v by the first", len(last), people[0].did)
		if versions != 0 {
			t.Errorf("the feed lacks %d versions", versions)
		}
		proof, err := s.ProveAll(t.Context())
		if err != nil || len(proof.Altered) > 0 || proof.Rows == 0 {
			t.Errorf("ProveAll = %+v, %v", proof, err)
		}
	})
}
