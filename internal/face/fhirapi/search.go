package fhirapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// search finds resources of a type, in a patient's compartment where one is
// named.
//
// Spec: https://hl7.org/fhir/R4/search.html
func (a *API) search(c *Call, typ, compartment, id string) (Answer, error) {
	if err := a.signedIn(c); err != nil {
		return Answer{}, err
	}
	if typ == "*" {
		c.Query = criteria(c.Query)
		return a.searchTypes(c, compartment+"/"+id, id)
	}
	c.Type = typ
	asked := criteria(c.Query)
	q, at := asked, typ
	if compartment != "" {
		at = compartment + "/" + id + "/" + typ
		q = without(asked)
		if err := within(typ, id, q); err != nil {
			return Answer{}, err
		}
	}
	f, err := a.find(c, typ, id, q)
	if err != nil {
		return Answer{}, err
	}
	if compartment != "" { // which the address says, and the links need not say again
		f.Used = without(f.Used)
		for _, name := range []string{"patient", "_id", "subject"} {
			if f.Used[name] = asked[name]; len(asked[name]) == 0 {
				delete(f.Used, name)
			}
		}
	}
	return a.searchset(c, at, asked, f)
}

// within narrows q to a patient's compartment.
func within(typ, id string, q url.Values) error {
	name := record.OwnParameter(typ)
	if typ == "Patient" {
		name = "_id"
	} else if name == "" {
		return refuse(http.StatusBadRequest, "not-supported", "http.path", "Resources of this type are in no patient's compartment.")
	}
	q[name] = append(slices.Clip(q[name]), id)
	return nil
}

// find asks the record. A search in somebody else's record finds as much as
// one in a record that is not there.
func (a *API) find(c *Call, typ, patient string, q url.Values) (record.Found, error) {
	if patient == "" {
		var err error
		if patient, err = a.named(c, typ, q); err != nil {
			return record.Found{}, err
		}
	}
	pass, err := a.pass(c, typ, smart.Search, patient)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound && !isProblem(err) {
			return record.Found{Total: -1, Used: q}, nil
		}
		return record.Found{}, err
	}
	if q = a.relative(q); c.shape.summary == "count" {
		q = without(q)
		q["_summary"] = []string{"count"}
	}
	f, err := a.Record.Find(c.Context(), pass, typ, q)
	if err != nil {
		return f, err
	}
	if c.prefer.strict && len(f.Unknown) > 0 {
		return f, unknownParameter(f.Unknown)
	}
	return f, nil
}

// relative returns q with the addresses of resources here as Type/id: it is
// the same reference.
//
// Spec: https://hl7.org/fhir/R4/search.html#reference
func (a *API) relative(q url.Values) url.Values {
	out := q
	for name, values := range q {
		for i, v := range values {
			rest, ok := strings.CutPrefix(v, a.Base+"/")
			if !ok {
				continue
			}
			if typ, _ := fhir.SplitReference(rest); typ == "" {
				continue
			}
			out = without(out)
			out[name] = slices.Clone(out[name])
			out[name][i] = rest
		}
	}
	return out
}

// unknownParameter refuses a search by what is not known.
func unknownParameter(names []string) *Problem {
	p := &Problem{Status: http.StatusBadRequest}
	for _, name := range names {
		p.Issues = append(p.Issues, Issue{Code: "not-supported", Place: "http." + name, Text: "There is no such search parameter here."})
	}
	return p
}

// without returns q without some parameters.
func without(q url.Values, names ...string) url.Values {
	out := make(url.Values, len(q)+2)
	for k, v := range q {
		if name, _, _ := strings.Cut(k, ":"); !slices.Contains(names, name) {
			out[k] = v
		}
	}
	return out
}

// ofPatient are the search parameters that name whose record is searched.
var ofPatient = []string{"patient", "subject", "patient:Patient", "subject:Patient", "beneficiary", "beneficiary:Patient"}

// named returns the patient whose record a search is about, if it says so.
func (a *API) named(c *Call, typ string, q url.Values) (string, error) {
	if c.Actor.Kind == access.System {
		return "", nil
	}
	for _, name := range ofPatient {
		for _, v := range q[name] {
			if id := a.patientID(v); id != "" {
				return id, nil
			}
		}
	}
	one := q.Get("_id")
	if one == "" || strings.Contains(one, ",") || !fhir.ValidID(one) {
		return "", nil
	}
	if typ == "Patient" && c.Actor.Kind == access.Staff {
		return "", nil // who finds patients sees each as the list does
	}
	patient, err := a.owner(c, typ, one)
	if err == errNotFound {
		return "", nil
	}
	return patient, err
}

// patientID reads id, Patient/id or the address of a patient here, and takes
// the first of a list.
func (a *API) patientID(v string) string {
	v, _, _ = strings.Cut(v, ",")
	v = strings.TrimPrefix(strings.TrimPrefix(v, a.Base+"/"), "Patient/")
	if fhir.ValidID(v) {
		return v
	}
	return ""
}

