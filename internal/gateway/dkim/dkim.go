// Package dkim keeps the keys that sign outgoing mail, and signs with them.
//
// A domain signs with an RSA key and an Ed25519 key under one selector, so
// that old verifiers and new ones find one that they know. A new selector is
// published first and used later; an old one stays published until no mail of
// its time is under way.
//
// Spec: RFC 6376 (DKIM), RFC 8463 (Ed25519), RFC 8301 (RSA of 2048 bits)
package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Algorithm is how a key signs.
type Algorithm string

// The algorithms.
const (
	RSA     Algorithm = "rsa"
	Ed25519 Algorithm = "ed25519"
)

// bits is the length of RSA keys: what RFC 8301 advises, and as much as fits
// into one DNS answer everywhere.
const bits = 2048

// Key is one key of a domain, without its secret.
type Key struct {
	ID        string    `json:"id"`
	Domain    string    `json:"domain"`
	Selector  string    `json:"selector"`
	Algorithm Algorithm `json:"algorithm"`
	Public    string    `json:"public"` // what p= holds
	Made      time.Time `json:"made"`
	Active    time.Time `json:"active,omitzero"`  // signs since; zero: waits
	Retired   time.Time `json:"retired,omitzero"` // signs no more since
}

// State is where a key is in its life.
func (k Key) State() string {
	switch {
	case !k.Retired.IsZero():
		return "retired"
	case !k.Active.IsZero():
		return "signs"
	}
	return "waits"
}

// Name is the name of the DNS record.
func (k Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the text of the DNS record (RFC 6376, 3.6.1).
func (k Key) Record() string {
	return "v=DKIM1; k=" + string(k.Algorithm) + "; p=" + k.Public
}

// Line is the record as a zone file has it, in pieces of at most 255 bytes.
func (k Key) Line() string {
	var parts []string
	for text := k.Record(); text != ""; {
		n := min(len(text), 250)
		parts = append(parts, `"`+text[:n]+`"`)
		text = text[n:]
	}
	return k.Name() + ". IN TXT ( " + strings.Join(parts, " ") + " )"
}

var (
	selectorForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$`)
	domainForm   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

	errNames = errs.New(errs.Invalid, "A key is for a domain such as clinic.example and a selector of letters, digits and hyphens.")
)

// names checks a domain and a selector.
func names(domain, selector string) error {
	if !domainForm.MatchString(domain) || !selectorForm.MatchString(selector) || len(domain) > 200 {
		return errNames
	}
	return nil
}

// made is a new key: the secret as PKCS #8, and what p= holds.
func made(a Algorithm) (secret []byte, public string, err error) {
	var key any
	var pub []byte
	switch a {
	case RSA:
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, "", err
		}
		if pub, err = x509.MarshalPKIXPublicKey(&k.PublicKey); err != nil {
			return nil, "", err
		}
		key = k
	case Ed25519:
		p, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, "", err
		}
		pub, key = p, k // the bare key, RFC 8463 section 4
	default:
		return nil, "", fmt.Errorf("dkim: no algorithm %q", a)
	}
	secret, err = x509.MarshalPKCS8PrivateKey(key)
	return secret, base64.StdEncoding.EncodeToString(pub), err
}

// opened is the signing end of a secret.
func opened(secret []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("dkim: a %T does not sign", key)
	}
	return s, nil
}
