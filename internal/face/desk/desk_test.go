package desk

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/haletest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sessions signs in whoever the cookie names.
type sessions struct{}

func (sessions) Actor(_ context.Context, token string) (access.Actor, account.Session, error) {
	staff := func(id, name string, role access.Role) (access.Actor, account.Session, error) {
		return access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}, ID: id, Name: name, Roles: []access.Role{role}}, account.Session{ID: "s"}, nil
	}
	switch token {
	case "nurse":
		return staff("nurse", "J. Okafor, RN", access.Nurse)
	case "marketer":
		return staff("marketer", "Lee Park", access.Marketer)
	case "admin":
		return staff("admin", "Ada Moss", access.Admin)
	case "patient":
		return access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-maria", Name: "Maria Alvarez", Patient: "maria"}, account.Session{ID: "s"}, nil
	}
	return access.Actor{}, account.Session{}, errs.New(errs.Unauthenticated, "Please sign in.")
}

// serve returns the desk over f, with everything around it.
func serve(t *testing.T, f *fakes) http.Handler {
	t.Helper()
	return serveMore(t, f, func(*Config) {})
}

// serveMore returns the desk over f with what more adds.
func serveMore(t *testing.T, f *fakes, more func(*Config)) http.Handler {
	t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	site := web.NewSite(web.Clinic{Name: "Riverside Family Medicine", Phone: "(708) 555-0100", Address: "412 Alder Street", Zone: zone}, sessions{},
		slog.New(slog.DiscardHandler), func() time.Time { return noon }, false)
	c := Config{Site: site, Doors: haletest.Doors(haletest.SQLite(t)), Reach: f, Todos: fakeTodos{f}, Measure: f, Patients: fakePatients{f}, Contacts: fakeContacts{f},
		Consents: fakeConsents{f}, Visits: f, Accounts: fakeAccounts{f}, Audit: fakeLooks{f}, Log: fakeLooks{f}, Book: fakeLooks{f},
		Services: []Service{{"eye-exam", "Eye exam"}, {"follow-up", "Follow-up"}},
		Senders: func() []Sender {
			return []Sender{{Channel: "email", Through: "smtp.example.org:587", From: "care@rfm.example", OK: true}, {Channel: "sms", Note: "no carrier is set up"}}
		}}
	more(&c)
	return site.Wrap(New(c).Handler())
}

