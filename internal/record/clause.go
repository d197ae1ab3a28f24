package record

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
)

// Clause returns SQL that says whether the patient whose id is in
// patientColumn has a resource of a type that meets all of q: what a segment
// is made of. All parameters are about one and the same resource. The SQL's
// parameters are numbered from first and their values are args. What pass
// does not show does not count.
func Clause(pass access.Pass, typ string, q url.Values, patientColumn string, first int) (sql string, args []any, err error) {
	query, err := within(pass, typ, q, first)
	if err != nil {
		return "", nil, err
	}
	sql, args = compact(query.clause(patientColumn), query.params.args, first, first)
	return sql, args, nil
}

// within reads a search that is a part of another statement.
func within(pass access.Pass, typ string, q url.Values, first int) (*query, error) {
	for _, name := range orders {
		if q.Has(name) {
			return nil, refuse(typ, name, "a segment has no order and no pages")
		}
	}
	_, until := pass.Veil()
	a := &asking{params: params{first: first}, pass: pass, now: time.UnixMicro(until), ready: true}
	query, err := a.read(typ, q, 0)
	if err != nil {
		return nil, err
	}
	if len(query.unknown) > 0 {
		return nil, refuse(typ, strconv.Quote(query.unknown[0]), "there is no such search parameter")
	}
	query.resource = append(query.resource, query.params.veil(pass, "~"))
	return query, nil
}

// Matching returns SQL that selects the ids of the patients for whom Clause
// is true. It reads the index once, from the code on, where Clause asks for
// one patient after the other: use it where few of many are meant.
func Matching(pass access.Pass, typ string, q url.Values, first int) (sql string, args []any, err error) {
	query, err := within(pass, typ, q, first)
	if err != nil {
		return "", nil, err
	}
	from, where := query.rows()
	sql, args = compact("select w.id from "+from+" d cross join patient_number w where w.n = d.patient and "+where, query.params.args, first, first)
	return sql, args, nil
}

func (q *query) clause(patientColumn string) string {
	from, where := q.rows()
	return "exists (select 1 from patient_number w cross join " + from + " d where w.id = " + patientColumn +
		" and d.patient = w.n and " + where + ")"
}

// rows returns the table to begin with, which is called d, and what its rows
// have to meet.
func (q *query) rows() (from, sql string) {
	driver, rest := q.driver()
	from, key, where := "resource", "d.n", []string(nil)
	if driver == nil {
		where = append(where, "d.typ = "+q.params.add(q.typ), "d.deleted = 0")
		for _, r := range q.resource {
			where = append(where, strings.ReplaceAll(r, "~", "d"))
		}
	} else {
		from, key = driver.table, "d.resource"
		where = append(where, strings.ReplaceAll(driver.sql, "@", "d"))
		if len(q.resource) > 0 {
			where = append(where, "exists (select 1 from resource r where r.n = d.resource and "+strings.ReplaceAll(strings.Join(q.resource, " and "), "~", "r")+")")
		}
	}
	for _, c := range rest {
		where = append(where, c.also(key))
	}
	return from, strings.Join(where, " and ")
}

// driver returns the condition whose rows to begin with, a code's if there is
// one, and the others.
func (q *query) driver() (*condition, []condition) {
	best := -1
	for i, c := range q.conditions {
		if c.negate || c.own != "" {
			continue
		}
		if best < 0 || c.table == "token_index" && q.conditions[best].table != "token_index" {
			best = i
		}
	}
	if best < 0 {
		return nil, q.conditions
	}
	rest := slices.Delete(slices.Clone(q.conditions), best, best+1)
	return &q.conditions[best], rest
}

// also is a further condition on the resource whose number is in key.
func (c condition) also(key string) string {
	not := ""
	if c.negate {
		not = "not "
	}
	sql := not + "exists (select 1 from " + c.table + " x where x.patient = d.patient and x.resource = " + key +
		" and " + strings.ReplaceAll(c.sql, "@", "x") + ")"
	if c.own != "" {
		sql = "(d.patient" + c.own + " or " + sql + ")"
	}
	return sql
}
