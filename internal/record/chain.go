package record

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// numberOf is a patient's number, as SQL, equal to that of one of ids.
func (q *query) numberOf(ids []string) string {
	if len(ids) == 1 {
		return " = (select n from patient_number where id = " + q.params.add(ids[0]) + ")"
	}
	return " in (select n from patient_number where id in (" + q.params.list(ids) + "))"
}

// reference reads Type/id, id or an address, any of a list.
//
// Spec: https://hl7.org/fhir/R4/search.html#reference
func (q *query) reference(p fhir.Parameter, modifier, v string) error {
	target := p.Target
	switch {
	case modifier == "identifier":
		if !q.ready {
			return errNotReady(q.typ, p.Name+":identifier")
		}
		sql, err := q.codes(v)
		if err != nil {
			return refuse(q.typ, p.Name+":identifier", err.Error())
		}
		q.conditions = append(q.conditions, condition{table: "token_index", sql: "@.param in (" + q.numbers(p, ofOwner) + ") and " + sql})
		return nil
	case modifier != "":
		if !fhir.IsType(modifier) || target != "" && target != modifier {
			return refuse(q.typ, p.Name+":"+modifier, "that is no type it refers to")
		}
		target = modifier
	}
	sql, patients, err := q.references(target, v)
	if err != nil {
		return refuse(q.typ, p.Name, err.Error())
	}
	own := len(patients) > 0 && q.ownReference(p)
	if own && len(patients) == len(split(v)) && target == "Patient" && q.direct() {
		is := q.numberOf(patients)
		q.resource = append(q.resource, "~.patient"+is)
		if q.within == "" {
			q.within = is
		}
		return nil
	}
	c := condition{table: "reference_index", sql: q.these(p) + " and " + sql}
	if own {
		c.own = q.numberOf(patients)
	}
	q.conditions = append(q.conditions, c)
	return nil
}

