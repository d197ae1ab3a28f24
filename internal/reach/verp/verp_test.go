package verp_test

import (
	"strings"
	"testing"

	"hale/internal/base/seal"
	"hale/internal/reach/verp"
)

const key = "0123456789abcdef0123456789abcdef"

func TestBook(t *testing.T) {
	secret := seal.NewKey()
	b := verp.New(secret, "Bounce.Clinic.example")
	for _, r := range []verp.Route{verp.Bounce, verp.Reply, verp.Stop} {
		a := b.Address(r, key)
		if local, _, _ := strings.Cut(a, "@"); len(local) > 64 {
			t.Errorf("the local part of %s has %d characters", a, len(local))
		}
		for _, written := range []string{a, strings.ToUpper(a), "<" + a + ">"} {
			if route, got, ok := b.Read(written); !ok || route != r || got != key {
				t.Errorf("Read(%q) = %q, %q, %t", written, route, got, ok)
			}
		}
		if _, _, ok := verp.New(seal.NewKey(), "bounce.clinic.example").Read(a); ok {
			t.Errorf("another's book reads %s", a)
		}
		if _, _, ok := verp.New(secret, "bounce.else.example").Read(a); ok {
			t.Errorf("another host's book reads %s", a)
		}
	}
	if a, c := b.Address(verp.Bounce, key), b.Address(verp.Reply, key); strings.TrimPrefix(a, "b") == strings.TrimPrefix(c, "r") {
		t.Error("the hash of one route opens another")
	}
	for _, bad := range []string{"", "a@b", "key with spaces", strings.Repeat("k", 60)} {
		if a := b.Address(verp.Bounce, bad); a != "" {
			t.Errorf("Address for key %q = %q, want none", bad, a)
		}
	}
	if a := verp.New(secret, "").Address(verp.Bounce, key); a != "" {
		t.Errorf("without a host = %q, want none", a)
	}
}

func FuzzRead(f *testing.F) {
	b := verp.New(seal.NewKey(), "bounce.clinic.example")
	f.Add(b.Address(verp.Bounce, key))
	f.Add("b+.@bounce.clinic.example")
	f.Fuzz(func(t *testing.T, s string) {
		if r, k, ok := b.Read(s); ok && !strings.EqualFold(b.Address(r, k), strings.Trim(s, "<> ")) {
			t.Errorf("Read(%q) = %q, %q, which is another address", s, r, k)
		}
	})
}
