package twilio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/inbound"
	"hale/internal/gateway/twilio"
	"hale/internal/reach"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

const (
	account = "AC00000000000000000000000000000001"
	token   = "12345"
	hooks   = "https://portal.example/hooks/text/twilio"
)

// mock is the provider. The last digit of a number says what it does: 0 takes
// it, 1 refuses, 2 is busy, 3 takes it and breaks the connection, 4 hangs, 5
// says that the person opted out.
type mock struct {
	mu   sync.Mutex
	list []map[string]any
	keys []string
	form []url.Values
	done chan struct{}
}

func (m *mock) Took() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.keys)
}

func (m *mock) Address(b channeltest.Behaviour, n int) (string, bool) {
	digit, ok := map[channeltest.Behaviour]int{channeltest.Take: 0, channeltest.RefuseNever: 1, channeltest.RefuseNow: 2, channeltest.TakeAndBreak: 3, channeltest.Hang: 4}[b]
	return fmt.Sprintf("+1202555%03d%d", n, digit), ok
}

func (m *mock) take(f url.Values) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	sid := fmt.Sprintf("SM%032d", len(m.list))
	back, _ := url.Parse(f.Get("StatusCallback"))
	m.keys = append(m.keys, back.Query().Get("key"))
	m.form = append(m.form, f)
	m.list = append(m.list, map[string]any{"sid": sid, "status": "queued", "body": f.Get("Body"), "to": f.Get("To")})
	return sid
}

func (m *mock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, pass, _ := r.BasicAuth(); user != account || pass != token || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":20003,"message":"Authenticate","status":401}`)
		return
	}
	if r.Method == http.MethodGet {
		m.find(w, r.URL.Query())
		return
	}
	_ = r.ParseForm()
	to := r.PostForm.Get("To")
	refuse := func(status, code int) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"code":%d,"message":"about %s: %s","status":%d}`, code, to, r.PostForm.Get("Body"), status)
	}
	switch to[len(to)-1] {
	case '0':
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"sid":%q,"status":"queued","error_code":null}`, m.take(r.PostForm))
	case '1':
		refuse(http.StatusBadRequest, 21211)
	case '2':
		w.Header().Set("Retry-After", "7")
		refuse(http.StatusTooManyRequests, 0)
	case '3':
		m.take(r.PostForm)
		panic(http.ErrAbortHandler)
	case '4':
		select {
		case <-m.done:
		case <-r.Context().Done():
		}
	case '5':
		refuse(http.StatusBadRequest, 21610)
	}
}

