// Package kek keeps the roots of the ring wrapped by a key-encryption key
// that lies elsewhere: in a file, in somebody's head, or in a Vault.
//
// The wrapped roots are a Box, a small text that may lie beside the data and
// in every backup: without its key, or two of three paper shares, it opens
// nothing. Changing the key wraps the same roots again and touches no data.
//
// Spec: NIST SP 800-57 part 1 (key wrapping), RFC 9180 (HPKE, for the paper),
// RFC 9106 (Argon2)
package kek

import (
	"context"
	"crypto/hpke"
	"encoding/json"
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/base/shares"
	"hale/internal/store/keys"
)

// Kind is where a key-encryption key lies.
type Kind string

// The kinds.
const (
	File       Kind = "file"
	Passphrase Kind = "passphrase"
	Vault      Kind = "vault"
)

// Wrapper wraps and unwraps by a key-encryption key. Its errors say what is
// wrong and never what was wrapped.
type Wrapper interface {
	Wrap(ctx context.Context, plain []byte) (string, error)
	Unwrap(ctx context.Context, wrapped string) ([]byte, error)
}

// Box is the wrapped roots, as they lie in a file.
type Box struct {
	Format int    `json:"format"`
	Kind   Kind   `json:"kek"`
	File   string `json:"file,omitempty"`  // the key file's name, in the same folder
	Work   *Work  `json:"work,omitempty"`  // how the passphrase becomes a key
	Sealed string `json:"sealed"`          // the roots, wrapped
	Paper  *Paper `json:"paper,omitempty"` // the roots again, for the shares
}

// Paper is the roots sealed to a key whose private half exists only as
// printed shares. It is written anew whenever the roots change, for which
// the public half is enough: shares stay good.
type Paper struct {
	Public []byte `json:"public"`
	Sealed []byte `json:"sealed"`
}

const boxFormat = 1

// The errors.
var (
	ErrWrong = errs.New(errs.Invalid, "The key-encryption key does not open hale.keys. Is it the right one?")

	errBox   = errs.New(errs.Invalid, "hale.keys cannot be read: it is no file of keys, or it was cut off. Take the one from a backup.")
	errPaper = errs.New(errs.NotFound, "No paper shares were made for these keys. `hale keys shares` makes them.")
	errShare = errs.New(errs.Invalid, "These shares do not open hale.keys. Are they of this installation, and two different ones?")
)

// contents are the roots as they are wrapped.
type contents struct {
	Root   string   `json:"root"`
	Before []string `json:"before,omitempty"`
	Hash   string   `json:"hash"`
	File   string   `json:"file"`
	Next   string   `json:"next,omitempty"`
}

func marshal(r keys.Roots) ([]byte, error) {
	c := contents{Root: r.Root.Hex(), Hash: r.Hash.Hex(), File: r.File.Hex()}
	for _, k := range r.Before {
		c.Before = append(c.Before, k.Hex())
	}
	if r.Next.Made() {
		c.Next = r.Next.Hex()
	}
	return json.Marshal(c)
}

func unmarshal(b []byte) (r keys.Roots, err error) {
	var c contents
	if err := json.Unmarshal(b, &c); err != nil {
		return r, errBox
	}
	read := func(text string) seal.Key {
		k, bad := seal.ParseKey(text)
		if bad != nil {
			err = errBox
		}
		return k
	}
	r.Root, r.Hash, r.File = read(c.Root), read(c.Hash), read(c.File)
	for _, text := range c.Before {
		r.Before = append(r.Before, read(text))
	}
	if c.Next != "" {
		r.Next = read(c.Next)
	}
	return r, err
}

// Read reads a box.
func Read(text []byte) (Box, error) {
	var b Box
	if err := json.Unmarshal(text, &b); err != nil || b.Format != boxFormat || b.Sealed == "" {
		return Box{}, errBox
	}
	if b.Kind == Passphrase && (b.Work == nil || !b.Work.sound()) {
		return Box{}, errBox
	}
	return b, nil
}

// Text returns the box as it is written.
func (b Box) Text() ([]byte, error) {
	b.Format = boxFormat
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

// Open unwraps the roots.
func (b Box) Open(ctx context.Context, by Wrapper) (keys.Roots, error) {
	plain, err := by.Unwrap(ctx, b.Sealed)
	if err != nil {
		return keys.Roots{}, err
	}
	return unmarshal(plain)
}

// With returns b holding roots wrapped by by, for the shares, too. It makes
// sure that what it made opens.
func (b Box) With(ctx context.Context, by Wrapper, roots keys.Roots) (Box, error) {
	plain, err := marshal(roots)
	if err != nil {
		return b, fmt.Errorf("kek: %w", err)
	}
	if b.Sealed, err = by.Wrap(ctx, plain); err != nil {
		return b, err
	}
	again, err := b.Open(ctx, by)
	if err != nil {
		return b, fmt.Errorf("kek: what was wrapped does not open: %w", err)
	}
	if !again.Root.Equal(roots.Root) || !again.Hash.Equal(roots.Hash) || !again.File.Equal(roots.File) {
		return b, fmt.Errorf("kek: what was wrapped opens as something else")
	}
	if b.Paper == nil {
		return b, nil
	}
	public, err := kem().NewPublicKey(b.Paper.Public)
	if err != nil {
		return b, errBox
	}
	return b.toPaper(public, plain)
}

// kem is how the paper's key works: secure against quantum computers, too,
// because paper lies for long.
func kem() hpke.KEM { return hpke.MLKEM768X25519() }

const paperInfo = "hale/paper"

func (b Box) toPaper(public hpke.PublicKey, plain []byte) (Box, error) {
	sealed, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(paperInfo), plain)
	if err != nil {
		return b, fmt.Errorf("kek: paper: %w", err)
	}
	b.Paper = &Paper{Public: public.Bytes(), Sealed: sealed}
	return b, nil
}

// Shares makes paper shares of which two of three open the box, and makes
// sure that each two do. Shares made before open it no more.
func (b Box) Shares(ctx context.Context, by Wrapper, rand randomness) (Box, []shares.Share, error) {
	plain, err := by.Unwrap(ctx, b.Sealed)
	if err != nil {
		return b, nil, err
	}
	private, err := kem().GenerateKey()
	if err != nil {
		return b, nil, fmt.Errorf("kek: shares: %w", err)
	}
	if b, err = b.toPaper(private.PublicKey(), plain); err != nil {
		return b, nil, err
	}
	secret, err := private.Bytes()
	if err != nil {
		return b, nil, fmt.Errorf("kek: shares: %w", err)
	}
	list, err := shares.Split(rand, secret, 3, 2)
	if err != nil {
		return b, nil, err
	}
	for i := range list {
		if _, err := b.FromShares(list[i], list[(i+1)%3]); err != nil {
			return b, nil, fmt.Errorf("kek: shares: they do not open what they should: %w", err)
		}
	}
	return b, list, nil
}

// randomness is a source of random bytes.
type randomness interface{ Read([]byte) (int, error) }

// FromShares opens the box by paper shares.
func (b Box) FromShares(list ...shares.Share) (keys.Roots, error) {
	if b.Paper == nil {
		return keys.Roots{}, errPaper
	}
	secret, err := shares.Join(list)
	if err != nil {
		return keys.Roots{}, errShare.Because(err)
	}
	private, err := kem().NewPrivateKey(secret)
	if err != nil {
		return keys.Roots{}, errShare
	}
	plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(paperInfo), b.Paper.Sealed)
	if err != nil {
		return keys.Roots{}, errShare
	}
	return unmarshal(plain)
}
