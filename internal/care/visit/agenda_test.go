package visit_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// day returns noon's day at the clinic, which is UTC here, and days after it.
func day(n int) time.Time {
	y, m, d := haletest.Noon.Date()
	return time.Date(y, m, d+n, 0, 0, 0, 0, time.UTC)
}

func TestAgenda(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		told := &told{}
		o.Store = o.Tell(told)
		staff, desk := haletest.Everyone(t, d, access.AnswerPatients), haletest.Pass(t, d, "p1", access.BookVisits)
		v, err := o.BookFor(ctx, desk, "s2", "phone")
		if err != nil || len(told.list) != 1 || told.list[0].Kind != visit.ToldBooked {
			t.Fatalf("BookFor = %+v, %v, told %v", v, err, told.list)
		}
		list, err := o.Agenda(ctx, staff, day(0), day(1))
		if err != nil || len(list) != 5 {
			t.Fatalf("Agenda = %d entries, %v, want 5", len(list), err)
		}
		var one visit.Entry
		for _, e := range list {
			if e.Visit.ID != "" {
				one = e
			}
		}
		if one.Visit.ID != v.ID || one.Slot.ID != "s2" || one.State != "busy" || one.Ref != "Practitioner/raman" || one.Visit.Patient != "p1" {
			t.Errorf("the booked entry is %+v", one)
		}
		for _, pass := range []access.Pass{{}, desk, haletest.Everyone(t, d, access.RunOutreach)} {
			if _, err := o.Agenda(ctx, pass, day(0), day(1)); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Agenda with a wrong pass = %v, want a refusal", err)
			}
		}
		for _, step := range []struct {
			mark visit.Mark
			ok   bool
		}{{visit.MarkBooked, false}, {visit.MarkArrived, true}, {visit.MarkArrived, false}, {visit.MarkNoShow, true}, {visit.MarkDone, false}, {visit.MarkBooked, true}, {visit.MarkDone, true}} {
			if err := o.MarkAs(ctx, desk, v.ID, step.mark); (err == nil) != step.ok {
				t.Errorf("MarkAs %s = %v, want ok %v", step.mark, err, step.ok)
			}
		}
		if err := o.MarkAs(ctx, haletest.Pass(t, d, "p2", access.BookVisits), v.ID, visit.MarkBooked); errs.KindOf(err) != errs.NotFound {
			t.Errorf("MarkAs on another's visit = %v, want not found", err)
		}
		w, err := o.Book(ctx, desk, "s3", visit.How{Via: "portal"})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.CancelFor(ctx, desk, w.ID, ""); errs.KindOf(err) != errs.Invalid {
			t.Errorf("CancelFor without a reason = %v, want invalid", err)
		}
		if err := o.CancelFor(ctx, desk, w.ID, "The doctor is ill."); err != nil {
			t.Fatal(err)
		}
		if last := told.list[len(told.list)-1]; last.Kind != visit.ToldCancelled || last.Reason != "The doctor is ill." || last.Visit != w.ID {
			t.Errorf("told %+v", last)
		}
	})
}

