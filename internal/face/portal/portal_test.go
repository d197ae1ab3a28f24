package portal_test

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/care/visit"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

var update = flag.Bool("update", false, "rewrite the golden pages")

var how = visit.How{Via: "desk"}

// changing is what differs from one run to the next.
var changing = regexp.MustCompile(`nonce="[^"]*"|/static/(?:b-)?[0-9a-f]+/|[0-9a-z]{26}`)

func TestPages(t *testing.T) {
	d := haletest.SQLite(t)
	h := newHouse(t, d)
	h.maria(t)
	if _, err := h.visits.Book(t.Context(), haletest.Pass(t, d, "maria", access.BookVisits), "fu-60", how); err != nil {
		t.Fatal(err)
	}
	pages := []struct{ name, as, path string }{
		{"home", "maria", "/home"}, {"home-empty", "sam", "/home"}, {"home-for", "rosa", "/for/maria/home"}, {"home-driver", "driver", "/for/maria/home"}, {"home-helper", "helper", "/home"},
		{"health", "maria", "/health"}, {"results", "maria", "/health/results"}, {"results-lab", "maria", "/health/results?show=laboratory"},
		{"results-empty", "sam", "/health/results"}, {"result", "maria", "/results/a1c-5"}, {"result-pressure", "maria", "/results/bp-3"},
		{"result-first", "maria", "/results/a1c-0"}, {"result-panel", "maria", "/results/ldl-3"}, {"medicines", "maria", "/health/medicines"}, {"medicines-empty", "sam", "/health/medicines"},
		{"conditions", "maria", "/health/conditions"}, {"allergies", "maria", "/health/allergies"}, {"vaccines", "maria", "/health/vaccines"},
		{"procedures", "maria", "/health/procedures"}, {"documents", "maria", "/health/documents"}, {"document", "maria", "/documents/d1"},
		{"document-html", "maria", "/documents/d2"}, {"document-file", "maria", "/documents/d3"}, {"plan", "maria", "/documents/cp1"},
		{"visits", "maria", "/visits"}, {"visits-empty", "sam", "/visits"}, {"book", "maria", "/book"}, {"times", "maria", "/book/eye-exam?ref=msg1"},
		{"times-none", "maria", "/book/none"}, {"check", "rosa", "/for/maria/book/eye-exam/check?slot=eye-3&ref=msg1"},
		{"inbox", "maria", "/inbox"}, {"message", "maria", "/inbox/msg1"}, {"message-booked", "maria", "/inbox/msg2"}, {"more", "maria", "/more"}, {"inbox-empty", "sam", "/for/sam/inbox"},
	}
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			a := h.get(t, p.as, p.path)
			if a.code != http.StatusOK {
				t.Fatalf("GET %s = %d\n%s", p.path, a.code, h.log)
			}
			checkPage(t, a.body)
			golden(t, p.name, changing.ReplaceAllString(a.body, "…"))
		})
	}
}

// checkPage holds a page to what all pages promise.
func checkPage(t *testing.T, body string) {
	t.Helper()
	if n := strings.Count(body, "<h1"); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	if len(body) > 100_000 {
		t.Errorf("%d bytes, want below 100 kB", len(body))
	}
	for _, bad := range []string{" style=", "onclick", "alert(1)", "%!", "templ", "Secret", "href=\"\"", "href=\"#\""} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "><", ">\n<")
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs from %s; look at it, then run with -update", name, path)
	}
}

// links finds where a page leads.
var links = regexp.MustCompile(`(?:href|action)="(/[^"]*)"`)

// TestNoDeadLinks follows every link of every page that a patient, a
// caregiver and a driver can reach.
func TestNoDeadLinks(t *testing.T) {
	d := haletest.SQLite(t)
	h := newHouse(t, d)
	h.maria(t)
	if _, err := h.visits.Book(t.Context(), haletest.Pass(t, d, "maria", access.BookVisits), "fu-60", how); err != nil {
		t.Fatal(err)
	}
	elsewhere := regexp.MustCompile(`^/(static|settings|signin|signout|help|lang|display|for$|for/[^/]+/help$)`) // pages of signing in, and of helpers who were invited
	for as, start := range map[string]string{"maria": "/home", "rosa": "/for/maria/home", "driver": "/for/maria/home"} {
		todo, seen := []string{start}, map[string]bool{start: true}
		for len(todo) > 0 {
			page := todo[0]
			todo = todo[1:]
			a := h.get(t, as, page)
			if a.code != http.StatusOK {
				if strings.HasSuffix(page, "/cancel") || strings.HasSuffix(page, "/move") || a.code == http.StatusConflict && strings.Contains(page, "/check") ||
					a.code == http.StatusSeeOther && strings.HasSuffix(page, "/health/wrong") { // without what it is about
					continue
				}
				t.Errorf("%s: GET %s = %d", as, page, a.code)
			}
			for _, m := range links.FindAllStringSubmatch(a.body, -1) {
				to := strings.ReplaceAll(m[1], "&amp;", "&")
				if as != "maria" && !strings.HasPrefix(to, "/for") && !elsewhere.MatchString(to) {
					t.Errorf("%s: %s leads to %s, out of the acting-for pages", as, page, to)
				}
				if !seen[to] && !elsewhere.MatchString(to) {
					seen[to] = true
					todo = append(todo, to)
				}
			}
		}
		if as == "maria" && len(seen) < 40 {
			t.Errorf("%s reached %d pages only", as, len(seen))
		}
	}
}

