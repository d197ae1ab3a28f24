package client

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Decision is what the desk decides about a client.
type Decision struct {
	Scopes      string // the most it may ask for
	Labels      access.Label
	Verified    bool
	Introspects bool
}

// Approve lets a client in, or changes what it may ask for. What people gave
// it before stays, within that.
func (s *Store) Approve(ctx context.Context, pass access.Pass, id string, d Decision) error {
	return s.decide(ctx, pass, id, "client.approve", func(c *Client) error {
		c.Status, c.Verified, c.Introspects = Approved, d.Verified, d.Introspects
		if c.Backend {
			c.Labels = d.Labels
		}
		var err error
		c.Scopes, err = allowable(d.Scopes, c.Backend)
		return err
	})
}

// Refuse tells a client that waits no. It cannot be used.
func (s *Store) Refuse(ctx context.Context, pass access.Pass, id string) error {
	return s.decide(ctx, pass, id, "client.refuse", func(c *Client) error {
		if c.Status != Waiting {
			return errMoved
		}
		c.Status = Refused
		return nil
	})
}

// Suspend stops a client everywhere at once. Approve lets it in again; what
// people gave it before then opens again until they stop it.
func (s *Store) Suspend(ctx context.Context, pass access.Pass, id string) error {
	return s.decide(ctx, pass, id, "client.suspend", func(c *Client) error {
		if c.Status != Approved {
			return errMoved
		}
		c.Status = Suspended
		return nil
	})
}

// SetLogo gives a client a picture, drawn anew by package intake; nil takes it
// away.
func (s *Store) SetLogo(ctx context.Context, pass access.Pass, id string, media string, body []byte) error {
	return s.decide(ctx, pass, id, "client.logo", func(c *Client) error {
		c.Logo, c.LogoType = body, media
		return nil
	})
}

// decide changes a client in one transaction and notes who did.
func (s *Store) decide(ctx context.Context, pass access.Pass, id, action string, change func(*Client) error) error {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return err
	}
	by := pass.Actor()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		c, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		if c.Logo == nil {
			c.Logo = []byte{}
		}
		const q = `
			update app_client
			set status = $2, scopes = $3, labels = $4, verified = $5, introspects = $6, logo = $7, logo_type = $8, decided_at = $9, decided_by = $10
			where id = $1`
		if _, err := tx.ExecContext(ctx, q, id, string(c.Status), c.Scopes, int64(c.Labels), bit(c.Verified), bit(c.Introspects),
			c.Logo, c.LogoType, s.Now().UnixMicro(), by.ID); err != nil {
			return err
		}
		return s.Log.AddIn(ctx, tx, noted(by, action, c))
	})
	s.Forget()
	if err != nil {
		return fmt.Errorf("client: %s: %w", action, err)
	}
	return nil
}

// Rotate gives a client a new secret, shown this once. The old one is worth
// nothing from now on.
func (s *Store) Rotate(ctx context.Context, pass access.Pass, id string) (secret string, err error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return "", err
	}
	secret = seal.Token(32)
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update app_client set secret_hash = $2 where id = $1 and auth in ('client_secret_basic', 'client_secret_post') returning name`
		if _, err := db.One(ctx, tx, db.Value[string], q, id, seal.Hash(secret)); err != nil {
			if errors.Is(err, db.ErrNone) {
				return errNoApp
			}
			return err
		}
		return s.Log.AddIn(ctx, tx, noted(pass.Actor(), "client.secret", Client{ID: id}))
	})
	if err != nil {
		return "", fmt.Errorf("client: rotate: %w", err)
	}
	return secret, nil
}