// ask sends one request as who.
func ask(t *testing.T, h http.Handler, who, method, target string, in url.Values) *httptest.ResponseRecorder {
	t.Helper()
	if q, ok := strings.CutPrefix(target, "/desk/patients?q="); ok { // what is looked for stands in no address
		method, target, in = "POST", "/desk/patients", url.Values{"q": {q}}
	}
	var body io.Reader
	if in != nil {
		body = strings.NewReader(in.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	if in != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(&http.Cookie{Name: "hale", Value: who})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// pages are every page that is read, with who may.
func pages() map[string]string {
	return map[string]string{ // address → roles: n nurse, m marketer, a admin
		"/desk":                                     "nma",
		"/desk/todo":                                "nm",
		"/desk/todo/call":                           "nm",
		"/desk/todo/call?note=closed":               "nm",
		"/desk/todo/reply":                          "nm",
		"/desk/todo/stop":                           "nm",
		"/desk/todo/doubt":                          "nm",
		"/desk/todo/failed":                         "nm",
		"/desk/todo/x":                              "",
		"/desk/outreach":                            "nm",
		"/desk/outreach/new":                        "nm",
		"/desk/outreach/recall":                     "nm",
		"/desk/outreach/recall/progress":            "nm",
		"/desk/outreach/recall/counts.csv":          "nm",
		"/desk/outreach/recall/stop":                "nm",
		"/desk/outreach/recall/patients":            "n",
		"/desk/outreach/recall/patients?state=seen": "n",
		"/desk/outreach/recall/patients?state=held": "n",
		"/desk/outreach/recall/patients/maria":      "na",
		"/desk/outreach/flu":                        "nm",
		"/desk/outreach/draft/edit/basics":          "nm",
		"/desk/outreach/draft/edit/audience":        "nm",
		"/desk/outreach/draft/edit/message":         "nm",
		"/desk/outreach/draft/edit/plan":            "nm",
		"/desk/outreach/draft/edit/check":           "nm",
		"/desk/outreach/draft/delete":               "nm",
		"/desk/patients":                            "na",
		"/desk/patients?q=alvarez":                  "na",
		"/desk/patients?q=zzz":                      "na",
		"/desk/patients/maria":                      "na",
		"/desk/patients/ng":                         "na",
		"/desk/measure":                             "nma",
		"/desk/settings":                            "a",
		"/desk/outreach/nobody":                     "",
		"/desk/patients/nobody":                     "",
		"/desk/outreach/recall/patients/nobody":     "",
		"/desk/outreach/recall/patients?state=x":    "",
		"/desk/nowhere":                             "",
	}
}

var (
	nonce  = regexp.MustCompile(`nonce="[^"]*"`)
	static = regexp.MustCompile(`/static/(?:b-)?[0-9a-f]+/`)
)

func TestPagesByRole(t *testing.T) {
	h := serve(t, known())
	roles := map[string]byte{"nurse": 'n', "marketer": 'm', "admin": 'a', "patient": 'p'}
	for target, may := range pages() {
		for who, letter := range roles {
			w := ask(t, h, who, "GET", target, nil)
			want := http.StatusNotFound
			if strings.IndexByte(may, letter) >= 0 {
				want = http.StatusOK
			}
			if w.Code != want {
				t.Errorf("GET %s as %s = %d, want %d", target, who, w.Code, want)
				continue
			}
			if want == http.StatusOK {
				golden(t, goldenName(target, who), tidy(w.Body.String()))
			}
		}
		if w := ask(t, h, "", "GET", target, nil); w.Code != http.StatusSeeOther && target != "/desk/nowhere" {
			t.Errorf("GET %s signed out = %d, want %d", target, w.Code, http.StatusSeeOther)
		}
	}
}

func goldenName(target, who string) string {
	name := strings.Trim(strings.NewReplacer("/desk/", "", "/", "-", "?", "-", "=", "-").Replace(target), "-")
	if target == "/desk" {
		name = "today"
	}
	ext := ".html"
	if strings.HasSuffix(name, ".csv") {
		name, ext = strings.TrimSuffix(name, ".csv"), ".csv"
	}
	return name + "." + who + ext
}

// tidy takes out what changes from run to run and puts each element on its
// own line, so that a difference reads well. The frame is another's.
func tidy(page string) string {
	page = static.ReplaceAllString(nonce.ReplaceAllString(page, `nonce=""`), "/static/")
	if i := strings.Index(page, "<main"); i >= 0 {
		page = page[i:]
	}
	if i := strings.Index(page, "</main>"); i >= 0 {
		page = page[:i+7] + "\n"
	}
	page = regexp.MustCompile(`(?s)<svg xmlns.*?</svg>`).ReplaceAllString(page, "<svg/>")
	return strings.ReplaceAll(page, "><", ">\n<")
}

// golden compares got with testdata/name, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestMarketerSeesNobody holds every page a marketer may open to the rule
// that no patient is named on it.
func TestMarketerSeesNobody(t *testing.T) {
	h := serve(t, known())
	for target, may := range pages() {
		if !strings.Contains(may, "m") {
			continue
		}
		body := ask(t, h, "marketer", "GET", target, nil).Body.String()
		for _, secret := range []string{"Maria", "Alvarez", "Bartholomew", "Featherstonehaugh", "0042917", "555-0142", "5550142", "/desk/patients"} {
			if strings.Contains(body, secret) {
				t.Errorf("GET %s shows a marketer %q", target, secret)
			}
		}
	}
}

// TestNoPageGivesALinkAway holds pages to never showing a whole token.
func TestNoPageGivesALinkAway(t *testing.T) {
	h := serve(t, known())
	for target := range pages() {
		for _, who := range []string{"nurse", "marketer", "admin"} {
			if body := ask(t, h, who, "GET", target, nil).Body.String(); strings.Contains(body, "7Qk2abcdWXYZ") {
				t.Errorf("GET %s shows %s a link that opens", target, who)
			}
		}
	}
}

// TestPagesStandards holds every page to what the policy and WCAG ask and a
// text can show: no inline style or script, one h1, labels, table heads, ids
// that are there once.
func TestPagesStandards(t *testing.T) {
	h := serve(t, known())
	for target, may := range pages() {
		for who, letter := range map[string]string{"nurse": "n", "marketer": "m", "admin": "a"} {
			if !strings.Contains(may, letter) || strings.HasSuffix(target, ".csv") {
				continue
			}
			page := ask(t, h, who, "GET", target, nil).Body.String()
			for _, bad := range []string{` style="`, "<style", " onclick", "javascript:", `href="#"`, `href=""`} {
				if strings.Contains(page, bad) {
					t.Errorf("GET %s as %s holds %s", target, who, bad)
				}
			}
			if !strings.HasSuffix(target, "/progress") && strings.Count(page, "<h1") != 1 {
				t.Errorf("GET %s as %s has %d h1, want 1", target, who, strings.Count(page, "<h1"))
			}
			checkLabels(t, target, page)
			checkIcons(t, target, page)
		}
	}
}

var (
	idAttr    = regexp.MustCompile(` id="([^"]+)"`)
	forAttr   = regexp.MustCompile(` for="([^"]+)"`)
	control   = regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	described = regexp.MustCompile(` aria-(?:describedby|labelledby)="([^"]+)"`)
	cellHead  = regexp.MustCompile(`<th[ >]`)
	headScope = regexp.MustCompile(`<th scope="(?:row|col)"`)
)

func checkLabels(t *testing.T, target, page string) {
	t.Helper()
	ids, labels := map[string]int{}, map[string]bool{}
	for _, m := range idAttr.FindAllStringSubmatch(page, -1) {
		ids[m[1]]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("GET %s: id %q is there %d times", target, id, n)
		}
	}
	for _, m := range forAttr.FindAllStringSubmatch(page, -1) {
		labels[m[1]] = true
		if ids[m[1]] == 0 {
			t.Errorf("GET %s: a label for %q, which is not there", target, m[1])
		}
	}
	for _, c := range control.FindAllString(page, -1) {
		id := idAttr.FindStringSubmatch(c)
		if strings.Contains(c, `type="hidden"`) || strings.Contains(c, `type="radio"`) || strings.Contains(c, `type="checkbox"`) {
			continue // inside its label
		}
		if id == nil || !labels[id[1]] {
			t.Errorf("GET %s: no label for %s", target, c)
		}
	}
	for _, m := range described.FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			if ids[id] == 0 {
				t.Errorf("GET %s: described by %q, which is not there", target, id)
			}
		}
	}
	if a, b := len(cellHead.FindAllString(page, -1)), len(headScope.FindAllString(page, -1)); a != b {
		t.Errorf("GET %s: %d of %d table heads have no scope", target, a-b, a)
	}
}

