package visit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// office is a record with a schedule.
type office struct {
	*visit.Store
	db      *db.DB
	records *record.Store
}

func open(t *testing.T, d *db.DB) office {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), clock)
	records := record.New(d, ids, clock, events, visit.View(), clinician.View())
	o := office{visit.NewStore(d, records, events, ids, clock), d, records}
	o.put(t, "Patient", "p1", `"active":true`)
	o.put(t, "Patient", "p2", `"active":true`)
	o.put(t, "Practitioner", "raman", `"name":[{"prefix":["Dr."],"given":["Priya"],"family":"Raman"}]`)
	o.put(t, "Schedule", "eye", `"serviceType":[{"coding":[{"system":"https://hale.example/service","code":"eye-exam","display":"Eye exam"}]}],
		"actor":[{"reference":"Practitioner/raman"},{"reference":"Location/l1","display":"Suite 2"}]`)
	for i := range 4 {
		o.slot(t, fmt.Sprintf("s%d", i), "eye", haletest.Noon.Add(time.Duration(i+1)*time.Hour))
	}
	o.slot(t, "gone", "eye", haletest.Noon.Add(-time.Hour))
	return o
}

func (o office) slot(t *testing.T, id, schedule string, start time.Time) {
	o.put(t, "Slot", id, fmt.Sprintf(`"status":"free","schedule":{"reference":"Schedule/%s"},"start":%q,"end":%q`, schedule,
		start.Format(time.RFC3339), start.Add(20*time.Minute).Format(time.RFC3339)))
}

func (o office) put(t *testing.T, typ, id, rest string) {
	t.Helper()
	err := o.db.Tx(t.Context(), func(tx *db.Tx) error {
		body := fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, typ, id, rest)
		_, err := o.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{{Type: typ, ID: id, Body: []byte(body)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (o office) free(t *testing.T) int {
	t.Helper()
	list, err := o.Slots(t.Context(), "eye-exam", haletest.Noon, 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func (o office) events(t *testing.T, kind string) int64 {
	t.Helper()
	n, err := db.One(t.Context(), o.db, db.Value[int64], `select count(*) from event where kind = $1`, kind)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var byLink = visit.How{Via: "link", Ref: "message-1"}

func TestStoreBook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		pass := haletest.Pass(t, d, "p1", access.BookVisits)
		if list, err := o.Slots(ctx, "eye-exam", haletest.Noon, 2); err != nil || len(list) != 2 || list[0].ID != "s0" ||
			list[0].With != "Dr. Priya Raman" || list[0].Where != "Suite 2" || list[0].Title != "Eye exam" {
			t.Fatalf("Slots = %+v, %v", list, err)
		}
		v, err := o.Book(ctx, pass, "s1", byLink)
		if err != nil {
			t.Fatal(err)
		}
		if v.Patient != "p1" || v.Status != visit.Booked || v.Service != "eye-exam" || v.With != "Dr. Priya Raman" || v.Where != "Suite 2" ||
			v.Via != "link" || v.Ref != "message-1" || v.Slot != "s1" || !v.Start.Equal(haletest.Noon.Add(2*time.Hour)) || !v.BookedAt.Equal(haletest.Noon) {
			t.Errorf("Book = %+v", v)
		}
		if n := o.free(t); n != 3 {
			t.Errorf("%d times are free, want 3", n)
		}
		if n := o.events(t, "visit.booked"); n != 1 {
			t.Errorf("%d events visit.booked, want 1", n)
		}
		for _, slot := range []string{"s1", "gone", "none", ""} {
			if _, err := o.Book(ctx, haletest.Pass(t, d, "p2", access.BookVisits), slot, byLink); errs.KindOf(err) != errs.Conflict {
				t.Errorf("Book(%q) = %v, want a conflict", slot, err)
			}
		}
		read := haletest.Pass(t, d, "p1", access.ReadVisits)
		if list, err := o.Upcoming(ctx, read, 5); err != nil || len(list) != 1 || list[0].ID != v.ID {
			t.Errorf("Upcoming = %v, %v", list, err)
		}
		if res, err := o.records.Get(ctx, pass, "Appointment", v.ID); err == nil && res.Patient != "p1" {
			t.Errorf("the appointment belongs to %q", res.Patient)
		}
	})
}

// TestStoreBookAtOnce lets two hundred people try for four times.
func TestStoreBookAtOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		passes := []access.Pass{haletest.Pass(t, d, "p1", access.BookVisits), haletest.Pass(t, d, "p2", access.BookVisits)}
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[string]int{}
		for i := range 200 {
			wg.Go(func() {
				slot := fmt.Sprintf("s%d", i%4)
				_, err := o.Book(t.Context(), passes[i%2], slot, visit.How{Via: "link", Ref: fmt.Sprint("m", i)})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					got[slot]++
				case errs.KindOf(err) != errs.Conflict:
					t.Errorf("Book(%q) = %v", slot, err)
				}
			})
		}
		wg.Wait()
		for i := range 4 {
			if slot := fmt.Sprintf("s%d", i); got[slot] != 1 {
				t.Errorf("%s was booked %d times, want once", slot, got[slot])
			}
		}
		if n := o.events(t, "visit.booked"); n != 4 {
			t.Errorf("%d events visit.booked, want 4", n)
		}
	})
}

