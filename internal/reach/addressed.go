package reach

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Addressed returns to whom a message went, the account of a caregiver or empty
// for the patient, and what it is called where its reader sees it.
func (e *Engine) Addressed(ctx context.Context, c db.Conn, message string) (recipient, title string, err error) {
	m, err := one(ctx, c, message)
	if err == nil {
		recipient, err = db.One(ctx, c, db.Value[string], `select recipient from message where id = $1`, message)
	}
	if err != nil {
		return "", "", fmt.Errorf("reach: addressed %s: %w", message, err)
	}
	b, err := e.open(ctx, c, m.id, m.sealed)
	if errors.Is(err, keys.ErrShredded) {
		return recipient, "", nil
	}
	return recipient, b.Title, err
}