func TestOthersAreNotThere(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	tests := []struct {
		name, as, path string
		want           int
	}{
		{"somebody else's result", "sam", "/results/a1c-5", http.StatusNotFound},
		{"a result that is not there", "sam", "/results/none", http.StatusNotFound},
		{"somebody else's document", "sam", "/documents/d1", http.StatusNotFound},
		{"somebody else's file", "sam", "/documents/d3/file", http.StatusNotFound},
		{"somebody else's message", "maria", "/inbox/msg3", http.StatusNotFound},
		{"acting for a stranger", "sam", "/for/maria/home", http.StatusNotFound},
		{"the record, for one who drives", "driver", "/for/maria/health", http.StatusNotFound},
		{"booking, for one who drives", "driver", "/for/maria/book", http.StatusNotFound},
		{"no record of one's own", "rosa", "/home", http.StatusNotFound},
		{"signed out", "", "/home", http.StatusSeeOther},
		{"an address that leads nowhere", "maria", "/nowhere", http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := h.get(t, tt.as, tt.path)
			if a.code != tt.want {
				t.Errorf("GET %s as %q = %d, want %d", tt.path, tt.as, a.code, tt.want)
			}
			if strings.Contains(a.body, "7.4") || strings.Contains(a.body, "Secret") {
				t.Error("the answer holds somebody's data")
			}
		})
	}
	if log := h.log.String(); strings.Contains(log, "Alvarez") || strings.Contains(log, "7.4") {
		t.Error("the log holds patient data")
	}
}

// TestBookThroughPages books, moves and cancels with forms alone.
func TestBookThroughPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		message := h.get(t, "maria", "/inbox/msg1")
		if len(h.inbox.marks) != 1 || h.inbox.marks[0] != "revealed msg1" || !strings.Contains(message.body, `href="/book/eye-exam?ref=msg1"`) {
			t.Fatalf("the message marked %v", h.inbox.marks)
		}
		h.get(t, "maria", "/inbox/msg1")
		if len(h.inbox.marks) != 1 {
			t.Errorf("reading twice marked %v", h.inbox.marks)
		}
		check := h.get(t, "maria", "/book/eye-exam/check?slot=eye-3&ref=msg1")
		if !strings.Contains(check.body, "Tuesday, March 3, 2:40 pm") {
			t.Error("the page to check does not say when")
		}
		booked := h.post(t, "maria", "/book/eye-exam", url.Values{"slot": {"eye-3"}, "ref": {"msg1"}})
		if booked.code != http.StatusSeeOther || !strings.HasSuffix(booked.to, "?done=booked") {
			t.Fatalf("booking = %d to %q", booked.code, booked.to)
		}
		if len(h.inbox.marks) != 2 || h.inbox.marks[1] != "acted msg1" {
			t.Errorf("booking marked %v", h.inbox.marks)
		}
		if done := h.get(t, "maria", booked.to); !strings.Contains(done.body, "autofocus>Your visit is booked</h1>") {
			t.Error("the page after booking does not say so in its heading")
		}
		again := h.post(t, "sam", "/book/eye-exam", url.Values{"slot": {"eye-3"}})
		if again.code != http.StatusConflict || !strings.Contains(again.body, "Somebody just took that time") || !strings.Contains(again.body, "eye-4") {
			t.Errorf("booking a taken time = %d, want a page with other times", again.code)
		}
		page := strings.TrimSuffix(booked.to, "?done=booked")
		moved := h.post(t, "maria", page+"/move", url.Values{"slot": {"eye-5"}})
		if moved.code != http.StatusSeeOther || !strings.Contains(h.get(t, "maria", moved.to).body, "autofocus>Your visit has a new time</h1>") {
			t.Errorf("moving = %d to %q", moved.code, moved.to)
		}
		file := h.get(t, "maria", page+"/calendar")
		if !strings.Contains(file.body, "DTSTART:20260304T104000Z\r\n") || strings.Contains(strings.ToLower(file.body), "eye") {
			t.Errorf("the calendar file is %q", file.body)
		}
		if other := h.post(t, "sam", page+"/cancel", nil); other.code != http.StatusNotFound {
			t.Errorf("cancelling another's visit = %d, want 404", other.code)
		}
		gone := h.post(t, "maria", page+"/cancel", nil)
		if gone.code != http.StatusSeeOther || !strings.Contains(h.get(t, "maria", gone.to).body, "autofocus>Your visit is cancelled</h1>") {
			t.Errorf("cancelling = %d to %q", gone.code, gone.to)
		}
		if wrong := h.get(t, "maria", page+"?done=booked"); strings.Contains(wrong.body, "is booked</h1>") {
			t.Error("an address says that a cancelled visit is booked")
		}
	})
}

