package account

import (
	"context"
	"errors"

	"hale/internal/access"
)

// Actor returns who the session belongs to.
func (s *Store) Actor(ctx context.Context, token string) (access.Actor, Session, error) {
	return access.Actor{}, Session{}, errors.New("account: not yet")
}
