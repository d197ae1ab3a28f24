package record

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// condition is one search parameter's demand on the rows of one index table.
type condition struct {
	table  string
	sql    string // about the table's alias @, with parameters
	negate bool
	own    string // or: the resource is this patient's, " = …" or " in (…)"
}

// query is a search, read. In its demands on a resource, ~ is the resource's
// alias.
type query struct {
	typ        string
	def        *fhir.Definition
	conditions []condition
	resource   []string // demands on the resource row ~ itself
	within     string   // whose resources alone are meant: " = …" or " in (…)" of a patient's number; empty: anybody's
	depth      int
	unknown    []string
	*asking
}

// asking is what a search and the searches inside it share.
type asking struct {
	params params
	pass   access.Pass
	open   bool   // there is no pass: only ids are given away
	mine   string // the number of the patient whose record the pass opens, as SQL; empty: everyone's
	store  *Store // nil: value sets and our own address are not known
	now    time.Time
	ready  bool // the index has what the newest rules want
}

// params numbers the parameters of a statement.
type params struct {
	first int
	args  []any
}

// add returns the placeholder of a new parameter.
func (p *params) add(v any) string {
	if s, ok := v.(string); ok {
		v = strings.ReplaceAll(s, "\x00", "") // no database takes it, and Parse lets none in
	}
	p.args = append(p.args, v)
	return "$" + strconv.Itoa(p.first+len(p.args)-1)
}

// list returns placeholders for several.
func (p *params) list(values []string) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = p.add(v)
	}
	return strings.Join(marks, ", ")
}

// PlaceError says where in a request what is wrong stands, such as
// http.birthdate for a search parameter or http.If-Match for a header.
//
// Spec: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.location
type PlaceError struct{ Place string }

// Error names the place.
func (e *PlaceError) Error() string { return "at " + e.Place }

func refuse(typ, name, reason string) error {
	say := fmt.Sprintf("%s cannot be searched by %s: %s.", typ, name, reason)
	return errs.New(errs.Invalid, say).Because(&PlaceError{"http." + strings.Trim(name, `"`)})
}

// errNoType says that a search names no type of R4.
var errNoType = errs.New(errs.Invalid, "There is no FHIR resource of that type.")

// limits against searches that nobody means.
const (
	maxDepth  = 5    // chains inside chains
	maxValues = 2000 // values in a statement
)

// orders are the parameters that order and page, or shape what is answered.
var orders = []string{"_sort", "_count", "_cursor", "_total", "_include", "_revinclude", "_summary", "_elements", "_format", "_pretty", "_type"}

// readQuery reads the search parameters of q, but for those that only order
// and page. Parameters that are not known are errors.
func readQuery(typ string, q url.Values, first int) (*query, error) {
	a := &asking{params: params{first: first}, open: true, ready: true}
	out, err := a.read(typ, q, 0)
	if err == nil && len(out.unknown) > 0 {
		err = refuse(typ, strconv.Quote(out.unknown[0]), "there is no such search parameter")
	}
	return out, err
}

