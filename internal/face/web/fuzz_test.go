package web_test

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hale/internal/face/web"
)

// FuzzRemote writes anything into X-Forwarded-For: an address comes out, and
// never one that a stranger chose unless one of our proxies vouched for it.
func FuzzRemote(f *testing.F) {
	for _, s := range []string{"", "203.0.113.9", "1.2.3.4, 203.0.113.9", "::ffff:10.0.0.1", "10.0.0.1, 10.0.0.2", "unknown", "1.2.3.4:80", "[2001:db8::1%eth0]", ",,,"} {
		f.Add(s)
	}
	site := web.NewSite(web.Clinic{Name: "Alder"}, nil, slog.New(slog.DiscardHandler), time.Now, false)
	site.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-For", header)
		r.RemoteAddr = "192.0.2.7:1"
		if at := site.Remote(r); at != "192.0.2.7" {
			t.Errorf("Remote of a stranger who says %q = %s, want its own address", header, at)
		}
		r.RemoteAddr = "10.0.0.3:1"
		at, err := netip.ParseAddr(site.Remote(r))
		if err != nil {
			t.Fatalf("Remote of a proxy that says %q = %v, want an address", header, err)
		}
		hops := strings.Split(header, ",")
		if last, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1])); err == nil && !site.Proxies[0].Contains(last.Unmap()) && at != last.Unmap() {
			t.Errorf("Remote of a proxy that says %q = %s, want what the proxy saw", header, at)
		}
	})
}
