package profile

import (
	"strings"

	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
)

// test is one thing that holds for the members of a slice: at the end of
// path, one of these.
type test struct {
	path    []string
	fixed   fhir.Node
	pattern fhir.Node
	bound   *binding
	types   []facts.Type
	targets []string
	exists  int // 1: there is something, 2: there is nothing
	url     string
}

// discriminate returns what tells the members of slice k by a
// discriminator; nothing where the profile does not say, and the whole of
// the slice must be tried.
//
// Spec: https://hl7.org/fhir/R4/profiling.html#discriminator
func (k *constraint) discriminate(by facts.Discriminator) []test {
	path := steps(by.Path)
	at := k
	for i := 0; ; i++ {
		way := path[:i]
		last := i == len(path)
		if t := at.testAt(way, by, last); t != nil {
			return t
		}
		if last {
			return nil
		}
		if i == len(path)-1 && path[i] == "url" && len(at.fits) == 1 {
			return []test{{path: path, url: at.fits[0]}}
		}
		next := at.find(path[i])
		if next == nil {
			return nil
		}
		at = next
	}
}

// testAt returns what k says at one step on the way to what tells slices
// apart.
func (k *constraint) testAt(way []string, by facts.Discriminator, last bool) []test {
	switch {
	case k.fixed.Exists():
		return []test{{path: way, fixed: k.fixed}}
	case k.pattern.Exists():
		return []test{{path: way, pattern: k.pattern}}
	case !last:
		return nil
	case by.Kind == "exists":
		if k.min > 0 {
			return []test{{path: way, exists: 1}}
		}
		return []test{{path: way, exists: 2}}
	case by.Kind == "type" && k.types != nil:
		return []test{{path: way, types: k.types, targets: k.targets}}
	case (by.Kind == "value" || by.Kind == "pattern") && k.bound != nil:
		return []test{{path: way, bound: k.bound}}
	}
	return nil
}

func (k *constraint) find(name string) *constraint {
	for _, c := range k.children {
		if c.name == name || c.base == name {
			return c
		}
	}
	return nil
}

// steps splits a discriminator's path.
func steps(path string) []string {
	var list []string
	for part := range strings.SplitSeq(path, ".") {
		if part != "$this" && part != "resolve()" && !strings.HasPrefix(part, "ofType(") {
			list = append(list, part)
		}
	}
	return list
}

// isMember says whether a value is a member of the slice k.
func (c *check) isMember(s spot, k *constraint) bool {
	for _, tests := range k.tests {
		for i := range tests {
			if !c.passes(s, &tests[i], tests[i].path) {
				return false
			}
		}
	}
	for _, tests := range k.tests {
		if len(tests) == 0 {
			return c.quietly(func() { c.constrain(s, k) })
		}
	}
	return true
}

// passes says whether something at the end of path passes.
func (c *check) passes(s spot, t *test, path []string) bool {
	if len(path) == 0 {
		return c.pass(s, t)
	}
	k := constraint{name: path[0], base: path[0]}
	var room [4]spot
	list := s.values(&k, room[:0])
	if len(list) == 0 {
		k.choice = true
		list = s.values(&k, list)
	}
	for _, v := range list {
		if c.passes(v, t, path[1:]) {
			return t.exists != 2
		}
	}
	return t.exists == 2
}

func (c *check) pass(s spot, t *test) bool {
	n := s.node
	switch {
	case t.exists != 0:
		return true
	case t.url != "":
		return n.IsText() && n.Text() == strings.SplitN(t.url, "|", 2)[0]
	case t.fixed.Exists():
		return n.Exists() && equal(n, t.fixed)
	case t.pattern.Exists():
		return n.Exists() && contains(n, t.pattern)
	case t.types != nil:
		return c.isOf(s, t)
	case t.bound != nil:
		return n.Exists() && codeIn(n, kindOf(n, s.typ()), t.bound) == terms.In
	}
	return false
}

// isOf says whether a value is of one of the types.
func (c *check) isOf(s spot, t *test) bool {
	typ := s.typ()
	if r := s.node.Child("resourceType"); r.Exists() {
		typ = r.Text()
	}
	for _, want := range t.types {
		if want.Code != typ && typ != "" {
			continue
		}
		if want.Code != "Reference" || t.targets == nil {
			return true
		}
		leads := c.leadsTo(s.node)
		for _, target := range t.targets {
			if target == leads {
				return true
			}
		}
	}
	return false
}

// slices sorts the values of a sliced element into its slices and checks
// each by its own.
func (c *check) slices(s spot, k *constraint, list []spot) {
	var room [16]int
	counts := room[:0]
	for range k.slices {
		counts = append(counts, 0)
	}
	last, outside := 0, false
	for _, v := range list {
		at := c.which(v, k)
		switch {
		case at >= 0 && k.slicing.Ordered && at < last:
			c.say(Error, "structure", "ordered", v.any(), "", "The profile asks for another order: put this before what comes before it.")
		case at >= 0 && outside && k.slicing.Rules == "openAtEnd":
			c.say(Error, "structure", "openAtEnd", v.any(), "", "Put this before those that the profile does not name.")
		case at < 0 && k.slicing.Rules == "closed":
			c.say(Error, "structure", "closed", v.any(), "", "Leave this out: the profile takes only what it names in "+k.name+".")
		}
		if at < 0 {
			outside = true
			continue
		}
		last = at
		counts[at]++
		if m := k.slices[at].max; m >= 0 && counts[at] > m {
			c.say(Error, "structure", "max", v.any(), "", "Leave this out: the profile takes at most "+times(m)+" of "+k.name+" of the kind "+k.slices[at].slice+".")
		}
		c.constrain(v, k.slices[at])
	}
	for i, slice := range k.slices {
		if counts[i] < slice.min {
			c.say(Error, "required", "slice", c.parent(s), k.name, "Add "+k.name+" of the kind "+slice.slice+": the profile asks for "+times(slice.min)+".")
		}
	}
}

// which returns the slice that a value is a member of, -1 if it is of none.
func (c *check) which(s spot, k *constraint) int {
	for i, slice := range k.slices {
		if c.isMember(s, slice) {
			return i
		}
	}
	return -1
}
