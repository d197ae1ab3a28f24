// Package sso lets staff sign in with an account they have elsewhere, at any
// provider of OpenID Connect.
//
// The provider says who somebody is; whether they may come in, Hale's own
// accounts say: an identity is the pair of issuer and subject, linked to an
// account before, and a disabled account stays disabled. A sign-in begins by
// the person's own action, in the browser that finishes it.
//
// Spec: OpenID Connect Core 1.0; RFC 7636 (PKCE), RFC 9207 (issuer in the
// answer), RFC 9700 (security practice)
package sso

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

// How long things last, and how far two clocks may differ.
const (
	Life = 10 * time.Minute // from Begin to Finish
	skew = time.Minute
	keep = time.Hour // a provider's metadata
)

// Provider is one place where staff have accounts.
type Provider struct {
	Name     string // in the URL: letters, digits, dashes
	Title    string // on the button
	Issuer   string // https://…, as in the provider's metadata
	ClientID string
	Secret   string // empty: a public client
	Redirect string // where the provider sends people back to, as registered there
	Scopes   []string

	Domains   []string               // only verified e-mail addresses at these; empty: any
	Claims    map[string]string      // what the ID token must say besides
	RoleClaim string                 // the claim that holds groups or roles; empty: roles are Hale's own
	Roles     map[string]access.Role // what each of its values means here
	MFA       []string               // values of amr or acr that mean a second factor; empty: mfa
	ACR       []string               // asked for
	Adopt     bool                   // the first sign-in links to the account with the verified address
}

// accounts is what this package needs of package account.
type accounts interface {
	KeepSSO(ctx context.Context, hash, provider, data string, life time.Duration) error
	TakeSSO(ctx context.Context, hash, provider string) (string, error)
	SignedOn(ctx context.Context, id account.Identity) (account.Entry, error)
}

// Client signs staff on at its providers.
type Client struct {
	accounts  accounts
	http      *http.Client
	now       func() time.Time
	providers []Provider

	mu    sync.Mutex
	found map[string]metadata
}

// metadata is what a provider says of itself.
type metadata struct {
	provider *oidc.Provider
	at       time.Time
	claims   struct {
		Iss          bool     `json:"authorization_response_iss_parameter_supported"`
		TokenMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
}

var (
	errUnknown  = errs.New(errs.NotFound, "There is no such sign-in here.")
	errAway     = errs.New(errs.Unavailable, "The sign-in service of your organization does not answer. Please try again, or use another way.")
	errAnswer   = errs.New(errs.Invalid, "That sign-in did not work. Please start again here.")
	errDeclined = errs.New(errs.Invalid, "The sign-in was stopped. Please start again here.")
	errOutside  = errs.New(errs.Forbidden, "Your account there does not open this clinic. Please ask your administrator.")
)

// New returns a client. requests is how it reaches the providers.
func New(providers []Provider, a accounts, requests *http.Client, now func() time.Time) (*Client, error) {
	for i, p := range providers {
		u, err := url.Parse(p.Issuer)
		local := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
		switch {
		case p.Name == "" || strings.ContainsFunc(p.Name, odd) || slices.ContainsFunc(providers[:i], func(o Provider) bool { return o.Name == p.Name }):
			return nil, errs.New(errs.Invalid, fmt.Sprintf("Single sign-on %q: a name is letters, digits and dashes, and there is one of each.", p.Name))
		case err != nil || u.Host == "" || u.Scheme != "https" && !local:
			return nil, errs.New(errs.Invalid, fmt.Sprintf("Single sign-on %q: the issuer is an address like https://login.example.org.", p.Name))
		case p.ClientID == "" || p.Redirect == "":
			return nil, errs.New(errs.Invalid, fmt.Sprintf("Single sign-on %q: the client id is missing.", p.Name))
		}
	}
	return &Client{accounts: a, http: requests, now: now, providers: providers, found: map[string]metadata{}}, nil
}

func odd(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
}

// Providers returns the places to sign on at, in the order they were given.
func (c *Client) Providers() []Provider { return c.providers }

func (c *Client) provider(name string) (Provider, error) {
	for _, p := range c.providers {
		if p.Name == name {
			return p, nil
		}
	}
	return Provider{}, errUnknown
}

// pending is a sign-on under way, as it is kept.
type pending struct {
	State    string `json:"state"` // hashed
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

// Begin starts a sign-on by the person's own action. It returns where to send
// the browser, and the value of a cookie that this browser must bring back.
// fresh asks the provider to prove the person anew.
func (c *Client) Begin(ctx context.Context, name, next string, fresh bool) (to, cookie string, err error) {
	p, err := c.provider(name)
	if err != nil {
		return "", "", err
	}
	m, err := c.discover(ctx, p)
	if err != nil {
		return "", "", err
	}
	state := seal.Token(32)
	w := pending{State: seal.Hash(state), Nonce: seal.Token(32), Verifier: oauth2.GenerateVerifier(), Next: next}
	data, err := json.Marshal(w)
	if err != nil {
		return "", "", fmt.Errorf("sso: begin: %w", err)
	}
	cookie = seal.Token(32)
	if err := c.accounts.KeepSSO(ctx, seal.Hash(cookie), p.Name, string(data), Life); err != nil {
		return "", "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier), maxAge(fresh)}
	if len(p.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACR, " ")))
	}
	return c.config(p, m).AuthCodeURL(state, options...), cookie, nil
}

// maxAge asks when the person was proved, which brings auth_time into the
// answer; at the latest this shift.
func maxAge(fresh bool) oauth2.AuthCodeOption {
	if fresh {
		return oauth2.SetAuthURLParam("max_age", "0")
	}
	return oauth2.SetAuthURLParam("max_age", fmt.Sprint(int(account.StaffLife.Seconds())))
}

