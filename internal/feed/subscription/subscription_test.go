package subscription

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/outbound"
	"hale/internal/care/disclosure"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// world is a record, subscriptions to it, and an endpoint.
type world struct {
	*Store
	t     testing.TB
	ahead atomic.Int64
	hook  *httptest.Server

	mu     sync.Mutex
	got    []delivery
	answer int
}

// delivery is what an endpoint got.
type delivery struct {
	header http.Header
	body   []byte
	node   fhir.Node
}

// kind returns the kind of notification, and the numbers of its events.
func (d delivery) kind() (kind string, numbers []string) {
	for e := range d.node.Get("entry").Each() {
		for p := range e.Get("resource").Get("parameter").Each() {
			switch p.Get("name").Text() {
			case "type":
				kind = p.Get("valueCode").Text()
			case "notification-event":
				for part := range p.Get("part").Each() {
					if part.Get("name").Text() == "event-number" {
						numbers = append(numbers, part.Get("valueString").Text())
					}
				}
			}
		}
		break
	}
	return kind, numbers
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func newWorld(t testing.TB, d *db.DB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, answer: http.StatusOK}
	w.hook = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		node, err := fhir.Parse(body)
		if err != nil {
			t.Errorf("the endpoint got %q", body)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.got = append(w.got, delivery{r.Header, body, node})
		rw.WriteHeader(w.answer)
	}))
	t.Cleanup(w.hook.Close)
	client, err := outbound.New(outbound.Config{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	source := ids.NewSource(w.now, rand.Reader)
	log := audit.NewLog(d, source, w.now)
	ring := haletest.Ring(t, d, w.now)
	c := Config{
		DB: d, Record: record.New(d, source, w.now, event.NewLog(source, w.now)).WithKeys(ring), Doors: access.NewDoors(log, lookup.New(d, w.now), w.now),
		Audit: log, Ledger: disclosure.NewStore(d, source, w.now, log), Keys: ring, IDs: source, Now: w.now, Log: slog.New(slog.DiscardHandler),
		Node: "one", Base: "https://hale.test/fhir", Client: client,
	}
	if change != nil {
		change(&c)
	}
	w.Store = New(c)
	return w
}

func (w *world) put(bodies ...string) {
	w.t.Helper()
	for _, b := range bodies {
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &head); err != nil {
			w.t.Fatal(err)
		}
		err := w.DB.Tx(w.t.Context(), func(tx *db.Tx) error {
			_, err := w.Record.PutAll(w.t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord), Feed: "test"},
				[]record.Draft{{Type: head.ResourceType, ID: head.ID, Body: []byte(b)}})
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// step makes events and delivers what is due, as often as there is anything.
func (w *world) step() []delivery {
	w.t.Helper()
	follow(w.t, w.Store)
	for range 50 {
		n, err := w.Deliver(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

func follow(t testing.TB, s *Store) {
	t.Helper()
	for {
		seq, err := s.Record.FollowOnce(t.Context(), s.Follower())
		if err != nil {
			t.Fatal(err)
		}
		if seq == 0 {
			return
		}
	}
}

func client(t testing.TB, patient string, scopes ...string) access.Actor {
	t.Helper()
	a := access.SystemActor("app:reader", access.ReadRecord)
	if patient != "" {
		a = access.Actor{Kind: access.Patient, ID: "account-" + patient, Patient: patient, Proof: access.Proof{Zone: access.PortalZone, At: time.Now()}}
	}
	a.App = &access.App{ID: "reader", Name: "Reader", Grant: "grant", Patient: patient}
	for _, text := range scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		a.App.Scopes = append(a.App.Scopes, s)
	}
	return a
}

// wish returns a Subscription.
func (w *world) wish(criteria, content, more string) fhir.Node {
	w.t.Helper()
	text := `{"resourceType":"Subscription","status":"requested","reason":"test","criteria":"` + criteria + `",` +
		`"channel":{"type":"rest-hook","endpoint":"` + w.hook.URL + `","payload":"application/fhir+json","header":["Authorization: Bearer secret"],` +
		`"_payload":{"extension":[{"url":"` + contentURL + `","valueCode":"` + content + `"}]}` + more + `}}`
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) create(a access.Actor, n fhir.Node) (string, string) {
	w.t.Helper()
	follow(w.t, w.Store) // the feed begins here
	sub, secret, err := w.Create(w.t.Context(), a, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return sub.ID, secret
}

func observation(id, patient, value string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/` + patient + `"},"valueString":"` + value + `"}`
}

func patient(id string) string { return `{"resourceType":"Patient","id":"` + id + `"}` }

func TestHook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, nil)
		w.put(patient("a"), patient("b"), observation("old", "a", "before"))
		_, secret := w.create(client(t, "", "system/*.rs"), w.wish("Observation?patient=a", "full-resource", ""))
		got := w.step()
		if len(got) != 1 {
			t.Fatalf("the endpoint got %d, want the handshake", len(got))
		}
		if kind, _ := got[0].kind(); kind != "handshake" || got[0].header.Get("Authorization") != "Bearer secret" {
			t.Errorf("first = %s with %v, want the handshake with the client's header", kind, got[0].header)
		}
		w.put(observation("o1", "a", "one"), observation("o2", "b", "somebody else's"), observation("o1", "a", "two"))
		got = w.step()
		if len(got) != 1 {
			t.Fatalf("the endpoint got %d, want one", len(got))
		}
		kind, numbers := got[0].kind()
		if kind != "event-notification" || !slices.Equal(numbers, []string{"1", "2"}) {
			t.Errorf("got %s %v, want events 1 and 2", kind, numbers)
		}
		if text := string(got[0].body); !strings.Contains(text, `"two"`) || strings.Contains(text, "somebody") || strings.Contains(text, "before") {
			t.Errorf("got %s", text)
		}
		stamp, _, _ := strings.Cut(strings.TrimPrefix(got[0].header.Get(outbound.SignatureHeader), "t="), ",")
		var seconds int64
		if _, err := fmt.Sscan(stamp, &seconds); err != nil || outbound.Sign(secret, time.Unix(seconds, 0), got[0].body) != got[0].header.Get(outbound.SignatureHeader) {
			t.Errorf("the signature %q is not the secret's", got[0].header.Get(outbound.SignatureHeader))
		}
		n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from audit where action = 'disclosure.make' and patient = 'a'`)
		if err != nil || n != 1 {
			t.Errorf("%d rows of disclosure, %v; want 1", n, err)
		}
		if n := len(w.step()); n != 0 {
			t.Errorf("%d more deliveries, want none", n)
		}
	})
}

func TestContent(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t), nil)
	w.put(patient("a"))
	for _, c := range []string{"empty", "id-only", "full-resource"} {
		w.create(client(t, "", "system/*.rs"), w.wish("Observation", c, ""))
	}
	w.step()
	w.put(observation("o1", "a", "told"))
	for _, d := range w.step() {
		kind, numbers := d.kind()
		has := fmt.Sprint(kind, numbers, strings.Contains(string(d.body), "Observation/o1"), strings.Contains(string(d.body), "told"))
		switch has {
		case "event-notification[1] false false", "event-notification[1] true false", "event-notification[1] true true":
		default:
			t.Errorf("got %s", has)
		}
	}
}

// What the client may not see at the moment of sending is not sent, and the
// numbers go on.
func TestSightAtSending(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, nil)
		w.put(patient("a"))
		w.create(client(t, "", "system/*.rs"), w.wish("Observation", "full-resource", ""))
		w.step()
		w.put(observation("o1", "a", "plain"))
		follow(t, w.Store)
		w.put(strings.Replace(observation("o1", "a", "secret now"), `"status"`, `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"status"`, 1))
		w.put(observation("o2", "a", "plain too"))
		var text string
		var numbers []string
		for _, d := range w.step() {
			text += string(d.body)
			_, n := d.kind()
			numbers = append(numbers, n...)
		}
		if strings.Contains(text, "secret") || strings.Contains(text, "Observation/o1") || !strings.Contains(text, "plain too") || !slices.Equal(numbers, []string{"1", "2"}) {
			t.Errorf("got %v %s, want event 1 without its focus and o2", numbers, text)
		}
	})
}

// A patient's app is told of its own patient alone.
func TestPatientApp(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t), nil)
	w.put(patient("a"), patient("b"))
	w.create(client(t, "a", "patient/*.rs"), w.wish("Observation", "id-only", ""))
	w.step()
	w.put(observation("mine", "a", "x"), observation("theirs", "b", "x"))
	got := w.step()
	if len(got) != 1 || !strings.Contains(string(got[0].body), "Observation/mine") || strings.Contains(string(got[0].body), "theirs") {
		t.Errorf("got %d deliveries, want one of the own patient", len(got))
	}
}

func TestFailures(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t), func(c *Config) { c.Retries = 3 })
	w.put(patient("a"))
	a := client(t, "", "system/*.rs")
	id, _ := w.create(a, w.wish("Observation", "id-only", ""))
	w.step()
	w.answer = http.StatusServiceUnavailable
	w.put(observation("o1", "a", "x"))
	for i := range 3 {
		if n := len(w.step()); n != 1 {
			t.Fatalf("try %d: %d deliveries, want one", i, n)
		}
		if n := len(w.step()); n != 0 {
			t.Fatalf("try %d: %d more at once, want a pause", i, n)
		}
		w.ahead.Add(int64(2 * time.Hour))
	}
	sub, err := w.Get(t.Context(), a, id)
	if err != nil || sub.State != Error || !strings.Contains(sub.Reason, "503") {
		t.Errorf("it is %s (%s), %v; want an error that names 503", sub.State, sub.Reason, err)
	}
	w.put(observation("o2", "a", "x"))
	if n := len(w.step()); n != 0 {
		t.Errorf("%d deliveries in error, want none", n)
	}
	w.answer = http.StatusOK
	if _, err := w.Update(t.Context(), a, id, 0, w.wish("Observation", "id-only", "")); err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, d := range w.step() {
		_, n := d.kind()
		numbers = append(numbers, n...)
	}
	if !slices.Equal(numbers, []string{"1", "2"}) {
		t.Errorf("after it works again: events %v, want those that were kept", numbers)
	}
}

// gate lets a client in until it is closed.
type gate struct {
	actor access.Actor
	shut  bool
}

func (g *gate) ByGrant(context.Context, string) (access.Actor, error) {
	if g.shut {
		return access.Actor{}, errs.New(errs.Unauthenticated, "stopped")
	}
	return g.actor, nil
}

func TestStoppedClient(t *testing.T) {
	g := &gate{actor: client(t, "", "system/*.rs")}
	w := newWorld(t, haletest.SQLite(t), func(c *Config) { c.Grants = g })
	w.put(patient("a"))
	id, _ := w.create(g.actor, w.wish("Observation", "full-resource", ""))
	w.step()
	w.put(observation("o1", "a", "x"))
	follow(t, w.Store)
	g.shut = true
	if n := len(w.step()); n != 0 {
		t.Errorf("%d deliveries to a stopped client, want none", n)
	}
	if sub, err := w.Get(t.Context(), g.actor, id); err != nil || sub.State != Off {
		t.Errorf("it is %s, %v; want off", sub.State, err)
	}
}

func TestHeartbeat(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t), nil)
	w.put(patient("a"))
	w.create(client(t, "", "system/*.rs"), w.wish("Observation", "id-only", `,"extension":[{"url":"`+heartbeatURL+`","valueUnsignedInt":60}]`))
	w.step()
	if n := len(w.step()); n != 0 {
		t.Fatalf("%d deliveries at once, want none", n)
	}
	w.ahead.Add(int64(61 * time.Second))
	got := w.step()
	if len(got) != 1 {
		t.Fatalf("%d deliveries after a minute, want one", len(got))
	}
	if kind, _ := got[0].kind(); kind != "heartbeat" {
		t.Errorf("got %s, want a heartbeat", kind)
	}
}

// Two nodes make each event once, and send each notification once.
func TestTwoNodes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, nil)
		other := New(w.Config)
		other.Node = "two"
		w.put(patient("a"))
		w.create(client(t, "", "system/*.rs"), w.wish("Observation", "id-only", ""))
		w.step()
		var bodies []string
		for i := range 30 {
			bodies = append(bodies, observation(fmt.Sprintf("o%d", i), "a", "x"))
		}
		w.put(bodies...)
		var group sync.WaitGroup
		for _, s := range []*Store{w.Store, other} {
			group.Go(func() {
				for range 20 {
					if _, err := s.Record.FollowOnce(t.Context(), s.Follower()); err != nil && !errors.Is(err, context.Canceled) && s.Node == "one" {
						t.Errorf("follow: %v", err)
					}
					if _, err := s.Deliver(t.Context()); err != nil {
						t.Errorf("deliver: %v", err)
					}
				}
			})
		}
		group.Wait()
		var numbers []string
		for _, d := range w.step() {
			_, n := d.kind()
			numbers = append(numbers, n...)
		}
		if len(numbers) != 30 {
			t.Fatalf("events %v, want 30", numbers)
		}
		for i, n := range numbers {
			if n != fmt.Sprint(i+1) {
				t.Fatalf("events %v, want 1 to 30 in order, each once", numbers)
			}
		}
	})
}

// A crash anywhere between a change and the note that it was delivered loses
// no event.
func TestCrash(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, nil)
		w.put(patient("a"))
		w.create(client(t, "", "system/*.rs"), w.wish("Observation", "id-only", ""))
		w.step()
		seen := map[string]bool{}
		for i := range 12 {
			w.put(observation(fmt.Sprintf("o%d", i), "a", "x"))
			ctx, cancel := context.WithCancel(t.Context())
			f := w.Follower()
			take := f.Take
			f.Take = func(c context.Context, batch []record.Changed) (func(context.Context, *db.Tx) error, error) {
				if i%4 == 0 {
					cancel() // before it was looked at
				}
				keep, err := take(c, batch)
				return func(c context.Context, tx *db.Tx) error {
					err := keep(c, tx)
					if i%4 == 1 {
						cancel() // before it is kept
						return ctx.Err()
					}
					return err
				}, err
			}
			_, _ = w.Record.FollowOnce(ctx, f)
			if i%4 == 2 {
				time.AfterFunc(time.Duration(i)*200*time.Microsecond, cancel) // while it is delivered
			}
			_, _ = w.Deliver(ctx)
			cancel()
			w.ahead.Add(int64(2 * time.Minute)) // leases of the dead end
			for _, d := range w.step() {
				_, numbers := d.kind()
				for _, n := range numbers {
					seen[n] = true
				}
			}
		}
		w.ahead.Add(int64(2 * time.Hour))
		for _, d := range w.step() {
			_, numbers := d.kind()
			for _, n := range numbers {
				seen[n] = true
			}
		}
		for i := 1; i <= 12; i++ {
			if !seen[fmt.Sprint(i)] {
				t.Errorf("event %d was lost", i)
			}
		}
		if len(seen) != 12 {
			t.Errorf("%d events, want 12", len(seen))
		}
	})
}

func TestRefused(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t), nil)
	a := client(t, "", "system/Observation.rs")
	tests := []struct{ name, criteria, content, more, place string }{
		{"another type", "Condition", "empty", "", "Subscription.criteria"},
		{"no type", "Nothing?a=b", "empty", "", "Subscription.criteria"},
		{"no such parameter", "Observation?nothing=b", "empty", "", "Subscription.criteria"},
		{"no such topic", "https://hale.test/fhir/SubscriptionTopic/none", "empty", "", "Subscription.criteria"},
		{"no such content", "Observation", "everything", "", "Subscription.channel.payload.extension"},
	}
	for _, tt := range tests {
		_, _, err := w.Create(t.Context(), a, w.wish(tt.criteria, tt.content, tt.more))
		if bad, ok := errors.AsType[*BadWish](err); !ok || bad.Place != tt.place {
			t.Errorf("%s: %v, want a refusal at %s", tt.name, err, tt.place)
		}
	}
	hostile := strings.Replace(string(w.wish("Observation", "empty", "").Raw()), "Authorization: Bearer secret", `Host: inside\u000d\u000aX: y`, 1)
	n, err := fhir.Parse([]byte(hostile))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Create(t.Context(), a, n); err == nil {
		t.Error("a header that breaks out was taken")
	}
}

func FuzzRead(f *testing.F) {
	w := newWorld(f, haletest.SQLite(f), nil)
	f.Add([]byte(w.wish("Observation?code=http://loinc.org|718-7", "id-only", `,"extension":[{"url":"`+heartbeatURL+`","valueUnsignedInt":1}]`).Raw()))
	f.Add([]byte(w.wish(w.Base+"/SubscriptionTopic/results", "empty", "").Raw()))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := fhir.Parse(body)
		if err != nil {
			return
		}
		wish, err := w.Read(n)
		if err != nil {
			if _, ok := errors.AsType[*BadWish](err); !ok {
				t.Errorf("Read: %v, want a *BadWish", err)
			}
			return
		}
		if len(wish.Watches) == 0 || wish.Most < 1 || wish.Most > mostEvents || wish.Timeout <= 0 || wish.Beat < 0 || wish.Beat > 0 && wish.Beat < leastBeat {
			t.Errorf("Read took %+v", wish)
		}
		for _, h := range wish.Headers {
			if strings.ContainsAny(h[0]+h[1], "\r\n") || ours(h[0]) {
				t.Errorf("Read took the header %q", h)
			}
		}
	})
}
