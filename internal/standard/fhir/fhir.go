// Package fhir reads FHIR R4 resources as they are: a small tree over the
// JSON text, with the few accessors that every part of Hale needs.
//
// A Node points into the text it was parsed from and never copies it, so the
// text must not change afterwards.
//
// Spec: https://hl7.org/fhir/R4/json.html and https://hl7.org/fhir/R4/datatypes.html
package fhir

import "strings"

//go:generate sh gen/generate.sh

// Coding is one code of one code system.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#Coding
type Coding struct{ System, Code, Display string }

// Codings returns the codings of a CodeableConcept, of a Coding, or of a
// list of either.
func (n Node) Codings() []Coding {
	var list []Coding
	for e := range n.Each() {
		inner := e.Get("coding")
		if !inner.Exists() {
			inner = e
		}
		for c := range inner.Each() {
			coding := Coding{c.Get("system").Text(), c.Get("code").Text(), c.Get("display").Text()}
			if coding != (Coding{}) {
				list = append(list, coding)
			}
		}
	}
	return list
}

// Concept returns what a CodeableConcept says in words: its text, else its
// first display, else its first code.
func (n Node) Concept() string {
	for e := range n.Each() {
		if t := e.Get("text").Text(); t != "" {
			return t
		}
	}
	codings := n.Codings()
	for _, c := range codings {
		if c.Display != "" {
			return c.Display
		}
	}
	for _, c := range codings {
		if c.Code != "" {
			return c.Code
		}
	}
	return ""
}

// Reference returns the type and the id that a Reference, or a string that
// is one, names; nothing where it names no resource by its id.
//
// Spec: https://hl7.org/fhir/R4/references.html
func (n Node) Reference() (typ, id string) {
	s := n.first()
	if s.IsObject() {
		s = s.child("reference")
	}
	return SplitReference(s.Text())
}

// SplitReference reads Type/id out of a relative reference, which may name a
// version. An absolute one leads to somebody else's resource, whose id means
// nothing here.
func SplitReference(s string) (typ, id string) {
	s, _, _ = strings.Cut(s, "/_history/")
	typ, id, ok := strings.Cut(s, "/")
	if !ok || !ValidID(id) || !IsType(typ) {
		return "", ""
	}
	return typ, id
}

// ValidID says whether s may be a resource's id: 1 to 64 letters, digits,
// hyphens and dots.
func ValidID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			continue
		}
		return false
	}
	return true
}

// HumanName returns the name to show of a HumanName or a list of them: the
// official one, else the usual one, else the first.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#HumanName
func (n Node) HumanName() (full, family, given string) {
	var best Node
	rank := 9
	for e := range n.Each() {
		if r := nameRank(e.Get("use").Text()); r < rank {
			best, rank = e, r
		}
	}
	family = best.Get("family").Text()
	given = best.Get("given").joined()
	full = best.Get("text").Text()
	if full == "" {
		full = strings.Join(strings.Fields(given+" "+family+" "+best.Get("suffix").joined()), " ")
	}
	return full, family, given
}

func nameRank(use string) int {
	switch use {
	case "official":
		return 0
	case "usual":
		return 1
	case "":
		return 2
	case "old", "maiden":
		return 4
	}
	return 3
}

// joined returns the texts of a list with a space between them.
func (n Node) joined() string {
	var list []string
	for e := range n.Each() {
		list = append(list, e.Text())
	}
	return strings.Join(list, " ")
}