func (m *mock) find(w http.ResponseWriter, q url.Values) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := []map[string]any{}
	for _, one := range m.list {
		if one["to"] == q.Get("To") && q.Get("DateSent>") == "2026-03-01" {
			found = append(found, one)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": found, "next_page_uri": nil})
}

func open(t *testing.T, change func(*twilio.Config)) (*twilio.Gateway, *mock) {
	t.Helper()
	m := &mock{done: make(chan struct{})}
	server := httptest.NewUnstartedServer(m)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(func() { close(m.done); server.Close() })
	c := twilio.Config{Base: server.URL, Account: account, Token: token, From: "+12025550100", Callback: hooks, Now: clock}
	if change != nil {
		change(&c)
	}
	g, err := twilio.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, m
}

func TestGateway(t *testing.T) {
	channeltest.Run(t, func(t *testing.T, log *slog.Logger) channeltest.Setup {
		g, m := open(t, func(c *twilio.Config) { c.Log = log })
		return channeltest.Setup{Gateway: g, Peer: m}
	})
}

func TestGatewaySends(t *testing.T) {
	g, m := open(t, func(c *twilio.Config) { c.Service = "MG1" })
	h := reach.Handoff{Key: "k 1", To: "+12025550110", Text: "Hi", From: "+12025550199", Expires: noon.Add(90 * time.Second)}
	if r := g.Send(t.Context(), h); r.Outcome != reach.Accepted || !strings.HasPrefix(r.Ref, "SM") {
		t.Fatalf("Send = %+v", r)
	}
	want := url.Values{"To": {h.To}, "Body": {"Hi"}, "MessagingServiceSid": {"MG1"}, "StatusCallback": {hooks + "?key=k+1"}, "ValidityPeriod": {"90"}}
	if got := m.form[0].Encode(); got != want.Encode() {
		t.Errorf("posted %s, want %s", got, want.Encode())
	}
}

func TestGatewayOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   reach.Outcome
		code   string
	}{
		{"a 201 without a name", 201, `{}`, reach.Uncertain, "201"},
		{"the provider broke", 500, `{"code":20500}`, reach.Uncertain, "20500"},
		{"a proxy gave up", 502, `<html>`, reach.Uncertain, "502"},
		{"busy", 429, `{"code":20429}`, reach.Temp, "20429"},
		{"our password", 401, `{"code":20003}`, reach.Temp, "20003"},
		{"no number", 400, `{"code":21614}`, reach.Rejected, "invalid_number"},
		{"opted out", 400, `{"code":21610}`, reach.Rejected, twilio.OptedOut},
		{"a full queue", 400, `{"code":21611}`, reach.Temp, "21611"},
		{"something else", 400, `{"code":21617}`, reach.Rejected, "21617"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer server.Close()
			g, _ := open(t, func(c *twilio.Config) { c.Base = server.URL })
			if r := g.Send(t.Context(), reach.Handoff{Key: "k", To: "+12025550110", Text: "Hi"}); r.Outcome != tt.want || r.Code != tt.code {
				t.Errorf("Send = %+v, want %s %s", r, tt.want, tt.code)
			}
		})
	}
}

func TestGatewayReconcile(t *testing.T) {
	g, m := open(t, nil)
	h := reach.Handoff{Key: "in-doubt", To: "+12025550113", Text: "Hello"}
	if r := g.Send(t.Context(), h); r.Outcome != reach.Uncertain {
		t.Fatalf("Send = %+v, want uncertain", r)
	}
	if r, ok := g.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Accepted || r.Ref == "" {
		t.Errorf("Reconcile of a taken one = %+v, %v; want accepted", r, ok)
	}
	m.list[0]["status"], m.list[0]["error_code"] = "failed", 30006
	if r, ok := g.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Rejected || r.Code != "found_30006" {
		t.Errorf("Reconcile of a failed one = %+v, %v", r, ok)
	}
	h.Text = "Another"
	if r, ok := g.Reconcile(t.Context(), h); ok {
		t.Errorf("Reconcile of one that is not listed = %+v, want no answer", r)
	}
}

// The provider's own example of a signature.
func TestSignVector(t *testing.T) {
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+12349013030"}, "Digits": {"1234"}, "From": {"+12349013030"}, "To": {"+18005551212"}}
	if got := twilio.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form); got != "0/KCTR6DLpKmkAf8muzZqo1nDgQ=" {
		t.Errorf("Sign = %s", got)
	}
}

