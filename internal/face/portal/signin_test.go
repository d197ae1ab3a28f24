package portal_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// gate is a site with nothing but the pages around the portal.
type gate struct {
	accounts *account.Store
	server   *httptest.Server
	signIn   *portal.SignIn
	at       time.Time

	mu   sync.Mutex
	sent []account.Delivery
}

// SendCode keeps the code for the test to read.
func (g *gate) SendCode(_ context.Context, d account.Delivery) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent = append(g.sent, d)
	return nil
}

// code returns the newest code.
func (g *gate) code(t *testing.T) string {
	t.Helper()
	g.signIn.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.sent) == 0 {
		t.Fatal("no code was sent")
	}
	return g.sent[len(g.sent)-1].Code
}

// folk is a directory of one patient without an account.
type folk struct{}

func (folk) PatientsAt(_ context.Context, kind, value string) ([]string, error) {
	if kind == "email" && value == "new@example.org" {
		return []string{"newcomer"}, nil
	}
	return nil, nil
}
func (folk) BornOn(_ context.Context, patient, date string) (bool, error) {
	return patient == "newcomer" && date == "1961-04-27", nil
}
func (folk) Person(context.Context, string) (name, lang string, err error) {
	return "Nora New", "en", nil
}

func newGate(t *testing.T, d *db.DB, demo ...portal.DemoSignIn) *gate {
	t.Helper()
	g := &gate{at: haletest.Noon}
	now := func() time.Time { return g.at }
	log := slog.New(slog.DiscardHandler)
	g.accounts = account.NewStore(d, haletest.IDs(), now, haletest.Key).WithDirectory(folk{})
	for _, a := range []account.Account{
		{ID: "maria", Kind: access.Patient, Name: "Maria Alvarez", Patient: "maria", Email: "maria@example.org"},
		{ID: "lucia", Kind: access.Proxy, Name: "Lucia Alvarez", Email: "lucia@example.org"},
		{ID: "nurse", Kind: access.Staff, Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Email: "nurse@example.org"},
	} {
		if _, err := g.accounts.Add(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	grant := access.Grant{Patient: "maria", Name: "Maria Alvarez", Rights: []access.Right{access.ReadRecord}}
	if err := g.accounts.Grant(t.Context(), "lucia", grant, g.at.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	site := web.NewSite(web.Clinic{Name: "Riverside", Phone: "+17085550100"}, g.accounts, log, now, false)
	mux := http.NewServeMux()
	g.server = httptest.NewUnstartedServer(nil)
	keys, err := account.NewPasskeys(g.accounts, "Riverside", "http://localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	g.signIn = portal.NewSignIn(portal.SignInConfig{
		Site: site, Accounts: g.accounts, Passkeys: keys, Codes: g, Doors: haletest.Doors(d), Contacts: contact.NewStore(d, now), Demo: demo, Log: log,
	})
	g.signIn.Routes(mux)
	mux.Handle("GET /home", site.Page(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, "home of "+web.Actor(r).Name)
		return err
	}))
	mux.Handle("/", site.NotFound())
	g.server.Config.Handler = site.Wrap(mux)
	g.server.Start()
	t.Cleanup(func() { g.server.Close(); g.signIn.Wait() })
	return g
}

// visitor is one browser.
type visitor struct {
	t    *testing.T
	g    *gate
	http *http.Client
}

func (g *gate) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t: t, g: g, http: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// page is what a browser got.
type page struct {
	status int
	to     string // of a redirect
	body   string
	header http.Header
}

func (v *visitor) do(r *http.Request, err error) page {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return page{status: res.StatusCode, to: res.Header.Get("Location"), body: string(body), header: res.Header}
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	return v.do(http.NewRequest(http.MethodGet, v.g.server.URL+path, nil))
}

func (v *visitor) post(path string, pairs ...string) page {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, v.g.server.URL+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return v.do(r, err)
}

// signIn goes in with a code and returns where that leads.
func (v *visitor) signIn(address, next string) page {
	v.t.Helper()
	if p := v.post("/signin", "to", address, "next", next); p.status != 303 || !strings.HasPrefix(p.to, "/signin/code") {
		v.t.Fatalf("POST /signin = %d to %q", p.status, p.to)
	}
	return v.post("/signin/code", "code", v.g.code(v.t), "next", next)
}