// config is p for the protocol below. The secret goes into a header, where
// the provider does not ask otherwise: trying both would use the code twice.
func (c *Client) config(p Provider, m metadata) *oauth2.Config {
	end := m.provider.Endpoint()
	end.AuthStyle = oauth2.AuthStyleInHeader
	methods := m.claims.TokenMethods
	if p.Secret == "" || len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	scopes := append([]string{oidc.ScopeOpenID}, p.Scopes...)
	if len(p.Scopes) == 0 {
		scopes = append(scopes, "email", "profile")
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret, Endpoint: end, RedirectURL: p.Redirect, Scopes: scopes}
}

// discover returns the provider's metadata, not older than an hour.
func (c *Client) discover(ctx context.Context, p Provider) (metadata, error) {
	c.mu.Lock()
	m, ok := c.found[p.Name]
	c.mu.Unlock()
	if ok && c.now().Sub(m.at) < keep {
		return m, nil
	}
	// The provider keeps this context for its keys; it must outlive the request.
	long := oidc.ClientContext(context.WithoutCancel(ctx), c.http)
	provider, err := oidc.NewProvider(long, p.Issuer)
	if err != nil {
		return metadata{}, errAway.Because(fmt.Errorf("sso: discover %s: %w", p.Name, err))
	}
	m = metadata{provider: provider, at: c.now()}
	if err := provider.Claims(&m.claims); err != nil {
		return metadata{}, errAway.Because(fmt.Errorf("sso: discover %s: %w", p.Name, err))
	}
	c.mu.Lock()
	c.found[p.Name] = m
	c.mu.Unlock()
	return m, nil
}

// Finish takes the provider's answer, from the browser that began: its
// cookie, and the query of the address it came back to. It returns the entry,
// and where the person wanted to go.
func (c *Client) Finish(ctx context.Context, name, cookie string, answer url.Values) (e account.Entry, next string, err error) {
	p, err := c.provider(name)
	if err != nil {
		return e, "", err
	}
	w, err := c.take(ctx, p, cookie, answer)
	if err != nil {
		return e, "", err
	}
	m, err := c.discover(ctx, p)
	if err != nil {
		return e, w.Next, err
	}
	if err := sameIssuer(p, m, answer); err != nil {
		return e, w.Next, err
	}
	if answer.Get("error") != "" {
		return e, w.Next, errDeclined
	}
	claims, token, err := c.redeem(ctx, p, m, w, answer.Get("code"))
	if err != nil {
		return e, w.Next, errAnswer.Because(err)
	}
	id, err := identity(p, token, claims)
	if err != nil {
		return e, w.Next, err
	}
	e, err = c.accounts.SignedOn(ctx, id)
	return e, w.Next, err
}

// take finds the sign-on that the browser began; it counts once.
func (c *Client) take(ctx context.Context, p Provider, cookie string, answer url.Values) (pending, error) {
	for _, one := range []string{"state", "code", "iss", "error"} {
		if len(answer[one]) > 1 {
			return pending{}, errAnswer
		}
	}
	var w pending
	data, err := c.accounts.TakeSSO(ctx, seal.Hash(cookie), p.Name)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return w, errAnswer
		}
		return w, err
	}
	if err := json.Unmarshal([]byte(data), &w); err != nil {
		return w, fmt.Errorf("sso: take: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(seal.Hash(answer.Get("state"))), []byte(w.State)) == 0 {
		return pending{}, errAnswer
	}
	return w, nil
}

// sameIssuer refuses the answer of another provider (mix-up).
//
// Spec: RFC 9207 §2.4
func sameIssuer(p Provider, m metadata, answer url.Values) error {
	iss := answer.Get("iss")
	if iss != "" && iss != p.Issuer || iss == "" && m.claims.Iss {
		return errAnswer
	}
	return nil
}

// algorithms are those with a public key. What is signed with the client's
// secret, or not at all, is refused.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

var errToken = errors.New("sso: the ID token is not for this sign-on")

// redeem takes the code to the provider, checks the ID token it gives, and
// returns what the provider says of the person.
func (c *Client) redeem(ctx context.Context, p Provider, m metadata, w pending, code string) (map[string]any, *oidc.IDToken, error) {
	ctx = oidc.ClientContext(ctx, c.http)
	tokens, err := c.config(p, m).Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	if err != nil {
		return nil, nil, fmt.Errorf("sso: redeem at %s: %w", p.Name, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	verifier := m.provider.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), c.http), &oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: algorithms, Now: func() time.Time { return c.now().Add(-skew) },
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("sso: ID token of %s: %w", p.Name, err)
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return nil, nil, fmt.Errorf("sso: ID token of %s: %w", p.Name, err)
		}
	}
	if err := c.timely(p, w, token); err != nil {
		return nil, nil, err
	}
	claims, err := said(ctx, p, m, token, tokens)
	return claims, token, err
}

// timely checks what the library leaves to its caller: nonce, azp, iat.
//
// Spec: OpenID Connect Core 1.0 §3.1.3.7
func (c *Client) timely(p Provider, w pending, token *oidc.IDToken) error {
	var also struct {
		AZP string `json:"azp"`
	}
	if err := token.Claims(&also); err != nil {
		return fmt.Errorf("sso: ID token of %s: %w", p.Name, err)
	}
	now := c.now()
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(w.Nonce)) == 0,
		also.AZP != "" && also.AZP != p.ClientID, also.AZP == "" && len(token.Audience) > 1,
		token.IssuedAt.After(now.Add(skew)), token.IssuedAt.Before(now.Add(-Life - skew)), token.Subject == "":
		return errToken
	}
	return nil
}
