// Package terms answers questions about codes from the code systems and value
// sets that ship: those of FHIR R4, HL7's older tables, and US Core.
//
// What ships is known for certain. Of systems that do not ship (SNOMED CT,
// LOINC, RxNorm) it knows only what a value set lists code by code; about the
// rest it answers Unknown, and never guesses.
//
// Spec: https://hl7.org/fhir/R4/terminology-service.html
package terms

import (
	"strings"
	"sync"

	"hale/internal/standard/facts"
)

// Answer says whether a code is in a value set or a code system.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota
	In
	Out
)

// Coding is a code of a system and what it is called.
type Coding struct {
	System, Code, Display string
	Abstract              bool // a heading, not to be used as a code
	Inactive              bool
}

// Terms answers questions about codes. It may be used by many at once;
// systems and sets are read when they are first asked for.
type Terms struct {
	library *facts.Library
	mu      sync.Mutex
	systems map[string]*system // nil values: not here
	sets    map[string]*Set
}

// New returns the terms of a library.
func New(library *facts.Library) *Terms {
	return &Terms{library: library, systems: map[string]*system{}, sets: map[string]*Set{}}
}

// Set returns the value set that the canonical address names, which may end
// with a version, or nil if it does not ship.
func (t *Terms) Set(canonical string) *Set {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set(canonical)
}

func (t *Terms) set(canonical string) *Set {
	if s, ok := t.sets[canonical]; ok {
		return s
	}
	e, f, ok := t.library.ValueSet(canonical)
	if !ok {
		if len(t.sets) < most {
			t.sets[canonical] = nil
		}
		return nil
	}
	if own := e.URL + "|" + e.Version; canonical != e.URL && canonical != own {
		return t.set(own) // a sender's way to write the version is not kept
	}
	s := &Set{Entry: e}
	t.sets[canonical] = s // before its parts: a set that includes itself ends here
	s.include, s.exclude = t.parts(f.Include), t.parts(f.Exclude)
	return s
}

// most is how many addresses that lead nowhere are remembered: they are the
// sender's words.
const most = 8192

// Member says whether a value set has a code. An empty system stands for
// the one that the set means, as where an element is a bare code.
func (t *Terms) Member(valueSet, system, code string) Answer {
	s := t.Set(valueSet)
	if s == nil {
		return Unknown
	}
	return s.Has(system, code)
}

// System says whether a code is one of a code system's.
func (t *Terms) System(url, code string) Answer {
	t.mu.Lock()
	s := t.system(url)
	t.mu.Unlock()
	return s.has(url, code)
}

// system returns the code system at an address, nil if it does not ship.
func (t *Terms) system(url string) *system {
	if s, ok := t.systems[url]; ok {
		return s
	}
	e, f, ok := t.library.CodeSystem(url)
	if own := e.URL + "|" + e.Version; ok && url != e.URL && url != own {
		return t.system(own)
	}
	if !ok {
		if len(t.systems) < most {
			t.systems[url] = nil
		}
		return nil
	}
	s := newSystem(e, f)
	t.systems[url] = s
	return s
}

// fold makes upper and lower case the same, where a system says they are.
func fold(code string) string { return strings.ToLower(code) }
