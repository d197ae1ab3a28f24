package account

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

var errHold = errs.New(errs.Conflict, "To keep your account safe, this waits for a few days after a recovery or a new address. Please call us if it is urgent.")

// mayChange says whether the session may change how the account is signed in
// to, and whether what it adds is weak. That takes a strong and fresh proof,
// or a way that enrols. An account without anything strong may have weak
// things added and removed by any session.
func (s *Store) mayChange(ctx context.Context, in Session) (weak bool, err error) {
	if in.Zone == access.NoZone && in.How.enrols() || in.fresh(access.AccountZone, s.now()) {
		return false, nil
	}
	strong, err := s.strong(ctx, s.db, in.Account)
	if err != nil {
		return false, err
	}
	if !strong {
		return true, nil
	}
	if in.fresh(access.StepUpZone, s.now()) {
		if until, err := s.holdUntil(ctx, in.Account); err != nil || until > s.now().UnixMicro() {
			return false, anyErr(err, errHold)
		}
	}
	return false, errAgain
}

// mayTakeOver is mayChange for what a weak session never does.
func (s *Store) mayTakeOver(ctx context.Context, in Session) error {
	weak, err := s.mayChange(ctx, in)
	if err == nil && (weak || in.How.enrols() && in.Zone == access.NoZone) {
		err = errAgain
	}
	return err
}

// strong says whether the account has anything that was proved.
func (s *Store) strong(ctx context.Context, c db.Conn, account string) (bool, error) {
	const q = `
		select (select count(*) from account_passkey where account = $1 and weak = 0)
			+ (select count(*) from account_totp where account = $1 and weak = 0 and confirmed = 1)
			+ (select count(*) from account_password where account = $1 and weak = 0)
			+ (select count(*) from account_sheet where account = $1)`
	n, err := db.One(ctx, c, db.Value[int], q, account)
	if err != nil {
		return false, fmt.Errorf("account: strength of %s: %w", account, err)
	}
	return n > 0, nil
}

// hasKey says whether the account has a passkey that was proved.
func (s *Store) hasKey(ctx context.Context, account string) (bool, error) {
	n, err := db.One(ctx, s.db, db.Value[int], `select count(*) from account_passkey where account = $1 and weak = 0`, account)
	if err != nil {
		return false, fmt.Errorf("account: passkeys of %s: %w", account, err)
	}
	return n > 0, nil
}

func (s *Store) holdUntil(ctx context.Context, account string) (int64, error) {
	until, err := db.One(ctx, s.db, db.Value[int64], `select hold_until from account where id = $1`, account)
	if err != nil {
		return 0, fmt.Errorf("account: hold of %s: %w", account, err)
	}
	return until, nil
}

// hold keeps the account from being taken over for a while; a longer hold
// stays.
func (s *Store) hold(ctx context.Context, tx *db.Tx, account string) error {
	const q = `update account set hold_until = $2 where id = $1 and hold_until < $2`
	_, err := tx.ExecContext(ctx, q, account, s.now().Add(s.rules.hold()).UnixMicro())
	return err
}

func anyErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
