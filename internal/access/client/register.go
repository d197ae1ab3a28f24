package client

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// most is how many registrations may wait at a time, and how many may come in
// an hour: nobody reads more.
const (
	mostWaiting = 200
	mostAnHour  = 30
)

// Register takes in a client that registers by itself. It waits for the desk.
// The error is a *smart.Fail where the client is to blame.
//
// Spec: RFC 7591 §3
func (s *Store) Register(ctx context.Context, c Client) (made Client, secret string, err error) {
	if c, err = s.tidy(c); err != nil {
		return Client{}, "", err
	}
	c.ID, c.Status, c.Origin, c.Created = s.IDs.New(), Waiting, "register", s.Now()
	c.Verified, c.Introspects, c.Labels = false, false, 0
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `select (select count(*) from app_client where status = 'waiting') / $1 + (select count(*) from app_client where origin = 'register' and created_at > $2) / $3`
		full, err := db.One(ctx, tx, db.Value[int64], q, mostWaiting, c.Created.Add(-time.Hour).UnixMicro(), mostAnHour)
		if err != nil {
			return err
		}
		if full > 0 {
			return errFull
		}
		if secret, err = s.insert(ctx, tx, c); err != nil {
			return err
		}
		return s.Log.AddIn(ctx, tx, noted(access.SystemActor("register"), "client.register", c))
	})
	if err != nil {
		return Client{}, "", fmt.Errorf("client: register: %w", err)
	}
	return c, secret, nil
}

var errFull = errs.New(errs.TooMany, "Many apps have registered lately. Please try again in an hour, or ask the clinic to register yours.")

// Add registers a client by hand: it is approved at once. The secret is shown
// this once.
func (s *Store) Add(ctx context.Context, pass access.Pass, c Client) (made Client, secret string, err error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return Client{}, "", err
	}
	return s.add(ctx, pass.Actor(), c, "desk")
}

// AddOwn registers a client that Hale itself brings, as the demo does.
func (s *Store) AddOwn(ctx context.Context, c Client) (made Client, secret string, err error) {
	return s.add(ctx, access.SystemActor("demo"), c, "demo")
}

func (s *Store) add(ctx context.Context, by access.Actor, c Client, origin string) (made Client, secret string, err error) {
	if c, err = s.tidy(c); err != nil {
		return Client{}, "", err
	}
	if c.ID == "" {
		c.ID = s.IDs.New()
	}
	c.Status, c.Origin, c.Created, c.Decided, c.DecidedBy = Approved, origin, s.Now(), s.Now(), by.ID
	if !c.Backend {
		c.Labels = 0
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if secret, err = s.insert(ctx, tx, c); err != nil {
			return err
		}
		return s.Log.AddIn(ctx, tx, noted(by, "client.add", c))
	})
	s.Forget()
	if err != nil {
		return Client{}, "", fmt.Errorf("client: add: %w", err)
	}
	return c, secret, nil
}

// tidy checks what was said about a client.
func (s *Store) tidy(c Client) (Client, error) {
	for _, f := range []*string{&c.Name, &c.Website, &c.Contact, &c.Launch, &c.JWKSURI, &c.JWKS} {
		*f = strings.TrimSpace(*f)
	}
	if c.Name == "" || utf8.RuneCountInString(c.Name) > 80 || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, hidden) {
		return c, smart.Refuse(smart.InvalidMetadata, "client_name is missing, longer than 80 characters, or has characters that cannot be seen")
	}
	if len(c.Contact) > 254 || strings.ContainsFunc(c.Contact, hidden) {
		return c, smart.Refuse(smart.InvalidMetadata, "contacts is too long")
	}
	for what, address := range map[string]string{"client_uri": c.Website, "jwks_uri": c.JWKSURI} {
		if address != "" && !secureAddress(address) {
			return c, smart.Refuse(smart.InvalidMetadata, what+" is not an https address")
		}
	}
	if c.Launch != "" && !secureAddress(c.Launch) && !loopback(c.Launch) {
		return c, smart.Refuse(smart.InvalidMetadata, "the launch address is not https")
	}
	if err := tidyRedirects(c); err != nil {
		return c, err
	}
	if err := tidyAuth(c); err != nil {
		return c, err
	}
	var err error
	c.Scopes, err = allowable(c.Scopes, c.Backend)
	return c, err
}