func TestOpenings(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		staff := haletest.Everyone(t, d, access.AnswerPatients)
		base := visit.Opening{Room: "eye", First: day(1), Last: day(14), Days: 127, From: 9 * 60, To: 10 * 60, Minutes: 20}
		bad := map[string]func(visit.Opening) visit.Opening{
			"no days":    func(x visit.Opening) visit.Opening { x.Days = 0; return x },
			"ends first": func(x visit.Opening) visit.Opening { x.To = x.From; return x },
			"too short":  func(x visit.Opening) visit.Opening { x.Minutes = 4; return x },
			"the past":   func(x visit.Opening) visit.Opening { x.First, x.Last = day(-9), day(-2); return x },
			"too far":    func(x visit.Opening) visit.Opening { x.Last = day(400); return x },
			"too many":   func(x visit.Opening) visit.Opening { x.Last, x.From, x.To, x.Minutes = day(360), 0, 1440, 5; return x },
			"no room":    func(x visit.Opening) visit.Opening { x.Room = "none"; return x },
		}
		for name, change := range bad {
			if n, err := o.Add(ctx, staff, change(base)); errs.KindOf(err) != errs.Invalid || n != 0 {
				t.Errorf("Add, %s = %d, %v, want invalid", name, n, err)
			}
		}
		if n, err := o.Add(ctx, staff, base); n != 42 || err != nil {
			t.Fatalf("Add = %d, %v, want 14 days of three", n, err)
		}
		wider := base
		wider.To = 11 * 60
		if n, err := o.Add(ctx, staff, wider); n != 42 || err != nil {
			t.Errorf("Add of two hours = %d, %v, want the 42 that are new", n, err)
		}
		if _, err := o.Add(ctx, staff, wider); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Add again = %v, want that nothing is new", err)
		}
		slots, err := o.Slots(ctx, "eye-exam", day(1), 500)
		if err != nil || len(slots) != 84 || slots[0].With != "Dr. Priya Raman" || slots[0].Title != "Eye exam" {
			t.Fatalf("Slots = %d, %v", len(slots), err)
		}
		if n, err := o.Close(ctx, staff, "Practitioner/raman", day(1), day(2), false); n != 6 || err != nil {
			t.Errorf("Close = %d, %v, want 6", n, err)
		}
		if err := o.Reopen(ctx, staff, slots[0].ID); err != nil {
			t.Error(err)
		}
		v, err := o.Book(ctx, haletest.Pass(t, d, "p1", access.BookVisits), slots[0].ID, byLink)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Shut(ctx, staff, slots[0].ID, true); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Shut of a booked time = %v, want a conflict", err)
		}
		if n, err := o.Close(ctx, staff, "Practitioner/raman", day(1), day(3), true); n != 11 || err != nil {
			t.Errorf("Close for good = %d, %v, want all but the booked one", n, err)
		}
		if _, err := o.Get(ctx, haletest.Pass(t, d, "p1", access.ReadVisits), v.ID); err != nil {
			t.Error(err)
		}
		id, err := o.AddRoom(ctx, staff, visit.Room{Service: "vaccine", Title: "Vaccine visit", With: "Nurse Ines Prado", Where: "Room 4"})
		if err != nil {
			t.Fatal(err)
		}
		base.Room = id
		if n, err := o.Add(ctx, staff, base); n != 42 || err != nil {
			t.Errorf("Add in a new room = %d, %v", n, err)
		}
		rooms, err := o.Rooms(ctx, staff)
		if err != nil || len(rooms) != 2 {
			t.Errorf("Rooms = %+v, %v", rooms, err)
		}
	})
}

// A new opening is offered to whoever waits.
func TestOpeningMeetsTheLine(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		l, ctx := wait(t, d, 1), t.Context()
		l.join(t, everyDay, "w0")
		staff := haletest.Everyone(t, d, access.AnswerPatients)
		if _, err := l.Add(ctx, staff, visit.Opening{Room: "eye", First: day(2), Last: day(2), Days: 127, From: 540, To: 600, Minutes: 30}); err != nil {
			t.Fatal(err)
		}
		who, o := l.offered(t)
		if who != "w0" || !o.Slot.Start.Equal(day(2).Add(9*time.Hour)) {
			t.Fatalf("offered %q %+v, want the first new time", who, o)
		}
		line, err := l.Line(ctx, staff)
		if err != nil || len(line) != 1 || line[0].Offers != 1 || line[0].Title != "Eye exam" {
			t.Errorf("Line = %+v, %v", line, err)
		}
		made, err := l.Made(ctx, staff, 9)
		if err != nil || len(made) != 1 || made[0].State != visit.OfferOpen {
			t.Errorf("Made = %+v, %v", made, err)
		}
	})
}
