package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/standard/smart"
)

// jwks remembers what clients publish as their keys.
type jwks struct{ locked[string, fetched] }

type fetched struct {
	set       jose.JSONWebKeySet
	at, until time.Time
	err       error
}

// How long keys are kept: as the answer says, within these. A kid that is
// not there asks again, no more often than againAfter.
const (
	keysUsual  = 5 * time.Minute
	keysMost   = time.Hour
	againAfter = 10 * time.Second
	mostSets   = 500
)

// keysOf returns the keys of a client.
func (s *Store) keysOf(ctx context.Context, c Client, kid string, now time.Time) (jose.JSONWebKeySet, error) {
	if c.JWKSURI == "" {
		return smart.ParseKeys([]byte(c.JWKS))
	}
	s.jwks.mu.Lock()
	f, ok := s.jwks.m[c.JWKSURI]
	s.jwks.mu.Unlock()
	young := ok && now.Sub(f.at) < againAfter && !now.Before(f.at)
	if ok && f.err == nil && now.Before(f.until) && (young || len(f.set.Key(kid)) > 0) || young {
		return f.set, f.err
	}
	f = s.fetch(ctx, c.JWKSURI, now)
	s.jwks.mu.Lock()
	if s.jwks.m == nil || len(s.jwks.m) >= mostSets {
		s.jwks.m = map[string]fetched{}
	}
	s.jwks.m[c.JWKSURI] = f
	s.jwks.mu.Unlock()
	return f.set, f.err
}

// fetch asks a client's server for its keys.
func (s *Store) fetch(ctx context.Context, address string, now time.Time) fetched {
	f := fetched{at: now, until: now.Add(keysUsual)}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || s.HTTP == nil {
		f.err = smart.ErrKeys
		return f
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := s.HTTP.Do(r)
	if err != nil {
		f.err = fmt.Errorf("client: keys: %w", err)
		return f
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10+1))
	if err != nil || res.StatusCode != http.StatusOK {
		f.err = smart.ErrKeys
		return f
	}
	f.set, f.err = smart.ParseKeys(body)
	f.until = now.Add(keptFor(res.Header.Get("Cache-Control")))
	return f
}

// keptFor returns how long an answer may be kept.
//
// Spec: RFC 9111 §5.2.2
func keptFor(control string) time.Duration {
	life := keysUsual
	for part := range strings.SplitSeq(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if n, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil && n >= 0 {
				life = min(time.Duration(min(n, 1<<20))*time.Second, keysMost)
			}
		}
	}
	return life
}
