package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

const origin = "https://portal.example.org"

// authenticator is a passkey in software: ES256, one credential.
//
// Spec: https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
type authenticator struct {
	key     *ecdsa.PrivateKey
	id      []byte
	user    []byte
	count   uint32
	origin  string
	noUV    bool // skips asking the person
	dropSig bool
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &authenticator{key: key, id: id, origin: origin}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// data writes the authenticator data, with the new credential if it attests.
func (a *authenticator) data(attest bool) []byte {
	rp := sha256.Sum256([]byte("portal.example.org"))
	flags := byte(0x01)
	if !a.noUV {
		flags |= 0x04
	}
	if attest {
		flags |= 0x40
	}
	b := append(rp[:], flags)
	b = binary.BigEndian.AppendUint32(b, a.count)
	if !attest {
		return b
	}
	b = append(b, make([]byte, 16)...) // no model
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.id)))
	b = append(b, a.id...)
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	b = append(b, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01) // COSE: EC2, ES256, P-256
	b = append(append(b, 0x21, 0x58, 0x20), point[1:33]...)
	return append(append(b, 0x22, 0x58, 0x20), point[33:65]...)
}

func (a *authenticator) client(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		panic(err)
	}
	return b
}

// create answers the options of a registration.
func (a *authenticator) create(t *testing.T, options []byte) []byte {
	t.Helper()
	var o struct {
		PublicKey struct {
			Challenge              string
			User                   struct{ ID string }
			AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		}
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	if s := o.PublicKey.AuthenticatorSelection; s.ResidentKey != "required" || s.UserVerification != "required" {
		t.Errorf("the options ask for %+v, want a discoverable passkey and a verified user", s)
	}
	user, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	a.user = user
	data := a.data(true)
	object := append([]byte{0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e', 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa0, 0x68, 'a', 'u', 't', 'h', 'D', 'a', 't', 'a', 0x58, byte(len(data))}, data...)
	return a.answer(t, map[string]any{
		"clientDataJSON": b64(a.client("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

// get answers the options of a sign-in.
func (a *authenticator) get(t *testing.T, options []byte) []byte {
	t.Helper()
	var o struct {
		PublicKey struct{ Challenge, UserVerification string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	if o.PublicKey.UserVerification != "required" {
		t.Errorf("the options ask for user verification %q, want required", o.PublicKey.UserVerification)
	}
	a.count++
	data, client := a.data(false), a.client("webauthn.get", o.PublicKey.Challenge)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(data, hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if a.dropSig {
		sig[len(sig)-1] ^= 1
	}
	return a.answer(t, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.user),
	})
}

func (a *authenticator) answer(t *testing.T, response map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newPasskeys(t *testing.T, s *account.Store) *account.Passkeys {
	t.Helper()
	p, err := account.NewPasskeys(s, "Riverside", origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var iphone = account.Browser{Agent: "Mozilla/5.0 (iPhone) Safari/604.1"}

// register adds a's passkey to the account, in a session that was strongly
// proved.
func register(t *testing.T, s *account.Store, p *account.Passkeys, who string, a *authenticator) error {
	t.Helper()
	in, token := strong(t, s, who)
	options, ceremony, err := p.BeginPasskey(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.FinishPasskey(t.Context(), in, token, ceremony, iphone, a.create(t, options))
	return err
}

func login(t *testing.T, p *account.Passkeys, a *authenticator) (account.Entry, error) {
	t.Helper()
	options, ceremony, err := p.BeginLogin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.FinishLogin(t.Context(), ceremony, a.get(t, options))
}

func TestPasskeys(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		p := newPasskeys(t, s)
		ada := add(t, s, account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"})
		bob := add(t, s, account.Account{Kind: access.Patient, Name: "Bob", Patient: "bob"})
		phone := newAuthenticator(t)
		if err := register(t, s, p, ada.ID, phone); err != nil {
			t.Fatal(err)
		}
		list, err := s.Passkeys(t.Context(), ada.ID)
		if err != nil || len(list) != 1 || list[0].Name != "Safari on iPhone" {
			t.Fatalf("Passkeys = %+v, %v, want the phone's", list, err)
		}
		for range 2 {
			if a, err := login(t, p, phone); err != nil || a.ID != ada.ID {
				t.Fatalf("FinishLogin = %+v, %v, want ada", a, err)
			}
		}
		adas, _ := strong(t, s, ada.ID)
		bobs, _ := strong(t, s, bob.ID)
		if err := s.RemovePasskey(t.Context(), bobs, list[0].ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("RemovePasskey of another's = %v, want not found", err)
		}
		if err := s.RemovePasskey(t.Context(), adas, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if a, err := login(t, p, phone); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishLogin with a removed passkey = %+v, %v, want invalid", a, err)
		}
		for _, want := range [][2]string{{account.PasskeyAdded, "granted"}, {account.PasskeyRemoved, "granted"}, {account.SignedIn, "denied"}} {
			if n := audited(t, d, ada.ID, want[0], want[1]); n != 1 {
				t.Errorf("audit rows %s %s of ada = %d, want 1", want[0], want[1], n)
			}
		}
		if n := audited(t, d, bob.ID, account.PasskeyRemoved, "granted"); n != 0 {
			t.Errorf("audit rows for bob, who removed nothing = %d, want 0", n)
		}
	})
}

func TestPasskeysRefuse(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*authenticator)
	}{
		{name: "another site", spoil: func(a *authenticator) { a.origin = "https://portal.example.org.evil.test" }},
		{name: "nobody looked at the screen", spoil: func(a *authenticator) { a.noUV = true }},
		{name: "a broken signature", spoil: func(a *authenticator) { a.dropSig = true }},
		{name: "a copy that lags behind", spoil: func(a *authenticator) { a.count = 1 }},
		{name: "somebody else's handle", spoil: func(a *authenticator) { a.user = []byte("nobody") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				s := newStore(d, newClock())
				p := newPasskeys(t, s)
				ada := add(t, s, account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"})
				phone := newAuthenticator(t)
				if err := register(t, s, p, ada.ID, phone); err != nil {
					t.Fatal(err)
				}
				phone.count = 5
				if _, err := login(t, p, phone); err != nil {
					t.Fatal(err)
				}
				tt.spoil(phone)
				if a, err := login(t, p, phone); errs.KindOf(err) != errs.Invalid {
					t.Errorf("FinishLogin = %+v, %v, want invalid", a, err)
				}
			})
		})
	}
}

// A ceremony counts once, for the one it was begun for, and not for long.
func TestPasskeysCeremony(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		p := newPasskeys(t, s)
		ada := add(t, s, account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"})
		bob := add(t, s, account.Account{Kind: access.Patient, Name: "Bob", Patient: "bob"})
		phone := newAuthenticator(t)

		adas, token := strong(t, s, ada.ID)
		bobs, _ := strong(t, s, bob.ID)
		options, ceremony, err := p.BeginPasskey(t.Context(), adas)
		if err != nil {
			t.Fatal(err)
		}
		answer := phone.create(t, options)
		if _, err := p.FinishPasskey(t.Context(), bobs, token, ceremony, iphone, answer); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishPasskey for another account = %v, want invalid", err)
		}
		if _, err := p.FinishPasskey(t.Context(), adas, token, ceremony, iphone, answer); err != nil {
			t.Fatalf("FinishPasskey = %v", err)
		}
		if _, err := p.FinishPasskey(t.Context(), adas, token, ceremony, iphone, answer); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishPasskey twice = %v, want invalid", err)
		}

		options, ceremony, err = p.BeginLogin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answer = phone.get(t, options)
		if _, err := p.FinishLogin(t.Context(), ceremony, []byte(`{"id":`)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishLogin of broken JSON = %v, want invalid", err)
		}
		if _, err := p.FinishLogin(t.Context(), ceremony, answer); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishLogin after a failed one = %v, want invalid: a challenge counts once", err)
		}
		options, ceremony, err = p.BeginLogin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.add(5 * time.Minute)
		if _, err := p.FinishLogin(t.Context(), ceremony, phone.get(t, options)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishLogin five minutes later = %v, want invalid", err)
		}
	})
}

// Whoever uses up the codes of an address locks nobody out of a passkey.
func TestPasskeysNeverLocked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		p := newPasskeys(t, s)
		n := add(t, s, nurse)
		phone := newAuthenticator(t)
		if err := register(t, s, p, n.ID, phone); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			if challenge, _, err := s.StartCode(t.Context(), nurse.Email); err == nil {
				for range account.Tries + 1 {
					_, _ = s.FinishCode(t.Context(), challenge, "x")
				}
			}
		}
		if a, err := login(t, p, phone); err != nil || a.ID != n.ID {
			t.Errorf("FinishLogin = %+v, %v, want the nurse", a, err)
		}
	})
}

func TestNewPasskeys(t *testing.T) {
	for _, bad := range []string{"", "portal.example.org", "https://"} {
		if _, err := account.NewPasskeys(nil, "x", bad); err == nil {
			t.Errorf("NewPasskeys(%q) = nil error, want one", bad)
		}
	}
	for origin, want := range map[string]bool{"http://localhost:8080": true, "https://portal.example.org": true, "http://127.0.0.1:8080": false, "http://[::1]:8080": false} {
		if p, err := account.NewPasskeys(nil, "x", origin); err != nil || (p != nil) != want {
			t.Errorf("NewPasskeys(%q) = %v, %v, want some=%t", origin, p, err, want)
		}
	}
}
