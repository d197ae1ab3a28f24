package account

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"hale/internal/access"
	"hale/internal/store/db"
)

// TOTP is an authenticator app under way: its secret in base32 for typing
// and the otpauth URL for a QR code.
//
// Spec: RFC 6238
type TOTP struct{ Secret, URL string }

const totpStep = 30 * time.Second

// app is what is kept of an account's authenticator app.
type app struct {
	seed      []byte // sealed
	confirmed bool
	weak      bool
	step      int64
	made      time.Time
}

func seedPlace(account string) string { return "account_totp/seed/" + account }

func (s *Store) appOf(ctx context.Context, account string) (app, error) {
	const q = `select seed, confirmed, weak, step, created_at from account_totp where account = $1`
	a, err := db.One(ctx, s.db, func(scan db.Scan) (a app, err error) {
		var confirmed, weak, made int64
		err = scan(&a.seed, &confirmed, &weak, &a.step, &made)
		a.confirmed, a.weak, a.made = confirmed != 0, weak != 0, when(made)
		return a, err
	}, q, account)
	if errors.Is(err, db.ErrNone) {
		return a, errTOTP
	}
	if err != nil {
		return a, fmt.Errorf("account: app of %s: %w", account, err)
	}
	return a, nil
}

// hasTOTP says whether the account has an app.
func (s *Store) hasTOTP(ctx context.Context, account string) (bool, error) {
	n, err := db.One(ctx, s.db, db.Value[int], `select count(*) from account_totp where account = $1 and confirmed = 1`, account)
	if err != nil {
		return false, fmt.Errorf("account: app of %s: %w", account, err)
	}
	return n > 0, nil
}

