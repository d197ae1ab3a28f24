package clients_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/app"
	"hale/internal/demo/town"
	"hale/internal/haletest"
)

// hale is a served Hale with a small town in its record, one patient who is
// signed in, and two clients that ask in their own names.
type hale struct {
	base    string // of the pages; the API is below /fhir
	session string // Maria's
	key     string // of both clients, PKCS #8 in PEM
	writer  string // the client that may do everything
	reader  string // the client that may read observations
}

// serve runs one on the database at address until the test ends.
func serve(t *testing.T, database string) *hale {
	t.Helper()
	log := slog.New(slog.NewTextHandler(&testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := app.Config{
		Addr: "127.0.0.1:0", Database: database, Key: haletest.Key, Now: time.Now, Rand: rand.Reader, Log: log,
		Validation: app.DefaultValidation(), Bulk: app.Bulk{Folder: filepath.Join(t.TempDir(), "files")},
	}
	c.Clinic.Name, c.Clinic.Zone = town.Clinic, time.UTC
	h := &hale{}
	h.settle(t, c)
	ctx, stop := context.WithCancel(context.Background())
	at, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- app.Serve(ctx, c, func(addr string) { at <- addr }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case addr := <-at:
		h.base = strings.Replace(addr, "//127.0.0.1:", "//localhost:", 1) // what its links begin with
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return h
}

// settle brings the town, an account and the clients into the record.
func (h *hale) settle(t *testing.T, c app.Config) {
	t.Helper()
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var people bytes.Buffer
	if _, err := town.Generate(&people, 1, 60, time.Now()); err != nil {
		t.Fatal(err)
	}
	report, err := a.Importer("town").ImportStream(t.Context(), "town.ndjson", &people, nil)
	if err != nil || len(report.Bad) > 0 {
		t.Fatal(err, report.Bad)
	}
	maria, err := a.Accounts.Add(t.Context(), account.Account{Kind: access.Patient, Name: "Maria Alvarez", Patient: town.Maria, Email: "maria@x.example"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := a.Accounts.Enter(t.Context(), a.Accounts.Vouched(maria), account.Browser{Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h.session = in.Token
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	h.key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES384", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, scopes := range map[string]string{"Writer": "system/*.cruds", "Reader": "system/Observation.rs"} {
		made, _, err := a.Clients.AddOwn(t.Context(), client.Client{Name: name, Auth: client.KeyJWT, JWKS: string(set), Backend: true, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		if name == "Writer" {
			h.writer = made.ID
		} else {
			h.reader = made.ID
		}
	}
}

// testLog fails the test on a line about something that broke.
type testLog struct{ t testing.TB }

// Write reads one line.
func (l *testLog) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("level=ERROR")) {
		l.t.Errorf("log: %s", b)
	}
	return len(b), nil
}

// page sends what Maria's browser would, and returns the page at the end.
func (h *hale) page(t *testing.T, method, path, media string, body io.Reader) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "hale", Value: h.session})
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := http.StatusOK
	if method == http.MethodPost {
		want = http.StatusSeeOther
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s = %d, want %d: %.600s", method, path, res.StatusCode, want, text)
	}
	return string(text)
}

func (h *hale) post(t *testing.T, path string, pairs ...string) {
	t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	h.page(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(v.Encode()))
}

var (
	offered = regexp.MustCompile(`name="slot" value="([^"]+)"`)
	visited = regexp.MustCompile(`href="/book/([a-z-]+)`)
)

// forms fills in what makes resources out of forms: a visit, a wish about
// results, a correction, and a photo.
func (h *hale) forms(t *testing.T) {
	t.Helper()
	service := visited.FindStringSubmatch(h.page(t, http.MethodGet, "/book", "", nil))
	if service == nil {
		t.Fatal("no visit can be booked")
	}
	slot := offered.FindStringSubmatch(h.page(t, http.MethodGet, "/book/"+service[1], "", nil))
	if slot == nil {
		t.Fatal("no time can be booked")
	}
	h.post(t, "/book/"+service[1], "slot", slot[1])
	wishes := []string{}
	for _, m := range regexp.MustCompile(`name="([a-z-]+)-days"`).FindAllStringSubmatch(h.page(t, http.MethodGet, "/results/prefs", "", nil), -1) {
		wishes = append(wishes, m[1], "call", m[1]+"-days", "7")
	}
	h.post(t, "/results/prefs", wishes...)
	h.post(t, "/privacy/new/amend", "words", "I never smoked.", "should", "Never smoker")
	var picture, body bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	form := multipart.NewWriter(&body)
	_ = form.WriteField("sort", "photo")
	_ = form.WriteField("note", "My left knee")
	part, err := form.CreateFormFile("file", "knee.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(picture.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	h.page(t, http.MethodPost, "/documents/send", form.FormDataContentType(), &body)
}
