package browsertest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"hale/internal/access/account"
	"hale/internal/app"
	"hale/internal/base/seal"
)

// hand is a clock's: it can be put forward.
type hand struct {
	began time.Time
	ahead atomic.Int64
}

func (h *hand) now() time.Time {
	return morning.Add(time.Since(h.began) + time.Duration(h.ahead.Load()))
}

func (h *hand) forward(d time.Duration) { h.ahead.Add(int64(d)) }

// serveWith runs a tiny demo town by a clock that can be put forward. On a
// shared computer a page locks after a few seconds.
func serveWith(t *testing.T, clock *hand) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Ready, 1), make(chan error, 1)
	c := app.Config{
		Addr: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "hale.db"), Key: seal.NewKey(),
		Now: clock.now, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		SignIn: account.Rules{SharedRest: 8 * time.Second},
	}
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
		return r.URL
	case err := <-ended:
		ended <- err
		t.Fatalf("the town did not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the town took more than two minutes")
	}
	return ""
}

// TestSignIn goes every way in and out, with a passkey device of Chromium's
// own.
func TestSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	clock := &hand{began: time.Now()}
	b := start(t, serveWith(t, clock))
	words := mariasPasskey(t, b, clock)
	locks(t, b) // before the recovery: after it nothing is added for some days
	recovers(t, b, words)
	staffEnrols(t, b, clock)
	cannotGetIn(t, b)
}

// mariasPasskey adds a passkey, signs in with it, proves it again for a form
// that was refused, and returns the words of a recovery sheet.
func mariasPasskey(t *testing.T, b *browser, clock *hand) string {
	t.Helper()
	p := b.tab(t, "Maria", 390, 844)
	p.authenticator()
	p.stepIn("Maria Alvarez")
	p.visit("/settings/security")
	p.sees("Where you are signed in")
	p.click("#passkey-add button")
	p.sees("Your passkey is ready")
	p.scan("security")

	ask[bool](p, `(() => { document.querySelector("form[action='/signout']").submit(); return true; })()`)
	p.until("the first page", `!document.querySelector("form[action='/signout']")`)
	p.visit("/signin") // conditional UI finds the passkey, with nothing typed and nothing pressed
	p.until("home", `document.querySelector("form[action='/signout']")`)

	clock.forward(6 * time.Minute) // older than AccountAge
	p.visit("/settings/security")
	p.click("form[action='/settings/app/begin'] button")
	p.sees("Is it still you?")
	p.scan("prove it again")
	p.click("#passkey-again button")
	p.sees("Add an authenticator app") // the form went on by itself
	p.scan("authenticator app")
	secret := strings.ReplaceAll(ask[string](p, `document.querySelector("code.secret").textContent`), " ", "")
	code, err := totp.GenerateCode(secret, clock.now())
	if err != nil {
		t.Fatal(err)
	}
	p.fill("#code", code)
	p.click("main form[action='/settings/app'] button")
	p.sees("Your authenticator app is ready")

	p.visit("/settings/sheet")
	p.scan("about the sheet")
	p.press("Make my sheet")
	p.sees("Your recovery sheet")
	p.scan("recovery sheet")
	words := ask[string](p, `[...document.querySelectorAll(".words li")].map((e) => e.textContent).join(" ")`)

	p.visit("/settings/password")
	p.scan("password")
	p.visit("/settings/address")
	p.scan("new address")
	p.visit("/settings/security")
	p.click("a[href$='/remove']")
	p.sees("It is the last one")
	p.scan("remove a passkey")
	revokes(t, b, p)
	return words
}

// revokes signs a second browser of the same person out.
func revokes(t *testing.T, b *browser, p *tab) {
	t.Helper()
	second := b.tab(t, "Maria's tablet", 820, 1000)
	second.stepIn("Maria Alvarez")
	p.visit("/settings/security")
	p.press("Sign out everywhere else")
	p.sees("You are signed in here only")
	second.visit("/home")
	second.until("the sign-in page", `location.pathname === "/signin"`)
}

