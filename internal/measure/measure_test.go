package measure

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/causal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

const day = 24 * time.Hour

// world fills the tables that measure reads.
type world struct {
	people, intents, messages, visits []any
	n                                 int
}

// person is one drawn person and what became of him or her.
type person struct {
	arm     string        // treat, holdout or excluded; empty: treat
	p       float64       // chance of being held out; 0: a half
	state   string        // of the intent; empty: active or holdout
	at      time.Duration // of the draw, after the start
	booked  time.Duration // after the draw
	service string        // of the visit; empty: none
	plan    string        // first channel
	born    string
	lang    string
	account bool
}

func (w *world) add(people ...person) {
	for _, p := range people {
		w.n++
		id := fmt.Sprintf("p%06d", w.n)
		p = p.filled()
		at := haletest.Noon.Add(p.at)
		w.people = append(w.people, id, "A B", "A", "B", "a b", p.born, "female", p.lang, "", "", "", "", "", "", 0, 1, 0)
		w.intents = append(w.intents, "i"+id, "o1", id, "d"+id, "screening", p.arm, p.p, at.UnixMicro(), at.Add(30*day).UnixMicro(), p.state, p.plan, fmt.Sprintf(`{"age":50,"account":%v}`, p.account))
		if p.service != "" {
			booked := at.Add(p.booked)
			w.visits = append(w.visits, "v"+id, id, "appointment", "booked", p.service, "", booked.UnixMicro(), booked.UnixMicro(), "", "", "", booked.UnixMicro(), "portal", "", "", 0)
		}
	}
}

func (p person) filled() person {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&p.arm, "treat")
	set(&p.plan, "sms")
	set(&p.born, "1990-01-01")
	set(&p.lang, "en")
	if p.arm == "holdout" {
		set(&p.state, "holdout")
	}
	set(&p.state, "active")
	if p.p == 0 {
		p.p = 0.5
	}
	return p
}

// many adds n people like p, of whom the first yes book an eye exam.
func (w *world) many(n, yes int, p person) {
	for i := range n {
		q := p
		if i < yes {
			q.service, q.booked = "eye-exam", day
		}
		w.add(q)
	}
}

// message adds one of person n's intent.
func (w *world) message(n, step int, channel string, accepted, delivered, seen, acted time.Duration) {
	at := func(d time.Duration) int64 {
		if d == 0 {
			return 0
		}
		return haletest.Noon.Add(d).UnixMicro()
	}
	id := fmt.Sprintf("m%06d-%d", n, step)
	patient := fmt.Sprintf("p%06d", n)
	w.messages = append(w.messages, id, "i"+patient, "o1", patient, "screening", channel, step, "accepted", 0, "notice", []byte("x"), "x", id, 0, 0,
		haletest.Noon.UnixMicro(), at(accepted), at(delivered), at(seen), at(acted))
}

func (w *world) store(t testing.TB, d *db.DB, audience int) *Store {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error { return w.write(t.Context(), tx, audience) })
	if err != nil {
		t.Fatal(err)
	}
	return NewStore(d, haletest.Clock(haletest.Noon.Add(10*day)))
}