// read reads a search for resources of type typ.
func (a *asking) read(typ string, q url.Values, depth int) (*query, error) {
	def := fhir.Define(typ)
	if def == nil {
		return nil, errNoType
	}
	out := &query{typ: typ, def: def, asking: a, depth: depth}
	if !a.open && personal(typ) {
		if patient, everyone, err := opens(a.pass, typ); err == nil && !everyone {
			out.within = a.only(patient)
		}
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { // the same search is the same statement
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	for _, name := range names {
		bare, _, _ := strings.Cut(name, ":")
		if slices.Contains(orders, bare) {
			continue
		}
		known, err := out.read(name, q[name])
		if err != nil {
			return nil, err
		}
		if !known {
			out.unknown = append(out.unknown, name)
		}
	}
	if len(a.params.args) > maxValues {
		return nil, refuse(typ, "so much", "it names too many values")
	}
	return out, nil
}

// rank puts in front what says whose resources are meant: what follows then
// looks at theirs alone.
func rank(name string) int {
	bare, _, _ := strings.Cut(name, ":")
	if bare == "patient" || bare == "subject" {
		return 0
	}
	return 1
}

// only returns the number of the patient whose record the pass opens.
func (a *asking) only(patient string) string {
	if a.mine == "" {
		a.mine = " = (select n from patient_number where id = " + a.params.add(patient) + ")"
	}
	return a.mine
}

// read reads one parameter and says whether it is known.
func (q *query) read(name string, values []string) (bool, error) {
	if strings.HasPrefix(name, "_has:") {
		return true, each(values, func(v string) error { return q.has(strings.TrimPrefix(name, "_has:"), v) })
	}
	head, rest, chained := strings.Cut(name, ".")
	bare, modifier, _ := strings.Cut(head, ":")
	if chained {
		p, ok := q.def.Parameter(bare)
		if !ok {
			return false, nil
		}
		return true, each(values, func(v string) error { return q.chain(p, modifier, rest, v) })
	}
	if bare != "" && bare[0] == '_' {
		if known, err := q.common(bare, modifier, values); known || err != nil {
			return true, err
		}
	}
	if c, ok := q.def.Composite(bare); ok {
		return true, each(values, func(v string) error { return q.composite(c, modifier, v) })
	}
	p, ok := q.def.Parameter(bare)
	if !ok {
		if bare == "near" && q.typ == "Location" {
			return true, refuse(q.typ, bare, "distances are not indexed")
		}
		return false, nil
	}
	if !q.ready && slices.ContainsFunc(p.Elements, func(at int) bool { return isNew(q.typ, q.def.Elements[at]) }) {
		return true, errNotReady(q.typ, p.Name)
	}
	if modifier == "missing" {
		return true, each(values, func(v string) error { return q.missing(p, v) })
	}
	if p.Kind == fhir.DateKind {
		return true, q.date(p, modifier, values)
	}
	return true, each(values, func(v string) error { return q.one(p, modifier, v) }) // each repetition narrows further
}

func each(values []string, fn func(string) error) error {
	for _, v := range values {
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// one reads one value of a parameter.
func (q *query) one(p fhir.Parameter, modifier, v string) error {
	switch p.Kind {
	case fhir.TokenKind:
		return q.token(p, modifier, v)
	case fhir.UriKind:
		return q.uri(p, modifier, v)
	case fhir.StringKind:
		return q.text(p, modifier, v)
	case fhir.ReferenceKind:
		return q.reference(p, modifier, v)
	case fhir.NumberKind, fhir.QuantityKind:
		if modifier != "" {
			return refuse(q.typ, p.Name+":"+modifier, "amounts take no modifier but :missing")
		}
		sql, err := q.amounts(v, p.Kind)
		if err != nil {
			return refuse(q.typ, p.Name, err.Error())
		}
		q.conditions = append(q.conditions, condition{table: "quantity_index", sql: q.these(p) + " and " + sql})
		return nil
	}
	return refuse(q.typ, p.Name, "it is of no kind that is indexed")
}

// common reads what every type has, and says whether name is of that sort.
func (q *query) common(name, modifier string, values []string) (bool, error) {
	var read func(v string) error
	switch name {
	case "_id":
		read = func(v string) error {
			q.resource = append(q.resource, "~.id in ("+q.params.list(split(v))+")")
			return nil
		}
	case "_lastUpdated":
		read = q.updated
	case "_text", "_content":
		read = func(v string) error { return q.words(name, v) }
	case "_list":
		read = q.listed
	case "_contained", "_containedType":
		read = func(v string) error {
			if name == "_contained" && v == "false" {
				return nil
			}
			return refuse(q.typ, name, "contained resources are not found by themselves")
		}
	case "_filter", "_query":
		read = func(string) error { return refuse(q.typ, name, "searches by it are not made here") }
	default:
		return false, nil
	}
	if modifier != "" {
		return true, refuse(q.typ, name+":"+modifier, "it takes no modifier")
	}
	return true, each(values, read)
}

// split splits a value at its commas; \, is a comma itself.
//
// Spec: https://hl7.org/fhir/R4/search.html#escaping
func split(v string) []string {
	list := cutAt(v, ',')
	for i, one := range list {
		list[i] = unescape(one)
	}
	return list
}

// cutAt splits v at every sep that is not escaped, and leaves escapes as they
// are.
func cutAt(v string, sep byte) []string {
	var list []string
	start := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case sep:
			list = append(list, v[start:i])
			start = i + 1
		}
	}
	return append(list, v[start:])
}

// unescape takes away the backslashes of escapes.
func unescape(v string) string {
	if strings.IndexByte(v, '\\') < 0 {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) && strings.IndexByte(`,|$\`, v[i+1]) >= 0 {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// these returns the numbers of the elements that p looks at, as SQL.
func (q *query) these(p fhir.Parameter) string {
	return "@.param in (" + q.numbers(p, "") + ")"
}

// numbers returns the numbers of p's elements, or those derived from them.
func (q *query) numbers(p fhir.Parameter, what string) string {
	list := make([]string, len(p.Elements))
	for i, at := range p.Elements {
		n := q.def.Elements[at].Number
		if what != "" {
			n = derived(n, what)
		}
		list[i] = strconv.Itoa(int(n))
	}
	return strings.Join(list, ", ")
}

// where returns what q demands of the resource row alias.
func (q *query) where(alias string) string {
	where := make([]string, 0, len(q.conditions)+len(q.resource))
	for _, r := range q.resource {
		where = append(where, strings.ReplaceAll(r, "~", alias))
	}
	for _, c := range q.conditions {
		where = append(where, q.set(c, alias))
	}
	if len(where) == 0 {
		return "1 = 1"
	}
	return strings.Join(where, " and ")
}

// set says that the resource row alias is one of those that meet c.
func (q *query) set(c condition, alias string) string {
	not := ""
	if c.negate {
		not = "not "
	}
	sql := "select x.resource from " + c.table + " x where " + strings.ReplaceAll(c.sql, "@", "x")
	if q.within != "" {
		sql += " and x.patient" + q.within
	}
	if c.own != "" {
		sql += " union all select o.n from resource o where o.typ = " + q.params.add(q.typ) + " and o.patient" + c.own
	}
	return alias + ".n " + not + "in (" + sql + ")"
}
