package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// PastQuery asks for versions.
type PastQuery struct {
	Type, ID string    // without ID: of all of the type; without both: of all
	Since    time.Time // only what was written at this time or later; zero: any
	At       time.Time // only what was current then; zero: any
	AtEnd    time.Time // or at any time from At until before this; zero: At alone
	Count    int       // at most so many on a page; 0 is usual
	Cursor   string    // of the next page
}

// Past is one page of a history, the newest first.
type Past struct {
	Entries []PastEntry
	Next    string // the cursor of the next page; empty at the end
	Total   int    // how many there are on all pages, -1 where that is not known
}

// PastEntry is one version and how it came to be.
type PastEntry struct {
	Resource      // without a body if it was deleted
	Verb     Verb // Create, Update or Delete
}

// Version returns one version of a resource, by the rules of Past. A version
// that is a deletion is errs.Gone.
//
// Spec: https://hl7.org/fhir/R4/http.html#vread
func (s *Store) Version(ctx context.Context, pass access.Pass, typ, id string, version int64) (Resource, error) {
	r, st, err := s.pastOf(ctx, pass, typ, id)
	if err != nil {
		return Resource{}, fmt.Errorf("record: version of %s: %w", typ, err)
	}
	if version == st.version && !st.deleted {
		res, err := s.full(ctx, s.db, st)
		if err != nil {
			return Resource{}, fmt.Errorf("record: version of %s: %w", typ, err)
		}
		return res, nil
	}
	if version == st.version {
		return Resource{}, fmt.Errorf("record: version of %s: %w", typ, errGone)
	}
	l := look{store: s, pass: pass, reaches: []reach{r}, types: []string{typ}, resource: st.n}
	rows, err := l.kept(ctx, r, typ, version)
	if err != nil {
		return Resource{}, fmt.Errorf("record: version of %s: %w", typ, err)
	}
	full, err := l.full(ctx, rows)
	switch {
	case err != nil:
	case len(full) == 0:
		err = db.ErrNone
	case full[0].Verb == Delete:
		err = errGone
	default:
		return full[0].Resource, nil
	}
	return Resource{}, fmt.Errorf("record: version of %s: %w", typ, err)
}

// pastOf returns how a resource stands whose past pass shows: because it
// shows it now, or would show what was deleted.
func (s *Store) pastOf(ctx context.Context, pass access.Pass, typ, id string) (reach, standing, error) {
	r, err := reachOf(pass, typ)
	if err != nil {
		return r, standing{}, err
	}
	st, err := s.stand(ctx, s.db, typ, id)
	if err != nil {
		return r, st, err
	}
	if err = s.maySee(ctx, s.db, r, st); errors.Is(err, errGone) {
		err = nil
		if some, _ := pass.Reaches(typ, smart.Read); len(some) > 0 {
			err = db.ErrNone // no search finds it any more
		}
	}
	return r, st, err
}

// Past returns the history of a resource, of a type or of everything that
// pass shows. A version is shown if pass shows the resource as it is now, or
// would show what was deleted, and what the version itself says.
//
// Spec: https://hl7.org/fhir/R4/http.html#history
func (s *Store) Past(ctx context.Context, pass access.Pass, q PastQuery) (Past, error) {
	p, err := s.past(ctx, pass, q)
	if err != nil {
		return Past{}, fmt.Errorf("record: past: %w", err)
	}
	return p, nil
}

func (s *Store) past(ctx context.Context, pass access.Pass, q PastQuery) (Past, error) {
	if q.Count <= 0 {
		q.Count = usual
	}
	q.Count = min(q.Count, most)
	l := look{store: s, q: q, pass: pass}
	if err := l.begin(ctx); err != nil {
		return Past{}, err
	}
	var all []versioned
	for len(all) <= q.Count {
		rows, err := l.next(ctx, q.Count+1)
		if err != nil {
			return Past{}, err
		}
		full, err := l.full(ctx, rows)
		if err != nil {
			return Past{}, err
		}
		all = append(all, full...)
		if len(rows) <= q.Count {
			break // there are no more
		}
	}
	p := Past{Total: -1}
	if len(all) > q.Count {
		all = all[:q.Count]
		p.Next = all[q.Count-1].moment.String()
	} else if q.Cursor == "" {
		p.Total = len(all)
	}
	for _, v := range all {
		p.Entries = append(p.Entries, v.PastEntry)
	}
	return p, nil
}

// History returns the versions of a resource that pass shows, the newest
// first and without deletions: none if it does not show the newest.
func (s *Store) History(ctx context.Context, pass access.Pass, typ, id string) ([]Resource, error) {
	if _, err := s.Get(ctx, pass, typ, id); err != nil {
		return nil, err
	}
	var list []Resource
	q := PastQuery{Type: typ, ID: id, Count: most}
	for {
		p, err := s.Past(ctx, pass, q)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			if e.Verb != Delete {
				list = append(list, e.Resource)
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return list, nil
		}
	}
}
