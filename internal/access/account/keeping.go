package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/webauthn"

	"hale/internal/access"
	"hale/internal/store/db"
)

// addPasskey keeps a new passkey and tells its owner. A proved one takes the
// place of the weak ones: nobody knows whose those were.
func (s *Store) addPasskey(ctx context.Context, a Account, credential *webauthn.Credential, b Browser, weak bool) error {
	text, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("account: finish passkey of %s: %w", a.ID, err)
	}
	now := s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if !weak {
			if err := s.dropWeak(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		const q = `
			insert into account_passkey (id, account, name, credential, created_at, used_at, weak)
			values ($1, $2, $3, $4, $5, $5, $6) on conflict (id) do nothing`
		n, err := db.Changed(tx.ExecContext(ctx, q, key(credential.ID), a.ID, Device(b.Agent), string(text), now.UnixMicro(), flag(weak)))
		if err != nil || n == 0 {
			return anyErr(err, errPasskey)
		}
		if err := s.tellCancel(ctx, tx, Notice{Kind: CredentialAdded, Account: a, What: "passkey, " + Device(b.Agent)}, cancelWeak, now); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(PasskeyAdded, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: finish passkey of %s: %w", a.ID, err)
	}
	return nil
}

// dropWeak takes away what was made by a code alone.
func (s *Store) dropWeak(ctx context.Context, tx *db.Tx, account string) error {
	for _, q := range []string{
		`delete from account_passkey where account = $1 and weak = 1`,
		`delete from account_password where account = $1 and weak = 1`,
		`delete from account_totp where account = $1 and weak = 1`,
	} {
		if _, err := tx.ExecContext(ctx, q, account); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `update account set proved_at = $2 where id = $1 and proved_at = 0`, account, s.now().UnixMicro())
	return err
}

// goOn lets a session that wanted a credential go on with the one just made.
func (s *Store) goOn(ctx context.Context, in Session, token string, b Browser, e Entry) (Entered, error) {
	if in.Zone > access.NoZone || e.reach(s.now(), s.rules) <= access.NoZone {
		return Entered{Token: token, Device: b.Device, Zone: in.Zone}, nil
	}
	return s.StepUp(ctx, token, e, b)
}

// usedPasskey notes the passkey's counter and flags, and when it was used.
func (s *Store) usedPasskey(ctx context.Context, a Account, credential *webauthn.Credential) (Entry, error) {
	text, err := json.Marshal(credential)
	if err != nil {
		return Entry{}, fmt.Errorf("account: finish login of %s: %w", a.ID, err)
	}
	e := Entry{Account: a, How: ByPasskey}
	var weak, made int64
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			update account_passkey set credential = $3, used_at = $4 where id = $1 and account = $2
			returning weak, created_at`
		_, err := db.One(ctx, tx, func(scan db.Scan) (struct{}, error) { return struct{}{}, scan(&weak, &made) },
			q, key(credential.ID), a.ID, string(text), s.now().UnixMicro())
		return err
	})
	if errors.Is(err, db.ErrNone) { // taken away while it answered
		return Entry{}, errPasskey
	}
	if err != nil {
		return Entry{}, fmt.Errorf("account: finish login of %s: %w", a.ID, err)
	}
	e.weak, e.made = weak != 0, when(made)
	return e, nil
}

// Passkeys returns the account's passkeys, oldest first.
func (s *Store) Passkeys(ctx context.Context, account string) ([]Passkey, error) {
	const q = `select id, name, created_at, used_at, weak, credential from account_passkey where account = $1 order by created_at, id`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (p Passkey, err error) {
		var created, used, weak int64
		var text string
		var c webauthn.Credential
		if err = scan(&p.ID, &p.Name, &created, &used, &weak, &text); err == nil {
			err = json.Unmarshal([]byte(text), &c)
		}
		p.Created, p.Used, p.Weak, p.Synced = when(created), when(used), weak != 0, c.Flags.BackupState
		return p, err
	}, q, account)
	if err != nil {
		return nil, fmt.Errorf("account: passkeys of %s: %w", account, err)
	}
	return list, nil
}

// RemovePasskey takes one of the account's passkeys away.
func (s *Store) RemovePasskey(ctx context.Context, in Session, id string) error {
	return s.removeCredential(ctx, in, PasskeyRemoved, "passkey", `delete from account_passkey where id = $2 and account = $1`, id)
}

// removeCredential takes one of the account's credentials away and tells its
// owner.
func (s *Store) removeCredential(ctx context.Context, in Session, action, what, q string, args ...any) error {
	if _, err := s.mayChange(ctx, in); err != nil {
		return err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, q, append([]any{in.Account}, args...)...))
		if err != nil || n == 0 {
			return anyErr(err, errNotYours)
		}
		if err := s.tell(ctx, tx, Notice{Kind: CredentialRemoved, Account: a, What: what}); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(action, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: %s of %s: %w", action, in.Account, err)
	}
	return nil
}