// enter signs in without proving anything, as a demo does.
func (v *visitor) enter(id string) {
	v.t.Helper()
	a, err := v.g.accounts.Get(v.t.Context(), id)
	if err != nil {
		v.t.Fatal(err)
	}
	in, err := v.g.accounts.Enter(v.t.Context(), v.g.accounts.Vouched(a), account.Browser{})
	if err != nil {
		v.t.Fatal(err)
	}
	u, err := url.Parse(v.g.server.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	v.http.Jar.SetCookies(u, []*http.Cookie{{Name: "hale", Value: in.Token, Path: "/"}})
}

func TestSignInByCode(t *testing.T) {
	tests := []struct{ name, address, next, first, want string }{
		{name: "a patient", address: "maria@example.org", first: "/signin/passkey", want: "/home"},
		{name: "a patient with somewhere to go", address: "maria@example.org", next: "/visits/v1?x=1", first: "/signin/passkey?next=%2Fvisits%2Fv1%3Fx%3D1", want: "/visits/v1?x=1"},
		{name: "a patient towards the desk", address: "maria@example.org", next: "/desk/patients", first: "/signin/passkey?next=%2Fdesk%2Fpatients", want: "/home"},
		{name: "a patient towards another site", address: "maria@example.org", next: "https://evil.test/", first: "/signin/passkey", want: "/home"},
		{name: "a patient towards another host", address: "maria@example.org", next: "//evil.test/", first: "/signin/passkey", want: "/home"},
		{name: "a caregiver", address: "lucia@example.org", first: "/signin/passkey", want: "/for"},
		{name: "a nurse wants a second proof", address: "nurse@example.org", first: "/signin/again", want: "/signin/again"},
		{name: "a nurse with somewhere to go", address: "nurse@example.org", next: "/desk/outreach", first: "/signin/again?next=%2Fdesk%2Foutreach", want: "/signin/again?next=%2Fdesk%2Foutreach"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				v := newGate(t, d).visitor(t)
				if p := v.signIn(tt.address, tt.next); p.status != 303 || p.to != tt.first {
					t.Fatalf("signing in leads to %q, %d, want %q", p.to, p.status, tt.first)
				}
				if p := v.get("/signin?next=" + url.QueryEscape(tt.next)); p.status != 303 || p.to != tt.want {
					t.Errorf("the sign-in page leads somebody signed in to %q, %d, want %q", p.to, p.status, tt.want)
				}
				if p := v.post("/signout"); p.to != "/" || !strings.Contains(p.header.Get("Clear-Site-Data"), "storage") {
					t.Errorf("signing out leads to %q", p.to)
				}
				if p := v.get("/settings"); p.to != "/signin?next=%2Fsettings" {
					t.Errorf("after signing out /settings leads to %q, want to sign in", p.to)
				}
			})
		})
	}
}

// A newcomer on record signs in with a code and the date of birth.
func TestSignInFirstTime(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		v := newGate(t, d).visitor(t)
		if p := v.get("/signin/born"); p.to != "/signin" {
			t.Errorf("/signin/born before anything leads to %q, want the start", p.to)
		}
		if p := v.signIn("new@example.org", "/visits"); p.to != "/signin/born?next=%2Fvisits" {
			t.Fatalf("the code leads to %q, want the date of birth", p.to)
		}
		if p := v.get("/signin/born"); p.status != 200 || !strings.Contains(p.body, "Date of birth") || strings.Contains(p.body, "Nora") {
			t.Errorf("the page for the date of birth: %d %s", p.status, p.body)
		}
		for _, bad := range [][]string{{"m", "13", "d", "1", "y", "1961"}, {"m", "4", "d", "28", "y", "1961"}} {
			if p := v.post("/signin/born", bad...); p.status != 422 || !strings.Contains(p.body, `aria-invalid="true"`) {
				t.Errorf("%v answers %d, want the page with an error", bad, p.status)
			}
		}
		if p := v.post("/signin/born", "m", "4", "d", "27", "y", "1961", "next", "/visits"); p.status != 303 || p.to != "/signin/passkey?next=%2Fvisits" {
			t.Fatalf("the right date leads to %q, %d", p.to, p.status)
		}
		if p := v.get("/home"); p.body != "home of Nora New" {
			t.Errorf("home = %q", p.body)
		}
	})
}

