package client

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// How long a key signs, and how long it is still shown after.
const (
	keyLife  = 90 * 24 * time.Hour
	keyShown = 2 * 24 * time.Hour
	keyBits  = 2048
)

// signing holds the keys that sign ID tokens, one look-up at a time.
type signing struct {
	turn chan struct{}
	keys []signer
	at   time.Time
}

type signer struct {
	kid     string
	key     *rsa.PrivateKey
	created time.Time
}

// Keys returns the public keys by which ID tokens are checked, as a JWK set.
// The first call makes the first key.
func (s *Store) Keys(ctx context.Context) (jose.JSONWebKeySet, error) {
	list, err := s.signers(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	var set jose.JSONWebKeySet
	for _, one := range list {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: one.key.Public(), KeyID: one.kid, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}

// Sign returns claims signed with the newest key by RS256.
func (s *Store) Sign(ctx context.Context, claims map[string]any) (string, error) {
	list, err := s.signers(ctx)
	if err != nil {
		return "", err
	}
	with, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: list[0].key, KeyID: list[0].kid}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("client: sign: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("client: sign: %w", err)
	}
	done, err := with.Sign(body)
	if err != nil {
		return "", fmt.Errorf("client: sign: %w", err)
	}
	return done.CompactSerialize()
}

// signers returns the keys, the newest first. Another process may have made
// one; what is remembered is looked up again each minute.
func (s *Store) signers(ctx context.Context) ([]signer, error) {
	select {
	case s.signing.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.signing.turn }()
	now := s.Now()
	if len(s.signing.keys) > 0 && now.Sub(s.signing.at) < time.Minute && !now.Before(s.signing.at) {
		return s.signing.keys, nil
	}
	list, err := s.loadKeys(ctx, now)
	if err == nil && (len(list) == 0 || now.Sub(list[0].created) >= keyLife) {
		if err = s.makeKey(ctx, now); err == nil {
			list, err = s.loadKeys(ctx, now)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("client: keys: %w", err)
	}
	s.signing.keys, s.signing.at = list, now
	return list, nil
}

// place of a sealed key.
func place(kid string) string { return "app_key/sealed/" + kid }

func (s *Store) loadKeys(ctx context.Context, now time.Time) ([]signer, error) {
	type row struct {
		kid     string
		sealed  []byte
		created int64
	}
	const q = `select kid, sealed, created_at from app_key where created_at > $1 order by created_at desc, kid`
	rows, err := db.All(ctx, s.DB, func(scan db.Scan) (r row, err error) {
		return r, scan(&r.kid, &r.sealed, &r.created)
	}, q, now.Add(-keyLife-keyShown).UnixMicro())
	if err != nil {
		return nil, err
	}
	var list []signer
	for _, r := range rows {
		der, err := s.Sealer.Open(ctx, r.sealed, place(r.kid))
		if err != nil {
			return nil, err
		}
		key, err := x509.ParsePKCS1PrivateKey(der)
		if err != nil {
			return nil, err
		}
		list = append(list, signer{r.kid, key, db.Time(r.created)})
	}
	return list, nil
}

// makeKey makes a new key, sealed in the database.
func (s *Store) makeKey(ctx context.Context, now time.Time) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	kid := seal.Token(12)
	sealed, err := s.Sealer.Seal(ctx, x509.MarshalPKCS1PrivateKey(key), place(kid))
	if err != nil {
		return err
	}
	_, err = s.DB.ExecContext(ctx, `insert into app_key (kid, sealed, created_at) values ($1, $2, $3)`, kid, sealed, now.UnixMicro())
	return err
}
