package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// StartSession signs the account in on one device and returns the token for
// its cookie: 256 random bits, of which only the hash is kept.
func (s *Store) StartSession(ctx context.Context, account string, userAgent string) (token string, err error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return "", err
	}
	token = seal.Token(32)
	_, life := idle(a.Kind)
	now := s.now()
	const q = `
		insert into account_session (id, token_hash, account, agent, created_at, seen_at, expires_at)
		values ($1, $2, $3, $4, $5, $5, $6)`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from account_session where expires_at < $1`, now.UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, q, s.ids.New(), seal.Hash(token), a.ID, Device(userAgent), now.UnixMicro(), now.Add(life).UnixMicro())
		if err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(SignedIn, a, true))
	})
	if err != nil {
		return "", fmt.Errorf("account: start session of %s: %w", account, err)
	}
	return token, nil
}

// Actor returns who the session belongs to, with the grants of this moment.
// A session that ended or rested too long is nobody.
func (s *Store) Actor(ctx context.Context, token string) (access.Actor, Session, error) {
	const q = `
		select s.id, s.agent, s.created_at, s.seen_at, s.expires_at, ` + columns + `
		from account_session s join account a on a.id = s.account
		where s.token_hash = $1 and a.status = 'active'`
	type row struct {
		session Session
		account Account
	}
	got, err := db.One(ctx, s.db, func(scan db.Scan) (row, error) {
		var r row
		a, err := read(func(dest ...any) error {
			var created, seen, expires int64
			err := scan(append([]any{&r.session.ID, &r.session.Agent, &created, &seen, &expires}, dest...)...)
			r.session.Created, r.session.Seen, r.session.Expires = when(created), when(seen), when(expires)
			return err
		})
		r.account = a
		return r, err
	}, q, seal.Hash(token))
	if errors.Is(err, db.ErrNone) {
		return access.Actor{}, Session{}, errSignIn
	}
	if err != nil {
		return access.Actor{}, Session{}, fmt.Errorf("account: session: %w", err)
	}
	a, now := got.account, s.now()
	rest, _ := idle(a.Kind)
	if !now.Before(got.session.Expires) || !now.Before(got.session.Seen.Add(rest)) {
		return access.Actor{}, Session{}, errSignIn
	}
	grants, err := s.grants(ctx, a.ID)
	if err != nil {
		return access.Actor{}, Session{}, fmt.Errorf("account: grants of %s: %w", a.ID, err)
	}
	if now.Sub(got.session.Seen) >= seenEvery {
		if _, err := s.db.ExecContext(ctx, `update account_session set seen_at = $2 where id = $1`, got.session.ID, now.UnixMicro()); err != nil {
			return access.Actor{}, Session{}, fmt.Errorf("account: session %s: %w", got.session.ID, err)
		}
	}
	got.session.Account, got.session.Lang = a.ID, a.Lang
	return access.Actor{Kind: a.Kind, ID: a.ID, Name: a.Name, Patient: a.Patient, Roles: a.Roles, Grants: grants}, got.session, nil
}

// EndSession signs the device with that token out.
func (s *Store) EndSession(ctx context.Context, token string) error {
	if _, err := s.db.ExecContext(ctx, `delete from account_session where token_hash = $1`, seal.Hash(token)); err != nil {
		return fmt.Errorf("account: end session: %w", err)
	}
	return nil
}

// Sessions returns the devices that the account is signed in on, the last
// used first.
func (s *Store) Sessions(ctx context.Context, account string) ([]Session, error) {
	const q = `
		select s.id, s.account, a.lang, s.agent, s.created_at, s.seen_at, s.expires_at, a.kind
		from account_session s join account a on a.id = s.account
		where s.account = $1 and s.expires_at > $2
		order by s.seen_at desc, s.id`
	now := s.now()
	var list []Session
	_, err := db.All(ctx, s.db, func(scan db.Scan) (struct{}, error) {
		var one Session
		var created, seen, expires int64
		var kind access.Kind
		err := scan(&one.ID, &one.Account, &one.Lang, &one.Agent, &created, &seen, &expires, &kind)
		one.Created, one.Seen, one.Expires = when(created), when(seen), when(expires)
		if rest, _ := idle(kind); now.Before(one.Seen.Add(rest)) {
			list = append(list, one)
		}
		return struct{}{}, err
	}, q, account, now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("account: sessions of %s: %w", account, err)
	}
	return list, nil
}

// Revoke signs one of the account's devices out.
func (s *Store) Revoke(ctx context.Context, account, session string) error {
	n, err := db.Changed(s.db.ExecContext(ctx, `delete from account_session where id = $1 and account = $2`, session, account))
	if err != nil {
		return fmt.Errorf("account: revoke %s: %w", session, err)
	}
	if n == 0 {
		return errNotYours
	}
	return nil
}

// RevokeOthers signs out every device of the account but the session kept.
func (s *Store) RevokeOthers(ctx context.Context, account, kept string) error {
	if _, err := s.db.ExecContext(ctx, `delete from account_session where account = $1 and id <> $2`, account, kept); err != nil {
		return fmt.Errorf("account: revoke others of %s: %w", account, err)
	}
	return nil
}

func when(micro int64) time.Time { return time.UnixMicro(micro).UTC() }
