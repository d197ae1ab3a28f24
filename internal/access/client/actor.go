package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Fresh is how long what a token opens may be used again. What another
// process ended ends within it; what this one ended, at once.
const Fresh = time.Second

// tokens remembers who asks by which token.
type tokens struct {
	locked[[sha256.Size]byte, remembered]
	era int64 // counts what was forgotten: a look-up begun before is not kept
}

type remembered struct {
	actor     access.Actor
	at, until time.Time
}

const mostTokens = 4096

// Forget drops what is remembered of tokens. Whoever changes what one opens
// calls it after the change is committed.
func (s *Store) Forget() {
	s.tokens.mu.Lock()
	s.tokens.m = nil
	s.tokens.era++
	s.tokens.mu.Unlock()
	s.origins.forget()
}

func (t *tokens) get(key [sha256.Size]byte, now time.Time) (access.Actor, int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.m[key]
	if age := now.Sub(r.at); !ok || age >= Fresh || age < 0 || !now.Before(r.until) {
		return access.Actor{}, t.era, false
	}
	return r.actor, t.era, true
}

func (t *tokens) put(key [sha256.Size]byte, r remembered, era int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if era != t.era {
		return
	}
	if t.m == nil || len(t.m) >= mostTokens {
		t.m = map[[sha256.Size]byte]remembered{}
	}
	t.m[key] = r
}

// Actor returns who asks by an access token: the person behind the grant as
// they are now, or the client itself. The error for a token that is unknown,
// ended or stopped, or whose person can no longer sign in, is
// errs.Unauthenticated.
func (s *Store) Actor(ctx context.Context, bearer string) (access.Actor, error) {
	key, now := sha256.Sum256([]byte(bearer)), s.Now()
	if a, _, ok := s.tokens.get(key, now); ok {
		return a, nil
	}
	_, era, _ := s.tokens.get(key, now)
	l, err := s.look(ctx, hex.EncodeToString(key[:]), now)
	if err != nil {
		return access.Actor{}, err
	}
	actor, err := s.behind(ctx, l)
	if err != nil {
		return access.Actor{}, err
	}
	if now.Sub(l.grant.Used) >= usedEvery {
		if _, err := s.DB.ExecContext(ctx, `update app_grant set used_at = $2 where id = $1`, l.grant.ID, now.UnixMicro()); err != nil {
			return access.Actor{}, fmt.Errorf("client: used: %w", err)
		}
	}
	s.tokens.put(key, remembered{actor, now, l.until}, era)
	return actor, nil
}

// looked is what stands about an access token.
type looked struct {
	grant  Grant
	scopes string
	labels access.Label // of a backend client
	back   bool
	until  time.Time
}

// look finds a live access token of an approved client by its hash.
func (s *Store) look(ctx context.Context, hash string, now time.Time) (looked, error) {
	const q = `
		select ` + grantColumns + `, t.scopes, t.expires_at, c.labels, c.backend
		from app_token t join app_grant g on g.id = t.app_grant join app_client c on c.id = g.client
		where t.hash = $1 and t.kind = 'access' and t.expires_at > $2 and g.ended_at = 0 and c.status = 'approved'`
	l, err := db.One(ctx, s.DB, func(scan db.Scan) (l looked, err error) {
		var until, back int64
		l.grant, err = readGrant(func(dest ...any) error {
			return scan(append(dest, &l.scopes, &until, &l.labels, &back)...)
		})
		l.until, l.back = db.Time(until), back != 0
		return l, err
	}, q, hash, now.UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return l, errToken
	}
	if err != nil {
		return l, fmt.Errorf("client: token: %w", err)
	}
	return l, nil
}

// behind returns the actor of a token.
func (s *Store) behind(ctx context.Context, l looked) (access.Actor, error) {
	asked := smart.ParseAsked(l.scopes)
	app := &access.App{ID: l.grant.Client, Name: l.grant.ClientName, Grant: l.grant.ID, Patient: l.grant.Patient, Scopes: asked.Scopes(), Labels: l.grant.Labels}
	if l.back {
		app.Labels = l.labels
		rights := []access.Right{access.ReadRecord}
		for _, scope := range app.Scopes {
			if scope.Verbs&(smart.Create|smart.Update|smart.Delete) != 0 {
				rights = []access.Right{access.ReadRecord, access.WriteRecord}
			}
		}
		a := access.SystemActor("app:"+l.grant.Client, rights...)
		a.Name, a.App = l.grant.ClientName, app
		return a, nil
	}
	a, err := s.People.Person(ctx, l.grant.Account)
	if errs.KindOf(err) == errs.Unauthenticated {
		return access.Actor{}, errToken
	}
	if err != nil {
		return access.Actor{}, fmt.Errorf("client: person: %w", err)
	}
	a.App, a.Session, a.Proof = app, "app/"+l.grant.ID, access.Proof{Zone: access.PortalZone, At: l.grant.AuthAt}
	if who, ok := FHIRUser(a, l.grant.Patient); ok && asked.Has(smart.FHIRUser) {
		app.Scopes = append(app.Scopes, who.scope())
	}
	if l.grant.Patient != "" && a.Kind != access.Staff && !a.May(access.ReadRecord, l.grant.Patient) {
		return access.Actor{}, errToken // helping has ended
	}
	return a, nil
}
