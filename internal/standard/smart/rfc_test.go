package smart_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"hale/internal/standard/smart"
)

// The example of RFC 7636, appendix B.
func TestChallenge(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if got := smart.Challenge(verifier); got != challenge || !smart.IsChallenge(got) {
		t.Errorf("Challenge = %q, want %q", got, challenge)
	}
	for name, v := range map[string]string{
		"of another": strings.Replace(verifier, "d", "e", 1), "42 characters": verifier[:42], "129 characters": strings.Repeat("a", 129),
		"the challenge itself": challenge, "a character too many": verifier[:42] + "+", "nothing": "",
	} {
		if smart.Answers(challenge, v) {
			t.Errorf("a verifier that is %s answers", name)
		}
	}
	if !smart.Answers(challenge, verifier) {
		t.Error("the verifier of the example does not answer")
	}
	for _, bad := range []string{"", verifier + "=", challenge[:42], challenge + "A", strings.Replace(challenge, "-", "+", 1)} {
		if smart.IsChallenge(bad) {
			t.Errorf("IsChallenge(%q)", bad)
		}
	}
}

// The tokens of RFC 7515, appendices A.1, A.2 and A.5: HS256, RS256, none.
const (
	hs256 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"                                                                                                                                                                                                                                                                                        // not a secret
	rs256 = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw" // not a secret
	plain = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."                                                                                                                                                                                                                                                                                                                                                        // not a secret
)

func TestParseAssertionRefusesOtherAlgorithms(t *testing.T) {
	for name, text := range map[string]string{"HS256": hs256, "RS256": rs256, "none": plain, "nothing": "", "words": "a.b.c", "too long": strings.Repeat("a", 20<<10)} {
		if a, err := smart.ParseAssertion(text); err == nil {
			t.Errorf("ParseAssertion took %s: %+v", name, a)
		}
	}
}

// The RSA key of RFC 7517, appendix A.1, whose thumbprint RFC 7638 §3.1 gives.
const rsaKey = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`

func TestParseKeys(t *testing.T) {
	set, err := smart.ParseKeys([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},` + rsaKey + `]}`))
	if err != nil || len(set.Keys) != 1 {
		t.Fatalf("ParseKeys = %d keys, %v, want the RSA key alone: P-256 is not for us", len(set.Keys), err)
	}
	print, err := set.Keys[0].Thumbprint(crypto.SHA256)
	if got := base64.RawURLEncoding.EncodeToString(print); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("thumbprint = %s, %v, want that of RFC 7638", got, err)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: keys().rsa, KeyID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := json.Marshal(jose.JSONWebKey{Key: small.Public(), KeyID: "w"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a private key": `{"keys":[` + string(private) + `]}`, "a shared secret": `{"keys":[` + rsaKey + `,{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"s"}]}`,
		"1024 bits": `{"keys":[` + string(weak) + `]}`, "no kid": `{"keys":[` + strings.Replace(rsaKey, `,"kid":"2011-04-29"`, "", 1) + `]}`,
		"no keys": `{"keys":[]}`, "no object": `[]`, "nothing": ``,
	} {
		if set, err := smart.ParseKeys([]byte(text)); !errors.Is(err, smart.ErrKeys) {
			t.Errorf("ParseKeys with %s = %d keys, %v, want ErrKeys", name, len(set.Keys), err)
		}
	}
}

type pair struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

// keys are made once.
var keys = sync.OnceValue(func() pair {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return pair{r, e}
})

const audience = "https://hale.example/oauth/token"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// claims are those of a good assertion.
func claims() jwt.Claims {
	return jwt.Claims{Issuer: "app", Subject: "app", Audience: jwt.Audience{audience}, ID: "once", Expiry: jwt.NewNumericDate(noon.Add(4 * time.Minute)), IssuedAt: jwt.NewNumericDate(noon)}
}

