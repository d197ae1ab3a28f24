package export

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// Level is whose data an export is of.
type Level string

// The levels.
const (
	OfSystem   Level = "system"  // all there is
	OfPatients Level = "patient" // every patient's
	OfGroup    Level = "group"   // the patients' in a group
)

func (l Level) words() string { return "level " + string(l) }

// Filter is one _typeFilter: what of a type to export.
type Filter struct {
	Type  string
	Query url.Values
}

// Ask is what an export is asked for.
type Ask struct {
	Level    Level
	Group    string   // id of the Group
	Patients []string // only these, by id; none: every one
	Types    []string // in order; never empty
	Since    time.Time
	Filters  []Filter
	Left     []string // what was asked and is left out, in words
}

// BadAsk says what is wrong with what was asked.
type BadAsk struct{ Name, Reason string }

// Error names the parameter.
func (e *BadAsk) Error() string { return "export: " + e.Name + ": " + e.Reason }

// asking reads one request.
type asking struct {
	Ask
	lenient bool
	wanted  []string
}

// refuse refuses a parameter, or leaves it out where the client wants that.
func (a *asking) refuse(name, reason string) error {
	if a.lenient {
		a.Left = append(a.Left, name+" was left out: "+reason)
		return nil
	}
	return &BadAsk{name, reason}
}

// Read reads what q asks for, at a level, of all that pass lets its client
// read. lenient leaves out what cannot be done, and says so in the result.
// The error is a *BadAsk.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
func Read(level Level, group string, q url.Values, lenient bool, pass access.Pass) (Ask, error) {
	a := &asking{Ask: Ask{Level: level, Group: group}, lenient: lenient}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names) // _type before _typeFilter
	for _, name := range names {
		if err := a.read(name, q[name]); err != nil {
			return Ask{}, err
		}
	}
	if err := a.types(pass); err != nil {
		return Ask{}, err
	}
	return a.Ask, a.filtered()
}

func (a *asking) read(name string, values []string) error {
	switch name {
	case "_outputFormat":
		return a.format(values)
	case "_since":
		return a.since(values)
	case "_type":
		return a.named(values)
	case "_typeFilter":
		for _, v := range values {
			if err := a.filter(v); err != nil {
				return err
			}
		}
		return nil
	case "patient":
		return a.patients(values)
	}
	return a.refuse(name, "this server does not know that parameter")
}

// format takes the three names of the one format there is.
func (a *asking) format(values []string) error {
	for _, v := range values {
		v = strings.ReplaceAll(v, " ", "+") // a + that an address made a space
		if v != "application/fhir+ndjson" && v != "application/ndjson" && v != "ndjson" {
			return &BadAsk{"_outputFormat", "only application/fhir+ndjson is made"}
		}
	}
	return nil
}

func (a *asking) since(values []string) error {
	if len(values) != 1 {
		return &BadAsk{"_since", "one time is wanted"}
	}
	span, err := fhir.ParseDate(strings.ReplaceAll(values[0], " ", "+"))
	if err != nil {
		return &BadAsk{"_since", "it is not a time such as 2026-03-02T12:00:00Z"}
	}
	a.Since = span.Low
	return nil
}

// named reads the types.
func (a *asking) named(values []string) error {
	for _, v := range values {
		for typ := range strings.SplitSeq(v, ",") {
			typ = strings.TrimSpace(typ)
			if !fhir.IsType(typ) {
				if err := a.refuse("_type", "there is no such type of resource"); err != nil {
					return err
				}
				continue
			}
			if !slices.Contains(a.wanted, typ) {
				a.wanted = append(a.wanted, typ)
			}
		}
	}
	if len(a.wanted) == 0 {
		return &BadAsk{"_type", "no type is left"}
	}
	return nil
}

// next is where a comma ends a filter: another type's follows.
var next = regexp.MustCompile(`,[A-Z][A-Za-z]+\?`)

// filter reads one or more filters, apart by commas.
func (a *asking) filter(v string) error {
	for v != "" {
		one, rest := v, ""
		if at := next.FindStringIndex(v); at != nil {
			one, rest = v[:at[0]], v[at[0]+1:]
		}
		v = rest
		typ, query, ok := strings.Cut(one, "?")
		q, err := url.ParseQuery(query)
		if !ok || err != nil || !fhir.IsType(typ) || len(q) == 0 {
			if err := a.refuse("_typeFilter", "it is not a search such as Observation?category=laboratory"); err != nil {
				return err
			}
			continue
		}
		if reason := unfit(q); reason != "" {
			if err := a.refuse("_typeFilter", reason); err != nil {
				return err
			}
			continue
		}
		a.Filters = append(a.Filters, Filter{typ, q})
	}
	return nil
}

