package track_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach/track"
)

const (
	phone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
	ahead  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
	viaGoo = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)

func row(target int64, after time.Duration, agent, net string, language bool) track.Row {
	at := haletest.Noon.Add(after)
	return track.Row{Hit: track.Hit{Target: target, At: at, Method: "GET", Agent: agent, Net: net, Language: language}, Last: at, N: 1}
}

func TestLabel(t *testing.T) {
	accepted := haletest.Noon
	with := func(r track.Row, change func(*track.Row)) track.Row { change(&r); return r }
	tests := []struct {
		name  string
		row   track.Row
		acts  []time.Duration
		rows  []track.Row
		actor track.Actor
		rule  string
	}{
		{"a phone, minutes later", row(0, 5*time.Minute, phone, "", true), nil, nil, track.Human, "opened@1"},
		{"a picture at once", row(0, time.Second, phone, "", true), nil, nil, track.Suspect, "at-once@1"},
		{"a picture two seconds later", row(0, 2*time.Second, phone, "", true), nil, nil, track.Human, "opened@1"},
		{"Apple's relay", row(0, time.Hour, "Mozilla/5.0", track.Apple, false), nil, nil, track.Machine, "apple-privacy@1"},
		{"Apple's agent from elsewhere", row(0, time.Hour, "Mozilla/5.0", "", false), nil, nil, track.Suspect, "apple-agent@1"},
		{"a whole agent from Apple's relay", row(0, time.Hour, phone, track.Apple, true), nil, nil, track.Human, "opened@1"},
		{"Gmail ahead of its reader", row(0, time.Hour, ahead, track.Google, false), nil, nil, track.Machine, "gmail-prefetch@1"},
		{"Gmail's agent from elsewhere", row(0, time.Hour, ahead, "", true), nil, nil, track.Suspect, "gmail-agent@1"},
		{"Gmail's proxy for a reader", row(0, time.Hour, viaGoo, track.Google, false), nil, nil, track.Human, "gmail-proxy@1"},
		{"Yahoo", row(0, time.Hour, "YahooMailProxy; https://help.yahoo.com/", track.Yahoo, false), nil, nil, track.Machine, "yahoo-proxy@1"},
		{"Microsoft's scan", row(0, time.Hour, phone, track.Microsoft, false), nil, nil, track.Machine, "outlook-scan@1"},
		{"HEAD", with(row(0, time.Hour, phone, "", true), func(r *track.Row) { r.Method = "HEAD" }), nil, nil, track.Machine, "head@1"},
		{"it says that it fetches ahead", with(row(0, time.Hour, phone, "", true), func(r *track.Row) { r.Prefetch = true }), nil, nil, track.Machine, "prefetch@1"},
		{"a library", row(0, time.Hour, "python-requests/2.31", "", false), nil, nil, track.Machine, "robot@1"},
		{"no agent", row(0, time.Hour, "", "", false), nil, nil, track.Suspect, "no-agent@1"},
		{"a hired machine", row(0, time.Hour, phone, track.Datacentre, false), nil, nil, track.Machine, "datacentre@1"},

		{"a link alone", row(1, time.Hour, phone, "", true), nil, nil, track.Unknown, "fetched@1"},
		{"a link, and then something done", row(1, time.Hour, phone, "", true), []time.Duration{time.Hour + time.Minute}, nil, track.Human, "acted@1"},
		{"something done before the link", row(1, time.Hour, phone, "", true), []time.Duration{time.Minute}, nil, track.Unknown, "fetched@1"},
		{"something done an hour after", row(1, time.Hour, phone, "", true), []time.Duration{2 * time.Hour}, nil, track.Unknown, "fetched@1"},
		{"a link without a language", row(1, time.Hour, phone, "", false), nil, nil, track.Suspect, "no-language@1"},
		{"a link before it was taken", row(1, 500*time.Millisecond, phone, "", true), nil, nil, track.Machine, "at-once@1"},
		{"the link that nobody sees", row(track.Honeypot, time.Hour, phone, "", true), nil, nil, track.Machine, "unseen-link@1"},
		{"what follows the link that nobody sees", row(1, time.Hour, phone, "", true), nil, []track.Row{row(track.Honeypot, time.Hour-5*time.Second, phone, "", true)}, track.Machine, "unseen-link@1"},
		{"another's link that nobody sees", row(1, time.Hour, phone, "", true), nil, []track.Row{row(track.Honeypot, time.Hour, "Other/1.0", "", true)}, track.Unknown, "fetched@1"},
		{"three links at once", row(1, time.Hour, phone, "", true), nil, []track.Row{row(2, time.Hour+time.Second, phone, "", true), row(3, time.Hour+2*time.Second, phone, "", true)}, track.Machine, "burst@1"},
		{"two links at once", row(1, time.Hour, phone, "", true), nil, []track.Row{row(2, time.Hour+time.Second, phone, "", true)}, track.Unknown, "fetched@1"},
		{"a hired machine's link", row(1, time.Hour, phone, track.Datacentre, false), nil, nil, track.Machine, "datacentre@1"},
		{"a person in an office in a cloud", row(1, time.Hour, phone, track.Datacentre, true), nil, nil, track.Unknown, "fetched@1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := track.Seen{Accepted: accepted, Rows: append([]track.Row{tt.row}, tt.rows...)}
			for _, d := range tt.acts {
				s.Acts = append(s.Acts, haletest.Noon.Add(d))
			}
			if actor, rule := track.Label(tt.row, s); actor != tt.actor || rule != tt.rule {
				t.Errorf("Label = %s by %s, want %s by %s", actor, rule, tt.actor, tt.rule)
			}
		})
	}
	for _, id := range track.Rules() {
		if name, version, ok := strings.Cut(id, "@"); !ok || name == "" || version == "" {
			t.Errorf("the rule %q has no version", id)
		}
	}
}

