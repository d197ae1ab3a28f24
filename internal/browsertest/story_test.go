package browsertest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/app"
	"hale/internal/base/seal"
)

// morning is when the story begins: a Tuesday at ten in the clinic's zone,
// outside everybody's quiet hours.
var morning = time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)

// serve runs a small demo town and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	began, seen := time.Now(), watchTown(t, 400)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Ready, 1), make(chan error, 1)
	c := app.Config{
		Addr: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "hale.db"), Key: seal.NewKey(),
		Now: func() time.Time { return morning.Add(time.Since(began)) }, Rand: rand.Reader, Log: slog.New(slog.NewJSONHandler(seen, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	go func() {
		ended <- app.ServeDemo(ctx, c, app.DemoConfig{Seed: 1, People: 400, Quiet: true}, func(r app.Ready) { ready <- r })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the town ended with %v", err)
		}
		seen.check(t)
	})
	select {
	case r := <-ready:
		watches.Store(r.URL, seen)
		return r.URL
	case err := <-ended:
		ended <- err
		t.Fatalf("the town did not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the town took more than two minutes")
	}
	return ""
}

const mariasPhone = "+17085550142"

// TestStory is the one story of the product, on one small town.
func TestStory(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	b := start(t, serve(t))
	nurse := b.tab(t, "nurse", 1280, 900)
	nurse.stepIn("J. Okafor")
	nurse.rests("A medicine runs out") // it would text Maria after a minute, and she gets one text a day
	outreach, link := "", ""
	for range 4 { // one in ten times chance holds Maria out
		outreach = nurse.writesOutreach()
		if link = textTo(t, b, mariasPhone); link != "" {
			break
		}
	}
	if link == "" {
		t.Fatal("four outreaches, and Maria was texted by none")
	}
	b.watch.token(link[strings.LastIndex(link, "/")+1:])
	mariaOpens(t, b, link)
	nurse.looksAtEffect(outreach)
	patientSignsIn(t, b)
	caregiverLooks(t, b)
	provokes(nurse, b.watch)
	outside(t, b, b.watch)
}

// rests has a journey of the town wait.
func (tb *tab) rests(journey string) {
	tb.t.Helper()
	tb.visit("/desk/journeys")
	tb.press(journey)
	tb.until("the journey", `location.pathname.startsWith("/desk/journeys/")`)
	tb.press("Pause")
	tb.until("a journey that rests", `[...document.querySelectorAll("button")].some((e) => e.innerText.trim() === "Start")`)
}

// stepIn signs in as one of the demo's people.
func (tb *tab) stepIn(name string) {
	tb.t.Helper()
	tb.visit("/signin")
	tb.press("Step in as " + name)
	tb.until("a page behind the sign-in", `!location.pathname.startsWith("/signin")`)
}

// patientSignsIn adds a passkey, signs in with it and reads the record.
func patientSignsIn(t *testing.T, b *browser) {
	t.Helper()
	p := b.tab(t, "patient", 390, 844)
	p.authenticator()
	p.visit("/")
	p.scan("first page")
	p.visit("/signin")
	p.scan("sign-in")
	p.stepIn("Maria Alvarez")
	p.visit("/settings")
	p.scan("settings")
	p.visit("/settings/security")
	p.click("#passkey-add button")
	p.until("the new passkey", `location.search.includes("done") || document.querySelector("[role=status]")`)
	p.visit("/home")
	ask[bool](p, `(() => { document.querySelector("form[action='/signout']").submit(); return true; })()`)
	p.until("the first page", `!document.querySelector("form[action='/signout']")`)
	p.visit("/signin")
	p.until("signing in by passkey", `document.querySelector("#passkey-go")`)
	ask[bool](p, `(() => { const go = document.querySelector("#passkey-go"); if (go) go.click(); return true; })()`)
	p.until("home", `document.querySelector("form[action='/signout']")`)
	p.visit("/home")
	p.scan("home")
	for _, page := range []string{"/health", "/health/results", "/health/medicines", "/health/conditions", "/health/documents", "/visits", "/book", "/inbox", "/more",
		"/people", "/people/invite", "/privacy", "/privacy/new/amend", "/looks", "/results/prefs", "/documents/send", "/documents/sent"} {
		p.visit(page)
		p.until("the heading of "+page, `document.querySelector("h1")`)
		p.scan("portal" + strings.ReplaceAll(page, "/", " "))
	}
	p.visit("/health/results")
	p.click("main a[href*='/results/']")
	p.until("one result", `location.pathname.startsWith("/results/")`)
	p.scan("result")
}

// caregiverLooks reads what is shared with her, and is told what is not.
func caregiverLooks(t *testing.T, b *browser) {
	t.Helper()
	p := b.tab(t, "Lucía", 390, 844)
	p.stepIn("Lucía Alvarez")
	p.visit("/for")
	p.scan("whom to act for")
	p.click("main a[href^='/for/']")
	p.until("her mother's page", `/^\/for\/.+/.test(location.pathname)`)
	mother := strings.TrimSuffix(ask[string](p, `location.pathname`), "/home")
	for page, says := range map[string]string{"/help": "What is shared with you", "/health/conditions": "This is not shared with you", "/looks": "This is not shared with you"} {
		p.visit(mother + page)
		p.sees(says)
		p.scan("caregiver" + strings.ReplaceAll(page, "/", " "))
	}
}

