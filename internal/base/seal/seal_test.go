package seal_test

import (
	"testing"

	"hale/internal/base/seal"
)

func TestKeySeal(t *testing.T) {
	key := seal.NewKey()
	sealed := key.Seal([]byte("see you on Tuesday"), "message/1")

	if got, err := key.Open(sealed, "message/1"); err != nil || string(got) != "see you on Tuesday" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if _, err := key.Open(sealed, "message/2"); err == nil {
		t.Error("Open at another place = nil error, want one")
	}
	if _, err := seal.NewKey().Open(sealed, "message/1"); err == nil {
		t.Error("Open with another key = nil error, want one")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := key.Open(sealed, "message/1"); err == nil {
		t.Error("Open of a changed text = nil error, want one")
	}
	if _, err := key.Open([]byte("x"), "message/1"); err == nil {
		t.Error("Open of a short text = nil error, want one")
	}
}

func TestKeyParse(t *testing.T) {
	key := seal.NewKey()
	again, err := seal.ParseKey(key.Hex())
	if err != nil || !again.Equal(key) {
		t.Errorf("ParseKey(Hex()) = %v, want the same key", err)
	}
	if _, err := seal.ParseKey("abc"); err == nil {
		t.Error(`ParseKey("abc") = nil error, want one`)
	}
	if key.For("a").Equal(key.For("b")) || !key.For("a").Equal(again.For("a")) {
		t.Error("For gives one key for each purpose, always the same")
	}
}
