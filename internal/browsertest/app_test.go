package browsertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/access/client"
	"hale/internal/app"
	"hale/internal/base/seal"
)

// bundle is fhirclient as it is loaded by pages, or skips the test.
func bundle(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".bin", "fhirclient", "fhir-client.js"))
	if err != nil {
		t.Skip("skipped: no fhirclient in .bin/fhirclient; scripts/install-test-tools.sh installs it")
	}
	return text
}

// asked is what the app asks for.
const asked = "openid fhirUser launch/patient offline_access patient/*.rs"

// diary serves an app of static files on an address of its own. settings is
// told when it is known.
func diary(t *testing.T) (origin string, settings *string) {
	t.Helper()
	library := bundle(t)
	settings = new(string)
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	file := func(at, media string, body func() []byte) {
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media+"; charset=utf-8")
			_, _ = w.Write(body())
		})
	}
	read := func(name string) func() []byte {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return func() []byte { return text }
	}
	file("/{$}", "text/html", read("app.html"))
	file("/app.js", "text/javascript", read("app.js"))
	file("/fhir-client.js", "text/javascript", func() []byte { return library })
	file("/settings.js", "text/javascript", func() []byte { return []byte(*settings) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listen) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listen.Addr().String(), settings
}

// serveFor runs a tiny demo town that knows an app, and returns its address
// and the app's id.
func serveFor(t *testing.T, origin string) (base, id string) {
	t.Helper()
	began := time.Now()
	c := app.Config{
		Addr: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "hale.db"), Key: seal.NewKey(),
		Now: func() time.Time { return morning.Add(time.Since(began)) }, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	c.Clinic.Zone = time.UTC
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := a.Clients.AddOwn(t.Context(), client.Client{Name: "Sleep Diary", Auth: client.None, Redirects: []string{origin + "/"}, Scopes: asked})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Ready, 1), make(chan error, 1)
	go func() {
		ended <- app.ServeDemo(ctx, c, app.DemoConfig{Seed: 1, People: 60, Quiet: true}, func(r app.Ready) { ready <- r })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the town ended with %v", err)
		}
	})
	select {
	case r := <-ready:
		return r.URL, made.ID
	case err := <-ended:
		ended <- nil
		t.Fatalf("the town did not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the town took more than two minutes")
	}
	return "", ""
}

// TestApp launches an app that uses fhirclient, as its guide says: it asks,
// the patient signs in, ticks and says yes, and it reads her record from its
// own page. Then it is refused, and stopped.
func TestApp(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	origin, settings := diary(t)
	base, id := serveFor(t, origin)
	*settings = fmt.Sprintf("window.settings = {iss: %s, clientId: %s, scope: %s}", quoted(base+"/fhir"), quoted(id), quoted(asked))
	b := start(t, base)
	b.app = origin
	p := b.tab(t, "Maria", 390, 844)
	p.connects(origin)
	p.press("Step in as Maria Alvarez")
	p.sees("Sleep Diary asks to see your record")
	p.scan("an app asks")
	p.press("Yes, share this")
	p.shown()

	p.press("Ask again")
	p.until("a new token", `document.querySelector("#again-done") || document.querySelector("#error-again")`)
	if said := p.text("error-again"); said != "" {
		t.Errorf("the app cannot go on after its token's end: %q", said)
	}
	p.says("refreshed", "a new token")
	p.says("patient-again", "Alvarez")

	p.connects(origin) // she is signed in by now
	p.sees("Sleep Diary asks to see your record")
	p.press("No, share nothing")
	p.until("the app", `document.querySelector("#error") || document.querySelector("#done")`)
	if said := p.text("error"); !strings.Contains(said, "access_denied") {
		t.Errorf("after a no the app shows %q, want access_denied", said)
	}
	p.stops(origin)
}

// connects presses the app's button on a page that has forgotten everything.
func (tb *tab) connects(origin string) {
	tb.t.Helper()
	tb.visit(origin + "/")
	ask[bool](tb, `(() => { sessionStorage.clear(); return true; })()`)
	tb.visit(origin + "/")
	tb.press("Connect to my clinic")
	tb.until("Hale", `location.origin === `+quoted(tb.b.origin))
}

// shown looks at what the app shows of the record.
func (tb *tab) shown() {
	tb.t.Helper()
	tb.until("the app's end", `location.origin === `+quoted(tb.b.app)+` && (document.querySelector("#done") || document.querySelector("#error"))`)
	if said := tb.text("error"); said != "" {
		tb.t.Fatalf("the app shows %q", said)
	}
	tb.says("patient", "Maria")
	tb.says("patient-id", "maria-alvarez")
	tb.says("user", "Patient/maria-alvarez maria-alvarez")
	tb.says("observations", "1 of searchset")
	tb.says("linked", "Alvarez")
	tb.says("granted", "offline_access")
	tb.says("write", "403")
	tb.says("other", "40")
	var all, unlike int
	if _, err := fmt.Sscan(tb.text("all-observations"), &all, &unlike); err != nil || all < 21 || all != unlike {
		tb.t.Errorf("over all pages the app finds %d observations, %d unlike (%v), want more than a page and each once", all, unlike, err)
	}
}

// text is what the app shows under a name.
func (tb *tab) text(name string) string {
	tb.t.Helper()
	return ask[string](tb, `document.querySelector("#`+name+`")?.textContent ?? ""`)
}

func (tb *tab) says(name, want string) {
	tb.t.Helper()
	if got := tb.text(name); !strings.Contains(got, want) {
		tb.t.Errorf("the app shows %q as %s, want %q", got, name, want)
	}
}

// stops takes the app's access away on the page about apps, while the app's
// page stands open and has a token.
func (tb *tab) stops(origin string) {
	tb.t.Helper()
	tb.connects(origin)
	tb.press("Yes, share this")
	tb.shown()
	second := tb.b.tab(tb.t, "Maria's other device", 820, 1000)
	second.stepIn("Maria Alvarez")
	second.visit("/apps")
	second.press("Sleep Diary")
	second.press("Stop this app now")
	second.sees("The app sees nothing any more")
	tb.press("Ask again")
	tb.until("a refusal", `document.querySelector("#error-again") || document.querySelector("#again-done")`)
	if said := tb.text("error-again"); said == "" {
		tb.t.Error("an app that was stopped got a new token")
	}
}