// checkIcons fails on an icon that does not exist: it draws nothing.
func checkIcons(t *testing.T, target, page string) {
	t.Helper()
	if strings.Contains(page, `class="ico"></span>`) || strings.Contains(page, `class="ico act"></span>`) || strings.Contains(page, `class="ico watch"></span>`) {
		t.Errorf("GET %s has an icon that does not exist", target)
	}
}

// TestNoDeadLinks follows every link to the desk on every page.
func TestNoDeadLinks(t *testing.T) {
	h := serve(t, known())
	for _, who := range []string{"nurse", "marketer", "admin"} {
		for target := range pages() {
			w := ask(t, h, who, "GET", target, nil)
			if w.Code != http.StatusOK {
				continue
			}
			checkLinks(t, h, who, target, w.Body.String())
		}
	}
}

var deskLink = regexp.MustCompile(`href="(/desk[^"]*)"`)

// checkLinks follows every link to the desk on a page, as its reader.
func checkLinks(t *testing.T, h http.Handler, who, target, page string) {
	t.Helper()
	for _, m := range deskLink.FindAllStringSubmatch(page, -1) {
		to := strings.ReplaceAll(m[1], "&amp;", "&")
		if got := ask(t, h, who, "GET", to, nil).Code; got != http.StatusOK && got != http.StatusSeeOther {
			t.Errorf("%s as %s leads to %s, which answers %d", target, who, to, got)
		}
	}
}