// Whoever asks for a code learns nothing about who is there: the pages and
// headers of a known address are those of an unknown one.
func TestSignInTellsNothing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGate(t, d)
		changing := regexp.MustCompile(`nonce="[^"]+"|[a-z]•••@`)
		path := func(address string) (pages []page) {
			v := g.visitor(t)
			see := func(p page) {
				p.body = changing.ReplaceAllString(strings.ReplaceAll(p.body, address, ""), "")
				for _, h := range []string{"Content-Security-Policy", "Set-Cookie", "Date"} {
					p.header.Del(h)
				}
				pages = append(pages, p)
			}
			see(v.post("/signin", "to", address))
			see(v.get("/signin/code"))
			for range 6 {
				see(v.post("/signin/code", "code", "12345"))
			}
			see(v.post("/signin/resend"))
			for range 5 {
				see(v.post("/signin", "to", address))
			}
			return pages
		}
		known, unknown := path("maria@example.org"), path("unknown@example.org")
		for i := range known {
			a, b := known[i], unknown[i]
			if a.status != b.status || a.to != b.to || a.body != b.body || len(a.header) != len(b.header) {
				at := 0
				for at < min(len(a.body), len(b.body)) && a.body[at] == b.body[at] {
					at++
				}
				t.Errorf("step %d: known %d %q, unknown %d %q, the pages part after %q", i, a.status, a.to, b.status, b.to, a.body[max(0, at-80):at])
			}
		}
		g.signIn.Wait()
		for _, s := range g.sent {
			if s.To != "maria@example.org" {
				t.Errorf("a code went to %s", s.To)
			}
		}
	})
}

// The second code offers a passkey, the first and the third do not.
func TestSignInOffersPasskey(t *testing.T) {
	g := newGate(t, haletest.SQLite(t))
	v := g.visitor(t)
	for i, want := range []string{"/signin/passkey?next=%2Fvisits", "/signin/passkey?next=%2Fvisits", "/visits"} {
		if i > 0 { // a code makes the device known when the hold is over
			v.post("/signout")
			g.at = g.at.Add(73 * time.Hour)
		}
		if p := v.signIn("maria@example.org", "/visits"); p.to != want {
			t.Errorf("sign-in %d leads to %q, want %q", i+1, p.to, want)
		}
		if p := v.get("/signin/passkey?next=%2Fvisits"); p.status != 200 || !strings.Contains(p.body, `href="/visits"`) {
			t.Errorf("the offer: %d", p.status)
		}
	}
}

// A session that somebody planted is not the one that signs in.
func TestSignInRotates(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGate(t, d)
		nurse, err := g.accounts.Get(t.Context(), "nurse")
		if err != nil {
			t.Fatal(err)
		}
		in, err := g.accounts.Enter(t.Context(), g.accounts.Vouched(nurse), account.Browser{})
		if err != nil {
			t.Fatal(err)
		}
		planted := in.Token
		v := g.visitor(t)
		u, err := url.Parse(g.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		v.http.Jar.SetCookies(u, []*http.Cookie{{Name: "hale", Value: planted, Path: "/"}})
		v.signIn("maria@example.org", "")
		if p := v.get("/home"); p.body != "home of Maria Alvarez" {
			t.Errorf("home = %q, want Maria's", p.body)
		}
		if _, _, err := g.accounts.Actor(t.Context(), planted); err == nil {
			t.Error("the planted session still works")
		}
	})
}