// recovers signs in with the sheet on a device that knows nothing, and makes
// a new passkey there.
func recovers(t *testing.T, b *browser, words string) {
	t.Helper()
	p := b.tab(t, "Maria's new phone", 360, 780)
	p.authenticator()
	p.visit("/signin/sheet")
	p.scan("sheet")
	p.fill("#words", words)
	p.click("input[name=device][value=own]")
	p.click("main form button")
	p.sees("Set up a safe way to sign in")
	p.scan("make a passkey")
	p.click("#passkey-add button")
	p.until("the portal", `!location.pathname.startsWith("/signin")`)
	p.visit("/settings/security")
	p.sees("cannot be changed until")
}

// staffEnrols invites a nurse, who must add an authenticator app before
// anything else.
func staffEnrols(t *testing.T, b *browser, clock *hand) {
	t.Helper()
	admin := b.tab(t, "administrator", 1280, 900)
	admin.stepIn("Samir Haddad")
	admin.visit("/desk/users")
	admin.scan("people who work here")
	admin.fill("#name", "Ana Castillo, RN")
	admin.fill("#email", "ana@riverside.example")
	admin.press("Make an invitation")
	admin.sees("Invitation for Ana Castillo")
	admin.scan("invitation")
	link := ask[string](admin, `document.querySelector("#link").value`)

	ana := b.tab(t, "Ana", 390, 844)
	ana.visit(link)
	ana.scan("welcome")
	ana.click("input[name=device][value=own]")
	ana.press("Continue")
	ana.sees("Set up a safe way to sign in")
	ana.visit("/desk")
	ana.until("no way around it", `location.pathname.startsWith("/signin")`)
	ana.press("Use an authenticator app")
	ana.sees("Point it at this square code")
	secret := strings.ReplaceAll(ask[string](ana, `document.querySelector("code.secret").textContent`), " ", "")
	code, err := totp.GenerateCode(secret, clock.now())
	if err != nil {
		t.Fatal(err)
	}
	ana.fill("#code", code)
	ana.click("main form[action='/signin/app'] button")
	ana.until("the desk", `location.pathname === "/desk"`)
}

// locks rests on a shared computer: the page locks, keeps what was typed, and
// opens to its owner's passkey alone.
func locks(t *testing.T, b *browser) {
	t.Helper()
	p := b.tab(t, "shared computer", 1000, 800)
	p.authenticator()
	p.stepIn("Maria Alvarez")
	p.visit("/settings/security")
	p.click("#passkey-add button")
	p.until("the new passkey", `location.search.includes("done") || location.pathname.includes("again")`)
	ask[bool](p, `fetch("/signin/demo", {method: "POST", body: new URLSearchParams({who: "0", device: "shared"})}).then(() => true)`)
	p.visit("/settings/address")
	p.until("the form or a proof", `document.querySelector("#to") || document.querySelector("#passkey-again")`)
	p.fill("#to", "half@written.exa")
	p.sees("Are you still there?")
	p.scanNow("idle warning")
	p.until("the lock", `document.querySelector("#rest-lock").open`)
	p.scanNow("lock")
	if ask[bool](p, `getComputedStyle(document.querySelector("#to")).visibility === "visible"`) {
		t.Error("what was typed shows behind the lock")
	}
	p.click("#rest-lock [data-passkey]")
	p.until("the page again", `!document.querySelector("#rest-lock").open`)
	if got := ask[string](p, `document.querySelector("#to").value`); got != "half@written.exa" {
		t.Errorf("after the lock the field holds %q", got)
	}
	if n := ask[int](p, `localStorage.length + sessionStorage.length`); n != 0 {
		t.Errorf("%d things are in the browser's storage, want none", n)
	}
}

// scanNow looks at a page that does not wait: in the light alone.
func (tb *tab) scanNow(name string) {
	tb.t.Helper()
	tb.look(name, "light", tb.width)
}

// cannotGetIn looks at the pages for those who are outside.
func cannotGetIn(t *testing.T, b *browser) {
	t.Helper()
	p := b.tab(t, "outside", 390, 844)
	for _, page := range []string{"/help/signin", "/signin/password", "/signin/assisted", "/signin/staff"} {
		p.visit(page)
		p.scan(strings.ReplaceAll(page, "/", " "))
	}
	p.visit("/signin")
	p.scan("sign-in")
	p.fill("#to", "nobody@example.org")
	p.press("Send me a code")
	p.sees("is on record")
	p.scan("code")
	p.fill("#code", "123456")
	p.click("input[name=device][value=own]")
	p.click("main form[action='/signin/code'] button")
	p.sees("That code did not work")
	p.scan("wrong code")
}
