package client

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"hale/internal/store/db"
)

// origins remembers from which web sites approved apps ask.
type origins struct {
	mu  sync.Mutex
	set map[string]bool
	at  time.Time
}

func (o *origins) forget() {
	o.mu.Lock()
	o.set = nil
	o.mu.Unlock()
}

// Allowed says whether a page of origin, such as https://app.example, is one
// that an approved app redirects to.
func (s *Store) Allowed(ctx context.Context, origin string) bool {
	o, now := &s.origins, s.Now()
	o.mu.Lock()
	set, at := o.set, o.at
	o.mu.Unlock()
	if set == nil || now.Sub(at) >= Fresh || now.Before(at) {
		list, err := db.All(ctx, s.DB, db.Value[string], `select redirects from app_client where status = 'approved'`)
		if err != nil {
			return false
		}
		set = map[string]bool{}
		for _, text := range list {
			for _, one := range lines(text) {
				if at := originOf(one); at != "" {
					set[at] = true
				}
			}
		}
		o.mu.Lock()
		o.set, o.at = set, now
		o.mu.Unlock()
	}
	return set[strings.ToLower(origin)]
}

// originOf returns the origin of a web address, or nothing.
//
// Spec: RFC 6454 §4
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}
