package cli

import (
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/sso"
	"hale/internal/app"
)

// signInSettings is the section signin of hale.toml. Times are written as
// 72h or 15m.
type signInSettings struct {
	Hold         string `toml:"hold"`
	AdminPasskey bool   `toml:"admin_passkey"`
	PatientRest  string `toml:"patient_rest"`
	StaffRest    string `toml:"staff_rest"`
	SharedRest   string `toml:"shared_rest"`
}

// ssoSettings is one section sso: a provider of OpenID Connect.
type ssoSettings struct {
	Name      string            `toml:"name"`
	Title     string            `toml:"title"`
	Issuer    string            `toml:"issuer"`
	Client    string            `toml:"client_id"`
	Secret    string            `toml:"client_secret"`
	Scopes    []string          `toml:"scopes"`
	Domains   []string          `toml:"domains"`
	Claims    map[string]string `toml:"claims"`
	RoleClaim string            `toml:"role_claim"`
	Roles     map[string]string `toml:"roles"`
	MFA       []string          `toml:"mfa"`
	ACR       []string          `toml:"acr"`
	Adopt     bool              `toml:"adopt"`
}

// signIn fills in how people sign in, and says what is wrong with it.
func (f file) signIn(c *app.Config) (wrong []string) {
	s := f.SignIn
	c.SignIn = account.Rules{AdminPasskey: s.AdminPasskey}
	for _, one := range []struct {
		name, text  string
		to          *time.Duration
		least, most time.Duration
	}{
		{"hold", s.Hold, &c.SignIn.Hold, 24 * time.Hour, 72 * time.Hour},
		{"patient_rest", s.PatientRest, &c.SignIn.PatientRest, time.Minute, time.Hour},
		{"staff_rest", s.StaffRest, &c.SignIn.StaffRest, time.Minute, time.Hour},
		{"shared_rest", s.SharedRest, &c.SignIn.SharedRest, time.Minute, time.Hour},
	} {
		if one.text == "" {
			continue
		}
		d, err := time.ParseDuration(one.text)
		if err != nil || d < one.least || d > one.most {
			wrong = append(wrong, fmt.Sprintf("signin.%s %q must be a time from %s to %s, such as 30m", one.name, one.text, one.least, one.most))
			continue
		}
		*one.to = d
	}
	for _, p := range f.SSO {
		roles, bad := p.roles()
		wrong = append(wrong, bad...)
		c.SSO = append(c.SSO, sso.Provider{
			Name: p.Name, Title: p.Title, Issuer: p.Issuer, ClientID: p.Client, Secret: p.Secret, Scopes: p.Scopes, Domains: p.Domains,
			Claims: p.Claims, RoleClaim: p.RoleClaim, Roles: roles, MFA: p.MFA, ACR: p.ACR, Adopt: p.Adopt,
		})
	}
	return wrong
}

// roles reads what a provider's groups mean here.
func (p ssoSettings) roles() (roles map[string]access.Role, wrong []string) {
	for group, text := range p.Roles {
		if !slices.Contains(access.Roles(), access.Role(text)) {
			wrong = append(wrong, fmt.Sprintf("sso.roles: %q is no role; write one of %s", text, roleList()))
			continue
		}
		if roles == nil {
			roles = map[string]access.Role{}
		}
		roles[group] = access.Role(text)
	}
	return roles, wrong
}
