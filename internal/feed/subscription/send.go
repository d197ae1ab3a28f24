package subscription

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"hale/internal/access"
	"hale/internal/base/outbound"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// lease is how long whoever delivers may take.
const lease = time.Minute

// Run makes events of changes and delivers them until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Record.Follow(ctx, s.Follower(), s.Log) })
	group.Go(func() error { return s.deliverAll(ctx) })
	return group.Wait()
}

// atATime is how many rest-hooks are called at a time.
const atATime = 8

// deliverAll calls the rest-hooks that are due, until ctx ends.
func (s *Store) deliverAll(ctx context.Context) error {
	for ctx.Err() == nil {
		bell := s.listen()
		n, err := s.Deliver(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("subscription: deliver", "err", err)
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-bell:
		case <-time.After(time.Second):
		}
	}
	return nil
}

// Deliver calls the rest-hooks that are due now, each once, and returns how
// many those were.
func (s *Store) Deliver(ctx context.Context) (int, error) {
	now := s.Now().UnixMicro()
	const q = `
		select id from subscription
		where state in ('requested', 'active') and channel = 'rest-hook' and due_at > 0 and due_at <= $1 and (claim = '' or lease_until < $1)
		order by due_at
		limit 64`
	list, err := db.All(ctx, s.DB, db.Value[string], q, now)
	if err != nil {
		return 0, fmt.Errorf("subscription: due: %w", err)
	}
	var group errgroup.Group
	group.SetLimit(atATime)
	for _, id := range list {
		group.Go(func() error { return s.deliver(ctx, id) })
	}
	return len(list), group.Wait()
}

// deliver does what is due of one subscription, if no other node does.
func (s *Store) deliver(ctx context.Context, id string) error {
	claim, now := seal.Token(9), s.Now()
	const take = `
		update subscription set claim = $2, lease_until = $3
		where id = $1 and state in ('requested', 'active') and (claim = '' or lease_until < $4) and due_at <= $4`
	n, err := db.Changed(s.DB.ExecContext(ctx, take, id, claim, now.Add(lease).UnixMicro(), now.UnixMicro()))
	if err != nil || n == 0 {
		return err
	}
	r, err := db.One(ctx, s.DB, readRow, columns+` where id = $1`, id)
	if err != nil {
		return fmt.Errorf("subscription: deliver: %w", err)
	}
	sub, err := s.opened(ctx, r)
	if err != nil {
		return err
	}
	if sub.Ends.After(time.Time{}) && !now.Before(sub.Ends) {
		return s.off(ctx, s.DB, id, "Its end has come.")
	}
	pass, err := s.pass(ctx, sub)
	if err != nil && ended(err) {
		return s.off(ctx, s.DB, id, gone)
	}
	if err != nil {
		return err
	}
	note, kind, err := s.next(ctx, sub, pass)
	if err != nil {
		return err
	}
	if err := s.post(ctx, sub, note.body); err != nil {
		return s.failed(ctx, sub, claim, err)
	}
	return s.delivered(ctx, sub, claim, kind, note, pass.Actor())
}

// next makes the notification that is due: a handshake, events, or a sign of
// life.
func (s *Store) next(ctx context.Context, sub Subscription, pass access.Pass) (notification, Kind, error) {
	if sub.State == Requested {
		n, err := s.notice(ctx, sub, Handshake, Empty, nil, pass)
		return n, Handshake, err
	}
	list, err := s.events(ctx, sub.ID, sub.Sent+1, sub.Events, sub.Wish.Most)
	if err != nil {
		return notification{}, "", err
	}
	if len(list) == 0 {
		n, err := s.notice(ctx, sub, Heartbeat, Empty, nil, pass)
		return n, Heartbeat, err
	}
	n, err := s.notice(ctx, sub, Notify, sub.Wish.Content, list, pass)
	return n, Notify, err
}

