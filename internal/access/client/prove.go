package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// errClient is said of a client that is unknown, too.
var errClient = smart.Refuse(smart.InvalidClient, "The client is unknown, not let in, or did not prove itself as it was registered to")

// Secret returns the client that a shared secret proves; by is how it was
// sent.
//
// Spec: RFC 6749 §2.3.1
func (s *Store) Secret(ctx context.Context, id, secret string, by Method) (Client, error) {
	hash, err := db.One(ctx, s.DB, db.Value[string], `select secret_hash from app_client where id = $1`, id)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return Client{}, fmt.Errorf("client: secret: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(hash), []byte(seal.Hash(secret))) != 1 || secret == "" {
		return Client{}, errClient
	}
	return s.usable(ctx, id, by)
}

// Public returns a client that proves itself by PKCE alone.
func (s *Store) Public(ctx context.Context, id string) (Client, error) {
	return s.usable(ctx, id, None)
}

// usable returns an approved client that proves itself by by. Who was
// registered for a stronger proof never gets in by a weaker.
func (s *Store) usable(ctx context.Context, id string, by Method) (Client, error) {
	c, err := s.Get(ctx, id)
	if errs.KindOf(err) == errs.NotFound {
		return Client{}, errClient
	}
	if err != nil {
		return Client{}, err
	}
	if c.Status != Approved || c.Auth != by {
		return Client{}, errClient
	}
	return c, nil
}

// Asserted returns the client that an assertion proves. It counts once.
//
// Spec: RFC 7523 §3, https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
func (s *Store) Asserted(ctx context.Context, text, named string) (Client, error) {
	a, err := smart.ParseAssertion(text)
	if err != nil || named != "" && named != a.Client {
		return Client{}, errClient
	}
	c, err := s.usable(ctx, a.Client, KeyJWT)
	if err != nil {
		return Client{}, err
	}
	now := s.Now()
	set, err := s.keysOf(ctx, c, a.Key, now)
	if err != nil {
		return Client{}, errClient
	}
	if err := a.Check(set, s.Token, now); err != nil {
		return Client{}, smart.Refuse(smart.InvalidClient, err.Error())
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `insert into app_jti (client, jti, expires_at) values ($1, $2, $3) on conflict (client, jti) do nothing`
		n, err := db.Changed(tx.ExecContext(ctx, q, c.ID, seal.Hash(a.ID), a.Expires.Add(smart.AssertionLife).UnixMicro()))
		if err == nil && n == 0 {
			err = smart.Refuse(smart.InvalidClient, "This assertion was used before: its jti counts once")
		}
		return err
	})
	if err != nil {
		return Client{}, fmt.Errorf("client: asserted: %w", err)
	}
	return c, nil
}
