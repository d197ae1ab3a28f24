package client

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// ByGrant returns in whose name the client of a grant may go on with what it
// began while it had a token: an export, a subscription. The error once the
// grant has ended, or the client was stopped, is errs.Unauthenticated.
func (s *Store) ByGrant(ctx context.Context, grant string) (access.Actor, error) {
	const q = `
		select ` + grantColumns + `, c.scopes, c.labels, c.backend
		from app_grant g join app_client c on c.id = g.client
		where g.id = $1 and g.ended_at = 0 and c.status = 'approved'`
	l, err := db.One(ctx, s.DB, func(scan db.Scan) (l looked, err error) {
		var back int64
		var all string
		l.grant, err = readGrant(func(dest ...any) error { return scan(append(dest, &all, &l.labels, &back)...) })
		l.back, l.scopes = back != 0, l.grant.Scopes
		if l.back {
			l.scopes = all // a backend client has its tokens, not its grant, ended
		}
		return l, err
	}, q, grant)
	if errors.Is(err, db.ErrNone) {
		return access.Actor{}, errToken
	}
	if err != nil {
		return access.Actor{}, fmt.Errorf("client: grant: %w", err)
	}
	if !l.back && !l.grant.Live(s.Now()) {
		return access.Actor{}, errToken
	}
	actor, err := s.behind(ctx, l)
	if errs.KindOf(err) == errs.NotFound {
		return actor, errToken
	}
	return actor, err
}
