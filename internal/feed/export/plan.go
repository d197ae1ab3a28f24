package export

import (
	"slices"

	"hale/internal/access"
	"hale/internal/standard/smart"
)

// kind is a kind of step.
type kind int

const (
	scan   kind = iota // everything of some types, in the order in which it came
	pick               // what a filter or the scopes find of one type
	aside              // what the exported refers to and is nobody's own
	gone               // what was deleted since
	report             // what was asked for and left out
)

// step is one part of the way to a whole export.
type step struct {
	kind   kind
	types  []string
	filter int // of pick: which of the type's filters
}

// plan returns the steps of an export. It is the same each time: where an
// export goes on is a step and a place in it.
func (a Ask) plan(actor access.Actor) []step {
	var whole, picked []string
	for _, typ := range a.Types {
		switch {
		case len(a.filters(typ)) > 0 || narrow(actor, typ):
			picked = append(picked, typ)
		case a.Level == OfSystem || !slices.Contains(beside, typ):
			whole = append(whole, typ)
		}
	}
	var list []step
	if len(whole) > 0 {
		list = append(list, step{kind: scan, types: whole})
	}
	for _, typ := range picked {
		for i := range max(1, len(a.filters(typ))) {
			list = append(list, step{kind: pick, types: []string{typ}, filter: i})
		}
	}
	if with := a.beside(actor); len(with) > 0 {
		list = append(list, step{kind: aside, types: with})
	}
	if !a.Since.IsZero() && len(whole) > 0 {
		list = append(list, step{kind: gone, types: whole})
	}
	if len(a.Left) > 0 {
		list = append(list, step{kind: report})
	}
	return list
}

// filters returns the filters of a type.
func (a Ask) filters(typ string) []Filter {
	var list []Filter
	for _, f := range a.Filters {
		if f.Type == typ {
			list = append(list, f)
		}
	}
	return list
}

// beside returns the types of which what the exported refers to goes along.
func (a Ask) beside(actor access.Actor) []string {
	if a.Level == OfSystem {
		return nil
	}
	var list []string
	for _, typ := range beside {
		if slices.Contains(a.Types, typ) && len(a.filters(typ)) == 0 && !narrow(actor, typ) {
			list = append(list, typ)
		}
	}
	return list
}

// narrow says whether the scopes of actor are on some resources of a type
// only.
func narrow(actor access.Actor, typ string) bool {
	for _, s := range actor.App.Scopes {
		if s.Context == smart.OfSystem && s.On(typ, smart.Read) && len(s.Query) == 0 {
			return false
		}
	}
	return true
}
