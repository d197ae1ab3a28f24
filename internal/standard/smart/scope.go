// Package smart reads and writes what SMART App Launch says on the wire:
// scopes, launch contexts and the configuration document.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/
package smart

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hale/internal/standard/fhir"
)

// Verb is one thing that a scope allows with resources, as a bit.
type Verb uint8

// The verbs, in the order in which a scope writes them: cruds.
const (
	Create Verb = 1 << iota
	Read
	Update
	Delete
	Search
)

// verbs are the letters of the verbs in their order.
const verbs = "cruds"

// String returns v as a scope writes it: rs.
func (v Verb) String() string {
	var b strings.Builder
	for i := range len(verbs) {
		if v&(1<<i) != 0 {
			b.WriteByte(verbs[i])
		}
	}
	return b.String()
}

// Context is whose data a scope is about.
type Context string

// The contexts.
const (
	OfPatient Context = "patient" // the patient of the launch
	OfUser    Context = "user"    // what the person who signed in may see
	OfSystem  Context = "system"  // what the client itself may see
)

// Scope is one clinical scope: patient/Observation.rs?category=laboratory.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
type Scope struct {
	Context Context
	Type    string // a resource type, or * for every one
	Verbs   Verb
	Query   url.Values // only what a search with it finds; nil: everything
}

// String returns s in version 2 syntax, its parameters in order.
func (s Scope) String() string {
	text := string(s.Context) + "/" + s.Type + "." + s.Verbs.String()
	if len(s.Query) > 0 {
		text += "?" + s.Query.Encode()
	}
	return text
}

// On says whether s allows all of v on resources of type typ.
func (s Scope) On(typ string, v Verb) bool {
	return (s.Type == "*" || s.Type == typ) && s.Verbs&v == v
}

// ParseScope reads one clinical scope, in the syntax of version 1
// (patient/Observation.read) or 2.
func ParseScope(text string) (Scope, error) {
	bad := fmt.Errorf("%q is not a SMART scope such as patient/Observation.rs", text)
	head, query, granular := strings.Cut(text, "?")
	context, rest, ok1 := strings.Cut(head, "/")
	typ, letters, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || typ != "*" && !fhir.IsType(typ) {
		return Scope{}, bad
	}
	s := Scope{Context: Context(context), Type: typ}
	if !slices.Contains([]Context{OfPatient, OfUser, OfSystem}, s.Context) {
		return Scope{}, bad
	}
	var err error
	if s.Verbs, err = parseVerbs(letters); err != nil {
		return Scope{}, bad
	}
	if granular {
		if s.Query, err = url.ParseQuery(query); err != nil || typ == "*" || !narrows(s.Query) {
			return Scope{}, bad
		}
	}
	return s, nil
}

// narrows says whether q finds some of a type: a parameter that only orders,
// counts or shapes an answer would leave everything.
func narrows(q url.Values) bool {
	for name := range q {
		bare, _, _ := strings.Cut(name, ":")
		if strings.HasPrefix(bare, "_") && !slices.Contains([]string{"_id", "_tag", "_profile", "_security", "_lastUpdated"}, bare) {
			return false
		}
	}
	return len(q) > 0
}

// parseVerbs reads read, write and * of version 1, or letters of cruds, each
// once and in order.
func parseVerbs(letters string) (Verb, error) {
	switch letters {
	case "read":
		return Read | Search, nil
	case "write":
		return Create | Update | Delete, nil
	case "*":
		return Create | Read | Update | Delete | Search, nil
	}
	var v Verb
	last := -1
	for i := range len(letters) {
		at := strings.IndexByte(verbs, letters[i])
		if at <= last {
			return 0, fmt.Errorf("%q is not some of %s in this order", letters, verbs)
		}
		v, last = v|1<<at, at
	}
	if v == 0 {
		return 0, fmt.Errorf("no letters of %s", verbs)
	}
	return v, nil
}
