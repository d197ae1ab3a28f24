package track_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

func TestSigner(t *testing.T) {
	ids := haletest.IDs()
	s := track.NewSigner(seal.NewKey(), "https://portal.example")
	message := ids.New()
	for _, target := range []int64{track.Picture, track.Honeypot, 1, 1 << 40} {
		url := s.URL(message, target)
		token, ok := strings.CutPrefix(url, "https://portal.example/t/")
		if !ok || len(token) < 22 || strings.Contains(url, message) || strings.ContainsAny(token, "?&=") {
			t.Fatalf("URL = %q, want an opaque one of 128 bits at least", url)
		}
		for _, read := range []string{token, token + ".gif"} {
			if m, n, err := s.Read(read); m != message || n != target || err != nil {
				t.Errorf("Read = %q %d %v, want %q %d", m, n, err, message, target)
			}
		}
		b := []byte(token)
		b[9] ^= 1
		if _, _, err := s.Read(string(b)); err == nil {
			t.Error("Read of a changed token = nil error")
		}
	}
	if s.URL("m1", 1) != "" {
		t.Error("a message whose name is no id has an address")
	}
	other := track.NewSigner(seal.NewKey(), "https://portal.example")
	if _, _, err := other.Read(strings.TrimPrefix(s.URL(message, 1), "https://portal.example/t/")); err == nil {
		t.Error("another house's token is read")
	}
}

func FuzzRead(f *testing.F) {
	s := track.NewSigner(seal.NewKey(), "")
	f.Add("")
	f.Add(strings.Repeat("A", 66))
	f.Add(strings.TrimPrefix(track.NewSigner(seal.NewKey(), "").URL("01h455vb4pex5vsknk084sn02q", 7), "/t/"))
	f.Fuzz(func(t *testing.T, token string) {
		if m, n, err := s.Read(token); err == nil {
			t.Errorf("Read(%q) = %q %d: nobody signed that", token, m, n)
		}
	})
}

// house is a store with messages.
type house struct {
	*track.Store
	db       *db.DB
	now      time.Time
	messages []string
	told     []track.Event
}

