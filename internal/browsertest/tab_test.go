package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// browser is one Chromium with a folder of its own.
type browser struct {
	ctx    context.Context
	origin string
	axe    string // axe-core's source; empty: no scan
	shots  string // where to put pictures; empty: none
	watch  *watch // looks for what must not come out; nil: nobody does
	app    string // the origin of an app beside Hale; empty: there is none
}

// start starts Chromium, or skips the test where there is none.
func start(t *testing.T, origin string, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("skipped: no Chromium on this machine; scripts/install-test-tools.sh installs it")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	opts = append(opts, more...)
	all, cancelAll := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(func() { cancel(); cancelAll() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b := &browser{ctx: ctx, origin: origin, shots: os.Getenv("HALE_SHOTS")}
	if w, ok := watches.Load(origin); ok {
		b.watch = w.(*watch)
	}
	if source, err := os.ReadFile(axePath()); err == nil {
		b.axe = string(source)
	} else {
		t.Log("axe-core is not here, pages are not scanned; scripts/install-test-tools.sh gets it")
	}
	return b
}

// axePath is where the install script puts axe-core, or what HALE_AXE says.
func axePath() string {
	if p := os.Getenv("HALE_AXE"); p != "" {
		return p
	}
	return filepath.Join("..", "..", ".bin", "axe", "axe.min.js")
}

// tab is one person's browser: its cookies are its own.
type tab struct {
	t             *testing.T
	b             *browser
	who           string
	ctx           context.Context
	width, height int64
	scanned       map[string]bool

	mu       sync.Mutex
	problems []string
}

func (b *browser) tab(t *testing.T, who string, width, height int64) *tab {
	t.Helper()
	tb := &tab{t: t, b: b, who: who, width: width, height: height, scanned: map[string]bool{}}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tb.listen))
	tb.ctx = ctx
	t.Cleanup(func() {
		cancel()
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, p := range tb.problems {
			t.Errorf("%s: %s", who, p)
		}
	})
	// The tab lives as long as the context of its first run: not one step's.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		t.Fatal(err)
	}
	return tb
}

// listen notes what a page must not do.
func (tb *tab) listen(ev any) {
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if tb.b.watch != nil {
			tb.b.watch.visited(e.Request.URL)
		}
		u, err := url.Parse(e.Request.URL)
		if err == nil && u.Scheme != "data" && u.Scheme != "about" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != tb.b.origin && u.Scheme+"://"+u.Host != tb.b.app {
			tb.note("a page loads from " + u.Host)
		}
	case *page.EventJavascriptDialogOpening:
		tb.note("a dialog opened: " + e.Message)
		go func() { // else the page waits for ever
			_, _ = chromedp.Call(tb.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	case *runtime.EventExceptionThrown:
		tb.note("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			tb.note("console error")
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of 4") {
			tb.note("log: " + e.Entry.Text)
		}
	}
}

func (tb *tab) note(problem string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.problems = append(tb.problems, problem)
}

// within gives a step its time.
func (tb *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.ctx, patience)
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := tb.within()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatalf("%s: %v\n%s", tb.who, err, tb.where())
	}
}

// where says what the tab shows, for a failure.
func (tb *tab) where() string {
	ctx, cancel := context.WithTimeout(tb.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText.slice(0, 3000)`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (tb *tab) visit(path string) {
	tb.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = tb.b.origin + path
	}
	tb.do(chromedp.Navigate(path))
}

// ask evaluates an expression of JavaScript.
func ask[T any](tb *tab, expression string) T {
	tb.t.Helper()
	ctx, cancel := tb.within()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %.200s: %v\n%s", tb.who, expression, err, tb.where())
	}
	return v
}

// until waits for an expression to be true, whatever page loads meanwhile.
func (tb *tab) until(what, expression string) {
	tb.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(tb.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!(`+expression+`)`))
		cancel()
		if err == nil && ok {
			return
		}
		if errors.Is(tb.ctx.Err(), context.Canceled) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	tb.t.Fatalf("%s waited in vain for %s; the page is\n%s", tb.who, what, tb.where())
}

// sees waits until the page says text.
func (tb *tab) sees(text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("%q", text), fmt.Sprintf(`document.body.innerText.includes(%s)`, quoted(text)))
}

// fill types text into the field that selector finds.
func (tb *tab) fill(selector, text string) {
	tb.t.Helper()
	ask[bool](tb, fmt.Sprintf(`(() => { const f = document.querySelector(%s); f.value = %s;
		f.dispatchEvent(new Event("input", {bubbles: true})); f.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`, quoted(selector), quoted(text)))
}

// press presses the button or follows the link that says text.
func (tb *tab) press(text string) {
	tb.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("button, a, summary, label")].find((e) => e.innerText.trim().replace(/\s+/g, " ").includes(%s))`, quoted(text))
	tb.until("a button "+text, find)
	ask[bool](tb, `(() => { `+find+`.click(); return true; })()`)
}

// click clicks what selector finds.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.until(selector, `document.querySelector(`+quoted(selector)+`)`)
	ask[bool](tb, `(() => { document.querySelector(`+quoted(selector)+`).click(); return true; })()`)
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// scan looks at the page as it is, in the light at this tab's width and in
// the dark at 320 pixels.
func (tb *tab) scan(name string) {
	tb.t.Helper()
	if tb.scanned[name] {
		return
	}
	tb.scanned[name] = true
	tb.t.Logf("%s looks at %s", tb.who, name)
	tb.look(name, "light", tb.width)
	tb.look(name, "dark", tb.width)
	tb.look(name, "dark", 320)
	tb.look(name, "light", 320)
	tb.do(chromedp.EmulateViewport(tb.width, tb.height))
}

func (tb *tab) look(name, scheme string, width int64) {
	tb.t.Helper()
	tb.pose(scheme, width)
	at := fmt.Sprintf("%s, %s at %d pixels", name, scheme, width)
	if wide := ask[int64](tb, `document.documentElement.scrollWidth`); wide > width {
		tb.t.Errorf("%s scrolls sideways: %d pixels wide", at, wide)
	}
	if tb.b.shots != "" {
		tb.shoot(fmt.Sprintf("%s-%s-%d.png", name, scheme, width))
	}
	tb.axe(at)
}

// axe runs axe-core on the page as it is.
func (tb *tab) axe(at string) {
	tb.t.Helper()
	if tb.b.axe == "" {
		return
	}
	if !ask[bool](tb, `!!window.axe`) {
		ask[bool](tb, tb.b.axe+";true")
	}
	found := ask[[]string](tb, `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) =>
		v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.any.concat(n.all).map((c) => c.message).join(" ").slice(0, 200)).join(" | ")))`)
	for _, v := range found {
		tb.t.Errorf("%s: %s", at, v)
	}
}

func (tb *tab) shoot(file string) {
	ctx, cancel := tb.within()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(tb.b.shots, strings.ReplaceAll(file, " ", "-")), png, 0o600)
	}
	if err != nil {
		tb.t.Logf("no picture: %v", err)
	}
}

// authenticator gives the tab a passkey device that says yes by itself.
func (tb *tab) authenticator() {
	tb.t.Helper()
	ctx, cancel := tb.within()
	defer cancel()
	if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		tb.t.Fatal(err)
	}
	device := webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}
	if _, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, device); err != nil {
		tb.t.Fatal(err)
	}
}
