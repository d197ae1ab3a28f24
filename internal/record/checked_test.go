package record_test

import (
	"errors"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// wantsName finds fault with whoever has no name, and warns of who has no
// birth date.
type wantsName struct{}

func (wantsName) Check(typ string, n fhir.Node) []record.Finding {
	var list []record.Finding
	if typ == "Patient" && !n.Get("birthDate").Exists() {
		list = append(list, record.Finding{Severity: "warning", Code: "required", Place: "Patient.birthDate", Rule: "min", Text: "Add birthDate."})
	}
	if typ == "Patient" && !n.Get("name").Exists() {
		list = append(list, record.Finding{Severity: "error", Code: "required", Place: "Patient.name", Rule: "min", Text: "Add name."})
	}
	if n.Get("contact").Exists() {
		list = append(list, record.Finding{Severity: "information", Place: "Patient.contact[0]", Rule: "x", Text: "Who is it?"},
			record.Finding{Severity: "error", Code: "required", Place: "Patient.contact[0].name", Rule: "min", Text: "Add name."},
			record.Finding{Severity: "error", Code: "required", Place: "Patient.contact[1].name", Rule: "min", Text: "Add name."})
	}
	return list
}

// byFeed rejects what has no feed and flags what Riverside Lab sends.
func byFeed(src record.Source) record.Policy {
	switch src.Feed {
	case "":
		return record.Reject
	case "Riverside Lab":
		return record.Flag
	}
	return record.Unchecked
}

const nobody = `{"resourceType":"Patient","id":"nobody"}`

func TestDoRejectsWhatDoesNotConform(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d).WithChecker(wantsName{}, byFeed)
		pass := haletest.Everyone(t, d, access.WriteRecord)
		do := func(src record.Source, body string) error {
			_, err := s.Do(t.Context(), pass, src, []record.Op{{Verb: record.Update, Type: "Patient", ID: draft(body).ID, Body: []byte(body)}})
			return err
		}
		err := do(record.Source{Actor: pass.Actor()}, nobody)
		bad, ok := errors.AsType[*record.NonconformError](err)
		if !ok || errs.KindOf(err) != errs.Invalid || len(bad.Findings) != 2 || bad.Findings[0].Place != "Patient.name" {
			t.Errorf("Do = %v (%+v), want that the name is missing, first of all", err, bad)
		}
		if err := do(record.Source{Actor: pass.Actor()}, maria); err != nil {
			t.Errorf("Do of what conforms = %v", err)
		}
		if err := do(record.Source{Actor: pass.Actor(), Feed: "Elsewhere"}, nobody); err != nil {
			t.Errorf("Do of a source that nobody checks = %v", err)
		}
	})
}

// found returns the kinds of findings as a reader of everyone sees them.
func found(t *testing.T, s *record.Store, d *db.DB) []record.FoundKind {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.CheckNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reader := access.Actor{Kind: access.Staff, ID: "admin", Roles: []access.Role{access.Admin}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	pass, err := haletest.Doors(d).CheckAll(t.Context(), reader, access.FindPatients)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.FoundKinds(t.Context(), pass)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCheckNextFlags(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d).WithChecker(wantsName{}, byFeed)
		put(t, s, d, nobody, `{"resourceType":"Patient","id":"other","birthDate":"1990"}`, maria,
			`{"resourceType":"Patient","id":"kin","name":[{"family":"Body"}],"birthDate":"1990","contact":[{"gender":"male"},{"gender":"male"}]}`)
		list := found(t, s, d)
		if len(list) != 3 {
			t.Fatalf("FoundKinds = %+v, want a name missing, a contact's, and a birth date", list)
		}
		first := list[0]
		if first.Place != "Patient.name" || first.Count != 2 || first.Feed != "Riverside Lab" || first.Severity != "error" || first.Type != "Patient" {
			t.Errorf("first = %+v, want two without a name", first)
		}
		if list[1].Place != "Patient.contact.name" || list[1].Count != 1 || list[2].Severity != "warning" {
			t.Errorf("then = %+v, want one contact, and the warning last", list[1:])
		}
		pass := haletest.Everyone(t, d, access.FindPatients)
		in, err := s.FoundIn(t.Context(), pass, first.ID, first.Feed, 0, 10)
		if err != nil || len(in) != 2 || in[0].ID != "nobody" || in[0].Patient != "nobody" {
			t.Errorf("FoundIn = %+v, %v, want nobody and other", in, err)
		}
		if next, err := s.FoundIn(t.Context(), pass, first.ID, first.Feed, in[0].N, 10); err != nil || len(next) != 1 || next[0] != in[1] {
			t.Errorf("FoundIn after the first = %+v, %v, want the second", next, err)
		}
		if in, err = s.FoundIn(t.Context(), pass, first.ID, "Elsewhere", 0, 10); err != nil || len(in) != 0 {
			t.Errorf("FoundIn another source = %+v, %v", in, err)
		}

		put(t, s, d, `{"resourceType":"Patient","id":"nobody","name":[{"family":"Body"}],"birthDate":"1980"}`)
		if list = found(t, s, d); len(list) != 2 || list[0].Count != 1 || list[0].Place != "Patient.contact.name" && list[0].Place != "Patient.name" {
			t.Errorf("after a correction = %+v, want one name less and no birth date", list)
		}
	})
}

