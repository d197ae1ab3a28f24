package subscription

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Get returns a subscription of the client that asks.
func (s *Store) Get(ctx context.Context, a access.Actor, id string) (Subscription, error) {
	client, patient, err := whose(a)
	if err != nil {
		return Subscription{}, err
	}
	r, err := db.One(ctx, s.DB, readRow, columns+` where id = $1 and client = $2 and patient = $3`, id, client, patient)
	if err != nil {
		return Subscription{}, fmt.Errorf("subscription: get: %w", err)
	}
	return s.opened(ctx, r)
}

// Mine returns every subscription of the client that asks, the newest first.
func (s *Store) Mine(ctx context.Context, a access.Actor) ([]Subscription, error) {
	client, patient, err := whose(a)
	if err != nil {
		return nil, err
	}
	rows, err := db.All(ctx, s.DB, readRow, columns+` where client = $1 and patient = $2 order by made_at desc, id`, client, patient)
	return s.find(ctx, rows, err)
}

// Update writes a subscription of the client that asks anew. One that was in
// error, or whose channel is another now, is asked for an answer first; its
// events go on where they were. version is the one that it must be at; 0:
// any.
func (s *Store) Update(ctx context.Context, a access.Actor, id string, version int64, node fhir.Node) (Subscription, error) {
	sub, err := s.Get(ctx, a, id)
	if err != nil {
		return sub, err
	}
	if version != 0 && version != sub.Version {
		return sub, errVersion
	}
	sub.actor, sub.grant, sub.body = a, a.App.Grant, node.Raw()
	if err := s.plan(ctx, &sub, node); err != nil {
		return sub, err
	}
	sub.State = Requested
	if node.Get("status").Text() == string(Off) {
		sub.State = Off
	}
	sub.Updated, sub.Reason = s.Now(), ""
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		sealed, err := s.sealed(ctx, tx, sub)
		if err != nil {
			return err
		}
		const q = `
			update subscription
			set body = $3, typ = $4, state = $5, reason = '', channel = $6, version = version + 1, updated_at = $7, ends_at = $8, failures = 0, due_at = $7,
				beat = $9, claim = ''
			where id = $1 and version = $2`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, sub.Version, sealed, sub.Wish.Watches[0].Type, string(sub.State), sub.Wish.Channel,
			sub.Updated.UnixMicro(), db.Micro(sub.Ends), int64(sub.Wish.Beat.Seconds())))
		if err != nil || n == 0 {
			return errors.Join(err, none(n, errVersion))
		}
		return s.note(ctx, tx, a, "subscription.update", id)
	})
	sub.Version++
	s.ring()
	return sub, err
}

// none returns err where nothing was changed.
func none(n int64, err error) error {
	if n == 0 {
		return err
	}
	return nil
}

// Delete ends a subscription of the client that asks and forgets its events.
func (s *Store) Delete(ctx context.Context, a access.Actor, id string) error {
	if _, err := s.Get(ctx, a, id); err != nil {
		return err
	}
	return s.forget(ctx, a, id)
}

func (s *Store) forget(ctx context.Context, by access.Actor, id string) error {
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range [...]string{
			`delete from subscription where id = $1`, `delete from subscription_event where subscription = $1`, `delete from subscription_token where subscription = $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return fmt.Errorf("subscription: delete: %w", err)
			}
		}
		return s.note(ctx, tx, by, "subscription.delete", id)
	})
}

// List returns the subscriptions of every client, for who watches over them.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Subscription, error) {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return nil, err
	}
	rows, err := db.All(ctx, s.DB, readRow, columns+` order by made_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("subscription: list: %w", err)
	}
	list := make([]Subscription, 0, len(rows))
	for _, r := range rows {
		sub, err := s.opened(ctx, r)
		if err != nil {
			sub = r.Subscription // it can still be stopped
		}
		list = append(list, sub)
	}
	return list, nil
}

// Stop ends a subscription of any client.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return err
	}
	if _, err := db.One(ctx, s.DB, db.Value[string], `select id from subscription where id = $1`, id); err != nil {
		return fmt.Errorf("subscription: stop: %w", err)
	}
	return s.forget(ctx, pass.Actor(), id)
}

// JSON returns the subscription as its client wrote it, with what it is now.
func (sub Subscription) JSON() ([]byte, error) {
	node, err := fhir.Parse(sub.body)
	if err != nil {
		return nil, fmt.Errorf("subscription: show %s: %w", sub.ID, err)
	}
	return rewrite(node, sub)
}
