package reach

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/care/visit"
	"hale/internal/store/db"
)

// Meant returns which of the visits in list a message is about, where that is
// certain: the one that set it off, or the only one to come. Of a message
// that is about no visit it reports false.
func (e *Engine) Meant(ctx context.Context, pass access.Pass, message string, list []visit.Visit) (v visit.Visit, ok bool, err error) {
	patient, err := reader(pass)
	if err != nil {
		return v, false, err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := mine(ctx, tx, patient, message); err != nil {
			return err
		}
		m, err := one(ctx, tx, message)
		if err != nil || m.purpose != "appointment" {
			return err
		}
		about, err := db.All(ctx, tx, db.Value[string], nodSubject, m.intent)
		if err == nil && len(about) > 0 {
			v, ok = which(list, about[0])
		}
		return err
	})
	if err != nil {
		return v, false, fmt.Errorf("reach: meant by %s: %w", message, err)
	}
	return v, ok, nil
}
