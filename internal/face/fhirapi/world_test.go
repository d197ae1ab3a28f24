package fhirapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/base/errs"
	"hale/internal/face/fhirapi"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// keyring is who may ask by which token.
type keyring map[string]access.Actor

// Actor returns who asks by a token.
func (k keyring) Actor(_ context.Context, bearer string) (access.Actor, error) {
	a, ok := k[bearer]
	if !ok {
		return access.Actor{}, errs.New(errs.Unauthenticated, "Please sign in.")
	}
	return a, nil
}

// Allowed lets in the pages of one app.
func (k keyring) Allowed(_ context.Context, origin string) bool {
	return origin == "https://app.example"
}

func scopes(t testing.TB, list ...string) (out []smart.Scope) {
	t.Helper()
	for _, text := range list {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// people are the callers of the tests, by their tokens.
func people(t testing.TB) keyring {
	proof := access.Proof{Zone: access.PortalZone, At: haletest.Noon}
	system := func(rights []access.Right, s ...string) access.Actor {
		a := access.SystemActor("app:loader", rights...)
		a.App = &access.App{ID: "loader", Name: "Loader", Scopes: scopes(t, s...), Labels: access.Every}
		return a
	}
	patient := func(id string, s ...string) access.Actor {
		return access.Actor{Kind: access.Patient, ID: "account-" + id, Name: id, Patient: id, Proof: proof,
			App: &access.App{ID: "phone", Name: "Phone", Patient: id, Scopes: scopes(t, s...), Labels: access.Every}}
	}
	nurse := access.Actor{Kind: access.Staff, ID: "nurse", Name: "Nora Nurse", Roles: []access.Role{access.Nurse}, Proof: proof,
		App: &access.App{ID: "desk-app", Name: "Desk app", Scopes: scopes(t, "user/*.rs"), Labels: access.Every}}
	helper := access.Actor{Kind: access.Proxy, ID: "helper", Name: "Hal", Proof: proof, Grants: []access.Grant{{
		Patient: "maria", Rights: []access.Right{access.ReadRecord}, Categories: access.Categories, Basis: access.ByPatient}},
		App: &access.App{ID: "phone", Name: "Phone", Scopes: scopes(t, "user/*.rs"), Labels: access.Every}}
	both := []access.Right{access.ReadRecord, access.WriteRecord}
	return keyring{
		"system": system(both, "system/*.cruds"), "reader": system(both[:1], "system/*.rs"),
		"maria": patient("maria", "patient/*.rs"), "ben": patient("ben", "patient/*.rs"), "writer": patient("maria", "patient/*.cruds"),
		"narrow":   patient("maria", "patient/Condition.rs", "patient/Patient.r"),
		"granular": patient("maria", "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
		"nurse":    nurse, "helper": helper,
	}
}

// world is an API over a database of its own.
type world struct {
	testing.TB
	db     *db.DB
	record *record.Store
	api    http.Handler
}

const base = "https://clinic.example/fhir"

func newWorld(t testing.TB, d *db.DB, bodies ...string) *world {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	w := &world{TB: t, db: d, record: record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now))}
	keys := people(t)
	log := slog.New(slog.NewTextHandler(&testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.api = fhirapi.New(fhirapi.Config{
		Record: w.record, Doors: haletest.Doors(d), Tokens: keys, Origins: keys, Base: base, Name: "Alder Clinic",
		Built: haletest.Noon, Now: time.Now, ID: haletest.IDs().New, Log: log,
		Validator: definitions().validator, Terms: definitions().terms,
	})
	w.put(bodies...)
	return w
}

// newServed returns the API of a whole Hale, with all that it has, in the
// database at address.
func newServed(t testing.TB, address string, bodies ...string) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(&testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := app.Config{
		Addr: "127.0.0.1:0", URL: strings.TrimSuffix(base, "/fhir"), Database: address, Key: haletest.Key,
		Now: time.Now, Rand: rand.Reader, Log: log, Tokens: people(t),
	}
	c.Clinic.Name, c.Clinic.Zone = "Alder Clinic", time.UTC
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	w := &world{TB: t, record: a.Record, api: a.Handler()}
	for _, b := range bodies {
		var r struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &r); err != nil {
			t.Fatal(err)
		}
		w.want(http.StatusCreated, "system", "PUT /"+r.ResourceType+"/"+r.ID, b)
	}
	return w
}

// served runs test on a whole Hale over both engines.
func served(t *testing.T, test func(t *testing.T, w *world), bodies ...string) {
	t.Run("sqlite", func(t *testing.T) { test(t, newServed(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db"), bodies...)) })
	t.Run("postgres", func(t *testing.T) { test(t, newServed(t, haletest.EmptyPostgres(t), bodies...)) })
}

// testLog fails the test on a line about something that broke.
type testLog struct{ t testing.TB }

// Write reads one line.
func (l *testLog) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("level=ERROR")) {
		l.t.Errorf("log: %s", b)
	}
	return len(b), nil
}

// put writes resources without the API.
func (w *world) put(bodies ...string) {
	w.Helper()
	var list []record.Draft
	for _, b := range bodies {
		var r struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &r); err != nil {
			w.Fatal(err)
		}
		list = append(list, record.Draft{Type: r.ResourceType, ID: r.ID, Body: []byte(b)})
	}
	if err := w.db.Tx(w.Context(), func(tx *db.Tx) error {
		_, err := w.record.PutAll(w.Context(), tx, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "Riverside Lab"}, list)
		return err
	}); err != nil {
		w.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request: "GET /Patient/maria", headers as "Name: value".
func (w *world) ask(token, line, body string, headers ...string) answer {
	w.Helper()
	method, address, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "/fhir"+address, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{rec.Code, rec.Header(), string(text)}
}

// want asks and fails the test where the status is another.
func (w *world) want(status int, token, line, body string, headers ...string) answer {
	w.Helper()
	a := w.ask(token, line, body, headers...)
	if a.status != status {
		w.Fatalf("%s %s = %d, want %d: %s", token, line, a.status, status, a.body)
	}
	return a
}

// at returns the value at a path of keys and indexes in the body.
func (a answer) at(path ...any) any {
	var v any
	if json.Unmarshal([]byte(a.body), &v) != nil {
		return nil
	}
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// ids are the ids of a bundle's resources.
func (a answer) ids() string {
	var b struct {
		Entry []struct {
			Resource struct{ ResourceType, ID string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		return err.Error()
	}
	var list []string
	for _, e := range b.Entry {
		list = append(list, e.Resource.ResourceType+"/"+e.Resource.ID)
	}
	return strings.Join(list, " ")
}

// link is the address of a bundle's link, below the base.
func (a answer) link(relation string) string {
	links, _ := a.at("link").([]any)
	for _, l := range links {
		if m, ok := l.(map[string]any); ok && m["relation"] == relation {
			return strings.TrimPrefix(fmt.Sprint(m["url"]), base)
		}
	}
	return ""
}

const (
	maria = `{"resourceType":"Patient","id":"maria","name":[{"family":"Álvarez","given":["María José"]}],"birthDate":"1961-04-02","gender":"female","communication":[{"language":{"text":"Spanish"}}]}`
	ben   = `{"resourceType":"Patient","id":"ben","name":[{"family":"Alvarado","given":["Ben"]}],"birthDate":"1990"}`
	noor  = `{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`
	lab   = `{"resourceType":"Observation","id":"lab","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-01-05","valueQuantity":{"value":6.1,"unit":"%"},"component":[{"code":{"text":"part"},"interpretation":[{"text":"high"}]}]}`
	vital = `{"resourceType":"Observation","id":"vital","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-02-05","valueQuantity":{"value":71}}`
	flu   = `{"resourceType":"Condition","id":"flu","code":{"text":"Flu"},"subject":{"reference":"Patient/maria"}}`
	gout  = `{"resourceType":"Condition","id":"gout","code":{"text":"Gout"},"subject":{"reference":"Patient/ben"}}`
)

// looks returns how many looks the audit log has.
func (w *world) looks(patient string) int {
	w.Helper()
	rows, err := audit.NewLog(w.db, haletest.IDs(), haletest.Clock(haletest.Noon)).Of(w.Context(), patient, 1000)
	if err != nil {
		w.Fatal(err)
	}
	return len(rows)
}

// each runs test on both engines, with two people in the record.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		test(t, newWorld(t, d, maria, ben, noor, lab, vital, flu, gout))
	})
}
