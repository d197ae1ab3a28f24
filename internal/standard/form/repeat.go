package form

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A group that repeats is asked as often as somebody wants: each copy of it
// is a group of its own, whose items have the link id of the form with the
// copy's number behind a mark. Only Unfold makes such ids; no form has them.
const mark = "‖"

// MaxCopies is how often a group is asked at most.
const MaxCopies = 20

// Count returns the name of the field that says how often a group is asked.
func Count(link string) string { return "n:" + link }

// copies returns how often a group that repeats is asked.
func (it *Item) copies(typed url.Values) int {
	n, err := strconv.Atoi(typed.Get(Count(it.LinkID)))
	if err != nil { // nothing said: once
		return 1
	}
	return max(min(n, it.mostCopies()), 1)
}

func (it *Item) mostCopies() int {
	if it.Most > 0 && it.Most < MaxCopies {
		return it.Most
	}
	return MaxCopies
}

// Of returns the link id that the item has in the form.
func (it *Item) Of() string {
	if it.of != "" {
		return it.of
	}
	return it.LinkID
}

// Copy says which copy of a group that repeats the item is, from 1; 0 is
// none.
func (it *Item) Copy() int { return it.nth }

// Again says whether a group takes one more copy, in a form that Unfold
// returned.
func (it *Item) Again() bool {
	return it.Type == Group && it.Repeats && len(it.Items) < it.mostCopies()
}

// Unfold returns the form with each group that repeats as often as typed
// says: the group stays, and its copies stand in it. A form without such
// groups is returned as it is.
func (q *Questionnaire) Unfold(typed url.Values) *Questionnaire {
	repeats := false
	q.Each(func(it *Item, _ int) bool {
		repeats = repeats || it.Type == Group && it.Repeats && it.nth == 0 && it.of == ""
		return !repeats
	})
	if !repeats {
		return q
	}
	u := *q
	u.Items = unfold(q.Items, typed)
	return &u
}

func unfold(items []Item, typed url.Values) []Item {
	list := make([]Item, len(items))
	for i := range items {
		it := items[i]
		if it.Type != Group || !it.Repeats {
			it.Items = unfold(it.Items, typed)
			list[i] = it
			continue
		}
		inside := links(it.Items)
		var each []Item
		for n := range it.copies(typed) {
			end := mark + strconv.Itoa(n+1)
			each = append(each, Item{LinkID: it.LinkID + end, Type: Group, Text: it.Text, Items: copied(it.Items, end, inside), of: it.LinkID, nth: n + 1})
		}
		it.Items = each
		list[i] = it
	}
	return list
}

// copied returns the items of one copy: their conditions on each other are
// on those of the same copy.
func copied(items []Item, end string, inside []string) []Item {
	list := slices.Clone(items)
	for i := range list {
		it := &list[i]
		it.of, it.LinkID = it.LinkID, it.LinkID+end
		it.When = slices.Clone(it.When)
		for j, w := range it.When {
			if slices.Contains(inside, w.Question) {
				it.When[j].Question = w.Question + end
			}
		}
		it.Items = copied(it.Items, end, inside)
	}
	return list
}

func links(items []Item) (all []string) {
	for i := range items {
		all = append(append(all, items[i].LinkID), links(items[i].Items)...)
	}
	return all
}

// More returns what was typed with one more copy of a group that repeats, or
// one more field of a question that does. What takes no more stays as it is.
func (q *Questionnaire) More(typed url.Values, link string) url.Values {
	it, all := q.Item(link), clone(typed)
	switch {
	case it == nil || !it.Repeats:
	case it.Type == Group:
		all.Set(Count(link), strconv.Itoa(min(it.copies(typed)+1, it.mostCopies())))
	case len(all[Field(link)]) == 0:
		all[Field(link)] = []string{"", ""}
	case len(all[Field(link)]) < maxAnswers:
		all[Field(link)] = append(slices.Clone(all[Field(link)]), "")
	}
	return all
}

// Less returns what was typed without the nth copy of a group that repeats,
// or without the nth answer of a question that does, from 1. The last copy
// stays, empty.
func (q *Questionnaire) Less(typed url.Values, link string, n int) url.Values {
	it, all := q.Item(link), clone(typed)
	if it == nil || !it.Repeats || n < 1 {
		return all
	}
	if it.Type != Group {
		if list := all[Field(link)]; n <= len(list) {
			all[Field(link)] = slices.Delete(slices.Clone(list), n-1, n)
		}
		return all
	}
	last := it.copies(typed)
	if n > last {
		return all
	}
	for _, inner := range links(it.Items) {
		for _, name := range [...]string{Field(inner), Own(inner)} {
			for at := n; at <= last; at++ {
				put, next := name+mark+strconv.Itoa(at), name+mark+strconv.Itoa(at+1)
				if list := all[next]; at < last && len(list) > 0 {
					all[put] = list
				} else {
					delete(all, put)
				}
			}
		}
	}
	all.Set(Count(link), strconv.Itoa(max(last-1, 1)))
	return all
}

func clone(typed url.Values) url.Values {
	all := url.Values{}
	for k, list := range typed {
		all[k] = list
	}
	return all
}

// Given returns the answers that count for what hangs on a question, asked
// as Asked says: of a question in a group that repeats, those of every copy.
func (q *Questionnaire) Given(link string, a Answers, asked map[string]bool) (list []Value) {
	if q.Item(link) != nil {
		if asked[link] {
			list = a[link]
		}
		return list
	}
	q.Each(func(it *Item, _ int) bool {
		if it.of == link && asked[it.LinkID] {
			list = append(list, a[it.LinkID]...)
		}
		return true
	})
	return list
}

// marked says whether a link id looks like one that Unfold makes.
func marked(link string) bool { return strings.Contains(link, mark) }
