package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The headers that sign a request, in both directions: the time in seconds,
// and the HMAC-SHA-256 of time, a dot and the body, in hexadecimal.
const (
	TimeHeader      = "Hale-Time"
	SignatureHeader = "Hale-Signature"
)

// tolerance is how far apart the two clocks may be.
const tolerance = 5 * time.Minute

var errSignature = errors.New("sms: the signature does not fit")

// Sign signs body, sent at now with secret.
func Sign(h http.Header, secret string, now time.Time, body []byte) {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(TimeHeader, stamp)
	h.Set(SignatureHeader, hex.EncodeToString(digest(secret, stamp, body)))
}

// Verify returns an error unless body was signed with secret about now.
func Verify(h http.Header, secret string, now time.Time, body []byte) error {
	stamp := h.Get(TimeHeader)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errSignature
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > tolerance || off < -tolerance {
		return errSignature
	}
	got, err := hex.DecodeString(h.Get(SignatureHeader))
	if err != nil || !hmac.Equal(got, digest(secret, stamp, body)) {
		return errSignature
	}
	return nil
}

func digest(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp))
	mac.Write([]byte("."))
	mac.Write(body)
	return mac.Sum(nil)
}
