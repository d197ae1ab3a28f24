package record

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/standard/fhir"
)

// usual and most are how many resources a page holds, if the search does not
// say or says too many.
const (
	usual = 50
	most  = 1000
)

// maxKeys is by how many parameters a search may sort.
const maxKeys = 4

// key is one thing to sort by.
type key struct {
	name string // as the search names it
	sql  string // its value for the resource row r
	join string // a table that sql needs
	down bool
}

// order is how a search sorts and where its page begins.
type order struct {
	keys  []key
	count int
	total bool
	back  bool  // the page ends before after, and is read backwards
	after []any // the place where the page before ended, one value for each key and the row's number; nil: none
}

// spot is a cursor, as JSON.
type spot struct {
	Back  bool     `json:"b,omitempty"`
	Keys  string   `json:"k"`
	After []string `json:"a"`
}

// readOrder reads how a search sorts and pages.
func (q *query) readOrder(v url.Values, everyone bool) (order, error) {
	o := order{count: usual}
	for _, name := range strings.FieldsFunc(strings.Join(v["_sort"], ","), func(r rune) bool { return r == ',' }) {
		k, err := q.key(name)
		if err != nil {
			return o, err
		}
		o.keys = append(o.keys, k)
	}
	if len(o.keys) > maxKeys {
		return o, refuse(q.typ, "_sort", "it names more than "+strconv.Itoa(maxKeys)+" parameters")
	}
	if len(o.keys) == 0 {
		k := key{name: "date", sql: "r.sort_at"}
		if everyone && q.within == "" {
			k = key{name: "_id", sql: "r.id"} // everybody's have no other order that costs nothing
		}
		o.keys = []key{k}
	}
	if s := v.Get("_count"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return o, refuse(q.typ, "_count", "it is not a number")
		}
		o.count = min(n, most)
	}
	switch t := v.Get("_total"); t {
	case "", "none":
	case "accurate", "estimate":
		o.total = true
	default:
		return o, refuse(q.typ, "_total", "it is none, estimate or accurate")
	}
	if v.Get("_summary") == "count" {
		o.count = 0
	}
	o.total = o.total || o.count == 0
	return o, q.readPlace(v.Get("_cursor"), &o)
}

// readPlace reads where a page begins.
func (q *query) readPlace(cursor string, o *order) error {
	if cursor == "" {
		return nil
	}
	foreign := refuse(q.typ, "_cursor", "it is not from this search")
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	var p spot
	if err != nil || json.Unmarshal(text, &p) != nil || p.Keys != o.names() || len(p.After) != len(o.keys)+1 {
		return foreign
	}
	for _, s := range p.After {
		v, ok := readValue(s)
		if !ok {
			return foreign
		}
		o.after = append(o.after, v)
	}
	if _, ok := o.after[len(o.keys)].(int64); !ok {
		return foreign
	}
	for i, k := range o.keys { // what the database would not compare
		switch v := o.after[i].(type) {
		case string:
			if !k.isText() {
				return foreign
			}
		case int64:
			if k.isText() {
				return foreign
			}
			if k.isAmount() {
				o.after[i] = float64(v)
			}
		default:
			if !k.isAmount() {
				return foreign
			}
		}
	}
	o.back = p.Back
	return nil
}

// isText says whether the key's values are texts.
func (k key) isText() bool { return strings.Contains(k.sql, "''") || k.sql == "r.id" }

// isAmount says whether the key's values are amounts.
func (k key) isAmount() bool { return strings.Contains(k.sql, "quantity_index") }

// readValue reads a value of a cursor: s for a text, i and f for numbers.
func readValue(s string) (any, bool) {
	if s == "" {
		return nil, false
	}
	switch s[0] {
	case 's':
		return s[1:], true
	case 'i':
		n, err := strconv.ParseInt(s[1:], 10, 64)
		return n, err == nil
	case 'f':
		f, err := strconv.ParseFloat(s[1:], 64)
		return f, err == nil
	}
	return nil, false
}

func writeValue(v any) string {
	switch v := v.(type) {
	case string:
		return "s" + v
	case []byte:
		return "s" + string(v)
	case int64:
		return "i" + strconv.FormatInt(v, 10)
	case float64:
		return "f" + strconv.FormatFloat(v, 'g', -1, 64)
	}
	return "s"
}

// names are the keys as the search has them.
func (o *order) names() string {
	list := make([]string, len(o.keys))
	for i, k := range o.keys {
		list[i] = k.name
		if k.down {
			list[i] = "-" + k.name
		}
	}
	return strings.Join(list, ",")
}

// cursor returns the _cursor of the page that begins at h.
func (o *order) cursor(h hit, back bool) string {
	p := spot{Back: back, Keys: o.names()}
	for _, v := range h.at {
		p.After = append(p.After, writeValue(v))
	}
	p.After = append(p.After, writeValue(h.n))
	text, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(text)
}

// key reads one thing to sort by.
func (q *query) key(name string) (key, error) {
	bare := strings.TrimPrefix(name, "-")
	k := key{name: bare, down: bare != name}
	main := mainDate[q.typ]
	if main == nil {
		main = []string{"date"}
	}
	switch {
	case bare == "_lastUpdated":
		k.sql = "r.updated"
	case bare == "_id":
		k.sql = "r.id"
	case bare == "date" || slices.Contains(main, bare):
		k.sql = "r.sort_at"
	default:
		p, ok := q.def.Parameter(bare)
		if !ok {
			return k, refuse(q.typ, "_sort", "there is no parameter "+strconv.Quote(bare))
		}
		k.sql, k.join = q.valueOf(p, k.down, len(q.params.args))
	}
	return k, nil
}

// valueOf returns the value by which p sorts a resource r: the first of
// several, or the last where it sorts down. What has none comes last.
func (q *query) valueOf(p fhir.Parameter, down bool, unique int) (sql, join string) {
	column, last, fn := "low", "9000000000000000000", "min"
	table := tableOf(p.Kind)
	switch p.Kind {
	case fhir.TokenKind, fhir.UriKind:
		column, last = "code", "'\U0010FFFF'"
	case fhir.StringKind:
		column, last = "folded", "'\U0010FFFF'"
	case fhir.ReferenceKind:
		column, last = "id", "'\U0010FFFF'"
	}
	text := last[0] == '\''
	if down {
		fn = "max"
		last = "-" + last
		if text {
			last = "''"
		}
	}
	if table != "token_index" && table != "string_index" {
		sql = "(select " + fn + "(x." + column + ") from " + table + " x where x.param in (" + q.numbers(p, "") + ") and x.patient = r.patient and x.resource = r.n)"
		if p.Kind == fhir.ReferenceKind && q.ownReference(p) {
			sql += ", (select w.id from patient_number w where w.n = r.patient)"
		}
	} else {
		alias := "s" + strconv.Itoa(unique) + strconv.Itoa(len(p.Name)) + fn
		where := "x.param in (" + q.numbers(p, "") + ")"
		if q.within != "" {
			where += " and x.patient" + q.within
		}
		join = " left join (select x.resource as resource, " + fn + "(x." + column + ") as v from " + table + " x where " + where + " group by x.resource) " + alias + " on " + alias + ".resource = r.n"
		sql = alias + ".v"
	}
	sql = "coalesce(" + sql + ", " + last + ")"
	if text && !down {
		sql = "coalesce(" + sql + ", '')" // says that it is a text
	}
	return sql, join
}