func (w *world) write(ctx context.Context, tx *db.Tx, audience int) error {
	const outreach = `
		insert into outreach (id, name, purpose, service, state, holdout, window_days, salt, audience, planned, created_by, created_at, started_at)
		values ('o1', 'Eye exams', 'screening', 'eye-exam', 'running', 0.1, 30, 's', $1, $1, 'nurse', $2, $2)`
	if _, err := tx.ExecContext(ctx, outreach, audience, haletest.Noon.UnixMicro()); err != nil {
		return err
	}
	for _, part := range []struct {
		head  string
		width int
		args  []any
	}{
		{`insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, 17, w.people},
		{`insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, decided_at, expires_at, state, stratum, facts)`, 12, w.intents},
		{`insert into visit (id, patient, kind, status, service, title, start_at, end_at, practitioner, place, slot, booked_at, via, ref, source, updated_at)`, 16, w.visits},
		{`insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at,
			created_at, accepted_at, delivered_at, first_seen_at, acted_at)`, 20, w.messages},
	} {
		if len(part.args) == 0 {
			continue
		}
		if err := db.InsertMany(ctx, tx, part.head, "", part.width, part.args); err != nil {
			return err
		}
	}
	return nil
}

func measurePass(t testing.TB, d *db.DB) access.Pass {
	return haletest.Everyone(t, d, access.ReadMeasure)
}

func TestStoreEffectCountsTheWindow(t *testing.T) {
	tests := []struct {
		name string
		p    person
		want int
	}{
		{"booked at the draw", person{service: "eye-exam"}, 1},
		{"booked before the draw", person{service: "eye-exam", booked: -time.Microsecond}, 0},
		{"booked in the last moment", person{service: "eye-exam", booked: 30*day - time.Microsecond}, 1},
		{"booked at the end of the window", person{service: "eye-exam", booked: 30 * day}, 0},
		{"the window begins with the draw", person{at: 5 * day, service: "eye-exam", booked: 30*day - time.Microsecond}, 1},
		{"booked something else", person{service: "vaccine"}, 0},
		{"nothing reached her", person{state: "blocked", service: "eye-exam"}, 1},
		{"not booked", person{}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				var w world
				w.many(20, 0, person{arm: "holdout"})
				w.many(20, 0, person{})
				w.add(tt.p, person{arm: "excluded", service: "eye-exam"})
				e, err := w.store(t, d, 42).Effect(t.Context(), measurePass(t, d), "o1")
				if err != nil || e.Treated != 21 || e.Held != 20 || e.TreatedYes != tt.want || e.HeldYes != 0 {
					t.Errorf("Effect = %d of %d against %d of %d, %v, want %d of 21 against 0 of 20", e.TreatedYes, e.Treated, e.HeldYes, e.Held, err, tt.want)
				}
			})
		})
	}
}

func TestStoreEffect(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w world
		w.many(450, 140, person{p: 0.1})
		w.many(50, 5, person{p: 0.1, arm: "holdout"})
		w.many(450, 140, person{p: 0.1, plan: "email", born: "1950-01-01", lang: "es"})
		w.many(50, 6, person{p: 0.1, arm: "holdout", plan: "email", born: "1950-01-01", lang: "es"})
		s := w.store(t, d, 1000)
		e, err := s.Effect(t.Context(), measurePass(t, d), "o1")
		if err != nil {
			t.Fatal(err)
		}
		want := causal.Difference(causal.Cautious(280, 900), causal.Cautious(11, 100))
		low, high, _ := causal.AlwaysValid(want, 1000, causal.Alpha)
		if e.State != Running || e.Diff != want.Value || e.Low != low || e.High != high || e.Method != always {
			t.Errorf("Effect = %+v, want always-valid %v [%v, %v]", e, want.Value, low, high)
		}
		if math.Abs(e.Extra-900*want.Value) > 1e-9 || !e.Steady || math.Abs(e.Ratio-(280.0/900/0.11-1)) > 1e-9 || e.SRM != 1 {
			t.Errorf("extra %v, ratio %v (%v), SRM %v", e.Extra, e.Ratio, e.Steady, e.SRM)
		}
		names := map[string]string{}
		for _, g := range e.Groups {
			names[g.Name] = g.By
			if g.Treated != 450 || g.Held != 50 || g.TooFew || g.High-g.Low < e.High-e.Low {
				t.Errorf("group %+v, want 450 and 50 people and an interval wider than the headline's", g)
			}
		}
		for name, by := range map[string]string{"Text message": "First channel", "E-mail": "First channel", "65 or older": "Age", "Under 65": "Age", "English": "Language", "Spanish": "Language"} {
			if names[name] != by {
				t.Errorf("groups %v lack %s", names, name)
			}
		}
		if len(e.Groups) != 6 {
			t.Errorf("%d groups, want none by portal, which divides nobody", len(e.Groups))
		}
		s.now = haletest.Clock(haletest.Noon.Add(30 * day))
		e, err = s.Effect(t.Context(), measurePass(t, d), "o1")
		low, high = want.Interval(causal.Alpha)
		if err != nil || e.State != Final || e.Low != low || e.High != high || e.Method != fixed {
			t.Errorf("Effect after the window = %+v, %v, want Welch's [%v, %v]", e, err, low, high)
		}
		s.now = haletest.Clock(haletest.Noon.Add(30*day - time.Microsecond))
		if e, err = s.Effect(t.Context(), measurePass(t, d), "o1"); err != nil || e.State != Running {
			t.Errorf("Effect just before the end is %q, %v, want running", e.State, err)
		}
	})
}

func TestStoreEffectStates(t *testing.T) {
	tests := []struct {
		name     string
		fill     func(*world)
		audience int
		after    time.Duration
		want     State
	}{
		{"nobody drawn", func(*world) {}, 0, day, TooEarly},
		{"nobody has booked", func(w *world) { w.many(90, 0, person{}); w.many(90, 0, person{arm: "holdout"}) }, 180, day, TooEarly},
		{"nobody booked in the end", func(w *world) { w.many(90, 0, person{}); w.many(90, 0, person{arm: "holdout"}) }, 180, 30 * day, Final},
		{"nobody held out", func(w *world) { w.many(90, 9, person{p: 1e-300}) }, 90, day, TooFew},
		{"nine held out", func(w *world) { w.many(10, 2, person{}); w.many(9, 2, person{arm: "holdout"}) }, 19, day, TooFew},
		{"ten held out", func(w *world) { w.many(10, 2, person{}); w.many(10, 2, person{arm: "holdout"}) }, 20, day, Running},
		{"some are still to be drawn", func(w *world) { w.many(10, 2, person{}); w.many(10, 2, person{arm: "holdout"}) }, 21, 40 * day, Running},
		{"a lopsided draw", func(w *world) { w.many(200, 20, person{}); w.many(120, 2, person{arm: "holdout"}) }, 320, day, Broken},
		{"a draw as uneven as chance makes it", func(w *world) { w.many(200, 20, person{}); w.many(160, 2, person{arm: "holdout"}) }, 360, day, Running},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				var w world
				tt.fill(&w)
				s := w.store(t, d, tt.audience)
				s.now = haletest.Clock(haletest.Noon.Add(tt.after))
				e, err := s.Effect(t.Context(), measurePass(t, d), "o1")
				if err != nil || e.State != tt.want {
					t.Fatalf("Effect is %q (SRM p %v), %v, want %q", e.State, e.SRM, err, tt.want)
				}
				if known := e.SE != 0; known != (tt.want == Running || tt.want == Final) {
					t.Errorf("in state %q the standard error is %v", e.State, e.SE)
				}
				if (e.Blocked != "") != (tt.want == Broken) {
					t.Errorf("in state %q blocked is %q", e.State, e.Blocked)
				}
			})
		})
	}
}

// TestStoreEffectUnequalChances holds out half of those who book anyway and
// a tenth of the others: the plain difference would say the outreach harms.
func TestStoreEffectUnequalChances(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w world
		w.many(900, 270, person{p: 0.1})
		w.many(100, 20, person{p: 0.1, arm: "holdout"})
		w.many(500, 400, person{p: 0.5})
		w.many(500, 350, person{p: 0.5, arm: "holdout"})
		e, err := w.store(t, d, 2000).Effect(t.Context(), measurePass(t, d), "o1")
		if err != nil || math.Abs(e.Diff-0.1) > 1e-9 || e.State != Running {
			t.Errorf("Effect = %v in state %q, %v, want 0.1", e.Diff, e.State, err)
		}
		if naive := e.Share.P - e.HeldShare.P; naive > 0 {
			t.Errorf("the plain difference is %v, want one that misleads", naive)
		}
	})
}

func TestStoreNeedsThePass(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w world
		w.many(20, 2, person{})
		s := w.store(t, d, 20)
		for name, pass := range map[string]access.Pass{
			"none": {}, "another right": haletest.Everyone(t, d, access.RunOutreach), "a patient's": haletest.Pass(t, d, "p000001", access.ReadMessages),
		} {
			_, err1 := s.Effect(t.Context(), pass, "o1")
			_, err2 := s.Funnel(t.Context(), pass, "o1")
			_, err3 := s.ByChannel(t.Context(), pass, "o1")
			for _, err := range []error{err1, err2, err3} {
				if errs.KindOf(err) != errs.NotFound {
					t.Errorf("with pass %s: %v, want not found", name, err)
				}
			}
		}
		if _, err := s.Effect(t.Context(), measurePass(t, d), "o2"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Effect of an unknown outreach = %v, want not found", err)
		}
	})
}

func TestStoreFunnel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w world
		w.add(person{}, person{}, person{}, person{state: "blocked"}, person{arm: "holdout"}, person{arm: "excluded", state: "blocked"}, person{})
		w.message(1, 1, "sms", time.Minute, 2*time.Minute, 0, 0)
		w.message(1, 2, "email", 3*day, 0, 3*day+10*time.Minute, 4*day)
		w.message(2, 1, "sms", time.Minute, 0, 31*time.Minute, 0)
		w.message(3, 1, "sms", time.Minute, 0, 11*time.Minute, 0)
		w.message(7, 1, "sms", 0, 0, 0, 0)
		s := w.store(t, d, 7)
		f, err := s.Funnel(t.Context(), measurePass(t, d), "o1")
		want := Funnel{Patients: 7, Held: 1, Blocked: 2, Sent: 3, Delivered: 3, Seen: 3, Acted: 1, AsOf: s.now()}
		if err != nil || f != want {
			t.Errorf("Funnel = %+v, %v, want %+v", f, err, want)
		}
		rows, err := s.ByChannel(t.Context(), measurePass(t, d), "o1")
		if err != nil || len(rows) != 2 {
			t.Fatalf("ByChannel = %+v, %v, want two channels", rows, err)
		}
		if r := rows[0]; r.Channel != "sms" || r.Sent != 3 || r.Delivered != 3 || r.Seen != 2 || r.Acted != 0 || r.ToSeen != 10*time.Minute || r.SeenShare.Of != 3 {
			t.Errorf("text messages: %+v", r)
		}
		if r := rows[1]; r.Channel != "email" || r.Sent != 1 || r.Seen != 1 || r.Acted != 1 || r.ToSeen != 10*time.Minute {
			t.Errorf("e-mail: %+v", r)
		}
		if none, err := s.Funnel(t.Context(), measurePass(t, d), "o2"); err != nil || none.Patients != 0 {
			t.Errorf("Funnel of an unknown outreach = %+v, %v, want nobody", none, err)
		}
		if both, err := s.Funnel(t.Context(), measurePass(t, d), "o2", "o1"); err != nil || both != want {
			t.Errorf("Funnel of both = %+v, %v, want %+v", both, err, want)
		}
		if none, err := s.Funnel(t.Context(), measurePass(t, d)); err != nil || none != (Funnel{AsOf: s.now()}) {
			t.Errorf("Funnel of nothing = %+v, %v, want nobody", none, err)
		}
	})
}

func TestBlockedSaysHowOdd(t *testing.T) {
	for p, want := range map[float64]string{0.0005: "1 of 2000 draws", 1e-9: "less than 1 of a million draws"} {
		if got := blocked(p); !strings.Contains(got, want) {
			t.Errorf("blocked(%v) = %q, want %q in it", p, got, want)
		}
	}
}

// BenchmarkStoreEffect measures an outreach to 100,000 patients.
func BenchmarkStoreEffect(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": haletest.SQLite, "postgres": haletest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := open(b)
			var w world
			w.many(90000, 27000, person{p: 0.1})
			w.many(10000, 1100, person{p: 0.1, arm: "holdout", plan: "email", lang: "es"})
			s := w.store(b, d, 100000)
			pass := measurePass(b, d)
			for b.Loop() {
				if _, err := s.Effect(b.Context(), pass, "o1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
