package app

import (
	"context"

	"hale/internal/access"
	"hale/internal/care/contact"
)

// InviteURL returns the address that enrols whoever has the token.
func (a *App) InviteURL(token string) string { return a.c.base() + "/signin/invite/" + token }

// Addresses returns the first e-mail address and number on a patient's record
// that are in use and theirs alone, so that a new account's notices go
// everywhere. The look is audited as the sign-in's own.
func (d directory) Addresses(ctx context.Context, patient string) (email, phone string, err error) {
	pass, err := d.a.Doors.Check(ctx, access.SystemActor("sign-in", access.ReadContacts), access.ReadContacts, patient)
	if err != nil {
		return "", "", err
	}
	points, err := d.a.contacts.Of(ctx, pass)
	if err != nil {
		return "", "", err
	}
	for _, p := range points {
		switch {
		case p.Status != contact.Active || p.Shared:
		case p.Kind == contact.Email && email == "":
			email = p.Value
		case p.Kind == contact.SMS && phone == "":
			phone = p.Value
		}
	}
	return email, phone, nil
}
