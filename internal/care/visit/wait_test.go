package visit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// told keeps the notices that were made.
type told struct {
	mu   sync.Mutex
	list []visit.Notice
}

func (l *told) TellVisit(_ context.Context, _ *db.Tx, n visit.Notice) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, n)
	return nil
}

// everyDay suits whenever it is.
var everyDay = visit.Wish{Days: 127, Parts: visit.Morning | visit.Afternoon | visit.Evening}

// line is an office with people who have late visits and wait for earlier ones.
type line struct {
	office
	told  *told
	pass  map[string]access.Pass
	visit map[string]string
	slot  map[string]string
}

// wait opens an office in which n people have a visit in ten days and wait.
func wait(t *testing.T, d *db.DB, n int) *line {
	t.Helper()
	l := &line{office: open(t, d), told: &told{}, pass: map[string]access.Pass{}, visit: map[string]string{}, slot: map[string]string{}}
	l.Store = l.Tell(l.told)
	for i := range n {
		p := fmt.Sprintf("w%d", i)
		l.put(t, "Patient", p, `"active":true`)
		l.slot2(t, "late-"+p, haletest.Noon.AddDate(0, 0, 10).Add(time.Duration(i)*time.Hour))
		l.pass[p] = haletest.Pass(t, d, p, access.BookVisits)
		v, err := l.Book(t.Context(), l.pass[p], "late-"+p, visit.How{Via: "portal"})
		if err != nil {
			t.Fatal(err)
		}
		l.visit[p], l.slot[p] = v.ID, "late-"+p
	}
	return l
}

func (l *line) slot2(t *testing.T, id string, start time.Time) { l.office.slot(t, id, "eye", start) }

func (l *line) join(t *testing.T, w visit.Wish, people ...string) {
	t.Helper()
	for i, p := range people {
		if err := l.Join(t.Context(), l.pass[p], l.visit[p], w); err != nil {
			t.Fatal(err)
		}
		// the clock of these tests stands still: who came first is written by hand
		if _, err := l.db.ExecContext(t.Context(), `update wait_entry set since = $2 where visit = $1`, l.visit[p], haletest.Noon.Add(time.Duration(i)*time.Second).UnixMicro()); err != nil {
			t.Fatal(err)
		}
	}
}

// offered is whom the line offers a time now, and the offer.
func (l *line) offered(t *testing.T) (who string, o visit.Offer) {
	t.Helper()
	for p, pass := range l.pass {
		list, err := l.Offers(t.Context(), pass)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			if who != "" {
				t.Fatalf("%s and %s are offered a time at once", who, p)
			}
			who, o = p, list[0]
		}
	}
	return who, o
}

// taken books and cancels a time, so that it comes free.
func (l *line) freed(t *testing.T, slot string) {
	t.Helper()
	pass := haletest.Pass(t, l.db, "p1", access.BookVisits)
	v, err := l.Book(t.Context(), pass, slot, visit.How{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Cancel(t.Context(), pass, v.ID); err != nil {
		t.Fatal(err)
	}
}

func (l *line) status(t *testing.T, slot string) string {
	t.Helper()
	s, err := db.One(t.Context(), l.db, db.Value[string], `select status from slot where id = $1`, slot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A time that comes free goes to one after the other, in order, and what the
// one who takes it had goes on to the next. All keep what they have.
func TestWaitLine(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		l, ctx := wait(t, d, 4), t.Context()
		l.join(t, everyDay, "w3", "w1", "w2")
		l.join(t, visit.Wish{Days: 127, Parts: visit.Evening}, "w0") // s2 is no evening
		l.freed(t, "s2")
		who, o := l.offered(t)
		if who != "w3" || o.Slot.ID != "s2" || o.Slot.With != "Dr. Priya Raman" || l.status(t, "s2") != "busy-tentative" {
			t.Fatalf("offered to %q: %+v, the slot is %s", who, o, l.status(t, "s2"))
		}
		if len(l.told.list) != 1 || l.told.list[0].Offer != o.ID || l.told.list[0].Patient != "w3" {
			t.Errorf("told %+v, want one notice to w3", l.told.list)
		}
		if _, err := l.Book(ctx, haletest.Pass(t, d, "p2", access.BookVisits), "s2", byLink); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Book of what is offered = %v, want a conflict", err)
		}
		if _, err := l.Take(ctx, l.pass["w1"], o.ID, byLink); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Take of another's offer = %v, want not found", err)
		}
		if err := l.Decline(ctx, l.pass["w3"], o.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Take(ctx, l.pass["w3"], o.ID, byLink); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Take after Decline = %v, want a conflict", err)
		}
		who, o = l.offered(t)
		if who != "w1" {
			t.Fatalf("after a decline it is offered to %q, want w1", who)
		}
		v, err := l.Take(ctx, l.pass["w1"], o.ID, visit.How{Via: "link"})
		if err != nil || v.ID != l.visit["w1"] || v.Slot != "s2" || l.status(t, "s2") != "busy" {
			t.Fatalf("Take = %+v, %v", v, err)
		}
		if _, ok, err := l.Waiting(ctx, l.pass["w1"], v.ID); ok || err != nil {
			t.Errorf("Waiting after Take = %v, %v, want none", ok, err)
		}
		// w1's old time, in ten days, is earlier than those of w3 and w2
		if who, o = l.offered(t); who != "w3" || o.Slot.ID != l.slot["w1"] {
			t.Errorf("the old time is offered to %q: %+v, want w3", who, o)
		}
		for _, p := range []string{"w0", "w2", "w3"} {
			if v, err := l.Get(ctx, haletest.Pass(t, d, p, access.ReadVisits), l.visit[p]); err != nil || v.Status != visit.Booked || v.Slot != l.slot[p] {
				t.Errorf("%s has %+v, %v, want what they had", p, v, err)
			}
		}
	})
}

