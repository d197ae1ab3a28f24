package account

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// password is what is kept of an account's password.
type password struct {
	phc         string
	alone, weak bool
	made        int64
}

var errShared = errs.New(errs.Conflict, "Somebody else with your address already signs in by password. Please use a passkey instead.")

// passwordOf returns what is kept of the account's password; without one a
// hash that nothing matches.
func (s *Store) passwordOf(ctx context.Context, account string) (password, error) {
	const q = `select hash, alone, weak, created_at from account_password where account = $1`
	p, err := db.One(ctx, s.db, func(scan db.Scan) (p password, err error) {
		var alone, weak int64
		err = scan(&p.phc, &alone, &weak, &p.made)
		p.alone, p.weak = alone != 0, weak != 0
		return p, err
	}, q, account)
	if errors.Is(err, db.ErrNone) {
		return password{phc: dummy}, nil
	}
	if err != nil {
		return p, fmt.Errorf("account: password of %s: %w", account, err)
	}
	return p, nil
}

// withPassword returns the account at the address that has a password, or an
// account without an id.
func (s *Store) withPassword(ctx context.Context, to address) (Account, error) {
	q := `select ` + columns + ` from account a join account_password p on p.account = a.id
		where a.email = $1 and a.status = 'active' order by p.created_at, a.id limit 1`
	if to.kind == "sms" {
		q = `select ` + columns + ` from account a join account_password p on p.account = a.id
			where a.phone = $1 and a.status = 'active' order by p.created_at, a.id limit 1`
	}
	list, err := db.All(ctx, s.db, read, q, to.value)
	if err != nil {
		return Account{}, fmt.Errorf("account: password at: %w", err)
	}
	if len(list) == 0 {
		return Account{}, nil
	}
	return list[0], nil
}

// Password takes an address and a password. An unknown address, an account
// without a password and a wrong one fail alike and take as long.
func (s *Store) Password(ctx context.Context, b Browser, address, text string) (Entry, error) {
	to, err := parseAddress(address)
	if err != nil {
		return Entry{}, err
	}
	a, err := s.withPassword(ctx, to)
	if err != nil {
		return Entry{}, err
	}
	whom := a.ID
	if whom == "" {
		whom = to.kind + ":" + to.value
	}
	kept, right, err := s.tryPassword(ctx, whom, a.ID, b, text)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		var aimed []Account
		if a.ID != "" {
			aimed = []Account{a}
		}
		return Entry{}, anyErr(s.refused(ctx, aimed), errPassword)
	}
	app, err := s.hasTOTP(ctx, a.ID)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Account: a, How: ByPassword, weak: kept.weak, made: when(kept.made), short: !kept.alone, second: app}, nil
}

// tryPassword spends a try and checks a password. account is empty where
// nobody has the address: the work is the same.
func (s *Store) tryPassword(ctx context.Context, whom, account string, b Browser, text string) (password, bool, error) {
	known, err := s.knows(ctx, s.db, account, b.Device)
	if err != nil {
		return password{}, false, err
	}
	bucket := s.bucket("password", whom, b.Device, known)
	ok := false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if ok, err = s.mayTry(ctx, tx, known); err != nil || !ok {
			return err
		}
		ok, err = s.try(ctx, tx, bucket)
		return err
	})
	if err != nil {
		return password{}, false, err
	}
	if !ok {
		return password{}, false, errTooMany
	}
	kept, err := s.passwordOf(ctx, account)
	if err != nil {
		return kept, false, err
	}
	right, stale, err := s.verify(ctx, kept.phc, text)
	if err != nil {
		return kept, false, err
	}
	if !right {
		return kept, false, s.failed(ctx)
	}
	if err := s.right(ctx, s.db, bucket); err != nil {
		return kept, false, err
	}
	if stale {
		return kept, true, s.rehash(ctx, account, kept.phc, text)
	}
	return kept, true, nil
}

