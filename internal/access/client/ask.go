package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Ask is a request to be let in.
type Ask struct {
	Client    Client
	Redirect  string
	Scope     string // as it was asked for
	State     string
	Challenge string
	Nonce     string
	Launch    string // the token of a launch from the desk, if it was one

	// Known once it is kept: whom and what the launch was about.
	Account, Patient, Encounter string
	Launched                    bool
	Grant, Answer               string
	Expires                     time.Time
}

// Answers of an Ask.
const (
	Granted = "granted"
	Denied  = "denied"
)

// Answers says whether a client may be answered at redirect: it is one of
// those registered, letter by letter; on a device's loopback address the port
// may be another.
//
// Spec: RFC 9700 §4.1.3, RFC 8252 §7.3
func (c Client) Answers(redirect string) bool {
	if slices.Contains(c.Redirects, redirect) {
		return true
	}
	if !c.Native || !loopback(redirect) {
		return false
	}
	u, ok := parsed(redirect)
	if !ok || net.ParseIP(u.Hostname()) == nil {
		return false
	}
	return slices.ContainsFunc(c.Redirects, func(one string) bool {
		r, ok := parsed(one)
		return ok && loopback(one) && r.Hostname() == u.Hostname() && r.EscapedPath() == u.EscapedPath() && r.RawQuery == u.RawQuery
	})
}

