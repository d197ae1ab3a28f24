package pickup

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/clinician"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/choice"
	"hale/internal/reach/link"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// office is what sends messages, in memory.
type office struct {
	mu       sync.Mutex
	messages map[string]reach.Content
	marks    []string // message kind
	renewed  []string
	codes    []string // that were sent
	other    bool     // the patient has another number
	wrote    []string
	locked   []string
	browsers []string
	links    *link.Store
	db       *db.DB
}

// SendCode sends as the engine does: to another number, or after the date.
func (o *office) SendCode(ctx context.Context, pass access.Pass, id, _ string, known bool) error {
	if _, err := pass.Open(access.EditContacts); err != nil {
		return err
	}
	if !o.other && !known {
		return nil
	}
	return o.db.Tx(ctx, func(tx *db.Tx) error {
		code, err := o.links.NewCode(ctx, tx, id, o.other)
		if code != "" {
			o.codes = append(o.codes, code)
		}
		return err
	})
}

func (o *office) Passed(ctx context.Context, pass access.Pass, message, _, browser string, _ bool) error {
	o.browsers = append(o.browsers, browser)
	return o.Mark(ctx, pass, message, "factor_passed", nil)
}

func (o *office) Locked(_ context.Context, pass access.Pass, message string) error {
	_, err := pass.Open(access.EditContacts)
	o.locked = append(o.locked, message)
	return err
}

func (o *office) Wrote(_ context.Context, pass access.Pass, message, text string, _ reach.Hear) error {
	_, err := pass.Open(access.ReadMessage)
	o.wrote = append(o.wrote, message+" "+text)
	return err
}

func (o *office) Phrase(context.Context, access.Pass) (string, error) { return "blue heron", nil }

