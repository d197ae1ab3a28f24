package browsertest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/app"
	"hale/internal/base/seal"
	"hale/internal/haletest"
)

// payloads are texts that would run where a page forgot to escape them.
func payloads(t *testing.T) []string {
	list := []string{
		`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`,
		`<iframe srcdoc="<script>parent.alert(1)</script>">`, `javascript:alert(1)`, `<a href="javascript:alert(1)">click</a>`,
		`<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `{{constructor.constructor('alert(1)')()}}`, `${alert(1)}`,
		`<style>@import 'https://evil.test/x.css';</style>`, `<base href="https://evil.test/">`, `<meta http-equiv=refresh content="0;url=https://evil.test/">`,
		`</title><script>alert(1)</script>`, `</textarea><script>alert(1)</script>`, `<x hx-get="https://evil.test/" hx-trigger="load">x</x>`,
		`<img src="https://evil.test/pixel.gif">`, `<details open ontoggle=alert(1)>`, `<template><script>alert(1)</script></template>`, "\u202Etxet\u202C",
	}
	body, err := os.ReadFile(haletest.Data(t, "security/blns.json"))
	if err != nil {
		t.Fatal(err)
	}
	var naughty []string
	if err := json.Unmarshal(body, &naughty); err != nil {
		t.Fatal(err)
	}
	for _, s := range naughty {
		if strings.ContainsAny(s, "<>\"'`") && len(list) < 120 {
			list = append(list, s)
		}
	}
	return list
}

// hostile is a bundle of what a careless or evil sender might put into a
// patient's record: each text is a payload, in each place where a page says
// something.
func hostile(t *testing.T, patient string) []byte {
	t.Helper()
	subject := map[string]any{"reference": "Patient/" + patient}
	var entries []any
	add := func(resource map[string]any) {
		resource["id"] = fmt.Sprintf("hostile-%d", len(entries))
		entries = append(entries, map[string]any{"resource": resource})
	}
	text := func(s string) map[string]any {
		return map[string]any{"text": s, "coding": []any{map[string]any{"system": "http://loinc.org", "code": "4548-4", "display": s}}}
	}
	const when = "2026-11-20T10:00:00Z"
	for i, s := range payloads(t) {
		s = strings.Map(func(r rune) rune {
			if r == 0 {
				return -1
			}
			return r
		}, s)
		data := base64.StdEncoding.EncodeToString([]byte("<div>" + s + "</div>"))
		switch i % 7 {
		case 0:
			add(map[string]any{"resourceType": "Condition", "subject": subject, "code": text(s), "recordedDate": when, "note": []any{map[string]any{"text": s}}})
		case 1:
			add(map[string]any{"resourceType": "Observation", "status": "final", "subject": subject, "code": text(s), "effectiveDateTime": when, "valueString": s,
				"category": []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}}}}, "note": []any{map[string]any{"text": s}}})
		case 2:
			add(map[string]any{"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": subject, "medicationCodeableConcept": map[string]any{"text": s}, "authoredOn": when, "dosageInstruction": []any{map[string]any{"text": s}}})
		case 3:
			add(map[string]any{"resourceType": "DocumentReference", "status": "current", "subject": subject, "type": text(s), "description": s, "date": when,
				"content": []any{map[string]any{"attachment": map[string]any{"contentType": "text/html", "title": s, "data": data}}}})
		case 4:
			add(map[string]any{"resourceType": "AllergyIntolerance", "patient": subject, "code": map[string]any{"text": s}, "reaction": []any{map[string]any{"manifestation": []any{map[string]any{"text": s}}}}})
		case 5:
			add(map[string]any{"resourceType": "DiagnosticReport", "status": "final", "subject": subject, "code": text(s), "conclusion": s, "effectiveDateTime": when,
				"presentedForm": []any{map[string]any{"contentType": "text/html", "data": data}}})
		case 6:
			add(map[string]any{"resourceType": "Appointment", "status": "booked", "description": s, "start": "2026-12-20T10:00:00Z", "end": "2026-12-20T10:20:00Z",
				"participant": []any{map[string]any{"actor": subject, "status": "accepted"}, map[string]any{"actor": map[string]any{"display": s}, "status": "accepted"}}})
		}
	}
	name := payloads(t)[:6]
	add(map[string]any{"resourceType": "Patient", "birthDate": "1950-01-01", "name": []any{map[string]any{"family": "Hostile " + name[0], "given": name[1:]}},
		"address": []any{map[string]any{"line": name[2:4], "city": name[4]}}, "telecom": []any{map[string]any{"system": "email", "value": "x@hostile.example"}}})
	body, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "collection", "entry": entries})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// runTown runs a demo town on a folder of its own until the returned function
