package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pquerna/otp/totp"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// MayChange says whether the session may change how its account is signed in
// to: the error's kind is errs.StepUp where a fresh and stronger proof is
// wanted. A page asks before it shows a form.
func (s *Store) MayChange(ctx context.Context, in Session) error {
	_, err := s.mayChange(ctx, in)
	return err
}

// MayMove is MayChange for a new address, which takes more.
func (s *Store) MayMove(ctx context.Context, in Session) error { return s.mayTakeOver(ctx, in) }

// Lock makes a session rest at once, as if nobody had used it for long.
func (s *Store) Lock(ctx context.Context, token string) error {
	in, _, err := s.session(ctx, token)
	if errors.Is(err, errSignIn) {
		return nil
	}
	if err != nil {
		return err
	}
	const q = `update account_session set seen_at = $2 where id = $1`
	if _, err := s.db.ExecContext(ctx, q, in.ID, s.now().Add(-in.Rest).UnixMicro()); err != nil {
		return fmt.Errorf("account: lock %s: %w", in.ID, err)
	}
	return nil
}

// PendingTOTP returns the app that NewTOTP began and nobody confirmed yet.
func (s *Store) PendingTOTP(ctx context.Context, in Session, issuer string) (TOTP, error) {
	if _, err := s.mayChange(ctx, in); err != nil {
		return TOTP{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return TOTP{}, err
	}
	kept, err := s.appOf(ctx, a.ID)
	if err == nil && kept.confirmed {
		err = errNotYours
	}
	if err != nil {
		return TOTP{}, err
	}
	seed, err := s.sealer.Open(ctx, kept.seed, seedPlace(a.ID))
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: or2(a.Email, a.Name), Secret: seed})
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	return TOTP{Secret: key.Secret(), URL: key.URL()}, nil
}

// Event is one thing that happened to an account.
type Event struct {
	Action  string // SignedIn and its like
	How     string // by what, where it was a sign-in or a proof
	At      time.Time
	Granted bool
}

// Recent returns the last n things that happened to the account, newest
// first, as the log has them.
func (s *Store) Recent(ctx context.Context, account string, n int) ([]Event, error) {
	const q = `
		select action, reason, at, outcome from audit
		where actor = $1 and action like 'account.%' and action <> $2
		order by at desc, id desc limit $3`
	if err := audit.Settle(ctx, s.db); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (e Event, err error) {
		var at int64
		var outcome string
		err = scan(&e.Action, &e.How, &at, &outcome)
		e.At, e.Granted = when(at), outcome == "granted"
		return e, err
	}, q, account, SignedOut, n)
	if err != nil {
		return nil, fmt.Errorf("account: recent of %s: %w", account, err)
	}
	return list, nil
}

// Own returns the id by which Devices lists the browser with that cookie.
func Own(device string) string { return seal.Hash(device) }

// SetRoles gives a member of staff the roles and ends the sessions that had
// others.
func (s *Store) SetRoles(ctx context.Context, id string, roles []access.Role) error {
	a, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	if a.Kind != access.Staff || len(roles) == 0 {
		return errs.New(errs.Invalid, "Please choose at least one role.")
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `update account set roles = $2 where id = $1`, a.ID, joinRoles(roles)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from account_session where account = $1`, a.ID); err != nil {
			return err
		}
		row := happened(RolesSet, a, true)
		row.Reason = joinRoles(roles)
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("account: roles of %s: %w", id, err)
	}
	return nil
}

// OfPatient returns the account of a patient; the error's kind is
// errs.NotFound where there is none, or none that is active.
func (s *Store) OfPatient(ctx context.Context, patient string) (Account, error) {
	list, err := s.ofPatients(ctx, []string{patient})
	if err != nil {
		return Account{}, err
	}
	for _, a := range list {
		if a.active {
			return a.Account, nil
		}
	}
	return Account{}, errNoOne
}
