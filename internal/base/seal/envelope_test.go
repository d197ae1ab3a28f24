package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The vectors of https://c2sp.org/XAES-256-GCM.
func TestExtendedVectors(t *testing.T) {
	tests := []struct {
		key       byte
		aad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	}
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	for _, tt := range tests {
		k := keyOf(bytes.Repeat([]byte{tt.key}, KeySize))
		got := k.extended(nonce[:12]).Seal(nil, nonce[12:], []byte("XAES-256-GCM"), []byte(tt.aad))
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("key %d: sealed = %x, want %s", tt.key, got, tt.want)
		}
	}
}

func TestSealAs(t *testing.T) {
	k, kid := NewKey(), NewKID()
	at := Place{"message", "body", "m1"}
	sealed := k.SealAs(kid, []byte("hello"), at)
	if got, ok := KIDOf(sealed); !ok || got != kid {
		t.Errorf("KIDOf(%s) = %q, %v, want %q", sealed, got, ok, kid)
	}
	if parts := strings.Split(string(sealed), "."); len(parts) != 4 || parts[0] != "v1" {
		t.Errorf("sealed = %s, want v1.kid.nonce.ct", sealed)
	}
	if plain, err := k.OpenAs(sealed, at); err != nil || string(plain) != "hello" {
		t.Errorf("OpenAs = %q, %v, want hello", plain, err)
	}
	for _, other := range []Place{{"message", "body", "m2"}, {"message", "text", "m1"}, {"letter", "body", "m1"}, {"messageb", "ody", "m1"}} {
		if plain, err := k.OpenAs(sealed, other); err == nil {
			t.Errorf("OpenAs at %v = %q, want an error", other, plain)
		}
	}
	renamed := append([]byte(Prefix(NewKID())), sealed[PrefixSize:]...)
	if _, err := k.OpenAs(renamed, at); err == nil {
		t.Error("an envelope under another key's name opens")
	}
	if _, err := NewKey().OpenAs(sealed, at); err == nil {
		t.Error("another key opens it")
	}
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		if plain, err := k.OpenAs(bent, at); err == nil {
			t.Errorf("with byte %d changed OpenAs = %q, want an error", i, plain)
		}
	}
}

// No nonce comes twice: 10⁵ envelopes of one text are all different.
func TestSealAsNonces(t *testing.T) {
	k, kid, seen := NewKey(), NewKID(), map[string]bool{}
	for range 100_000 {
		s := string(k.SealAs(kid, nil, Place{}))[PrefixSize:][:32]
		if seen[s] {
			t.Fatal("a nonce came twice")
		}
		seen[s] = true
	}
}

// A key prints as a word in every verb and in a log.
func TestKeyNeverPrints(t *testing.T) {
	k := NewKey()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "in", struct{ K Key }{k}, "list", []Key{k}, "at", &k)
	said := fmt.Sprint(k, &k, []Key{k}, map[string]Key{"a": k}, struct{ k Key }{k}) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%08b"} {
		said += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &k) + fmt.Sprintf(verb, struct{ K Key }{k}) + fmt.Sprintf(verb, []Key{k})
	}
	raw := strings.ToLower(said)
	for _, secret := range []string{k.Hex(), k.Hex()[:8], fmt.Sprint(k.b[0], " ", k.b[1], " ", k.b[2], " ", k.b[3])} {
		if strings.Contains(raw, secret) {
			t.Errorf("a key was printed: %s", said)
		}
	}
}

func FuzzOpenAs(f *testing.F) {
	k := NewKey()
	at := Place{"t", "c", "r"}
	f.Add(k.SealAs(NewKID(), []byte("x"), at))
	f.Add([]byte("v1.aaaaaaaaaaaa.."))
	f.Add([]byte("v1.aaaaaaaaaaaa.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		kid, nonce, ct, err := parse(in)
		if err == nil {
			again := Prefix(kid) + b64(nonce) + "." + b64(ct)
			if again != string(in) {
				t.Errorf("parse(%q) reads another envelope, %q", in, again)
			}
		}
		if plain, err := NewKey().OpenAs(in, at); err == nil {
			t.Errorf("a new key opens %q: %q", in, plain)
		}
		if !bytes.Equal(before, in) {
			t.Error("opening changes its input")
		}
	})
}

func BenchmarkSealAs(b *testing.B) {
	for _, size := range []int{64, 2048, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			k, kid, plain := NewKey(), NewKID(), make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				k.SealAs(kid, plain, Place{"resource", "body", "Condition/1"})
			}
		})
	}
}

func BenchmarkOpenAs(b *testing.B) {
	for _, size := range []int{64, 2048, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			k, at := NewKey(), Place{"resource", "body", "Condition/1"}
			sealed := k.SealAs(NewKID(), make([]byte, size), at)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := k.OpenAs(sealed, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
