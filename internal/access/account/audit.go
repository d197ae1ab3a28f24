package account

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// What happens to an account, as the audit rows name it.
const (
	SignedIn       = "account.signin"
	PasskeyAdded   = "account.passkey.add"
	PasskeyRemoved = "account.passkey.remove"
	Disabled       = "account.disable"
	Enabled        = "account.enable"
	WasReset       = "account.reset"
	SignedOut      = "account.signout"
	SteppedUp      = "account.stepup"
	Revoked        = "account.revoke" // sessions were ended
	PasswordSet    = "account.password.set"
	PasswordGone   = "account.password.remove"
	TOTPAdded      = "account.totp.add"
	TOTPRemoved    = "account.totp.remove"
	SheetMade      = "account.sheet.make"
	Recovered      = "account.recovery" // the sheet, help in person or an invitation was used
	Assisting      = "account.assist"
	Inviting       = "account.invite"
	Moving         = "account.address.begin"
	Moved          = "account.address.change"
	MoveCancelled  = "account.address.cancel"
	DeviceGone     = "account.device.forget"
	Cancelled      = "account.cancel"
	RolesSet       = "account.roles"
	Linked         = "account.sso.link"
	Unlinked       = "account.sso.unlink"
)

// happened returns the audit row of what happened to a.
func happened(action string, a Account, granted bool) audit.Row {
	return audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: action, Patient: a.Patient, About: "Account/" + a.ID, Granted: granted}
}

// assisting returns the audit row of help in person.
func assisting(by access.Actor, h Help) audit.Row {
	return audit.Row{
		ActorKind: string(by.Kind), Actor: by.ID, Action: Assisting, Patient: h.Account.Patient, About: "Account/" + h.Account.ID,
		Purpose: h.Proof, Reason: h.Reason, Granted: true, Session: by.Session, Request: by.Request,
	}
}

// refused notes a sign-in that failed at each account that it aimed at. Where
// there is none, a row says so: neither the answer nor its time tells.
func (s *Store) refused(ctx context.Context, who []Account) error {
	rows := make([]audit.Row, 0, len(who)+1)
	for _, a := range who {
		rows = append(rows, happened(SignedIn, a, false))
	}
	if len(rows) == 0 {
		rows = append(rows, audit.Row{ActorKind: "nobody", Action: SignedIn})
	}
	return s.log.Add(ctx, rows...)
}

// refusedAt is refused for whoever a sign-in by code that has begun is about.
func (s *Store) refusedAt(ctx context.Context, to address) error {
	who, _, err := s.people(ctx, to)
	if err != nil {
		return err
	}
	return s.refused(ctx, who)
}

// change runs a statement about one of the account's own things and notes it
// in one transaction; it says whether there was such a thing.
func (s *Store) change(ctx context.Context, account, action, q string, args ...any) (bool, error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return false, err
	}
	var n int64
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if n, err = db.Changed(tx.ExecContext(ctx, q, args...)); err != nil || n == 0 {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(action, a, true))
	})
	if err != nil {
		return false, fmt.Errorf("account: %s of %s: %w", action, account, err)
	}
	return n > 0, nil
}