func TestSettings(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGate(t, d)
		phone, laptop := g.visitor(t), g.visitor(t)
		phone.enter("maria")
		laptop.enter("maria")

		p := laptop.get("/settings")
		if p.status != 200 || !strings.Contains(p.body, "How we reach you") || !strings.Contains(p.body, "/settings/security") {
			t.Fatalf("the settings: %d %s", p.status, p.body)
		}
		p = laptop.get("/settings/security")
		if p.status != 200 || strings.Count(p.body, "This device") < 1 || !strings.Contains(p.body, "Add a passkey") {
			t.Fatalf("the security page: %d %s", p.status, p.body)
		}
		ids := regexp.MustCompile(`/settings/device/signout"><input type="hidden" name="id" value="([^"]+)"`).FindStringSubmatch(p.body)
		if ids == nil {
			t.Fatal("the settings list no other device")
		}
		stranger := g.visitor(t)
		stranger.enter("nurse")
		if p := stranger.post("/settings/device/signout", "id", ids[1]); p.status != 404 {
			t.Errorf("signing out another's device = %d, want 404", p.status)
		}
		if p := laptop.post("/settings/device/signout", "id", ids[1]); p.to != "/settings/security?done=device" {
			t.Errorf("signing out the phone leads to %q", p.to)
		}
		if p := phone.get("/settings"); p.status != 303 {
			t.Errorf("the phone is still signed in: %d", p.status)
		}
		if p := laptop.post("/settings/reach", "first", "email", "from", "9", "to", "19", "large", "1"); p.to != "/settings?done=reach" {
			t.Errorf("how we reach you leads to %q, %d", p.to, p.status)
		}
		if p := laptop.get("/settings?done=reach"); !strings.Contains(p.body, "Saved.") || !strings.Contains(p.body, `value="email" checked`) {
			t.Errorf("the choice was not kept: %s", p.body)
		}
		if p := laptop.post("/settings/reach", "first", "pigeon"); p.status != 422 {
			t.Errorf("reaching by pigeon = %d, want 422", p.status)
		}
		if p := laptop.post("/settings/reach", "first", "", "from", "19", "to", "9"); p.status != 422 {
			t.Errorf("hours the wrong way round = %d, want 422", p.status)
		}
		if p := stranger.post("/settings/reach", "first", "email"); p.status != 404 {
			t.Errorf("staff without a record setting one = %d, want 404", p.status)
		}
		if p := laptop.post("/settings/language", "lang", "es"); p.to != "/settings?done=language" {
			t.Errorf("the language leads to %q", p.to)
		}
		if p := laptop.get("/settings"); !strings.Contains(p.body, `<html lang="es"`) || !strings.Contains(p.body, lang.Spanish.T("Your settings")) {
			t.Error("the settings are not in Spanish")
		}
		if p := laptop.get("/settings?done=<script>"); strings.Contains(p.body, "<script>") {
			t.Error("the settings repeat what the address says")
		}
	})
}

func TestChoose(t *testing.T) {
	g := newGate(t, haletest.SQLite(t))
	v := g.visitor(t)
	v.signIn("lucia@example.org", "")
	if p := v.get("/for"); p.status != 200 || !strings.Contains(p.body, `href="/for/maria/home"`) || strings.Contains(p.body, `class="tabs"`) {
		t.Errorf("the choice of a caregiver: %d %s", p.status, p.body)
	}
	g.at = g.at.Add(24 * time.Hour)
	again := g.visitor(t)
	again.signIn("lucia@example.org", "")
	if p := again.get("/for"); strings.Contains(p.body, "maria") || !strings.Contains(p.body, "You are not helping anyone yet") {
		t.Errorf("the choice after the grant ended: %s", p.body)
	}
}

func TestDemoSignIn(t *testing.T) {
	ready := []portal.DemoSignIn{{Label: "Patient", Name: "Maria Alvarez", Address: "maria@example.org"}, {Label: "Nurse", Name: "Nobody", Address: "nurse@example.org"}}
	d := haletest.SQLite(t)
	v := newGate(t, d, ready...).visitor(t)
	if p := v.get("/signin"); !strings.Contains(p.body, "Step into the demo") {
		t.Error("the demo shows no ready sign-ins")
	}
	for who, want := range map[string]int{"1": 404, "2": 404, "-1": 404, "x": 404} {
		if p := v.post("/signin/demo", "who", who); p.status != want {
			t.Errorf("stepping in as %s = %d, want %d", who, p.status, want)
		}
	}
	if p := v.post("/signin/demo", "who", "0"); p.to != "/home" {
		t.Errorf("stepping in as Maria leads to %q", p.to)
	}
	real := newGate(t, haletest.SQLite(t)).visitor(t)
	if p := real.post("/signin/demo", "who", "0"); p.status != 404 && p.status != 405 {
		t.Errorf("a real site has ready sign-ins: %d", p.status)
	}
	if p := real.get("/signin"); strings.Contains(p.body, "demo") {
		t.Error("a real site speaks of a demo")
	}
}

func TestOpenLink(t *testing.T) {
	v := newGate(t, haletest.SQLite(t)).visitor(t)
	for in, want := range map[string]string{
		"7Qk2abCD90xy": "/m/7Qk2abCD90xy", " https://portal.example.org/m/7Qk2abCD90xy ": "/m/7Qk2abCD90xy",
		"": "/?link=wrong", "7Qk2": "/?link=wrong", "../../desk/x": "/?link=wrong", "a b c d e f g h": "/?link=wrong", "abcdefgh?x=//evil": "/?link=wrong",
	} {
		if p := v.post("/link", "link", in); p.to != want {
			t.Errorf("the link %q leads to %q, want %q", in, p.to, want)
		}
	}
}

