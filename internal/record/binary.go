package record

import (
	"context"

	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// attached demands that a Binary is not the file of a document that the pass
// hides, and, of a pass for one patient, that it is that patient's or the
// file of one of their documents.
func (a *asking) attached(alias, patient string, everyone bool) string {
	hidden, until := a.pass.Veil()
	of := a.filesOf(alias)
	where := " and not exists (select 1 " + of + " and exists (select 1 from shield z where z.typ = d.typ and z.id = d.id and ((z.labels & " +
		a.params.add(hidden) + ") <> 0 or z.held_until > " + a.params.add(until) + ")))"
	if everyone {
		return where
	}
	return where + " and (" + alias + ".patient" + a.only(patient) + " or " + alias + ".patient = 0 and exists (select 1 " + of +
		" and d.patient" + a.only(patient) + " and " + a.visible("DocumentReference", "d", smart.Read) + "))"
}

// filesOf selects the documents d whose file a Binary is.
func (a *asking) filesOf(alias string) string {
	def := fhir.Define("DocumentReference")
	p, _ := def.Parameter("location")
	q := &query{typ: "DocumentReference", def: def, asking: a}
	list := "'Binary/' || " + alias + ".id, '/Binary/' || " + alias + ".id"
	if a.store != nil && a.store.base != "" {
		list += ", cast(" + a.params.add(a.store.base+"/Binary/") + " as text) || " + alias + ".id"
	}
	return "from token_index x join resource d on d.n = x.resource where x.param in (" + q.numbers(p, "") + ") and x.code in (" + list + ") and d.deleted = 0"
}

// attached says whether a Binary that its own labels let through is shown.
func (s *Store) attached(ctx context.Context, c db.Conn, r reach, st standing) error {
	ids, err := s.seek(ctx, c, r.pass, st.typ, smart.Read, nil, []string{st.id}, 1)
	if err == nil && len(ids) == 0 {
		err = db.ErrNone
	}
	return err
}

// ofFile returns whose document a Binary is the file of, empty for nobody's.
func (s *Store) ofFile(ctx context.Context, id string) (string, error) {
	a := &asking{params: params{first: 1}, open: true, store: s}
	text := "select p.id from resource b join patient_number p on p.n = (select min(d.patient) " + a.filesOf("b") + " and d.patient <> 0)" +
		" where b.typ = 'Binary' and b.id = " + a.params.add(id)
	list, err := db.All(ctx, s.db, db.Value[string], text, a.params.args...)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}
