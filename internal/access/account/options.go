package account

import (
	"context"

	"hale/internal/access"
	"hale/internal/base/seal"
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

// WithAges returns a copy of s that narrows parents' grants by rules.
func (s *Store) WithAges(rules access.AgeRules) *Store {
	c := *s
	c.ages = rules
	return &c
}