// NewTOTP begins adding an app; it counts after ConfirmTOTP. issuer is the
// clinic's name as the app lists it. An account has one: the one before must
// be removed first.
func (s *Store) NewTOTP(ctx context.Context, in Session, issuer string) (TOTP, error) {
	weak, err := s.mayChange(ctx, in)
	if err != nil {
		return TOTP{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return TOTP{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: or2(a.Email, a.Name), SecretSize: 20})
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key.Secret())
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	sealed, err := s.sealer.Seal(ctx, seed, seedPlace(a.ID))
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	const q = `
		insert into account_totp (account, seed, weak, created_at) values ($1, $2, $3, $4)
		on conflict (account) do update
		set seed = excluded.seed, weak = excluded.weak, created_at = excluded.created_at, step = 0
		where account_totp.confirmed = 0`
	n, err := db.Changed(s.db.ExecContext(ctx, q, a.ID, sealed, flag(weak), s.now().UnixMicro()))
	if err != nil {
		return TOTP{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	if n == 0 {
		return TOTP{}, errIsTaken
	}
	return TOTP{Secret: key.Secret(), URL: key.URL()}, nil
}

func or2(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// ConfirmTOTP takes the app's first digits. Where a session wanted an app
// before anything else, it goes on under the token returned; otherwise that
// is token itself.
func (s *Store) ConfirmTOTP(ctx context.Context, in Session, token string, b Browser, code string) (Entered, error) {
	weak, err := s.mayChange(ctx, in)
	if err != nil {
		return Entered{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Entered{}, err
	}
	kept, err := s.useDigits(ctx, a, b, code, false)
	if err != nil {
		return Entered{}, err
	}
	weak = weak || kept.weak // begun by a weak session, whatever this one is
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if !weak {
			if err := s.dropWeak(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update account_totp set confirmed = 1 where account = $1 and confirmed = 0`, a.ID))
		if err != nil || n == 0 {
			return anyErr(err, errTOTP)
		}
		if err := s.tellCancel(ctx, tx, Notice{Kind: CredentialAdded, Account: a, What: "authenticator app"}, cancelWeak, kept.made); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(TOTPAdded, a, true))
	})
	if err != nil {
		return Entered{}, fmt.Errorf("account: confirm app of %s: %w", a.ID, err)
	}
	e, err := s.totpEntry(ctx, in, a, kept)
	if err != nil {
		return Entered{}, err
	}
	if in.How.enrols() {
		e.How = ByCodeTOTP // the link or the ID is the first factor, the app the second
	}
	return s.goOn(ctx, in, token, b, e)
}

// RemoveTOTP takes the app away.
func (s *Store) RemoveTOTP(ctx context.Context, in Session) error {
	return s.removeCredential(ctx, in, TOTPRemoved, "authenticator app", `delete from account_totp where account = $1`)
}

// StepTOTP takes the app's digits on top of a session.
func (s *Store) StepTOTP(ctx context.Context, in Session, b Browser, code string) (Entry, error) {
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Entry{}, err
	}
	kept, err := s.useDigits(ctx, a, b, code, true)
	if err != nil {
		return Entry{}, err
	}
	return s.totpEntry(ctx, in, a, kept)
}

// totpEntry is what the digits and what the session was begun with come to.
func (s *Store) totpEntry(ctx context.Context, in Session, a Account, kept app) (Entry, error) {
	has, err := s.hasKey(ctx, a.ID)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Account: a, How: ByTOTP, weak: kept.weak, made: kept.made, noKey: !has}
	switch in.How {
	case ByCode, ByKnownDevice, ByCodes:
		e.How = ByCodeTOTP
	case BySSO:
		e.How = BySSOMFA
	case ByPassword, ByPasswordCode:
		p, err := s.passwordOf(ctx, a.ID)
		if err != nil {
			return Entry{}, err
		}
		e.How, e.weak, e.made = ByPasswordTOTP, e.weak || p.weak, later(e.made, when(p.made))
	}
	if a.Kind != access.Staff && e.How == ByTOTP && in.Zone < access.PortalZone {
		return Entry{}, errAgain
	}
	return e, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// useDigits checks the digits, one step of the clock before and after
// included, and uses their step up: none counts twice.
func (s *Store) useDigits(ctx context.Context, a Account, b Browser, code string, confirmed bool) (app, error) {
	known, err := s.knows(ctx, s.db, a.ID, b.Device)
	if err != nil {
		return app{}, err
	}
	bucket, ok := s.bucket("totp", a.ID, b.Device, known), false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if ok, err = s.mayTry(ctx, tx, known); err != nil || !ok {
			return err
		}
		ok, err = s.try(ctx, tx, bucket)
		return err
	})
	if err != nil {
		return app{}, err
	}
	if !ok {
		return app{}, errTooMany
	}
	kept, err := s.appOf(ctx, a.ID)
	if err != nil {
		return app{}, err
	}
	step, err := s.matches(ctx, a.ID, kept, digits(code))
	if err != nil {
		return app{}, err
	}
	if step == 0 || kept.confirmed != confirmed {
		return app{}, s.wrongDigits(ctx, a)
	}
	const q = `update account_totp set step = $2 where account = $1 and step < $2`
	n, err := db.Changed(s.db.ExecContext(ctx, q, a.ID, step))
	if err != nil {
		return app{}, fmt.Errorf("account: app of %s: %w", a.ID, err)
	}
	if n == 0 {
		return app{}, s.wrongDigits(ctx, a)
	}
	return kept, s.right(ctx, s.db, bucket)
}

// wrongDigits counts and notes digits that did not work.
func (s *Store) wrongDigits(ctx context.Context, a Account) error {
	return anyErr(errors.Join(s.failed(ctx), s.refused(ctx, []Account{a})), errTOTP)
}

// matches returns the step that the digits are of, or 0.
func (s *Store) matches(ctx context.Context, account string, kept app, code string) (int64, error) {
	seed, err := s.sealer.Open(ctx, kept.seed, seedPlace(account))
	if err != nil {
		return 0, fmt.Errorf("account: app of %s: %w", account, err)
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
	at := s.now().Unix() / int64(totpStep/time.Second)
	for _, step := range []int64{at, at - 1, at + 1} {
		ok, err := hotp.ValidateCustom(code, uint64(step), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && ok && step > kept.step {
			return step, nil
		}
	}
	return 0, nil
}