// unfit says why a search cannot be a filter: what orders a result or adds
// to it has no meaning there.
func unfit(q url.Values) string {
	for name := range q {
		bare, _, _ := strings.Cut(name, ":")
		switch bare {
		case "_include", "_revinclude", "_sort", "_count", "_total", "_summary", "_elements", "_contained", "_containedType", "_cursor", "_format":
			return bare + " has no meaning in a filter"
		}
	}
	return ""
}

// patients reads references to the only patients that are wanted.
func (a *asking) patients(values []string) error {
	if a.Level == OfSystem {
		return a.refuse("patient", "it is for exports of patients or of a group")
	}
	for _, v := range values {
		typ, id := fhir.SplitReference(v)
		if typ != "Patient" || !fhir.ValidID(id) {
			return &BadAsk{"patient", "it is not a reference such as Patient/123"}
		}
		if !slices.Contains(a.Ask.Patients, id) {
			a.Ask.Patients = append(a.Ask.Patients, id)
		}
	}
	return nil
}

// types keeps the types that the client may read.
func (a *asking) types(pass access.Pass) error {
	list := a.wanted
	if len(list) == 0 {
		list = every(a.Level)
	}
	for _, typ := range list {
		if _, ok := pass.Reaches(typ, smart.Read); ok {
			a.Types = append(a.Types, typ)
			continue
		}
		if len(a.wanted) > 0 {
			if err := a.refuse("_type", "the scopes of the token do not allow "+typ); err != nil {
				return err
			}
		}
	}
	slices.Sort(a.Types)
	if len(a.Types) == 0 {
		return &BadAsk{"_type", "the scopes of the token allow none of it"}
	}
	return nil
}

// every returns the types that an export of a level has where none is named.
func every(level Level) []string {
	var list []string
	for _, typ := range fhir.Types() {
		if level == OfSystem || record.Personal(typ) || slices.Contains(beside, typ) {
			list = append(list, typ)
		}
	}
	return list
}

// beside are the types that records refer to and that are nobody's own: what
// helps to read them.
var beside = []string{"Location", "Medication", "Organization", "Practitioner", "PractitionerRole"}

// filtered drops filters of types that are not exported.
func (a *Ask) filtered() error {
	var keep []Filter
	for _, f := range a.Filters {
		if slices.Contains(a.Types, f.Type) {
			keep = append(keep, f)
			continue
		}
		return &BadAsk{"_typeFilter", f.Type + " is not among the types"}
	}
	a.Filters = keep
	return nil
}

// members returns the patients that ask is limited to, with their numbers;
// nothing where it is not.
func (s *Store) members(ctx context.Context, pass access.Pass, ask *Ask) (map[string]int64, error) {
	if ask.Level != OfGroup {
		return s.Record.Numbers(ctx, ask.Patients)
	}
	r, err := s.Record.Get(ctx, pass, "Group", ask.Group)
	if err != nil {
		return nil, errNoGroup.Because(err)
	}
	node, err := fhir.Parse(r.Body)
	if err != nil {
		return nil, fmt.Errorf("export: group: %w", err)
	}
	list := membersOf(node, s.Now())
	if len(ask.Patients) > 0 {
		for _, id := range ask.Patients {
			if !slices.Contains(list, id) {
				return nil, &BadAsk{"patient", "Patient/" + id + " is not in the group"}
			}
		}
		list = ask.Patients
	}
	return s.Record.Numbers(ctx, list)
}

// membersOf returns the patients who are in a group now.
//
// Spec: https://hl7.org/fhir/R4/group.html
func membersOf(group fhir.Node, now time.Time) []string {
	var list []string
	for m := range group.Get("member").Each() {
		if m.Get("inactive").Bool() {
			continue
		}
		if span, ok := m.Get("period").Date(); ok && (span.Low.After(now) || !span.High.After(now)) {
			continue
		}
		if typ, id := m.Get("entity").Reference(); typ == "Patient" {
			list = append(list, id)
		}
	}
	return list
}
