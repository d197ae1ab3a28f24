package load

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
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/outbound"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
)

type queue struct{}

func (queue) Add(context.Context, *db.Tx, jobs.Job) error           { return nil }
func (queue) Run(context.Context) error                             { return nil }
func (queue) Failures(context.Context, int) ([]jobs.Failure, error) { return nil, nil }

func newStore(t testing.TB, d *db.DB, change func(*Config)) *Store {
	t.Helper()
	source := ids.NewSource(time.Now, rand.Reader)
	log := audit.NewLog(d, source, time.Now)
	ring := haletest.Ring(t, d, time.Now)
	files, err := blob.Open(blob.Config{DB: d, Keys: ring, Path: filepath.Join(t.TempDir(), "blobs"), Room: 1, Now: time.Now, ID: source.New})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		DB: d, Record: record.New(d, source, time.Now, event.NewLog(source, time.Now)), Doors: access.NewDoors(log, lookup.New(d, time.Now), time.Now),
		Audit: log, Files: files, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	s := New(c)
	s.Use(queue{})
	return s
}

func client(t testing.TB, scopes ...string) access.Actor {
	t.Helper()
	a := access.SystemActor("app:loader", access.ReadRecord, access.WriteRecord)
	a.App = &access.App{ID: "loader", Name: "Loader", Grant: "grant", Labels: access.Every}
	for _, text := range scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		a.App.Scopes = append(a.App.Scopes, s)
	}
	return a
}

func start(t testing.TB, s *Store, a access.Actor, ask Ask) (string, error) {
	t.Helper()
	pass, err := s.Doors.CheckAll(t.Context(), a, access.WriteRecord)
	if err != nil {
		t.Fatal(err)
	}
	return s.Start(t.Context(), pass, ask, "https://hale.test/fhir/$import")
}

