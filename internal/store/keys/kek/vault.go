package kek

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/outbound"
)

// VaultConfig is a key of HashiCorp Vault's transit engine.
//
// Spec: https://developer.hashicorp.com/vault/api-docs/secret/transit
type VaultConfig struct {
	Address   string // https://vault.example.org:8200
	Mount     string // where the engine is mounted; empty: transit
	Key       string // the key's name; empty: hale
	Namespace string
	Token     string
	CA        []byte        // PEM; empty: the system's authorities
	Timeout   time.Duration // zero: 10 s
}

// VaultKey wraps by a key that never leaves a Vault.
type VaultKey struct {
	c      VaultConfig
	client *http.Client
}

// The errors: what an operator can do about each is another thing.
var (
	ErrVaultSealed = errs.New(errs.Unavailable, "The Vault is sealed. Somebody has to unseal it; Hale cannot start before.")
	ErrVaultAway   = errs.New(errs.Unavailable, "The Vault cannot be reached. Is its address right, and its certificate known ([keys.vault] ca)?")
	ErrVaultDenied = errs.New(errs.Forbidden, "The Vault refuses: the token is wrong or has ended, or its policy does not allow this on the key.")
	ErrVaultKey    = errs.New(errs.NotFound, "The Vault has no such key or no transit engine there. Are mount, key and namespace right?")
	ErrVaultOld    = errs.New(errs.Invalid, "The Vault no longer opens this version: the key's min_decryption_version is above it.")
	ErrVaultBusy   = errs.New(errs.Unavailable, "The Vault limits how often it is asked, or is a standby. Try again.")
	errVault       = errs.New(errs.Internal, "The Vault answered something unexpected.")
)

// NewVault returns the wrapper of c.
func NewVault(c VaultConfig) (*VaultKey, error) {
	c.Mount, c.Key = cmp.Or(strings.Trim(c.Mount, "/"), "transit"), cmp.Or(c.Key, "hale")
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	u, err := url.Parse(c.Address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errs.New(errs.Invalid, "keys.vault.address must begin with https://.")
	}
	if c.Token == "" {
		return nil, errs.New(errs.Invalid, "There is no token for the Vault: set HALE_VAULT_TOKEN, or token_file under [keys.vault].")
	}
	client, err := outbound.New(outbound.Config{Private: true, Hosts: []string{u.Hostname()}, CA: c.CA, Timeout: c.Timeout, MaxBody: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("kek: vault: %w", err)
	}
	return &VaultKey{c, client}, nil
}

// answer is what the transit engine sends.
type answer struct {
	Data struct {
		Ciphertext string `json:"ciphertext"`
		Plaintext  string `json:"plaintext"`
		Latest     int    `json:"latest_version"`
		Oldest     int    `json:"min_decryption_version"`
	} `json:"data"`
	Errors []string `json:"errors"`
}

// Wrap has the Vault encrypt plain with the key's newest version.
func (v *VaultKey) Wrap(ctx context.Context, plain []byte) (string, error) {
	a, err := v.ask(ctx, http.MethodPost, "encrypt/"+v.c.Key, map[string]string{"plaintext": base64.StdEncoding.EncodeToString(plain)})
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(a.Data.Ciphertext, "vault:v") {
		return "", errVault
	}
	return a.Data.Ciphertext, nil
}

// Unwrap has the Vault decrypt.
func (v *VaultKey) Unwrap(ctx context.Context, wrapped string) ([]byte, error) {
	if !strings.HasPrefix(wrapped, "vault:v") {
		return nil, ErrWrong
	}
	a, err := v.ask(ctx, http.MethodPost, "decrypt/"+v.c.Key, map[string]string{"ciphertext": wrapped})
	if err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(a.Data.Plaintext)
	if err != nil || len(plain) == 0 {
		return nil, errVault
	}
	return plain, nil
}

// Rewrap has the Vault encrypt anew, with the newest version, what an older
// one wrapped; it does not come out of the Vault.
func (v *VaultKey) Rewrap(ctx context.Context, wrapped string) (string, error) {
	a, err := v.ask(ctx, http.MethodPost, "rewrap/"+v.c.Key, map[string]string{"ciphertext": wrapped})
	if err == nil && !strings.HasPrefix(a.Data.Ciphertext, "vault:v") {
		err = errVault
	}
	return a.Data.Ciphertext, err
}

// Rotate makes a new version of the key in the Vault.
func (v *VaultKey) Rotate(ctx context.Context) error {
	_, err := v.ask(ctx, http.MethodPost, "keys/"+v.c.Key+"/rotate", nil)
	return err
}

// Versions returns the newest version of the key, and the oldest that the
// Vault still opens.
func (v *VaultKey) Versions(ctx context.Context) (newest, oldest int, err error) {
	a, err := v.ask(ctx, http.MethodGet, "keys/"+v.c.Key, nil)
	return a.Data.Latest, a.Data.Oldest, err
}

func (v *VaultKey) ask(ctx context.Context, method, path string, in any) (a answer, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return a, fmt.Errorf("kek: vault: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(v.c.Address, "/")+"/v1/"+v.c.Mount+"/"+path, body)
	if err != nil {
		return a, errs.New(errs.Invalid, "keys.vault.address, mount and key do not make an address.")
	}
	req.Header.Set("X-Vault-Token", v.c.Token)
	req.Header.Set("X-Vault-Request", "true")
	if v.c.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.c.Namespace)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return a, ErrVaultAway.Because(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return a, ErrVaultAway.Because(err)
	}
	if len(text) > 0 {
		err = json.Unmarshal(text, &a)
	}
	if res.StatusCode/100 != 2 {
		return a, refused(res.StatusCode, a.Errors)
	}
	if err != nil {
		return a, errVault.Because(err)
	}
	return a, nil
}

// refused says what a status and the Vault's own words mean.
//
// Spec: https://developer.hashicorp.com/vault/api-docs#http-status-codes
func refused(status int, said []string) error {
	words := strings.Join(said, "; ")
	cause := fmt.Errorf("vault: status %d: %s", status, words)
	switch {
	case status == http.StatusServiceUnavailable:
		return ErrVaultSealed.Because(cause)
	case status == http.StatusForbidden:
		return ErrVaultDenied.Because(cause)
	case status == http.StatusNotFound || strings.Contains(words, "encryption key not found"):
		return ErrVaultKey.Because(cause)
	case status == http.StatusTooManyRequests || status == 472 || status == 473:
		return ErrVaultBusy.Because(cause)
	case strings.Contains(words, "too old"):
		return ErrVaultOld.Because(cause)
	case status == http.StatusBadRequest:
		return ErrWrong.Because(cause)
	}
	return errVault.Because(cause)
}

// IsDenied says whether a Vault's policy refused, which for Rotate means
// that somebody else turns the key there.
func IsDenied(err error) bool { return errors.Is(err, ErrVaultDenied) }
