package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/disclosure"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"

	"crypto/rand"
)

// world is a record, exports of it and a clock that a test moves.
type world struct {
	*Store
	t      testing.TB
	record *record.Store
	ids    *ids.Source
	ahead  atomic.Int64 // microseconds that the clock is ahead
	folder string
}

func (w *world) now() time.Time {
	return time.Now().Add(time.Duration(w.ahead.Load()) * time.Microsecond)
}

// queue keeps jobs for the test to run.
type queue struct{ added []jobs.Job }

func (q *queue) Add(_ context.Context, _ *db.Tx, j jobs.Job) error {
	q.added = append(q.added, j)
	return nil
}
func (q *queue) Run(context.Context) error                             { return nil }
func (q *queue) Failures(context.Context, int) ([]jobs.Failure, error) { return nil, nil }

func newWorld(t testing.TB, d *db.DB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	w.ids = ids.NewSource(w.now, rand.Reader)
	log := audit.NewLog(d, w.ids, w.now)
	ring := haletest.Ring(t, d, w.now)
	w.record = record.New(d, w.ids, w.now, event.NewLog(w.ids, w.now)).WithKeys(ring)
	files, err := blob.Open(blob.Config{DB: d, Keys: ring, Path: filepath.Join(w.folder, "blobs"), Room: 1, Now: w.now, ID: w.ids.New})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		DB: d, Record: w.record, Doors: access.NewDoors(log, lookup.New(d, w.now), w.now), Audit: log, Ledger: disclosure.NewStore(d, w.ids, w.now, log),
		Files: files, IDs: w.ids, Now: w.now, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	w.Store = New(c)
	w.Use(&queue{})
	return w
}

