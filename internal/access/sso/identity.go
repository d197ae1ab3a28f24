package sso

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"hale/internal/access"
	"hale/internal/access/account"
)

// identity reads who the ID token is about, and whether the clinic lets such
// people in.
func (c *Client) identity(p Provider, token *oidc.IDToken) (account.Identity, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return account.Identity{}, errAnswer.Because(fmt.Errorf("sso: claims of %s: %w", p.Name, err))
	}
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
