package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A program that was let in at the console is listed, and can be kept out and
// let in again; one that is described wrongly is refused before anything is
// opened.
func TestApps(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		keys := s.path("keys.json")
		set := `{"keys":[{"kty":"EC","crv":"P-384","kid":"k","use":"sig","alg":"ES384",
			"x":"JQKTsV6PT5Szf4QtDA1qrs0EJ1pbimQmM2SKvzOlIAqlph3h1OHmZ2i7MXahIF2C","y":"bRWWQRJBgDa6CTgwofYrHjVGcO-A7WNEnu4oJA5OUJPPPpczgx1g2NsfinK-D2Rw"}]}`
		if err := os.WriteFile(keys, []byte(set), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := s.run(0, "app", "add", "--jwks", keys, "--scopes", "system/*.rs", "Warehouse")
		words := strings.Fields(out)
		id := words[len(words)-1]
		var list []struct {
			ID     string `json:"client_id"`
			Name   string `json:"name"`
			Status string `json:"status"`
		}
		status := func() string {
			t.Helper()
			text, _ := s.run(0, "app", "list", "--json")
			if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 || list[0].ID != id || list[0].Name != "Warehouse" {
				t.Fatalf("list: %v %v", list, err)
			}
			return list[0].Status
		}
		if got := status(); got != "approved" {
			t.Errorf("added: %s", got)
		}
		s.run(0, "app", "suspend", id)
		if got := status(); got != "suspended" {
			t.Errorf("suspended: %s", got)
		}
		s.run(0, "app", "approve", id)
		if got := status(); got != "approved" {
			t.Errorf("approved: %s", got)
		}
		out, _ = s.run(0, "app", "add", "--secret", "--redirect", "https://app.example/back", "--scopes", "launch/patient patient/*.rs", "Steps")
		if !strings.Contains(out, "shown this once: ") {
			t.Errorf("the secret is not shown: %s", out)
		}
		s.run(2, "app", "add", "Nothing")
		s.run(2, "app", "add", "--scopes", "system/*.rs", "Keyless")
		s.run(1, "app", "suspend", "nobody")
	})
}
