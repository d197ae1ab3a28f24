package link

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// longest is the longest life of a new link.
const longest = 30 * 24 * time.Hour

// Again makes a new link for message, like the last one and as long-lived,
// in the transaction of what sends it.
func (s *Store) Again(ctx context.Context, tx *db.Tx, message string, short bool) (token string, err error) {
	const q = `
		select patient, case when signs_in = 1 then 'signin' when asks_code = 1 then 'code' else factor end, expires_at - made_at, max_uses, one_device
		from link
		where message = $1 and retracted_at = 0
		order by expires_at desc, id desc
		limit 1`
	type last struct {
		patient, factor string
		life            int64
		uses, alone     int
	}
	l, err := db.One(ctx, tx, func(scan db.Scan) (l last, err error) {
		err = scan(&l.patient, &l.factor, &l.life, &l.uses, &l.alone)
		return l, err
	}, q, message)
	if err != nil {
		return "", fmt.Errorf("link: again for message %s: %w", message, err)
	}
	life := min(time.Duration(l.life)*time.Microsecond, longest)
	return s.Create(ctx, tx, New{Message: message, Patient: l.patient, Factor: l.factor, Expires: s.now().Add(life), Short: short, MaxUses: l.uses, Alone: l.alone == 1})
}
