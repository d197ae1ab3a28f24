package smart

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Challenge returns the S256 challenge of a verifier.
//
// Spec: RFC 7636 §4.2
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IsChallenge says whether text can be an S256 challenge: 32 bytes in
// base64url.
func IsChallenge(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == sha256.Size
}

// Answers says whether verifier is well-formed and the one that challenge was
// made of.
//
// Spec: RFC 7636 §4.1, §4.6
func Answers(challenge, verifier string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	if n := len(verifier); n < 43 || n > 128 || strings.Trim(verifier, unreserved) != "" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(Challenge(verifier))) == 1
}
