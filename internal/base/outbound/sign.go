package outbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// SignatureHeader carries t=SECONDS,v1=HEX: the HMAC-SHA256, under a secret
// that both ends have, of the seconds, a dot and the body.
const SignatureHeader = "X-Hale-Signature"

// Sign returns the value of SignatureHeader for a body at a time.
func Sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(stamp + "."))
	m.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(m.Sum(nil))
}
