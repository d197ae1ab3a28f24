package form

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/standard/fhir"
)

// sets returns the value sets that a form holds, by id.
func sets(n fhir.Node) map[string]fhir.Node {
	m := map[string]fhir.Node{}
	for c := range n.Child("contained").Each() {
		if id := c.Child("id").Text(); id != "" && c.Child("resourceType").Text() == "ValueSet" {
			m[id] = c
		}
	}
	return m
}

// valueSet reads where the options of a question stand. Those of a value set
// in the form that is listed there are read; the others wait for Expand.
func (r *reader) valueSet(n fhir.Node, it *Item) {
	it.ValueSet = n.Child("answerValueSet").Text()
	if !n.Child("answerValueSet").Exists() {
		return
	}
	id, here := strings.CutPrefix(it.ValueSet, "#")
	set, found := r.sets[id]
	switch {
	case it.ValueSet == "" || len(it.ValueSet) > 500:
		r.bad(n, "answerValueSet", "It names no value set.")
	case !it.Type.Chooses():
		r.bad(n, "answerValueSet", "Only a choice has a value set.")
	case len(it.Options) > 0:
		r.bad(n, "answerValueSet", "A question has options or a value set, not both.")
	case here && !found:
		r.bad(n, "answerValueSet", fmt.Sprintf("The form holds no value set %q.", clip(id)))
	case here:
		if it.Options = listed(set); len(it.Options) > MaxOptions {
			it.Options = nil
			r.bad(n, "answerValueSet", fmt.Sprintf("The value set %q has more than 200 answers.", clip(id)))
		}
	}
}

// listed returns the options of a value set that says them all: its
// expansion, else the codes that it names one by one.
func listed(set fhir.Node) (list []Option) {
	seen := map[string]bool{}
	add := func(system string, c fhir.Node) {
		v := coding(c)
		v.System = system
		for d := range c.Child("designation").Each() {
			if tag, words := d.Child("language").Text(), d.Child("value").Text(); tag != "" && words != "" {
				if v.In == nil {
					v.In = map[string]string{}
				}
				v.In[tag] = words
			}
		}
		if v.Text != "" && !seen[v.Key()] && len(list) <= MaxOptions {
			seen[v.Key()] = true
			list = append(list, Option{Value: v})
		}
	}
	if e := set.Child("expansion"); e.Exists() {
		var walk func(n fhir.Node, depth int)
		walk = func(n fhir.Node, depth int) {
			for c := range n.Child("contains").Each() {
				if !c.Child("abstract").Bool() && !c.Child("inactive").Bool() {
					add(c.Child("system").Text(), c)
				}
				if depth < MaxDepth {
					walk(c, depth+1)
				}
			}
		}
		walk(e, 0)
		return list
	}
	if set.Get("compose", "exclude").Exists() {
		return nil
	}
	for part := range set.Get("compose", "include").Each() {
		if part.Child("filter").Exists() || part.Child("valueSet").Exists() || !part.Child("concept").Exists() {
			return nil
		}
		for c := range part.Child("concept").Each() {
			add(part.Child("system").Text(), c)
		}
	}
	return list
}

// Unlisted returns the problems of the questions whose value sets nobody has
// expanded: nobody could answer them.
func (q *Questionnaire) Unlisted() (list Problems) {
	q.Each(func(it *Item, _ int) bool {
		if it.ValueSet != "" && len(it.Options) == 0 {
			list = append(list, Problem{fmt.Sprintf("item %q, answerValueSet", clip(it.LinkID)), fmt.Sprintf("The value set %s is not known here, so its answers cannot be shown.", it.ValueSet)})
		}
		return true
	})
	return list
}

// Expand writes the answers of each value set that is not listed yet into the
// form, so that a version asks the same for ever. codes returns the answers
// of a value set by its address, or of one in the form by the resource; what
// it has none for stays as it is: see Unlisted. at is when they are listed.
func (q *Questionnaire) Expand(at time.Time, codes func(address string, held []byte) []Value) {
	made := map[string]string{} // address → id in the form
	q.Each(func(it *Item, _ int) bool {
		if it.ValueSet == "" || len(it.Options) > 0 {
			return true
		}
		address := it.ValueSet
		if made[address] == "" {
			var held []byte
			id, here := strings.CutPrefix(address, "#")
			place := q.holds(id)
			if here && place >= 0 {
				held = q.contained[place]
			}
			list := codes(address, held)
			if len(list) == 0 || len(list) > MaxOptions {
				return true
			}
			if !here {
				place, id = -1, q.freeID()
			}
			q.hold(place, id, address, stamp(at), list)
			made[address] = id
		}
		it.ValueSet = "#" + made[address]
		if n, err := fhir.Parse(q.contained[q.holds(made[address])]); err == nil {
			it.Options = listed(n)
		}
		return true
	})
}

// holds returns where the value set of an id stands among what the form
// holds, -1 for nowhere.
func (q *Questionnaire) holds(id string) int {
	return slices.IndexFunc(q.contained, func(raw json.RawMessage) bool {
		n, err := fhir.Parse(raw)
		return err == nil && id != "" && n.Child("id").Text() == id
	})
}

func (q *Questionnaire) freeID() string {
	for n := 1; ; n++ {
		if id := "answers-" + strconv.Itoa(n); q.holds(id) < 0 {
			return id
		}
	}
}

// hold puts a value set with all its answers into the form, at a place or at
// the end.
func (q *Questionnaire) hold(place int, id, address, when string, list []Value) {
	var all []any
	for _, v := range list {
		all = append(all, v.coding())
	}
	m := map[string]any{"resourceType": "ValueSet", "id": id, "status": "active", "expansion": map[string]any{"timestamp": when, "total": len(list), "contains": all}}
	if url, version, _ := strings.Cut(address, "|"); !strings.HasPrefix(address, "#") {
		m["url"] = url
		put(m, map[string]string{"version": version})
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return
	}
	if place >= 0 {
		q.contained[place] = raw
		return
	}
	q.contained = append(q.contained, raw)
}
