package sms_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hale/internal/gateway/sms"
)

// FuzzSignature brings a call-back with any headers: none is taken but one
// with the signature and the time that the secret gives it.
func FuzzSignature(f *testing.F) {
	const body = `{"id":"e1","kind":"delivered","ref":"r1"}`
	good := http.Header{}
	sms.Sign(good, "s", noon, []byte(body))
	right := good.Get(sms.SignatureHeader)
	f.Add(right, good.Get(sms.TimeHeader))
	f.Add(right[:20], good.Get(sms.TimeHeader))
	f.Add("", "")
	f.Add("zz", "-9223372036854775808")
	f.Fuzz(func(t *testing.T, signature, at string) {
		taken := false
		h := sms.Callbacks("s", clock, slog.New(slog.DiscardHandler), func(context.Context, sms.Event) error {
			taken = true
			return nil
		})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set(sms.SignatureHeader, signature)
		r.Header.Set(sms.TimeHeader, at)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if taken && !strings.EqualFold(signature, right) {
			t.Errorf("took a call-back with signature %q and time %q", signature, at)
		}
	})
}
