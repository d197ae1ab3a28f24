package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Member is an account of staff as administrators see it.
type Member struct {
	Account
	Disabled bool
	Passkeys int // proved ones
	TOTP     bool
	Sessions int
	Linked   []string // issuers of single sign-on
}

// Members returns every account of staff, disabled ones too, by name.
func (s *Store) Members(ctx context.Context) ([]Member, error) {
	q := `
		select a.status,
			(select count(*) from account_passkey k where k.account = a.id and k.weak = 0),
			(select count(*) from account_totp t where t.account = a.id and t.confirmed = 1 and t.weak = 0),
			(select count(*) from account_session s where s.account = a.id and s.expires_at > $1), ` + columns + `
		from account a where a.kind = 'staff' order by a.name, a.id`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (m Member, err error) {
		var status string
		m.Account, err = read(func(dest ...any) error {
			return scan(append([]any{&status, &m.Passkeys, &m.TOTP, &m.Sessions}, dest...)...)
		})
		m.Disabled = status == "disabled"
		return m, err
	}, q, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("account: members: %w", err)
	}
	for i := range list {
		const q = `select iss from account_identity where account = $1 order by iss`
		if list[i].Linked, err = db.All(ctx, s.db, db.Value[string], q, list[i].ID); err != nil {
			return nil, fmt.Errorf("account: members: %w", err)
		}
	}
	return list, nil
}

// Disable ends the account's sessions and lets nobody sign in to it, whatever
// a provider of single sign-on says.
func (s *Store) Disable(ctx context.Context, id string) error { return s.setStatus(ctx, id, Disabled) }

// Enable lets the owner of a disabled account sign in again.
func (s *Store) Enable(ctx context.Context, id string) error { return s.setStatus(ctx, id, Enabled) }

func (s *Store) setStatus(ctx context.Context, id, action string) error {
	status := "active"
	if action == Disabled {
		status = "disabled"
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update account set status = $2 where id = $1 returning id, kind, patient`
		a, err := db.One(ctx, tx, func(scan db.Scan) (a Account, err error) {
			err = scan(&a.ID, &a.Kind, &a.Patient)
			return a, err
		}, q, id, status)
		if errors.Is(err, db.ErrNone) {
			return errNoOne
		}
		if err != nil {
			return err
		}
		for _, q := range []string{`delete from account_session where account = $1`, `delete from account_invite where account = $1`} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return err
			}
		}
		if action == Disabled && s.shut != nil {
			if err := s.shut(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		return s.log.AddIn(ctx, tx, happened(action, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: %s %s: %w", action, id, err)
	}
	if s.changed != nil {
		s.changed()
	}
	return nil
}

// Reset takes everything away that the account signs in with, and every
// session, so that an invitation is the only way in. The owner is told.
func (s *Store) Reset(ctx context.Context, id string) error {
	a, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range []string{
			`delete from account_session where account = $1`, `delete from account_passkey where account = $1`,
			`delete from account_password where account = $1`, `delete from account_totp where account = $1`,
			`delete from account_sheet where account = $1`, `delete from account_invite where account = $1`,
			`delete from account_identity where account = $1`, `update account_device set known_at = 0 where account = $1`,
			`update account_assist set used_at = created_at where account = $1 and used_at = 0`,
		} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return err
			}
		}
		if err := s.tell(ctx, tx, Notice{Kind: CredentialRemoved, Account: a, What: "everything"}); err != nil {
			return err
		}
		if err := s.hold(ctx, tx, id); err != nil {
			return err
		}
		if s.shut != nil {
			if err := s.shut(ctx, tx, id); err != nil {
				return err
			}
		}
		return s.log.AddIn(ctx, tx, happened(WasReset, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: reset %s: %w", id, err)
	}
	return nil
}

// Identity is who somebody is at a provider of single sign-on, checked by
// package sso.
type Identity struct {
	Iss, Sub string
	Email    string // empty unless the provider vouches for it
	MFA      bool   // the provider asked for a second factor
	At       time.Time
	Roles    []access.Role // nil: as the account has them; else these, and none means no access
	Adopt    bool          // link to the one account of staff with Email at the first sign-in
}

var errStranger = errs.New(errs.Forbidden, "You are not known here yet. Please ask your administrator to link your sign-in.")

// SignedOn returns the entry of whoever the identity is linked to. Only
// accounts of staff are, and a disabled one stays out.
func (s *Store) SignedOn(ctx context.Context, id Identity) (Entry, error) {
	var a Account
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update account_identity set used_at = $3 where iss = $1 and sub = $2 returning account`
		linked, err := db.One(ctx, tx, db.Value[string], q, id.Iss, id.Sub, s.now().UnixMicro())
		if errors.Is(err, db.ErrNone) {
			linked, err = s.adopt(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		a, err = db.One(ctx, tx, read, `select `+columns+` from account a where id = $1 and kind = 'staff' and status = 'active'`, linked)
		if err != nil {
			return err
		}
		return s.setRoles(ctx, tx, &a, id)
	})
	if errors.Is(err, db.ErrNone) || errors.Is(err, errStranger) {
		return Entry{}, anyErr(s.refused(ctx, nil), errStranger)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("account: signed on: %w", err)
	}
	has, err := s.hasKey(ctx, a.ID)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Account: a, How: BySSO, noKey: !has, at: id.At, told: true}
	if id.MFA {
		e.How = BySSOMFA
	}
	return e, nil
}

