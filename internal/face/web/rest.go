package web

import (
	"time"

	"hale/internal/access/account"
	"hale/internal/base/seal"
)

// Left returns how long a session may still rest. Its last use is written
// down once a minute; the request at hand is one, if it was.
func (s *Site) Left(in account.Session) time.Duration {
	now := s.now()
	seen := in.Seen
	if now.Sub(seen) >= time.Minute {
		seen = now
	}
	end := seen.Add(in.Rest)
	if in.Expires.Before(end) {
		end = in.Expires
	}
	return max(0, end.Sub(now))
}

// Left returns how long the page may rest.
func (v View) Left() time.Duration { return v.Site.Left(Session(v.Req)) }

// Who returns a short name for an account, by which a page knows whether the
// session is still that of its reader.
func Who(account string) string { return seal.Hash("page/" + account)[:16] }
