package sso_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/sso"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{at: haletest.Noon} }

// A linked identity comes in, as far as the provider's factors reach.
func TestSignOn(t *testing.T) {
	tests := []struct {
		name   string
		claims func(map[string]any)
		zone   access.Zone
	}{
		{name: "two factors", zone: access.AccountZone},
		{name: "one factor", claims: func(c map[string]any) { c["amr"] = []string{"pwd"} }},
		{name: "no word of factors", claims: func(c map[string]any) { delete(c, "amr") }},
		{name: "a minute ahead of us", claims: func(c map[string]any) { c["iat"] = haletest.Noon.Unix() + 50 }, zone: access.AccountZone},
		{name: "several audiences, for us", claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"hale", "other"}, "hale" }, zone: access.AccountZone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := newClock()
				h := newHostile(t, c.now)
				h.claims = tt.claims
				hale := newClinic(t, d, c.now, h.provider("work"))
				if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
					t.Fatal(err)
				}
				e, err := hale.signOn(t, h, "work", nil)
				if err != nil || e.ID != hale.nurse.ID {
					t.Fatalf("Finish = %+v, %v, want the nurse", e.Account, err)
				}
				in, err := hale.store.Enter(t.Context(), e, account.Browser{})
				if err != nil || in.Zone != tt.zone {
					t.Errorf("Enter = zone %d, %v, want %d", in.Zone, err, tt.zone)
				}
			})
		})
	}
}

// What is bent on its way is refused, whoever bent it.
func TestSignOnRefuses(t *testing.T) {
	strange, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*hostile) {
		return func(h *hostile) { h.claims = func(c map[string]any) { c[name] = value } }
	}
	tests := []struct {
		name   string
		spoil  func(*hostile)
		answer func(url.Values)
	}{
		{name: "another issuer in the token", spoil: claim("iss", "https://evil.example.org")},
		{name: "another issuer in the answer", answer: func(v url.Values) { v.Set("iss", "https://evil.example.org") }},
		{name: "no issuer in the answer", answer: func(v url.Values) { v.Del("iss") }},
		{name: "for another client", spoil: claim("aud", "other")},
		{name: "several audiences, for another", spoil: claim("azp", "other")},
		{name: "several audiences, for nobody in particular", spoil: claim("aud", []string{"hale", "other"})},
		{name: "another nonce", spoil: claim("nonce", "x")},
		{name: "no nonce", spoil: claim("nonce", nil)},
		{name: "no subject", spoil: claim("sub", "")},
		{name: "another subject", spoil: claim("sub", "u-2")},
		{name: "expired", spoil: claim("exp", haletest.Noon.Add(-2*time.Minute).Unix())},
		{name: "not yet", spoil: claim("nbf", haletest.Noon.Add(time.Hour).Unix())},
		{name: "from tomorrow", spoil: claim("iat", haletest.Noon.Add(24*time.Hour).Unix())},
		{name: "from yesterday", spoil: claim("iat", haletest.Noon.Add(-24*time.Hour).Unix())},
		{name: "not signed", spoil: func(h *hostile) { h.sign = none }},
		{name: "signed with the public key as a secret", spoil: func(h *hostile) {
			h.sign = func(b []byte) string { return h.jws(jose.HS256, publicPEM(h.key), b, nil) }
		}},
		{name: "signed with the client's secret", spoil: func(h *hostile) {
			h.sign = func(b []byte) string {
				return h.jws(jose.HS256, []byte("s3cret--s3cret--s3cret--s3cret--"), b, nil)
			}
		}},
		{name: "signed by a stranger", spoil: func(h *hostile) {
			h.sign = func(b []byte) string { return h.rs256(b, strange, "k1", nil) }
		}},
		{name: "keys from where the header says", spoil: func(h *hostile) {
			h.sign = func(b []byte) string {
				return h.rs256(b, strange, "evil", map[jose.HeaderKey]any{"jku": h.server.URL + "/evil", "x5u": h.server.URL + "/evil"})
			}
		}},
		{name: "the key in the header", spoil: func(h *hostile) {
			h.sign = func(b []byte) string {
				return h.rs256(b, strange, "k1", map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: &strange.PublicKey}})
			}
		}},
		{name: "no token", spoil: func(h *hostile) { h.sign = func([]byte) string { return "" } }},
		{name: "a broken token", spoil: func(h *hostile) { h.sign = func([]byte) string { return "a.b.c" } }},
		{name: "another state", answer: func(v url.Values) { v.Set("state", "x") }},
		{name: "no state", answer: func(v url.Values) { v.Del("state") }},
		{name: "two states", answer: func(v url.Values) { v.Add("state", "x") }},
		{name: "two codes", answer: func(v url.Values) { v.Add("code", "x") }},
		{name: "another code", answer: func(v url.Values) { v.Set("code", "x") }},
		{name: "declined", answer: func(v url.Values) { v.Set("error", "access_denied") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			h := newHostile(t, c.now)
			hale := newClinic(t, haletest.SQLite(t), c.now, h.provider("work"))
			if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
				t.Fatal(err)
			}
			if tt.spoil != nil {
				tt.spoil(h)
			}
			e, err := hale.signOn(t, h, "work", tt.answer)
			if kind := errs.KindOf(err); err == nil || kind != errs.Invalid && kind != errs.Forbidden {
				t.Errorf("Finish = %+v, %v, want it refused", e.Account, err)
			}
			if h.jku > 0 {
				t.Error("keys were fetched from where the token says")
			}
		})
	}
}