// setRoles gives the account the roles that the provider says, where the
// clinic lets it.
func (s *Store) setRoles(ctx context.Context, tx *db.Tx, a *Account, id Identity) error {
	if id.Roles == nil {
		return nil
	}
	if len(id.Roles) == 0 {
		return errStranger
	}
	if joinRoles(id.Roles) == joinRoles(a.Roles) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `update account set roles = $2 where id = $1`, a.ID, joinRoles(id.Roles)); err != nil {
		return err
	}
	a.Roles = slices.Clone(id.Roles)
	row := happened(RolesSet, *a, true)
	row.Reason = id.Iss
	return s.log.AddIn(ctx, tx, row)
}

// adopt links an identity to the one account of staff with its address, where
// the clinic allows it and the account has never been linked to that
// provider.
func (s *Store) adopt(ctx context.Context, tx *db.Tx, id Identity) (string, error) {
	to, err := parseAddress(id.Email)
	if !id.Adopt || err != nil || to.kind != "email" {
		return "", errStranger
	}
	const q = `
		select ` + columns + ` from account a
		where a.email = $1 and a.kind = 'staff' and a.status = 'active'
			and not exists (select 1 from account_identity i where i.account = a.id and i.iss = $2)`
	list, err := db.All(ctx, tx, read, q, to.value, id.Iss)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", errStranger
	}
	return list[0].ID, s.link(ctx, tx, list[0], id.Iss, id.Sub)
}

// Link lets an identity sign in to the account.
func (s *Store) Link(ctx context.Context, account, iss, sub string) error {
	a, err := s.Get(ctx, account)
	if err != nil {
		return err
	}
	if a.Kind != access.Staff {
		return errNotYours
	}
	if err := s.db.Tx(ctx, func(tx *db.Tx) error { return s.link(ctx, tx, a, iss, sub) }); err != nil {
		return fmt.Errorf("account: link %s: %w", account, err)
	}
	return nil
}

func (s *Store) link(ctx context.Context, tx *db.Tx, a Account, iss, sub string) error {
	const q = `insert into account_identity (iss, sub, account, created_at, used_at) values ($1, $2, $3, $4, $4) on conflict do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, q, iss, sub, a.ID, s.now().UnixMicro()))
	if err != nil {
		return err
	}
	if n == 0 {
		return errIsTaken
	}
	if err := s.tell(ctx, tx, Notice{Kind: CredentialAdded, Account: a, What: "single sign-on"}); err != nil {
		return err
	}
	row := happened(Linked, a, true)
	row.Reason = iss
	return s.log.AddIn(ctx, tx, row)
}

// Unlink ends what the identities of an issuer may do to the account, and its
// sessions.
func (s *Store) Unlink(ctx context.Context, account, iss string) error {
	gone, err := s.change(ctx, account, Unlinked, `delete from account_identity where account = $1 and iss = $2`, account, iss)
	if err != nil {
		return err
	}
	if !gone {
		return errNotYours
	}
	return s.RevokeAll(ctx, account)
}

// KeepSSO keeps the state of a single sign-on under way for life; hash is
// that of the browser's cookie.
func (s *Store) KeepSSO(ctx context.Context, hash, provider, data string, life time.Duration) error {
	const q = `insert into account_sso (id, provider, data, expires_at) values ($1, $2, $3, $4)`
	if _, err := s.db.ExecContext(ctx, q, hash, provider, data, s.now().Add(life).UnixMicro()); err != nil {
		return fmt.Errorf("account: keep single sign-on: %w", err)
	}
	return nil
}

// TakeSSO takes that state away and returns it: an answer counts once.
func (s *Store) TakeSSO(ctx context.Context, hash, provider string) (data string, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `delete from account_sso where id = $1 and provider = $2 and expires_at > $3 returning data`
		data, err = db.One(ctx, tx, db.Value[string], q, hash, provider, s.now().UnixMicro())
		return err
	})
	if err != nil && !errors.Is(err, db.ErrNone) {
		return "", fmt.Errorf("account: take single sign-on: %w", err)
	}
	return data, err
}