// is called.
func runTown(t *testing.T, c app.Config) (app.Ready, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Ready, 1), make(chan error, 1)
	go func() {
		ended <- app.ServeDemo(ctx, c, app.DemoConfig{Seed: 1, People: 60, Quiet: true}, func(r app.Ready) { ready <- r })
	}()
	stop := func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the town ended with %v", err)
		}
	}
	select {
	case r := <-ready:
		return r, stop
	case err := <-ended:
		t.Fatalf("the town did not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the town took more than two minutes")
	}
	return app.Ready{}, nil
}

// A record full of scripts is read like any other: nothing in it runs, loads
// or leads away, at the portal and at the desk.
func TestHostileRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	began := time.Now()
	c := app.Config{
		Addr: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "hale.db"), Key: seal.NewKey(),
		Now: func() time.Time { return morning.Add(time.Since(began)) }, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	first, stop := runTown(t, c)
	stop()
	maria := ""
	for _, s := range first.SignIns {
		if strings.HasPrefix(s.Name, "Maria") {
			maria = s.Patient
		}
	}
	if maria == "" {
		t.Fatal("Maria does not live in the town")
	}
	put(t, c, hostile(t, maria))
	r, stop := runTown(t, c)
	defer stop()
	b := start(t, r.URL)
	patient := b.tab(t, "patient", 390, 844)
	patient.stepIn("Maria Alvarez")
	patient.walks("/home", "/health", "/health/results", "/health/medicines", "/health/conditions", "/health/allergies", "/health/documents", "/visits", "/looks")
	nurse := b.tab(t, "nurse", 1280, 900)
	nurse.stepIn("J. Okafor")
	nurse.walks("/desk", "/desk/patients", "/desk/patients/"+maria)
	nurse.visit("/desk/patients")
	nurse.fill("#q", "Hostile")
	nurse.click(".find-form button")
	nurse.sees("Hostile")
}

// put imports a bundle while no server runs.
func put(t *testing.T, c app.Config, bundle []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.json")
	if err := os.WriteFile(path, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	report, err := a.Importer("hostile").Import(t.Context(), path, nil)
	if err != nil || len(report.Bad) > 0 || report.Resources < 100 {
		t.Fatalf("the hostile record came in as %+v, %v", report, err)
	}
}

// walks looks at pages and at what the first links of each lead to. What a
// page must not do, listen notes.
func (tb *tab) walks(pages ...string) {
	tb.t.Helper()
	seen := map[string]bool{}
	for _, at := range pages {
		tb.looksAt(at, seen)
		links := ask[[]string](tb, `[...document.querySelectorAll("main a[href^='/']")].map((a) => a.getAttribute("href")).filter((h) => /hostile-|\/documents\/|\/results\//.test(h))`)
		for _, l := range links[:min(len(links), 40)] {
			tb.looksAt(l, seen)
		}
	}
}

func (tb *tab) looksAt(path string, seen map[string]bool) {
	tb.t.Helper()
	if seen[path] || strings.HasSuffix(path, "/file") || strings.HasSuffix(path, "/calendar") {
		return
	}
	seen[path] = true
	tb.visit(path)
	tb.until("the heading of "+path, `document.querySelector("h1")`)
	foreign := ask[[]string](tb, `[...document.querySelectorAll("[src],[href],[action],[srcdoc],[hx-get],[hx-post]")].flatMap((e) =>
		["src","href","action","srcdoc","hx-get","hx-post"].map((n) => e.getAttribute(n)).filter((v) => v && !/^(\/|#|\?|tel:|mailto:|data:image|geo:0,0\?q=412\+Alder\+Street%2C)/.test(v) && !v.startsWith(location.origin)))`)
	if len(foreign) > 0 {
		tb.t.Errorf("%s leads to %q", path, foreign)
	}
	if bad := ask[int](tb, `document.querySelectorAll("main script, main style, main iframe, main base, main meta, main object, main embed, [onerror], [onload], [ontoggle], [onclick]").length`); bad > 0 {
		tb.t.Errorf("%s has %d elements that a record put there", path, bad)
	}
}
