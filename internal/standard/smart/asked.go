package smart

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The scopes that are not about resources.
const (
	OpenID          = "openid"
	FHIRUser        = "fhirUser"
	Profile         = "profile"
	Launch          = "launch"
	LaunchPatient   = "launch/patient"
	LaunchEncounter = "launch/encounter"
	Offline         = "offline_access"
	Online          = "online_access"
)

var plain = []string{OpenID, FHIRUser, Profile, Launch, LaunchPatient, LaunchEncounter, Offline, Online}

// Worded is a clinical scope with the text that asked for it.
type Worded struct {
	Scope
	Text string
}

// Asked is a list of scopes, as a client asks for them.
type Asked struct {
	Clinical []Worded
	Plain    []string // of openid, launch/patient …
	Unknown  []string // what is no scope of SMART, left out
}

// ParseAsked reads a list of scopes parted by spaces. What it does not
// understand goes into Unknown: a server leaves it out of what it grants.
//
// Spec: RFC 6749 §3.3
func ParseAsked(text string) Asked {
	var a Asked
	seen := map[string]bool{}
	for one := range strings.FieldsSeq(text) {
		if seen[one] {
			continue
		}
		seen[one] = true
		if slices.Contains(plain, one) {
			a.Plain = append(a.Plain, one)
		} else if s, err := ParseScope(one); err == nil {
			a.Clinical = append(a.Clinical, Worded{s, one})
		} else {
			a.Unknown = append(a.Unknown, one)
		}
	}
	return a
}

// Has says whether a plain scope is in the list.
func (a Asked) Has(scope string) bool { return slices.Contains(a.Plain, scope) }

// Texts returns what was understood, each as it was asked for.
func (a Asked) Texts() []string {
	list := slices.Clone(a.Plain)
	for _, s := range a.Clinical {
		list = append(list, s.Text)
	}
	return list
}

// String returns Texts parted by spaces.
func (a Asked) String() string { return strings.Join(a.Texts(), " ") }

// Scopes returns the clinical scopes.
func (a Asked) Scopes() []Scope {
	list := make([]Scope, len(a.Clinical))
	for i, s := range a.Clinical {
		list[i] = s.Scope
	}
	return list
}

// And returns what both s and t allow; ok is false where that is nothing.
func (s Scope) And(t Scope) (both Scope, ok bool) {
	if s.Context != t.Context || s.Type != t.Type && s.Type != "*" && t.Type != "*" {
		return Scope{}, false
	}
	both = Scope{Context: s.Context, Type: s.Type, Verbs: s.Verbs & t.Verbs, Query: s.Query}
	if s.Type == "*" {
		both.Type = t.Type
	}
	if both.Verbs == 0 {
		return Scope{}, false
	}
	if len(t.Query) > 0 && t.Query.Encode() != s.Query.Encode() {
		both.Query = url.Values{}
		maps.Copy(both.Query, t.Query)
		for name, values := range s.Query { // said again, a parameter narrows
			both.Query[name] = append(slices.Clone(both.Query[name]), values...)
		}
	}
	return both, true
}

// Same says whether s and t allow the same.
func (s Scope) Same(t Scope) bool {
	return s.Context == t.Context && s.Type == t.Type && s.Verbs == t.Verbs && s.Query.Encode() == t.Query.Encode()
}

// Under says whether all that s allows is allowed by t alone.
func (s Scope) Under(t Scope) bool {
	both, ok := s.And(t)
	return ok && both.Same(s)
}

// Within returns what of a is allowed by the list most, and by verbs. A scope
// that stays whole keeps its text; what is narrowed is written in version 2.
func (a Asked) Within(most Asked, verbs func(Context) Verb) Asked {
	got := Asked{Unknown: a.Unknown}
	for _, p := range a.Plain {
		if most.Has(p) {
			got.Plain = append(got.Plain, p)
		}
	}
	for _, s := range a.Clinical {
		for _, t := range most.Clinical {
			both, ok := s.And(t.Scope)
			if both.Verbs &= verbs(s.Context); !ok || both.Verbs == 0 {
				continue
			}
			got.add(s, both)
		}
	}
	return got
}

// add adds what is left of s, unless it is there already.
func (a *Asked) add(s Worded, left Scope) {
	one := Worded{left, left.String()}
	if left.Same(s.Scope) {
		one.Text = s.Text
	}
	if !slices.ContainsFunc(a.Clinical, func(w Worded) bool { return left.Under(w.Scope) }) {
		a.Clinical = append(a.Clinical, one)
	}
}

// Covers says whether everything in part is in a: what a refresh may ask for.
//
// Spec: RFC 6749 §6
func (a Asked) Covers(part Asked) bool {
	for _, p := range part.Plain {
		if !a.Has(p) {
			return false
		}
	}
	for _, s := range part.Clinical {
		if !slices.ContainsFunc(a.Clinical, func(t Worded) bool { return s.Under(t.Scope) }) {
			return false
		}
	}
	return len(part.Unknown) == 0
}