// writesOutreach writes, dry-runs and sends an outreach, and returns its
// address.
func (tb *tab) writesOutreach() string {
	tb.t.Helper()
	tb.visit("/desk")
	tb.scan("desk today")
	tb.visit("/desk/outreach")
	tb.scan("desk outreach list")
	tb.visit("/desk/outreach/new")
	tb.scan("desk basics")
	tb.fill("#name", "Diabetic eye exam recall")
	tb.press("Save and choose who")
	tb.until("the audience", `location.pathname.endsWith("/edit/audience")`)
	tb.addLine("has:diabetes")
	tb.addLine("has:eye-exam")
	ask[bool](tb, `(() => { const not = [...document.querySelectorAll("select[name$='.not']")].at(-1); not.value = "1";
		const months = [...document.querySelectorAll("select[name$='.months']")].at(-1); months.value = "12"; return true; })()`)
	tb.press("Count again")
	tb.until("the count", `/12 months/.test(document.querySelector("#people").innerText)`)
	tb.scan("desk audience")
	tb.press("Save and write the message")
	tb.until("the message", `location.pathname.endsWith("/edit/message")`)
	tb.fill("#page\\.en\\.title", `Time for your eye check, {{ first_name | default: "friend" }}`)
	tb.fill("#page\\.en\\.body", "Your last eye check was more than a year ago. A yearly check finds changes early, while they are easy to treat. It takes about 20 minutes.")
	tb.fill("#service", "eye-exam")
	tb.scan("desk message")
	tb.press("Save and plan the comparison")
	tb.until("the comparison", `location.pathname.endsWith("/edit/plan")`)
	tb.scan("desk plan")
	tb.click("button[name=do][value=save]")
	tb.until("the dry run", `location.pathname.endsWith("/edit/check")`)
	tb.sees("Dry run: what would happen now")
	tb.scan("desk dry run")
	tb.click("input[name=sure]")
	tb.press("Send to")
	tb.until("the outreach", `/^\/desk\/outreach\/[^\/]+$/.test(location.pathname)`)
	return ask[string](tb, `location.pathname`)
}

// addLine adds a condition to the audience.
func (tb *tab) addLine(value string) {
	tb.t.Helper()
	n := ask[int](tb, `document.querySelectorAll("fieldset.group").length`)
	tb.fill("#add", value)
	tb.click("button[name=do][value=and]")
	tb.until("one more condition", `document.querySelectorAll("fieldset.group").length > `+string(rune('0'+n)))
}

// textTo returns the link in the newest text on a phone of the town, or
// nothing if none comes.
func textTo(t *testing.T, b *browser, number string) string {
	t.Helper()
	street := b.tab(t, "town", 1280, 900)
	street.visit("/town")
	street.scan("town")
	for range 40 {
		street.visit("/town/phone/" + number)
		link := ask[string](street, `([...document.querySelectorAll("a[href*='/m/']")].at(-1) || {href: ""}).href`)
		if link != "" {
			street.scan("phone")
			if text := ask[string](street, `document.querySelector("#texts").innerText`); regexp.MustCompile(`(?i)eye|diabet|exam`).MatchString(text) {
				t.Errorf("the text says what it is about: %s", text)
			}
			return link
		}
		time.Sleep(500 * time.Millisecond)
	}
	return ""
}

// mariaOpens opens the link on a phone, proves who she is, and books.
func mariaOpens(t *testing.T, b *browser, link string) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} { // a scanner comes first
		req, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || strings.Contains(string(body), "Maria") || strings.Contains(string(body), "eye") {
			t.Errorf("%s of the link = %d and gives something away", method, res.StatusCode)
		}
	}
	p := b.tab(t, "Maria's phone", 360, 780)
	p.visit(link)
	p.sees("You have a message from your care team")
	p.scan("gate")
	p.fill("#dob-m", "7")
	p.fill("#dob-d", "15")
	p.fill("#dob-y", "61")
	p.press("Open my message")
	p.sees("all four numbers of the year")
	p.scan("gate with an error")
	born := morning.AddDate(-65, -4, -9) // as the town has it
	p.fill("#dob-m", born.Format("January"))
	p.fill("#dob-d", born.Format("2"))
	p.fill("#dob-y", born.Format("2006"))
	p.press("Open my message")
	p.sees("Time for your eye check, Maria")
	p.until("the focus on the heading", `document.activeElement && document.activeElement.tagName === "H1"`)
	p.scan("message")
	p.press("More times")
	p.sees("Choose a time")
	p.scan("times")
	p.press("Back to my message")
	p.until("the message", `location.pathname.endsWith("/message")`)
	p.click(".slots input")
	p.press("Book this time")
	p.sees("You are booked")
	p.scan("booked")
	for _, page := range []string{"/message", "/call", "/not-me", "/stop", "/thanks/call"} {
		p.visit(link + page)
		p.until("the heading of "+page, `document.querySelector("h1")`)
		p.scan("link" + strings.ReplaceAll(page, "/", " "))
	}
}

// looksAtEffect sees at the desk what became of the outreach and of Maria.
func (tb *tab) looksAtEffect(outreach string) {
	tb.t.Helper()
	tb.visit(outreach)
	tb.until("what was seen and done", `/Seen/i.test(document.body.innerText) && /held out/i.test(document.body.innerText)`)
	tb.scan("desk effect")
	tb.visit(outreach + "/patients")
	tb.scan("desk patients of an outreach")
	tb.press("Maria Alvarez")
	tb.until("the trail", `/\/patients\/[^\/]+$/.test(location.pathname)`)
	tb.until("what Maria did", `/acted|booked/i.test(document.body.innerText)`)
	tb.scan("desk trail")
	tb.visit("/desk/measure")
	tb.scan("desk measure")
	tb.visit("/desk/patients")
	tb.fill("#q", "Alvarez")
	tb.click(".find-form button")
	tb.sees("Maria Alvarez")
	tb.scan("desk find")
}