func newHouse(t *testing.T, d *db.DB, n int) *house {
	t.Helper()
	h := &house{db: d, now: haletest.Noon.Add(time.Hour)}
	h.Store = track.NewStore(d, func() time.Time { return h.now })
	ids := haletest.IDs()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for range n {
			id := ids.New()
			h.messages = append(h.messages, id)
			_, err := tx.ExecContext(t.Context(), `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at, accepted_at)
				values ($1, $1, 'o', 'p', 'care', 'email', 1, 'accepted', 0, 'full', $2, '', $1, 0, 0, 0, $3)`, id, []byte{0}, haletest.Noon.UnixMicro())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) tell(ctx context.Context, tx *db.Tx, list []track.Event) error {
	h.told = append(h.told, list...)
	for _, e := range list {
		_, err := tx.ExecContext(ctx, `insert into message_event (id, message, kind, at, received_at, actor_class, code, dedupe) values ($1, $2, $3, $4, $4, $5, $6, $1) on conflict (dedupe) do nothing`,
			e.Dedupe, e.Message, e.Kind, e.At.UnixMicro(), string(e.Actor), e.Rule)
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *house) hit(t *testing.T, message int, target int64, agent string, change ...func(*track.Hit)) {
	t.Helper()
	x := track.HitOf("GET", agent, "en")
	x.Message, x.Target, x.At = h.messages[message], target, h.now
	for _, c := range change {
		c(&x)
	}
	if err := h.Add(t.Context(), x); err != nil {
		t.Fatal(err)
	}
}

func (h *house) apply(t *testing.T) int {
	t.Helper()
	n, err := h.Apply(t.Context(), h.tell)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// labels returns every label, as message target actor rule n.
func (h *house) labels(t *testing.T) string {
	t.Helper()
	list, err := db.All(t.Context(), h.db, func(scan db.Scan) (s string, err error) {
		var target, n int
		var actor, rule string
		err = scan(&target, &actor, &rule, &n)
		return fmt.Sprint(target, " ", actor, " ", rule, " ", n), err
	}, `select target, actor, rule, n from track_hit order by message, target, method, agent, net, language, prefetch`)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// TestStoreApply follows fetches to their labels, and makes the labels again.
func TestStoreApply(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, 4)
		h.hit(t, 0, track.Picture, phone)
		h.hit(t, 0, track.Picture, phone)
		h.hit(t, 0, 1, phone)
		h.hit(t, 1, track.Picture, "Mozilla/5.0", func(x *track.Hit) { x.Net = track.Apple })
		h.hit(t, 2, 1, phone, func(x *track.Hit) { x.Language = false })
		h.hit(t, 3, track.Honeypot, phone)
		if n := h.apply(t); n != 6 {
			t.Fatalf("Apply = %d, want 6", n)
		}
		if n := h.apply(t); n != 0 {
			t.Errorf("Apply again = %d, want nothing left", n)
		}
		want := "0 human opened@1 2\n1 unknown fetched@1 1\n0 machine apple-privacy@1 1\n1 suspect no-language@1 1\n-1 machine unseen-link@1 1"
		if got := h.labels(t); got != want {
			t.Errorf("labels are\n%s\nwant\n%s", got, want)
		}
		if len(h.told) != 5 {
			t.Errorf("%d events, want one for each row", len(h.told))
		}
		h.act(t, 0)
		if rows, changed, err := h.Relabel(t.Context(), haletest.Noon); rows != 5 || changed != 1 || err != nil {
			t.Errorf("Relabel = %d %d %v, want one label changed by what was done", rows, changed, err)
		}
		after := h.labels(t)
		if !strings.Contains(after, "1 human acted@1") {
			t.Errorf("labels are\n%s", after)
		}
		if rows, changed, err := h.Relabel(t.Context(), haletest.Noon); rows != 5 || changed != 0 || err != nil || h.labels(t) != after {
			t.Errorf("Relabel again = %d %d %v, want the same labels", rows, changed, err)
		}
		said := h.count(t, `select count(*) from message_event where kind = 'link_fetched' and actor_class = 'human' and code = 'acted@1'`)
		if said != 1 {
			t.Errorf("%d events say that a person followed the link, want 1", said)
		}
		c, err := h.Counts(t.Context(), haletest.Everyone(t, d, access.RunOutreach), "o")
		if want := (track.Counts{Opens: track.Three{Human: 1, Machine: 1}, Clicks: track.Three{Human: 1, Machine: 1, Unknown: 1}}); err != nil || c != want {
			t.Errorf("Counts = %+v, %v, want %+v", c, err, want)
		}
		if n := h.count(t, `select count(*) from message where state <> 'accepted'`); n != 0 {
			t.Errorf("%d messages changed their state because of a fetch", n)
		}
	})
}

// act writes down that a person opened message i a minute later.
func (h *house) act(t *testing.T, i int) {
	t.Helper()
	err := h.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `insert into message_event (id, message, kind, at, received_at, actor_class, dedupe) values ('act', $1, 'revealed', $2, $2, 'human', 'act')`,
			h.messages[i], h.now.Add(time.Minute).UnixMicro())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) count(t *testing.T, q string, args ...any) int {
	t.Helper()
	n, err := db.One(t.Context(), h.db, db.Value[int], q, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStoreRecompute throws every label away and finds the same ones by the
// facts alone.
func TestStoreRecompute(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, 30)
		agents := []string{phone, ahead, viaGoo, "Mozilla/5.0", "", "curl/8.1"}
		nets := []string{"", track.Apple, track.Google, track.Datacentre}
		for i := range 300 {
			h.now = h.now.Add(700 * time.Millisecond)
			h.hit(t, i%30, int64(i%7)-1, agents[i%len(agents)], func(x *track.Hit) { x.Net, x.Language = nets[i%len(nets)], i%3 > 0 })
		}
		for h.apply(t) > 0 {
		}
		h.act(t, 4)
		if _, _, err := h.Relabel(t.Context(), haletest.Noon); err != nil {
			t.Fatal(err)
		}
		before := h.labels(t)
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `update track_hit set actor = 'unknown', rule = 'none@0'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, changed, err := h.Relabel(t.Context(), haletest.Noon); changed == 0 || err != nil {
			t.Errorf("Relabel changed %d, %v", changed, err)
		}
		if after := h.labels(t); after != before {
			t.Errorf("labels made again are\n%s\nwere\n%s", after, before)
		}
	})
}

// TestStoreAddTogether has many fetches at once share few commits, and keeps
// every one.
func TestStoreAddTogether(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, 1)
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() {
				for range 10 {
					x := track.HitOf("GET", phone, "en")
					x.Message = h.messages[0]
					if err := h.Add(context.Background(), x); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if n := h.count(t, `select sum(hits) from track_log`); n != 640 {
			t.Errorf("%d fetches kept, want 640", n)
		}
		if n := h.count(t, `select count(*) from track_log`); n > 400 {
			t.Errorf("%d commits for 640 fetches, want them to share", n)
		}
		for h.apply(t) > 0 {
		}
		if n := h.count(t, `select n from track_hit`); n != 640 {
			t.Errorf("%d fetches in the row, want 640", n)
		}
	})
}

// TestStoreFlood holds that different looks of one message fill no table.
func TestStoreFlood(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, 1)
		for i := range 120 {
			h.hit(t, 0, track.Picture, fmt.Sprint("Agent/", i))
		}
		for h.apply(t) > 0 {
		}
		if n := h.count(t, `select count(*) from track_hit`); n > 42 {
			t.Errorf("%d rows for one message", n)
		}
		if n := h.count(t, `select sum(n) from track_hit`); n != 120 {
			t.Errorf("%d fetches counted, want 120", n)
		}
	})
}

func TestTargets(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, 1)
		var by map[string]int64
		for range 2 { // numbers stay
			err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
				was := by["https://clinic.example/flu"]
				if by, err = track.Targets(t.Context(), tx, "o", []string{"https://clinic.example/flu", "https://clinic.example/map"}, 1); err == nil && was != 0 && was != by["https://clinic.example/flu"] {
					t.Errorf("a target's number went from %d to %d", was, by["https://clinic.example/flu"])
				}
				return err
			})
			if err != nil || len(by) != 2 {
				t.Fatalf("Targets = %v, %v", by, err)
			}
		}
		if a, err := h.Target(t.Context(), by["https://clinic.example/map"]); a != "https://clinic.example/map" || err != nil {
			t.Errorf("Target = %q, %v", a, err)
		}
		if _, err := h.Target(t.Context(), 999); err == nil {
			t.Error("Target of nothing = nil error")
		}
		for _, bad := range []string{"http://clinic.example/", "javascript:alert(1)", "https://u:p@clinic.example/", "//clinic.example", "https://clinic.example/{{ name }}", "https://"} {
			if track.Check(bad) == nil {
				t.Errorf("Check(%q) = nil", bad)
			}
		}
	})
}
