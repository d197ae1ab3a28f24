package record

import (
	"context"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// standing is all that there is to know of a resource before its body is
// read: one small row, found by the index.
type standing struct {
	link
	n, version int64
	updated    time.Time
	deleted    bool
	patient    string
	labels     access.Label
	held       time.Time
}

const standingColumns = `
	select r.typ, r.id, r.n, r.version, r.updated, r.deleted, coalesce(p.id, ''), coalesce(z.labels, 0), coalesce(z.held_until, 0)
	from resource r
	left join patient_number p on p.n = r.patient
	left join shield z on z.typ = r.typ and z.id = r.id
	where r.typ = $1 and `

func readStanding(scan db.Scan) (st standing, err error) {
	var updated, held int64
	var deleted int
	err = scan(&st.typ, &st.id, &st.n, &st.version, &updated, &deleted, &st.patient, &st.labels, &held)
	st.updated, st.held, st.deleted = time.UnixMicro(updated).UTC(), time.UnixMicro(held), deleted != 0
	return st, err
}

// stand returns how a resource stands, with n 0 if there is none.
func (s *Store) stand(ctx context.Context, c db.Conn, typ, id string) (standing, error) {
	list, err := db.All(ctx, c, readStanding, standingColumns+`r.id = $2`, typ, id)
	if err != nil || len(list) == 0 {
		return standing{link: link{typ, id}}, err
	}
	return list[0], nil
}

// standings returns how those of links stand that there are.
func (s *Store) standings(ctx context.Context, c db.Conn, links []link) (map[link]standing, error) {
	byType := map[string][]string{}
	for _, l := range links {
		byType[l.typ] = append(byType[l.typ], l.id)
	}
	found := make(map[link]standing, len(links))
	for typ, ids := range byType {
		err := inChunks(ids, func(args []any) error {
			list, err := db.All(ctx, c, readStanding, standingColumns+`r.id in (`+db.In(2, len(args))+`)`, append([]any{typ}, args...)...)
			for _, st := range list {
				found[st.link] = st
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// reach is what a pass opens of resources of one type.
type reach struct {
	pass     access.Pass
	patient  string
	everyone bool
}

// shows says whether the pass shows what stands there; it does not ask
// whether that was deleted.
func (r reach) shows(st standing) bool {
	return st.n != 0 && (r.everyone || st.patient == r.patient || !personal(st.typ)) &&
		sees(r.pass, st.typ) && r.pass.Shows(st.labels, st.held)
}

// bodyOf returns the plain body of what stands there, which the caller may
// see.
func (s *Store) bodyOf(ctx context.Context, c db.Conn, st standing) (found, error) {
	f, err := db.One(ctx, c, readFound, columns+` where r.n = $1`, st.n)
	if err != nil {
		return f, err
	}
	return f, s.openFound(ctx, c, &f)
}
