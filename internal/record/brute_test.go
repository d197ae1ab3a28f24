package record

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// brute answers searches by evaluating the parameter's expression over every
// resource.
type brute struct {
	t       *testing.T
	rng     *rand.Rand
	list    []fhir.Node
	params  map[string][]published // by type
	exprs   map[string]*fhirpath.Expr
	systems map[int64]string
}

func newBrute(t *testing.T, list []fhir.Node) *brute {
	b := &brute{t: t, rng: rand.New(rand.NewPCG(4, 4)), list: list, params: map[string][]published{}, exprs: map[string]*fhirpath.Expr{}, systems: map[int64]string{0: ""}}
	for _, p := range parameters(t) {
		if kinds[p.Type] == 0 || p.Expression == "" || strings.HasPrefix(p.Code, "_") {
			continue
		}
		x, err := fhirpath.Compile(p.Expression)
		if err != nil {
			t.Fatal(err)
		}
		b.exprs[p.Expression] = x
		for _, typ := range p.Base {
			b.params[typ] = append(b.params[typ], p)
		}
	}
	for _, node := range list {
		for n := range node.Texts("system") {
			b.systems[systemNumber(n.Text())] = n.Text()
		}
	}
	return b
}

// rows returns what a resource has for a parameter.
func (b *brute) rows(p published, node fhir.Node) rows {
	values, err := b.exprs[p.Expression].Eval(fhirpath.Env{Resource: node}, node)
	if err != nil {
		b.t.Fatal(err)
	}
	var r rows
	for _, v := range values {
		if died, ok := v.Bool(); ok && !v.Node().Exists() {
			r.addToken(0, "", fmt.Sprint(died))
		} else if typ := v.Type(); typ != "" {
			e := fhir.Element{Kind: kinds[p.Type], Data: strings.ToLower(typ[:1]) + typ[1:]}
			if e.Data != "sampledData" {
				r.addKind(e, "", v.Node())
			}
		}
	}
	return r
}

// demand is one parameter of a search and the test that a resource passes.
type demand struct {
	name, value string
	meets       func(node fhir.Node) bool
}

// random makes a demand that the resource has to do with.
func (b *brute) random(node fhir.Node) (demand, bool) {
	list := b.params[node.Get("resourceType").Text()]
	return b.demand(list[b.rng.IntN(len(list))], node)
}

// demand makes a demand on p that the resource has to do with.
func (b *brute) demand(p published, node fhir.Node) (demand, bool) {
	r := b.rows(p, node)
	if b.rng.IntN(12) == 0 {
		missing := b.rng.IntN(2) == 0
		return demand{p.Code + ":missing", strconv.FormatBool(missing), func(n fhir.Node) bool {
			r := b.rows(p, n)
			return (len(r.tokens)+len(r.dates)+len(r.strings)+len(r.references)+len(r.amounts) == 0) == missing
		}}, true
	}
	d := demand{name: p.Code}
	var meets func(r rows) bool
	switch {
	case p.Type == "uri":
		return d, false
	case len(r.tokens) > 0 && p.Type == "token":
		meets = b.token(&d, r.tokens[b.rng.IntN(len(r.tokens))])
	case len(r.dates) > 0:
		meets = b.date(&d, r.dates[b.rng.IntN(len(r.dates))])
	case len(r.strings) > 0:
		meets = b.text(&d, r.strings[b.rng.IntN(len(r.strings))])
	case len(r.references) > 0:
		want := r.references[b.rng.IntN(len(r.references))]
		if want.typ == "" {
			return d, false
		}
		d.value = want.typ + "/" + want.id
		meets = func(r rows) bool { return slices.Contains(r.references, want) }
	case len(r.amounts) > 0:
		meets = b.amount(&d, r.amounts[b.rng.IntN(len(r.amounts))])
	default:
		return d, false
	}
	d.meets = func(n fhir.Node) bool { return meets(b.rows(p, n)) }
	return d, true
}

func (b *brute) token(d *demand, want tokenRow) func(rows) bool {
	system, not := b.rng.IntN(2) == 0, b.rng.IntN(5) == 0
	d.value = urlEscape(want.code)
	if system {
		d.value = urlEscape(b.systems[want.system]) + "|" + d.value
	}
	if not {
		d.name += ":not"
	}
	return func(r rows) bool {
		return slices.ContainsFunc(r.tokens, func(t tokenRow) bool {
			return t.param == 0 && t.code == want.code && (!system || t.system == want.system)
		}) != not
	}
}

func urlEscape(v string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace(v)
}

func (b *brute) date(d *demand, want dateRow) func(rows) bool {
	at := time.UnixMicro(want.low).UTC().AddDate(0, 0, b.rng.IntN(3)-1)
	layout := []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04:05Z"}[b.rng.IntN(4)]
	prefix := []string{"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"}[b.rng.IntN(9)]
	if at.Year() < 1000 {
		at = at.AddDate(2000, 0, 0)
	}
	d.value = prefix + at.Format(layout)
	span, err := fhir.ParseDate(at.Format(layout))
	if err != nil {
		b.t.Fatal(err)
	}
	from, to := span.Low.UnixMicro(), span.High.UnixMicro()
	return func(r rows) bool {
		return slices.ContainsFunc(r.dates, func(v dateRow) bool {
			inside := v.low >= from && v.high <= to
			switch prefix {
			case "ne":
				return !inside
			case "gt":
				return v.high > to
			case "lt":
				return v.low < from
			case "ge":
				return v.high > to || inside || v.low >= from
			case "le":
				return v.low < from || v.high <= to
			case "sa":
				return v.low >= to
			case "eb":
				return v.high <= from
			}
			return inside
		})
	}
}

