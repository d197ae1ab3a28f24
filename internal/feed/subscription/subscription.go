// Package subscription tells other systems and apps of changes, as they
// asked to be told.
//
// A subscription is no part of anybody's record: it belongs to one client,
// lives while that client's grant lives, and shows what a pass of the client
// shows at the moment of sending. Every change that matches is an event with
// a number, without a gap; events are kept in one transaction with the place
// in the change feed, and each is delivered at least once.
//
// Spec: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
package subscription

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// State is how a subscription is.
type State string

// The states, as FHIR calls them.
const (
	Requested State = "requested" // its channel has not answered yet
	Active    State = "active"
	Error     State = "error" // its channel failed too often; events are kept
	Off       State = "off"
)

// Grants knows what clients may do now.
type Grants interface {
	// ByGrant returns in whose name, with which scopes, the client of a grant
	// asks now; errs.Unauthenticated once the grant has ended.
	ByGrant(ctx context.Context, grant string) (access.Actor, error)
}

// Config is what subscriptions need.
type Config struct {
	DB     *db.DB
	Record *record.Store
	Doors  *access.Doors
	Audit  *audit.Log
	Ledger *disclosure.Store
	Keys   *keys.Ring
	Grants Grants // nil: a grant lives for ever
	IDs    *ids.Source
	Now    func() time.Time
	Log    *slog.Logger
	Node   string // of this process
	Base   string // https://host/fhir

	Client    *http.Client  // sends to rest-hooks
	PerClient int           // subscriptions of one client; zero: 50
	Retries   int           // failures in a row until a subscription is in error; zero: 12
	Keep      time.Duration // how long events are kept; zero: 7 days
}

// Store keeps subscriptions.
type Store struct {
	Config
	mu   sync.Mutex
	bell chan struct{} // closed when there may be something to send
}

// New returns the subscriptions in c.DB.
func New(c Config) *Store {
	if c.PerClient == 0 {
		c.PerClient = 50
	}
	if c.Retries == 0 {
		c.Retries = 12
	}
	if c.Keep == 0 {
		c.Keep = 7 * 24 * time.Hour
	}
	return &Store{Config: c, bell: make(chan struct{})}
}

// ring wakes whoever sends.
func (s *Store) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.bell)
	s.bell = make(chan struct{})
}

// listen returns what the next ring closes.
func (s *Store) listen() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bell
}

// Subscription is one subscription.
type Subscription struct {
	ID, Client, Name string
	State            State
	Reason           string
	Wish             Wish
	Version          int64
	Made, Updated    time.Time
	Ends             time.Time
	Events, Sent     int64 // numbers of the last event, and of the last delivered
	Failures         int

	actor   access.Actor
	grant   string
	patient string
	body    []byte // as the client wrote it
	secret  string
	since   int64
	claim   string
}

// kept is what is sealed of a subscription.
type kept struct {
	Body   json.RawMessage `json:"body"`
	Secret string          `json:"secret"`
}

// The refusals.
var (
	errApp     = errs.New(errs.Forbidden, "A subscription belongs to an app: the token needs the scopes of one.")
	errWhose   = errs.New(errs.Forbidden, "Say whose record it is about: the token needs a patient.")
	errMany    = errs.New(errs.TooMany, "This client has as many subscriptions as it may have.")
	errVersion = errs.New(errs.Unmet, "It was changed in the meantime.")
)

const columns = `
	select id, client, name, grant_id, actor, patient, body, state, reason, version, made_at, updated_at, ends_at, since_seq, events, sent, failures, claim
	from subscription`

// row is a row of columns.
type row struct {
	Subscription
	sealed []byte
}

func readRow(scan db.Scan) (r row, err error) {
	var actor string
	var made, updated, ends int64
	if err = scan(&r.ID, &r.Client, &r.Name, &r.grant, &actor, &r.patient, &r.sealed, &r.State, &r.Reason, &r.Version, &made, &updated, &ends,
		&r.since, &r.Events, &r.Sent, &r.Failures, &r.claim); err != nil {
		return r, err
	}
	r.Made, r.Updated, r.Ends = db.Time(made), db.Time(updated), db.Time(ends)
	return r, json.Unmarshal([]byte(actor), &r.actor)
}

// opened opens what is sealed of r.
func (s *Store) opened(ctx context.Context, r row) (Subscription, error) {
	plain, err := s.Keys.Open(ctx, r.sealed, "subscription", "body", r.ID)
	if err != nil {
		return r.Subscription, fmt.Errorf("subscription: open %s: %w", r.ID, err)
	}
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil {
		return r.Subscription, fmt.Errorf("subscription: open %s: %w", r.ID, err)
	}
	r.body, r.secret = k.Body, k.Secret
	node, err := fhir.Parse(k.Body)
	if err != nil {
		return r.Subscription, fmt.Errorf("subscription: open %s: %w", r.ID, err)
	}
	r.Wish, err = s.Read(node)
	return r.Subscription, err
}

// find opens rows. One that cannot be read must not keep the others from
// being told: it is left out, and the log says so.
func (s *Store) find(ctx context.Context, rows []row, err error) ([]Subscription, error) {
	if err != nil {
		return nil, fmt.Errorf("subscription: find: %w", err)
	}
	list := make([]Subscription, 0, len(rows))
	for _, r := range rows {
		sub, err := s.opened(ctx, r)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errs.KindOf(err) == errs.Unavailable {
			return nil, err
		}
		if err != nil {
			s.Log.Error("subscription: one cannot be read", "subscription", r.ID, "err", err)
			continue
		}
		list = append(list, sub)
	}
	return list, nil
}