// Begin keeps a request until somebody has answered it, and returns the token
// of its page. The error is a *smart.Fail where the launch is not valid.
func (s *Store) Begin(ctx context.Context, a Ask) (token string, err error) {
	token = seal.Token(32)
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if a.Launch != "" {
			if err := s.takeLaunch(ctx, tx, &a); err != nil {
				return err
			}
		}
		const q = `
			insert into app_ask (id, client, redirect, scope, state, challenge, nonce, account, patient, encounter, launched, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
		_, err := tx.ExecContext(ctx, q, seal.Hash(token), a.Client.ID, a.Redirect, a.Scope, a.State, a.Challenge, a.Nonce,
			a.Account, a.Patient, a.Encounter, bit(a.Launched), s.Now().Add(AskLife).UnixMicro())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("client: begin: %w", err)
	}
	return token, nil
}

// Asked returns a request that waits.
func (s *Store) Asked(ctx context.Context, token string) (Ask, error) {
	a, err := s.asked(ctx, s.DB, token)
	if err == nil && a.Answer != "" {
		err = errAsked
	}
	return a, err
}

func (s *Store) asked(ctx context.Context, c db.Conn, token string) (Ask, error) {
	const q = `
		select client, redirect, scope, state, challenge, nonce, account, patient, encounter, launched, app_grant, answer, expires_at
		from app_ask
		where id = $1 and expires_at > $2`
	a, err := db.One(ctx, c, func(scan db.Scan) (a Ask, err error) {
		var launched, expires int64
		err = scan(&a.Client.ID, &a.Redirect, &a.Scope, &a.State, &a.Challenge, &a.Nonce, &a.Account, &a.Patient, &a.Encounter, &launched, &a.Grant, &a.Answer, &expires)
		a.Launched, a.Expires = launched != 0, db.Time(expires)
		return a, err
	}, q, seal.Hash(token), s.Now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return Ask{}, errAsked
	}
	if err != nil {
		return Ask{}, fmt.Errorf("client: asked: %w", err)
	}
	if a.Client, err = s.get(ctx, c, a.Client.ID); err != nil {
		return Ask{}, err
	}
	if a.Client.Status != Approved {
		return Ask{}, errNotOpen
	}
	return a, nil
}

// Answer is what somebody answered.
type Answer struct {
	Scopes  string // what is granted of what was asked; empty: nothing
	Labels  access.Label
	Patient string
	AuthAt  time.Time
}

// Grant keeps that by lets the client in, and notes it. It can be answered
// once.
func (s *Store) Grant(ctx context.Context, by access.Actor, token string, w Answer) error {
	now := s.Now()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.asked(ctx, tx, token)
		if err != nil {
			return err
		}
		if a.Answer != "" || a.Account != "" && a.Account != by.ID {
			return errAsked
		}
		allowed := smart.ParseAsked(a.Client.Scopes)
		got := smart.ParseAsked(w.Scopes)
		if !smart.ParseAsked(a.Scope).Within(allowed, readable).Covers(got) {
			return errAsked
		}
		g := Grant{ID: s.IDs.New(), Client: a.Client.ID, Account: by.ID, Patient: w.Patient, Scopes: got.String(), Labels: w.Labels, Keep: keepOf(got),
			Launch: "standalone", AuthAt: w.AuthAt, Created: now, Until: now.Add(CodeLife)}
		if a.Launched {
			g.Launch, g.Encounter = "ehr", a.Encounter
		}
		if err := s.insertGrant(ctx, tx, g); err != nil {
			return err
		}
		if err := s.answer(ctx, tx, token, Granted, by.ID, g.ID); err != nil {
			return err
		}
		row := noted(by, "client.grant", a.Client)
		row.Patient = g.Patient
		if err := s.Log.AddIn(ctx, tx, row); err != nil {
			return err
		}
		if s.Granted == nil {
			return nil
		}
		return s.Granted(ctx, tx, by, a.Client, g)
	})
	if err != nil {
		return fmt.Errorf("client: grant: %w", err)
	}
	return nil
}

// Deny keeps that by does not let the client in.
func (s *Store) Deny(ctx context.Context, by access.Actor, token string) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.asked(ctx, tx, token)
		if err != nil {
			return err
		}
		if a.Answer != "" {
			return errAsked
		}
		if err := s.answer(ctx, tx, token, Denied, by.ID, ""); err != nil {
			return err
		}
		return s.Log.AddIn(ctx, tx, noted(by, "client.deny", a.Client))
	})
	if err != nil {
		return fmt.Errorf("client: deny: %w", err)
	}
	return nil
}

func (s *Store) answer(ctx context.Context, tx *db.Tx, token, answer, account, grant string) error {
	const q = `update app_ask set answer = $2, account = $3, app_grant = $4 where id = $1 and answer = ''`
	n, err := db.Changed(tx.ExecContext(ctx, q, seal.Hash(token), answer, account, grant))
	if err == nil && n == 0 {
		err = errAsked
	}
	return err
}

// Leave takes an answered request away and returns where its browser goes
// on: to the client, with a code or with the refusal.
//
// Spec: RFC 6749 §4.1.2, RFC 9207 §2
func (s *Store) Leave(ctx context.Context, by access.Actor, token, issuer string) (to string, c Client, err error) {
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.asked(ctx, tx, token)
		if err != nil {
			return err
		}
		if a.Answer == "" || a.Account != by.ID {
			return errAsked
		}
		if _, err := tx.ExecContext(ctx, `delete from app_ask where id = $1`, seal.Hash(token)); err != nil {
			return err
		}
		c = a.Client
		if a.Answer == Denied {
			to = Refusal(a.Redirect, a.State, issuer, smart.Refuse(smart.AccessDenied, "The person said no"))
			return nil
		}
		code := seal.Token(32)
		const q = `insert into app_code (hash, app_grant, client, redirect, challenge, nonce, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`
		if _, err := tx.ExecContext(ctx, q, seal.Hash(code), a.Grant, c.ID, a.Redirect, a.Challenge, a.Nonce, s.Now().Add(CodeLife).UnixMicro()); err != nil {
			return err
		}
		to = back(a.Redirect, url.Values{"code": {code}, "state": {a.State}, "iss": {issuer}})
		return nil
	})
	if err != nil {
		return "", Client{}, fmt.Errorf("client: leave: %w", err)
	}
	return to, c, nil
}

// Refusal returns the address that tells a client why it was not let in.
//
// Spec: RFC 6749 §4.1.2.1
func Refusal(redirect, state, issuer string, f *smart.Fail) string {
	v := url.Values{"error": {string(f.Code)}, "error_description": {f.Say}, "iss": {issuer}}
	if state != "" {
		v.Set("state", state)
	}
	return back(redirect, v)
}

// back adds v to the query of a registered address.
func back(redirect string, v url.Values) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return ""
	}
	q := u.Query()
	for name, values := range v {
		if values[0] != "" {
			q[name] = values
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// readable are the verbs that a person can grant.
func readable(c smart.Context) smart.Verb { return grantable(c, false) }

// Grantable returns what of a list of scopes somebody can grant to c.
func (c Client) Grantable(scope string) smart.Asked {
	return smart.ParseAsked(scope).Within(smart.ParseAsked(c.Scopes), readable)
}

// keepOf says how long what was granted lasts.
func keepOf(got smart.Asked) string {
	switch {
	case got.Has(smart.Offline):
		return Offline
	case got.Has(smart.Online):
		return Online
	}
	return ""
}
