package journey_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/outbound"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/hook"
	"hale/internal/reach/journey"
	"hale/internal/store/db"
)

// A step that tells a program does so by a signed call, again until it is
// taken, and holds nobody up; one whose webhook has ended goes the other way.
func TestHook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		var bodies, signs []string
		status := http.StatusInternalServerError
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies, signs = append(bodies, string(body)), append(signs, r.Header.Get(outbound.SignatureHeader))
			w.WriteHeader(status)
		}))
		defer server.Close()
		hooks := hook.New(hook.Config{DB: d, IDs: c.s.IDs, Keys: c.reach.Keys, Client: server.Client(), Plain: true, Now: c.clock})
		c.s.Hooks = hooks
		ctx, pass := t.Context(), haletest.Everyone(t, d, access.RunOutreach)
		h, secret, err := hooks.Add(ctx, pass, server.URL, []string{"bounced"})
		if err != nil {
			t.Fatal(err)
		}
		def := journey.Definition{Name: "Tell the bus", Trigger: journey.Trigger{On: journey.VisitBooked}, Nodes: []journey.Node{
			{ID: "tell", Kind: journey.Hook, Hook: h.ID, Else: "off"}, {ID: "end", Kind: journey.Exit, Name: "told"}, {ID: "off", Kind: journey.Exit, Name: "not told"},
		}}
		c.put(person("maria", 1))
		id := c.run(def)
		c.put(visitAt("v1", "maria", "booked", midday.Add(72*time.Hour)))
		c.turn()
		step := func() {
			t.Helper()
			if _, err := hooks.Step(ctx); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if got := c.text(`select outcome from enrolment where journey = $1`, id); got != "told" || len(bodies) != 1 {
			t.Fatalf("a program that fails holds her up: %q after %d calls", got, len(bodies))
		}
		status = http.StatusOK
		c.pass(time.Hour)
		step()
		step()
		if len(bodies) != 2 || signs[1] != outbound.Sign(secret, c.clock(), []byte(bodies[1])) {
			t.Fatalf("%d calls, the last signed %v", len(bodies), signs)
		}
		var in struct{ Events []hook.Event }
		if err := json.Unmarshal([]byte(bodies[1]), &in); err != nil || len(in.Events) != 1 {
			t.Fatalf("told %s", bodies[1])
		}
		if e := in.Events[0]; e.Type != "journey.step" || e.Patient != "maria" || e.Journey != id || e.Step != "tell" || e.Enrolment == "" || strings.Contains(bodies[1], "Doe") {
			t.Errorf("told %+v", e)
		}
		if lines, err := c.s.Rehearse(ctx, pass, def, "maria", c.clock(), time.Time{}, journey.Looks); err != nil || len(lines) != 2 || !strings.Contains(lines[0].Words, "signed call") {
			t.Errorf("rehearsed %+v, %v", lines, err)
		}
		if err := hooks.End(ctx, pass, h.ID); err != nil {
			t.Fatal(err)
		}
		c.put(visitAt("v2", "maria", "booked", midday.Add(96*time.Hour)))
		c.turn()
		if n := c.count(`select count(*) from enrolment where journey = $1 and outcome = 'not told'`, id); n != 1 {
			t.Errorf("%d went the other way, want 1", n)
		}
	})
}

// The times between channels of a step are those of its outreach.
func TestWaits(t *testing.T) {
	c := open(t, haletest.SQLite(t))
	def := reminder()
	def.Nodes[1].Reach.Waits = map[reach.Channel]string{reach.SMS: "4h"}
	def.Nodes[1].Reach.NextAfter = "2d"
	c.put(person("maria", 1))
	c.run(def)
	if got := c.text(`select plan from outreach where kind = 'journey'`); !strings.Contains(got, `"waits":{"sms":14400000000000}`) {
		t.Errorf("the outreach = %s", got)
	}
	pass := haletest.Everyone(t, c.d, access.RunOutreach)
	def.Nodes[1].Reach.Waits[reach.SMS] = "soon"
	if err := c.s.Problem(pass, def); err == nil || !strings.Contains(err.Error(), "after text") {
		t.Errorf("a wait of %q = %v", "soon", err)
	}
}
