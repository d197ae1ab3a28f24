package browsertest

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFlows has Maria ask by her phone for what patients come for, by taps
// and keys as a hand does them; the desk answers, and she sees it.
func TestFlows(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	b := start(t, serve(t))
	b.shots = ""
	maria := b.tab(t, "Maria", 390, 844)
	maria.stepIn("Maria Alvarez")
	nurse := b.tab(t, "nurse", 1280, 900)
	nurse.stepIn("J. Okafor")
	refill(maria, nurse)
	talk(maria, nurse, photo(t))
	visits(maria)
	deskCancels(maria, nurse)
	form(b, maria)
	deskReadsForm(maria, nurse)
	deskTakesDetails(maria, nurse, checkIn(maria))
	pay(maria)
	deskAnswersBill(maria, nurse)
}

// tap taps the middle of what an expression finds, as a finger does: what
// lies under something else, or is not there, is not tapped.
func (tb *tab) tap(find string) {
	tb.t.Helper()
	tb.until(find, find)
	at := ask[[]float64](tb, `(() => { const e = `+find+`; e.scrollIntoView({block: "center", behavior: "instant"}); const r = e.getClientRects()[0];
		const x = r.x + r.width / 2, y = r.y + r.height / 2, over = document.elementFromPoint(x, y);
		return e.contains(over) || over?.contains(e) || over?.closest("label")?.control === e ? [x, y] : []; })()`)
	if len(at) == 0 {
		tb.t.Fatalf("%s cannot tap %s: something else is there\n%s", tb.who, find, tb.where())
	}
	ask[bool](tb, `(() => { window.before = true; return true; })()`)
	tb.do(chromedp.MouseClickXY(at[0], at[1]))
}

// named finds a link or button by what it says.
func named(words string) string {
	return `[...document.querySelectorAll("main a, main button, main summary, main label")].find((e) => e.checkVisibility() && e.innerText.trim().replace(/\s+/g, " ").includes(` + quoted(words) + `))`
}

// writes types into a field, key by key.
func (tb *tab) writes(selector, words string) {
	tb.t.Helper()
	tb.tap(`document.querySelector(` + quoted(selector) + `)`)
	tb.do(chromedp.KeyEvent(words))
}

// arrives waits for the page that comes of a tap. It has one heading, which
// says what it is, and who cannot see hears the outcome first: the focus is
// on it.
func (tb *tab) arrives(heading string) {
	tb.t.Helper()
	tb.until("the page "+heading, `!window.before && document.querySelectorAll("h1").length === 1 && document.querySelector("h1").innerText.includes(`+quoted(heading)+`)`)
}

func (tb *tab) hears(words string) {
	tb.t.Helper()
	tb.until("the focus on the outcome", `!window.before && document.activeElement?.closest("h1, [role=status], [role=alert], .notice")`)
	if said := ask[string](tb, `document.activeElement.innerText`); !strings.Contains(said, words) {
		tb.t.Errorf("%s hears %q first, want %q\n%s", tb.who, said, words, tb.where())
	}
}

// refill asks for more of a medicine; the nurse finds it in the queue, claims
// and answers it by the keyboard alone.
func refill(maria, nurse *tab) {
	maria.t.Helper()
	maria.visit("/health/medicines")
	maria.tap(`[...document.querySelectorAll("main .card")].find((e) => e.innerText.includes("Lisinopril")).querySelector("a.btn")`)
	maria.arrives("I need more of this")
	maria.sees("You get an answer by")
	maria.tap(`document.querySelector("main form button.wide")`)
	maria.arrives("We got your request")
	maria.hears("We got your request")
	mine := ask[string](maria, `location.pathname`)

	nurse.visit("/desk/queue?kind=refill")
	nurse.keysTo(`document.activeElement?.closest("[data-queue] li")?.innerText.includes("Maria Alvarez")`, "j")
	nurse.key("\r")
	nurse.arrives("Lisinopril")
	nurse.key("c")
	nurse.sees("You have it. The patient sees your name.")
	nurse.hears("")
	nurse.keysTo(`document.activeElement?.matches("main button") && /pharmacy|approve|refill/i.test(document.activeElement.innerText) || document.activeElement?.id === "answer"`, "\t")
	if ask[string](nurse, `document.activeElement.id`) == "answer" {
		nurse.do(chromedp.KeyEvent("The pharmacy has it."))
		nurse.keysTo(`document.activeElement?.innerText === "Send and close"`, "\t")
	}
	nurse.key("\r")
	nurse.hears("")
	maria.visit(mine)
	if head := ask[string](maria, `document.querySelector("h1").innerText`); head == "We got your request" || head == "Your request is with us" {
		maria.t.Errorf("after the nurse's answer Maria still reads %q", head)
	}
}

