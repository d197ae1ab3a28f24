package link

import (
	"context"
	"fmt"

	"hale/internal/store/db"
)

// Self says whether whoever holds the link of token is the person it was made
// for: a browser in which they proved it before, or who knows the date of
// birth born (YYYY-MM-DD), where that is enough for the message. The link is
// not opened. Links get forwarded, so this is asked of links, too, that open
// for the asking.
//
// Wrong answers count as they do for Open, and end the link as they do there.
func (s *Store) Self(ctx context.Context, token, born, device string) (Opened, error) {
	r, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	known, err := s.Known(ctx, token, device)
	if err != nil {
		return Opened{}, err
	}
	right := false
	if born != "" {
		if right, err = s.bornOn(ctx, r.patient, born); err != nil {
			return Opened{}, err
		}
	}
	o := Opened{Link: r.id, Message: r.message, Patient: r.patient}
	if r.id == "" {
		err = s.db.Tx(ctx, func(tx *db.Tx) error { return s.countMiss(ctx, tx) })
		if err == nil {
			err = ErrGone
		}
		return Opened{}, err
	}
	refusal := r.state(s.now())
	switch {
	case refusal != nil || known:
	case r.factor == SignIn, r.code:
		refusal = ErrSignIn
	case born == "":
		refusal = ErrAsk
	case !right:
		err = s.db.Tx(ctx, func(tx *db.Tx) (err error) {
			refusal, o.Died, err = s.countWrong(ctx, tx, r)
			return err
		})
	}
	if err != nil {
		return Opened{}, fmt.Errorf("link: self: %w", err)
	}
	return o, refusal
}
