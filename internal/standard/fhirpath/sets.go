package fhirpath

import (
	"slices"
)

// set is a list of distinct values. Strings and elements of the same place
// are found at once, other values one by one.
type set struct {
	list  Collection
	texts map[string]bool
	work  int
}

// add adds v where it is not there yet.
func (s *set) add(v *Value) bool {
	p := v
	if v.isText() || v.kind == stringKind {
		if s.texts == nil {
			s.texts = map[string]bool{}
		}
		text := v.text
		if v.kind == nodeKind {
			text = v.node.Text()
		}
		if s.texts[text] {
			return false
		}
		s.texts[text] = true
		return true
	}
	s.work += len(s.list) * v.weight()
	if has(s.list, p) {
		return false
	}
	s.list = append(s.list, *v)
	return true
}

// cost is how many values were compared since the last time.
func (s *set) cost() int {
	n := s.work
	s.work = 0
	return min(n, maxItems)
}

func distinct(r *running, in Collection) (Collection, error) {
	if len(in) < 2 {
		return in, nil
	}
	if len(in) <= 8 {
		out := r.start()
		for i := range in {
			if !has(out, &in[i]) {
				out = append(out, in[i])
			}
		}
		return r.keep(out), nil
	}
	var out Collection
	seen := &set{}
	for i := range in {
		if seen.add(&in[i]) {
			out = append(out, in[i])
		}
		if err := r.count(seen.cost()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isDistinct(r *running, in Collection, _ []step) (Collection, error) {
	out, err := distinct(r, in)
	if err != nil {
		return nil, err
	}
	return r.bool(len(out) == len(in))
}

func union(r *running, a, b Collection) (Collection, error) {
	switch {
	case len(b) == 0:
		return distinct(r, a)
	case len(a) == 0:
		return distinct(r, b)
	}
	joined, err := combine(r, a, b)
	if err != nil {
		return nil, err
	}
	return distinct(r, joined)
}

func combine(r *running, a, b Collection) (Collection, error) {
	out := append(append(r.start(), a...), b...)
	return r.keep(out), r.count(len(out))
}

// withOther is an operator as a function with an argument.
func withOther(do operator) call {
	return func(r *running, in Collection, args []step) (Collection, error) {
		other, err := r.arg(args[0])
		if err != nil {
			return nil, err
		}
		return do(r, in, other)
	}
}

func subsetOf(r *running, in Collection, args []step) (Collection, error) {
	other, err := r.arg(args[0])
	if err != nil {
		return nil, err
	}
	return within2(r, in, other)
}

func supersetOf(r *running, in Collection, args []step) (Collection, error) {
	other, err := r.arg(args[0])
	if err != nil {
		return nil, err
	}
	return within2(r, other, in)
}

// within2 says whether all of a are in b.
func within2(r *running, a, b Collection) (Collection, error) {
	if err := r.product(a, b); err != nil {
		return nil, err
	}
	for i := range a {
		if !has(b, &a[i]) {
			return r.bool(false)
		}
	}
	return r.bool(true)
}

// product notes that each of a may be compared with each of b.
func (r *running) product(a, b Collection) error {
	for i := range a {
		if r.steps += len(b) * a[i].weight(); r.steps > maxSteps {
			return ErrLimit
		}
	}
	return nil
}

func intersect(r *running, in Collection, args []step) (Collection, error) {
	other, err := r.arg(args[0])
	if err != nil {
		return nil, err
	}
	if err := r.product(in, other); err != nil {
		return nil, err
	}
	out := r.start()
	for i := range in {
		if has(other, &in[i]) && !has(out, &in[i]) {
			out = append(out, in[i])
		}
	}
	return r.keep(out), nil
}

func exclude(r *running, in Collection, args []step) (Collection, error) {
	other, err := r.arg(args[0])
	if err != nil {
		return nil, err
	}
	if err := r.product(in, other); err != nil {
		return nil, err
	}
	out := r.start()
	for i := range in {
		if !has(other, &in[i]) {
			out = append(out, in[i])
		}
	}
	return r.keep(out), nil
}

// buildSort makes sort(): each key ascending, or descending after a minus
// (which on a string is no arithmetic).
func buildSort(t *tree, compile compiler) (call, []step, error) {
	var keys []step
	var down []bool
	for _, a := range t.args[1:] {
		descending := a.what == signTree && a.text == "-"
		if descending {
			a = a.args[0]
		}
		s, err := compile(a)
		if err != nil {
			return nil, nil, err
		}
		keys, down = append(keys, s), append(down, descending)
	}
	if len(keys) == 0 {
		keys, down = []step{func(r *running, _ Collection) (Collection, error) { return r.this, nil }}, []bool{false}
	}
	return func(r *running, in Collection, keys []step) (Collection, error) { return sortBy(r, in, keys, down) }, keys, nil
}

func sortBy(r *running, in Collection, keys []step, down []bool) (Collection, error) {
	if err := r.count(len(in) * len(keys)); err != nil {
		return nil, err
	}
	rows := make([]sortRow, len(in))
	for _, s := range keys {
		err := r.each(in, s, func(i int, out Collection) error {
			rows[i].value = in[i]
			if len(out) == 0 {
				rows[i].keys = append(rows[i].keys, Value{})
				return nil
			}
			v, err := single(out)
			rows[i].keys = append(rows[i].keys, v.plain())
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var failed error
	slices.SortStableFunc(rows, func(a, b sortRow) int {
		o, err := a.compare(&b, down)
		if err != nil {
			failed = err
		}
		return o
	})
	out := make(Collection, len(rows))
	for i := range rows {
		out[i] = rows[i].value
	}
	return out, failed
}

// sortRow is a value with what it is sorted by.
type sortRow struct {
	value Value
	keys  []Value
}

// compare puts an empty key first, whichever way the others go.
func (a *sortRow) compare(b *sortRow, down []bool) (int, error) {
	for i := range a.keys {
		x, y := &a.keys[i], &b.keys[i]
		o := 0
		switch {
		case x.kind == noKind && y.kind == noKind:
		case x.kind == noKind:
			return -1, nil
		case y.kind == noKind:
			return 1, nil
		default:
			var err error
			if o, _, err = compare(x, y); err != nil {
				return 0, err
			}
		}
		if down[i] {
			o = -o
		}
		if o != 0 {
			return o, nil
		}
	}
	return 0, nil
}
