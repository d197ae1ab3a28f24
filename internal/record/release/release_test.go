package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/care/document"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/record/release"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

var zone = func() *time.Location {
	z, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return z
}()

// monday is when the tests begin: 10 in the morning at the clinic.
var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, zone)

// house is a record with results that wait, and its clock.
type house struct {
	db      *db.DB
	now     time.Time
	store   *release.Store
	records *record.Store
	results *result.Store
	doors   *access.Doors
	told    []string
	mu      sync.Mutex
}

func (h *house) clock() time.Time { return h.now }

func newHouse(t *testing.T, d *db.DB, packs ...string) *house {
	t.Helper()
	h := &house{db: d, now: monday}
	book, err := release.ReadBook()
	if err != nil {
		t.Fatal(err)
	}
	if book, err = book.Only(packs); err != nil {
		t.Fatal(err)
	}
	log := audit.NewLog(d, haletest.IDs(), h.clock)
	events := event.NewLog(haletest.IDs(), h.clock)
	h.doors = access.NewDoors(log, lookup.New(d, h.clock), h.clock)
	h.store = release.New(release.Config{DB: d, IDs: haletest.IDs(), Now: h.clock, Events: events, Audit: log, Book: book, Zone: zone})
	h.records = record.New(d, haletest.IDs(), h.clock, events, patient.View(), result.View(), document.View(), h.store.View()).WithHolders(h.store)
	h.results = result.NewStore(d)
	h.store.Use(h.records, teller{h}, h.doors.Forget)
	h.put(t, `{"resourceType":"Patient","id":"maria","name":[{"family":"Alvarez","given":["Maria"]}],"birthDate":"1961-04-27"}`)
	return h
}

// teller remembers who was told.
type teller struct{ h *house }

func (l teller) Arrived(_ context.Context, _ *db.Tx, patient, typ, id string) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.told = append(l.h.told, patient+" "+typ+"/"+id)
	return nil
}

func (h *house) put(t *testing.T, bodies ...string) {
	t.Helper()
	var drafts []record.Draft
	for _, b := range bodies {
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &head); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		drafts = append(drafts, record.Draft{Type: head.ResourceType, ID: head.ID, Body: []byte(b)})
	}
	if err := h.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := h.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("lab", access.WriteRecord), Feed: "lab"}, drafts)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// test is a result with a code, final at a time.
func test(id, loinc, name, status string, issued time.Time) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":%q,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],
		"code":{"coding":[{"system":"http://loinc.org","code":%q,"display":%q}]},"subject":{"reference":"Patient/maria"},"issued":%q,"effectiveDateTime":%q,"valueString":"seen"}`,
		id, status, loinc, name, issued.Format(time.RFC3339), issued.Format(time.RFC3339))
}

var (
	maria = access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-maria", Name: "Maria", Patient: "maria"}
	nurse = access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
)

func (h *house) pass(t *testing.T, a access.Actor, right access.Right) access.Pass {
	t.Helper()
	p, err := h.doors.Check(t.Context(), a, right, "maria")
	if err != nil {
		t.Fatalf("Check(%s) = %v", right, err)
	}
	return p
}

// sees returns the ids of the results that a sees.
func (h *house) sees(t *testing.T, a access.Actor) string {
	t.Helper()
	list, err := h.results.Recent(t.Context(), h.pass(t, a, access.ReadRecord), "", 50)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

// first returns the hold that opens soonest.
func (h *house) first(t *testing.T) release.Hold {
	t.Helper()
	list, err := h.store.Of(t.Context(), h.pass(t, nurse, access.ReleaseResults))
	if err != nil || len(list) == 0 {
		t.Fatalf("Of = %v, %v, want a hold", list, err)
	}
	return list[0]
}

func TestAtOnceByDefault(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.put(t, test("brca", "21636-6", "BRCA1 gene mutations", "final", h.now), test("hiv", "75622-1", "HIV 1 and 2", "final", h.now),
			`{"resourceType":"DiagnosticReport","id":"biopsy","status":"final","category":[{"coding":[{"code":"SP"}]}],"code":{"text":"Biopsy of breast"},"subject":{"reference":"Patient/maria"},"issued":"2026-03-02T15:00:00Z"}`)
		if got := h.sees(t, maria); !strings.Contains(got, "brca") || !strings.Contains(got, "hiv") {
			t.Errorf("without a rule Maria sees %q, want every result at once", got)
		}
		if n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from release_hold`); err != nil || n != 0 {
			t.Errorf("holds = %d, %v, want none", n, err)
		}
	})
}

