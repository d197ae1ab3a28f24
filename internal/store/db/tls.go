package db

import (
	"net"
	"net/url"
	"strings"
)

// Verified returns the address of a PostgreSQL server so that the connection
// proves whose it is: where it names another machine and says nothing about
// TLS, verify-full is asked for. The operator's own word, sslmode=disable on
// a trusted network for example, stands.
//
// Spec: https://www.postgresql.org/docs/current/libpq-ssl.html
func Verified(address string) string {
	u, err := url.Parse(address)
	if err != nil || local(u) || u.Query().Has("sslmode") {
		return address
	}
	q := u.Query()
	q.Set("sslmode", "verify-full")
	u.RawQuery = q.Encode()
	return u.String()
}

// Unverified says whether the connection to address goes to another machine
// without checking whose it is.
func Unverified(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") || local(u) {
		return false
	}
	mode := u.Query().Get("sslmode")
	return mode != "" && mode != "verify-full" && mode != "verify-ca"
}

// local says whether every host that u names is this machine.
func local(u *url.URL) bool {
	hosts := strings.Split(u.Host, ",")
	if q := u.Query().Get("host"); q != "" {
		hosts = strings.Split(q, ",")
	}
	for _, h := range hosts {
		name := h
		if host, _, err := net.SplitHostPort(h); err == nil {
			name = host
		}
		name = strings.Trim(name, "[]")
		ip := net.ParseIP(name)
		if name != "" && name != "localhost" && !strings.HasPrefix(name, "/") && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
