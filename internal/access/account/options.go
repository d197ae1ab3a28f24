package account

import (
	"context"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Sealer keeps secrets. place says what a secret belongs to: it opens nowhere
// else.
type Sealer interface {
	Seal(ctx context.Context, plain []byte, place string) ([]byte, error)
	Open(ctx context.Context, sealed []byte, place string) ([]byte, error)
}

// keySealer is a Sealer on one key.
type keySealer struct{ key seal.Key }

// Seal encrypts plain for place.
func (k keySealer) Seal(_ context.Context, plain []byte, place string) ([]byte, error) {
	return k.key.Seal(plain, place), nil
}

// Open decrypts what Seal returned for place.
func (k keySealer) Open(_ context.Context, sealed []byte, place string) ([]byte, error) {
	return k.key.Open(sealed, place)
}

// WithRules returns a copy of s with what the clinic set.
func (s *Store) WithRules(r Rules) *Store {
	c := *s
	c.rules = r
	return &c
}

// WithNotices returns a copy of s that tells owners what happened to their
// accounts.
func (s *Store) WithNotices(n Notices) *Store {
	c := *s
	c.notices = n
	return &c
}

// WithSealer returns a copy of s that keeps its secrets with sealer.
func (s *Store) WithSealer(sealer Sealer) *Store {
	c := *s
	c.sealer = sealer
	return &c
}

// WithWatched returns a copy of s that knows which patients are watched more
// closely: help in person for them takes two members of staff.
func (s *Store) WithWatched(watched func(ctx context.Context, patient string) (bool, error)) *Store {
	c := *s
	c.watched = watched
	return &c
}

// WithDirectory returns a copy of s that knows the people on record.
func (s *Store) WithDirectory(dir Directory) *Store {
	c := *s
	c.dir = dir
	return &c
}

// Shut is called in the transaction that shuts an account, takes its ways to
// sign in away or, with an empty id, signs everybody out: what the account
// opened to others ends with it, for good.
type Shut func(ctx context.Context, tx *db.Tx, account string) error

// WithShut returns a copy of s that calls shut.
func (s *Store) WithShut(shut Shut) *Store {
	c := *s
	c.shut = shut
	return &c
}

// WithChanged returns a copy of s that calls changed when an account was shut
// or let in again: what is remembered of its owner no longer holds.
func (s *Store) WithChanged(changed func()) *Store {
	c := *s
	c.changed = changed
	return &c
}

// WithAges returns a copy of s that narrows parents' grants by rules.
func (s *Store) WithAges(rules access.AgeRules) *Store {
	c := *s
	c.ages = rules
	return &c
}