// Tex. Occ. Code § 159.0062: not before the third day after the day on which
// the result is final.
func TestTexas(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, "TX-SB922")
		h.put(t, test("brca", "21636-6", "BRCA1 gene mutations", "final", h.now), test("a1c", "4548-4", "Hemoglobin A1c", "final", h.now),
			test("psa", "2857-1", "Prostate specific antigen", "final", h.now),
			test("old", "21637-4", "BRCA2 gene mutations", "final", h.now.AddDate(0, 0, -4)))
		if got := h.sees(t, maria); strings.Contains(got, "brca") || !strings.Contains(got, "a1c") || !strings.Contains(got, "psa") || !strings.Contains(got, "old") {
			t.Errorf("Maria sees %q, want all but brca: the others are no genetic test, or older than three days", got)
		}
		if got := h.sees(t, nurse); !strings.Contains(got, "brca") {
			t.Errorf("the nurse sees %q, want brca, too", got)
		}
		hold := h.first(t)
		thursday := time.Date(2026, 3, 5, 0, 0, 0, 0, zone)
		if !hold.Until.Equal(thursday) || hold.Rule != "TX-SB922" || !strings.Contains(hold.Basis, "159.0062") {
			t.Errorf("hold = %+v, want one until %s", hold, thursday)
		}
		waits, err := h.store.Waiting(t.Context(), h.pass(t, maria, access.ReadRecord))
		if err != nil || len(waits) != 1 || waits[0].Early || waits[0].Reason == "" {
			t.Errorf("Waiting = %+v, %v, want one line with its reason", waits, err)
		}
		err = h.store.Release(t.Context(), h.pass(t, nurse, access.ReleaseResults), hold.ID, "called her")
		if errs.KindOf(err) != errs.Conflict {
			t.Errorf("Release before the day that the law names = %v, want a refusal", err)
		}
		err = h.store.Extend(t.Context(), h.pass(t, nurse, access.ReleaseResults), hold.ID, "longer", hold.Until.Add(time.Hour))
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("Extend beyond the basis = %v, want a refusal", err)
		}
		h.now = thursday.Add(-time.Second)
		h.due(t)
		if got := h.sees(t, maria); strings.Contains(got, "brca") || len(h.told) > 0 {
			t.Errorf("a second before, Maria sees %q and was told %v", got, h.told)
		}
		h.now = thursday
		if got := h.sees(t, maria); !strings.Contains(got, "brca") {
			t.Errorf("on the third day Maria sees %q before the job has run, want brca, too", got)
		}
		h.due(t)
		if len(h.told) != 1 || h.told[0] != "maria Observation/brca" {
			t.Errorf("told = %v, want brca once", h.told)
		}
	})
}

func (h *house) due(t *testing.T) {
	t.Helper()
	if err := h.store.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The observations of a report wait with it, also those that come later.
func TestReportHoldsItsParts(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, "TX-SB922")
		report := func(status string, at time.Time) string {
			return fmt.Sprintf(`{"resourceType":"DiagnosticReport","id":"path","status":%q,"code":{"text":"Surgical pathology report"},"subject":{"reference":"Patient/maria"},
				"issued":%q,"result":[{"reference":"Observation/grade"},{"reference":"Observation/margin"}]}`, status, at.Format(time.RFC3339))
		}
		h.put(t, test("grade", "33732-9", "Histologic grade", "final", h.now), report("preliminary", h.now))
		h.put(t, test("margin", "44668-2", "Margins", "final", h.now))
		if got := h.sees(t, maria); got != "" {
			t.Errorf("Maria sees %q of a report that waits, want nothing", got)
		}
		h.now = h.now.AddDate(0, 0, 5)
		h.due(t)
		if got := h.sees(t, maria); strings.Contains(got, "margin") {
			t.Errorf("Maria sees %q of a report that is not final, want no margin", got)
		}
		h.put(t, report("final", h.now)) // Saturday
		h.now = time.Date(2026, 3, 10, 0, 0, 0, 0, zone)
		if got := h.sees(t, maria); !strings.Contains(got, "grade") || !strings.Contains(got, "margin") {
			t.Errorf("on the third day after the report was final Maria sees %q, want its parts", got)
		}
	})
}

