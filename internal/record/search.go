package record

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Page is one page of a search.
type Page struct {
	Resources []Resource
	Next      string // the _cursor of the next page; empty at the end
}

// usual and most are how many resources a page holds, if the search does not
// say or says too many.
const (
	usual = 50
	most  = 1000
)

// Search finds resources of a type that pass opens, by _id, _lastUpdated and
// the type's own search parameters of the kinds token, date, string and
// reference. It knows _sort by date, _lastUpdated and _id, each also with a
// minus, _count, and _cursor for the next page.
//
// Spec: https://hl7.org/fhir/R4/search.html
func (s *Store) Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (Page, error) {
	patient, everyone, err := opens(pass, typ)
	if err != nil {
		return Page{}, err
	}
	if !sees(pass, typ) {
		return Page{}, nil
	}
	query, err := readQuery(typ, q, 1)
	if err != nil {
		return Page{}, err
	}
	order, err := readOrder(typ, q)
	if err != nil {
		return Page{}, err
	}
	var number int64
	if !everyone && personal(typ) {
		number, err = db.One(ctx, s.db, db.Value[int64], `select n from patient_number where id = $1`, patient)
		if errs.KindOf(err) == errs.NotFound {
			return Page{}, nil
		}
		if err != nil {
			return Page{}, fmt.Errorf("record: search %s: %w", typ, err)
		}
	}
	query.resource = append(query.resource, query.params.veil(pass, "r"))
	text := query.search(number, order)
	list, err := db.All(ctx, s.db, readHit, text, query.params.args...)
	if err != nil {
		return Page{}, fmt.Errorf("record: search %s: %w", typ, err)
	}
	for i := range list {
		if err := s.openFound(ctx, s.db, &list[i].found); err != nil {
			return Page{}, fmt.Errorf("record: search %s: %w", typ, err)
		}
	}
	return order.page(list), nil
}

// hit is a found resource and where it stands in the order.
type hit struct {
	found
	at string
	n  int64
}

func readHit(scan db.Scan) (h hit, err error) {
	h.found, err = readFound(func(dest ...any) error { return scan(append(dest, &h.at, &h.n)...) })
	return h, err
}

// search returns the statement that finds one page. The inner part finds the
// rows by their keys alone; bodies are read only of those on the page.
func (q *query) search(patient int64, o order) string {
	where := []string{"r.typ = " + q.params.add(q.typ), "r.deleted = 0"}
	same := ""
	if patient != 0 {
		mark := q.params.add(patient)
		where = append(where, "r.patient = "+mark)
		same = " and x.patient = " + mark
	}
	where = append(where, q.resource...)
	for _, c := range q.conditions {
		not := ""
		if c.negate {
			not = "not "
		}
		sql := "select x.resource from " + c.table + " x where " + strings.ReplaceAll(c.sql, "@", "x") + same
		if c.own != "" {
			sql += " union all select o.n from resource o where o.typ = " + q.params.add(q.typ) + " and o.patient in " + c.own
		}
		where = append(where, "r.n "+not+"in ("+sql+")")
	}
	if o.after != "" {
		where = append(where, "(r."+o.column+", r.n) "+o.compare()+" ("+q.params.add(o.value())+", "+q.params.add(o.afterN)+")")
	}
	by := "r." + o.column + " " + o.direction() + ", r.n " + o.direction()
	inner := "select r.n, r." + o.column + " as place from resource r where " + strings.Join(where, " and ") +
		" order by " + by + " limit " + q.params.add(o.count+1)
	head := strings.Replace(columns, "from resource r", ", cast(h.place as text), r.n\n\tfrom hit h\n\tjoin resource r on r.n = h.n", 1)
	return "with hit as (" + inner + ")" + head + " order by h.place " + o.direction() + ", r.n " + o.direction()
}

// order is how a search sorts and where its page begins.
type order struct {
	column string // of resource
	down   bool
	count  int
	after  string // the place of the last of the page before
	afterN int64
}

func (o order) direction() string {
	if o.down {
		return "desc"
	}
	return "asc"
}

func (o order) compare() string {
	if o.down {
		return "<"
	}
	return ">"
}

// value is after as the column's type.
func (o order) value() any {
	if o.column == "id" {
		return o.after
	}
	n, _ := strconv.ParseInt(o.after, 10, 64)
	return n
}

func readOrder(typ string, q url.Values) (order, error) {
	o := order{column: "sort_at", count: usual}
	if s := q.Get("_sort"); s != "" {
		name := strings.TrimPrefix(s, "-")
		column, ok := map[string]string{"date": "sort_at", "_lastUpdated": "updated", "_id": "id"}[name]
		for _, main := range mainDate[typ] {
			if name == main {
				column, ok = "sort_at", true
			}
		}
		if !ok {
			return o, refuse(typ, "_sort", "only date, _lastUpdated and _id are known")
		}
		o.column, o.down = column, name != s
	}
	if s := q.Get("_count"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, refuse(typ, "_count", "it is not a number above 0")
		}
		o.count = min(n, most)
	}
	if s := q.Get("_cursor"); s != "" {
		text, err := base64.RawURLEncoding.DecodeString(s)
		column, rest, ok := strings.Cut(string(text), " ")
		n, after, ok2 := strings.Cut(rest, " ")
		number, err2 := strconv.ParseInt(n, 10, 64)
		if err != nil || err2 != nil || !ok || !ok2 || column != o.column || after == "" {
			return o, refuse(typ, "_cursor", "it is not from this search")
		}
		o.after, o.afterN = after, number
	}
	return o, nil
}

// page cuts list, which may have one too many, to a page.
func (o order) page(list []hit) Page {
	var p Page
	if len(list) > o.count {
		list = list[:o.count]
		last := list[len(list)-1]
		p.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %s", o.column, last.n, last.at))
	}
	for _, h := range list {
		p.Resources = append(p.Resources, h.Resource)
	}
	return p
}
