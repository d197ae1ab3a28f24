package problem_test

import (
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/problem"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, typ, id, rest string) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), problem.View())
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

const (
	ofP1 = `"subject":{"reference":"Patient/p1"}`
	ofP2 = `"subject":{"reference":"Patient/p2"}`
)

func TestStoreList(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, "Patient", "p1", `"active":true`)
		put(t, d, "Patient", "p2", `"active":true`)
		put(t, d, "Condition", "past", ofP1+`,"clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"text":"Sinusitis (disorder)"},"onsetDateTime":"2024-01-01"`)
		put(t, d, "Condition", "now", ofP1+`,"clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"code":"E11.9"},{"code":"44054006","display":"Diabetes"}]},"onsetDateTime":"2019"`)
		put(t, d, "Condition", "wrong", ofP1+`,"verificationStatus":{"coding":[{"code":"entered-in-error"}]},"code":{"text":"Nothing"}`)
		put(t, d, "Condition", "refuted", ofP1+`,"verificationStatus":{"coding":[{"code":"refuted"}]},"code":{"text":"Nothing"}`)
		put(t, d, "Condition", "other", ofP2+`,"code":{"text":"Secret"}`)
		put(t, d, "AllergyIntolerance", "a1", `"patient":{"reference":"Patient/p1"},"code":{"text":"Penicillin"},"reaction":[{"manifestation":[{"text":"Rash"},{"text":"Itch"}]}]`)
		put(t, d, "Immunization", "i1", `"patient":{"reference":"Patient/p1"},"status":"completed","vaccineCode":{"coding":[{"code":"140"}]},"occurrenceDateTime":"2025-10-01","protocolApplied":[{"doseNumberPositiveInt":2}]`)
		put(t, d, "Immunization", "i2", `"patient":{"reference":"Patient/p1"},"status":"not-done","vaccineCode":{"coding":[{"code":"140"}]},"occurrenceDateTime":"2025-10-01"`)
		put(t, d, "Procedure", "r1", ofP1+`,"status":"completed","code":{"coding":[{"code":"92250","display":"Fundus photography"}]},"performedDateTime":"2025-01-06"`)
		s, ctx := problem.NewStore(d), t.Context()
		mine := haletest.Pass(t, d, "p1", access.ReadRecord)
		wants := map[problem.Kind][]string{problem.Condition: {"now", "past"}, problem.Allergy: {"a1"}, problem.Vaccine: {"i1"}, problem.Procedure: {"r1"}}
		counts, err := s.Counts(ctx, mine)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]problem.Problem{}
		for kind, want := range wants {
			list, err := s.List(ctx, mine, kind, 10)
			var got []string
			for _, p := range list {
				got = append(got, p.ID)
				found[p.ID] = p
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || counts[kind].N != len(want) {
				t.Errorf("List(%s) = %v, %v, counted %d, want %v", kind, got, err, counts[kind].N, want)
			}
		}
		if got := found["now"].Everyday(); got != "Type 2 diabetes" || found["now"].Over() || !found["past"].Over() || found["past"].Name != "Sinusitis" {
			t.Errorf("the conditions read %+v and %+v", found["now"], found["past"])
		}
		if found["a1"].Detail != "Rash, Itch" || found["i1"].Everyday() != "Flu shot" || found["i1"].Detail != "2" || found["r1"].Everyday() != "Eye exam with pictures" {
			t.Errorf("the others read %+v, %+v, %+v", found["a1"], found["i1"], found["r1"])
		}
		for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.ReadVisits), haletest.Everyone(t, d, access.FindPatients)} {
			_, e1 := s.List(ctx, pass, problem.Condition, 1)
			_, e2 := s.Counts(ctx, pass)
			if errs.KindOf(e1) != errs.NotFound || errs.KindOf(e2) != errs.NotFound {
				t.Errorf("with a wrong pass: %v, %v, want refusals", e1, e2)
			}
		}
		put(t, d, "Condition", "now", ofP2+`,"code":{"text":"Moved to the right record"}`)
		if list, err := s.List(ctx, mine, problem.Condition, 10); err != nil || len(list) != 1 {
			t.Errorf("List after one moved away = %v, %v, want one", list, err)
		}
	})
}

func TestEverydayNamesAreEasy(t *testing.T) {
	for _, name := range problem.EverydayNames() {
		if !lang.Spanish.Has(name) {
			t.Errorf("no Spanish for %q", name)
		}
	}
}
