package terms

import (
	"slices"

	"hale/internal/standard/facts"
)

// system is a code system that ships.
type system struct {
	entry    facts.Entry
	complete bool // what it does not have is no code of it
	folds    bool
	concepts []concept
	at       map[string]int32 // code → its place in concepts
}

type concept struct {
	code, display      string
	above              []int32
	abstract, inactive bool
}

func newSystem(e facts.Entry, f *facts.CodeSystem) *system {
	s := &system{entry: e, complete: f.Content == "complete", folds: f.Folds, at: map[string]int32{}}
	s.add(f.Concepts, -1)
	s.addMore(f.Concepts)
	return s
}

// add adds concepts below the one at above.
func (s *system) add(list []facts.Concept, above int32) {
	for _, c := range list {
		key := s.key(c.Code)
		at, known := s.at[key]
		if !known {
			at = int32(len(s.concepts))
			s.concepts = append(s.concepts, concept{code: c.Code, display: c.Display, abstract: c.Abstract, inactive: c.Inactive})
			s.at[key] = at
		}
		if above >= 0 && !slices.Contains(s.concepts[at].above, above) {
			s.concepts[at].above = append(s.concepts[at].above, above)
		}
		s.add(c.Below, at)
	}
}

// addMore adds what is below several concepts and so cannot stand in a tree.
func (s *system) addMore(list []facts.Concept) {
	for _, c := range list {
		for _, code := range c.Also {
			at, ok := s.at[s.key(code)]
			above := s.at[s.key(c.Code)]
			if ok && at != above && !slices.Contains(s.concepts[at].above, above) {
				s.concepts[at].above = append(s.concepts[at].above, above)
			}
		}
		s.addMore(c.Below)
	}
}

func (s *system) key(code string) string {
	if s.folds {
		return fold(code)
	}
	return code
}

func (s *system) find(code string) (int32, bool) {
	at, ok := s.at[s.key(code)]
	return at, ok
}

// has says whether code is one of the system's, which may be nil.
func (s *system) has(url, code string) Answer {
	if s == nil {
		return spelled(url, code)
	}
	if _, ok := s.find(code); ok {
		return In
	}
	if s.complete {
		return Out
	}
	return spelled(url, code)
}

// under says whether the concept at lies below the one at above.
func (s *system) under(at, above int32) bool {
	return s.climb(at, above, 0)
}

func (s *system) climb(at, above int32, depth int) bool {
	if depth > 64 {
		return false // a published circle
	}
	for _, up := range s.concepts[at].above {
		if up == above || s.climb(up, above, depth+1) {
			return true
		}
	}
	return false
}

// Concept is what is known of a code.
type Concept struct {
	Coding
	Name, Version string // of the code system
	Above, Below  []string
}

// Lookup returns what is known of a code of a code system that ships.
//
// Spec: https://hl7.org/fhir/R4/codesystem-operation-lookup.html
func (t *Terms) Lookup(url, code string) (Concept, bool) {
	s := t.whole(url)
	if s == nil {
		return Concept{}, false
	}
	at, ok := s.find(code)
	if !ok {
		return Concept{}, false
	}
	c := s.concepts[at]
	out := Concept{Coding: s.coding(at), Name: s.entry.Name, Version: s.entry.Version}
	for _, up := range c.above {
		out.Above = append(out.Above, s.concepts[up].code)
	}
	for i := range s.concepts {
		if slices.Contains(s.concepts[i].above, at) {
			out.Below = append(out.Below, s.concepts[i].code)
		}
	}
	return out, true
}

func (s *system) coding(at int32) Coding {
	c := s.concepts[at]
	return Coding{s.entry.URL, c.code, c.display, c.abstract, c.inactive}
}

// whole returns a system that ships, locking.
func (t *Terms) whole(url string) *system {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.system(url)
}

// Below returns the codes that a code subsumes, itself first. ok is false if
// the system does not ship or has no such code.
func (t *Terms) Below(url, code string) (codes []string, ok bool) {
	s := t.whole(url)
	if s == nil {
		return nil, false
	}
	top, ok := s.find(code)
	if !ok {
		return nil, false
	}
	codes = append(codes, s.concepts[top].code)
	for i := range s.concepts {
		if s.under(int32(i), top) {
			codes = append(codes, s.concepts[i].code)
		}
	}
	return codes, true
}

// Above returns the codes that subsume a code, itself first. ok is false if
// the system does not ship or has no such code.
func (t *Terms) Above(url, code string) (codes []string, ok bool) {
	s := t.whole(url)
	if s == nil {
		return nil, false
	}
	low, ok := s.find(code)
	if !ok {
		return nil, false
	}
	codes = append(codes, s.concepts[low].code)
	for i := range s.concepts {
		if s.under(low, int32(i)) {
			codes = append(codes, s.concepts[i].code)
		}
	}
	return codes, true
}

// Subsumes says how two codes of a system lie to each other: equivalent,
// subsumes, subsumed-by or not-subsumed. ok is false if the system does not
// ship or lacks one of them.
//
// Spec: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
func (t *Terms) Subsumes(url, a, b string) (outcome string, ok bool) {
	s := t.whole(url)
	if s == nil {
		return "", false
	}
	x, okA := s.find(a)
	y, okB := s.find(b)
	switch {
	case !okA || !okB:
		return "", false
	case x == y:
		return "equivalent", true
	case s.under(y, x):
		return "subsumes", true
	case s.under(x, y):
		return "subsumed-by", true
	}
	return "not-subsumed", true
}
