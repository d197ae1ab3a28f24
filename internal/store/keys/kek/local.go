package kek

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

// Key is a key-encryption key that this process has: from a file, or made
// from a passphrase.
type Key struct{ k seal.Key }

// FromFile returns the key-encryption key that a key file holds.
func FromFile(k seal.Key) Key { return Key{k.For("kek")} }

// boxed is where roots are sealed.
func boxed() seal.Place { return seal.Place{Table: "hale.keys", Column: "sealed"} }

// Wrap seals plain.
func (k Key) Wrap(_ context.Context, plain []byte) (string, error) {
	return string(k.k.SealAs(k.k.KID(), plain, boxed())), nil
}

// Unwrap opens what Wrap returned.
func (k Key) Unwrap(_ context.Context, wrapped string) ([]byte, error) {
	plain, err := k.k.OpenAs([]byte(wrapped), boxed())
	if err != nil {
		return nil, ErrWrong
	}
	return plain, nil
}

// Work is how a passphrase becomes a key: Argon2id.
//
// Spec: RFC 9106, section 4
type Work struct {
	Salt   string `json:"salt"`
	Memory uint32 `json:"memory"` // KiB
	Passes uint32 `json:"passes"`
	Lanes  uint8  `json:"lanes"`
}

// MinPassphrase is the least number of characters of a passphrase.
const MinPassphrase = 16

var errShort = errs.New(errs.Invalid, "A passphrase needs at least 16 characters: five or six words that nobody would guess.")

// NewWork returns fresh work: 256 MiB three times over, about a second.
func NewWork() Work {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return Work{Salt: hex.EncodeToString(salt), Memory: 256 << 10, Passes: 3, Lanes: 4}
}

// sound says whether w is work that this program would have asked for, so
// that a forged file can neither make it cheap nor eat the machine.
func (w Work) sound() bool {
	salt, err := hex.DecodeString(w.Salt)
	return err == nil && len(salt) >= 16 && w.Memory >= 19<<10 && w.Memory <= 4<<20 && w.Passes >= 1 && w.Passes <= 16 && w.Lanes >= 1 && w.Lanes <= 16
}

// FromPassphrase returns the key-encryption key of a passphrase.
func FromPassphrase(words string, w Work) (Key, error) {
	words = norm.NFC.String(words)
	if len([]rune(words)) < MinPassphrase {
		return Key{}, errShort
	}
	salt, err := hex.DecodeString(w.Salt)
	if err != nil || !w.sound() {
		return Key{}, errBox
	}
	k, err := seal.ParseKey(hex.EncodeToString(argon2.IDKey([]byte(words), salt, w.Passes, w.Memory, w.Lanes, seal.KeySize)))
	return Key{k.For("kek")}, err
}
