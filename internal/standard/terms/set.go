package terms

import (
	"regexp"
	"slices"
	"strings"

	"hale/internal/standard/facts"
)

// Set is a value set that ships.
type Set struct {
	Entry            facts.Entry
	include, exclude []part
}

// part is what one include or exclude of a value set takes.
type part struct {
	url     string  // of the system; empty if only sets are named
	system  *system // nil: it does not ship
	codes   []facts.Concept
	listed  map[string]int32 // code → its place in codes; nil: all codes that filters let through
	filters []filter
	sets    []*Set
	missing bool // a set that it names does not ship
}

// filter takes codes by where they lie in the hierarchy, or by a pattern.
type filter struct {
	op      string
	at      int32 // the concept it names
	pattern *regexp.Regexp
	known   bool
}

func (t *Terms) parts(list []facts.Part) []part {
	var out []part
	for _, f := range list {
		p := part{url: f.System, codes: f.Codes}
		if f.System != "" {
			p.system = t.system(f.System)
		}
		if len(f.Codes) > 0 {
			p.listed = make(map[string]int32, len(f.Codes))
			for i, c := range f.Codes {
				p.listed[c.Code] = int32(i)
			}
		}
		for _, x := range f.Filters {
			p.filters = append(p.filters, newFilter(p.system, x))
		}
		for _, url := range f.Sets {
			s := t.set(url)
			p.missing = p.missing || s == nil
			p.sets = append(p.sets, s)
		}
		out = append(out, p)
	}
	return out
}

func newFilter(s *system, f facts.Filter) filter {
	out := filter{op: f.Op}
	if s == nil {
		return out
	}
	switch f.Op {
	case "is-a", "descendent-of", "is-not-a":
		out.at, out.known = s.find(f.Value)
		out.known = out.known && (f.Property == "concept" || f.Property == "code")
	case "regex":
		pattern, err := regexp.Compile("^(?:" + f.Value + ")$")
		out.pattern, out.known = pattern, err == nil && (f.Property == "concept" || f.Property == "code")
	}
	return out
}

// takes says whether the filter lets the concept at of s through.
func (f *filter) takes(s *system, at int32) Answer {
	if !f.known {
		return Unknown
	}
	ok := false
	switch f.op {
	case "is-a":
		ok = at == f.at || s.under(at, f.at)
	case "descendent-of":
		ok = s.under(at, f.at)
	case "is-not-a":
		ok = at != f.at && !s.under(at, f.at)
	case "regex":
		ok = f.pattern.MatchString(s.concepts[at].code)
	}
	if ok {
		return In
	}
	return Out
}

// Has says whether the set has a code. An empty system stands for the one
// that the set means.
func (s *Set) Has(system, code string) Answer { return s.has(system, code, 0) }

// deepest is how far sets of sets are followed.
const deepest = 16

func (s *Set) has(system, code string, depth int) Answer {
	if depth > deepest {
		return Unknown
	}
	in := either(s.include, system, code, depth)
	if in == Out || len(s.exclude) == 0 {
		return in
	}
	switch either(s.exclude, system, code, depth) {
	case In:
		return Out
	case Unknown:
		return Unknown
	}
	return in
}

// either says whether one of parts takes the code.
func either(parts []part, system, code string, depth int) Answer {
	answer := Out
	for i := range parts {
		switch parts[i].has(system, code, depth) {
		case In:
			return In
		case Unknown:
			answer = Unknown
		}
	}
	return answer
}

func (p *part) has(system, code string, depth int) Answer {
	answer := p.own(system, code)
	for _, s := range p.sets {
		a := Unknown
		if s != nil {
			a = s.has(system, code, depth+1)
		}
		switch {
		case a == Out:
			return Out
		case a == Unknown && answer == In:
			answer = Unknown
		}
	}
	return answer
}

// own says whether the part takes the code, as far as its system goes.
func (p *part) own(system, code string) Answer {
	if p.url == "" {
		if len(p.sets) == 0 {
			return Out
		}
		return In
	}
	if system != "" && system != p.url {
		return Out
	}
	if p.listed != nil {
		if _, ok := p.listed[code]; ok {
			return In
		}
		if p.system != nil && p.system.folds {
			return p.folded(code)
		}
		return Out
	}
	if len(p.filters) == 0 {
		return p.system.has(p.url, code)
	}
	return p.filtered(code)
}

func (p *part) folded(code string) Answer {
	if slices.ContainsFunc(p.codes, func(c facts.Concept) bool { return strings.EqualFold(c.Code, code) }) {
		return In
	}
	return Out
}

func (p *part) filtered(code string) Answer {
	if p.system == nil {
		return spelled(p.url, code)
	}
	at, ok := p.system.find(code)
	switch {
	case !ok && p.system.complete:
		return Out
	case !ok:
		return Unknown
	}
	answer := In
	for i := range p.filters {
		switch p.filters[i].takes(p.system, at) {
		case Out:
			return Out
		case Unknown:
			answer = Unknown
		}
	}
	return answer
}