// Looking at a page changes nothing and signs nobody in or out.
func TestSignInPagesAreSafe(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		v := newGate(t, d).visitor(t)
		for _, path := range []string{"/signout", "/signin/demo", "/signin/resend", "/settings/reach", "/settings/passkey/remove", "/lang"} {
			if p := v.get(path); p.status != 404 && p.status != 405 {
				t.Errorf("GET %s = %d, want that it does not exist", path, p.status)
			}
		}
		for _, path := range []string{"/", "/signin", "/signin/code", "/signin/born", "/help/signin"} {
			v.get(path)
		}
		for _, table := range []string{"account_session", "account_challenge", "account_ceremony", "account_limit"} {
			if n, err := db.One(t.Context(), d, db.Value[int], "select count(*) from "+table); err != nil || n != 0 {
				t.Errorf("looking left %d rows in %s, %v", n, table, err)
			}
		}
	})
}

// The script gets JSON, and errors in words.
func TestPasskeyAnswers(t *testing.T) {
	v := newGate(t, haletest.SQLite(t)).visitor(t)
	if p := v.post("/signin/passkey/begin"); p.status != 200 || !strings.Contains(p.body, `"userVerification":"required"`) || p.header.Get("Content-Type") != "application/json" {
		t.Errorf("begin = %d %s", p.status, p.body)
	}
	if p := v.post("/signin/passkey/finish"); p.status != 422 || !strings.Contains(p.body, `"say":"That passkey did not work here.`) {
		t.Errorf("finish without an answer = %d %s", p.status, p.body)
	}
	if p := v.post("/settings/passkey/begin"); p.status != 401 {
		t.Errorf("adding one while signed out = %d, want 401", p.status)
	}
	v.signIn("maria@example.org", "")
	if p := v.post("/settings/passkey/begin"); p.status != 200 || !strings.Contains(p.body, `"residentKey":"required"`) {
		t.Errorf("adding one = %d %s", p.status, p.body)
	}
	if p := v.post("/settings/passkey/remove", "id", "nobody's"); p.status != 404 {
		t.Errorf("removing another's = %d, want 404", p.status)
	}
}

// The pages can be read by somebody who left school early.
func TestSignInWordsAreEasy(t *testing.T) {
	v := newGate(t, haletest.SQLite(t), portal.DemoSignIn{Label: "Patient", Name: "Maria Alvarez", Address: "maria@example.org"}).visitor(t)
	tag := regexp.MustCompile(`(?s)<(?:script|style|svg|option|select|title)\b.*?</\w+>|<[^>]+>`)
	read := func(path string) {
		t.Helper()
		p := v.get(path)
		if p.status != 200 {
			t.Fatalf("%s = %d", path, p.status)
		}
		text := strings.Join(strings.FieldsFunc(tag.ReplaceAllString(p.body, "\n"), func(r rune) bool { return r == '\n' }), ".\n")
		if g := lang.Grade(text); g > 8 {
			t.Errorf("%s reads at grade %.1f, want at most 8", path, g)
		}
		if len(p.body) > 40<<10 {
			t.Errorf("%s is %d bytes", path, len(p.body))
		}
	}
	for _, path := range []string{"/", "/signin", "/help/signin"} {
		read(path)
	}
	v.post("/signin", "to", "maria@example.org")
	read("/signin/code")
	v.post("/signin/code", "code", v.g.code(t))
	read("/settings")
	read("/for")
	read("/signin/passkey")
}

// What the pages say exists in Spanish too.
func TestSignInInSpanish(t *testing.T) {
	v := newGate(t, haletest.SQLite(t)).visitor(t)
	if p := v.post("/lang", "lang", "es", "next", "//evil.test"); p.to != "/" {
		t.Errorf("choosing a language leads to %q", p.to)
	}
	for path, text := range map[string]string{"/": "Your health, in one place", "/signin": "Send me a code", "/help/signin": "Can’t get in?", "/nowhere": "We could not find that"} {
		want := lang.Spanish.T(text)
		if p := v.get(path); want == text || !strings.Contains(p.body, want) || !strings.Contains(p.body, `lang="es"`) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
}