func (b *brute) text(d *demand, want stringRow) func(rows) bool {
	switch b.rng.IntN(3) {
	case 0:
		d.name += ":exact"
		d.value = urlEscape(want.exact)
		return func(r rows) bool {
			return slices.ContainsFunc(r.strings, func(s stringRow) bool { return s.exact == want.exact })
		}
	case 1:
		part := want.folded[len(want.folded)/3:]
		d.name += ":contains"
		d.value = urlEscape(part)
		return func(r rows) bool {
			return slices.ContainsFunc(r.strings, func(s stringRow) bool { return strings.Contains(s.folded, strings.TrimSpace(part)) })
		}
	}
	head := want.folded[:1+b.rng.IntN(len(want.folded))]
	d.value = urlEscape(strings.ToUpper(head))
	return func(r rows) bool {
		return slices.ContainsFunc(r.strings, func(s stringRow) bool { return strings.HasPrefix(s.folded, strings.TrimSpace(head)) })
	}
}

func (b *brute) amount(d *demand, want amountRow) func(rows) bool {
	prefix := []string{"", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}[b.rng.IntN(9)]
	text := strconv.FormatFloat(want.low, 'f', b.rng.IntN(4), 64)
	value, slack, err := number(text)
	if err != nil || want.low == least {
		text, value, slack = "5.0", 5, 0.05
	}
	d.value = prefix + text
	unit := b.rng.IntN(2) == 0 && want.code != ""
	if unit {
		d.value += "||" + urlEscape(want.code)
	}
	return func(r rows) bool {
		return slices.ContainsFunc(r.amounts, func(a amountRow) bool {
			if unit && a.code != want.code {
				return false
			}
			inside := a.low >= value-slack && a.low < value+slack && a.high < value+slack
			switch prefix {
			case "ne":
				return !inside
			case "gt":
				return a.high > value
			case "lt":
				return a.low < value
			case "ge":
				return a.high >= value
			case "le":
				return a.low <= value
			case "sa":
				return a.low > value
			case "eb":
				return a.high < value
			case "ap":
				return a.high >= min(value*0.9, value*1.1) && a.low <= max(value*0.9, value*1.1)
			}
			return inside
		})
	}
}

// filled returns a record with list in it.
func filled(t *testing.T, d *db.DB, list []fhir.Node) *Store {
	t.Helper()
	ids := haletest.IDs()
	now := haletest.Clock(haletest.Noon)
	s := New(d, ids, now, event.NewLog(ids, now))
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		var drafts []Draft
		for _, n := range list {
			drafts = append(drafts, Draft{Type: n.Get("resourceType").Text(), ID: n.Get("id").Text(), Body: n.Raw()})
		}
		_, err := s.PutAll(t.Context(), tx, Source{Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unguarded returns what nothing protects: other tests prove what the veil
// leaves out.
func unguarded(t *testing.T, d *db.DB, list []fhir.Node) []fhir.Node {
	t.Helper()
	guarded, err := db.All(t.Context(), d, readLink, `select typ, id from shield`)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(slices.Clone(list), func(n fhir.Node) bool {
		return slices.Contains(guarded, link{n.Get("resourceType").Text(), n.Get("id").Text()})
	})
}

// Random searches find what evaluating the expressions over every resource
// finds.
func TestFindBrute(t *testing.T) {
	list := synthea(t, 3, 60)
	for _, text := range odd {
		node, _ := fhir.Parse([]byte(text))
		list = append(list, node)
	}
	list = slices.DeleteFunc(list, func(n fhir.Node) bool { return strings.Contains(string(n.Raw()), "?identifier=") })
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := filled(t, d, list)
		list := unguarded(t, d, list)
		b := newBrute(t, list)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		asked, some := 0, 0
		for asked < 1500 {
			node := list[b.rng.IntN(len(list))]
			typ := node.Get("resourceType").Text()
			q := url.Values{"_count": {"1000"}}
			var demands []demand
			for range 1 + b.rng.IntN(2) {
				if one, ok := b.random(node); ok && q[one.name] == nil {
					q.Set(one.name, one.value)
					demands = append(demands, one)
				}
			}
			if len(demands) == 0 {
				continue
			}
			asked++
			var want []string
			for _, n := range list {
				if n.Get("resourceType").Text() == typ && !slices.ContainsFunc(demands, func(d demand) bool { return !d.meets(n) }) {
					want = append(want, n.Get("id").Text())
				}
			}
			f, err := s.Find(t.Context(), pass, typ, q)
			var got []string
			for _, r := range f.Matches {
				got = append(got, r.ID)
			}
			slices.Sort(want)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("Find(%s?%s) = %d, %v, want %d:\n got %v\nwant %v", typ, q.Encode(), len(got), err, len(want), first(got), first(want))
				if t.Failed() && asked > 400 {
					return
				}
			}
			some += min(len(want), 1)
		}
		if some < asked/2 {
			t.Errorf("%d of %d searches found anything", some, asked)
		}
	})
}

func readLink(scan db.Scan) (l link, err error) { return l, scan(&l.typ, &l.id) }

func first(list []string) []string { return list[:min(len(list), 4)] }
