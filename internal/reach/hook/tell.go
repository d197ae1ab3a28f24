package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/outbound"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Event is what a webhook is told. It names things and says no word of them.
type Event struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"` // message.delivered
	At       time.Time `json:"at"`
	Message  string    `json:"message,omitempty"`
	Intent   string    `json:"intent,omitempty"`
	Outreach string    `json:"outreach,omitempty"`
	Patient  string    `json:"patient"`
	Channel  string    `json:"channel"`
	Actor    string    `json:"actor,omitempty"` // human, machine, suspect, unknown
	Code     string    `json:"code,omitempty"`

	// Of journey.step: who came to which step of which journey.
	Journey   string `json:"journey,omitempty"`
	Enrolment string `json:"enrolment,omitempty"`
	Step      string `json:"step,omitempty"`

	n int64
}

const (
	overlap   = 5 * time.Minute // what may commit so long after its clock was read
	atOnce    = 200             // events of one call
	keepFor   = 14 * 24 * time.Hour
	leaseFor  = time.Minute
	callFor   = 20 * time.Second
	giveUp    = 72 // failures in a row: three days
	readBatch = 2000
)

// Run finds events and tells them until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := s.Step(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("hook: tell", "error", err)
		}
		if n > 0 && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}
	return nil
}

// Step finds what happened, tells each webhook that is due once, and returns
// how many events were taken.
func (s *Store) Step(ctx context.Context) (int, error) {
	list, err := db.All(ctx, s.DB, s.read(ctx), columns+` where state = 'active' order by id`)
	if err != nil {
		return 0, fmt.Errorf("hook: step: %w", err)
	}
	told := 0
	for _, h := range list {
		if err := s.find(ctx, h); err != nil {
			return told, fmt.Errorf("hook: find for %s: %w", h.ID, err)
		}
		n, err := s.tell(ctx, h.ID)
		if err != nil {
			return told, fmt.Errorf("hook: tell %s: %w", h.ID, err)
		}
		told += n
	}
	return told, nil
}

// found is something that happened, before it has its number.
type found struct {
	event, message, kind, actor, code string
	at                                int64
}

// The last minutes are looked at again and again: a transaction commits after
// its clock was read. What has its number already is left out; so is a message
// that tells of what the law protects more, for whom it went to says enough.
const happened = `
	select v.id, v.message, v.kind, v.actor_class, v.code, v.at
	from message_event v
	where v.id >= $2 and not exists (select 1 from webhook_event w where w.webhook = $1 and w.event = v.id)
		and not exists (select 1 from message p join shield z on z.patient = p.patient and z.typ = 'Message' and z.id = p.id
			where p.id = v.message and z.labels <> 0)`

const sent = `
	select 'sent:' || m.id, m.id, 'sent', '', '', m.accepted_at
	from outreach o join message m on m.outreach = o.id and m.accepted_at >= $2
	where (o.state in ('running', 'paused') or o.ended_at >= $2)
		and not exists (select 1 from webhook_event w where w.webhook = $1 and w.event = 'sent:' || m.id)
		and not exists (select 1 from shield z where z.patient = m.patient and z.typ = 'Message' and z.id = m.id and z.labels <> 0)
	order by m.accepted_at limit $3`

// find numbers what happened since the last look.
func (s *Store) find(ctx context.Context, h Webhook) error {
	now := s.Now()
	since, err := db.One(ctx, s.DB, db.Value[int64], `select read_at from webhook where id = $1`, h.ID)
	if err != nil {
		return err
	}
	from := db.Time(since).Add(-overlap)
	if from.Before(h.Made) {
		from = h.Made
	}
	read := func(scan db.Scan) (f found, err error) {
		err = scan(&f.event, &f.message, &f.kind, &f.actor, &f.code, &f.at)
		return f, err
	}
	wanted := h.Kinds
	if len(wanted) == 0 {
		wanted = Kinds()
	}
	q := happened + ` and v.kind in (` + db.In(4, len(wanted)) + `) order by v.id limit $3`
	list, err := db.All(ctx, s.DB, read, q, append([]any{h.ID, ids.Since(from), readBatch}, db.Args(wanted)...)...)
	if err != nil {
		return err
	}
	var gone []found
	if slices.Contains(wanted, "sent") {
		if gone, err = db.All(ctx, s.DB, read, sent, h.ID, db.Micro(from), readBatch); err != nil {
			return err
		}
	}
	full := len(list) == readBatch || len(gone) == readBatch
	list = append(gone, list...)
	return s.number(ctx, h, list, now, full)
}

