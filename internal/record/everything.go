package record

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// EverythingQuery asks for what a patient's record consists of.
type EverythingQuery struct {
	Start, End time.Time // only what is dated from Start until before End; zero: open
	Since      time.Time // only what was written then or later; zero: any
	Types      []string  // only these types; empty: every one
	Count      int       // at most so many on a page; 0 is usual
	Cursor     string    // of the next page
}

// Everything returns one page of what pass shows of a patient's record, in
// the order in which it came in, and with it who and what that refers to
// outside of it: practitioners, organizations, places, medicines.
//
// Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
func (s *Store) Everything(ctx context.Context, pass access.Pass, patient string, q EverythingQuery) (Found, error) {
	if mine, everyone, err := opens(pass, "Patient"); err != nil || !everyone && mine != patient {
		_, err := pass.Open(access.ReadRecord)
		if err == nil {
			err = db.ErrNone
		}
		return Found{}, err
	}
	f := Found{Total: -1}
	after, count, err := q.page()
	if err != nil {
		return f, err
	}
	a := s.openTo(pass)
	text := strings.Replace(columns, "from resource r", ", r.n from resource r", 1) + " where r.deleted = 0 and r.patient = (select n from patient_number where id = " + a.params.add(patient) + ")" +
		" and r.n > " + a.params.add(after) + " and " + a.params.veil(pass, "r") + " and " + a.anyOf(q.Types)
	if !q.Since.IsZero() {
		text += " and r.updated >= " + a.params.add(q.Since.UnixMicro())
	}
	if !q.Start.IsZero() {
		text += " and (r.typ = 'Patient' or r.sort_at >= " + a.params.add(q.Start.UnixMicro()) + ")"
	}
	if !q.End.IsZero() {
		text += " and (r.typ = 'Patient' or r.sort_at < " + a.params.add(q.End.UnixMicro()) + ")"
	}
	text += " order by r.n limit " + a.params.add(count+1)
	if err := s.everything(ctx, a, text, count, &f); err != nil {
		return f, fmt.Errorf("record: everything: %w", err)
	}
	return f, nil
}

// everything fills f with the page that text selects, and with what that
// refers to.
func (s *Store) everything(ctx context.Context, a *asking, text string, count int, f *Found) error {
	read := func(scan db.Scan) (h hit, err error) {
		h.found, err = readFound(func(dest ...any) error { return scan(append(dest, &h.n)...) })
		return h, err
	}
	text, args := compact(text, a.params.args, 1, 1)
	list, err := db.All(ctx, s.db, read, text, args...)
	if err != nil {
		return err
	}
	if len(list) > count {
		list = list[:count]
		f.Next = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, list[count-1].n, 10))
	}
	for i := range list {
		if err := s.openFound(ctx, s.db, &list[i].found); err != nil {
			return err
		}
		f.Matches = append(f.Matches, list[i].Resource)
	}
	return s.around(ctx, a.pass, f)
}

// around includes what the matches refer to that is in nobody's record.
func (s *Store) around(ctx context.Context, pass access.Pass, f *Found) error {
	in := including{s, &search{query: &query{asking: s.openTo(pass)}}, f, map[link]bool{}}
	byType := map[string][]string{}
	for i := range f.Matches {
		node, err := fhir.Parse(f.Matches[i].Body)
		if err != nil {
			return err
		}
		for n := range node.Texts("reference") {
			typ, id := fhir.SplitReference(in.query.relative(n.Text()))
			if typ != "" && (!personal(typ) || typ == "Medication") && !in.seen[link{typ, id}] {
				byType[typ] = once(byType[typ], id)
			}
		}
	}
	for typ, ids := range byType {
		for part := range slices.Chunk(ids, 200) {
			b := s.openTo(pass)
			shown := b.visible(typ, "r", smart.Read)
			if err := in.add(ctx, b, "r.typ = "+b.params.add(typ)+" and r.deleted = 0 and "+shown+" and r.id in ("+b.params.list(part)+")"); err != nil {
				return err
			}
		}
	}
	return nil
}

// anyOf demands that a row r is of one of the types, and that the pass shows
// that type.
func (a *asking) anyOf(types []string) string {
	if len(types) == 0 {
		for _, typ := range fhir.Types() {
			if personal(typ) {
				types = append(types, typ)
			}
		}
	}
	var whole, some []string
	for _, typ := range types {
		if _, _, err := opens(a.pass, typ); err != nil || !sees(a.pass, typ) {
			continue
		}
		granted, ok := a.pass.Reaches(typ, smart.Read)
		switch {
		case ok && len(granted) == 0:
			whole = append(whole, typ)
		case ok:
			some = append(some, "r.typ = "+a.params.add(typ)+" and ("+a.granted(typ, "r", granted)+")")
		}
	}
	some = append(some, nothing)
	if len(whole) > 0 {
		some = append(some, "r.typ in ("+a.params.list(whole)+")")
	}
	return "(" + strings.Join(some, " or ") + ")"
}

// page reads where the page begins and how long it is.
func (q EverythingQuery) page() (after int64, count int, err error) {
	count = usual
	if q.Count > 0 {
		count = min(q.Count, most)
	}
	if q.Cursor == "" {
		return 0, count, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err == nil {
		after, err = strconv.ParseInt(string(text), 10, 64)
	}
	if err != nil {
		return 0, 0, refuse("Patient", "_cursor", "it is not from this search")
	}
	return after, count, nil
}
