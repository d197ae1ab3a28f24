package background_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/background"
	"hale/internal/care/clinician"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, typ, id, rest string) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), clinician.View(), background.View())
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
	lab  = `"category":[{"coding":[{"system":"http://snomed.info/sct","code":"108252007"}]}]`
)

// names lists what a kind has, in order.
func names(t *testing.T, s *background.Store, pass access.Pass, kind background.Kind) string {
	t.Helper()
	list, err := s.List(t.Context(), pass, kind, 10)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		all = append(all, e.Name)
	}
	return strings.Join(all, ", ")
}

func TestStoreList(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, "Patient", "p1", `"active":true`)
		put(t, d, "Patient", "p2", `"active":true`)
		put(t, d, "Practitioner", "d1", `"name":[{"prefix":["Dr."],"given":["Ana"],"family":"Sol"}]`)
		put(t, d, "Device", "same", `"patient":{"reference":"Patient/p1"},"status":"active","udiCarrier":[{"deviceIdentifier":"0888","carrierHRF":"(01)0888(21)A1"}],"type":{"text":"Pacemaker"},"manufacturer":"M","serialNumber":"A1","expirationDate":"2030-01-01T00:00:00Z"`)
		put(t, d, "Device", "wrong", `"patient":{"reference":"Patient/p1"},"status":"entered-in-error","type":{"text":"None"}`)
		put(t, d, "FamilyMemberHistory", "same", `"patient":{"reference":"Patient/p1"},"status":"completed","relationship":{"coding":[{"code":"FTH"}],"text":"Father"},"condition":[{"code":{"text":"Stroke"},"onsetAge":{"value":61}}]`)
		put(t, d, "Coverage", "c1", `"beneficiary":{"reference":"Patient/p1"},"status":"active","subscriberId":"XY1","payor":[{"display":"Sky Health"}],"class":[{"type":{"coding":[{"code":"plan"}]},"value":"1","name":"Silver"},{"type":{"coding":[{"code":"group"}]},"value":"G9"}]`)
		put(t, d, "CareTeam", "t1", ofP1+`,"status":"active","participant":[{"member":{"reference":"Patient/p1"}},{"role":[{"text":"Doctor"}],"member":{"reference":"Practitioner/d1"}},{"member":{"reference":"Practitioner/unknown"}}]`)
		put(t, d, "Goal", "g1", ofP1+`,"lifecycleStatus":"active","description":{"text":"A1c under 7.0 %"},"target":[{"measure":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"detailQuantity":{"value":7,"comparator":"<"},"dueDate":"2026-12-01"}]`)
		put(t, d, "CarePlan", "k1", ofP1+`,"status":"active","intent":"plan","title":"Diabetes plan","activity":[{"detail":{"status":"scheduled","description":"Walk"}},{"detail":{"status":"cancelled","description":"Run"}}]`)
		put(t, d, "Device", "other", `"patient":{"reference":"Patient/p2"},"status":"active","type":{"text":"Secret"}`)
		s, mine := background.NewStore(d), haletest.Pass(t, d, "p1", access.ReadRecord)
		for kind, want := range map[background.Kind]string{background.Device: "Pacemaker", background.Family: "Father", background.Insurance: "Silver",
			background.Team: "Care team", background.Goal: "A1c under 7.0 %", background.Plan: "Diabetes plan"} {
			if got := names(t, s, mine, kind); got != want {
				t.Errorf("List(%s) = %q, want %q", kind, got, want)
			}
		}
		e, err := s.Get(t.Context(), mine, background.Device, "same")
		if err != nil || e.Detail.UDI != "(01)0888(21)A1" || e.Detail.Expiry != "2030-01-01" || e.Ref() != "Device/same" {
			t.Errorf("Get(device) = %+v, %v", e, err)
		}
		team, err := s.List(t.Context(), mine, background.Team, 1)
		if err != nil || len(team[0].Detail.Members) != 1 || team[0].Detail.Members[0].Who != "Dr. Ana Sol" {
			t.Errorf("the team = %+v, %v, want the one who has a name", team, err)
		}
		if _, err := s.Get(t.Context(), mine, background.Device, "other"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get(another's) = %v, want not found", err)
		}
		counts, err := s.Counts(t.Context(), mine)
		if err != nil || len(counts) != 6 || counts[background.Plan].N != 1 {
			t.Errorf("Counts = %+v, %v", counts, err)
		}
		put(t, d, "Device", "same", `"patient":{"reference":"Patient/p2"},"status":"active","type":{"text":"Pacemaker"}`)
		if got := names(t, s, mine, background.Device); got != "" {
			t.Errorf("List after it went to another = %q", got)
		}
		if got := names(t, s, mine, background.Family); got != "Father" {
			t.Errorf("what has the same id went, too: %q", got)
		}
	})
}

