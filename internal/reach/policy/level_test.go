package policy_test

import (
	"testing"

	"hale/internal/reach/policy"
)

// What becomes of an e-mail where the connection is worse than its full text
// needs is the purpose's to say.
func TestDecideTLSModes(t *testing.T) {
	tests := []struct {
		name  string
		tls   policy.TLSMode
		least policy.Level
		able  policy.Level
		class policy.Class
		mode  policy.Mode
		level policy.Level
		why   string
	}{
		{"forced, good enough", policy.TLSForced, 0, policy.L2, policy.S2, policy.Full, policy.L2, ""},
		{"forced, not verified", policy.TLSForced, 0, policy.L1, policy.S2, policy.Notice, policy.L0, "no_tls"},
		{"forced, no TLS", "", 0, policy.L0, policy.S2, policy.Notice, policy.L0, "no_tls"},
		{"forced, more asked for than the matrix does", policy.TLSForced, policy.L3, policy.L2, policy.S2, policy.Notice, policy.L0, "no_tls"},
		{"forced, as much as is asked for", policy.TLSForced, policy.L3, policy.L3, policy.S2, policy.Full, policy.L3, ""},
		{"exclusive, good enough", policy.TLSExclusive, 0, policy.L2, policy.S2, policy.Full, policy.L2, ""},
		{"exclusive, not verified", policy.TLSExclusive, 0, policy.L1, policy.S2, policy.None, 0, "tls_exclusive"},
		{"exclusive, no TLS", policy.TLSExclusive, 0, policy.L0, policy.S1, policy.None, 0, "tls_exclusive"},
		{"exclusive, what may go plain", policy.TLSExclusive, 0, policy.L0, policy.S0, policy.Full, policy.L0, ""},
		{"exclusive, a notice at best", policy.TLSExclusive, 0, policy.L2, policy.S3, policy.Notice, policy.L1, "notice"},
		{"opportunistic writes for the worst", policy.TLSOpportunistic, 0, policy.L3, policy.S2, policy.Notice, policy.L0, "no_tls"},
		{"opportunistic, what may go plain", policy.TLSOpportunistic, 0, policy.L0, policy.S0, policy.Full, policy.L0, ""},
	}
	for _, tt := range tests {
		p := person()
		p.Able["ada@mail.example"] = policy.Ability{OK: true, Level: tt.able}
		about := purpose(t, "care")
		about.TLS, about.Least = tt.tls, tt.least
		d := policy.Decide(day, p, policy.Ask{Purpose: about, Class: tt.class, Channels: []policy.Channel{policy.Email}}, settings())
		got, level := policy.None, policy.L0
		if len(d.Plan) > 0 {
			got, level = d.Plan[0].Mode, d.Plan[0].Level
		}
		if got != tt.mode || level != tt.level {
			t.Errorf("%s: %s at %s, want %s at %s: %+v", tt.name, got, level, tt.mode, tt.level, d.Reasons)
		}
		found := tt.why == ""
		for _, r := range d.Reasons {
			found = found || r.Code == tt.why
		}
		if !found {
			t.Errorf("%s: %+v, want the reason %s", tt.name, d.Reasons, tt.why)
		}
	}
}