func work(t testing.TB, s *Store, a access.Actor, id string) Task {
	t.Helper()
	args, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	task, err := s.mine(t.Context(), a, id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func problems(t testing.TB, s *Store, a access.Actor, id string) (text string) {
	t.Helper()
	list, err := s.Problems(t.Context(), a, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		f, err := s.Open(t.Context(), a, id, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(f)
		if err != nil || f.Close() != nil || strings.Count(string(body), "\n") != int(p.Lines) {
			t.Fatalf("%d lines, %v; want %d", strings.Count(string(body), "\n"), err, p.Lines)
		}
		text += string(body)
	}
	return text
}

func patients(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"resourceType":"Patient","id":"p%d"}`+"\n", i)
	}
	return b.String()
}

func TestSentAlong(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d, func(c *Config) { c.Slice = 200 })
		a := client(t, "system/Patient.cu")
		text := patients(20) + `{"resourceType":"Observation","id":"o"}` + "\n\nno JSON\n" + `{"resourceType":"Patient","id":"not an id"}`
		for round, want := range []Progress{{Taken: 20, Refused: 3}, {Same: 20, Refused: 3}} {
			id, err := start(t, s, a, Ask{Source: "https://other.example", Inputs: []Input{{Body: strings.NewReader(text)}}})
			if err != nil {
				t.Fatal(err)
			}
			task := work(t, s, a, id)
			in := task.Inputs[0]
			if task.State != Done || in.Taken != want.Taken || in.Same != want.Same || in.Refused != want.Refused {
				t.Errorf("round %d: %s %+v, want %+v", round, task.State, in, want)
			}
			got := problems(t, s, a, id)
			for _, part := range []string{"Line 21 ", "scopes", "Line 23 ", "Line 24 "} {
				if !strings.Contains(got, part) {
					t.Errorf("round %d: the problems do not say %q:\n%s", round, part, got)
				}
			}
			if err := s.Cancel(t.Context(), a, id); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFetched(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/patients" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, patients(5))
		}))
		defer host.Close()
		u, err := url.Parse(host.URL)
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(t, d, func(c *Config) {
			c.Hosts = []string{u.Hostname()}
			c.Client, err = outbound.New(outbound.Config{Private: true, Hosts: c.Hosts})
		})
		if err != nil {
			t.Fatal(err)
		}
		a := client(t, "system/*.cruds")
		id, err := start(t, s, a, Ask{Inputs: []Input{{Type: "Patient", URL: host.URL + "/patients"}}})
		if err != nil {
			t.Fatal(err)
		}
		if task := work(t, s, a, id); task.State != Done || task.Inputs[0].Taken != 5 {
			t.Errorf("%s %+v, want 5 taken", task.State, task.Inputs)
		}
		id, err = start(t, s, a, Ask{Inputs: []Input{{Type: "Patient", URL: host.URL + "/nothing"}}})
		if err != nil {
			t.Fatal(err)
		}
		if task := work(t, s, a, id); task.State != Failed || !strings.Contains(task.Reason, "404") {
			t.Errorf("%s (%s), want a failure that names 404", task.State, task.Reason)
		}
	})
}

func TestRefused(t *testing.T) {
	s := newStore(t, haletest.SQLite(t), func(c *Config) { c.Hosts, c.Client = []string{"files.example"}, http.DefaultClient })
	a := client(t, "system/Patient.cu")
	for name, tt := range map[string]struct {
		actor access.Actor
		ask   Ask
		want  errs.Kind
	}{
		"nothing":        {a, Ask{}, errs.Invalid},
		"another host":   {a, Ask{Inputs: []Input{{URL: "https://evil.example/a"}}}, errs.Invalid},
		"no web address": {a, Ask{Inputs: []Input{{URL: "file:///etc/passwd"}}}, errs.Invalid},
		"another type":   {a, Ask{Inputs: []Input{{Type: "Observation", URL: "https://files.example/a"}}}, errs.Forbidden},
		"no type":        {a, Ask{Inputs: []Input{{Type: "Nothing", URL: "https://files.example/a"}}}, errs.Invalid},
		"to read only":   {client(t, "system/*.rs"), Ask{Inputs: []Input{{Type: "Patient", URL: "https://files.example/a"}}}, errs.Forbidden},
	} {
		if _, err := start(t, s, tt.actor, tt.ask); errs.KindOf(err) != tt.want {
			t.Errorf("%s: %v, want kind %d", name, err, tt.want)
		}
	}
}

// A worker that dies between two slices leaves what the next goes on with.
func TestKilled(t *testing.T) {
	d := haletest.SQLite(t)
	died := errors.New("killed")
	kill := 0
	s := newStore(t, d, func(c *Config) {
		c.Slice = 100
		c.Files = &mortal{c.Files, func() error {
			if kill--; kill == 0 {
				return died
			}
			return nil
		}}
	})
	a := client(t, "system/*.cruds")
	for at := 1; at < 15; at++ {
		kill = 0
		id, err := start(t, s, a, Ask{Inputs: []Input{{Body: strings.NewReader(strings.ReplaceAll(patients(20), `"p`, fmt.Sprintf(`"k%d-`, at)))}}})
		if err != nil {
			t.Fatal(err)
		}
		args, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		kill = at
		if err := s.run(t.Context(), args); err != nil && !errors.Is(err, died) {
			t.Fatal(err)
		}
		kill = 0
		if task, err := s.mine(t.Context(), a, id); err != nil || task.State != Done {
			task = work(t, s, a, id)
			if n, refused := task.Count(); task.State != Done || n != 20 || refused != 0 {
				t.Errorf("killed at %d: %s, %d and %d, want 20", at, task.State, n, refused)
			}
		}
	}
}

// mortal are files whose use may kill the worker.
type mortal struct {
	blob.Files
	dies func() error
}

func (m *mortal) Open(ctx context.Context, name string) (*blob.File, error) {
	if err := m.dies(); err != nil {
		return nil, err
	}
	return m.Files.Open(ctx, name)
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Parameters","parameter":[{"name":"inputSource","valueUri":"a"},{"name":"input","part":[{"name":"type","valueCode":"Patient"},{"name":"url","valueUrl":"https://a/b"}]}]}`))
	f.Add([]byte(`{"inputFormat":"application/fhir+ndjson","inputSource":"a","input":[{"type":"Patient","url":"https://a/b"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := fhir.Parse(body)
		if err != nil {
			return
		}
		ask, err := ReadManifest(n)
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("ReadManifest: %v, want a refusal", err)
		}
		for _, in := range ask.Inputs {
			if in.Body != nil {
				t.Error("a manifest made a body")
			}
		}
	})
}
