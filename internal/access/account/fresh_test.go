package account

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
)

// A proof is fresh for a while, and never from the future.
func TestFreshProof(t *testing.T) {
	for _, tt := range []struct {
		age  time.Duration
		want bool
	}{{0, true}, {access.AccountAge, true}, {access.AccountAge + 1, false}, {-time.Second, true}, {-time.Hour, false}} {
		in := Session{Zone: access.AccountZone, Proved: haletest.Noon.Add(-tt.age)}
		if got := in.fresh(access.AccountZone, haletest.Noon); got != tt.want {
			t.Errorf("a proof %s old is fresh = %t, want %t", tt.age, got, tt.want)
		}
	}
	if (Session{Zone: access.AccountZone}).fresh(access.AccountZone, haletest.Noon) {
		t.Error("a session without a proof is fresh")
	}
}