// searchSystem finds resources of several types.
func (a *API) searchSystem(c *Call) (Answer, error) {
	if err := a.signedIn(c); err != nil {
		return Answer{}, err
	}
	c.Query = criteria(c.Query)
	return a.searchTypes(c, "", "")
}

// searchTypes finds resources of the types that _type names, one type after
// the other. at is the address that was searched.
func (a *API) searchTypes(c *Call, at, patient string) (Answer, error) {
	var types []string
	for _, list := range c.Query["_type"] {
		for t := range strings.SplitSeq(list, ",") {
			if !fhir.IsType(t) {
				return Answer{}, refuse(http.StatusBadRequest, "value", "http._type", "_type lists types of resources.")
			}
			if !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	if len(types) == 0 {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http._type", "A search of more than one type says which: _type=Observation,Condition.")
	}
	count, err := pageSize(c.Query)
	if err != nil {
		return Answer{}, err
	}
	first, cursor, ok := 0, "", true
	if text := c.Query.Get("_cursor"); text != "" {
		var typ string
		typ, cursor, _ = strings.Cut(text, "~")
		if first = slices.Index(types, typ); first < 0 {
			return Answer{}, refuse(http.StatusBadRequest, "value", "http._cursor", "That page is not of this search.")
		}
	}
	all := record.Found{Total: -1, Used: without(c.Query, "_cursor")}
	q := without(c.Query, "_type", "_cursor")
	for i := first; i < len(types) && ok; i++ {
		left := count - len(all.Matches)
		if left <= 0 {
			all.Next = types[i] + "~"
			break
		}
		one := without(q)
		one["_count"] = []string{strconv.Itoa(left)}
		if i == first && cursor != "" {
			one["_cursor"] = []string{cursor}
		}
		if patient != "" && within(types[i], patient, one) != nil {
			continue
		}
		f, err := a.find(c, types[i], patient, one)
		if err != nil {
			return Answer{}, err
		}
		all.Matches, all.Included = append(all.Matches, f.Matches...), append(all.Included, f.Included...)
		all.Unknown = append(all.Unknown, f.Unknown...)
		if f.Next != "" {
			all.Next, ok = types[i]+"~"+f.Next, false
		}
	}
	return a.searchset(c, at, c.Query, all)
}

// usualPage is how many resources a page of several types holds.
const usualPage = 50

func pageSize(q url.Values) (int, error) {
	text := q.Get("_count")
	if text == "" {
		return usualPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, refuse(http.StatusBadRequest, "value", "http._count", "_count is a number.")
	}
	return min(n, 1000), nil
}

// searchset returns the bundle that shows what was found. The bodies are
// those that the record keeps ready, and are not read again.
//
// Spec: https://hl7.org/fhir/R4/bundle.html#searchset
func (a *API) searchset(c *Call, at string, asked url.Values, f record.Found) (Answer, error) {
	b := a.newBundle("searchset")
	if f.Total >= 0 {
		b.total(f.Total)
	}
	used := f.Used
	if used == nil {
		used = asked
	}
	self := a.pageAddress(at, c, used, "")
	if now := asked.Get("_cursor"); now != "" {
		self = a.pageAddress(at, c, used, now)
	}
	b.link("self", self)
	first := f.First
	b.link("first", a.pageAddress(at, c, used, first))
	if f.Prev != "" {
		b.link("previous", a.pageAddress(at, c, used, f.Prev))
	}
	if f.Next != "" {
		b.link("next", a.pageAddress(at, c, used, f.Next))
	}
	if c.shape.summary != "count" {
		for i := range f.Matches {
			if err := b.found(c, &f.Matches[i], "match"); err != nil {
				return Answer{}, err
			}
		}
		for i := range f.Included {
			if err := b.found(c, &f.Included[i], "include"); err != nil {
				return Answer{}, err
			}
		}
	}
	if len(f.Unknown) > 0 {
		var issues []Issue
		for _, name := range f.Unknown {
			issues = append(issues, Issue{Severity: "warning", Code: "not-supported", Place: "http." + name,
				Text: "There is no such search parameter here, so it was left out."})
		}
		b.note(outcome(issues...))
	}
	return b.answer(c), nil
}

// pageAddress is the address of a page of a search or a history.
func (a *API) pageAddress(at string, c *Call, q url.Values, cursor string) string {
	address := a.Base
	if at != "" {
		address += "/" + at
	}
	text := ""
	if len(q) > 0 {
		text = q.Encode()
		if q.Has("_cursor") {
			text = without(q, "_cursor").Encode()
		}
	}
	if cursor != "" {
		text = also(text, "_cursor="+url.QueryEscape(cursor))
	}
	if len(c.Query) > 0 {
		for _, name := range control {
			if v := c.Query.Get(name); v != "" && !q.Has(name) {
				text = also(text, name+"="+url.QueryEscape(v))
			}
		}
	}
	if text == "" {
		return address
	}
	return address + "?" + text
}

// also joins two parts of a query.
func also(a, b string) string {
	if a == "" {
		return b
	}
	return a + "&" + b
}
