package account

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Person returns the owner of an active account as an actor without a
// session, with the roles and grants of this moment: whom an app that was let
// in asks for. It is errs.Unauthenticated if nobody can sign in to it. Who
// the actor is was not proved: the caller says how far that goes.
func (s *Store) Person(ctx context.Context, id string) (access.Actor, error) {
	a, err := db.One(ctx, s.db, read, `select `+columns+` from account a where id = $1 and status = 'active'`, id)
	if errors.Is(err, db.ErrNone) {
		return access.Actor{}, errSignIn
	}
	if err != nil {
		return access.Actor{}, fmt.Errorf("account: person %s: %w", id, err)
	}
	actor := access.Actor{Kind: a.Kind, ID: a.ID, Name: a.Name, Patient: a.Patient, Roles: a.Roles}
	if actor.Grants, err = s.grants(ctx, a.ID); err != nil {
		return access.Actor{}, fmt.Errorf("account: grants of %s: %w", a.ID, err)
	}
	return actor, nil
}
