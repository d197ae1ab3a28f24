package app

import (
	"net/http"
	"net/url"
	"testing"

	"hale/internal/access/client"
)

// A public app need not name itself when it refreshes, and fhirclient does
// not. An app that can prove itself must, and a token that is none, or was
// used before, opens nothing.
//
// Spec: RFC 6749 §3.2.1, §6
func TestSMARTRefreshUnnamed(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		unnamed := func(token string) reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		}
		first := k.tokens("ada", k.web)
		next := unnamed(first.Refresh)
		if next.Status != http.StatusOK || next.Patient != "ada" || next.Refresh == first.Refresh {
			t.Fatalf("refresh without a name = %d %v", next.Status, next.All)
		}
		for _, c := range []client.Client{k.secret, k.rival, k.keyed} {
			if got := unnamed(k.tokens("ada", c).Refresh); got.Status != http.StatusUnauthorized || got.Error != "invalid_client" {
				t.Errorf("%s refreshes without a proof: %d %v", c.Name, got.Status, got.All)
			}
		}
		for name, token := range map[string]string{"none": "nonsense", "an access token": next.Access} {
			if got := unnamed(token); got.Status != http.StatusBadRequest || got.Error != "invalid_grant" {
				t.Errorf("refresh with %s = %d %v", name, got.Status, got.All)
			}
		}
		if got := unnamed(first.Refresh); got.Error != "invalid_grant" {
			t.Errorf("a used token = %d %v", got.Status, got.All)
		}
		if got := unnamed(next.Refresh); got.Error != "invalid_grant" {
			t.Errorf("after a used token came again, its successor = %d %v", got.Status, got.All)
		}
		for _, v := range []url.Values{{"grant_type": {"refresh_token"}}, {"grant_type": {"authorization_code"}, "code": {"c"}, "refresh_token": {next.Refresh}}} {
			if got := k.post("/oauth/token", v); got.Error != "invalid_client" {
				t.Errorf("%v = %d %v", v, got.Status, got.All)
			}
		}
	})
}