// What is protected is not in the counts of who may not see it, and what
// somebody else writes is not flagged.
func TestFindingsAreVeiled(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d).WithChecker(wantsName{}, byFeed)
		put(t, s, d, `{"resourceType":"Patient","id":"shy","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]}}`)
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := s.PutAll(t.Context(), tx, record.Source{Actor: source.Actor, Feed: "Elsewhere"}, []record.Draft{draft(nobody)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if labelsOf(t, d, "Patient", "shy") == 0 {
			t.Fatal("the resource is not protected: the test proves nothing")
		}
		if list := found(t, s, d); len(list) != 0 {
			t.Errorf("FoundKinds = %+v, want nothing of what is protected or unchecked", list)
		}
		if _, err := s.FoundKinds(t.Context(), access.Pass{}); err == nil {
			t.Error("the zero pass lists findings")
		}
		n, err := db.One(t.Context(), d, db.Value[int64], `select count(*) from finding`)
		if err != nil || n == 0 {
			t.Errorf("%d findings are kept, %v, want those of the protected one", n, err)
		}
	})
}

// Shredded and deleted resources leave no finding.
func TestFindingsEnd(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d).WithChecker(wantsName{}, byFeed)
		put(t, s, d, nobody)
		if list := found(t, s, d); len(list) == 0 {
			t.Fatal("nothing is found")
		}
		pass := haletest.Everyone(t, d, access.WriteRecord)
		if _, err := s.Do(t.Context(), pass, record.Source{Actor: pass.Actor()}, []record.Op{{Verb: record.Delete, Type: "Patient", ID: "nobody"}}); err != nil {
			t.Fatal(err)
		}
		if list := found(t, s, d); len(list) != 0 {
			t.Errorf("after the end = %+v", list)
		}
		if n, err := db.One(t.Context(), d, db.Value[int64], `select count(*) from finding`); err != nil || n != 0 {
			t.Errorf("%d findings are left, %v", n, err)
		}
	})
}

// What is counted follows what is found: with labels that came to a resource
// because what it refers to got them, and without what waits.
func TestFindingsCounted(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d).WithChecker(wantsName{}, byFeed)
		const plain = `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/kin"}}`
		const shy = `{"resourceType":"Observation","id":"o","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/kin"}}`
		const report = `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/kin"},"result":[{"reference":"Observation/o"}],"contact":[{"gender":"male"}]}`
		put(t, s, d, `{"resourceType":"Patient","id":"kin","name":[{"family":"Body"}],"birthDate":"1990"}`, plain, report, nobody)
		if list := found(t, s, d); len(list) != 3 {
			t.Fatalf("FoundKinds = %+v, want the report and two of nobody", list)
		}
		put(t, s, d, shy)
		if labelsOf(t, d, "DiagnosticReport", "r") == 0 {
			t.Fatal("the report got no label: the test proves nothing")
		}
		if list := found(t, s, d); len(list) != 2 || list[0].Place != "Patient.name" {
			t.Errorf("with a label = %+v, want nothing of the report", list)
		}
		put(t, s, d, plain)
		if list := found(t, s, d); len(list) != 3 {
			t.Errorf("without it again = %+v", list)
		}
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `insert into shield (patient, typ, id, held_until) values ('nobody', 'Patient', 'nobody', $1)`, haletest.Noon.AddDate(9, 0, 0).UnixMicro())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if list := found(t, s, d); len(list) != 1 || list[0].Place != "Patient.contact.name" {
			t.Errorf("with what waits = %+v, want the report alone", list)
		}
		const off = `select count(*) from (select kind, feed, labels, count(*) as n from finding group by kind, feed, labels) f
			left join finding_count c on c.kind = f.kind and c.feed = f.feed and c.labels = f.labels where c.n is null or c.n <> f.n`
		const sums = `select (select count(*) from finding) - (select sum(n) from finding_count)`
		for _, q := range []string{off, sums} {
			if n, err := db.One(t.Context(), d, db.Value[int64], q); err != nil || n != 0 {
				t.Errorf("%s = %d, %v", q, n, err)
			}
		}
	})
}