// hidden are characters that do not show, or that turn the direction of what
// does: a name must be what it looks like.
func hidden(r rune) bool { return !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) }

// tidyAuth checks how a client will prove itself.
func tidyAuth(c Client) error {
	keys := c.JWKS != "" || c.JWKSURI != ""
	switch {
	case !slices.Contains([]Method{None, Basic, Post, KeyJWT}, c.Auth):
		return smart.Refuse(smart.InvalidMetadata, "token_endpoint_auth_method is none, client_secret_basic, client_secret_post or private_key_jwt")
	case c.JWKS != "" && c.JWKSURI != "":
		return smart.Refuse(smart.InvalidMetadata, "jwks and jwks_uri exclude each other")
	case c.Auth == KeyJWT != keys:
		return smart.Refuse(smart.InvalidMetadata, "private_key_jwt, and it alone, comes with jwks or jwks_uri")
	case c.Backend && c.Auth != KeyJWT:
		return smart.Refuse(smart.InvalidMetadata, "client_credentials takes private_key_jwt")
	}
	if c.JWKS != "" {
		if _, err := smart.ParseKeys([]byte(c.JWKS)); err != nil {
			return smart.Refuse(smart.InvalidMetadata, "jwks is not a set of public keys, RSA of 2048 bits or more or EC P-384, each with a kid")
		}
	}
	return nil
}

// tidyRedirects checks where answers may go.
//
// Spec: RFC 8252 §7, RFC 9700 §2.1, §4.1
func tidyRedirects(c Client) error {
	if c.Backend {
		if len(c.Redirects) > 0 {
			return smart.Refuse(smart.InvalidRedirect, "a client that asks in its own name has no redirect_uris")
		}
		return nil
	}
	if len(c.Redirects) == 0 || len(c.Redirects) > 10 {
		return smart.Refuse(smart.InvalidRedirect, "redirect_uris has one to ten addresses")
	}
	for _, one := range c.Redirects {
		if !secureAddress(one) && !loopback(one) && !(c.Native && ownScheme(one)) {
			return smart.Refuse(smart.InvalidRedirect, "a redirect URI is https, http on the loopback address, or for a native app a scheme of its own such as com.example.app:/back; without a fragment")
		}
	}
	return nil
}

// parsed returns an address without what has no place in one of a client.
func parsed(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || len(text) > 500 || u.User != nil || u.Fragment != "" || strings.ContainsAny(text, "#*\\ \"'<>`{}|^\n\r\t") {
		return nil, false
	}
	return u, true
}

func secureAddress(text string) bool {
	u, ok := parsed(text)
	return ok && u.Scheme == "https" && u.Hostname() != "" && u.Opaque == ""
}

// loopback says whether text is on the device itself.
func loopback(text string) bool {
	u, ok := parsed(text)
	if !ok || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// ownScheme says whether text has a scheme that is a domain name turned
// round, as an app on a device claims one.
func ownScheme(text string) bool {
	u, ok := parsed(text)
	return ok && strings.Contains(u.Scheme, ".") && u.Host == ""
}

// allowable returns what of a list of scopes a client may have at all. People
// let apps read; what a backend client may write, the desk says.
func allowable(scopes string, backend bool) (string, error) {
	asked := smart.ParseAsked(scopes)
	got := asked.Within(asked, func(c smart.Context) smart.Verb { return grantable(c, backend) })
	if len(got.Clinical) == 0 && (backend || !got.Has(smart.OpenID)) {
		return "", smart.Refuse(smart.InvalidMetadata, "scope names nothing that this server can grant")
	}
	if backend {
		got.Plain = nil
	}
	return got.String(), nil
}

// grantable are the verbs of a context that can be granted.
func grantable(c smart.Context, backend bool) smart.Verb {
	const every = smart.Create | smart.Read | smart.Update | smart.Delete | smart.Search
	switch {
	case backend && c == smart.OfSystem:
		return every
	case backend || c == smart.OfSystem:
		return 0
	}
	return smart.Read | smart.Search
}

// DefaultScopes is what a client gets that names none.
const DefaultScopes = "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access patient/*.rs user/*.rs"
