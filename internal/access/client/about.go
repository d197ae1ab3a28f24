package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// About is what a token is worth.
type About struct {
	Active  bool
	Kind    string // access or refresh
	Scope   string
	Grant   Grant
	Issued  time.Time
	Expires time.Time
}

// Introspect says what a token is worth, to the client that holds it or to
// one that may ask about all. Of every other it says no more than that it is
// worth nothing.
//
// Spec: RFC 7662 §2
func (s *Store) Introspect(ctx context.Context, by Client, token string) (About, error) {
	a, err := s.about(ctx, s.DB, token)
	if err != nil || a.Grant.ID == "" || a.Grant.Client != by.ID && !by.Introspects {
		return About{}, err
	}
	if !a.Active {
		return About{}, nil
	}
	if a.Grant.Account == "" {
		return a, nil
	}
	who, err := s.People.Person(ctx, a.Grant.Account)
	if errs.KindOf(err) == errs.Unauthenticated {
		return About{}, nil
	}
	if err != nil {
		return About{}, fmt.Errorf("client: introspect: %w", err)
	}
	if a.Kind == "access" {
		if _, err := s.Actor(ctx, token); err != nil {
			return About{}, nil
		}
	}
	a.Grant.Account = who.ID
	return a, nil
}

// about finds a token of either kind. One that is not there is the zero
// About.
func (s *Store) about(ctx context.Context, c db.Conn, token string) (About, error) {
	const q = `
		select ` + grantColumns + `, t.kind, t.scopes, t.created_at, t.expires_at, t.used_at, c.status
		from app_token t join app_grant g on g.id = t.app_grant join app_client c on c.id = g.client
		where t.hash = $1`
	a, err := db.One(ctx, c, func(scan db.Scan) (a About, err error) {
		var issued, expires, used int64
		var status Status
		a.Grant, err = readGrant(func(dest ...any) error {
			return scan(append(dest, &a.Kind, &a.Scope, &issued, &expires, &used, &status)...)
		})
		a.Issued, a.Expires = db.Time(issued), db.Time(expires)
		a.Active = status == Approved && used == 0 && a.Grant.Ended.IsZero() && s.Now().Before(a.Expires)
		return a, err
	}, q, seal.Hash(token))
	if errors.Is(err, db.ErrNone) {
		return About{}, nil
	}
	if err != nil {
		return About{}, fmt.Errorf("client: about: %w", err)
	}
	return a, nil
}

// Drop ends a token that the client holds: an access token alone, with a
// refresh token the whole grant. A token that is not the client's own is left
// as it is, and nothing is said about it.
//
// Spec: RFC 7009 §2.1
func (s *Store) Drop(ctx context.Context, by Client, token string) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		a, err := s.about(ctx, tx, token)
		if err != nil || a.Grant.Client != by.ID {
			return err
		}
		if a.Kind == "refresh" {
			return s.end(ctx, tx, a.Grant, "revoked")
		}
		_, err = tx.ExecContext(ctx, `delete from app_token where hash = $1`, seal.Hash(token))
		return err
	})
	s.Forget()
	if err != nil {
		return fmt.Errorf("client: drop: %w", err)
	}
	return nil
}

// Sweep forgets what has run out: questions nobody answered, codes, launches,
// assertions, tokens. Used refresh tokens stay until they would have expired,
// so that one that comes again is known.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.Now()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range []string{
			`delete from app_ask where expires_at < $1`,
			`delete from app_launch where expires_at < $1`,
			`delete from app_jti where expires_at < $1`,
			`delete from app_token where expires_at < $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, now.UnixMicro()); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `delete from app_code where expires_at < $1`, now.Add(-24*time.Hour).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from app_key where created_at < $1`, now.Add(-keyLife-keyShown).UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("client: sweep: %w", err)
	}
	return nil
}
