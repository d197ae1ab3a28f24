package terms

import (
	"fmt"
	"strings"

	"hale/internal/base/errs"
)

// Want says which codes of a value set to list.
type Want struct {
	Filter string // words, each in the display or the code
	Active bool   // leave out inactive ones
	Offset int
	Count  int // 0: all
}

// Expansion lists the codes of a value set.
type Expansion struct {
	Total int // how many there are without Offset and Count
	Codes []Coding
}

// errNotHere says that a value set takes codes from a system that does not
// ship and so cannot be listed.
func errNotHere(what string) error {
	return errs.New(errs.Invalid, fmt.Sprintf("This value set cannot be listed: it takes codes from %s, which does not ship with Hale.", what))
}

// Expand lists the codes of a value set that ships. It is errs.NotFound if
// it does not, and errs.Invalid if it takes codes from what does not.
//
// Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
func (t *Terms) Expand(canonical string, want Want) (Expansion, error) {
	s := t.Set(canonical)
	if s == nil {
		return Expansion{}, errs.New(errs.NotFound, "This value set does not ship with Hale.")
	}
	return s.Expand(want)
}

// Expand lists the codes of the set.
func (s *Set) Expand(want Want) (Expansion, error) {
	all, err := s.all(0)
	if err != nil {
		return Expansion{}, err
	}
	words := strings.Fields(strings.ToLower(want.Filter))
	out := Expansion{Codes: []Coding{}}
	for _, c := range all {
		if want.Active && c.Inactive || !matches(c, words) {
			continue
		}
		if out.Total >= want.Offset && (want.Count == 0 || len(out.Codes) < want.Count) {
			out.Codes = append(out.Codes, c)
		}
		out.Total++
	}
	return out, nil
}

func matches(c Coding, words []string) bool {
	text := strings.ToLower(c.Display + " " + c.Code)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// all returns every code of the set once.
func (s *Set) all(depth int) ([]Coding, error) {
	if depth > deepest {
		return nil, errNotHere("itself")
	}
	var list []Coding
	seen := map[[2]string]bool{}
	for i := range s.include {
		part, err := s.include[i].all(depth)
		if err != nil {
			return nil, err
		}
		for _, c := range part {
			key := [2]string{c.System, c.Code}
			if seen[key] || either(s.exclude, c.System, c.Code, depth) == In {
				continue
			}
			seen[key] = true
			list = append(list, c)
		}
	}
	return list, nil
}

// all returns every code that the part takes.
func (p *part) all(depth int) ([]Coding, error) {
	if p.missing {
		return nil, errNotHere("a value set")
	}
	list, err := p.candidates(depth)
	if err != nil {
		return nil, err
	}
	var out []Coding
	for _, c := range list {
		switch p.has(c.System, c.Code, depth) {
		case In:
			out = append(out, c)
		case Unknown:
			return nil, errNotHere(c.System)
		}
	}
	return out, nil
}

// candidates returns all codes of the part's system, or of its first set.
func (p *part) candidates(depth int) ([]Coding, error) {
	switch {
	case p.url == "" && len(p.sets) > 0:
		return p.sets[0].all(depth + 1)
	case p.listed != nil:
		return p.list(), nil
	case p.system == nil || !p.system.complete:
		return nil, errNotHere(p.url)
	}
	out := make([]Coding, 0, len(p.system.concepts))
	for i := range p.system.concepts {
		out = append(out, p.system.coding(int32(i)))
	}
	return out, nil
}

// list returns the codes that the part lists itself, with what they are
// called.
func (p *part) list() []Coding {
	out := make([]Coding, 0, len(p.codes))
	for _, c := range p.codes {
		coding := Coding{System: p.url, Code: c.Code, Display: c.Display}
		if p.system != nil {
			if at, ok := p.system.find(c.Code); ok {
				coding.Abstract, coding.Inactive = p.system.concepts[at].abstract, p.system.concepts[at].inactive
				if coding.Display == "" {
					coding.Display = p.system.concepts[at].display
				}
			}
		}
		out = append(out, coding)
	}
	return out
}
