package medication_test

import (
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/care/medication"
	"hale/internal/care/problem"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, typ, id, rest string) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), medication.View(), problem.View(), clinician.View())
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

const ofP1 = `"intent":"order","subject":{"reference":"Patient/p1"},`

func TestStoreList(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, "Patient", "p1", `"active":true`)
		put(t, d, "Patient", "p2", `"active":true`)
		put(t, d, "Practitioner", "raman", `"name":[{"prefix":["Dr."],"given":["Priya"],"family":"Raman"}]`)
		put(t, d, "MedicationRequest", "old", ofP1+`"status":"stopped","medicationCodeableConcept":{"text":"Ibuprofen 200 MG Oral Tablet"},"authoredOn":"2026-01-01"`)
		put(t, d, "MedicationRequest", "now", ofP1+`"status":"active","medicationCodeableConcept":{"text":"Metformin 500 MG Oral Tablet"},"authoredOn":"2025-01-01",
			"requester":{"reference":"Practitioner/raman"},"reasonReference":[{"reference":"Condition/c1"}],"dispenseRequest":{"numberOfRepeatsAllowed":2},
			"dosageInstruction":[{"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}],"additionalInstruction":[{"text":"With food."}]}]`)
		put(t, d, "MedicationRequest", "wrong", ofP1+`"status":"entered-in-error","medicationCodeableConcept":{"text":"Nothing"}`)
		put(t, d, "MedicationRequest", "other", `"intent":"order","subject":{"reference":"Patient/p2"},"status":"active","medicationCodeableConcept":{"text":"Secret"}`)
		put(t, d, "Condition", "c1", `"subject":{"reference":"Patient/p1"},"code":{"text":"Diabetes mellitus type 2 (disorder)"}`) // comes after what refers to it
		s, ctx := medication.NewStore(d), t.Context()
		mine := haletest.Pass(t, d, "p1", access.ReadRecord)
		list, err := s.List(ctx, mine, 10)
		if err != nil || len(list) != 2 || list[0].ID != "now" || list[1].ID != "old" {
			t.Fatalf("List = %+v, %v, want now and old", list, err)
		}
		m := list[0]
		if m.Name != "Metformin 500 mg tablet" || m.Dose != "Take 1 tablet twice a day. With food" || m.Why != "Diabetes mellitus type 2" ||
			m.Prescriber != "Dr. Priya Raman" || m.Refills != 2 || !m.Current() {
			t.Errorf("List[0] = %+v", m)
		}
		if list[1].Refills != -1 || list[1].Dose != "" || list[1].Current() {
			t.Errorf("List[1] = %+v, want nothing that the record does not say", list[1])
		}
		if n, _, err := s.Count(ctx, mine); n != 1 || err != nil {
			t.Errorf("Count = %d, %v, want one current", n, err)
		}
		for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.ReadVisits), haletest.Everyone(t, d, access.FindPatients)} {
			_, e1 := s.List(ctx, pass, 1)
			_, _, e2 := s.Count(ctx, pass)
			if errs.KindOf(e1) != errs.NotFound || errs.KindOf(e2) != errs.NotFound {
				t.Errorf("with a wrong pass: %v, %v, want refusals", e1, e2)
			}
		}
	})
}