// references compares the columns typ and id with any of a list, and returns
// which patients that names.
func (q *query) references(target, v string) (sql string, patients []string, err error) {
	var any []string
	for _, one := range split(v) {
		one = q.relative(one)
		typ, id := fhir.SplitReference(one)
		if typ == "" && fhir.ValidID(one) {
			typ, id = target, one
		}
		switch {
		case id == "" && absolute(one):
			is := "@.typ = '' and @.id = " + q.params.add(one)
			if !strings.Contains(one, "|") { // of a canonical, any version
				is += " or @.typ = '' and @.id >= " + q.params.add(one+"|") + " and @.id < " + q.params.add(one+"}") + " and substr(@.id, 1, " + q.params.add(len([]rune(one))+1) + ") = " + q.params.add(one+"|")
			}
			any = append(any, is)
			continue
		case id == "" || target != "" && typ != target:
			return "", nil, errNoReference
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
	return "(" + strings.Join(any, " or ") + ")", patients, nil
}

// relative makes an address of ours one that is relative to it.
func (q *query) relative(address string) string {
	if q.store == nil || q.store.base == "" {
		return address
	}
	return strings.TrimPrefix(address, q.store.base+"/")
}

// ownReference says whether p looks at the element that puts a resource into
// its patient's compartment.
func (q *query) ownReference(p fhir.Parameter) bool {
	own, _ := ownParameter(q.typ)
	return slices.ContainsFunc(p.Elements, func(at int) bool { return slices.Contains(own.Elements, at) })
}

// direct says whether a resource of the type names one patient at most, so
// that it is that patient's if and only if it is in the compartment.
func (q *query) direct() bool {
	own, _ := ownParameter(q.typ)
	return len(own.Elements) == 1 && !slices.ContainsFunc(q.def.Elements[own.Elements[0]].Steps, func(s fhir.Step) bool { return s.Many })
}

// visible demands of the resource row alias of type typ, in the words of the
// statement, that whoever asks may do verb with it.
func (a *asking) visible(typ, alias string, verb smart.Verb) string {
	if a.open {
		return "1 = 1"
	}
	patient, everyone, err := opens(a.pass, typ)
	if err != nil || !sees(a.pass, typ) {
		return nothing
	}
	where := a.params.veil(a.pass, alias)
	switch {
	case typ == "Binary":
		where += a.attached(alias, patient, everyone)
	case !everyone && personal(typ):
		where += " and " + alias + ".patient" + a.only(patient)
	}
	some, ok := a.pass.Reaches(typ, verb)
	if !ok {
		return nothing
	}
	if len(some) == 0 {
		return where
	}
	return where + " and (" + a.granted(typ, alias, some) + ")"
}

// nothing is a demand that nothing meets.
const nothing = "1 = 0"

// granted demands that the resource is found by one of the searches that an
// app was let in for.
func (a *asking) granted(typ, alias string, some []url.Values) string {
	any := []string{nothing}
	for _, one := range some {
		q, err := a.read(typ, one, maxDepth) // no chains: a scope is about the resource itself
		if err != nil || len(q.unknown) > 0 {
			continue // a scope that we do not understand opens nothing
		}
		any = append(any, "("+q.where(alias)+")")
	}
	return strings.Join(any, " or ")
}

// chain reads a demand on what p leads to: rest is a parameter of that.
//
// Spec: https://hl7.org/fhir/R4/search.html#chaining
func (q *query) chain(p fhir.Parameter, modifier, rest, v string) error {
	name := p.Name + "." + rest
	if p.Kind != fhir.ReferenceKind {
		return refuse(q.typ, name, "it is no reference")
	}
	if q.depth >= maxDepth {
		return refuse(q.typ, name, "the chain is too long")
	}
	types := q.leadsTo(p, modifier)
	var any []string
	for _, typ := range types {
		inner, err := q.asking.read(typ, url.Values{rest: {v}}, q.depth+1)
		if len(q.params.args) > maxValues {
			return refuse(q.typ, name, "it leads to too much; say to what type, as in subject:Patient.name")
		}
		if err != nil || len(inner.unknown) > 0 {
			if len(types) > 1 && (err == nil || modifier == "") {
				continue // another type has it
			}
			if err == nil {
				err = refuse(q.typ, name, "there is no such search parameter")
			}
			return err
		}
		any = append(any, q.through(p, inner))
	}
	if len(any) == 0 {
		return refuse(q.typ, name, "nothing it leads to has such a search parameter")
	}
	q.resource = append(q.resource, "("+strings.Join(any, " or ")+")")
	return nil
}

// through demands that ~ refers by p to a resource that inner finds.
func (q *query) through(p fhir.Parameter, inner *query) string {
	found := " from resource c where c.typ = " + q.params.add(inner.typ) + " and c.deleted = 0 and " +
		q.visible(inner.typ, "c", smart.Search) + " and " + inner.where("c")
	sql := "select x.resource from reference_index x where x.param in (" + q.numbers(p, "") + ") and x.typ = " + q.params.add(inner.typ) +
		" and x.id in (select c.id" + found + ")"
	if inner.typ == "Patient" && q.ownReference(p) {
		sql += " union all select o.n from resource o where o.typ = " + q.params.add(q.typ) + " and o.patient in (select c.patient" + found + ")"
	}
	return "~.n in (" + sql + ")"
}

// leadsTo returns the types that p may lead to.
func (q *query) leadsTo(p fhir.Parameter, modifier string) []string {
	if modifier != "" {
		if !fhir.IsType(modifier) || p.Target != "" && p.Target != modifier {
			return nil
		}
		return []string{modifier}
	}
	if p.Target != "" {
		return []string{p.Target}
	}
	var list []string
	for _, at := range p.Elements {
		for _, typ := range targets(q.typ, q.def.Elements[at].Steps) {
			list = once(list, typ)
		}
	}
	return list
}

// targets returns the types that a reference at the end of steps may lead to;
// every one where that is not said.
func targets(typ string, steps []fhir.Step) []string {
	t := fhir.TypeOf(typ)
	for i, s := range steps {
		if t == nil {
			return nil
		}
		_, o, ok := t.Key(s.Key)
		if !ok {
			return nil
		}
		if i == len(steps)-1 {
			return o.Targets
		}
		t = o.Type
	}
	return nil
}

// has reads Type:reference:parameter: what refers to the resource.
//
// Spec: https://hl7.org/fhir/R4/search.html#has
func (q *query) has(name, v string) error {
	parts := strings.SplitN(name, ":", 3)
	full := "_has:" + name
	if len(parts) != 3 || !fhir.IsType(parts[0]) || parts[2] == "" {
		return refuse(q.typ, full, "it is _has:Type:reference:parameter")
	}
	if q.depth >= maxDepth {
		return refuse(q.typ, full, "the chain is too long")
	}
	inner, err := q.asking.read(parts[0], url.Values{parts[2]: {v}}, q.depth+1)
	if err != nil {
		return err
	}
	p, ok := inner.def.Parameter(parts[1])
	if !ok || len(inner.unknown) > 0 || p.Kind != fhir.ReferenceKind {
		return refuse(q.typ, full, "there is no such reference or search parameter")
	}
	found := " from resource c where c.typ = " + q.params.add(inner.typ) + " and c.deleted = 0 and " +
		q.visible(inner.typ, "c", smart.Search) + " and " + inner.where("c")
	sql := "~.id in (select x.id from reference_index x where x.param in (" + inner.numbers(p, "") + ") and x.typ = " + q.params.add(q.typ) +
		" and x.resource in (select c.n" + found + "))"
	if q.typ == "Patient" && inner.ownReference(p) {
		sql = "(" + sql + " or ~.patient in (select c.patient" + found + "))"
	}
	q.resource = append(q.resource, sql)
	return nil
}

// listed reads the id of a List that the resource has to be on.
func (q *query) listed(v string) error {
	lists := fhir.Define("List")
	item, _ := lists.Parameter("item")
	inner := &query{typ: "List", def: lists, asking: q.asking}
	ids := split(strings.ReplaceAll(v, "List/", ""))
	q.resource = append(q.resource, "~.id in (select x.id from reference_index x where x.param in ("+inner.numbers(item, "")+") and x.typ = "+q.params.add(q.typ)+
		" and x.resource in (select c.n from resource c where c.typ = 'List' and c.deleted = 0 and c.id in ("+q.params.list(ids)+") and "+
		q.visible("List", "c", smart.Search)+"))")
	return nil
}

// openTo returns what searches by pass share.
func (s *Store) openTo(pass access.Pass) *asking {
	return &asking{params: params{first: 1}, pass: pass, store: s, now: s.now()}
}

var errNoReference = errors.New("the value is not an id, Type/id or an address")
