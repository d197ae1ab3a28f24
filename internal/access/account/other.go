package account

import (
	"context"
	"fmt"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// SendOther is SendAgain to the other address of the one account that the
// sign-in is about, where we know one. From then on the sign-in's code proves
// no address by itself: a second code cannot be added to it.
func (s *Store) SendOther(ctx context.Context, challenge string) (*Delivery, error) {
	d, err := s.SendAgain(ctx, challenge)
	if err != nil {
		return nil, err
	}
	id := seal.Hash(challenge)
	u, err := s.challenge(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	who, patients, err := s.people(ctx, u.to)
	if err != nil {
		return nil, err
	}
	to := address{kind: "sms"}
	if u.to.kind == "sms" {
		to.kind = "email"
	}
	if len(who) == 1 && len(patients) == 0 {
		to.value = who[0].at(to.kind)
	}
	whom, allowed := to.value, false
	if whom == "" { // the same statements whether or not anybody is there
		whom = "other than " + u.to.value
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `update account_challenge set mixed = 1 where id = $1`, id); err != nil {
			return err
		}
		allowed, err = s.use(ctx, tx, sendAddress, whom)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("account: send to the other: %w", err)
	}
	if d == nil || to.value == "" || !allowed {
		return nil, nil
	}
	d.Channel, d.To = to.kind, to.value
	return d, nil
}