// One message, pressed twice at the same moment in two windows, books once;
// after a cancellation it may book again.
func TestStoreBookOnceFromOneMessage(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		pass := haletest.Pass(t, d, "p1", access.BookVisits)
		how := visit.How{Via: "link", Ref: "m1"}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				_, err := o.Book(t.Context(), pass, fmt.Sprint("s", i), how)
				if err != nil && errs.KindOf(err) != errs.Conflict {
					t.Errorf("Book at once = %v, want nil or a conflict", err)
				}
			})
		}
		wg.Wait()
		list, err := o.Led(t.Context(), pass, "m1")
		if err != nil || len(list) != 1 || o.free(t) != 3 {
			t.Fatalf("visits from one message = %d, %v, free times %d, want 1 and 3", len(list), err, o.free(t))
		}
		if err := o.Cancel(t.Context(), pass, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Book(t.Context(), pass, "s1", how); err != nil {
			t.Errorf("Book after a cancellation = %v, want nil", err)
		}
	})
}

func TestStoreCancel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		mine, other := haletest.Pass(t, d, "p1", access.BookVisits), haletest.Pass(t, d, "p2", access.BookVisits)
		v, err := o.Book(ctx, mine, "s1", byLink)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Cancel(ctx, other, v.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Cancel of another's visit = %v, want not found", err)
		}
		if err := o.Cancel(ctx, mine, v.ID); err != nil {
			t.Fatal(err)
		}
		if n := o.free(t); n != 4 {
			t.Errorf("%d times are free, want 4 again", n)
		}
		if err := o.Cancel(ctx, mine, v.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Cancel twice = %v, want a conflict", err)
		}
		read := haletest.Pass(t, d, "p1", access.ReadVisits)
		if list, err := o.Past(ctx, read, 5); err != nil || len(list) != 1 || list[0].Status != visit.Cancelled {
			t.Errorf("Past = %v, %v, want the cancelled visit", list, err)
		}
		if _, err := o.Book(ctx, other, "s1", byLink); err != nil {
			t.Errorf("Book of the freed time = %v", err)
		}
	})
}

func TestStoreMove(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		o.put(t, "Schedule", "fu", `"serviceType":[{"coding":[{"system":"https://hale.example/service","code":"follow-up"}]}],"actor":[{"reference":"Practitioner/raman"}]`)
		o.slot(t, "f1", "fu", haletest.Noon.Add(9*time.Hour))
		mine := haletest.Pass(t, d, "p1", access.BookVisits)
		v, err := o.Book(ctx, mine, "s1", byLink)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Book(ctx, haletest.Pass(t, d, "p2", access.BookVisits), "s2", byLink); err != nil {
			t.Fatal(err)
		}
		for _, slot := range []string{"s1", "s2", "f1"} { // one's own, another's, of another kind
			if _, err := o.Move(ctx, mine, v.ID, slot, byLink); errs.KindOf(err) != errs.Conflict {
				t.Errorf("Move to %s = %v, want a conflict", slot, err)
			}
		}
		if n := o.free(t); n != 2 {
			t.Errorf("%d times are free after moves that failed, want 2", n)
		}
		moved, err := o.Move(ctx, mine, v.ID, "s3", byLink)
		if err != nil || moved.ID != v.ID || moved.Slot != "s3" || !moved.Start.Equal(haletest.Noon.Add(4*time.Hour)) {
			t.Errorf("Move = %+v, %v", moved, err)
		}
		if n := o.free(t); n != 2 {
			t.Errorf("%d times are free after the move, want 2", n)
		}
		if _, err := o.Move(ctx, haletest.Pass(t, d, "p2", access.BookVisits), v.ID, "s0", byLink); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Move of another's visit = %v, want not found", err)
		}
	})
}

func TestStoreRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		v, err := o.Book(ctx, haletest.Pass(t, d, "p1", access.BookVisits), "s1", byLink)
		if err != nil {
			t.Fatal(err)
		}
		for _, pass := range []access.Pass{{}, haletest.Pass(t, d, "p1", access.ReadRecord), haletest.Everyone(t, d, access.FindPatients)} {
			_, e1 := o.Upcoming(ctx, pass, 1)
			_, e2 := o.Past(ctx, pass, 1)
			_, e3 := o.Get(ctx, pass, v.ID)
			_, e4 := o.Book(ctx, pass, "s2", byLink)
			_, e5 := o.Move(ctx, pass, v.ID, "s2", byLink)
			for i, err := range []error{e1, e2, e3, e4, e5, o.Cancel(ctx, pass, v.ID)} {
				if errs.KindOf(err) != errs.NotFound {
					t.Errorf("method %d with a wrong pass = %v, want a refusal", i, err)
				}
			}
		}
		if _, err := o.Get(ctx, haletest.Pass(t, d, "p2", access.ReadVisits), v.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of another's visit = %v, want not found", err)
		}
	})
}

func TestViewEncounters(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		o.put(t, "Encounter", "e1", `"status":"finished","class":{"code":"AMB"},"type":[{"text":"Encounter for check up (procedure)"}],"subject":{"reference":"Patient/p1"},
			"period":{"start":"2025-01-02T10:00:00Z","end":"2025-01-02T10:20:00Z"},"participant":[{"individual":{"reference":"Practitioner/raman"}}]`)
		o.put(t, "Encounter", "e2", `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p1"},"appointment":[{"reference":"Appointment/a"}],
			"period":{"start":"2025-01-03T10:00:00Z"}`)
		o.put(t, "Encounter", "e3", `"status":"entered-in-error","class":{"code":"AMB"},"subject":{"reference":"Patient/p1"},"period":{"start":"2025-01-03T10:00:00Z"}`)
		list, err := o.Past(ctx, haletest.Pass(t, d, "p1", access.ReadVisits), 9)
		if err != nil || len(list) != 1 || list[0].Title != "Encounter for check up" || list[0].With != "Dr. Priya Raman" || list[0].Status != visit.Fulfilled {
			t.Errorf("Past = %+v, %v, want the one encounter that was and has no appointment", list, err)
		}
	})
}

// The front desk sees that somebody was seen; why is for who opens the record.
func TestEncounterWhy(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		o.put(t, "Encounter", "ward", `"status":"finished","class":{"code":"IMP"},"type":[{"text":"Hospital stay"}],"reasonCode":[{"text":"Pneumonia"}],"subject":{"reference":"Patient/p1"},"period":{"start":"2025-01-02T10:00:00Z","end":"2025-01-04T10:20:00Z"}`)
		as := func(role access.Role) access.Pass {
			actor := access.Actor{Kind: access.Staff, ID: string(role), Name: "Staff", Roles: []access.Role{role}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
			pass, err := haletest.Doors(d).Check(t.Context(), actor, access.ReadVisits, "p1")
			if err != nil {
				t.Fatal(err)
			}
			return pass
		}
		for title, pass := range map[string]access.Pass{"Hospital stay": as(access.FrontDesk), "Hospital stay: Pneumonia": as(access.Nurse)} {
			list, err := o.Past(t.Context(), pass, 9)
			if err != nil || len(list) != 1 || list[0].Title != title {
				t.Errorf("Past = %+v, %v, want %q", list, err, title)
			}
			if v, err := o.Get(t.Context(), pass, "ward"); err != nil || v.Title != title {
				t.Errorf("Get = %+v, %v, want %q", v, err, title)
			}
		}
		if list, err := o.Past(t.Context(), haletest.Pass(t, d, "p1", access.ReadVisits), 9); err != nil || len(list) != 1 || list[0].Title != "Hospital stay: Pneumonia" {
			t.Errorf("the patient's own = %+v, %v", list, err)
		}
	})
}
