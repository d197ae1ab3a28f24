package browsertest

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"hale/internal/demo/town"
	"hale/internal/face/web"
)

// watch looks for what must not come out while a story is lived: the names,
// birth dates, record numbers, telephone numbers and addresses of everybody
// in the town, and the tokens that were handed out, in the program's log and
// in the addresses of pages.
type watch struct {
	mu     sync.Mutex
	log    strings.Builder
	urls   map[string]bool
	tokens []string
	people []town.Resident
	lines  int
}

// Write takes a piece of the log.
func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines++
	return w.log.Write(b)
}

// visited notes an address that a browser asked for.
func (w *watch) visited(address string) {
	u, err := url.Parse(address)
	if err != nil || strings.HasPrefix(u.Path, "/town") || strings.HasPrefix(u.Path, "/static/") {
		return // the town's own pages are outside Hale
	}
	if text, err := url.QueryUnescape(u.RequestURI()); err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.urls[text] = true
	}
}

// token notes a link's or a session's token.
func (w *watch) token(t string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(t) > 8 {
		w.tokens = append(w.tokens, t)
	}
}

// watches are the watches of the towns that run, by address.
var watches sync.Map

// watchTown returns a watch for the town of so many people.
func watchTown(t *testing.T, people int) *watch {
	t.Helper()
	made, err := town.Generate(io.Discard, 1, people, morning)
	if err != nil {
		t.Fatal(err)
	}
	return &watch{people: made.Residents, urls: map[string]bool{}}
}

// words are how r's data may be written, by what it is.
func words(r town.Resident) map[string]string {
	all := map[string]string{
		"name": r.Name, "name in order": r.Family + ", " + r.Given, "birth date": r.Born, "record number": r.MRN, "phone": r.Phone, "phone in words": web.Phone(r.Phone),
		"phone digits": strings.TrimPrefix(r.Phone, "+1"), "email": r.Email,
	}
	for what, text := range all {
		if len(text) < 6 {
			delete(all, what)
		}
	}
	return all
}

// check says what came out.
func (w *watch) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log.String()
	if w.lines < 20 {
		t.Errorf("the log has %d lines, too few to tell anything", w.lines)
	}
	for _, r := range w.people {
		for what, text := range words(r) {
			if strings.Contains(log, text) {
				t.Errorf("the log has the %s of %s: %s", what, r.Patient, around(log, text))
			}
			for u := range w.urls {
				if strings.Contains(u, text) {
					t.Errorf("an address has the %s of %s: %s", what, r.Patient, u)
				}
			}
		}
	}
	for _, token := range w.tokens {
		if strings.Contains(log, token) {
			t.Errorf("the log has a token: %s", around(log, token))
		}
	}
	t.Logf("%d lines of log and %d addresses, %d people and %d tokens looked for", w.lines, len(w.urls), len(w.people), len(w.tokens))
}

// around is what stands around text.
func around(all, text string) string {
	at := strings.Index(all, text)
	return all[max(0, at-120):min(len(all), at+len(text)+60)]
}

// careWords are what a text or the outside of a mail must not say.
var careWords = regexp.MustCompile(`(?i)eye|diabet|exam|a1c|result|medic|prescription|vaccin|mammogram|blood|sugar|doctor`)

// outside reads every text and the outside of every mail that reached the
// town: who it is for, and what it is about, stands in none of them.
func outside(t *testing.T, b *browser, w *watch) {
	t.Helper()
	street := b.tab(t, "town post", 1280, 900)
	street.visit("/town")
	texts := parts(street, "/town/phone/", "texts")
	subjects := parts(street, "/town/mail/", "mails")
	if len(texts) == 0 && len(subjects) == 0 {
		t.Error("nothing reached the town: there is nothing to look at")
	}
	for sort, list := range map[string][]string{"a text": texts, "a mail's outside": subjects} {
		for _, text := range list {
			if found := careWords.FindString(text); found != "" {
				t.Errorf("%s says %q: %s", sort, found, text)
			}
			for _, r := range w.people {
				for what, word := range words(r) {
					if what != "phone" && what != "phone digits" && what != "phone in words" && what != "email" && strings.Contains(text, word) {
						t.Errorf("%s has the %s of %s: %s", sort, what, r.Patient, text)
					}
				}
			}
		}
	}
	t.Logf("%d phones and %d mail boxes looked at", len(texts), len(subjects))
}

// tags are what parts a page's words.
var tags = regexp.MustCompile(`<[^>]*>`)

// parts returns the words in the section called id of each page of the town
// that begins with path.
func parts(street *tab, path, id string) []string {
	street.t.Helper()
	list := ask[[]string](street, fmt.Sprintf(`Promise.all([...document.querySelectorAll("a[href^='%s']")].slice(0, 80).map(async (a) => {
		const t = await (await fetch(a.href)).text(); const at = t.indexOf('id="%s"'); return at < 0 ? "" : t.slice(at, t.indexOf("</section>", at)); }))`, path, id))
	for i := range list {
		list[i] = strings.ReplaceAll(tags.ReplaceAllString("<"+list[i], " "), town.Clinic, "the clinic")
	}
	return list
}

// provokes asks for what goes wrong, in ways that carry somebody's data, and
// looks whether the answer says it back.
func provokes(tb *tab, w *watch) {
	tb.t.Helper()
	r := w.people[len(w.people)-1] // nobody whom the sign-in page of the demo names
	for name, request := range map[string]string{
		"no such page":      fmt.Sprintf(`fetch("/desk/%s")`, url.PathEscape(r.Patient)),
		"no such patient":   `fetch("/desk/patients/nobody-at-all")`,
		"a broken form":     `fetch("/desk/outreach/new", {method: "POST", body: "%zz=%"})`,
		"a huge form":       `fetch("/desk/patients", {method: "POST", body: new URLSearchParams({q: "x".repeat(2000000)})})`,
		"a wrong method":    `fetch("/desk/patients", {method: "DELETE"})`,
		"a naughty search":  `fetch("/desk/patients", {method: "POST", body: new URLSearchParams({q: "\u0000'\";--<script>"})})`,
		"a wrong link":      `fetch("/m/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")`,
		"a wrong code":      `fetch("/signin/code", {method: "POST", body: new URLSearchParams({code: "000000"})})`,
		"somebody's number": fmt.Sprintf(`fetch("/signin", {method: "POST", body: new URLSearchParams({address: %s})})`, quoted(r.Phone)),
	} {
		text := ask[string](tb, request+`.then((r) => r.text()).then((t) => t.slice(0, 20000))`)
		for what, word := range words(r) {
			if what != "phone" && strings.Contains(text, word) {
				tb.t.Errorf("%s is answered with the %s of %s", name, what, r.Patient)
			}
		}
		if strings.Contains(text, "goroutine ") || strings.Contains(text, "/internal/") || strings.Contains(text, "SQL") {
			tb.t.Errorf("%s is answered with how Hale is built", name)
		}
	}
}
