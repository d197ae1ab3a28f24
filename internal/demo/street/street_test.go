package street

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/face/web"
	"hale/internal/gateway/email"
	"hale/internal/gateway/sms"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// town is a carrier, a mail server, the gateways that send to them and the
// pages that show them.
type town struct {
	texts *sms.Gateway
	mails *email.Gateway
	phone *carrier.Carrier
	mail  *mailbox.Server
	pages http.Handler
}

// open starts a town whose carrier reports to callback.
func open(t *testing.T, callback string) *town {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	phone, err := carrier.Open(carrier.Config{Secret: "s", Now: noon, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := mailbox.Open(mailbox.Config{Now: noon, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- phone.Run(ctx, callback) }()
	go func() { ended <- mail.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	texts, err := sms.New(sms.Config{URL: phone.URL(), Secret: "s", From: "+12025550100", Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	mails, err := email.New(email.Config{Addr: mail.Addr(), CA: mail.CA(), From: "care@clinic.example", Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { texts.Close(); mails.Close() })
	site := web.NewSite(web.Clinic{Name: "Riverside", Zone: time.UTC}, nil, log, noon, false)
	pages := New(Config{Site: site, Phones: phone, Mail: mail, Name: func(a string) string {
		if a == "+12025550111" {
			return "Ana Ruiz"
		}
		return ""
	}})
	return &town{texts: texts, mails: mails, phone: phone, mail: mail, pages: pages.Handler()}
}

func (o *town) get(t *testing.T, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	o.pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String(), w.Header()
}

func wantPage(t *testing.T, o *town, path string, want ...string) {
	t.Helper()
	code, body, _ := o.get(t, path)
	if code != http.StatusOK {
		t.Errorf("%s answers %d", path, code)
	}
	for _, w := range append(want, "A simulation") {
		if !strings.Contains(body, w) {
			t.Errorf("%s lacks %q:\n%s", path, w, body)
		}
	}
}

func text(to, words string) reach.Handoff {
	return reach.Handoff{Key: "k" + to, To: to, Text: words}
}

func TestPhone(t *testing.T) {
	o := open(t, "")
	heard := make(chan carrier.Text, 1)
	o.phone.OnText(func(t carrier.Text) { heard <- t })
	if r := o.texts.Send(t.Context(), text("+12025550111", "Book: https://x.example/m/abc. <b>")); r.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v", r)
	}
	if got := <-heard; got.Phone != "+12025550111" || got.Other != "+12025550100" {
		t.Errorf("OnText heard %+v", got)
	}
	wantPage(t, o, "/town", "Ana Ruiz", "1 text on 1 phone", "+12025550194")
	wantPage(t, o, "/town/phone/+12025550111", `<a href="https://x.example/m/abc">https://x.example/m/abc</a>. &lt;b&gt;`, "Answer from this phone")
	wantPage(t, o, "/town/phone/+12025550199", "No texts yet")
	if code, _, _ := o.get(t, "/town/phone/ana"); code != http.StatusUnprocessableEntity {
		t.Errorf("a phone that is none: %d, want 422", code)
	}
}

func TestReply(t *testing.T) {
	events := make(chan sms.Event, 10)
	hale := httptest.NewServer(sms.Callbacks("s", noon, slog.New(slog.DiscardHandler), func(_ context.Context, e sms.Event) error {
		events <- e
		return nil
	}))
	defer hale.Close()
	o := open(t, hale.URL)
	post := func(number, words string) int {
		r := httptest.NewRequest(http.MethodPost, "/town/phone/"+number, strings.NewReader(url.Values{"text": {words}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		o.pages.ServeHTTP(w, r)
		return w.Code
	}
	if got := post("+12025550111", "Hi"); got != http.StatusUnprocessableEntity {
		t.Errorf("an answer to nobody: %d, want 422", got)
	}
	o.texts.Send(t.Context(), text("+12025550111", "Hello"))
	if e := <-events; e.Kind != sms.Delivered || e.Key != "k+12025550111" || e.Ref == "" {
		t.Errorf("first event %+v, want the receipt", e)
	}
	if got := post("+12025550111", " Yes "); got != http.StatusSeeOther {
		t.Errorf("an answer: %d, want 303", got)
	}
	e := <-events
	if e.Kind != sms.Reply || e.From != "+12025550111" || e.To != "+12025550100" || e.Text != "Yes" {
		t.Errorf("second event %+v, want the answer", e)
	}
	if r := e.Report(); r.Kind != "replied" || r.Text != "Yes" || r.ID == "" {
		t.Errorf("Report = %+v", r)
	}
	wantPage(t, o, "/town/phone/+12025550111", "Sent to +12025550100", ">Yes<")
	for _, words := range []string{"", "   ", strings.Repeat("a", 601)} {
		if got := post("+12025550111", words); got != http.StatusUnprocessableEntity {
			t.Errorf("an answer of %d characters: %d, want 422", len(words), got)
		}
	}
}

// Each number and address that behaves in its own way does what its page
// says.
func TestManners(t *testing.T) {
	events := make(chan sms.Event, 20)
	hale := httptest.NewServer(sms.Callbacks("s", noon, slog.New(slog.DiscardHandler), func(_ context.Context, e sms.Event) error {
		events <- e
		return nil
	}))
	defer hale.Close()
	o := open(t, hale.URL)
	wantTexts := map[string]reach.Outcome{"bounce": reach.Rejected, "busy": reach.Temp, "vanish": reach.Uncertain}
	for _, m := range carrier.Manners() {
		if m.Name == "slow" {
			continue
		}
		h := text(m.Number, "Hello")
		r := o.texts.Send(t.Context(), h)
		want, odd := wantTexts[m.Name]
		if !odd {
			want = reach.Accepted
		}
		if r.Outcome != want {
			t.Errorf("a text to %s = %+v, want %s", m.Name, r, want)
		}
		if m.Name == "vanish" {
			if r, ok := o.texts.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Accepted {
				t.Errorf("Reconcile = %+v, %v; want accepted", r, ok)
			}
		}
	}
	kinds := map[string]int{}
	for range 6 { // five receipts and one STOP
		e := <-events
		kinds[e.Kind+e.Text]++
	}
	if kinds["failed"] != 1 || kinds["replySTOP"] != 1 || kinds["delivered"] != 4 {
		t.Errorf("events %v, want one failed, one STOP, four delivered", kinds)
	}
	wantMails := map[string]reach.Outcome{
		"bounce": reach.Rejected, "full": reach.Temp, "vanish": reach.Uncertain, "never": reach.Accepted,
	}
	for name, want := range wantMails {
		for _, to := range []string{name + "@town.example", name + ".ana@elsewhere.example"} {
			h := reach.Handoff{Key: "k" + to, To: to, Subject: "Hi", Text: "Hello"}
			if r := o.mails.Send(t.Context(), h); r.Outcome != want {
				t.Errorf("a mail to %s = %+v, want %s", to, r, want)
			}
		}
	}
	if r := o.mails.Send(t.Context(), reach.Handoff{Key: "b", To: "bouncer@town.example", Subject: "Hi", Text: "Hello"}); r.Outcome != reach.Accepted {
		t.Errorf("bouncer is somebody's name, not a manner: %+v", r)
	}
}

func TestMail(t *testing.T) {
	o := open(t, "")
	heard := make(chan mailbox.Mail, 1)
	o.mail.OnMail(func(m mailbox.Mail) { heard <- m })
	h := reach.Handoff{
		Key: "k1", To: "Ana@town.example", Subject: "Your visit, señora", Text: "See https://x.example/m/abc",
		HTML: `<p>Hi</p><script>alert(1)</script>`, Unsubscribe: "https://x.example/u/1", Level: policy.L2,
	}
	if r := o.mails.Send(t.Context(), h); r.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v", r)
	}
	m := <-heard
	if m.To != h.To || m.Subject != h.Subject || m.MessageID != "k1@clinic.example" || !m.TLS || m.Unsubscribe != h.Unsubscribe {
		t.Errorf("OnMail heard %+v", m)
	}
	path := "/town/mail/ana@town.example"
	wantPage(t, o, "/town", "Your visit, señora")
	wantPage(t, o, path, "Your visit, señora", "encrypted", `src="/town/mail/ana@town.example/1/body"`, `<a href="https://x.example/m/abc">`, "https://x.example/u/1")
	_, page, head := o.get(t, path+"/1")
	if strings.Contains(page, "<script>alert") || !strings.Contains(head.Get("Content-Security-Policy"), "frame-src 'self'") {
		t.Error("the page runs the mail's script, or may not show its frame")
	}
	code, body, head := o.get(t, path+"/1/body")
	csp := head.Get("Content-Security-Policy")
	if code != 200 || !strings.Contains(body, "<p>Hi</p>") || !strings.HasPrefix(csp, "sandbox") || strings.Contains(csp, "allow-scripts") {
		t.Errorf("the mail itself: %d, policy %q, %q", code, csp, body)
	}
	if code, _, _ := o.get(t, path+"/99"); code != http.StatusNotFound {
		t.Errorf("a mail that is not there: %d, want 404", code)
	}
}

func TestOpen(t *testing.T) {
	o := open(t, "")
	for q, want := range map[string]string{
		"+1 202 555-0111": "/town/phone/+12025550111", "ana@town.example": "/town/mail/ana@town.example",
		"ana": "/town?q=ana", "//evil.example": "/town?q=%2F%2Fevil.example",
	} {
		_, _, head := o.get(t, "/town/open?q="+url.QueryEscape(q))
		if got := head.Get("Location"); got != want {
			t.Errorf("open %q leads to %q, want %q", q, got, want)
		}
	}
}

func TestPieces(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "[]",
		"no link":                            "[{no link }]",
		"https://a.example/x.":               "[{https://a.example/x https://a.example/x} {. }]",
		"see (http://a.example/m/k), thanks": "[{see ( } {http://a.example/m/k http://a.example/m/k} {), thanks }]",
		"javascript:alert(1)":                "[{javascript:alert(1) }]",
	} {
		if got := fmt.Sprint(pieces(text)); got != want {
			t.Errorf("pieces(%q) = %s, want %s", text, got, want)
		}
	}
}