// number gives events their numbers.
func (s *Store) number(ctx context.Context, h Webhook, list []found, now time.Time, full bool) error {
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		const lock = `update webhook set read_at = read_at where id = $1 and state = 'active' returning events`
		last, err := db.One(ctx, tx, db.Value[int64], lock, h.ID)
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range list {
			const q = `
				insert into webhook_event (webhook, n, event, message, kind, at, actor, code, added_at)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`
			n, err := db.Changed(tx.ExecContext(ctx, q, h.ID, last+1, f.event, f.message, f.kind, f.at, f.actor, f.code, db.Micro(now)))
			if err != nil {
				return err
			}
			last += n
		}
		const q = `update webhook set events = $2, read_at = case when $3 = 1 then read_at else cast($4 as bigint) end,
			due_at = case when due_at = 0 and sent < $2 then cast($4 as bigint) else due_at end where id = $1`
		bit := 0
		if full { // there is more of the same time
			bit = 1
		}
		_, err = tx.ExecContext(ctx, q, h.ID, last, bit, db.Micro(now))
		return err
	})
}

// tell calls a webhook with its next events, if it is due and no other node
// does.
func (s *Store) tell(ctx context.Context, id string) (int, error) {
	now, claim := s.Now(), seal.Token(9)
	const take = `update webhook set claim = $2, lease_until = $3
		where id = $1 and state = 'active' and sent < events and due_at <= $4 and (claim = '' or lease_until < $4)`
	n, err := db.Changed(s.DB.ExecContext(ctx, take, id, claim, db.Micro(now.Add(leaseFor)), db.Micro(now)))
	if err != nil || n == 0 {
		return 0, err
	}
	h, err := db.One(ctx, s.DB, s.read(ctx), columns+` where id = $1`, id)
	if err != nil {
		return 0, err
	}
	list, err := s.events(ctx, h)
	if err != nil {
		return 0, err
	}
	if err := s.call(ctx, h, list); err != nil {
		return 0, s.failed(ctx, h, claim, err)
	}
	last := h.Events
	if len(list) > 0 {
		last = list[len(list)-1].n
	}
	const done = `update webhook set sent = $3, failures = 0, reason = '', claim = '', lease_until = 0, due_at = case when events > $3 then cast($4 as bigint) else 0 end
		where id = $1 and claim = $2`
	_, err = s.DB.ExecContext(ctx, done, id, claim, last, db.Micro(now))
	return len(list), err
}

// events returns the next events of h.
func (s *Store) events(ctx context.Context, h Webhook) ([]Event, error) {
	const q = `
		select w.n, w.event, w.kind, w.at, w.message, coalesce(m.intent, ''), coalesce(m.outreach, ''), coalesce(m.patient, s.patient, ''), coalesce(m.channel, ''), w.actor, w.code, coalesce(s.journey, '')
		from webhook_event w left join message m on m.id = w.message left join enrolment s on w.kind = '` + cameKind + `' and s.id = w.message
		where w.webhook = $1 and w.n > $2 order by w.n limit $3`
	return db.All(ctx, s.DB, func(scan db.Scan) (e Event, err error) {
		var at int64
		err = scan(&e.n, &e.ID, &e.Type, &at, &e.Message, &e.Intent, &e.Outreach, &e.Patient, &e.Channel, &e.Actor, &e.Code, &e.Journey)
		e.At = db.Time(at)
		if e.Type == cameKind {
			e.Type, e.Enrolment, e.Step, e.Message, e.Code = "journey.step", e.Message, e.Code, "", ""
			return e, err
		}
		e.Type = "message." + e.Type
		return e, err
	}, q, h.ID, h.Sent, atOnce)
}

// call posts events to a webhook.
func (s *Store) call(ctx context.Context, h Webhook, list []Event) error {
	if s.Client == nil {
		return errors.New("this server sends to no other")
	}
	if len(list) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"webhook": h.ID, "events": list})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is none")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(outbound.SignatureHeader, outbound.Sign(h.secret, s.Now(), body))
	res, err := s.Client.Do(req)
	if err != nil {
		return errors.New("it does not answer, or may not be called")
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return nil
}

// failed notes why a webhook did not take its events, and when to try again.
// After three days it is switched off; nothing is forgotten before two weeks.
func (s *Store) failed(ctx context.Context, h Webhook, claim string, why error) error {
	failures, state := h.Failures+1, "active"
	if failures >= giveUp {
		state = "off"
	}
	wait := min(time.Hour, 5*time.Second<<min(failures, 12))
	const q = `update webhook set failures = $3, reason = $4, state = $5, due_at = $6, claim = '', lease_until = 0 where id = $1 and claim = $2`
	reason := fmt.Sprintf("Not told, %d times in a row: %s.", failures, strings.TrimSuffix(why.Error(), "."))
	_, err := s.DB.ExecContext(ctx, q, h.ID, claim, failures, reason, state, db.Micro(s.Now().Add(wait)))
	return err
}
