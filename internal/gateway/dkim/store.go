package dkim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Store keeps the keys, sealed.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
	box *keys.Ring
}

// NewStore returns a store on d that seals under ring.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time, ring *keys.Ring) *Store {
	return &Store{db: d, ids: source, now: now, box: ring}
}

var (
	errThere = errs.New(errs.Conflict, "That selector is in use already. Please choose another.")
	errNone  = errs.New(errs.NotFound, "There are no keys of that domain and selector.")
	errGone  = errs.New(errs.Conflict, "Those keys were retired. Make new ones under a new selector.")
)

// Make makes an RSA key and an Ed25519 key for a domain. They wait: Use lets
// them sign once their records are published.
func (s *Store) Make(ctx context.Context, domain, selector string) ([]Key, error) {
	domain, selector = strings.ToLower(domain), strings.ToLower(selector)
	if err := names(domain, selector); err != nil {
		return nil, err
	}
	var list []Key
	secrets := map[Algorithm][]byte{}
	for _, a := range []Algorithm{RSA, Ed25519} {
		secret, public, err := made(a)
		if err != nil {
			return nil, fmt.Errorf("dkim: make: %w", err)
		}
		secrets[a] = secret
		list = append(list, Key{ID: s.ids.New(), Domain: domain, Selector: named(selector, a), Algorithm: a, Public: public, Made: s.now().UTC().Truncate(time.Microsecond)})
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, k := range list {
			sealed, err := s.box.Seal(ctx, tx, keys.Secrets, "mail_key", "sealed", k.ID, secrets[k.Algorithm])
			if err != nil {
				return err
			}
			const q = `
				insert into mail_key (id, domain, selector, algorithm, public, sealed, made_at) values ($1, $2, $3, $4, $5, $6, $7)
				on conflict (domain, selector, algorithm) do nothing`
			n, err := db.Changed(tx.ExecContext(ctx, q, k.ID, k.Domain, k.Selector, string(k.Algorithm), k.Public, sealed, db.Micro(k.Made)))
			if err != nil {
				return err
			}
			if n == 0 {
				return errThere
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dkim: make: %w", err)
	}
	return list, nil
}

// named is the selector of one algorithm: a name may hold one key only
// (RFC 6376, 3.6.2.2), so the second has a name of its own.
func named(selector string, a Algorithm) string {
	if a == Ed25519 {
		return selector + "-e"
	}
	return selector
}

const columns = `id, domain, selector, algorithm, public, made_at, active_at, retired_at`

func readKey(scan db.Scan) (k Key, err error) {
	var made, active, retired int64
	err = scan(&k.ID, &k.Domain, &k.Selector, &k.Algorithm, &k.Public, &made, &active, &retired)
	k.Made = db.Time(made)
	if active > 0 {
		k.Active = db.Time(active)
	}
	if retired > 0 {
		k.Retired = db.Time(retired)
	}
	return k, err
}

// List returns all keys, the newest of each domain first.
func (s *Store) List(ctx context.Context) ([]Key, error) {
	list, err := db.All(ctx, s.db, readKey, `select `+columns+` from mail_key order by domain, made_at desc, selector`)
	if err != nil {
		return nil, fmt.Errorf("dkim: list: %w", err)
	}
	return list, nil
}

// Use lets the keys of a selector sign, and retires those that signed for
// the domain before.
func (s *Store) Use(ctx context.Context, domain, selector string) error {
	domain, selector = strings.ToLower(domain), strings.ToLower(selector)
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const find = `select ` + columns + ` from mail_key where domain = $1 and selector in ($2, $3)`
		list, err := db.All(ctx, tx, readKey, find, domain, selector, named(selector, Ed25519))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNone
		}
		for _, k := range list {
			if !k.Retired.IsZero() {
				return errGone
			}
		}
		now := db.Micro(s.now())
		const old = `update mail_key set retired_at = $2 where domain = $1 and active_at > 0 and retired_at = 0 and selector not in ($3, $4)`
		if _, err := tx.ExecContext(ctx, old, domain, now, selector, named(selector, Ed25519)); err != nil {
			return err
		}
		const use = `update mail_key set active_at = $2 where domain = $1 and selector in ($3, $4) and active_at = 0`
		_, err = tx.ExecContext(ctx, use, domain, now, selector, named(selector, Ed25519))
		return err
	})
	if err != nil {
		return fmt.Errorf("dkim: use: %w", err)
	}
	return nil
}

// signing is a key that signs, opened.
func (s *Store) signing(ctx context.Context, domain string) ([]signer, error) {
	type row struct {
		Key
		sealed []byte
	}
	const q = `select id, selector, algorithm, sealed from mail_key where domain = $1 and active_at > 0 and retired_at = 0 order by algorithm desc`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) {
		err = scan(&r.ID, &r.Selector, &r.Algorithm, &r.sealed)
		return r, err
	}, q, domain)
	if err != nil {
		return nil, fmt.Errorf("dkim: keys of %s: %w", domain, err)
	}
	var out []signer
	for _, r := range list {
		secret, err := s.box.Open(ctx, r.sealed, "mail_key", "sealed", r.ID)
		if err != nil {
			return nil, fmt.Errorf("dkim: key %s: %w", r.ID, err)
		}
		key, err := opened(secret)
		if err != nil {
			return nil, fmt.Errorf("dkim: key %s: %w", r.ID, err)
		}
		out = append(out, signer{domain, r.Selector, r.Algorithm, key})
	}
	return out, nil
}