// An answer counts once, in the browser that began, at the provider that was
// asked, and not for long.
func TestSignOnCounts(t *testing.T) {
	c := newClock()
	h, other := newHostile(t, c.now), newHostile(t, c.now)
	hale := newClinic(t, haletest.SQLite(t), c.now, h.provider("work"), other.provider("else"))
	if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
		t.Fatal(err)
	}
	begin := func() (string, url.Values) {
		to, cookie, err := hale.client.Begin(t.Context(), "work", "/desk", false)
		if err != nil {
			t.Fatal(err)
		}
		return cookie, h.approve(to)
	}
	finish := func(name, cookie string, answer url.Values) error {
		_, _, err := hale.client.Finish(context.Background(), name, cookie, answer)
		return err
	}
	cookie, answer := begin()
	if err := finish("work", cookie, answer); err != nil {
		t.Fatalf("Finish = %v", err)
	}
	if err := finish("work", cookie, answer); err == nil {
		t.Error("the same answer counted twice")
	}
	cookie, answer = begin()
	victim, _ := begin()
	if err := finish("work", victim, answer); err == nil {
		t.Error("an answer counted in a browser that began another sign-on")
	}
	if err := finish("work", "", answer); err == nil {
		t.Error("an answer counted in a browser that began nothing")
	}
	if err := finish("else", cookie, answer); err == nil {
		t.Error("an answer counted for another provider")
	}
	cookie, answer = begin()
	c.at = c.at.Add(sso.Life)
	if err := finish("work", cookie, answer); err == nil {
		t.Error("an answer counted after its time")
	}
	if _, _, err := hale.client.Begin(t.Context(), "nowhere", "", false); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Begin at nowhere = %v, want not found", err)
	}
}

// New keys are fetched when a token names them; old ones are gone.
func TestSignOnRotation(t *testing.T) {
	c := newClock()
	h := newHostile(t, c.now)
	hale := newClinic(t, haletest.SQLite(t), c.now, h.provider("work"))
	if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
		t.Fatal(err)
	}
	old := h.key
	for _, kid := range []string{"k1", "k2", "k3"} {
		if _, err := hale.signOn(t, h, "work", nil); err != nil {
			t.Errorf("with %s: %v", kid, err)
		}
		h.turn(kid + "'")
	}
	h.sign = func(b []byte) string { return h.rs256(b, old, "k1", nil) }
	c.at = c.at.Add(2 * time.Hour)
	if _, err := hale.signOn(t, h, "work", nil); err == nil {
		t.Error("a key that the provider gave up still signs")
	}
}