// put writes resources, each a JSON object with type and id.
func (w *world) put(bodies ...string) {
	w.t.Helper()
	var drafts []record.Draft
	for _, b := range bodies {
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &head); err != nil {
			w.t.Fatal(err)
		}
		drafts = append(drafts, record.Draft{Type: head.ResourceType, ID: head.ID, Body: []byte(b)})
	}
	err := w.DB.Tx(w.t.Context(), func(tx *db.Tx) error {
		_, err := w.record.PutAll(w.t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord), Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// client is a system that asks in its own name, with scopes.
func client(t testing.TB, scopes ...string) access.Actor {
	t.Helper()
	a := access.SystemActor("app:reader", access.ReadRecord)
	a.App = &access.App{ID: "reader", Name: "Reader", Grant: "grant"}
	for _, text := range scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		a.App.Scopes = append(a.App.Scopes, s)
	}
	return a
}

func (w *world) pass(a access.Actor) access.Pass {
	w.t.Helper()
	p, err := w.Doors.CheckAll(w.t.Context(), a, access.ReadRecord)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) start(a access.Actor, level Level, group, query string) string {
	w.t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	pass := w.pass(a)
	ask, err := Read(level, group, q, false, pass)
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := w.Start(w.t.Context(), pass, ask, "https://hale.test/fhir/$export?"+query)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// work runs the job of an export until there is nothing left to do.
func (w *world) work(id string) {
	w.t.Helper()
	args, err := json.Marshal(id)
	if err != nil {
		w.t.Fatal(err)
	}
	for range 100 {
		if err := w.run(w.t.Context(), args); err != nil {
			w.t.Fatal(err)
		}
		t, err := db.One(w.t.Context(), w.DB, readTask, columns+` where id = $1`, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if t.State != Waiting && t.State != Running {
			return
		}
	}
	w.t.Fatal("the export does not end")
}

// content returns the lines of an export by kind and type, sorted.
func (w *world) content(a access.Actor, id string) map[string][]string {
	w.t.Helper()
	files, err := w.Files(w.t.Context(), a, id)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string][]string{}
	for _, f := range files {
		c, err := w.Open(w.t.Context(), w.pass(a), f.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		in, err := c.Plain()
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil || int64(len(body)) != f.Bytes || c.Close() != nil {
			w.t.Fatalf("%s: %d bytes, %v; want %d", f.Type, len(body), err, f.Bytes)
		}
		lines := bufio.NewScanner(bytes.NewReader(body))
		lines.Buffer(nil, 1<<24)
		n := int64(0)
		for lines.Scan() {
			if !json.Valid(lines.Bytes()) {
				w.t.Errorf("%s: not JSON: %s", f.Type, lines.Text())
			}
			all[f.Kind+" "+f.Type] = append(all[f.Kind+" "+f.Type], lines.Text())
			n++
		}
		if n != f.Resources {
			w.t.Errorf("%s: %d lines, want %d", f.Type, n, f.Resources)
		}
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}

// counts returns how many lines of each kind and type there are.
func counts(all map[string][]string) map[string]int {
	n := map[string]int{}
	for k, list := range all {
		n[k] = len(list)
	}
	return n
}

func patient(id string) string {
	return `{"resourceType":"Patient","id":"` + id + `","name":[{"family":"Lopez"}]}`
}

func observation(id, patient, rest string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/` + patient + `"}` + rest + `}`
}

const (
	group = `{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},` +
		`{"entity":{"reference":"Patient/b"},"inactive":true},{"entity":{"reference":"Patient/c"},"period":{"end":"2020-01-01"}}]}`
	lab    = `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"performer":[{"reference":"Practitioner/known"}]`
	doctor = `{"resourceType":"Practitioner","id":"known"}`
	other  = `{"resourceType":"Practitioner","id":"unknown"}`
)

// hiv bears a label by its code.
func hiv(id, patient string) string {
	return `{"resourceType":"Condition","id":"` + id + `","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]},"subject":{"reference":"Patient/` + patient + `"}}`
}

func seeded(t testing.TB, d *db.DB, change func(*Config)) *world {
	w := newWorld(t, d, change)
	w.put(patient("a"), patient("b"), patient("c"), doctor, other, group,
		observation("o1", "a", lab), observation("o2", "a", ""), observation("o3", "b", lab), hiv("h", "b"))
	return w
}

func TestExport(t *testing.T) {
	all := []string{"system/*.rs"}
	tests := []struct {
		name   string
		scopes []string
		labels access.Label
		level  Level
		query  string
		want   map[string]int
	}{
		{name: "all there is", scopes: all, level: OfSystem, want: map[string]int{"output Patient": 3, "output Observation": 3, "output Practitioner": 2, "output Group": 1}},
		{name: "what is protected, with its label", scopes: all, labels: access.HIV, level: OfSystem, query: "_type=Condition", want: map[string]int{"output Condition": 1}},
		{name: "two types, named twice", scopes: all, level: OfSystem, query: "_type=Patient,Observation&_type=Patient", want: map[string]int{"output Patient": 3, "output Observation": 3}},
		{name: "every patient, and who treats them", scopes: all, level: OfPatients, want: map[string]int{"output Patient": 3, "output Observation": 3, "output Practitioner": 1}},
		{name: "some patients", scopes: all, level: OfPatients, query: "patient=Patient/b", want: map[string]int{"output Patient": 1, "output Observation": 1, "output Practitioner": 1}},
		{name: "a group without who left it", scopes: all, level: OfGroup, want: map[string]int{"output Patient": 1, "output Observation": 2, "output Practitioner": 1}},
		{name: "a filter", scopes: all, level: OfSystem, query: "_type=Observation,Patient&_typeFilter=Observation%3Fcategory%3Dlaboratory", want: map[string]int{"output Patient": 3, "output Observation": 2}},
		{name: "two filters are or, and nothing is there twice", scopes: all, level: OfSystem,
			query: "_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory&_typeFilter=Observation%3Fpatient%3Da", want: map[string]int{"output Observation": 3}},
		{name: "a filter in a group", scopes: all, level: OfGroup, query: "_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory", want: map[string]int{"output Observation": 1}},
		{name: "one scope", scopes: []string{"system/Observation.rs"}, level: OfSystem, want: map[string]int{"output Observation": 3}},
		{name: "a granular scope", scopes: []string{"system/Observation.rs?category=laboratory", "system/Patient.rs"}, level: OfPatients, want: map[string]int{"output Patient": 3, "output Observation": 2}},
		{name: "nothing since tomorrow", scopes: all, level: OfSystem, query: "_since=2099-01-01T00:00:00Z", want: map[string]int{}},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := seeded(t, d, func(c *Config) { c.Slice = 4 })
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				a := client(t, tt.scopes...)
				a.App.Labels = tt.labels
				g := ""
				if tt.level == OfGroup {
					g = "g"
				}
				id := w.start(a, tt.level, g, tt.query)
				w.work(id)
				if got := counts(w.content(a, id)); !maps.Equal(got, tt.want) {
					t.Errorf("export = %v, want %v", got, tt.want)
				}
				if err := w.Cancel(t.Context(), a, id); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

// What is changed after the moment of the export comes as it was, what came
// later does not come, and what was deleted since is told.
func TestMoment(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := seeded(t, d, nil)
		a := client(t, "system/*.rs")
		time.Sleep(5 * time.Millisecond)
		id := w.start(a, OfSystem, "", "_type=Observation,Patient")
		time.Sleep(5 * time.Millisecond)
		w.put(observation("o1", "a", `,"valueString":"changed later"`), observation("late", "a", ""), patient("late"))
		w.work(id)
		got := w.content(a, id)
		if want := map[string]int{"output Patient": 3, "output Observation": 3}; !maps.Equal(counts(got), want) {
			t.Errorf("export = %v, want %v", counts(got), want)
		}
		for _, line := range got["output Observation"] {
			if bytes.Contains([]byte(line), []byte("changed later")) {
				t.Errorf("%s is from after the moment", line)
			}
		}
		since := time.Now().Add(-time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
		time.Sleep(5 * time.Millisecond)
		w.put(observation("o2", "a", `,"valueString":"new"`))
		w.delete("Observation", "o3")
		time.Sleep(5 * time.Millisecond)
		id = w.start(a, OfSystem, "", "_since="+url.QueryEscape(since))
		w.work(id)
		got = w.content(a, id)
		if want := map[string]int{"output Observation": 1, "deleted Bundle": 1}; !maps.Equal(counts(got), want) {
			t.Fatalf("export since = %v, want %v", got, want)
		}
		if want := `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation/o3"}}]}`; got["deleted Bundle"][0] != want {
			t.Errorf("deleted = %s, want %s", got["deleted Bundle"][0], want)
		}
	})
}

func (w *world) delete(typ, id string) {
	w.t.Helper()
	pass, err := w.Doors.CheckAll(w.t.Context(), access.SystemActor("test", access.WriteRecord), access.WriteRecord)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.record.Do(w.t.Context(), pass, record.Source{Actor: pass.Actor()}, []record.Op{{Verb: record.Delete, Type: typ, ID: id}}); err != nil {
		w.t.Fatal(err)
	}
}

// A worker that dies between any two slices leaves what the next one goes on
// with: the same result, and nothing twice.
func TestKilled(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w *world
		kill := 0
		died := errors.New("killed")
		w = newWorld(t, d, func(c *Config) {
			c.Slice = 7
			c.Files = &mortal{Files: c.Files, dies: func() error {
				if kill--; kill == 0 {
					return died
				}
				return nil
			}}
		})
		var bodies []string
		for i := range 40 {
			id := fmt.Sprintf("p%d", i)
			bodies = append(bodies, patient(id), observation("o"+id, id, lab))
		}
		w.put(append(bodies, doctor)...)
		a := client(t, "system/*.rs")
		id := w.start(a, OfPatients, "", "")
		w.work(id)
		want := w.content(a, id)
		if n := len(want["output Patient"]) + len(want["output Observation"]); n != 80 {
			t.Fatalf("export has %d, want 80", n)
		}
		for at := 1; at < 30; at += 3 {
			id := w.start(a, OfPatients, "", "")
			args, err := json.Marshal(id)
			if err != nil {
				t.Fatal(err)
			}
			kill = at
			if err := w.run(t.Context(), args); err != nil && !errors.Is(err, died) {
				t.Fatal(err)
			}
			kill = 0
			w.work(id)
			if got := w.content(a, id); !maps.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("killed at %d: %v, want %v", at, counts(got), counts(want))
			}
			if err := w.Cancel(t.Context(), a, id); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// mortal are files whose use may kill the worker.
type mortal struct {
	blob.Files
	dies func() error
}

func (m *mortal) Create(ctx context.Context, name string) (*blob.Draft, error) {
	if err := m.dies(); err != nil {
		return nil, err
	}
	return m.Files.Create(ctx, name)
}

// Nobody but the client that asked sees an export, and nobody a stopped one
// or one whose time is over.
func TestWhose(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := seeded(t, d, nil)
		a := client(t, "system/*.rs")
		strange := client(t, "system/*.rs")
		strange.App = &access.App{ID: "strange", Grant: "s", Scopes: a.App.Scopes}
		id := w.start(a, OfSystem, "", "")
		w.work(id)
		files, err := w.Files(t.Context(), a, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Status(t.Context(), strange, id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Status for another client: %v, want not found", err)
		}
		if _, err := w.Open(t.Context(), w.pass(strange), files[0].ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Open for another client: %v, want not found", err)
		}
		if err := w.Cancel(t.Context(), strange, id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Cancel by another client: %v, want not found", err)
		}
		if _, err := w.Open(t.Context(), w.pass(client(t, "system/Slot.rs")), files[0].ID); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("Open without the scope: %v, want forbidden", err)
		}
		w.ahead.Add((25 * time.Hour).Microseconds())
		if _, err := w.Status(t.Context(), a, id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Status after its time: %v, want not found", err)
		}
		if err := w.sweep(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Config.Files.List(t.Context(), "export/"); err != nil || len(list) != 0 {
			t.Errorf("after the sweep there are %d files (%v), want none", len(list), err)
		}
	})
}

// Each patient whose record is in an export has a row of it in the log.
func TestDisclosed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := seeded(t, d, func(c *Config) { c.Slice = 2 })
		a := client(t, "system/*.rs")
		w.work(w.start(a, OfSystem, "", ""))
		for _, p := range []string{"a", "b", "c"} {
			n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from audit where action = 'disclosure.make' and patient = $1`, p)
			if err != nil || n != 1 {
				t.Errorf("patient %s: %d rows, %v; want 1", p, n, err)
			}
		}
	})
}

func TestStatusInHaste(t *testing.T) {
	w := seeded(t, haletest.SQLite(t), nil)
	a := client(t, "system/*.rs")
	id := w.start(a, OfSystem, "", "")
	var err error
	for range 10 {
		if _, err = w.Status(t.Context(), a, id); err != nil {
			break
		}
	}
	if errs.KindOf(err) != errs.TooMany {
		t.Errorf("Status ten times at once: %v, want too many", err)
	}
	w.ahead.Add((2 * time.Second).Microseconds())
	if _, err := w.Status(t.Context(), a, id); err != nil {
		t.Errorf("Status after a pause: %v", err)
	}
	for range 10 {
		if _, err = w.Start(t.Context(), w.pass(a), Ask{Level: OfSystem, Types: []string{"Patient"}}, ""); err != nil {
			break
		}
	}
	if errs.KindOf(err) != errs.TooMany {
		t.Errorf("ten exports at once: %v, want too many", err)
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

// A client that was stopped gets no export that was begun before.
func TestStoppedClient(t *testing.T) {
	g := &gate{actor: client(t, "system/*.rs")}
	w := seeded(t, haletest.SQLite(t), func(c *Config) { c.Grants = g })
	id := w.start(g.actor, OfSystem, "", "")
	g.shut = true
	w.work(id)
	if task, err := w.Status(t.Context(), g.actor, id); err != nil || task.State != Failed {
		t.Errorf("Status = %s, %v; want failed", task.State, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("_type=Patient,Observation&_since=2026-03-02T12:00:00Z&_outputFormat=ndjson", true)
	f.Add("_typeFilter=Observation%3Fcode%3Da,b,Patient%3F_id%3D1&_typeFilter=Patient?gender=female", false)
	f.Add("patient=Patient/a&includeAssociatedData=x&_elements=id", true)
	d := haletest.SQLite(f)
	w := newWorld(f, d, nil)
	pass := w.pass(client(f, "system/*.rs"))
	f.Fuzz(func(t *testing.T, query string, lenient bool) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, level := range []Level{OfSystem, OfPatients, OfGroup} {
			ask, err := Read(level, "g", q, lenient, pass)
			if err != nil {
				if _, ok := errors.AsType[*BadAsk](err); !ok {
					t.Errorf("Read(%q): %v, want a *BadAsk", query, err)
				}
				continue
			}
			if len(ask.Types) == 0 || !slices.IsSorted(ask.Types) || len(slices.Compact(slices.Clone(ask.Types))) != len(ask.Types) {
				t.Errorf("Read(%q) = %v, want types in order, each once", query, ask.Types)
			}
			text, err := json.Marshal(ask)
			if err != nil {
				t.Fatal(err)
			}
			var again Ask
			if err := json.Unmarshal(text, &again); err != nil || len(again.Filters) != len(ask.Filters) {
				t.Errorf("Read(%q) does not come back from JSON: %v", query, err)
			}
		}
	})
}
