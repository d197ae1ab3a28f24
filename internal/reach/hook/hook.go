// Package hook lets programs of the clinic's own ask for messages and hear
// what became of them: keys to ask with, webhooks that are told of events, and
// what other systems sent to the same people.
//
// A webhook is told at least once, in order, in batches that are signed; it
// gets no text of a message and no fact of a record, only ids.
package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Config is all a Store needs.
type Config struct {
	DB     *db.DB
	IDs    *ids.Source
	Keys   *keys.Ring
	Client *http.Client // calls the webhooks; nil: nothing is called
	Plain  bool         // http is let pass, on this machine alone
	Now    func() time.Time
	Log    *slog.Logger
}

// Store keeps keys and webhooks, and calls these.
type Store struct{ Config }

// New returns a store.
func New(c Config) *Store {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{c}
}

// Webhook is where events are told.
type Webhook struct {
	ID       string
	Host     string
	Kinds    []string // which events; none: all
	State    string   // active or off
	Reason   string   // the last failure
	MadeBy   string
	Made     time.Time
	Events   int64 // there were so far
	Sent     int64 // and were taken
	Failures int   // in a row
	Due      time.Time

	address, secret string
}

// Kinds are the events that can be told.
func Kinds() []string {
	return []string{"sent", "delivered", "bounced", "undelivered", "failed", "complaint", "page_shown", "factor_passed", "factor_failed", "revealed", "acknowledged", "acted",
		"replied", "reply_stop", "reply_start", "reply_wrong_person", "wrong_person", "opted_out", "call_wanted", "done_elsewhere", "voicemail_left", "no_answer", "letter_printed", "letter_mailed", "letter_returned"}
}

var (
	errAddress = errs.New(errs.Invalid, "A webhook's address begins with https:// and names a host.")
	errKinds   = errs.New(errs.Invalid, "One of these is no event that can be told. The list is in the API's description.")
	errMany    = errs.New(errs.Conflict, "There are 20 webhooks already. End one that is not needed.")
)

const mostHooks = 20

// secrets is what is sealed of a webhook.
type secrets struct {
	Address string `json:"address"`
	Secret  string `json:"secret"`
}

// Add makes a webhook and returns the secret that signs what it is told. The
// secret is shown this once.
func (s *Store) Add(ctx context.Context, pass access.Pass, address string, kinds []string) (h Webhook, secret string, err error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return h, "", err
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 || u.Scheme != "https" && (u.Scheme != "http" || !s.Plain) {
		return h, "", errAddress
	}
	for _, k := range kinds {
		if !slices.Contains(Kinds(), k) {
			return h, "", errKinds
		}
	}
	now := s.Now()
	h = Webhook{ID: s.IDs.New(), Host: u.Host, Kinds: kinds, State: "active", MadeBy: pass.Actor().Name, Made: now}
	secret = seal.Token(32)
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int], `select count(*) from webhook where state = 'active'`)
		if err != nil {
			return err
		}
		if n >= mostHooks {
			return errMany
		}
		plain, err := json.Marshal(secrets{u.String(), secret})
		if err != nil {
			return err
		}
		body, err := s.Keys.Seal(ctx, tx, keys.Secrets, "webhook", "body", h.ID, plain)
		if err != nil {
			return err
		}
		const q = `insert into webhook (id, host, body, kinds, state, made_by, made_at, read_at) values ($1, $2, $3, $4, 'active', $5, $6, $6)`
		_, err = tx.ExecContext(ctx, q, h.ID, h.Host, body, strings.Join(kinds, ","), h.MadeBy, db.Micro(now))
		return err
	})
	if err != nil {
		return h, "", fmt.Errorf("hook: add: %w", err)
	}
	return h, secret, nil
}

const columns = `select id, host, body, kinds, state, reason, made_by, made_at, events, sent, failures, due_at from webhook`

func (s *Store) read(ctx context.Context) func(db.Scan) (Webhook, error) {
	return func(scan db.Scan) (h Webhook, err error) {
		var kinds string
		var made, due int64
		var body []byte
		if err := scan(&h.ID, &h.Host, &body, &kinds, &h.State, &h.Reason, &h.MadeBy, &made, &h.Events, &h.Sent, &h.Failures, &due); err != nil {
			return h, err
		}
		h.Made, h.Due = db.Time(made), db.Time(due)
		if kinds != "" {
			h.Kinds = strings.Split(kinds, ",")
		}
		return h, s.unseal(ctx, &h, body)
	}
}

func (s *Store) unseal(ctx context.Context, h *Webhook, body []byte) error {
	plain, err := s.Keys.Open(ctx, body, "webhook", "body", h.ID)
	if err != nil {
		return err
	}
	var in secrets
	err = json.Unmarshal(plain, &in)
	h.address, h.secret = in.Address, in.Secret
	return err
}

// List returns every webhook, newest first.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Webhook, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, s.read(ctx), columns+` order by made_at desc, id desc`)
	if err != nil {
		return nil, fmt.Errorf("hook: list: %w", err)
	}
	return list, nil
}

// End stops telling a webhook anything, for good.
func (s *Store) End(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	return s.set(ctx, id, `update webhook set state = 'off', due_at = 0 where id = $1 and state = 'active'`)
}

// Again tells a webhook, which was given up, what it missed and all that
// follows.
func (s *Store) Again(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	return s.set(ctx, id, `update webhook set state = 'active', failures = 0, reason = '', due_at = 1 where id = $1`)
}

func (s *Store) set(ctx context.Context, id, q string) error {
	n, err := db.Changed(s.DB.ExecContext(ctx, q, id))
	if err == nil && n == 0 {
		err = db.ErrNone
	}
	if err != nil {
		return fmt.Errorf("hook: %s: %w", id, err)
	}
	return nil
}