func TestStorePending(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		order := func(id, status, at, due, category string) {
			put(t, d, "ServiceRequest", id, ofP1+`,"status":"`+status+`","intent":"order","authoredOn":"`+at+`","occurrenceDateTime":"`+due+`","code":{"text":"`+id+`"},`+category)
		}
		put(t, d, "Patient", "p1", `"active":true`)
		order("late", "active", "2026-03-01", "2026-03-20", lab)
		order("soon", "active", "2026-03-02", "2026-03-10", lab)
		order("done", "active", "2026-03-01", "2026-03-04", lab)
		order("early", "active", "2026-03-01", "2026-03-30", lab)
		order("ended", "completed", "2026-03-01", "2026-03-04", lab)
		order("ancient", "active", "2020-03-01", "2020-03-04", lab)
		order("referral", "active", "2026-03-01", "2026-03-04", `"category":[{"coding":[{"code":"3457005"}]}]`)
		put(t, d, "Observation", "o1", ofP1+`,"status":"final","code":{"text":"x"},"basedOn":[{"reference":"ServiceRequest/done"}]`)
		put(t, d, "Observation", "o2", ofP1+`,"status":"preliminary","code":{"text":"x"},"basedOn":[{"reference":"ServiceRequest/early"}]`)
		s, mine := background.NewStore(d), haletest.Pass(t, d, "p1", access.ReadRecord)
		waits := func() string {
			list, err := s.Pending(t.Context(), mine, haletest.Noon.Add(-365*24*time.Hour), 10)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, e := range list {
				all = append(all, e.Name)
			}
			return strings.Join(all, " ")
		}
		if got := waits(); got != "soon late early" {
			t.Errorf("Pending = %q", got)
		}
		put(t, d, "Observation", "o2", ofP1+`,"status":"final","code":{"text":"x"},"basedOn":[{"reference":"ServiceRequest/early"}]`)
		if got := waits(); got != "soon late" {
			t.Errorf("Pending after the result is final = %q", got)
		}
		if _, err := d.ExecContext(t.Context(), `insert into shield (patient, typ, id, labels, held_until) values ('p1', 'Observation', 'o2', 0, $1)`, haletest.Noon.Add(time.Hour).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		if got := waits(); got != "soon late early" {
			t.Errorf("Pending with a result that waits for its release = %q: that it is there would show", got)
		}
	})
}

// What stood in the record before this view came with an upgrade is listed
// once the record was indexed anew.
func TestViewAgain(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		clock := haletest.Clock(haletest.Noon)
		before := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock))
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := before.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{
				{Type: "Patient", ID: "p1", Body: []byte(`{"resourceType":"Patient","id":"p1"}`)},
				{Type: "Device", ID: "d1", Body: []byte(`{"resourceType":"Device","id":"d1","patient":{"reference":"Patient/p1"},"status":"active","type":{"text":"Pacemaker"}}`)}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s, mine := background.NewStore(d), haletest.Pass(t, d, "p1", access.ReadRecord)
		if got := names(t, s, mine, background.Device); got != "" {
			t.Fatalf("List before = %q", got)
		}
		now := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), background.View())
		for range 2 {
			if _, more, err := now.ReindexType(t.Context(), "", 0); err != nil || more {
				t.Fatal(more, err)
			}
		}
		if got := names(t, s, mine, background.Device); got != "Pacemaker" {
			t.Errorf("List after = %q", got)
		}
	})
}