// pass asks for a pass in the name of the client, as its grant is now.
func (s *Store) pass(ctx context.Context, sub Subscription) (access.Pass, error) {
	actor := sub.actor
	if s.Grants != nil {
		var err error
		if actor, err = s.Grants.ByGrant(ctx, sub.grant); err != nil {
			return access.Pass{}, err
		}
		if actor.App == nil || actor.App.ID != sub.Client {
			return access.Pass{}, errApp
		}
		actor = actor.Within(sub.actor)
	}
	return s.passFor(ctx, actor, sub.patient)
}

// passFor asks for a pass to the record of a patient, or to everyone's for a
// system in its own name.
func (s *Store) passFor(ctx context.Context, actor access.Actor, patient string) (access.Pass, error) {
	if actor.Kind == access.System {
		return s.Doors.CheckAll(ctx, actor, access.ReadRecord)
	}
	return s.Doors.Check(ctx, actor, access.ReadRecord, patient)
}

// ended says whether an error means that the client may not be told any
// more.
func ended(err error) bool {
	switch errs.KindOf(err) {
	case errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.StepUp:
		return true
	}
	return false
}

// whose returns the client that asks, and the patient whom it asks about.
func whose(a access.Actor) (client, patient string, err error) {
	if a.App == nil {
		return "", "", errApp
	}
	if a.Kind == access.System {
		return a.App.ID, "", nil
	}
	if a.App.Patient == "" {
		return "", "", errWhose
	}
	return a.App.ID, a.App.Patient, nil
}

// Create keeps a new subscription of the client that asks, and returns it
// with the secret that signs what it is sent.
func (s *Store) Create(ctx context.Context, a access.Actor, node fhir.Node) (Subscription, string, error) {
	client, patient, err := whose(a)
	if err != nil {
		return Subscription{}, "", err
	}
	sub := Subscription{
		ID: s.IDs.New(), Client: client, Name: a.App.Name, State: Requested, Version: 1, Made: s.Now(), Updated: s.Now(),
		actor: a, grant: a.App.Grant, patient: patient, secret: seal.Token(32), body: node.Raw(),
	}
	if err := s.plan(ctx, &sub, node); err != nil {
		return sub, "", err
	}
	if sub.since, err = s.Record.LastChange(ctx); err != nil {
		return sub, "", err
	}
	actor, err := json.Marshal(a)
	if err != nil {
		return sub, "", fmt.Errorf("subscription: create: %w", err)
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int], `select count(*) from subscription where client = $1 and patient = $2 and state <> 'off'`, client, patient)
		if err == nil && n >= s.PerClient {
			err = errMany
		}
		if err != nil {
			return err
		}
		sealed, err := s.sealed(ctx, tx, sub)
		if err != nil {
			return err
		}
		const q = `
			insert into subscription (id, client, name, grant_id, actor, patient, body, typ, state, channel, made_at, updated_at, ends_at, since_seq, due_at, beat)
			values ($1, $2, $3, $4, $5, $6, $7, $8, 'requested', $9, $10, $10, $11, $12, $10, $13)`
		if _, err := tx.ExecContext(ctx, q, sub.ID, client, sub.Name, sub.grant, string(actor), patient, sealed, sub.Wish.Watches[0].Type, sub.Wish.Channel,
			sub.Made.UnixMicro(), db.Micro(sub.Ends), sub.since, int64(sub.Wish.Beat.Seconds())); err != nil {
			return fmt.Errorf("subscription: create: %w", err)
		}
		return s.note(ctx, tx, a, "subscription.create", sub.ID)
	})
	s.ring()
	return sub, sub.secret, err
}

// plan reads what node wishes, and refuses what the client may not have.
func (s *Store) plan(ctx context.Context, sub *Subscription, node fhir.Node) (err error) {
	if sub.Wish, err = s.Read(node); err != nil {
		return err
	}
	sub.Ends = sub.Wish.Ends
	pass, err := s.passFor(ctx, sub.actor, sub.patient)
	if err != nil {
		return err
	}
	for _, w := range sub.Wish.Watches {
		if _, ok := pass.Reaches(w.Type, smart.Read); !ok {
			return &BadWish{"Subscription.criteria", "the scopes of the token do not allow to read " + w.Type}
		}
		if _, err := s.match(ctx, pass, w, []string{"none"}); err != nil {
			if errs.KindOf(err) == errs.Invalid {
				return &BadWish{"Subscription.criteria", errs.Say(err)}
			}
			return err
		}
	}
	return nil
}

func (s *Store) sealed(ctx context.Context, tx *db.Tx, sub Subscription) ([]byte, error) {
	plain, err := json.Marshal(kept{sub.body, sub.secret})
	if err != nil {
		return nil, fmt.Errorf("subscription: seal: %w", err)
	}
	return s.Keys.Seal(ctx, tx, keys.Secrets, "subscription", "body", sub.ID, plain)
}

// note writes a row of the audit log.
func (s *Store) note(ctx context.Context, tx *db.Tx, by access.Actor, action, id string) error {
	row := by.Row(action, "", true)
	row.About = "Subscription/" + id
	return s.Audit.AddIn(ctx, tx, row)
}
