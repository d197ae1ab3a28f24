package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Tokens is what a client gets at the token endpoint.
type Tokens struct {
	Access, Refresh string // Refresh is empty where none was granted
	Life            time.Duration
	Scope           string
	Grant           Grant
	Nonce           string
}

// The refusals of the token endpoint. One text for all the reasons that would
// help who guesses.
var (
	errCode    = smart.Refuse(smart.InvalidGrant, "The code is unknown, used, too old, or was not given to this client with this redirect_uri and code_verifier")
	errRefresh = smart.Refuse(smart.InvalidGrant, "The refresh token is unknown, used, too old, stopped, or belongs to another client")
	errScope   = smart.Refuse(smart.InvalidScope, "A refresh takes scopes that were granted, or fewer")
)

// Exchange gives tokens for a code. A code that comes a second time ends what
// came from it; one that is shown with a wrong verifier is spent.
//
// Spec: RFC 6749 §4.1.3, §10.5; RFC 7636 §4.6
func (s *Store) Exchange(ctx context.Context, c Client, code, redirect, verifier string) (t Tokens, err error) {
	refused := error(nil) // what is noted is kept, though the client gets nothing
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `select app_grant, redirect, challenge, nonce, expires_at, used_at from app_code where hash = $1 and client = $2`
		var was, challenge string
		var expires, used int64
		_, err := db.One(ctx, tx, func(scan db.Scan) (struct{}, error) {
			return struct{}{}, scan(&t.Grant.ID, &was, &challenge, &t.Nonce, &expires, &used)
		}, q, seal.Hash(code), c.ID)
		if errors.Is(err, db.ErrNone) {
			return errCode
		}
		if err != nil {
			return err
		}
		if t.Grant, err = s.grant(ctx, tx, t.Grant.ID); err != nil {
			return err
		}
		now := s.Now()
		first, err := db.Changed(tx.ExecContext(ctx, `update app_code set used_at = $2 where hash = $1 and used_at = 0`, seal.Hash(code), now.UnixMicro()))
		if err != nil {
			return err
		}
		if first == 0 {
			refused = errCode
			return s.end(ctx, tx, t.Grant, "reused")
		}
		if now.UnixMicro() >= expires || was != redirect || !smart.Answers(challenge, verifier) || !t.Grant.Ended.IsZero() {
			refused = errCode
			return s.end(ctx, tx, t.Grant, "unproved")
		}
		return s.issue(ctx, tx, c, &t, t.Grant.Scopes)
	})
	return t, s.issued("exchange", err, refused)
}

// issued returns what became of a request for tokens.
func (s *Store) issued(verb string, err, refused error) error {
	if refused != nil && err == nil {
		s.Forget() // a grant may have ended
		return refused
	}
	if err != nil {
		return fmt.Errorf("client: %s: %w", verb, err)
	}
	return nil
}

func (s *Store) grant(ctx context.Context, c db.Conn, id string) (Grant, error) {
	return db.One(ctx, c, readGrant, `select `+grantColumns+` from app_grant g join app_client c on c.id = g.client where g.id = $1`, id)
}

// Refresh gives new tokens for a refresh token, which is then used up. One
// that comes again was stolen, or its successor was: everything ends.
//
// Spec: RFC 9700 §4.14.2
func (s *Store) Refresh(ctx context.Context, c Client, token, scope string) (t Tokens, err error) {
	if err := s.present(ctx, token); err != nil {
		return Tokens{}, err
	}
	refused := error(nil)
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `select app_grant, scopes, expires_at from app_token where hash = $1 and client = $2 and kind = 'refresh'`
		var had string
		var expires int64
		_, err := db.One(ctx, tx, func(scan db.Scan) (struct{}, error) {
			return struct{}{}, scan(&t.Grant.ID, &had, &expires)
		}, q, seal.Hash(token), c.ID)
		if errors.Is(err, db.ErrNone) {
			return errRefresh
		}
		if err != nil {
			return err
		}
		if t.Grant, err = s.grant(ctx, tx, t.Grant.ID); err != nil {
			return err
		}
		now := s.Now()
		if now.UnixMicro() >= expires || !t.Grant.Ended.IsZero() {
			return errRefresh
		}
		asked := smart.ParseAsked(scope)
		if scope == "" {
			asked = smart.ParseAsked(had)
		}
		if !smart.ParseAsked(had).Covers(asked) {
			return errScope
		}
		first, err := db.Changed(tx.ExecContext(ctx, `update app_token set used_at = $2 where hash = $1 and used_at = 0`, seal.Hash(token), now.UnixMicro()))
		if err != nil {
			return err
		}
		if first == 0 {
			refused = errRefresh
			return s.end(ctx, tx, t.Grant, "reused")
		}
		return s.issue(ctx, tx, c, &t, asked.String())
	})
	return t, s.issued("refresh", err, refused)
}

