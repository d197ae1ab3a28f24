package recap_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/clinician"
	"hale/internal/care/recap"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// put writes resources of a record.
func put(t *testing.T, d *db.DB, records *record.Store, list ...string) {
	t.Helper()
	var drafts []record.Draft
	for _, body := range list {
		typ, rest, _ := strings.Cut(body, "/")
		id, rest, _ := strings.Cut(rest, " ")
		drafts = append(drafts, record.Draft{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)})
	}
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

const subject = `"subject":{"reference":"Patient/p1"}`

// drug is a prescription: id, encounter, day, name, words, status.
func drug(id, enc, day, name, how, more string) string {
	return fmt.Sprintf(`MedicationRequest/%s "intent":"order",%s,"medicationCodeableConcept":{"text":%q},%s,"encounter":{"reference":"Encounter/%s"},"authoredOn":%q,"dosageInstruction":[{"text":%q}]`,
		id, more, name, subject, enc, day, how)
}

func stay(t *testing.T, d *db.DB) (*record.Store, *recap.Store) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	records := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), visit.View(), clinician.View())
	put(t, d, records,
		`Patient/p1 "active":true`, `Patient/p2 "active":true`,
		`Appointment/a1 "status":"fulfilled","start":"2026-11-03T15:00:00Z","end":"2026-11-03T15:20:00Z","participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"}]`,
		`Encounter/office "status":"finished","class":{"code":"AMB"},`+subject+`,"appointment":[{"reference":"Appointment/a1"}],"reasonCode":[{"text":"Follow-up of blood pressure"}],"period":{"start":"2026-11-03T15:00:00Z","end":"2026-11-03T15:20:00Z"}`,
		`Encounter/ward "status":"finished","class":{"code":"IMP"},`+subject+`,"reasonCode":[{"text":"Pneumonia"}],"period":{"start":"2026-11-10T08:00:00Z","end":"2026-11-14T11:00:00Z"}`,
		`Observation/bp "status":"final","code":{"text":"Blood pressure"},`+subject+`,"encounter":{"reference":"Encounter/office"},"component":[{"code":{"text":"Systolic"},"valueQuantity":{"value":134,"unit":"mmHg"}},{"code":{"text":"Diastolic"},"valueQuantity":{"value":82,"unit":"mmHg"}}]`,
		`Observation/kilos "status":"final","category":[{"coding":[{"code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}],"text":"Weight"},`+subject+`,"encounter":{"reference":"Encounter/office"},"valueQuantity":{"value":72.6,"unit":"kg","code":"kg"}`,
		`Observation/stone "status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Stone"},`+subject+`,"encounter":{"reference":"Encounter/office"},"valueQuantity":{"value":2.5,"unit":"g"}`,
		`ServiceRequest/lab "status":"active","intent":"order","code":{"text":"Blood test in three months"},`+subject+`,"encounter":{"reference":"Encounter/office"}`,
		`DocumentReference/n1 "status":"current","description":"Note from Dr. Raman",`+subject+`,"content":[{"attachment":{"contentType":"text/plain","data":"SGk="}}],"context":{"encounter":[{"reference":"Encounter/office"}]}`,
		drug("m-old", "x", "2025-01-10", "Lisinopril 10 MG", "Take 1 tablet each morning", `"status":"active"`),
		drug("m-met", "x", "2025-01-10", "Metformin 500 MG", "Take 1 tablet twice a day", `"status":"active"`),
		drug("m-ibu", "x", "2025-02-10", "Ibuprofen 400 MG", "Take 1 tablet for pain", `"status":"stopped","statusReason":{"text":"It can harm the kidneys"},"dispenseRequest":{"validityPeriod":{"end":"2026-11-13"}}`),
		drug("m-dead", "x", "2024-02-10", "Aspirin 81 MG", "Take 1 tablet a day", `"status":"stopped","dispenseRequest":{"validityPeriod":{"end":"2025-01-01"}}`),
		drug("m1", "ward", "2026-11-14", "Lisinopril 20 MG", "Take 1 tablet each morning", `"status":"active"`),
		drug("m2", "ward", "2026-11-14", "Amoxicillin 500 MG", "Take 1 capsule 3 times a day for 5 days", `"status":"active"`),
		drug("m3", "ward", "2026-11-14", "Metformin 500 MG", "Take 1 tablet twice a day.", `"status":"active"`),
		`CarePlan/home "status":"active","intent":"plan",`+subject+`,"encounter":{"reference":"Encounter/ward"},"activity":[`+activity("red-flag", "Fever over 101 F")+`,`+activity("call", "Questions about antibiotics: 708-555-0142")+`,`+
			activity("to-do", "Walk a little every day")+`,`+activity("to-do", "Drink enough water")+`,`+activity("follow-up", "See Dr. Raman within a week")+`]`,
	)
	return records, recap.NewStore(d, records, func() result.Units { return result.Customary })
}