// post sends a body to the endpoint of a subscription.
func (s *Store) post(ctx context.Context, sub Subscription, body []byte) error {
	if s.Client == nil {
		return errors.New("this server sends to no other")
	}
	ctx, cancel := context.WithTimeout(ctx, sub.Wish.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.Wish.Endpoint, bytes.NewReader(body))
	if err != nil {
		return errors.New("the endpoint is no address")
	}
	for _, h := range sub.Wish.Headers {
		req.Header.Add(h[0], h[1])
	}
	req.Header.Set("Content-Type", sub.Wish.Media)
	req.Header.Set(outbound.SignatureHeader, outbound.Sign(sub.secret, s.Now(), body))
	res, err := s.Client.Do(req)
	if err != nil {
		return errors.New("the endpoint does not answer, or may not be called")
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the endpoint answered %d", res.StatusCode)
	}
	return nil
}

// delivered notes that the endpoint took a notification.
func (s *Store) delivered(ctx context.Context, sub Subscription, claim string, kind Kind, note notification, by access.Actor) error {
	now := s.Now()
	later := int64(0)
	if sub.Wish.Beat > 0 {
		later = now.Add(sub.Wish.Beat).UnixMicro()
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			update subscription
			set sent = $3, state = 'active', reason = '', failures = 0, claim = '', lease_until = 0, due_at = case when events > $3 then cast($4 as bigint) else cast($5 as bigint) end
			where id = $1 and claim = $2`
		n, err := db.Changed(tx.ExecContext(ctx, q, sub.ID, claim, max(sub.Sent, note.last), now.UnixMicro(), later))
		if err != nil || n == 0 {
			return err // another has it now, and sends it once more
		}
		return s.disclose(ctx, tx, sub, by, note)
	})
}

// disclose notes whom a notification told about.
func (s *Store) disclose(ctx context.Context, tx *db.Tx, sub Subscription, by access.Actor, note notification) error {
	if len(note.patients) == 0 {
		return nil
	}
	basis := disclosure.Operations
	if sub.patient != "" {
		basis = disclosure.Authorized
	}
	return s.Ledger.RecordAll(ctx, tx, by, disclosure.Entry{
		Recipient: sub.Name, What: "News of changes in the record, by subscription", Purpose: "subscription", Basis: basis, Origin: "subscription/" + sub.ID,
	}, note.patients)
}

// failed notes that the endpoint did not take a notification, and when to
// try again.
func (s *Store) failed(ctx context.Context, sub Subscription, claim string, why error) error {
	failures := sub.Failures + 1
	state, due := sub.State, s.Now().Add(backoff(failures)).UnixMicro()
	if failures >= s.Retries {
		state, due = Error, 0
	}
	const q = `
		update subscription
		set failures = $3, state = $4, reason = $5, due_at = $6, claim = '', lease_until = 0, updated_at = $7
		where id = $1 and claim = $2`
	reason := fmt.Sprintf("Not delivered, %d times in a row: %s.", failures, why)
	_, err := s.DB.ExecContext(ctx, q, sub.ID, claim, failures, string(state), reason, due, s.Now().UnixMicro())
	return err
}

// backoff is the pause after so many failures: 4 s, 8 s, … up to an hour.
func backoff(failures int) time.Duration {
	return min(time.Hour, 2*time.Second<<min(failures, 12))
}

// TidyJob forgets what is old.
const TidyJob = "subscription.tidy"

// Handlers returns the background work.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{TidyJob: s.tidy}
}

// Periodic returns when it runs.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: TidyJob, Every: time.Hour}}
}

func (s *Store) tidy(ctx context.Context, _ json.RawMessage) error {
	now := s.Now()
	if _, err := s.DB.ExecContext(ctx, `delete from subscription_event where at < $1`, now.Add(-s.Keep).UnixMicro()); err != nil {
		return fmt.Errorf("subscription: tidy: %w", err)
	}
	if _, err := s.DB.ExecContext(ctx, `delete from subscription_token where until_at < $1`, now.UnixMicro()); err != nil {
		return fmt.Errorf("subscription: tidy: %w", err)
	}
	const over = `update subscription set state = 'off', reason = 'Its end has come.' where state <> 'off' and ends_at > 0 and ends_at <= $1`
	if _, err := s.DB.ExecContext(ctx, over, now.UnixMicro()); err != nil {
		return fmt.Errorf("subscription: tidy: %w", err)
	}
	return nil
}