func TestNetworks(t *testing.T) {
	n := track.Shipped()
	if n.AsOf == "" || n.Len() < 50 {
		t.Fatalf("the list is of %q with %d networks", n.AsOf, n.Len())
	}
	of := func(n *track.Networks, a, want string) {
		t.Helper()
		if got := n.Of(netip.MustParseAddr(a)); got != want {
			t.Errorf("Of(%s) = %q, want %q", a, got, want)
		}
	}
	of(n, "17.58.1.2", track.Apple)
	of(n, "66.249.84.1", track.Google)
	of(n, "::ffff:66.249.84.1", track.Google)
	of(n, "40.94.1.1", track.Datacentre)
	of(n, "40.93.1.1", track.Microsoft) // the longer prefix holds
	of(n, "192.0.2.7", "")
	of(n, "2a02:26f7::9", track.Apple)
	newer, err := track.ReadNetworks(strings.NewReader("# As of: 2026-01-02\n203.0.113.0/24,US,US-CA,Cupertino,\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := n.With(newer)
	of(all, "203.0.113.9", track.Apple)
	of(all, "17.58.1.2", "") // the newer list is all of its class
	of(all, "66.249.84.1", track.Google)
	if all.AsOf != "2026-01-02" {
		t.Errorf("AsOf = %q", all.AsOf)
	}
	for _, bad := range []string{"apple 17.0.0.0", "martian 17.0.0.0/8", "17.0.0.0/8"} {
		if _, err := track.ReadNetworks(strings.NewReader(bad)); err == nil {
			t.Errorf("ReadNetworks(%q) = nil error", bad)
		}
	}
}

func FuzzReadNetworks(f *testing.F) {
	f.Add("apple 17.0.0.0/8\n# As of: x\n1.2.3.0/24,US\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := track.ReadNetworks(strings.NewReader(text))
		if err == nil && n.Len() > 0 {
			n.Of(netip.MustParseAddr("17.1.2.3"))
		}
	})
}