func activity(code, text string) string {
	service := ""
	if code == recap.FollowUp {
		service = fmt.Sprintf(`,{"system":%q,"code":"follow-up"}`, visit.System)
	}
	return fmt.Sprintf(`{"detail":{"status":"not-started","code":{"coding":[{"system":%q,"code":%q}%s]},"description":%q}}`, recap.System, code, service, text)
}

func TestStoreOf(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		_, s := stay(t, d)
		ctx, read := t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord)
		office, err := s.Of(ctx, read, visit.Visit{ID: "a1"}, lang.English)
		if err != nil {
			t.Fatal(err)
		}
		if office.Encounter != "office" || office.Inpatient || len(office.Why) != 1 || len(office.Orders) != 1 || len(office.Notes) != 1 || office.Notes[0].Title != "Note from Dr. Raman" ||
			office.Plan.Flags != nil {
			t.Errorf("of an appointment = %+v", office)
		}
		said := map[string]string{}
		for _, m := range office.Measured {
			said[m.Name] = m.Value
		}
		if want := map[string]string{"Blood pressure": "134/82 mmHg", "Weight": "160 lb", "Stone": "2.5 g"}; !maps.Equal(said, want) {
			t.Errorf("what was measured = %v, want %v", said, want)
		}
		ward, err := s.Of(ctx, read, visit.Visit{ID: "ward"}, lang.English)
		if err != nil || !ward.Inpatient {
			t.Fatalf("of a stay = %+v, %v", ward, err)
		}
		got := map[string]recap.Change{}
		for _, m := range ward.Medicines {
			got[m.Name] = m.Change
		}
		want := map[string]recap.Change{"Lisinopril 20 MG": recap.Changed, "Amoxicillin 500 MG": recap.New, "Metformin 500 MG": recap.Same, "Ibuprofen 400 MG": recap.Stopped}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("changes = %v, want %v", got, want)
		}
		if c := ward.Of(recap.Changed); len(c) != 1 || !strings.Contains(c[0].Was, "Lisinopril 10 MG") {
			t.Errorf("the changed one is %+v", c)
		}
		p := ward.Plan
		if len(p.Flags) != 1 || len(p.Calls) != 1 || len(p.Items) != 2 || len(p.Follow) != 1 || p.Follow[0].Service != "follow-up" {
			t.Errorf("plan = %+v", p)
		}
		for name, pass := range map[string]access.Pass{"none": {}, "of visits": haletest.Pass(t, d, "p1", access.ReadVisits)} {
			if _, err := s.Of(ctx, pass, visit.Visit{ID: "ward"}, lang.English); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Of with a pass %s = %v, want a refusal", name, err)
			}
		}
		if _, err := s.Of(ctx, haletest.Pass(t, d, "p2", access.ReadRecord), visit.Visit{ID: "ward"}, lang.English); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Of another's stay = %v, want not found", err)
		}
	})
}

func TestStoreTick(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		_, s := stay(t, d)
		ctx, read, act := t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), haletest.Pass(t, d, "p1", access.SendMessages)
		items := func() string {
			r, err := s.Of(ctx, read, visit.Visit{ID: "ward"}, lang.English)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(r.Plan.Items[0].Done, r.Plan.Items[1].Done, len(r.Plan.Flags))
		}
		if err := s.Tick(ctx, read, act, "ward", []string{"home.3", "home.0", "other.1"}); err != nil {
			t.Fatal(err)
		}
		if got := items(); got != "false true 1" {
			t.Errorf("after a tick: %s, want the second done and the warning as it was", got)
		}
		if err := s.Tick(ctx, read, act, "ward", nil); err != nil {
			t.Fatal(err)
		}
		if got := items(); got != "false false 1" {
			t.Errorf("after taking it back: %s", got)
		}
		other := haletest.Pass(t, d, "p2", access.SendMessages)
		if err := s.Tick(ctx, read, other, "ward", []string{"home.3"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Tick of another's plan = %v, want not found", err)
		}
	})
}
