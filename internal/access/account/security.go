package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Security is what an account has to sign in with.
type Security struct {
	Passkeys  []Passkey
	Password  bool
	TOTP      bool
	Sheet     time.Time // when the sheet was made; zero: none
	Moves     []Move
	HoldUntil time.Time // zero: no hold
	Proved    bool      // the person was vouched for
	Strong    bool      // has something that reaches access.StepUpZone
}

// Security returns what the account has.
func (s *Store) Security(ctx context.Context, account string) (Security, error) {
	out, err := s.kept(ctx, account)
	if err != nil {
		return out, err
	}
	var errs [3]error
	out.Passkeys, errs[0] = s.Passkeys(ctx, account)
	out.Moves, errs[1] = s.Moves(ctx, account)
	out.Strong, errs[2] = s.strong(ctx, s.db, account)
	return out, errors.Join(errs[:]...)
}

// kept reads what of Security is one row.
func (s *Store) kept(ctx context.Context, account string) (Security, error) {
	const q = `
		select
			(select count(*) from account_password p where p.account = a.id),
			(select count(*) from account_totp t where t.account = a.id and t.confirmed = 1),
			coalesce((select max(h.created_at) from account_sheet h where h.account = a.id), 0),
			a.hold_until, a.proved_at
		from account a where a.id = $1`
	out, err := db.One(ctx, s.db, func(scan db.Scan) (out Security, err error) {
		var sheet, hold, proved int64
		err = scan(&out.Password, &out.TOTP, &sheet, &hold, &proved)
		if sheet > 0 {
			out.Sheet = when(sheet)
		}
		if hold > s.now().UnixMicro() {
			out.HoldUntil = when(hold)
		}
		out.Proved = proved > 0
		return out, err
	}, q, account)
	if errors.Is(err, db.ErrNone) {
		return out, errNoOne
	}
	if err != nil {
		return out, fmt.Errorf("account: security of %s: %w", account, err)
	}
	return out, nil
}

// Needs says what the session still needs. It is empty for one that has a
// zone.
func (s *Store) Needs(ctx context.Context, in Session) (Needs, error) {
	if in.Zone > access.NoZone {
		return Needs{}, nil
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Needs{}, err
	}
	if in.How.enrols() {
		n := Needs{Enrol: []Factor{PasskeyFactor}, Skip: in.How == ByStaff && a.Kind != access.Staff}
		if s.appWillDo(a) {
			n.Enrol = append(n.Enrol, TOTPFactor)
		}
		return n, nil
	}
	have, err := s.Security(ctx, a.ID)
	if err != nil {
		return Needs{}, err
	}
	return s.needs(a, in, have), nil
}

// appWillDo says whether an app is enough of a second factor for the account.
func (s *Store) appWillDo(a Account) bool {
	return !s.rules.AdminPasskey || !slices.Contains(a.Roles, access.Admin)
}

func (s *Store) needs(a Account, in Session, have Security) Needs {
	var n Needs
	if slices.ContainsFunc(have.Passkeys, func(p Passkey) bool { return !p.Weak }) {
		n.Give = append(n.Give, PasskeyFactor)
	}
	if have.TOTP && s.appWillDo(a) {
		n.Give = append(n.Give, TOTPFactor)
	}
	if a.Kind != access.Staff && !have.TOTP && a.other(in) != "" {
		n.Give = append(n.Give, CodeFactor)
	}
	if !have.Strong {
		n.Enrol = []Factor{PasskeyFactor}
		if s.appWillDo(a) && !have.TOTP {
			n.Enrol = append(n.Enrol, TOTPFactor)
		}
	}
	return n
}

// Skip lets a session that staff had helped with go on without a passkey:
// there are people without a device for one. The portal opens, and the
// browser counts as known.
func (s *Store) Skip(ctx context.Context, in Session, token string, b Browser) (Entered, error) {
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Entered{}, err
	}
	if in.How != ByStaff || in.Zone != access.NoZone || a.Kind == access.Staff {
		return Entered{}, errAgain
	}
	return s.StepUp(ctx, token, Entry{Account: a, How: ByKnownDevice}, b)
}

// Known is a device that the account was used on.
type Known struct {
	ID            string
	Agent         string
	Created, Seen time.Time
	Trusted       bool // a code on it opens the portal
}

// Devices returns the account's devices, the last used first.
func (s *Store) Devices(ctx context.Context, account string) ([]Known, error) {
	const q = `select hash, agent, created_at, seen_at, known_at from account_device where account = $1 order by seen_at desc, hash limit 100`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (k Known, err error) {
		var created, seen, known int64
		err = scan(&k.ID, &k.Agent, &created, &seen, &known)
		k.Created, k.Seen, k.Trusted = when(created), when(seen), known > 0 && known <= s.now().UnixMicro()
		return k, err
	}, q, account)
	if err != nil {
		return nil, fmt.Errorf("account: devices of %s: %w", account, err)
	}
	return list, nil
}

// ForgetDevice makes a device unknown and signs it out.
func (s *Store) ForgetDevice(ctx context.Context, in Session, id string) error {
	if in.Zone < access.PortalZone {
		return errAgain
	}
	gone, err := s.change(ctx, in.Account, DeviceGone, `update account_device set known_at = 0 where hash = $1 and account = $2`, id, in.Account)
	if err != nil {
		return err
	}
	if !gone {
		return errNotYours
	}
	_, err = s.change(ctx, in.Account, Revoked, `delete from account_session where device = $1 and account = $2`, id, in.Account)
	return err
}
