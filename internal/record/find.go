package record

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/standard/terms"
)

// Found is one page of what Find found.
type Found struct {
	Matches  []Resource
	Included []Resource // by _include and _revinclude, each once
	Total    int        // of all pages, -1 where it was not asked for
	Used     url.Values // the parameters that were understood, for the self link
	Unknown  []string   // the names of those that were not, and so did nothing

	Next, Prev, First, Last string // the _cursor of other pages; empty: none
}

// WithTerms returns s knowing value sets and code systems, for :in, :not-in,
// :above and :below.
func (s *Store) WithTerms(t *terms.Terms) *Store {
	s.terms = t
	return s
}

// WithBase returns s knowing its own address, https://host/fhir, so that
// references that begin with it lead to its own resources.
func (s *Store) WithBase(base string) *Store {
	s.base = strings.TrimSuffix(base, "/")
	return s
}

// Find finds resources of a type that pass opens, by every search parameter
// that R4 and US Core define, and what goes with them: chains, _has, _list,
// _text, _content, _include, _revinclude, _sort, _count, _total,
// _summary=count. The parameter _cursor asks for another page. Parameters
// that are not known do nothing and are listed; a value or a modifier that
// cannot be understood is errs.Invalid. Words, and so _text, _content and
// :text, follow what is written by some seconds.
//
// Spec: https://hl7.org/fhir/R4/search.html
func (s *Store) Find(ctx context.Context, pass access.Pass, typ string, q url.Values) (Found, error) {
	query, err := s.newSearch(ctx, pass, typ, q)
	if err != nil {
		return Found{}, err
	}
	f := Found{Total: -1, Used: q, Unknown: query.unknown}
	if len(f.Unknown) > 0 {
		f.Used = url.Values{}
		for name, v := range q {
			if !slices.Contains(f.Unknown, name) {
				f.Used[name] = v
			}
		}
	}
	if query.shown == nothing {
		f.Total = map[bool]int{true: 0, false: -1}[query.order.total]
		return f, nil
	}
	if err := s.find(ctx, query, q, &f); err != nil {
		return Found{}, fmt.Errorf("record: search %s: %w", typ, err)
	}
	return f, nil
}

// find fills f.
func (s *Store) find(ctx context.Context, query *search, q url.Values, f *Found) (err error) {
	if query.order.total {
		if f.Total, err = s.countAll(ctx, query); err != nil || query.order.count == 0 {
			return err
		}
	}
	list, err := s.hits(ctx, query)
	if err != nil {
		return err
	}
	list = query.order.cut(list, f)
	f.Matches = make([]Resource, len(list))
	for i := range list {
		if err := s.openFound(ctx, s.db, &list[i].found); err != nil {
			return err
		}
		f.Matches[i] = list[i].Resource
	}
	return s.include(ctx, query, q, f)
}

// compact returns text with the parameters that it names numbered from first
// on, and their values alone: what was read and not used has no place in a
// statement. A parameter that is named twice keeps one number.
func compact(text string, args []any, was, first int) (string, []any) {
	var b strings.Builder
	b.Grow(len(text))
	as := make([]int, len(args))
	var used []any
	for i := 0; i < len(text); {
		at := strings.IndexByte(text[i:], '$')
		if at < 0 {
			b.WriteString(text[i:])
			break
		}
		b.WriteString(text[i : i+at+1])
		i += at + 1
		n := 0
		for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
			n = n*10 + int(text[i]-'0')
		}
		if as[n-was] == 0 {
			used = append(used, args[n-was])
			as[n-was] = first + len(used) - 1
		}
		b.WriteString(strconv.Itoa(as[n-was]))
	}
	return b.String(), used
}
