package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/reach"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// program is a program of the clinic's own with a key.
type program struct {
	t      *testing.T
	base   string
	secret string
}

// ask sends a request and returns the status and the answer.
func (p program) ask(method, path, body string, headers ...string) (int, map[string]any) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.base+"/api/outreach/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.secret != "" {
		r.Header.Set("Authorization", "Bearer "+p.secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			p.t.Fatalf("%s %s = %d %s", method, path, res.StatusCode, text)
		}
	}
	return res.StatusCode, answer
}

// A program writes to a person once, however often it asks, and hears what
// became of it.
func TestOutreachAPI(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		heard := make(chan []byte, 10)
		ear := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // cut short it is no JSON
			heard <- body
		}))
		defer ear.Close()
		c := config(url)
		c.HookHosts = []string{"127.0.0.1"}
		a, err := New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		server := httptest.NewServer(a.Handler())
		defer server.Close()
		if _, err := a.Importer("clinic").ImportStream(t.Context(), "two.ndjson", strings.NewReader(twoPatients), nil); err != nil {
			t.Fatal(err)
		}
		pass, err := a.Doors.CheckAll(t.Context(), access.SystemActor("console", access.RunOutreach), access.RunOutreach)
		if err != nil {
			t.Fatal(err)
		}
		_, secret, err := a.Hooks.MakeKey(t.Context(), pass, "Optician")
		if err != nil {
			t.Fatal(err)
		}
		var open reach.Outreach
		err = a.db.Tx(t.Context(), func(tx *db.Tx) (err error) {
			open, err = a.Reach.Open(t.Context(), tx, pass, reach.Outreach{Name: "Order ready", Purpose: "care", Kind: reach.API, Template: template.Template{Sensitivity: 2, Parts: []template.Part{
				{Channel: template.Page, Lang: "en", Subject: "Your order is ready", Body: "Please pick it up."},
				{Channel: template.Page, Lang: "es", Subject: "Su pedido está listo", Body: "Puede pasar por él."},
			}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p := program{t, server.URL, secret}
		if status, _ := (program{t, server.URL, ""}).ask("GET", "/outreach", ""); status != 401 {
			t.Errorf("without a key: %d", status)
		}
		status, hook := p.ask("POST", "/webhooks", `{"url":"`+ear.URL+`/hale","kinds":["delivered"]}`)
		if status != 201 || hook["secret"] == "" {
			t.Fatalf("POST /webhooks = %d %v", status, hook)
		}
		people := "/outreach/" + open.ID + "/people"
		var intents []string
		for range 2 {
			status, got := p.ask("POST", people, `{"patient":"Patient/ada"}`, "Idempotency-Key", "order-1")
			if status != 202 {
				t.Fatalf("POST people = %d %v", status, got)
			}
			intents = append(intents, got["people"].([]any)[0].(map[string]any)["intent"].(string))
		}
		if intents[0] != intents[1] {
			t.Errorf("one order made two intents: %v", intents)
		}
		if status, got := p.ask("GET", "/intents/"+intents[0], ""); status != 200 || got["patient"] != "ada" {
			t.Errorf("GET intent = %d %v", status, got)
		}
		if status, got := p.ask("GET", "/outreach/"+open.ID, ""); status != 200 || got["balanced"] != true {
			t.Errorf("GET outreach = %d %v", status, got)
		}
		if status, got := p.ask("POST", "/foreign-sends", `{"sends":[{"ref":"a","patient":"ada","channel":"sms","class":"care","at":"`+c.Now().Format(time.RFC3339)+`"}]}`); status != 200 || got["counted"] != 1.0 {
			t.Errorf("POST foreign-sends = %d %v", status, got)
		}
		for _, bad := range []struct{ method, path, body, want string }{
			{"POST", people, `{"patient":"ada"}`, "people[0].trigger"},
			{"POST", people, `{"trigger":"x"}`, "people[0].patient"},
			{"POST", people, `{"patient":"ada","trigger":"x","shout":true}`, "shout"},
			{"POST", people, `{"patient":7}`, "patient"},
			{"POST", people, `[`, "JSON"},
			{"POST", people, `{"patient":"ada","trigger":"x"} {}`, "follows"},
			{"POST", "/foreign-sends", `{"sends":[]}`, "sends"},
			{"POST", "/supersede", `{}`, "key"},
			{"POST", "/webhooks", `{"url":"gopher://x"}`, "https"},
		} {
			if status, got := p.ask(bad.method, bad.path, bad.body); status != 400 || !strings.Contains(got["error"].(string), bad.want) {
				t.Errorf("%s %s %s = %d %v, want 400 naming %s", bad.method, bad.path, bad.body, status, got, bad.want)
			}
		}
		for _, path := range []string{"/outreach/none", "/intents/none", "/nothing"} {
			if status, _ := p.ask("GET", path, ""); status != 404 {
				t.Errorf("GET %s = %d, want 404", path, status)
			}
		}
		if _, err := a.db.ExecContext(t.Context(), `insert into message_event (id, message, kind, at, received_at, dedupe) values ($1, 'm', 'delivered', 0, 0, 'd')`, a.ids.New()); err != nil {
			t.Fatal(err)
		}
		if n, err := a.Hooks.Step(t.Context()); err != nil || n != 1 {
			t.Errorf("Step = %d, %v", n, err)
		}
		select {
		case body := <-heard:
			if !strings.Contains(string(body), `"message.delivered"`) {
				t.Errorf("the webhook heard %s", body)
			}
		case <-time.After(5 * time.Second):
			t.Error("the webhook heard nothing")
		}
		if status, _ := p.ask("DELETE", "/webhooks/"+hook["id"].(string), ""); status != 204 {
			t.Errorf("DELETE webhook = %d", status)
		}
		if res, err := http.Get(server.URL + "/api/outreach/v1/openapi.json"); err != nil || res.StatusCode != 200 {
			t.Errorf("the description: %v %v", res, err)
		}
	})
}
