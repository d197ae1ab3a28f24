package record

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Page is one page of a search.
type Page struct {
	Resources []Resource
	Next      string // the _cursor of the next page; empty at the end
}

// Search is Find for pages of Hale itself: a parameter that is not known is
// refused, and nothing is included.
func (s *Store) Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (Page, error) {
	f, err := s.Find(ctx, pass, typ, q)
	if err != nil {
		return Page{}, err
	}
	if len(f.Unknown) > 0 {
		return Page{}, refuse(typ, strconv.Quote(f.Unknown[0]), "there is no such search parameter")
	}
	return Page{f.Matches, f.Next}, nil
}

// errScopes refuses what an app was not let in for.
var errScopes = errs.New(errs.Forbidden, "The app was not given access to that.")

// search is a search under way.
type search struct {
	*query
	order    order
	everyone bool
	shown    string // the demands of the pass, about r
}

// newSearch reads a search by pass.
func (s *Store) newSearch(ctx context.Context, pass access.Pass, typ string, q url.Values) (*search, error) {
	_, everyone, err := opens(pass, typ)
	if err != nil {
		return nil, err
	}
	if _, ok := pass.Reaches(typ, smart.Search); !ok {
		return nil, errScopes
	}
	a := s.openTo(pass)
	if a.ready, err = s.indexed(ctx); err != nil {
		return nil, fmt.Errorf("record: search %s: %w", typ, err)
	}
	out := &search{everyone: everyone || !personal(typ)}
	if out.query, err = a.read(typ, q, 0); err != nil {
		return nil, err
	}
	if out.order, err = out.readOrder(q, out.everyone); err != nil {
		return nil, err
	}
	out.shown = a.visible(typ, "r", smart.Search)
	return out, nil
}

// hit is a found resource and where it stands in the order.
type hit struct {
	found
	at []any // the values of the keys
	n  int64
}

// demands are all that a row r has to meet.
func (s *search) demands() string {
	return "r.typ = " + s.params.add(s.typ) + " and r.deleted = 0 and " + s.shown + " and " + s.where("r")
}

// page returns the statement that finds one page. The inner part finds the
// rows by their keys alone; bodies are read only of those on the page.
func (s *search) page() string {
	o := &s.order
	inner, outer, joins, by := "", "", "", make([]string, 0, len(o.keys)+1)
	for i, k := range o.keys {
		name := "k" + strconv.Itoa(i)
		inner += ", " + k.sql + " as " + name
		outer += ", g." + name
		joins += k.join
		by = append(by, "."+name+direction(k.down != o.back))
	}
	by = append(by, ".n"+direction(o.keys[len(o.keys)-1].down != o.back))
	text := "with hit as (select r.n" + inner + " from resource r" + joins + " where " + s.demands() + "), page as (select * from hit h"
	if o.after != nil {
		text += " where " + s.beyond()
	}
	text += " order by h" + strings.Join(by, ", h") + " limit " + s.params.add(o.count+1) + ")"
	head := strings.Replace(columns, "from resource r", outer+", r.n\n\tfrom page g\n\tjoin resource r on r.n = g.n", 1)
	return text + head + " order by g" + strings.Join(by, ", g")
}

func direction(down bool) string {
	if down {
		return " desc"
	}
	return " asc"
}

// beyond demands that a row h comes after the page before.
func (s *search) beyond() string {
	o := &s.order
	names, marks := make([]string, len(o.after)), make([]string, len(o.after))
	down := make([]bool, len(o.after))
	same := true
	for i, v := range o.after {
		names[i], marks[i] = "h.n", s.params.add(v)
		down[i] = o.keys[min(i, len(o.keys)-1)].down != o.back
		if i < len(o.keys) {
			names[i] = "h.k" + strconv.Itoa(i)
		}
		same = same && down[i] == down[0]
	}
	compare := map[bool]string{true: " < ", false: " > "}
	if same {
		return "(" + strings.Join(names, ", ") + ")" + compare[down[0]] + "(" + strings.Join(marks, ", ") + ")"
	}
	text := ""
	for i := len(names) - 1; i >= 0; i-- {
		one := names[i] + compare[down[i]] + marks[i]
		if text != "" {
			one += " or " + names[i] + " = " + marks[i] + " and (" + text + ")"
		}
		text = one
	}
	return "(" + text + ")"
}

// hits runs the statement of a page.
func (s *Store) hits(ctx context.Context, q *search) ([]hit, error) {
	keys := len(q.order.keys)
	read := func(scan db.Scan) (h hit, err error) {
		h.at = make([]any, keys)
		h.found, err = readFound(func(dest ...any) error {
			for i := range h.at {
				dest = append(dest, &h.at[i])
			}
			return scan(append(dest, &h.n)...)
		})
		return h, err
	}
	text, args := compact(q.page(), q.params.args, 1, 1)
	return db.All(ctx, s.db, read, text, args...)
}

// cut cuts list, which may have one too many, to a page, and names the pages
// beside it.
func (o *order) cut(list []hit, f *Found) []hit {
	more := len(list) > o.count
	list = list[:min(len(list), o.count)]
	if o.back {
		slices.Reverse(list)
	}
	if len(list) == 0 {
		return list
	}
	first, last := list[0], list[len(list)-1]
	if more || o.back {
		f.Next = o.cursor(last, false)
	}
	if o.after != nil && (more || !o.back) {
		f.Prev = o.cursor(first, true)
	}
	if o.back && !more {
		f.Prev = ""
	}
	return list
}

// countAll counts what the search finds.
func (s *Store) countAll(ctx context.Context, q *search) (int, error) {
	text, args := compact("select count(*) from resource r where "+q.demands(), q.params.args, 1, 1)
	return db.One(ctx, s.db, db.Value[int], text, args...)
}
