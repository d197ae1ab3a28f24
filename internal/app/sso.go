package app

import (
	"hale/internal/access/sso"
	"hale/internal/base/outbound"
	"hale/internal/face/portal"
)

// signOn lets staff sign in where the clinic already does. Without a provider
// there is none.
func (a *App) signOn() (portal.SingleSignOn, error) {
	if len(a.c.SSO) == 0 {
		return nil, nil
	}
	list := make([]sso.Provider, len(a.c.SSO))
	for i, p := range a.c.SSO {
		p.Redirect = a.c.base() + "/signin/sso/" + p.Name
		list[i] = p
	}
	// The issuers are the operator's own choice, and name their other hosts.
	requests, err := outbound.New(outbound.Config{Private: true})
	if err != nil {
		return nil, err
	}
	client, err := sso.New(list, a.Accounts, requests, a.c.Now)
	if err != nil {
		return nil, err
	}
	return signOn{client}, nil
}

// signOn is the client as the pages see it.
type signOn struct{ *sso.Client }

// Providers returns the places to sign on at.
func (s signOn) Providers() []portal.Provider {
	var list []portal.Provider
	for _, p := range s.Client.Providers() {
		one := portal.Provider{ID: p.Name, Name: p.Title}
		if one.Name == "" {
			one.Name = p.Name
		}
		list = append(list, one)
	}
	return list
}