func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, c any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAssertionCheck(t *testing.T) {
	k := keys()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.rsa.Public(), KeyID: "r"}, {Key: k.ec.Public(), KeyID: "e", Algorithm: "ES384", Use: "sig"}, {Key: k.rsa.Public(), KeyID: "enc", Use: "enc"}}}
	with := func(change func(*jwt.Claims)) jwt.Claims {
		c := claims()
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name   string
		alg    jose.SignatureAlgorithm
		kid    string
		claims jwt.Claims
		want   error
		parse  bool // refused before any key is looked at
	}{
		{name: "RS384", alg: jose.RS384, kid: "r", claims: claims()},
		{name: "ES384", alg: jose.ES384, kid: "e", claims: claims()},
		{name: "another kid", alg: jose.RS384, kid: "x", claims: claims(), want: smart.ErrNoKey},
		{name: "kid of the other sort of key", alg: jose.RS384, kid: "e", claims: claims(), want: smart.ErrNoKey},
		{name: "a key that is not for signatures", alg: jose.RS384, kid: "enc", claims: claims(), want: smart.ErrNoKey},
		{name: "RS256", alg: jose.RS256, kid: "r", claims: claims(), parse: true},
		{name: "PS384", alg: jose.PS384, kid: "r", claims: claims(), parse: true},
		{name: "no kid", alg: jose.RS384, claims: claims(), parse: true},
		{name: "another audience", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://evil.example/token"} }), want: smart.ErrAudience},
		{name: "two audiences", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Audience = append(c.Audience, "https://evil.example/token") }), want: smart.ErrAudience},
		{name: "no audience", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Audience = nil }), want: smart.ErrAudience},
		{name: "expired", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(noon.Add(-time.Minute)) }), want: smart.ErrTime},
		{name: "ten minutes", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(noon.Add(10 * time.Minute)) }), want: smart.ErrTime},
		{name: "not yet", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(noon.Add(2 * time.Minute)) }), want: smart.ErrTime},
		{name: "issued in the future", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(noon.Add(2 * time.Minute)) }), want: smart.ErrTime},
		{name: "iss is not sub", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Subject = "other" }), parse: true},
		{name: "no jti", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.ID = "" }), parse: true},
		{name: "no exp", alg: jose.RS384, kid: "r", claims: with(func(c *jwt.Claims) { c.Expiry = nil }), parse: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var key any = k.rsa
			if tt.alg == jose.ES384 {
				key = k.ec
			}
			a, err := smart.ParseAssertion(signed(t, tt.alg, key, tt.kid, tt.claims))
			if tt.parse {
				if err == nil {
					t.Error("ParseAssertion took it")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Check(set, audience, noon); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
		})
	}
}

// A public key taken for a shared secret, an embedded key, and a signature of
// somebody else prove nothing.
func TestAssertionForged(t *testing.T) {
	k := keys()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.rsa.Public(), KeyID: "r"}}}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: k.rsa.Public(), KeyID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	mac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS384, Key: public}, (&jose.SignerOptions{}).WithHeader("kid", "r"))
	if err != nil {
		t.Fatal(err)
	}
	confused, err := jwt.Signed(mac).Claims(claims()).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := smart.ParseAssertion(confused); err == nil {
		t.Error("a MAC under the public key was taken")
	}
	embed, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS384, Key: other}, (&jose.SignerOptions{EmbedJWK: true}).WithHeader("kid", "r").WithHeader("jku", "https://evil.example/keys"))
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := jwt.Signed(embed).Claims(claims()).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"somebody else's key": signed(t, jose.RS384, other, "r", claims()), "a key in the header": embedded} {
		a, err := smart.ParseAssertion(text)
		if err == nil {
			err = a.Check(set, audience, noon)
		}
		if err == nil {
			t.Errorf("%s proves the client", name)
		}
	}
	if (smart.Assertion{}).Check(set, audience, noon) == nil {
		t.Error("no assertion proves the client")
	}
}

func FuzzParseAssertion(f *testing.F) {
	k := keys()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.rsa.Public(), KeyID: "r"}}}
	good := signed(f, jose.RS384, k.rsa, "r", claims())
	for _, seed := range []string{good, hs256, rs256, plain, "..", "a.b.c.d.e", `{"payload":"","signatures":[]}`, good + "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := smart.ParseAssertion(text)
		if err != nil {
			return
		}
		if a.Client == "" || a.ID == "" || a.Key == "" {
			t.Errorf("ParseAssertion(%q) = %+v: something is missing", text, a)
		}
		// Nobody but the owner of the key can make another that holds.
		if a.Check(set, audience, noon) == nil && strings.Join(strings.Split(text, ".")[:2], ".") != strings.Join(strings.Split(good, ".")[:2], ".") {
			t.Errorf("%q proves a client", text)
		}
	})
}

func FuzzParseAsked(f *testing.F) {
	for _, seed := range []string{"openid fhirUser launch/patient patient/*.rs", "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
		"user/Patient.read system/*.cruds offline_access", "patient/Observation.sr", "patient/*.rs?a=b", "x y z", "patient/Condition.rs?category=a&category=b"} {
		f.Add(seed, "Observation/laboratory Patient")
	}
	f.Fuzz(func(t *testing.T, text, keys string) {
		a := smart.ParseAsked(text)
		again := smart.ParseAsked(a.String())
		if again.String() != a.String() || len(again.Unknown) > 0 {
			t.Errorf("ParseAsked(%q) reads %q, and that reads %q", text, a, again)
		}
		if !a.Covers(again) {
			t.Errorf("%q does not cover itself", a)
		}
		chosen := a.Choose(strings.Fields(keys))
		read := smart.ParseAsked(chosen.String())
		for _, s := range read.Clinical {
			within := false
			for _, whole := range a.Clinical {
				within = within || s.Under(whole.Scope)
			}
			if !within {
				t.Errorf("Choose of %q gives %q, which was not asked for", a, s.Text)
			}
		}
	})
}
