package reach_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// opened starts o as one that takes people one by one.
func (w *world) opened(o reach.Outreach) string {
	w.t.Helper()
	pass := w.run(access.RunOutreach)
	w.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		o, err = w.e.Open(ctx, tx, pass, o)
		return err
	})
	return o.ID
}

func (w *world) enter(in reach.Entry) (id string) {
	w.t.Helper()
	pass := w.run(access.RunOutreach)
	w.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		id, err = w.e.Enter(ctx, tx, pass, in)
		return err
	})
	return id
}

func (w *world) sweep() {
	w.t.Helper()
	if err := w.e.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// A person may enter once for each cause, and again for another.
func TestEngineEnrolOncePerTrigger(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(2)...)
		o := care()
		o.Kind = reach.API
		id := w.opened(o)
		first := w.enter(reach.Entry{Outreach: id, Patient: "p000000", Trigger: "visit-1"})
		if again := w.enter(reach.Entry{Outreach: id, Patient: "p000000", Trigger: "visit-1"}); again != first {
			t.Errorf("the same trigger made a second intent %s beside %s", again, first)
		}
		if other := w.enter(reach.Entry{Outreach: id, Patient: "p000000", Trigger: "visit-2"}); other == first {
			t.Error("another trigger made no intent")
		}
		w.sweep()
		w.send()
		if got := len(w.gate[reach.SMS].got()); got != 1 { // the cap of texts puts the second off or to another channel
			t.Errorf("%d texts were sent, want 1 under the daily cap", got)
		}
		p := w.progress(id)
		if p.Audience != 2 || p.State != reach.Running {
			t.Errorf("audience %d, %s, want 2 of a running outreach", p.Audience, p.State)
		}
	})
}

// An outreach that asks for more than a look goes on after one.
func TestEngineGoal(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, tt := range []struct {
			goal reach.Goal
			kind string
			want string
		}{
			{"", "revealed", "satisfied"}, {reach.Acknowledged, "revealed", "active"}, {reach.Acknowledged, "acknowledged", "satisfied"},
			{reach.Acted, "acknowledged", "active"}, {reach.Acted, "acted", "satisfied"},
		} {
			w := newWorld(t, d)
			o := care()
			o.Kind, o.Goal = reach.Journey, tt.goal
			who := "who-" + string(tt.goal) + tt.kind
			w.add(who2(who))
			in := w.enter(reach.Entry{Outreach: w.opened(o), Patient: who, Trigger: "a"})
			w.sweep()
			w.send()
			m := w.text(`select id from message where intent = $1`, in)
			if err := w.e.Receipt(t.Context(), reach.Receipt{Message: m, Kind: tt.kind, Actor: reach.Human}); err != nil {
				t.Fatal(err)
			}
			if got := w.text(`select state from intent where id = $1`, in); got != tt.want {
				t.Errorf("goal %q after %s: %s, want %s", tt.goal, tt.kind, got, tt.want)
			}
		}
	})
}

func who2(id string) who { return who{id: id, family: id, email: id + "@example.org"} }

// What waits under a key is cancelled at once, what has left is not.
func TestEngineSupersede(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(2)...)
		o := care()
		o.Kind = reach.Journey
		id := w.opened(o)
		w.enter(reach.Entry{Outreach: id, Patient: "p000000", Trigger: "a", Supersede: "Appointment/1"})
		w.enter(reach.Entry{Outreach: id, Patient: "p000001", Trigger: "a", Supersede: "Appointment/2"})
		w.sweep()
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			n, err := w.e.Supersede(ctx, tx, "Appointment/1")
			if n != 1 {
				t.Errorf("Supersede ended %d intents, want 1", n)
			}
			return err
		})
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 || !strings.HasSuffix(got[0].To, "2000001") {
			t.Errorf("sent %v, want one text, to the second person", got)
		}
		if n := w.count(`select count(*) from cap_ledger where address_hash = 'p000000' and n > 0`); n != 0 {
			t.Error("a message that was taken back still counts under the caps")
		}
	})
}

// A program takes back what programs entered, and nothing of a journey's under
// the same key. That it asked is written down.
func TestEngineSupersedeAsked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(2)...)
		for i, kind := range []reach.Kind{reach.Journey, reach.API} {
			o := care()
			o.Kind = kind
			w.enter(reach.Entry{Outreach: w.opened(o), Patient: []string{"p000000", "p000001"}[i], Trigger: "a", Supersede: "enrolment/1"})
		}
		w.sweep()
		pass := w.run(access.RunOutreach)
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			n, err := w.e.SupersedeAsked(ctx, tx, pass, "enrolment/1")
			if n != 1 {
				t.Errorf("a program ended %d intents, want its 1", n)
			}
			return err
		})
		if got := w.text(`select i.patient from intent i where i.state = 'cancelled'`); got != "p000001" {
			t.Errorf("it ended that of %q", got)
		}
		if n := w.count(`select count(*) from audit where action = 'intent.supersede' and about = 'supersede/enrolment/1' and reason = '1 ended'`); n != 1 {
			t.Errorf("%d rows of the audit, want 1", n)
		}
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 || !strings.HasSuffix(got[0].To, "2000000") {
			t.Errorf("sent %v, want one text, the journey's", got)
		}
		if _, err := w.e.SupersedeAsked(t.Context(), nil, pass, strings.Repeat("k", 201)); err == nil {
			t.Error("a key without end is taken")
		}
	})
}

// A cause's own values fill the text; they lie sealed until then.
func TestEngineEnrolValues(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(1)...)
		o := care()
		o.Kind = reach.API
		o.Channels = []reach.Channel{reach.Email}
		id := w.opened(o)
		w.enter(reach.Entry{Outreach: id, Patient: "p000000", Trigger: "a", Values: map[string]string{"service": "zebra check"}})
		if raw := w.text(`select sealed from intent_values`); strings.Contains(raw, "zebra") {
			t.Error("the values lie open")
		}
		w.sweep()
		w.at(midday.Add(time.Minute))
		w.send()
		if got := w.gate[reach.Email].got(); len(got) != 1 || !strings.Contains(got[0].Text, "zebra check") {
			t.Errorf("sent %v, want one mail with the value", got)
		}
	})
}