// Who may come in, Hale says: by link, by a verified address where the clinic
// allows it, within domains and roles, and never when disabled.
func TestSignOnWho(t *testing.T) {
	tests := []struct {
		name   string
		linked bool
		set    func(*sso.Provider)
		claims func(map[string]any)
		off    bool
		ok     bool
		roles  []access.Role
	}{
		{name: "linked", linked: true, ok: true},
		{name: "not linked"},
		{name: "adopted by a verified address", set: func(p *sso.Provider) { p.Adopt = true }, ok: true},
		{name: "an address that is not verified", set: func(p *sso.Provider) { p.Adopt = true }, claims: func(c map[string]any) { c["email_verified"] = false }},
		{name: "an address nobody has", set: func(p *sso.Provider) { p.Adopt = true }, claims: func(c map[string]any) { c["email"] = "x@example.org" }},
		{name: "disabled here", linked: true, off: true},
		{name: "disabled here, adopted", set: func(p *sso.Provider) { p.Adopt = true }, off: true},
		{name: "inside the domain", linked: true, set: func(p *sso.Provider) { p.Domains = []string{"example.org"} }, ok: true},
		{name: "outside the domain", linked: true, set: func(p *sso.Provider) { p.Domains = []string{"ample.org"} }},
		{name: "a claim it must have", linked: true, set: func(p *sso.Provider) { p.Claims = map[string]string{"groups": "nurses"} }, ok: true},
		{name: "a claim it lacks", linked: true, set: func(p *sso.Provider) { p.Claims = map[string]string{"groups": "cooks"} }},
		{name: "roles from there", linked: true, set: func(p *sso.Provider) {
			p.RoleClaim, p.Roles = "groups", map[string]access.Role{"nurses": access.Marketer}
		}, ok: true, roles: []access.Role{access.Marketer}},
		{name: "no role there", linked: true, set: func(p *sso.Provider) { p.RoleClaim, p.Roles = "groups", map[string]access.Role{"cooks": access.Nurse} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			h := newHostile(t, c.now)
			h.claims = tt.claims
			p := h.provider("work")
			if tt.set != nil {
				tt.set(&p)
			}
			hale := newClinic(t, haletest.SQLite(t), c.now, p)
			if tt.linked {
				if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
					t.Fatal(err)
				}
			}
			if tt.off {
				if err := hale.store.Disable(t.Context(), hale.nurse.ID); err != nil {
					t.Fatal(err)
				}
			}
			e, err := hale.signOn(t, h, "work", nil)
			if (err == nil) != tt.ok {
				t.Fatalf("Finish = %+v, %v, want ok=%t", e.Account, err, tt.ok)
			}
			if len(tt.roles) > 0 && (len(e.Roles) != 1 || e.Roles[0] != tt.roles[0]) {
				t.Errorf("roles = %v, want %v", e.Roles, tt.roles)
			}
		})
	}
}

// What the provider proved hours ago is no fresh proof.
func TestSignOnIsNotFresh(t *testing.T) {
	c := newClock()
	h := newHostile(t, c.now)
	h.claims = func(m map[string]any) { m["auth_time"] = c.at.Add(-time.Hour).Unix() }
	hale := newClinic(t, haletest.SQLite(t), c.now, h.provider("work"))
	if err := hale.store.Link(t.Context(), hale.nurse.ID, h.server.URL, "u-1"); err != nil {
		t.Fatal(err)
	}
	e, err := hale.signOn(t, h, "work", nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := hale.store.Enter(t.Context(), e, account.Browser{})
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := hale.store.Actor(t.Context(), in.Token)
	if err != nil || !a.Proof.At.Equal(c.at.Add(-time.Hour)) {
		t.Errorf("Proof = %+v, %v, want the time when the provider proved it", a.Proof, err)
	}
}
