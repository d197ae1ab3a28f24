package sso

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"hale/internal/access"
	"hale/internal/access/account"
)

// said returns the claims of the ID token, and of those that are asked for
// and not in it what the provider says besides: many give an address there
// alone. The subject must be the same.
//
// Spec: OpenID Connect Core 1.0 §5.3.2, §5.4
func said(ctx context.Context, p Provider, m metadata, token *oidc.IDToken, tokens *oauth2.Token) (map[string]any, error) {
	claims, more := map[string]any{}, map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("sso: claims of %s: %w", p.Name, err)
	}
	_, has := claims["email"]
	if wants := p.Adopt || len(p.Domains) > 0 || len(p.Claims) > 0 || p.RoleClaim != ""; !wants || m.provider.UserInfoEndpoint() == "" ||
		has && len(p.Claims) == 0 && p.RoleClaim == "" {
		return claims, nil
	}
	info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err == nil && info.Subject != token.Subject {
		err = errToken
	}
	if err == nil {
		err = info.Claims(&more)
	}
	if err != nil {
		return nil, fmt.Errorf("sso: user info of %s: %w", p.Name, err)
	}
	if has { // an address and whether it is verified come from one place
		delete(more, "email_verified")
	} else {
		delete(claims, "email_verified")
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok && !slices.Contains(proofs, name) {
			claims[name] = value
		}
	}
	return claims, nil
}

// proofs are claims that the signed token alone may make.
var proofs = []string{"amr", "acr", "auth_time"}

// identity reads who the ID token is about, and whether the clinic lets such
// people in.
func identity(p Provider, token *oidc.IDToken, claims map[string]any) (account.Identity, error) {
	id := account.Identity{Iss: token.Issuer, Sub: token.Subject, Adopt: p.Adopt, MFA: mfa(p, claims)}
	if v := claims["email_verified"]; v == true || v == "true" {
		id.Email, _ = claims["email"].(string)
	}
	if at, ok := claims["auth_time"].(float64); ok {
		id.At = time.Unix(int64(at), 0).UTC()
	}
	if p.RoleClaim != "" {
		id.Roles = roles(p, claims)
	}
	if !inside(p, id.Email) || !says(claims, p.Claims) {
		return account.Identity{}, errOutside
	}
	return id, nil
}

// mfa says whether the provider vouches for a second factor.
//
// Spec: RFC 8176
func mfa(p Provider, claims map[string]any) bool {
	want := p.MFA
	if len(want) == 0 {
		want = []string{"mfa"}
	}
	for _, v := range append(texts(claims["amr"]), texts(claims["acr"])...) {
		if slices.Contains(want, v) {
			return true
		}
	}
	return false
}

// roles returns what the claim's values mean here; empty, not nil, if nothing.
func roles(p Provider, claims map[string]any) []access.Role {
	list := []access.Role{}
	for _, v := range texts(claims[p.RoleClaim]) {
		if r, ok := p.Roles[v]; ok && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	slices.Sort(list)
	return list
}

// inside says whether a verified address is at one of the provider's domains.
func inside(p Provider, email string) bool {
	if len(p.Domains) == 0 {
		return true
	}
	i := strings.LastIndexByte(email, '@')
	return i > 0 && slices.ContainsFunc(p.Domains, func(d string) bool { return strings.EqualFold(d, email[i+1:]) })
}

// says says whether claims hold every one of want.
func says(claims map[string]any, want map[string]string) bool {
	for name, value := range want {
		if !slices.Contains(texts(claims[name]), value) {
			return false
		}
	}
	return true
}

// texts reads a claim that is one text or a list of them.
func texts(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}
