package subscription

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// tokenLife is how long a token opens a WebSocket.
const tokenLife = time.Minute

var (
	errSocket = errs.New(errs.Invalid, "There is no subscription with a websocket channel among them.")
	errToken  = errs.New(errs.Unauthenticated, "The token is unknown, or its time is over.")
)

// Token returns what opens a WebSocket for subscriptions of the client that
// asks: those with ids, or all that have such a channel.
func (s *Store) Token(ctx context.Context, a access.Actor, ids ...string) (token string, until time.Time, subs []string, err error) {
	list, err := s.Mine(ctx, a)
	if err != nil {
		return "", until, nil, err
	}
	for _, sub := range list {
		if sub.Wish.Channel == Socket && sub.State != Off && (len(ids) == 0 || slices.Contains(ids, sub.ID)) {
			subs = append(subs, sub.ID)
		}
	}
	if len(subs) == 0 {
		return "", until, nil, errSocket
	}
	token, until = seal.Token(32), s.Now().Add(tokenLife)
	const q = `insert into subscription_token (token, subscription, until_at) values ($1, $2, $3)`
	if _, err := s.DB.ExecContext(ctx, q, seal.Hash(token), strings.Join(subs, ","), until.UnixMicro()); err != nil {
		return "", until, nil, fmt.Errorf("subscription: token: %w", err)
	}
	return token, until, subs, nil
}

// Bind takes a token, which opens once, and returns the ids of the
// subscriptions that it is for.
func (s *Store) Bind(ctx context.Context, token string) (ids []string, err error) {
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `delete from subscription_token where token = $1 and until_at > $2 returning subscription`
		list, err := db.All(ctx, tx, db.Value[string], q, seal.Hash(token), s.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("subscription: bind: %w", err)
		}
		if len(list) != 1 {
			return errToken
		}
		ids = strings.Split(list[0], ",")
		return nil
	})
	return ids, err
}

// Line is one subscription on an open WebSocket.
type Line struct {
	store *Store
	id    string
	last  int64 // number of the last event that was written
	beat  time.Time
	open  bool
}

// Line returns a subscription as its WebSocket sees it. It begins behind the
// last event that any of them was sent.
func (s *Store) Line(id string) *Line { return &Line{store: s, id: id} }

// ErrOff says that a subscription has ended.
var ErrOff = errs.New(errs.Gone, "The subscription has ended.")

// Next calls write with what is due on the line: a handshake first, then
// events, or a sign of life; with nothing where nothing is due. What write
// took counts as delivered.
func (l *Line) Next(ctx context.Context, write func(context.Context, []byte) error) error {
	s := l.store
	r, err := db.One(ctx, s.DB, readRow, columns+` where id = $1`, l.id)
	if errors.Is(err, db.ErrNone) {
		return ErrOff
	}
	if err != nil {
		return fmt.Errorf("subscription: line: %w", err)
	}
	if r.State == Off || !r.Ends.IsZero() && !s.Now().Before(r.Ends) {
		return ErrOff
	}
	if l.open && r.Events <= l.last && s.Now().Before(l.beat) {
		return nil
	}
	sub, err := s.opened(ctx, r)
	if err != nil {
		return err
	}
	pass, err := s.pass(ctx, sub)
	if err != nil && ended(err) {
		return errors.Join(ErrOff, s.off(ctx, s.DB, sub.ID, gone))
	}
	if err != nil {
		return err
	}
	if !l.open {
		l.last, sub.State = max(l.last, sub.Sent), Requested
	}
	sub.Sent = l.last
	note, _, err := s.next(ctx, sub, pass)
	if err != nil {
		return err
	}
	if err := write(ctx, note.body); err != nil {
		return err
	}
	return l.wrote(ctx, sub, note, pass.Actor())
}

// wrote notes what was written.
func (l *Line) wrote(ctx context.Context, sub Subscription, note notification, by access.Actor) error {
	s := l.store
	l.open, l.last = true, max(l.last, note.last)
	l.beat = s.Now().Add(365 * 24 * time.Hour)
	if sub.Wish.Beat > 0 {
		l.beat = s.Now().Add(sub.Wish.Beat)
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			update subscription set sent = case when sent < $2 then $2 else sent end, state = 'active', reason = ''
			where id = $1 and state <> 'off'`
		if _, err := tx.ExecContext(ctx, q, sub.ID, note.last); err != nil {
			return fmt.Errorf("subscription: line: %w", err)
		}
		return s.disclose(ctx, tx, sub, by, note)
	})
}

// Wake returns a channel that is closed when there may be something to send.
func (s *Store) Wake() <-chan struct{} { return s.listen() }
