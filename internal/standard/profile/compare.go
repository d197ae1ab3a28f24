package profile

import (
	"bytes"
	"math/big"

	"hale/internal/standard/fhir"
)

// equal says whether n is just what a profile fixes.
//
// Spec: https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_
func equal(n, want fhir.Node) bool {
	switch {
	case want.IsObject():
		return n.IsObject() && contains(n, want) && n.Len() == want.Len()
	case want.IsArray():
		return n.IsArray() && contains(n, want) && n.Len() == want.Len()
	}
	return sameLeaf(n, want)
}

// contains says whether n has everything that a pattern has, and maybe more.
//
// Spec: https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_
func contains(n, want fhir.Node) bool {
	switch {
	case want.IsObject():
		if !n.IsObject() {
			return false
		}
		for w := want.First(); w.Exists(); w = w.Next(want) {
			if !contains(n.Child(string(w.Key())), w) {
				return false
			}
		}
		return true
	case want.IsArray():
		for w := want.First(); w.Exists(); w = w.Next(want) {
			if !holds(n, w) {
				return false
			}
		}
		return n.IsArray()
	}
	return sameLeaf(n, want)
}

func holds(list, want fhir.Node) bool {
	for e := list.First(); e.Exists(); e = e.Next(list) {
		if contains(e, want) {
			return true
		}
	}
	return false
}

func sameLeaf(n, want fhir.Node) bool {
	if !n.Exists() || n.IsText() != want.IsText() || n.IsNumber() != want.IsNumber() || n.IsObject() || n.IsArray() {
		return false
	}
	a, escaped := n.Letters()
	b, _ := want.Letters()
	if bytes.Equal(a, b) && !escaped {
		return true
	}
	if n.IsNumber() {
		return compare(n, want) == 0
	}
	return n.Text() == want.Text()
}

// compare orders two numbers exactly.
func compare(a, b fhir.Node) int {
	x, okX := new(big.Rat).SetString(bounded(a))
	y, okY := new(big.Rat).SetString(bounded(b))
	if !okX || !okY {
		return 0
	}
	return x.Cmp(y)
}

// bounded returns a number's letters unless its exponent is one that exact
// arithmetic would never end with.
func bounded(n fhir.Node) string {
	b, _ := n.Letters()
	if at := bytes.IndexAny(b, "eE"); at >= 0 && len(b)-at > 4 {
		return ""
	}
	return string(b)
}

// between checks that a number or a date lies between two others.
func (c *check) between(n, least, most fhir.Node) {
	low := least.Exists() && before(n, least)
	high := most.Exists() && before(most, n)
	if low || high {
		c.say(Error, "value", "range", n, "", "This lies outside what is allowed here.")
	}
}

// before says whether a is certainly less than b.
func before(a, b fhir.Node) bool {
	if a.IsNumber() && b.IsNumber() {
		return compare(a, b) < 0
	}
	if a.IsText() && b.IsText() {
		x, errX := fhir.ParseDate(a.Text())
		y, errY := fhir.ParseDate(b.Text())
		return errX == nil && errY == nil && !x.High.After(y.Low)
	}
	return false
}

// short writes a definition's value into a text.
func short(n fhir.Node) string {
	raw := n.Raw()
	if len(raw) > 200 {
		return string(raw[:200]) + "…"
	}
	return string(raw)
}
