package profile

import (
	"bytes"
	"strings"

	"hale/internal/standard/fhir"
)

// whole checks what holds for every resource that has contained ones.
//
// Spec: https://hl7.org/fhir/R4/domainresource.html#invs and https://hl7.org/fhir/R4/references.html#contained
func (c *check) whole(n fhir.Node) {
	list := n.Child("contained")
	if !list.Exists() {
		return
	}
	named := mentioned(n)
	for r := list.First(); r.Exists() && !c.full(); r = r.Next(list) {
		if r.Child("contained").Exists() {
			c.say(Error, "invariant", "dom-2", r.Child("contained"), "", "A contained resource contains no other: put both into the outer one.")
		}
		meta := r.Child("meta")
		if v := meta.Child("versionId"); v.Exists() {
			c.say(Error, "invariant", "dom-4", v, "", "Leave this out: a contained resource has no version of its own.")
		}
		if v := meta.Child("lastUpdated"); v.Exists() {
			c.say(Error, "invariant", "dom-4", v, "", "Leave this out: a contained resource has no version of its own.")
		}
		if v := meta.Child("security"); v.Exists() {
			c.say(Error, "invariant", "dom-5", v, "", "Put the label on the outer resource: a contained one has none of its own.")
		}
		c.used(r, named)
	}
}

// used says where nothing refers to the contained resource r, and it to
// nothing around it.
func (c *check) used(r fhir.Node, named map[string]bool) {
	id := r.Child("id").Text()
	if id == "" {
		c.say(Error, "required", "dom-3", r, "id", "Add an id: a contained resource is referred to by it.")
		return
	}
	if named[id] || bytes.Contains(r.Raw(), []byte(`"#"`)) {
		return
	}
	c.say(Error, "invariant", "dom-3", r, "", "Nothing refers to this contained resource: refer to it by # and its id, or leave it out.")
}

// mentioned returns what strings inside n name by #.
func mentioned(n fhir.Node) map[string]bool {
	raw, all := n.Raw(), map[string]bool{}
	for {
		at := bytes.Index(raw, []byte(`"#`))
		if at < 0 {
			return all
		}
		raw = raw[at+2:]
		if end := bytes.IndexByte(raw, '"'); end >= 0 {
			all[string(raw[:end])] = true
		}
	}
}

// local checks that #x in a reference is a contained resource.
func (c *check) local(n fhir.Node) {
	ref := n.Child("reference")
	if !ref.IsText() {
		return
	}
	b, _ := ref.Letters()
	if len(b) < 2 || b[0] != '#' {
		return
	}
	if c.contained(string(b[1:])).Exists() {
		return
	}
	c.say(Error, "invariant", "ref-1", ref, "", "No contained resource has this id: contain it, or refer to where it is.")
}

// contained returns the contained resource of the one around that has an id.
func (c *check) contained(id string) fhir.Node {
	list := c.around.Child("contained")
	if !list.Exists() {
		return fhir.Node{}
	}
	if c.indexed != c.around {
		c.indexed, c.byID = c.around, map[string]fhir.Node{}
		for r := list.First(); r.Exists(); r = r.Next(list) {
			c.byID[r.Child("id").Text()] = r
		}
	}
	return c.byID[id]
}

// target checks that a reference leads to one of types, as far as its text
// says where it leads.
func (c *check) target(n fhir.Node, types []string) {
	typ := c.leadsTo(n)
	if typ == "" {
		return
	}
	for _, t := range types {
		if t == typ {
			return
		}
	}
	c.say(Error, "structure", "target", n, "", "This reference leads to a "+typ+": it must lead to "+strings.Join(types, " or ")+".")
}

// leadsTo returns the type that a reference leads to, empty if its text does
// not say.
//
// Spec: https://hl7.org/fhir/R4/references.html#literal
func (c *check) leadsTo(n fhir.Node) string {
	ref := n.Child("reference").Text()
	switch {
	case ref == "":
		if t := n.Child("type").Text(); fhir.IsType(t) {
			return t
		}
		return ""
	case ref[0] == '#':
		if ref == "#" {
			return c.around.Child("resourceType").Text()
		}
		return c.contained(ref[1:]).Child("resourceType").Text()
	case strings.HasPrefix(ref, "urn:"):
		return c.entry(ref)
	}
	if at := strings.Index(ref, "/_history/"); at >= 0 {
		ref = ref[:at]
	}
	ref, id := cutLast(ref)
	_, typ := cutLast(ref)
	if fhir.IsType(typ) && fhir.ValidID(id) {
		return typ
	}
	return ""
}

func cutLast(s string) (before, after string) {
	at := strings.LastIndexByte(s, '/')
	return s[:max(at, 0)], s[at+1:]
}

// entry returns the type of the resource that a bundle has under an address.
func (c *check) entry(address string) string {
	if c.known == nil {
		c.known = map[string]string{}
		list := c.root.Child("entry")
		for e := list.First(); e.Exists(); e = e.Next(list) {
			c.known[e.Child("fullUrl").Text()] = e.Child("resource").Child("resourceType").Text()
		}
	}
	return c.known[address]
}