// key presses one key.
func (tb *tab) key(key string) {
	tb.t.Helper()
	ask[bool](tb, `(() => { window.before = key => key; window.before = `+fmt.Sprint(key == "\r" || key == "c")+`; return true; })()`)
	tb.do(chromedp.KeyEvent(key))
}

// keysTo presses a key until an expression is true.
func (tb *tab) keysTo(reached, key string) {
	tb.t.Helper()
	for range 60 {
		tb.do(chromedp.KeyEvent(key))
		if ask[bool](tb, `!!(`+reached+`)`) {
			return
		}
	}
	tb.t.Fatalf("%s does not get to %s by the keyboard\n%s", tb.who, reached, tb.where())
}

// photo is a picture as a phone makes it.
func photo(t *testing.T) string {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rash.png")
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// talk sends a message with a photo, and reads the answer.
func talk(maria, nurse *tab, file string) {
	maria.t.Helper()
	maria.visit("/inbox/new")
	maria.tap(`document.querySelector("main a[href$='/inbox/new/other']") ?? [...document.querySelectorAll("main a[href*='/inbox/new/']")].at(-1)`)
	maria.sees("You get an answer by")
	maria.writes("#text", "My wrist itches since Monday. Is this from the new pill?")
	maria.do(chromedp.SetUploadFiles("#file", []string{file}))
	maria.tap(named("Send"))
	maria.until("her thread", `!window.before && /^\/inbox\//.test(location.pathname) && document.querySelector(".talk")`)
	maria.sees("My wrist itches since Monday")
	maria.sees("1 attachment")
	maria.hears("")
	mine := ask[string](maria, `location.pathname`)

	nurse.visit("/desk/messages")
	nurse.tap(`[...document.querySelectorAll("main a.item")].find((e) => e.innerText.includes("My wrist itches") || e.innerText.includes("A question"))`)
	nurse.sees("My wrist itches since Monday")
	nurse.writes("#text", "It can be. Please stop the pill for two days and write to us.")
	nurse.tap(`document.querySelector("form[action$='/reply'] button[value=send]")`)
	nurse.until("the answer in the thread", `!window.before && location.hash === "#end" && document.querySelector(".talk").innerText.includes("stop the pill for two days")`)
	maria.visit("/home")
	maria.sees("An answer:")
	maria.visit(mine)
	maria.sees("Please stop the pill for two days")
	maria.sees("You can write back below.")
}

// visits books a visit, moves it and cancels it, each in two taps.
func visits(maria *tab) {
	maria.t.Helper()
	maria.visit("/book")
	maria.tap(named("Blood pressure check"))
	maria.arrives("Choose a time")
	maria.tap(`document.querySelector("button.slot")`)
	maria.arrives("Is this right?")
	maria.tap(named("Book this visit"))
	maria.arrives("Your visit is booked")
	maria.hears("Your visit is booked")
	mine := ask[string](maria, `location.pathname`)
	when := ask[string](maria, `document.querySelector("main b.day").innerText`)
	maria.tap(named("Change the time"))
	maria.arrives("Choose a new time")
	maria.tap(`[...document.querySelectorAll("button.slot")].at(3)`)
	maria.arrives("Your visit has a new time")
	maria.hears("Your visit has a new time")
	if now := ask[string](maria, `document.querySelector("main b.day").innerText`); now == when {
		maria.t.Errorf("the visit was moved and still is at %s", now)
	}
	maria.visit(mine)
	maria.tap(named("Cancel the visit"))
	maria.arrives("Cancel this visit?")
	maria.tap(named("Yes, cancel it"))
	maria.arrives("cancelled")
	maria.hears("cancelled")
}

// form fills in a form, goes on with it on another device, and sends it.
func form(b *browser, maria *tab) {
	maria.t.Helper()
	maria.visit("/forms")
	maria.tap(named("Getting to your visit"))
	maria.arrives("The way here")
	if ask[bool](maria, ``+named("Where should we pick you up?")+` !== undefined || document.querySelector("[data-link=from]").checkVisibility()`) {
		maria.t.Error("a question is there before its reason")
	}
	maria.tap(named("I need a ride"))
	maria.until("the question that follows", `document.querySelector("[data-link=from]").checkVisibility()`)
	maria.writes("[data-link=from] input.input, [data-link=from] textarea", "At the church on Elm Street")
	maria.until("the note that it is saved", `/saved/i.test(document.querySelector("[data-saved]")?.textContent ?? "")`)

	tablet := b.tab(maria.t, "Maria's tablet", 820, 1000)
	tablet.stepIn("Maria Alvarez")
	tablet.visit("/forms")
	tablet.tap(named("Go on"))
	tablet.arrives("The way here")
	if had := ask[string](tablet, `document.querySelector("[data-link=from] :is(input.input, textarea)").value`); had != "At the church on Elm Street" {
		tablet.t.Errorf("on the other device the form has %q", had)
	}
	tablet.tap(`[...document.querySelectorAll("[data-link=chair] label")].find((e) => e.innerText.trim() === "No")`)
	tablet.tap(named("Next"))
	tablet.arrives("On the day")
	tablet.tap(named("Next"))
	tablet.arrives("Is everything right?")
	tablet.sees("At the church on Elm Street")
	tablet.tap(named("Send the form"))
	tablet.arrives("We have your form")
	tablet.hears("We have your form")
	maria.visit("/forms")
	maria.until("the form among those sent", `[...document.querySelectorAll("main section")].some((e) => e.innerText.startsWith("Sent") && e.innerText.includes("Getting to your visit"))`)
}

// checkIn goes through the steps of checking in, to the last one, with a new
// address at the first. It returns where the visit is.
func checkIn(maria *tab) (visit string) {
	maria.t.Helper()
	maria.visit("/visits")
	maria.tap(named("See details"))
	maria.until("the visit", `!window.before && /^\/visits\/./.test(location.pathname)`)
	visit = ask[string](maria, `location.pathname`)
	maria.tap(named("Check in now"))
	maria.arrives("Check in for your visit")
	maria.tap(named("Begin"))
	for n := 1; n <= 5; n++ {
		maria.until(fmt.Sprint("step ", n), `!window.before && document.body.innerText.includes("step `+fmt.Sprint(n)+` of 6")`)
		if n == 1 {
			ask[bool](maria, `(() => { document.querySelector("#line").value = ""; return true; })()`)
			maria.writes("#line", "19 Linden Avenue")
		}
		if ask[bool](maria, `!!document.querySelector("input[name=agree]")`) {
			maria.tap(`document.querySelector("input[name=agree]")`)
			ask[bool](maria, `(() => { document.querySelector("#name").value = ""; return true; })()`)
			maria.writes("#name", "Maria Alvarez")
		}
		maria.tap(`document.querySelector("main form button.wide")`)
	}
	maria.arrives("You are checked in")
	maria.tap(named("Tell us when you are here"))
	maria.sees("On the day of your visit, tap here")
	maria.tap(named("Back to the visit"))
	maria.sees("You are all set.")
	return visit
}

// pay pays a bill on the demo's card page, and reads the receipt.
func pay(maria *tab) {
	maria.t.Helper()
	maria.visit("/bills")
	owed := ask[string](maria, `document.querySelector("main .value").innerText`)
	maria.tap(`document.querySelector("main .items a.item")`)
	maria.tap(named("Pay this bill"))
	maria.arrives("Pay this bill")
	maria.tap(named("Go on to the card page"))
	maria.sees("A simulation.")
	maria.tap(`document.querySelector("form[action^='/town/till/'] button")`)
	maria.until("the page after paying", `!window.before && /^\/bills\//.test(location.pathname)`)
	maria.until("the receipt", `/See your receipt/.test(document.body.innerText) || (location.reload(), false)`)
	maria.hears("")
	maria.tap(named("See your receipt"))
	maria.until("the receipt", `!window.before && /receipt/i.test(document.querySelector("h1").innerText)`)
	maria.visit("/bills")
	if now := ask[string](maria, `document.querySelector("main .value").innerText`); now == owed {
		maria.t.Errorf("after paying a bill Maria still owes %s", now)
	}
}
