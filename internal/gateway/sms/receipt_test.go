package sms_test

import (
	"testing"

	"hale/internal/gateway/sms"
)

// A gateway may name our message by our key alone.
func TestEventReport(t *testing.T) {
	r := sms.Event{ID: "e1", Kind: sms.Delivered, Key: "k1"}.Report().Receipt()
	if r.Message != "k1" || r.ProviderRef != "" {
		t.Errorf("Receipt = message %q, ref %q, want k1 and none", r.Message, r.ProviderRef)
	}
}
