package access_test

import (
	"context"
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
)

// What a decision costs with its facts at hand: the budget is 20 µs, without
// the row in the log.
func BenchmarkDecide(b *testing.B) {
	f := &found{}
	doors := access.NewDoors(nil, f, haletest.Clock(haletest.Noon))
	nurse := access.Actor{Kind: access.Staff, ID: "n", Roles: []access.Role{access.Nurse}, Proof: proved}
	proxy := access.Actor{Kind: access.Proxy, ID: "p", Proof: proved, Grants: []access.Grant{{Patient: "ada", Rights: access.Rights(), Categories: access.Categories}}}
	for name, a := range map[string]access.Actor{"nurse": nurse, "proxy": proxy} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := doors.Decide(context.Background(), a, access.ReadRecord, "ada"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
