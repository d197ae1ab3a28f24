package profile

import (
	"strings"

	"hale/internal/standard/fhir"
)

// extension checks an extension by the definition that its address names.
//
// Spec: https://hl7.org/fhir/R4/extensibility.html
func (c *check) extension(n fhir.Node) {
	value, inner := false, false
	for m := n.First(); m.Exists(); m = m.Next(n) {
		key := string(m.Key())
		value = value || strings.HasPrefix(key, "value") || strings.HasPrefix(key, "_value")
		inner = inner || key == "extension"
	}
	if value == inner {
		c.say(Error, "invariant", "ext-1", n, "", "An extension has either a value or extensions of its own, and not both.")
	}
	url := n.Child("url").Text()
	if !strings.Contains(url, ":") {
		return // a part of the extension around it, whose definition says what it is
	}
	c.conform(n, url)
}

// modifier checks that an extension which changes what the element means is
// one that Hale knows: who does not know it must not use the element.
func (c *check) modifier(n fhir.Node) {
	if url := n.Child("url").Text(); !c.v.Knows(url) {
		c.say(Error, "extension", "modifier", n, "", "Hale does not know this extension, which changes what is said around it: leave it out, or say it otherwise.")
	}
}
