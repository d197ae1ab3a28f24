package shlink

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// header is the protected header of a file: the content key is the link's
// own key.
//
// Spec: RFC 7516, RFC 7518 §4.5 (dir) and §5.3 (A256GCM)
type header struct {
	Alg  string   `json:"alg"`
	Enc  string   `json:"enc"`
	Cty  string   `json:"cty,omitempty"`
	Zip  string   `json:"zip,omitempty"`
	Crit []string `json:"crit,omitempty"`
}

// MaxPlain is how many bytes a file may have once it is opened.
const MaxPlain = 16 << 20

// ErrFile says that a file is not for this key, was changed, or goes beyond
// what is read.
var ErrFile = errors.New("shlink: the file cannot be opened")

const (
	ivSize  = 12
	tagSize = 16
)

// Seal encrypts a file of a content type as a compact JWE, deflated, with a
// nonce of its own.
func Seal(key [KeySize]byte, contentType string, plain []byte) (string, error) {
	head, _ := json.Marshal(header{Alg: "dir", Enc: "A256GCM", Cty: contentType, Zip: "DEF"}) // strings
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.DefaultCompression) // the level is one of its own
	if _, err := w.Write(plain); err != nil {
		return "", fmt.Errorf("shlink: deflate: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("shlink: deflate: %w", err)
	}
	gcm, err := open(key)
	if err != nil {
		return "", err
	}
	iv := make([]byte, ivSize)
	_, _ = rand.Read(iv) // never fails
	protected := text(head)
	sealed := gcm.Seal(nil, iv, packed.Bytes(), []byte(protected))
	at := len(sealed) - tagSize
	return protected + ".." + text(iv) + "." + text(sealed[:at]) + "." + text(sealed[at:]), nil
}

// Open decrypts a compact JWE and returns what it holds and of what type.
func Open(key [KeySize]byte, jwe string) (contentType string, plain []byte, err error) {
	parts := strings.Split(strings.TrimSpace(jwe), ".")
	if len(parts) != 5 || parts[1] != "" {
		return "", nil, fmt.Errorf("%w: no compact JWE for a shared key", ErrFile)
	}
	var raw [5][]byte
	for i, part := range parts {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return "", nil, fmt.Errorf("%w: its text is damaged", ErrFile)
		}
	}
	var h header
	if err := json.Unmarshal(raw[0], &h); err != nil || h.Alg != "dir" || h.Enc != "A256GCM" || len(h.Crit) > 0 || h.Zip != "" && h.Zip != "DEF" {
		return "", nil, fmt.Errorf("%w: a way of encryption that is not known", ErrFile)
	}
	if len(raw[2]) != ivSize || len(raw[4]) != tagSize {
		return "", nil, fmt.Errorf("%w: its parts have the wrong lengths", ErrFile)
	}
	gcm, err := open(key)
	if err != nil {
		return "", nil, err
	}
	plain, err = gcm.Open(nil, raw[2], append(raw[3], raw[4]...), []byte(parts[0]))
	if err != nil {
		return "", nil, fmt.Errorf("%w: another key, or it was changed", ErrFile)
	}
	if h.Zip == "DEF" {
		plain, err = inflate(plain)
	}
	return h.Cty, plain, err
}

// inflate unpacks within the budget.
func inflate(packed []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(packed))
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, MaxPlain+1))
	if err != nil {
		return nil, fmt.Errorf("%w: it does not unpack", ErrFile)
	}
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("%w: it is larger than what is read", ErrFile)
	}
	return plain, nil
}

func open(key [KeySize]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("shlink: cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
