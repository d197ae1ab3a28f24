package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/seal"
)

// Checkpoint says what the whole log was at a moment, signed. Its note is
//
//	origin, size, root in base64, "number N", "time T", an empty line, signatures
//
// Spec: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note
type Checkpoint struct {
	Origin string
	Number int64 // 1, 2, 3, …: a missing one shows
	Size   int64 // leaves
	Root   tlog.Hash
	At     time.Time
	Note   string // the signed text
}

// text returns what is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\nnumber %d\ntime %s\n", c.Origin, c.Size, c.Root, c.Number, c.At.UTC().Format(stamp))
}

// Keys sign checkpoints and know their signatures.
type Keys struct{ seed []byte }

// NewKeys derives the signing key from the installation's root key.
func NewKeys(root seal.Key) Keys {
	seed, err := hex.DecodeString(root.For("audit/checkpoint").Hex())
	if err != nil {
		panic("audit: " + err.Error()) // Hex writes nothing else
	}
	return Keys{seed: seed}
}

// Public returns the key that knows the signatures of the log named origin,
// in the form of a note's verifier key.
func (k Keys) Public(origin string) string {
	public, _ := ed25519.NewKeyFromSeed(k.seed).Public().(ed25519.PublicKey)
	text, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return ""
	}
	return text
}

// sign returns c with its note.
func (k Keys) sign(c Checkpoint) (Checkpoint, error) {
	parts := strings.SplitN(k.Public(c.Origin), "+", 3) // name, hash of name and key, key
	if len(parts) != 3 {
		return c, fmt.Errorf("audit: sign: %q is no name of a log", c.Origin)
	}
	const ed25519Kind = 1
	secret := "PRIVATE+KEY+" + c.Origin + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{ed25519Kind}, k.seed...))
	signer, err := note.NewSigner(secret)
	if err != nil {
		return c, fmt.Errorf("audit: sign: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return c, fmt.Errorf("audit: sign: %w", err)
	}
	c.Note = string(signed)
	return c, nil
}

// ReadCheckpoint reads a note that the holder of public signed.
func ReadCheckpoint(text, public string) (Checkpoint, error) {
	v, err := note.NewVerifier(public)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	c, err := parseCheckpoint(n.Text)
	c.Note = text
	return c, err
}

// parseCheckpoint reads what text returned.
func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 {
		return c, fmt.Errorf("audit: checkpoint: %d lines, want 5", len(lines)-1)
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return c, fmt.Errorf("audit: checkpoint: size: %w", err)
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, fmt.Errorf("audit: checkpoint: root: %w", err)
	}
	if c.Number, err = strconv.ParseInt(strings.TrimPrefix(lines[3], "number "), 10, 64); err != nil {
		return c, fmt.Errorf("audit: checkpoint: number: %w", err)
	}
	if c.At, err = time.Parse(stamp, strings.TrimPrefix(lines[4], "time ")); err != nil {
		return c, fmt.Errorf("audit: checkpoint: time: %w", err)
	}
	if c.Size < 0 || c.text() != text {
		return c, fmt.Errorf("audit: checkpoint: not as Hale writes it")
	}
	return c, nil
}

// peek reads a note without asking who signed it.
func peek(text string) (Checkpoint, error) {
	head, _, ok := strings.Cut(text, "\n\n")
	if !ok {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: no signature")
	}
	c, err := parseCheckpoint(head + "\n")
	c.Note = text
	return c, err
}