// Nobody answers: the offer ends by itself, goes to the next, and at last the
// time is free for all. Leaving the line gives back what was offered.
func TestWaitLapse(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		l, ctx := wait(t, d, 2), t.Context()
		l.join(t, everyDay, "w0", "w1")
		l.freed(t, "s3")
		_, o := l.offered(t)
		if _, err := d.ExecContext(ctx, `update wait_offer set expires_at = $1`, haletest.Noon.Add(-time.Second).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Take(ctx, l.pass["w0"], o.ID, byLink); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Take after the end = %v, want a conflict", err)
		}
		staff := haletest.Everyone(t, d, access.AnswerPatients)
		if n, err := l.Lapse(ctx, staff); n != 1 || err != nil {
			t.Fatalf("Lapse = %d, %v, want 1", n, err)
		}
		if who, _ := l.offered(t); who != "w1" {
			t.Fatalf("after the lapse it is offered to %q, want w1", who)
		}
		if err := l.Leave(ctx, l.pass["w1"], l.visit["w1"]); err != nil {
			t.Fatal(err)
		}
		if s := l.status(t, "s3"); s != "free" {
			t.Errorf("the slot is %s after the last in the line left, want free", s)
		}
		if n, err := l.Lapse(ctx, staff); n != 0 || err != nil {
			t.Errorf("Lapse again = %d, %v", n, err)
		}
		if _, err := l.Lapse(ctx, l.pass["w0"]); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Lapse with a patient's pass = %v, want a refusal", err)
		}
		// the offer that was lapsed costs the place: who answers comes first
		l.join(t, everyDay, "w1")
		l.freed(t, "s2")
		if who, _ := l.offered(t); who != "w1" {
			t.Errorf("offered to %q, want w1, who let nothing lapse", who)
		}
		// cancelling the visit itself takes it out of the line
		if err := l.Cancel(ctx, l.pass["w1"], l.visit["w1"]); err != nil {
			t.Fatal(err)
		}
		if who, o := l.offered(t); who != "w0" {
			t.Errorf("offered to %q %v after the cancellation, want w0", who, o)
		}
	})
}

func TestWaitWishes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		l, ctx := wait(t, d, 1), t.Context()
		for name, w := range map[string]visit.Wish{"no day": {Parts: visit.Morning}, "no time": {Days: 2}} {
			if err := l.Join(ctx, l.pass["w0"], l.visit["w0"], w); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Join with %s = %v, want invalid", name, err)
			}
		}
		if err := l.Join(ctx, haletest.Pass(t, d, "p1", access.BookVisits), l.visit["w0"], everyDay); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Join of another's visit = %v, want not found", err)
		}
		for name, w := range map[string]visit.Wish{
			"another day":   {Days: 127 &^ (1 << haletest.Noon.Weekday()), Parts: 7},
			"more notice":   {Days: 127, Parts: 7, Notice: 24},
			"another hour":  {Days: 127, Parts: visit.Morning},
			"an early hour": {Days: 127, Parts: visit.Evening},
		} {
			l.join(t, w, "w0")
			l.freed(t, "s3")
			if who, o := l.offered(t); who != "" {
				t.Errorf("%s: offered %+v", name, o.Slot)
			}
		}
		res, err := l.records.Get(ctx, l.pass["w0"], "Appointment", l.visit["w0"])
		if err == nil && res.ID == "" {
			t.Errorf("the appointment is not there: %v", err)
		}
	})
}

// Many cancel and many take at the same moment: no time goes to two people,
// nobody is offered two, and nobody ends without a visit.
func TestWaitAtOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		const n = 8
		l, ctx := wait(t, d, n), t.Context()
		var people []string
		for i := range n {
			people = append(people, fmt.Sprintf("w%d", i))
		}
		l.join(t, everyDay, people...)
		booker := haletest.Pass(t, d, "p1", access.BookVisits)
		var freed []string
		for _, s := range []string{"s1", "s2", "s3"} {
			v, err := l.Book(ctx, booker, s, visit.How{Via: "portal"})
			if err != nil {
				t.Fatal(err)
			}
			freed = append(freed, v.ID)
		}
		var wg sync.WaitGroup
		for _, id := range freed {
			wg.Go(func() {
				if err := l.Cancel(ctx, booker, id); err != nil {
					t.Errorf("Cancel = %v", err)
				}
			})
		}
		for range 3 { // each tries to take whatever it is offered, three times over
			for _, p := range people {
				wg.Go(func() {
					list, err := l.Offers(ctx, l.pass[p])
					if err != nil || len(list) > 1 {
						t.Errorf("Offers = %d, %v, want one at most", len(list), err)
					}
					for _, o := range list {
						if _, err := l.Take(ctx, l.pass[p], o.ID, byLink); err != nil && errs.KindOf(err) != errs.Conflict {
							t.Errorf("Take = %v", err)
						}
					}
				})
			}
		}
		wg.Wait()
		seen := map[string]string{}
		for _, p := range people {
			list, err := l.Upcoming(ctx, haletest.Pass(t, d, p, access.ReadVisits), 9)
			if err != nil || len(list) != 1 {
				t.Fatalf("%s has %d visits, %v, want the one", p, len(list), err)
			}
			if other, ok := seen[list[0].Slot]; ok {
				t.Errorf("%s and %s have the same time", p, other)
			}
			seen[list[0].Slot] = p
			if s := l.status(t, list[0].Slot); s != "busy" {
				t.Errorf("%s's time is %s, want busy", p, s)
			}
		}
	})
}
