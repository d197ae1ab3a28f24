package hook_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/outbound"
	"hale/internal/haletest"
	"hale/internal/reach/hook"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// ear is a program that listens.
type ear struct {
	mu     sync.Mutex
	status int
	bodies [][]byte
	signs  []string
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, _ := io.ReadAll(r.Body) // what is cut short does not match its signature
	if e.status == 0 || e.status == 200 {
		e.bodies, e.signs = append(e.bodies, body), append(e.signs, r.Header.Get(outbound.SignatureHeader))
	}
	w.WriteHeader(max(e.status, 200))
}

// heard returns the events that were taken, in order.
func (e *ear) heard(t *testing.T) (list []hook.Event) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, b := range e.bodies {
		var in struct{ Events []hook.Event }
		if err := json.Unmarshal(b, &in); err != nil {
			t.Fatal(err)
		}
		list = append(list, in.Events...)
	}
	return list
}

type world struct {
	t   *testing.T
	d   *db.DB
	s   *hook.Store
	ids *ids.Source
	ear *ear
	url string
	mu  sync.Mutex
	now time.Time
}

func open(t *testing.T, d *db.DB) *world {
	w := &world{t: t, d: d, now: haletest.Noon, ear: &ear{}}
	w.ids = ids.NewSource(w.clock, rand.Reader)
	server := httptest.NewServer(w.ear)
	t.Cleanup(server.Close)
	w.url = server.URL
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.s = hook.New(hook.Config{DB: d, IDs: w.ids, Keys: ring, Client: server.Client(), Plain: true, Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(by time.Duration) {
	w.mu.Lock()
	w.now = w.now.Add(by)
	w.mu.Unlock()
}

func (w *world) pass() access.Pass { return haletest.Everyone(w.t, w.d, access.RunOutreach) }

func (w *world) exec(q string, args ...any) {
	w.t.Helper()
	if _, err := w.d.ExecContext(w.t.Context(), q, args...); err != nil {
		w.t.Fatal(err)
	}
}

// happens adds an event and returns its id.
func (w *world) happens(kind string) string {
	id := w.ids.New()
	w.exec(`insert into message_event (id, message, kind, at, received_at, actor_class, dedupe) values ($1, 'm1', $2, $3, $3, 'human', $1)`, id, kind, db.Micro(w.clock()))
	return id
}

// step tells until nothing is left.
func (w *world) step() {
	w.t.Helper()
	for {
		n, err := w.s.Step(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// A webhook hears each event of its kinds once and in order, signed, whatever
// commits late and however often it was down.
func TestTold(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		_, secret, err := w.s.Add(t.Context(), w.pass(), w.url, []string{"delivered", "revealed"})
		if err != nil {
			t.Fatal(err)
		}
		w.later(time.Second)
		late := w.ids.New() // its clock is read now, and it commits later
		at := w.clock()
		first := w.happens("delivered")
		w.happens("page_shown")
		w.step()
		w.later(2 * time.Minute)
		w.exec(`insert into message_event (id, message, kind, at, received_at, dedupe) values ($1, 'm1', 'revealed', $2, $2, $1)`, late, db.Micro(at))
		w.step()
		w.ear.status = 500
		w.later(time.Minute)
		down := w.happens("revealed")
		w.step()
		w.ear.status = 200
		w.step()
		if n := len(w.ear.heard(t)); n != 2 {
			t.Errorf("%d events were told before the pause was over", n)
		}
		w.later(time.Minute)
		w.step()
		w.later(10 * time.Minute)
		w.step()
		var got []string
		for _, e := range w.ear.heard(t) {
			got = append(got, e.ID)
		}
		if want := fmt.Sprint([]string{first, late, down}); fmt.Sprint(got) != want {
			t.Errorf("told %v, want %v", got, want)
		}
		for i, sign := range w.ear.signs {
			var seconds int64
			if _, err := fmt.Sscanf(sign, "t=%d,", &seconds); err != nil || outbound.Sign(secret, time.Unix(seconds, 0), w.ear.bodies[i]) != sign {
				t.Errorf("signature %q is not the secret's", sign)
			}
		}
	})
}

// A webhook hears nothing of a message that carries a label: that somebody
// got it tells what it is about.
func TestProtectedIsNotTold(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		if _, _, err := w.s.Add(t.Context(), w.pass(), w.url, []string{"delivered"}); err != nil {
			t.Fatal(err)
		}
		w.exec(`insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, stratum, facts, decided_at, expires_at, state, step, wake_at, decision)
			values ('i', '', 'ada', 'i', 'care', 'treat', 0, '', '{}', 1, 2, 'active', 1, 0, '{}')`)
		w.exec(`insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, address_hash, body, body_hash, key, not_before, expires_at, created_at)
			values ('m1', 'i', '', 'ada', 'care', 'sms', 1, 'accepted', 1, 'notice', 'h', $1, 'h', 'k', 1, 2, 1)`, []byte{1})
		w.exec(`insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold) values ('ada', 'Message', 'm1', 1, 1, 1, 0, '')`)
		w.later(time.Second)
		w.happens("delivered")
		w.step()
		if list := w.ear.heard(t); len(list) != 0 {
			t.Errorf("it was told %+v", list)
		}
	})
}

// A crash between telling and writing it down tells once more, and loses
// nothing; many events come in batches.
func TestManyAndAgain(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		h, _, err := w.s.Add(t.Context(), w.pass(), w.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for range 450 {
			w.later(time.Millisecond)
			want[w.happens("delivered")] = true
		}
		w.step()
		if n := len(w.ear.bodies); n != 3 {
			t.Errorf("450 events came in %d calls, want 3", n)
		}
		w.exec(`update webhook set sent = 400 where id = $1`, h.ID) // as if the last word had been lost
		w.exec(`update webhook set due_at = 1`)
		w.step()
		seen := map[string]int{}
		for _, e := range w.ear.heard(t) {
			seen[e.ID]++
		}
		for id := range want {
			if seen[id] == 0 {
				t.Fatalf("%s was never told", id)
			}
		}
		if len(seen) != len(want) {
			t.Errorf("%d events were told, want %d", len(seen), len(want))
		}
	})
}

// What never answers is switched off with the reason, and can be switched on.
func TestGivenUp(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		h, _, err := w.s.Add(t.Context(), w.pass(), w.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.happens("delivered")
		w.ear.status = 503
		for range 80 {
			w.step()
			w.later(time.Hour + time.Minute)
		}
		list, err := w.s.List(t.Context(), w.pass())
		if err != nil || len(list) != 1 || list[0].State != "off" || !strings.Contains(list[0].Reason, "answered 503") {
			t.Fatalf("after three days: %+v, %v", list, err)
		}
		w.ear.status = 200
		if err := w.s.Again(t.Context(), w.pass(), h.ID); err != nil {
			t.Fatal(err)
		}
		w.step()
		if n := len(w.ear.heard(t)); n != 1 {
			t.Errorf("%d events after it was switched on again, want 1", n)
		}
		if err := w.s.End(t.Context(), w.pass(), h.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		w.s.Plain = false
		for _, bad := range []string{"", "http://a.example/x", "https://", "https://u:p@a.example/", "ftp://a.example/", "https://a.example/#x"} {
			if _, _, err := w.s.Add(t.Context(), w.pass(), bad, nil); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Add(%q) = %v, want invalid", bad, err)
			}
		}
		if _, _, err := w.s.Add(t.Context(), w.pass(), "https://a.example/", []string{"gossip"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Add of an unknown kind = %v", err)
		}
	})
}

// A key lets in until it is ended, and is kept as a hash.
func TestKeys(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		k, secret, err := w.s.MakeKey(t.Context(), w.pass(), "Booking system")
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.s.Actor(t.Context(), secret)
		if err != nil || !a.May(access.RunOutreach, "") || a.May(access.ReadRecord, "ada") || a.Name != "Booking system" {
			t.Errorf("Actor = %+v, %v", a, err)
		}
		list, err := w.s.KeyList(t.Context(), w.pass())
		if err != nil || len(list) != 1 || list[0].Used.IsZero() {
			t.Errorf("KeyList = %+v, %v", list, err)
		}
		if err := w.s.EndKey(t.Context(), w.pass(), k.ID); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{secret, "", "hale_out_", "hale_out_" + strings.Repeat("A", 43)} {
			if _, err := w.s.Actor(t.Context(), s); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("Actor(%.12q) = %v", s, err)
			}
		}
	})
}

// What others sent is counted once.
func TestForeign(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		counted := 0
		count := func(context.Context, *db.Tx, string, policy.Channel, string, time.Time) error { counted++; return nil }
		one := hook.Foreign{Ref: "x-1", Patient: "ada", Channel: policy.SMS, Class: "care", At: w.clock()}
		two := one
		two.Ref = "x-2"
		for range 2 {
			if _, err := w.s.Tell(t.Context(), w.pass(), []hook.Foreign{one, two, one}, count); err != nil {
				t.Fatal(err)
			}
		}
		if counted != 2 {
			t.Errorf("two messages were counted %d times", counted)
		}
		two.Class = "gossip"
		if _, err := w.s.Tell(t.Context(), w.pass(), []hook.Foreign{one, two}, count); errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Say(err), "sends[1].class") {
			t.Errorf("a bad class = %v", err)
		}
	})
}
