package result_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/care/result"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, resources ...[2]string) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), result.View(), clinician.View())
	var drafts []record.Draft
	for i, r := range resources {
		drafts = append(drafts, record.Draft{Type: r[0], Body: []byte(r[1])})
		var id string
		if _, err := fmt.Sscanf(r[1], `{"id":%q`, &id); err != nil {
			t.Fatalf("resource %d: %v", i, err)
		}
		drafts[i].ID = id
	}
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func obs(id, patient, rest string) [2]string {
	return [2]string{"Observation", fmt.Sprintf(`{"id":%q,"resourceType":"Observation","status":"final","subject":{"reference":"Patient/%s"},%s}`, id, patient, rest)}
}

const lab = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]`

func a1c(day string, v float64) string {
	return fmt.Sprintf(`%s,"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"A1c"}]},"effectiveDateTime":"%s","performer":[{"reference":"Organization/alder"}],
		"valueQuantity":{"value":%g,"unit":"%%","code":"%%"},"referenceRange":[{"low":{"value":4},"high":{"value":5.6}}],"interpretation":[{"coding":[{"code":"H"}]}]`, lab, day, v)
}

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d,
			[2]string{"Organization", `{"id":"alder","resourceType":"Organization","name":"Alder Labs"}`},
			[2]string{"Patient", `{"id":"p1","resourceType":"Patient"}`}, [2]string{"Patient", `{"id":"p2","resourceType":"Patient"}`},
			obs("o1", "p1", a1c("2025-05-03", 8.1)), obs("o2", "p1", a1c("2026-02-01", 7.4)), obs("o3", "p2", a1c("2026-02-02", 6)),
			obs("o4", "p1", `"category":[{"coding":[{"code":"survey"}]}],"code":{"text":"Mood"},"effectiveDateTime":"2026-02-01"`),
			[2]string{"Goal", `{"id":"g1","resourceType":"Goal","lifecycleStatus":"active","description":{"text":"Hemoglobin A1c total in Blood < 7.0"},"subject":{"reference":"Patient/p1"}}`},
		)
		s, ctx := result.NewStore(d), t.Context()
		mine := haletest.Pass(t, d, "p1", access.ReadRecord)
		list, err := s.Recent(ctx, mine, "", 10)
		if err != nil || len(list) != 2 || list[0].ID != "o2" || list[1].ID != "o1" {
			t.Fatalf("Recent = %v, %v, want o2 and o1", list, err)
		}
		r := list[0]
		if r.Value != 7.4 || !r.HasValue || r.Unit != "%" || r.Performer != "Alder Labs" || r.Range != result.Between(4, 5.6) || r.Flag != "H" {
			t.Errorf("Recent[0] = %+v", r)
		}
		trend, err := s.Trend(ctx, mine, "4548-4", 10)
		if err != nil || len(trend) != 2 || trend[0].ID != "o1" {
			t.Errorf("Trend = %v, %v, want o1 first", trend, err)
		}
		if n, at, err := s.Count(ctx, mine); n != 2 || !at.Equal(haletest.Noon) || err != nil {
			t.Errorf("Count = %d, %v, %v", n, at, err)
		}
		goals, err := s.Goals(ctx, mine)
		if err != nil || goals["4548-4"].Band != result.To(7) {
			t.Errorf("Goals = %v, %v", goals, err)
		}
		if _, err := s.Get(ctx, mine, "o3"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of another's result = %v, want not found", err)
		}
		testRefused(t, d, s)
	})
}

// testRefused tries every reader with passes that do not open it.
func testRefused(t *testing.T, d *db.DB, s *result.Store) {
	ctx := t.Context()
	for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.ReadVisits), haletest.Everyone(t, d, access.FindPatients)} {
		_, e1 := s.Recent(ctx, pass, "", 1)
		_, e2 := s.Since(ctx, pass, time.Time{}, 1)
		_, e3 := s.Trend(ctx, pass, "x", 1)
		_, e4 := s.Get(ctx, pass, "o1")
		_, _, e5 := s.Count(ctx, pass)
		_, e6 := s.Goals(ctx, pass)
		for i, err := range []error{e1, e2, e3, e4, e5, e6} {
			if errs.KindOf(err) != errs.NotFound {
				t.Errorf("reader %d with a wrong pass = %v, want a refusal", i, err)
			}
		}
	}
}

func TestViewFollowsChanges(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, [2]string{"Patient", `{"id":"p1","resourceType":"Patient"}`}, [2]string{"Patient", `{"id":"p2","resourceType":"Patient"}`},
			obs("o1", "p1", a1c("2025-05-03", 8.1)))
		s := result.NewStore(d)
		count := func(patient string) int {
			n, _, err := s.Count(context.Background(), haletest.Pass(t, d, patient, access.ReadRecord))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		put(t, d, obs("o1", "p1", a1c("2025-05-03", 8.2)))
		if r, err := s.Get(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), "o1"); err != nil || r.Value != 8.2 || count("p1") != 1 {
			t.Errorf("after a correction: %v, %v, %d rows", r.Value, err, count("p1"))
		}
		put(t, d, obs("o1", "p2", a1c("2025-05-03", 8.2))) // it was put into the wrong record
		if count("p1") != 0 || count("p2") != 1 {
			t.Errorf("after moving to another patient: %d and %d rows, want 0 and 1", count("p1"), count("p2"))
		}
		wrong := obs("o1", "p2", a1c("2025-05-03", 8.2))
		wrong[1] = `{"id":"o1","resourceType":"Observation","status":"entered-in-error",` + wrong[1][len(`{"id":"o1","resourceType":"Observation","status":"final",`):]
		put(t, d, wrong)
		if count("p2") != 0 {
			t.Errorf("after entered-in-error: %d rows, want 0", count("p2"))
		}
	})
}
