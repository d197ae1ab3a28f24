package record

import (
	"errors"
	"strconv"
	"strings"

	"hale/internal/standard/fhir"
)

// composite reads several values of the same element, between them a $.
//
// Spec: https://hl7.org/fhir/R4/search.html#composite
func (q *query) composite(c fhir.Composite, modifier, v string) error {
	if modifier != "" {
		return refuse(q.typ, c.Name+":"+modifier, "composites take no modifier")
	}
	if !q.ready {
		return errNotReady(q.typ, c.Name)
	}
	var any []string
	for _, one := range cutAt(v, ',') {
		values := cutAt(one, '$')
		for _, root := range c.Roots {
			if len(values) != len(root.Parts) {
				return refuse(q.typ, c.Name, "the value is "+strconv.Itoa(len(root.Parts))+" values with a $ between them")
			}
			sql, err := q.together(root, values)
			if err != nil {
				return refuse(q.typ, c.Name, err.Error())
			}
			any = append(any, sql)
		}
	}
	q.resource = append(q.resource, "~.n in ("+strings.Join(any, " union all ")+")")
	return nil
}

// together selects the resources in which one root has all of values.
func (q *query) together(root fhir.Root, values []string) (string, error) {
	var from, where []string
	for i, part := range root.Parts {
		alias := string(rune('e' + i))
		table := "part_index"
		if len(root.Steps) == 0 {
			table = tableOf(part.Elements[0].Kind)
		}
		sql, err := q.part(part, values[i])
		if err != nil {
			return "", err
		}
		from = append(from, table+" "+alias)
		where = append(where, strings.ReplaceAll(sql, "@", alias))
		if q.within != "" {
			where = append(where, alias+".patient"+q.within)
		}
		if i == 0 {
			continue
		}
		where = append(where, alias+".resource = e.resource", alias+".patient = e.patient")
		if len(root.Steps) > 0 {
			where = append(where, alias+".place = e.place")
		}
	}
	return "select e.resource from " + strings.Join(from, " cross join ") + " where " + strings.Join(where, " and "), nil
}

// tableOf is where values of a kind lie.
func tableOf(kind fhir.Kind) string {
	switch kind {
	case fhir.DateKind:
		return "date_index"
	case fhir.StringKind:
		return "string_index"
	case fhir.ReferenceKind:
		return "reference_index"
	case fhir.QuantityKind, fhir.NumberKind:
		return "quantity_index"
	}
	return "token_index"
}

// part compares one value with the elements of a part, by the kind of each.
func (q *query) part(part fhir.Part, v string) (string, error) {
	kinds := map[fhir.Kind][]string{}
	var order []fhir.Kind
	for _, e := range part.Elements {
		if kinds[e.Kind] == nil {
			order = append(order, e.Kind)
		}
		kinds[e.Kind] = append(kinds[e.Kind], strconv.Itoa(int(e.Number)))
	}
	var any []string
	var last error
	for _, kind := range order {
		sql, err := q.value(kind, v)
		if err != nil {
			last = err
			continue
		}
		any = append(any, "@.param in ("+strings.Join(kinds[kind], ", ")+") and "+sql)
	}
	if len(any) == 0 {
		return "", last
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// value compares one value of a kind.
func (q *query) value(kind fhir.Kind, v string) (string, error) {
	switch kind {
	case fhir.TokenKind:
		return q.codes(v)
	case fhir.DateKind:
		return q.dates(v)
	case fhir.StringKind:
		return q.texts("", v)
	case fhir.QuantityKind, fhir.NumberKind:
		return q.amounts(v, kind)
	case fhir.ReferenceKind:
		sql, _, err := q.references("", v)
		return sql, err
	}
	return "", errors.New("a part is of no kind that is indexed")
}