func TestWish(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		edit := h.pass(t, maria, access.EditContacts)
		if err := h.store.SetWish(t.Context(), edit, "genetic", 5); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]error{
			"a sort that is none": h.store.SetWish(t.Context(), edit, "feet", 5),
			"too long":            h.store.SetWish(t.Context(), edit, "genetic", release.WishMost+1),
		} {
			if errs.KindOf(bad) != errs.Invalid {
				t.Errorf("%s = %v, want a refusal", name, bad)
			}
		}
		body, err := h.records.Get(t.Context(), h.pass(t, nurse, access.ReadRecord), "Consent", "wish-genetic-maria")
		if err != nil || !strings.Contains(string(body.Body), `"patient-privacy"`) {
			t.Errorf("the wish in the record = %s, %v, want a Consent", body.Body, err)
		}
		h.put(t, test("brca", "21636-6", "BRCA1 gene mutations", "final", h.now))
		if got := h.sees(t, maria); got != "" {
			t.Errorf("Maria sees %q, want nothing until her clinic has called", got)
		}
		hold := h.first(t)
		if err := h.store.Release(t.Context(), h.pass(t, nurse, access.ReleaseResults), hold.ID, " "); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Release without a note = %v, want a refusal", err)
		}
		if err := h.store.Release(t.Context(), h.pass(t, nurse, access.ReleaseResults), hold.ID, "called, all is well"); err != nil {
			t.Fatal(err)
		}
		if got := h.sees(t, maria); got != "brca" || len(h.told) != 1 {
			t.Errorf("after the call Maria sees %q and was told %v", got, h.told)
		}
		h.put(t, test("brca2", "21637-4", "BRCA2 gene mutations", "final", h.now))
		if err := h.store.SetWish(t.Context(), edit, "genetic", 0); err != nil {
			t.Fatal(err)
		}
		if got := h.sees(t, maria); !strings.Contains(got, "brca2") {
			t.Errorf("Maria wants to wait no more and sees %q, want brca2", got)
		}
		rows, err := audit.NewLog(d, haletest.IDs(), h.clock).Of(t.Context(), "maria", 50)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]int{}
		for _, r := range rows {
			said[r.Action]++
		}
		if said["wish.set"] != 2 || said["hold.set"] != 2 || said["hold.release"] != 2 {
			t.Errorf("the log has %v, want two of wish.set, hold.set and hold.release", said)
		}
	})
}

func TestClinician(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.put(t, test("a1c", "4548-4", "Hemoglobin A1c", "final", h.now))
		pass := h.pass(t, nurse, access.ReleaseResults)
		place := func(why, note string, until time.Time, id string) error {
			return h.store.Place(t.Context(), pass, "Observation", id, why, note, until)
		}
		tests := []struct {
			name string
			err  error
			want errs.Kind
		}{
			{"no reason that the law knows", place("bad news", "note", h.now.AddDate(0, 0, 1), "a1c"), errs.Invalid},
			{"no note", place("life", "", h.now.AddDate(0, 0, 1), "a1c"), errs.Invalid},
			{"too long", place("life", "note", h.now.Add(release.ClinicianMost+time.Second), "a1c"), errs.Invalid},
			{"in the past", place("life", "note", h.now, "a1c"), errs.Invalid},
			{"another's result", place("life", "note", h.now.AddDate(0, 0, 1), "nobodys"), errs.NotFound},
			{"as it should be", place("life", "she said she would harm herself", h.now.AddDate(0, 0, 2), "a1c"), errs.Internal},
			{"twice", place("life", "again", h.now.AddDate(0, 0, 2), "a1c"), errs.Conflict},
		}
		for _, tt := range tests {
			if (tt.err == nil) != (tt.want == errs.Internal) || tt.err != nil && errs.KindOf(tt.err) != tt.want {
				t.Errorf("%s: Place = %v", tt.name, tt.err)
			}
		}
		if got := h.sees(t, maria); got != "" {
			t.Errorf("Maria sees %q, want nothing", got)
		}
		waits, err := h.store.Waiting(t.Context(), h.pass(t, maria, access.ReadRecord))
		if err != nil || len(waits) != 1 || waits[0].Rule != release.ByClinician {
			t.Errorf("Waiting = %+v, %v: a denial must never be silent", waits, err)
		}
		h.put(t, strings.Replace(test("a1c", "4548-4", "Hemoglobin A1c", "amended", h.now), "seen", "seen again", 1))
		if got := h.sees(t, maria); got != "" {
			t.Errorf("after an amendment Maria sees %q, want the hold to hold", got)
		}
		hold := h.first(t)
		if err := h.store.Extend(t.Context(), pass, hold.ID, "still", hold.SetAt.Add(release.ClinicianMost)); err != nil {
			t.Errorf("Extend to the most = %v", err)
		}
		if err := h.store.Extend(t.Context(), pass, hold.ID, "still", hold.SetAt.Add(release.ClinicianMost+time.Second)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Extend beyond the most = %v, want a refusal", err)
		}
	})
}

// Whatever the clock does, and however many nodes run the job, a result is
// released once.
func TestDueOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, "TX-SB922")
		for i := range 30 {
			h.put(t, test(fmt.Sprintf("g%02d", i), "21636-6", "BRCA1 gene mutations", "final", h.now))
		}
		h.now = monday.AddDate(0, 0, 10) // it leaps over the day
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := h.store.Due(t.Context()); err != nil {
					t.Errorf("Due = %v", err)
				}
			})
		}
		all.Wait()
		h.now = monday // and back
		h.due(t)
		h.now = monday.AddDate(0, 0, 11)
		h.due(t)
		if len(h.told) != 30 {
			t.Errorf("told %d times of 30 results, want 30", len(h.told))
		}
		n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from event where kind = 'result.new'`)
		if err != nil || n != 30 {
			t.Errorf("result.new events = %d, %v, want 30", n, err)
		}
		h.now = monday
		if got := strings.Fields(h.sees(t, maria)); len(got) != 30 {
			t.Errorf("after the clock went back Maria sees %d results, want the 30 that were released", len(got))
		}
	})
}
