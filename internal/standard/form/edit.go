package form

import (
	"slices"
	"strconv"
)

// At returns the nth item of the form in its order, from 1, nil where there
// is none.
func (q *Questionnaire) At(n int) (found *Item) {
	i := 0
	q.Each(func(it *Item, _ int) bool {
		if i++; i == n {
			found = it
		}
		return found == nil
	})
	return found
}

// among returns the list that an item stands in, and where.
func (q *Questionnaire) among(link string) (list *[]Item, at int) {
	var look func(l *[]Item) bool
	look = func(l *[]Item) bool {
		for i := range *l {
			if (*l)[i].LinkID == link {
				list, at = l, i
				return true
			}
			if look(&(*l)[i].Items) {
				return true
			}
		}
		return false
	}
	look(&q.Items)
	return list, at
}

// Move moves an item by steps among its neighbours; one that would leave its
// page goes to the end or the beginning of the next one.
func (q *Questionnaire) Move(link string, steps int) {
	list, at := q.among(link)
	if list == nil {
		return
	}
	to := at + steps
	if to >= 0 && to < len(*list) {
		(*list)[at], (*list)[to] = (*list)[to], (*list)[at]
		return
	}
	for i := range q.Items {
		if &q.Items[i].Items != list {
			continue
		}
		page := i + steps
		if page < 0 || page >= len(q.Items) || q.Items[page].Type != Group || len(*list) == 1 {
			return
		}
		it := (*list)[at]
		*list = slices.Delete(*list, at, at+1)
		if steps < 0 {
			q.Items[page].Items = append(q.Items[page].Items, it)
		} else {
			q.Items[page].Items = slices.Insert(q.Items[page].Items, 0, it)
		}
		return
	}
}

// Remove takes an item away, with what is in it, and the conditions of others
// on it. A group that is left empty goes, too.
func (q *Questionnaire) Remove(link string) {
	list, at := q.among(link)
	if list == nil {
		return
	}
	*list = slices.Delete(*list, at, at+1)
	q.Items = slices.DeleteFunc(q.Items, func(it Item) bool { return it.Type == Group && len(it.Items) == 0 })
	q.Each(func(it *Item, _ int) bool {
		it.When = slices.DeleteFunc(it.When, func(w When) bool { return q.Item(w.Question) == nil })
		return true
	})
}

// Add adds an item at the end of a group, or at the end of the form where
// group is empty, under a link id that no other has.
func (q *Questionnaire) Add(group string, it Item) string {
	for n := 1; ; n++ {
		if it.LinkID = "q" + strconv.Itoa(n); q.Item(it.LinkID) == nil {
			break
		}
	}
	if g := q.Item(group); g != nil && g.Type == Group {
		g.Items = append(g.Items, it)
	} else {
		q.Items = append(q.Items, it)
	}
	return it.LinkID
}