// call posts a signed form as the provider does, to us behind a proxy.
func call(h http.Handler, key string, form url.Values, change func(*http.Request)) int {
	query := ""
	if key != "" {
		query = "?key=" + url.QueryEscape(key)
	}
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.7:8080/hooks/text/twilio"+query, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(twilio.SignatureHeader, twilio.Sign(token, hooks+query, form))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestCallbacks(t *testing.T) {
	g, _ := open(t, nil)
	var got []inbound.Report
	h := g.Callbacks(func(_ context.Context, r inbound.Report) error { got = append(got, r); return nil })
	status := func(s, code string) url.Values {
		f := url.Values{"MessageSid": {"SM1"}, "MessageStatus": {s}, "To": {"+12025550110"}, "AccountSid": {account}}
		if code != "" {
			f.Set("ErrorCode", code)
		}
		return f
	}
	reply := url.Values{"MessageSid": {"SM9"}, "SmsStatus": {"received"}, "From": {"+12025550110"}, "To": {"+12025550100"}, "Body": {"Sí 🙂"}}
	tests := []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		want   int
		kind   string
	}{
		{"delivered", status("delivered", ""), nil, 200, inbound.Delivered},
		{"sent, out of order", status("sent", ""), nil, 200, inbound.Sent},
		{"queued", status("queued", ""), nil, 200, inbound.Accepted},
		{"undelivered", status("undelivered", "30003"), nil, 200, inbound.Undelivered},
		{"no such number", status("undelivered", "30005"), nil, 200, inbound.BadNumber},
		{"opted out with the network", status("failed", "21610"), nil, 200, inbound.OptedOut},
		{"a reply", reply, nil, 200, inbound.Replied},
		{"a status nobody knows", status("dreaming", ""), nil, 200, ""},
		{"changed on the way", status("delivered", ""), func(r *http.Request) { r.Body = http.NoBody }, 403, ""},
		{"another key in the address", status("delivered", ""), func(r *http.Request) { r.URL.RawQuery = "key=other" }, 403, ""},
		{"not signed", status("delivered", ""), func(r *http.Request) { r.Header.Del(twilio.SignatureHeader) }, 403, ""},
		{"by GET", status("delivered", ""), func(r *http.Request) { r.Method = http.MethodGet }, 405, ""},
	}
	for _, tt := range tests {
		got = nil
		if code := call(h, "k1", tt.form, tt.change); code != tt.want {
			t.Errorf("%s: answered %d, want %d", tt.name, code, tt.want)
		}
		if (tt.kind == "") != (len(got) == 0) || tt.kind != "" && got[0].Kind != tt.kind {
			t.Errorf("%s: reports %+v, want %q", tt.name, got, tt.kind)
		}
		if tt.kind == inbound.Replied && (got[0].Text != "Sí 🙂" || got[0].From != "+12025550110" || got[0].Key != "" || got[0].Ref != "") {
			t.Errorf("reply = %+v", got[0])
		}
		if tt.kind == inbound.Delivered && (got[0].Key != "k1" || got[0].Ref != "SM1") {
			t.Errorf("report = %+v", got[0])
		}
	}
	fails := g.Callbacks(func(context.Context, inbound.Report) error { return errors.New("the disk is full") })
	if code := call(fails, "", reply, nil); code != http.StatusInternalServerError {
		t.Errorf("a report that could not be kept: %d, want 500 so that it comes again", code)
	}
}

// A body that is no form is signed by the hash that its address carries.
func TestCallbacksJSON(t *testing.T) {
	g, _ := open(t, nil)
	h := g.Callbacks(func(context.Context, inbound.Report) error { return nil })
	post := func(sum string) int {
		query := "?bodySHA256=" + sum
		r := httptest.NewRequest(http.MethodPost, "/"+query, strings.NewReader(`{"a":1}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(twilio.SignatureHeader, twilio.Sign(token, hooks+query, nil))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := post("015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"); code != http.StatusOK {
		t.Errorf("a signed JSON body: %d", code)
	}
	if code := post(strings.Repeat("0", 64)); code != http.StatusForbidden {
		t.Errorf("a JSON body with another hash: %d", code)
	}
}

// FuzzCallbacks brings any form: what is taken was signed, and can be told
// from another.
func FuzzCallbacks(f *testing.F) {
	f.Add("MessageSid=SM1&MessageStatus=delivered", "k", true)
	f.Add("MessageSid=SM1&SmsStatus=received&From=%2B12025550110&Body=STOP", "", true)
	f.Add("%zz", "", false)
	g, err := twilio.New(twilio.Config{Account: account, Token: token, From: "+12025550100", Callback: hooks, Now: clock})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, key string, right bool) {
		var got *inbound.Report
		h := g.Callbacks(func(_ context.Context, r inbound.Report) error { got = &r; return nil })
		form, _ := url.ParseQuery(body)
		r := httptest.NewRequest(http.MethodPost, "/?key="+url.QueryEscape(key), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if right {
			r.Header.Set(twilio.SignatureHeader, twilio.Sign(token, hooks+"?key="+url.QueryEscape(key), form))
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != nil && (!right || got.ID == "" || got.Kind == "") {
			t.Fatalf("took %+v, signed %v", got, right)
		}
	})
}