func (o *office) Content(_ context.Context, pass access.Pass, message string) (reach.Content, error) {
	patient, err := pass.Open(access.ReadMessage)
	if err != nil {
		return reach.Content{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.messages[message]
	if c.Patient != patient {
		return reach.Content{}, db.ErrNone
	}
	return c, nil
}

func (o *office) Mark(_ context.Context, pass access.Pass, message, kind string, _ any) error {
	right := access.ReadMessage
	if kind == "wrong_person" || kind == "opted_out" || kind == "call_wanted" || kind == "page_shown" {
		right = access.EditContacts
	}
	patient, err := pass.Open(right)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.messages[message]
	if c.Patient != patient {
		return db.ErrNone
	}
	if kind == "revealed" {
		c.SeenAt = haletest.Noon
		o.messages[message] = c
	}
	o.marks = append(o.marks, message+" "+kind)
	return nil
}

func (o *office) Renew(_ context.Context, pass access.Pass, message string) error {
	if _, err := pass.Open(access.EditContacts); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renewed = append(o.renewed, message)
	return nil
}

func (o *office) count(mark string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.marks {
		if m == mark {
			n++
		}
	}
	return n
}

// clinic is a house with links, free times and two patients.
type clinic struct {
	db      *db.DB
	now     time.Time
	links   *link.Store
	visits  *visit.Store
	office  *office
	log     *strings.Builder
	handler http.Handler
	waits   int
}

const slots = 12

func newClinic(t testing.TB, d *db.DB, secure bool) *clinic {
	t.Helper()
	c := &clinic{db: d, now: haletest.Noon, log: &strings.Builder{}, office: &office{messages: map[string]reach.Content{
		"m1": {Message: "m1", Patient: "maria", From: "Riverside Family Medicine", Title: "Time for your eye check, Maria",
			Body: "Your last eye exam was 14 months ago.\n\nIt takes about 20 minutes.", Service: "eye-exam", SentAt: haletest.Noon.Add(-time.Hour)},
		"m2": {Message: "m2", Patient: "maria", Title: "We close early on Friday", Body: "We close at noon."},
		"m3": {Message: "m3", Patient: "paul", Title: "Paul, a secret", Body: "For Paul alone.", Service: "eye-exam"},
	}}}
	now := func() time.Time { return c.now }
	source := ids.NewSource(now, rand.Reader)
	events := event.NewLog(source, now)
	records := record.New(d, source, now, events, patient.View(), visit.View(), clinician.View())
	c.visits = visit.NewStore(d, records, events, source, now)
	c.links = link.NewStore(d, source, now, rand.Reader, patient.NewStore(d))
	c.links.WithKey(seal.NewKey())
	c.office.links, c.office.db = c.links, d
	seed(t, d, records)
	site := web.NewSite(web.Clinic{Name: "Riverside Family Medicine", Phone: "+12025550142", Address: "412 Alder Street", Zone: time.UTC},
		nil, slog.New(slog.NewTextHandler(c.log, nil)), now, secure)
	p := New(Config{Site: site, Doors: access.NewDoors(audit.NewLog(d, source, now), lookup.New(d, now), now), Links: c.links, Reach: c.office, Visits: c.visits, Now: now,
		Choices: choice.NewStore(contact.NewStore(d, now), consent.NewStore(d, source, now))})
	p.limits.wait = func(context.Context, time.Duration) { c.waits++ }
	c.handler = site.Wrap(p.Handler())
	return c
}

// seed puts two patients and free times of two services in the record.
func seed(t testing.TB, d *db.DB, records *record.Store) {
	t.Helper()
	drafts := []record.Draft{
		{Type: "Patient", ID: "maria", Body: []byte(`{"resourceType":"Patient","id":"maria","active":true,"birthDate":"1961-04-27","gender":"female","name":[{"family":"Alvarez","given":["Maria"]}]}`)},
		{Type: "Patient", ID: "paul", Body: []byte(`{"resourceType":"Patient","id":"paul","active":true,"birthDate":"1990-01-31","gender":"male","name":[{"family":"Stone","given":["Paul"]}]}`)},
		{Type: "Schedule", ID: "s", Body: []byte(`{"resourceType":"Schedule","id":"s","actor":[{"reference":"Practitioner/x","display":"Dr. Priya Raman"},{"reference":"Location/y","display":"Main Street"}]}`)},
	}
	for i := range slots {
		service := "eye-exam"
		if i == slots-1 {
			service = "vaccine"
		}
		start := haletest.Noon.Add(time.Duration(i/2)*24*time.Hour + time.Duration(20+i%2)*time.Hour)
		drafts = append(drafts, record.Draft{Type: "Slot", ID: fmt.Sprintf("slot-%02d", i), Body: slotBody(i, service, start)})
	}
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func slotBody(i int, service string, start time.Time) []byte {
	body, _ := json.Marshal(map[string]any{
		"resourceType": "Slot", "id": fmt.Sprintf("slot-%02d", i), "schedule": map[string]string{"reference": "Schedule/s"}, "status": "free",
		"serviceType": []any{map[string]any{"coding": []any{map[string]string{"system": visit.System, "code": service, "display": "Eye exam"}}}},
		"start":       start.Format(time.RFC3339), "end": start.Add(20 * time.Minute).Format(time.RFC3339),
	})
	return body
}

// link makes a link for a message and returns its token.
func (c *clinic) link(t testing.TB, message, patient string) string {
	t.Helper()
	return c.make(t, link.New{Message: message, Patient: patient, Factor: link.DOB, Short: true, Expires: haletest.Noon.Add(14 * 24 * time.Hour)})
}

func (c *clinic) make(t testing.TB, n link.New) (token string) {
	t.Helper()
	err := c.db.Tx(t.Context(), func(tx *db.Tx) (err error) {
		token, err = c.links.Create(t.Context(), tx, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// phone is a browser with its cookies.
type phone struct {
	c       *clinic
	cookies map[string]*http.Cookie
	address string
	lang    string
}

func (c *clinic) phone() *phone {
	return &phone{c: c, cookies: map[string]*http.Cookie{}, address: "192.0.2.7:4711", lang: "en-US"}
}

// answer is one response.
type answer struct {
	status int
	to     string // Location
	body   string
	header http.Header
}

func (p *phone) do(method, target string, form url.Values) answer {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "https://portal.example"+target, body)
	r.RemoteAddr = p.address
	r.Header.Set("Accept-Language", p.lang)
	r.Header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	p.c.handler.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		p.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		}
	}
	return answer{status: res.StatusCode, to: res.Header.Get("Location"), body: w.Body.String(), header: res.Header}
}

func (p *phone) get(target string) answer { return p.do("GET", target, nil) }

func (p *phone) post(target string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.do("POST", target, form)
}

// open passes the gate of token as Maria.
func (p *phone) open(t testing.TB, token string) {
	t.Helper()
	a := p.post("/m/"+token, "m", "4", "d", "27", "y", "1961")
	if a.status != http.StatusSeeOther || a.to != "/m/"+token+"/message" {
		t.Fatalf("POST of the right date = %d to %q, want 303 to the message: %s", a.status, a.to, a.body)
	}
}

// count returns the number of rows of a table.
func (c *clinic) count(t testing.TB, q string, args ...any) int64 {
	t.Helper()
	n, err := db.One(t.Context(), c.db, db.Value[int64], q, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