// Bearing returns the public client that a refresh token was given to. Such a
// client has nothing to prove itself by but the token, and need not name
// itself when it asks for new ones. A client that can prove itself must.
//
// Spec: RFC 6749 §3.2.1, §6
func (s *Store) Bearing(ctx context.Context, token string) (Client, error) {
	id, err := db.One(ctx, s.DB, db.Value[string], `select client from app_token where hash = $1 and kind = 'refresh'`, seal.Hash(token))
	if errors.Is(err, db.ErrNone) {
		return Client{}, errRefresh
	}
	if err != nil {
		return Client{}, fmt.Errorf("client: bearing: %w", err)
	}
	return s.Public(ctx, id)
}

// present refuses a refresh token whose person can no longer sign in.
func (s *Store) present(ctx context.Context, token string) error {
	a, err := s.about(ctx, s.DB, token)
	if err != nil || a.Grant.Account == "" {
		return err
	}
	_, err = s.People.Person(ctx, a.Grant.Account)
	if errs.KindOf(err) == errs.Unauthenticated {
		return errRefresh
	}
	return err
}

// issue makes an access token with scopes, and a refresh token where the
// grant is kept. A narrower access token leaves the refresh token as wide as
// the grant.
func (s *Store) issue(ctx context.Context, tx *db.Tx, c Client, t *Tokens, scopes string) error {
	now := s.Now()
	t.Access, t.Life, t.Scope = seal.Token(32), AccessLife, scopes
	if c.Backend {
		t.Life = BackendLife
	}
	until := now.Add(t.Life)
	if err := s.keep(ctx, tx, t.Access, "access", t.Grant.ID, c.ID, scopes, until); err != nil {
		return err
	}
	end := time.Time{}
	switch t.Grant.Keep {
	case Offline:
		end = now.Add(KeepLife)
	case Online:
		end = t.Grant.Created.Add(OnlineLife)
	}
	if end.After(now) {
		t.Refresh = seal.Token(32)
		if err := s.keep(ctx, tx, t.Refresh, "refresh", t.Grant.ID, c.ID, t.Grant.Scopes, end); err != nil {
			return err
		}
	}
	if end.After(until) {
		until = end
	}
	_, err := tx.ExecContext(ctx, `update app_grant set until_at = $2, used_at = $3 where id = $1`, t.Grant.ID, until.UnixMicro(), now.UnixMicro())
	return err
}

func (s *Store) keep(ctx context.Context, tx *db.Tx, token, kind, grant, client, scopes string, until time.Time) error {
	const q = `insert into app_token (hash, kind, app_grant, client, scopes, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`
	_, err := tx.ExecContext(ctx, q, seal.Hash(token), kind, grant, client, scopes, s.Now().UnixMicro(), until.UnixMicro())
	return err
}

// Own gives a backend client a token in its own name.
//
// Spec: RFC 6749 §4.4, https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
func (s *Store) Own(ctx context.Context, c Client, scope string) (t Tokens, err error) {
	if !c.Backend || c.Auth != KeyJWT {
		return Tokens{}, smart.Refuse(smart.Unauthorized, "This client was not registered for client_credentials")
	}
	asked := smart.ParseAsked(scope)
	got := asked.Within(smart.ParseAsked(c.Scopes), func(x smart.Context) smart.Verb { return grantable(x, true) })
	if len(got.Clinical) == 0 {
		return Tokens{}, smart.Refuse(smart.InvalidScope, "None of these scopes was allowed for this client; ask for system scopes such as system/Patient.rs")
	}
	got.Plain = nil
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const find = `select ` + grantColumns + ` from app_grant g join app_client c on c.id = g.client where g.id = $1`
		list, err := db.All(ctx, tx, readGrant, find, c.ID)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			one := Grant{ID: c.ID, Client: c.ID, Scopes: c.Scopes, Launch: "backend", Created: s.Now(), Until: s.Now()}
			if err := s.insertGrant(ctx, tx, one); err != nil {
				return err
			}
			list = []Grant{one}
		}
		t.Grant = list[0]
		return s.issue(ctx, tx, c, &t, got.String())
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("client: own: %w", err)
	}
	return t, nil
}
