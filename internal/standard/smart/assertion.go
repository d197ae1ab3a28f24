package smart

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// AssertionType is the only form in which a client proves itself by a key.
//
// Spec: RFC 7523 §2.2
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// AssertionLife is how long an assertion may last.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
const AssertionLife = 5 * time.Minute

// assertionAlgorithms are those that a client may sign with.
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS384, jose.ES384}

// AssertionAlgorithms returns their names.
func AssertionAlgorithms() []string {
	var list []string
	for _, a := range assertionAlgorithms {
		list = append(list, string(a))
	}
	return list
}

const skew = 30 * time.Second // between a client's clock and ours

// Assertion is a client's proof of who it is.
type Assertion struct {
	Client  string
	ID      string // its jti, to be used once
	Expires time.Time
	Key     string // the kid of its header

	token *jwt.JSONWebToken
	text  string
}

var errAssertion = errors.New("smart: that is not an assertion signed by RS384 or ES384 with kid, iss, sub, aud, exp and jti")

// ParseAssertion reads an assertion without believing it. It takes no
// algorithm but RS384 and ES384: not none, and no shared secret.
func ParseAssertion(text string) (Assertion, error) {
	if len(text) > 16<<10 {
		return Assertion{}, errAssertion
	}
	token, err := jwt.ParseSigned(text, assertionAlgorithms)
	if err != nil || len(token.Headers) != 1 {
		return Assertion{}, errAssertion
	}
	h := token.Headers[0]
	if typ, ok := h.ExtraHeaders[jose.HeaderType]; ok && typ != "JWT" && typ != "jwt" {
		return Assertion{}, errAssertion
	}
	var c jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&c); err != nil {
		return Assertion{}, errAssertion
	}
	if c.Issuer == "" || c.Issuer != c.Subject || c.ID == "" || len(c.ID) > 512 || c.Expiry == nil || h.KeyID == "" {
		return Assertion{}, errAssertion
	}
	return Assertion{Client: c.Issuer, ID: c.ID, Expires: c.Expiry.Time(), Key: h.KeyID, token: token, text: text}, nil
}

// Errors of Check.
var (
	ErrNoKey    = errors.New("smart: no key of the client has this kid and algorithm")
	ErrBadProof = errors.New("smart: the signature of the assertion is wrong")
	ErrAudience = errors.New("smart: the assertion is for somebody else: aud is the token URL")
	ErrTime     = errors.New("smart: the assertion has expired, is of the future, or lasts longer than five minutes")
)

// Check says whether a key of set signed the assertion, and whether it is for
// audience and valid now. A key in its header, or an address of one, counts
// for nothing.
func (a Assertion) Check(set jose.JSONWebKeySet, audience string, now time.Time) error {
	if a.token == nil {
		return errAssertion
	}
	alg := jose.SignatureAlgorithm(a.token.Headers[0].Algorithm)
	var c jwt.Claims
	err := ErrNoKey
	for _, key := range set.Key(a.Key) {
		if !usable(key, alg) {
			continue
		}
		if err = a.token.Claims(key.Public(), &c); err == nil {
			break
		}
		err = ErrBadProof
	}
	if err != nil {
		return err
	}
	if !slices.Equal(c.Audience, jwt.Audience{audience}) {
		return ErrAudience
	}
	exp := c.Expiry.Time()
	switch {
	case !now.Before(exp.Add(skew)), exp.After(now.Add(AssertionLife + skew)):
		return ErrTime
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)), c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(skew)):
		return ErrTime
	}
	return nil
}

// usable says whether key may check a signature by alg.
func usable(key jose.JSONWebKey, alg jose.SignatureAlgorithm) bool {
	if !key.Valid() || key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(alg) {
		return false
	}
	return kindOf(key) == alg
}

// ErrKeys is what ParseKeys says.
var ErrKeys = errors.New("smart: a JWK set has 1 to 20 public keys: RSA of 2048 bits or more, or EC P-384, each with its own kid")

// ParseKeys reads the public keys of a client. Keys of other sorts are left
// out; one that is private or shared refuses the whole set.
//
// Spec: RFC 7517 §5
func ParseKeys(text []byte) (jose.JSONWebKeySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(text) > 64<<10 || json.Unmarshal(text, &raw) != nil || len(raw.Keys) == 0 || len(raw.Keys) > 20 {
		return jose.JSONWebKeySet{}, ErrKeys
	}
	var set jose.JSONWebKeySet
	for _, one := range raw.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) != nil {
			continue
		}
		if _, secret := key.Key.([]byte); secret || !key.IsPublic() {
			return jose.JSONWebKeySet{}, ErrKeys
		}
		if kindOf(key) == "" || key.KeyID == "" {
			continue
		}
		key.Certificates, key.CertificatesURL = nil, nil
		set.Keys = append(set.Keys, key)
	}
	if len(set.Keys) == 0 {
		return jose.JSONWebKeySet{}, ErrKeys
	}
	return set, nil
}
