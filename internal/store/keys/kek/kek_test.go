package kek

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/base/shares"
	"hale/internal/store/keys"
)

// vault is a server that answers as the documentation of Vault's transit
// engine says: paths, bodies, versions, errors. It is no Vault: what this
// proves is that the documented interface is spoken rightly.
type vault struct {
	mu        sync.Mutex
	versions  [][]byte // AES-256 keys; version 1 first
	oldest    int      // min_decryption_version
	sealed    bool
	slow      time.Duration
	namespace string
	token     string
	deny      string // a path prefix that the token's policy does not allow
	asked     []string
}

func newVault() *vault {
	v := &vault{oldest: 1, token: "hvs.right"}
	v.rotate()
	return v
}

func (v *vault) rotate() {
	k := make([]byte, 32)
	_, _ = rand.Read(k)
	v.versions = append(v.versions, k)
}

func fail(w http.ResponseWriter, status int, said ...string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]string{"errors": append([]string{}, said...)})
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	time.Sleep(v.slow)
	v.asked = append(v.asked, r.Method+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	if v.sealed {
		fail(w, http.StatusServiceUnavailable, "Vault is sealed")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/transit/")
	if r.Header.Get("X-Vault-Token") != v.token || v.deny != "" && strings.HasPrefix(path, v.deny) {
		fail(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	if !ok || r.Header.Get("X-Vault-Namespace") != v.namespace {
		fail(w, http.StatusNotFound, "no handler for route \""+strings.TrimPrefix(r.URL.Path, "/v1/")+"\". route entry not found.")
		return
	}
	var in struct{ Plaintext, Ciphertext string }
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			fail(w, http.StatusBadRequest, "failed to parse JSON input")
			return
		}
	}
	v.transit(w, r.Method+" "+path, in.Plaintext, in.Ciphertext)
}

func (v *vault) transit(w http.ResponseWriter, what, plaintext, ciphertext string) {
	send := func(data map[string]any) { _ = json.NewEncoder(w).Encode(map[string]any{"data": data}) }
	switch what {
	case "POST encrypt/hale":
		if _, err := base64.StdEncoding.DecodeString(plaintext); err != nil || plaintext == "" {
			fail(w, http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		send(map[string]any{"ciphertext": v.encrypt(plaintext), "key_version": len(v.versions)})
	case "POST decrypt/hale", "POST rewrap/hale":
		plain, said := v.decrypt(ciphertext)
		if said != "" {
			fail(w, http.StatusBadRequest, said)
			return
		}
		if strings.HasSuffix(what, "rewrap/hale") {
			send(map[string]any{"ciphertext": v.encrypt(plain), "key_version": len(v.versions)})
			return
		}
		send(map[string]any{"plaintext": plain})
	case "POST keys/hale/rotate":
		v.rotate()
		send(map[string]any{"latest_version": len(v.versions)})
	case "GET keys/hale":
		send(map[string]any{"type": "aes256-gcm96", "latest_version": len(v.versions), "min_decryption_version": v.oldest, "deletion_allowed": false})
	default:
		if strings.HasPrefix(what, "POST") {
			fail(w, http.StatusBadRequest, "encryption key not found")
			return
		}
		fail(w, http.StatusNotFound)
	}
}

func (v *vault) aead(version int) cipher.AEAD {
	block, _ := aes.NewCipher(v.versions[version-1])
	a, _ := cipher.NewGCM(block)
	return a
}

func (v *vault) encrypt(plain string) string {
	n := len(v.versions)
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce)
	return fmt.Sprintf("vault:v%d:%s", n, base64.StdEncoding.EncodeToString(v.aead(n).Seal(nonce, nonce, []byte(plain), nil)))
}

func (v *vault) decrypt(ciphertext string) (plain, said string) {
	parts := strings.SplitN(ciphertext, ":", 3)
	if len(parts) != 3 || parts[0] != "vault" || !strings.HasPrefix(parts[1], "v") {
		return "", "invalid ciphertext: no prefix"
	}
	n, err := strconv.Atoi(parts[1][1:])
	switch {
	case err != nil:
		return "", "invalid ciphertext: version number could not be decoded"
	case n > len(v.versions) || n < 1:
		return "", "invalid ciphertext: version is too new"
	case n < v.oldest:
		return "", "ciphertext or signature version is disallowed by policy (too old)"
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) < 12 {
		return "", "invalid ciphertext: could not decode base64"
	}
	out, err := v.aead(n).Open(nil, raw[:12], raw[12:], nil)
	if err != nil {
		return "", "cipher: message authentication failed"
	}
	return string(out), ""
}

// serve starts v and returns a wrapper that trusts its certificate.
func serve(t *testing.T, v *vault, change func(*VaultConfig)) *VaultKey {
	t.Helper()
	s := httptest.NewTLSServer(v)
	t.Cleanup(s.Close)
	c := VaultConfig{Address: s.URL, Token: "hvs.right", CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
	if change != nil {
		change(&c)
	}
	k, err := NewVault(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVault(t *testing.T) {
	v := newVault()
	v.namespace = "clinic"
	k := serve(t, v, func(c *VaultConfig) { c.Namespace = "clinic" })
	one, err := k.Wrap(t.Context(), []byte("roots"))
	if err != nil || !strings.HasPrefix(one, "vault:v1:") {
		t.Fatalf("Wrap = %q, %v", one, err)
	}
	if err := k.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	two, err := k.Rewrap(t.Context(), one)
	if err != nil || !strings.HasPrefix(two, "vault:v2:") {
		t.Fatalf("Rewrap = %q, %v", two, err)
	}
	for _, wrapped := range []string{one, two} {
		if plain, err := k.Unwrap(t.Context(), wrapped); err != nil || string(plain) != "roots" {
			t.Errorf("Unwrap(%.9s) = %q, %v", wrapped, plain, err)
		}
	}
	v.oldest = 2
	if plain, err := k.Unwrap(t.Context(), one); !errors.Is(err, ErrVaultOld) {
		t.Errorf("Unwrap of a version that is not opened any more = %q, %v, want ErrVaultOld", plain, err)
	}
	if newest, oldest, err := k.Versions(t.Context()); newest != 2 || oldest != 2 || err != nil {
		t.Errorf("Versions = %d, %d, %v", newest, oldest, err)
	}
}

func TestVaultRefuses(t *testing.T) {
	tests := []struct {
		name   string
		vault  func(*vault)
		config func(*VaultConfig)
		want   error
	}{
		{"sealed", func(v *vault) { v.sealed = true }, nil, ErrVaultSealed},
		{"another token", func(v *vault) { v.token = "hvs.other" }, nil, ErrVaultDenied},
		{"a policy", func(v *vault) { v.deny = "decrypt/" }, nil, ErrVaultDenied},
		{"no such key", nil, func(c *VaultConfig) { c.Key = "other" }, ErrVaultKey},
		{"no such mount", nil, func(c *VaultConfig) { c.Mount = "elsewhere" }, ErrVaultKey},
		{"another namespace", nil, func(c *VaultConfig) { c.Namespace = "x" }, ErrVaultKey},
		{"an unknown certificate", nil, func(c *VaultConfig) { c.CA = nil }, ErrVaultAway},
		{"too slow", func(v *vault) { v.slow = 200 * time.Millisecond }, func(c *VaultConfig) { c.Timeout = 20 * time.Millisecond }, ErrVaultAway},
		{"nobody there", nil, func(c *VaultConfig) { c.Address = "https://127.0.0.1:1" }, ErrVaultAway},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newVault()
			wrapped := v.encrypt(base64.StdEncoding.EncodeToString([]byte("roots")))
			if tt.vault != nil {
				tt.vault(v)
			}
			k := serve(t, v, tt.config)
			plain, err := k.Unwrap(t.Context(), wrapped)
			if !errors.Is(err, tt.want) {
				t.Errorf("Unwrap = %q, %v, want %v", plain, err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hvs.") || strings.Contains(err.Error(), wrapped)) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	k := serve(t, newVault(), nil)
	for _, wrapped := range []string{"", "v1.x", "vault:v9:AAAA", "vault:v1:", "vault:vx:AA", "vault:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if _, err := k.Unwrap(t.Context(), wrapped); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Unwrap(%q) = %v, want a refusal", wrapped, err)
		}
	}
}

// quick is work that a test can afford.
func quick() Work {
	w := NewWork()
	w.Memory, w.Passes, w.Lanes = 19<<10, 1, 1
	return w
}

func some() keys.Roots {
	return keys.Roots{Root: seal.NewKey(), Before: []seal.Key{seal.NewKey()}, Hash: seal.NewKey(), File: seal.NewKey(), Next: seal.NewKey()}
}

func same(a, b keys.Roots) bool {
	x, _ := marshal(a)
	y, _ := marshal(b)
	return bytes.Equal(x, y)
}

// Every kind of key holds to the same: what it wraps opens by it alone,
// shares open it, too, and go on doing so when key and roots change.
func TestBox(t *testing.T) {
	pass := func(words string) Wrapper {
		k, err := FromPassphrase(words, quick())
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	kinds := map[string][2]Wrapper{
		"file":       {FromFile(seal.NewKey()), FromFile(seal.NewKey())},
		"passphrase": {pass("seven green boats sail"), pass("seven green boats sank")},
		"vault":      {serve(t, newVault(), nil), serve(t, newVault(), nil)},
	}
	for name, by := range kinds {
		t.Run(name, func(t *testing.T) {
			roots := some()
			b, err := Box{Kind: Kind(name)}.With(t.Context(), by[0], roots)
			if err != nil {
				t.Fatal(err)
			}
			text, err := b.Text()
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range []seal.Key{roots.Root, roots.Hash, roots.File, roots.Next} {
				if bytes.Contains(text, []byte(k.Hex())) {
					t.Error("a root lies open in the box")
				}
			}
			b.Kind = File // the passphrase's work is not kept by this test
			if text, err = b.Text(); err != nil {
				t.Fatal(err)
			}
			if b, err = Read(text); err != nil {
				t.Fatal(err)
			}
			if got, err := b.Open(t.Context(), by[0]); err != nil || !same(got, roots) {
				t.Errorf("Open = %v, %v", got, err)
			}
			if _, err := b.Open(t.Context(), by[1]); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Open by another key = %v, want a refusal", err)
			}
			b, list, err := b.Shares(t.Context(), by[0], rand.Reader)
			if err != nil || len(list) != 3 {
				t.Fatalf("Shares = %d, %v", len(list), err)
			}
			roots.Root = seal.NewKey()
			if b, err = b.With(t.Context(), by[1], roots); err != nil {
				t.Fatal(err)
			}
			for i := range list {
				typed, err := shares.Parse(list[i].String())
				if err != nil {
					t.Fatal(err)
				}
				if got, err := b.FromShares(typed, list[(i+2)%3]); err != nil || !same(got, roots) {
					t.Errorf("FromShares = %v, %v", got, err)
				}
				if _, err := b.FromShares(typed); errs.KindOf(err) != errs.Invalid {
					t.Errorf("one share alone = %v, want a refusal", err)
				}
			}
			_, more, err := b.Shares(t.Context(), by[1], rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.FromShares(more[0], more[1]); err == nil {
				t.Error("shares of another set open the box")
			}
		})
	}
}

func TestPassphrase(t *testing.T) {
	w := quick()
	a, err := FromPassphrase("caf\u00e9 with seven spoons", w)
	if err != nil {
		t.Fatal(err)
	}
	b, err := FromPassphrase("cafe\u0301 with seven spoons", w) // the same letters, written otherwise
	if err != nil || !a.k.Equal(b.k) {
		t.Errorf("another spelling of é is another key, %v", err)
	}
	if _, err := FromPassphrase("too short", w); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a short passphrase = %v, want a refusal", err)
	}
	for name, change := range map[string]func(*Work){
		"cheap": func(w *Work) { w.Memory = 8 }, "huge": func(w *Work) { w.Memory = 1 << 30 }, "no salt": func(w *Work) { w.Salt = "" }, "never": func(w *Work) { w.Passes = 0 },
	} {
		forged := w
		change(&forged)
		if _, err := FromPassphrase("seven green boats sail", forged); err == nil {
			t.Errorf("work that is %s is done", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	b, _ := Box{Kind: File}.With(context.Background(), FromFile(seal.NewKey()), some())
	text, _ := b.Text()
	f.Add(text)
	f.Add([]byte(`{"format":1,"sealed":"v1.","kek":"passphrase","work":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Read(text)
		if err != nil {
			return
		}
		if _, err := b.Open(t.Context(), FromFile(seal.NewKey())); err == nil {
			t.Error("a new key opens a box")
		}
		again, err := b.Text()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(again); err != nil {
			t.Errorf("what Read takes, Text writes and Read refuses: %v", err)
		}
	})
}
