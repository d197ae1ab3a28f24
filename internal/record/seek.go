package record

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"hale/internal/access"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// match returns the ids of what q finds, most at the most: of those alone
// that the pass of who writes opens and its app may search.
func (w *work) match(ctx context.Context, c db.Conn, typ string, q url.Values, most int) ([]string, error) {
	if _, ok := w.reach.pass.Reaches(typ, smart.Search); !ok {
		return nil, errScopes
	}
	return w.store.seek(ctx, c, w.reach.pass, typ, smart.Search, q, nil, most)
}

// seek returns the ids of resources that q finds among those that pass shows
// and its app may do verb with, of only if that is not nil; most at the most.
func (s *Store) seek(ctx context.Context, c db.Conn, pass access.Pass, typ string, verb smart.Verb, q url.Values, only []string, most int) (ids []string, err error) {
	a := s.openTo(pass)
	if a.ready, err = s.indexed(ctx); err != nil {
		return nil, err
	}
	query, err := a.read(typ, q, 0)
	if err == nil && len(query.unknown) > 0 {
		err = refuse(typ, strconv.Quote(query.unknown[0]), "there is no such search parameter")
	}
	if err != nil {
		return nil, err
	}
	text := "select r.id from resource r where r.typ = " + a.params.add(typ) + " and r.deleted = 0 and " + a.visible(typ, "r", verb) + " and " + query.where("r")
	if only != nil {
		text += " and r.id in (" + a.params.list(only) + ")"
	}
	text, args := compact(text+" order by r.id limit "+a.params.add(most), a.params.args, 1, 1)
	return db.All(ctx, c, db.Value[string], text, args...)
}

// inScope says whether the scopes of the app that asks, if one does, allow
// verb on a resource that its pass shows.
func (s *Store) inScope(ctx context.Context, c db.Conn, pass access.Pass, at link, verb smart.Verb) (bool, error) {
	some, ok := pass.Reaches(at.typ, verb)
	if !ok || len(some) == 0 {
		return ok, nil
	}
	ids, err := s.seek(ctx, c, pass, at.typ, verb, nil, []string{at.id}, 1)
	return slices.Contains(ids, at.id), err
}

// reachOf returns what pass opens of resources of a type to be read.
func reachOf(pass access.Pass, typ string) (reach, error) {
	patient, everyone, err := opens(pass, typ)
	return reach{pass, patient, everyone}, err
}
