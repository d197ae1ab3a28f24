package record

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// condition is one search parameter's demand on the rows of one index table.
type condition struct {
	table  string
	sql    string // about the table's alias @, with parameters
	negate bool
	own    string // or: the resource is this patient's
}

// query is a search, read.
type query struct {
	typ        string
	def        *fhir.Definition
	conditions []condition
	resource   []string // demands on the resource row r itself
	params     params
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

func refuse(typ, name, reason string) error {
	return errs.New(errs.Invalid, fmt.Sprintf("%s cannot be searched by %s: %s.", typ, name, reason))
}

// readQuery reads the search parameters of q, but for those that only order
// and page.
func readQuery(typ string, q url.Values, first int) (*query, error) {
	def := fhir.Define(typ)
	if def == nil {
		return nil, errs.New(errs.Invalid, "There is no FHIR resource of that type.")
	}
	out := &query{typ: typ, def: def, params: params{first: first}}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names) // the same search is the same statement
	for _, name := range names {
		if name == "_sort" || name == "_count" || name == "_cursor" {
			continue
		}
		if err := out.read(name, q[name]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (q *query) read(name string, values []string) error {
	bare, modifier, _ := strings.Cut(name, ":")
	if bare == "_id" || bare == "_lastUpdated" {
		return q.readCommon(bare, modifier, values)
	}
	p, ok := q.def.Parameter(bare)
	if !ok {
		return refuse(q.typ, strconv.Quote(bare), "there is no such search parameter")
	}
	if p.Kind == fhir.DateKind {
		return q.date(p, modifier, values)
	}
	for _, v := range values { // each repetition narrows further
		var err error
		switch p.Kind {
		case fhir.TokenKind, fhir.UriKind:
			err = q.token(p, modifier, v)
		case fhir.StringKind:
			err = q.text(p, modifier, v)
		case fhir.ReferenceKind:
			err = q.reference(p, modifier, v)
		default:
			err = refuse(q.typ, p.Name, "amounts are not indexed")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readCommon reads what every type has.
func (q *query) readCommon(name, modifier string, values []string) error {
	if modifier != "" {
		return refuse(q.typ, name, "it takes no modifier")
	}
	for _, v := range values {
		if name == "_id" {
			q.resource = append(q.resource, "r.id in ("+q.params.list(split(v))+")")
			continue
		}
		sql, err := q.dates(v, "r.updated", "r.updated + 1")
		if err != nil {
			return refuse(q.typ, name, err.Error())
		}
		q.resource = append(q.resource, sql)
	}
	return nil
}

// split splits a value at its commas; \, is a comma itself.
//
// Spec: https://hl7.org/fhir/R4/search.html#escaping
func split(v string) []string {
	var list []string
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '\\' && i+1 < len(v) && strings.IndexByte(`,|$\`, v[i+1]) >= 0:
			i++
			if v[i] == '|' {
				b.WriteByte('\\') // token still has to tell it from a separator
			}
			b.WriteByte(v[i])
		case v[i] == ',':
			list = append(list, b.String())
			b.Reset()
		default:
			b.WriteByte(v[i])
		}
	}
	return append(list, b.String())
}

// these returns the numbers of the elements that p looks at, as SQL.
func (q *query) these(p fhir.Parameter) string {
	list := make([]string, len(p.Elements))
	for i, at := range p.Elements {
		list[i] = strconv.Itoa(int(q.def.Elements[at].Number))
	}
	return "@.param in (" + strings.Join(list, ", ") + ")"
}

// token reads code, system|code, |code or system|, any of a list.
func (q *query) token(p fhir.Parameter, modifier, v string) error {
	if modifier != "" && modifier != "not" {
		return refuse(q.typ, p.Name+":"+modifier, "only :not is known for codes")
	}
	var codes, plain, exact []string
	open := false // a branch takes any code
	for _, one := range split(v) {
		system, code, piped := strings.Cut(one, "|")
		switch {
		case !piped && one == "" || piped && system == "" && code == "":
			return refuse(q.typ, p.Name, "the value is empty")
		case !piped:
			plain = append(plain, one)
			codes = append(codes, one)
		case code == "":
			open = true
			exact = append(exact, "@.system = "+q.params.add(systemNumber(system)))
		default:
			codes = append(codes, code)
			exact = append(exact, "@.code = "+q.params.add(code)+" and @.system = "+q.params.add(systemNumber(system)))
		}
	}
	sql := q.these(p)
	if !open {
		sql += " and @.code in (" + q.params.list(codes) + ")" // the range; systems only filter
	}
	if len(exact) > 0 {
		if len(plain) > 0 {
			exact = append(exact, "@.code in ("+q.params.list(plain)+")")
		}
		sql += " and (" + strings.Join(exact, " or ") + ")"
	}
	q.conditions = append(q.conditions, condition{table: "token_index", sql: sql, negate: modifier == "not"})
	return nil
}

// date reads bounds on one date; several on the same parameter are about the
// same date.
func (q *query) date(p fhir.Parameter, modifier string, values []string) error {
	if modifier != "" {
		return refuse(q.typ, p.Name+":"+modifier, "dates take no modifier")
	}
	sql := q.these(p)
	for _, v := range values {
		bound, err := q.dates(v, "@.low", "@.high")
		if err != nil {
			return refuse(q.typ, p.Name, err.Error())
		}
		sql += " and " + bound
	}
	q.conditions = append(q.conditions, condition{table: "date_index", sql: sql})
	return nil
}

// dates compares a span in the columns low and high with any of a list.
//
// Spec: https://hl7.org/fhir/R4/search.html#prefix
func (q *query) dates(v, low, high string) (string, error) {
	var any []string
	for _, one := range split(v) {
		prefix := "eq"
		if len(one) > 2 && one[0] >= 'a' && one[0] <= 'z' {
			prefix, one = one[:2], one[2:]
		}
		span, err := fhir.ParseDate(strings.ReplaceAll(one, " ", "+")) // a + that a URL made a space
		if err != nil {
			return "", err
		}
		from, to := span.Low.UnixMicro(), span.High.UnixMicro()
		var sql string
		switch prefix {
		case "eq":
			sql = low + " >= " + q.params.add(from) + " and " + high + " <= " + q.params.add(to)
		case "ne":
			sql = low + " < " + q.params.add(from) + " or " + high + " > " + q.params.add(to)
		case "gt":
			sql = high + " > " + q.params.add(to)
		case "lt":
			sql = low + " < " + q.params.add(from)
		case "ge":
			sql = high + " > " + q.params.add(to) + " or " + low + " >= " + q.params.add(from)
		case "le":
			sql = low + " < " + q.params.add(from) + " or " + high + " <= " + q.params.add(to)
		case "sa":
			sql = low + " >= " + q.params.add(to)
		case "eb":
			sql = high + " <= " + q.params.add(from)
		default:
			return "", fmt.Errorf("%q is not one of eq, ne, gt, lt, ge, le, sa, eb", prefix)
		}
		any = append(any, "("+sql+")")
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// text reads the beginning of a text, or the whole or a part of it.
func (q *query) text(p fhir.Parameter, modifier, v string) error {
	var any []string
	for _, one := range split(v) {
		folded := fold(cut(one))
		if folded == "" {
			return refuse(q.typ, p.Name, "the value is empty")
		}
		switch modifier {
		case "":
			any = append(any, "@.folded >= "+q.params.add(folded)+" and @.folded < "+q.params.add(folded+"\U0010FFFF"))
		case "exact":
			any = append(any, "@.folded = "+q.params.add(folded)+" and @.exact = "+q.params.add(cut(one)))
		case "contains":
			pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(folded) + "%"
			any = append(any, "@.folded like "+q.params.add(pattern)+` escape '\'`)
		default:
			return refuse(q.typ, p.Name+":"+modifier, "only :exact and :contains are known for texts")
		}
	}
	sql := q.these(p) + " and (" + strings.Join(any, " or ") + ")"
	q.conditions = append(q.conditions, condition{table: "string_index", sql: sql})
	return nil
}

// reference reads Type/id or id, any of a list.
func (q *query) reference(p fhir.Parameter, modifier, v string) error {
	target := p.Target
	if modifier != "" {
		if !fhir.IsType(modifier) || target != "" && target != modifier {
			return refuse(q.typ, p.Name+":"+modifier, "that is no type it refers to")
		}
		target = modifier
	}
	var any, patients []string
	for _, one := range split(v) {
		typ, id := fhir.SplitReference(one)
		if typ == "" && fhir.ValidID(one) {
			typ, id = target, one
		}
		if id == "" || target != "" && typ != target {
			return refuse(q.typ, p.Name, "the value is not an id or Type/id")
		}
		sql := "@.id = " + q.params.add(id)
		if typ != "" {
			sql += " and @.typ = " + q.params.add(typ)
		}
		any = append(any, sql)
		if typ == "" || typ == "Patient" {
			patients = append(patients, id)
		}
	}
	c := condition{table: "reference_index", sql: q.these(p) + " and (" + strings.Join(any, " or ") + ")"}
	if len(patients) > 0 && q.ownReference(p) {
		c.own = "(select n from patient_number where id in (" + q.params.list(patients) + "))"
	}
	q.conditions = append(q.conditions, c)
	return nil
}

// ownReference says whether p looks at the element that puts a resource into
// its patient's compartment.
func (q *query) ownReference(p fhir.Parameter) bool {
	own, _ := q.def.Parameter("patient")
	return slices.ContainsFunc(p.Elements, func(at int) bool { return slices.Contains(own.Elements, at) })
}