func TestAnswerToAMessage(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	for _, tt := range []struct {
		name, as, path, say, mark string
		code                      int
	}{
		{name: "done elsewhere", as: "maria", path: "/inbox/msg1", say: "elsewhere", mark: "done_elsewhere msg1", code: http.StatusSeeOther},
		{name: "call me, by a caregiver", as: "rosa", path: "/for/maria/inbox/msg1", say: "call", mark: "call_wanted msg1", code: http.StatusSeeOther},
		{name: "nothing we know", as: "maria", path: "/inbox/msg1", say: "opted_out", code: http.StatusNotFound},
		{name: "another's message", as: "maria", path: "/inbox/msg3", say: "call", code: http.StatusNotFound},
		{name: "a driver", as: "driver", path: "/for/maria/inbox/msg1", say: "call", code: http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.inbox.marks = nil
			a := h.post(t, tt.as, tt.path, url.Values{"say": {tt.say}})
			if a.code != tt.code || strings.Join(h.inbox.marks, " ") != tt.mark {
				t.Fatalf("POST %s = %d, marks %q; want %d, %q", tt.path, a.code, h.inbox.marks, tt.code, tt.mark)
			}
			if a.to != "" && !strings.Contains(h.get(t, tt.as, a.to).body, `role="status"`) {
				t.Errorf("%s does not say what happens next", a.to)
			}
		})
	}
}

func TestFileIsSavedNotShown(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	a := h.get(t, "maria", "/documents/d3/file")
	if a.body != "%PDF-1.4\n" || a.head.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(a.head.Get("Content-Disposition"), "attachment") ||
		a.head.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("the file comes as %v", a.head)
	}
	html := h.get(t, "maria", "/documents/d2/file")
	if html.head.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a page from a document comes as %q", html.head.Get("Content-Type"))
	}
}

func TestSpanish(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	r, err := http.NewRequest(http.MethodGet, "/results/a1c-5", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Language", "es-MX")
	a := h.do(t, r, "maria")
	for _, want := range []string{`lang="es"`, "A1c (azúcar promedio en la sangre)", "Bajó desde 7.7 % en septiembre de 2025.", "Por encima de su meta de 7 %"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the Spanish page does not say %q", want)
		}
	}
}

// TestSynthea imports a person and looks for real values on real pages.
func TestSynthea(t *testing.T) {
	file := haletest.Data(t, "fhir/synthea/Ammie_Huels_ea186cb3-ccb1-4dfc-a92e-dc9286aaa2ce.json")
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		src := record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "Synthea"}
		if _, err := bulk.New(h.records, d, src).Import(t.Context(), file, nil); err != nil {
			t.Fatal(err)
		}
		ammie := actors["maria"]
		ammie.Patient = "aa0b29d0-6916-4fb7-85f0-6e42370dd5fa"
		actors["ammie"] = ammie
		t.Cleanup(func() { delete(actors, "ammie") })
		pages := map[string][]string{
			"/home":              {"Good afternoon, "},
			"/health":            {"Test results", "Complete to Mar 2, 2026"},
			"/health/results":    {"Blood pressure", "mmHg", "Weight"},
			"/health/medicines":  {"ferrous sulfate 325 mg tablet"},
			"/health/conditions": {"Obesity", "In your record: Body mass index 30+ - obesity"},
			"/health/vaccines":   {"Flu shot"},
			"/health/procedures": {"Review of your medicines"},
			"/health/documents":  {"Diabetes self management plan"},
			"/visits":            {"Check up"},
		}
		for path, wants := range pages {
			a := h.get(t, "ammie", path)
			checkPage(t, a.body)
			for _, want := range wants {
				if !strings.Contains(a.body, want) {
					t.Errorf("%s does not say %q", path, want)
				}
			}
		}
		list := h.get(t, "ammie", "/health/results?show=laboratory")
		m := regexp.MustCompile(`/results/([0-9a-f-]{36})"`).FindStringSubmatch(list.body)
		if m == nil {
			t.Fatal("no result is listed")
		}
		if a := h.get(t, "ammie", "/results/"+m[1]); !strings.Contains(a.body, "Where this came from") || !strings.Contains(a.body, "Synthea") {
			t.Error("the result does not say where it came from")
		}
	})
}
