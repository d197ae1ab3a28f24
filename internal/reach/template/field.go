package template

import (
	"slices"
	"strings"

	"hale/internal/reach/policy"
)

// Type is what a field holds, and so which filters fit it.
type Type string

// The types. A value travels as text: a date as RFC 3339 or YYYY-MM-DD, money
// in cents, a phone number as E.164.
const (
	Words   Type = "text"
	Name    Type = "name"   // of a person
	Date    Type = "date"   // a day or an instant
	Phone   Type = "phone"  // a telephone number
	Money   Type = "money"  // whole cents
	Number  Type = "number" // a whole number
	Address Type = "url"    // an address that can be opened
	List    Type = "list"   // of items with fields of their own
)

// Field is something a text may name.
type Field struct {
	Name    string       `json:"name"`
	Words   string       `json:"words,omitempty"` // for the author
	Type    Type         `json:"type,omitempty"`  // empty: text
	Class   policy.Class `json:"class"`
	Source  string       `json:"source,omitempty"`  // where its value comes from
	Missing bool         `json:"missing,omitempty"` // some people have none: a text has to say what then
	Items   []Field      `json:"items,omitempty"`   // of a list
}

// MaxItems is the most a list holds.
const MaxItems = 20

// Fields returns every field that any text may use, as the author's menu
// lists them.
func Fields() []Field {
	visit := []Field{
		{Name: "date", Words: "Day of the visit", Type: Date, Class: policy.S1, Source: "the visit"},
		{Name: "place", Words: "Where it is", Class: policy.S1, Source: "the visit", Missing: true},
		{Name: "clinician", Words: "Who sees the patient", Type: Name, Class: policy.S2, Source: "the visit", Missing: true},
		{Name: "service", Words: "What it is for", Class: policy.S2, Source: "the visit", Missing: true},
	}
	list := []Field{
		{Name: "first_name", Words: "First name, the one the person goes by", Type: Name, Class: policy.S1, Source: "the record", Missing: true},
		{Name: "last_name", Words: "Last name", Type: Name, Class: policy.S1, Source: "the record", Missing: true},
		{Name: "full_name", Words: "Whole name", Type: Name, Class: policy.S1, Source: "the record", Missing: true},
		{Name: "service", Words: "What can be booked", Class: policy.S2, Source: "this outreach", Missing: true},
		{Name: "due_since", Words: "When it was last done: the last visit of the same kind", Type: Date, Class: policy.S2, Source: "past visits", Missing: true},
		{Name: "clinician", Words: "Whom the patient saw last", Type: Name, Class: policy.S2, Source: "past visits", Missing: true},
	}
	for _, f := range visit {
		f.Name, f.Words, f.Missing = "visit."+f.Name, "Next visit: "+strings.ToLower(f.Words[:1])+f.Words[1:], true
		list = append(list, f)
	}
	return append(list,
		Field{Name: "visits", Words: "The next visits, as a list", Type: List, Class: policy.S1, Source: "the record", Missing: true, Items: visit},
		Field{Name: "medicines", Words: "Medicines taken now, as a list", Type: List, Class: policy.S2, Source: "the record", Missing: true, Items: []Field{
			{Name: "name", Words: "Name of the medicine", Class: policy.S2, Source: "the record"},
			{Name: "dose", Words: "How to take it", Class: policy.S2, Source: "the record", Missing: true},
		}},
		Field{Name: "clinic", Words: "Name of the clinic", Source: "settings"},
		Field{Name: "clinic_phone", Words: "Telephone of the clinic", Type: Phone, Source: "settings"},
		Field{Name: "clinic_address", Words: "Postal address of the clinic", Source: "settings", Missing: true},
		Field{Name: "today", Words: "The day on which it is written", Type: Date, Source: "the calendar"},
		Field{Name: "language", Words: "Language of the reader: en, es", Source: "the record"},
		Field{Name: "link", Words: "The link to the page", Type: Address, Source: "made for each message"},
	)
}

// scope is what names mean in one place of a text.
type scope struct {
	fields []Field
	item   string // the name that stands for one of a list; empty: outside
	list   Field
}

// ref is a field that a text names.
type ref struct {
	Field
	list string // the list whose item has it; empty: a field of its own
}

func (s scope) find(name string) (ref, bool) {
	if rest, ok := strings.CutPrefix(name, s.item+"."); ok && s.item != "" {
		for _, f := range s.list.Items {
			if f.Name == rest {
				f.Class = max(f.Class, s.list.Class)
				return ref{f, s.list.Name}, true
			}
		}
		return ref{}, false
	}
	i := slices.IndexFunc(s.fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return ref{}, false
	}
	return ref{Field: s.fields[i]}, true
}

// names are all that may be named here.
func (s scope) names() []string {
	var list []string
	for _, f := range s.list.Items {
		list = append(list, s.item+"."+f.Name)
	}
	for _, f := range s.fields {
		list = append(list, f.Name)
	}
	return list
}

// nearest returns the name most like what was written, or "".
func nearest(written string, names []string) string {
	best, least := "", max(2, len(written)/3)+1
	for _, n := range names {
		d := distance(strings.ToLower(written), n)
		if strings.ReplaceAll(strings.ToLower(written), "_", "") == strings.ReplaceAll(n, "_", "") {
			d = 0
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is how many letters have to be changed, added or dropped.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
