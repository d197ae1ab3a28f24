package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// Remote returns the address that r comes from. X-Forwarded-For counts only
// as far as the site's own proxies wrote it: the last address in it that is
// not one of theirs.
func (s *Site) Remote(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	at := peer.Addr().Unmap()
	if !s.proxy(at) {
		return at.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
		if !s.proxy(at) {
			break
		}
	}
	return at.String()
}

func (s *Site) proxy(a netip.Addr) bool {
	for _, p := range s.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Phone writes an E.164 number as people read it: a North American one as
// (312) 555-0142, others as they are.
func Phone(number string) string {
	if len(number) != 12 || !strings.HasPrefix(number, "+1") {
		return number
	}
	return "(" + number[2:5] + ")\u00a0" + number[5:8] + "-" + number[8:]
}