// rehash writes a right password with today's parameters.
func (s *Store) rehash(ctx context.Context, account, old, text string) error {
	phc := ""
	if err := s.gate.do(ctx, func() { phc = hashPassword(text, today) }); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, `update account_password set hash = $3 where account = $1 and hash = $2`, account, old, phc); err != nil {
		return fmt.Errorf("account: rehash of %s: %w", account, err)
	}
	return nil
}

// StepPassword proves the session's owner again: the password and, where the
// account has it, the app's digits. It is also how a session that a code had
// begun gets a second factor.
func (s *Store) StepPassword(ctx context.Context, in Session, b Browser, text, code string) (Entry, error) {
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Entry{}, err
	}
	kept, right, err := s.tryPassword(ctx, a.ID, a.ID, b, text)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		return Entry{}, anyErr(s.refused(ctx, []Account{a}), errPassword)
	}
	e := Entry{Account: a, How: ByPassword, weak: kept.weak, made: when(kept.made), short: !kept.alone}
	app, err := s.hasTOTP(ctx, a.ID)
	switch {
	case err != nil:
		return Entry{}, err
	case app:
		totp, err := s.StepTOTP(ctx, in, b, code)
		if err != nil {
			return Entry{}, err
		}
		e.How, e.noKey, e.weak = ByPasswordTOTP, totp.noKey, e.weak || totp.weak
		e.made = later(e.made, totp.made)
	case in.How == ByCode || in.How == ByKnownDevice || in.How == ByCodes:
		e.How = ByPasswordCode
	}
	return e, nil
}

// SetPassword sets the account's password. words are what must not be it: the
// clinic's name; the account's own are added. Errors of kind Invalid say what
// is wrong with it.
func (s *Store) SetPassword(ctx context.Context, in Session, text string, words ...string) error {
	weak, err := s.mayChange(ctx, in)
	if err != nil {
		return err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return err
	}
	least := PasswordAlone
	if app, err := s.hasTOTP(ctx, a.ID); err != nil {
		return err
	} else if app {
		least = PasswordBeside
	}
	text = norm.NFC.String(text)
	if err := CheckPassword(text, least, append(words, a.Name, a.Email, a.Phone)...); err != nil {
		return err
	}
	if err := s.soleAt(ctx, a); err != nil {
		return err
	}
	phc := ""
	if err := s.gate.do(ctx, func() { phc = hashPassword(text, today) }); err != nil {
		return err
	}
	return s.keepPassword(ctx, a, phc, utf8.RuneCountInString(text) >= PasswordAlone, weak)
}

// soleAt refuses a second password at one address: which account one is
// tried for must not show in the time it takes.
func (s *Store) soleAt(ctx context.Context, a Account) error {
	for _, to := range []address{{"email", a.Email}, {"sms", a.Phone}} {
		if to.value == "" {
			continue
		}
		other, err := s.withPassword(ctx, to)
		if err != nil {
			return err
		}
		if other.ID != "" && other.ID != a.ID {
			return errShared
		}
	}
	return nil
}

func (s *Store) keepPassword(ctx context.Context, a Account, phc string, alone, weak bool) error {
	now := s.now()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		had, err := db.One(ctx, tx, db.Value[int], `select count(*) from account_password where account = $1`, a.ID)
		if err != nil {
			return err
		}
		const q = `
			insert into account_password (account, hash, alone, weak, created_at) values ($1, $2, $3, $4, $5)
			on conflict (account) do update
			set hash = excluded.hash, alone = excluded.alone, weak = excluded.weak, created_at = excluded.created_at`
		if _, err := tx.ExecContext(ctx, q, a.ID, phc, flag(alone), flag(weak), now.UnixMicro()); err != nil {
			return err
		}
		note := Notice{Kind: CredentialAdded, Account: a, What: "password"}
		if had > 0 {
			note.Kind = CredentialChanged
		}
		if err := s.tellCancel(ctx, tx, note, cancelWeak, now); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(PasswordSet, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: password of %s: %w", a.ID, err)
	}
	return nil
}

// RemovePassword takes the password away.
func (s *Store) RemovePassword(ctx context.Context, in Session) error {
	return s.removeCredential(ctx, in, PasswordGone, "password", `delete from account_password where account = $1`)
}
