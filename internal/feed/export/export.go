// Package export makes copies of many records for another system: bulk data.
//
// A copy shows the record as it was at one moment, however long it takes. It
// is made in the background, slice by slice: a slice is kept with its place
// in one transaction, so that after a crash the next worker goes on there,
// and nothing is in it twice. What a client gets is what a pass of that
// client shows while it is made, for everyone whose record is in it there is
// a row in the log of disclosures, and the files lie sealed.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
package export

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// State is how far an export is.
type State string

// The states.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
	Stopped State = "stopped"
)

// Grants knows what clients may do now.
type Grants interface {
	// ByGrant returns in whose name, with which scopes, the client of a grant
	// asks now; errs.Unauthenticated once the grant has ended.
	ByGrant(ctx context.Context, grant string) (access.Actor, error)
}

// Config is what exports need.
type Config struct {
	DB     *db.DB
	Record *record.Store
	Doors  *access.Doors
	Audit  *audit.Log
	Ledger *disclosure.Store
	Files  blob.Files
	Grants Grants // nil: an export goes on as it was asked for
	IDs    *ids.Source
	Now    func() time.Time
	Log    *slog.Logger

	Life      time.Duration // how long files are kept; zero: a day
	PerNode   int           // exports at a time on this node; zero: 1
	PerClient int           // unfinished ones of one client; zero: 4
	Slice     int64         // resources between two places to go on from; zero: 200,000
	Lease     time.Duration // of whoever works on one; zero: 150 s
}

// Store makes exports.
type Store struct {
	Config
	queue jobs.Queue
	slots chan struct{}
}

// New returns a store that makes exports once Use was called.
func New(c Config) *Store {
	if c.Life == 0 {
		c.Life = 24 * time.Hour
	}
	if c.PerNode == 0 {
		c.PerNode = 1
	}
	if c.PerClient == 0 {
		c.PerClient = 4
	}
	if c.Slice == 0 {
		c.Slice = 200_000
	}
	if c.Lease == 0 {
		c.Lease = 150 * time.Second
	}
	return &Store{Config: c, slots: make(chan struct{}, c.PerNode)}
}

// Use gives s the queue that its Handlers are in.
func (s *Store) Use(q jobs.Queue) { s.queue = q }

// Task is one export.
type Task struct {
	ID, Client, Name   string
	Request            string
	State              State
	Ask                Ask
	At                 time.Time // the moment that it shows
	Made               time.Time
	Resources, Bytes   int64
	Patients           int64
	Reason             string
	Finished, Expires  time.Time
	Progress           string // in words, of a running one
	actor              access.Actor
	step               int
	place              string
	last, polled       int64
	hurried, cleanedAt int64
}

// The refusals.
var (
	errMany    = errs.New(errs.TooMany, "Too many exports of this client are not finished yet. Wait for one, or end one with DELETE.")
	errSoon    = errs.New(errs.TooMany, "Please ask for the status less often. Retry-After says when.")
	errBackend = errs.New(errs.Forbidden, "Bulk data is for systems that ask in their own name: the token needs system scopes.")
	errNoGroup = errs.New(errs.NotFound, "There is no such group.")
)

const columns = `
	select id, client, name, actor, ask, request, state, at, made_at, step, place, last_n, resources, bytes, patients, reason,
		polled_at, hurried, finished_at, expires_at, cleaned_at
	from bulk_export`

func readTask(scan db.Scan) (t Task, err error) {
	var actor, ask string
	var at, made, finished, expires int64
	if err = scan(&t.ID, &t.Client, &t.Name, &actor, &ask, &t.Request, &t.State, &at, &made, &t.step, &t.place, &t.last, &t.Resources, &t.Bytes,
		&t.Patients, &t.Reason, &t.polled, &t.hurried, &finished, &expires, &t.cleanedAt); err != nil {
		return t, err
	}
	t.At, t.Made, t.Finished, t.Expires = db.Time(at), db.Time(made), db.Time(finished), db.Time(expires)
	if err = json.Unmarshal([]byte(actor), &t.actor); err == nil {
		err = json.Unmarshal([]byte(ask), &t.Ask)
	}
	return t, err
}

// clientOf returns who asks, if that is a system in its own name.
func clientOf(a access.Actor) (string, error) {
	if a.Kind != access.System || a.App == nil {
		return "", errBackend
	}
	return a.App.ID, nil
}

// Start begins an export that ask asks for with a pass of its client, and
// returns its id. request is the whole address of the kick-off.
func (s *Store) Start(ctx context.Context, pass access.Pass, ask Ask, request string) (id string, err error) {
	client, err := clientOf(pass.Actor())
	if err != nil {
		return "", err
	}
	if err := s.try(ctx, pass, ask.Filters); err != nil {
		return "", err
	}
	members, err := s.members(ctx, pass, &ask)
	if err != nil {
		return "", err
	}
	actor, err := json.Marshal(pass.Actor())
	if err != nil {
		return "", fmt.Errorf("export: start: %w", err)
	}
	text, err := json.Marshal(ask)
	if err != nil {
		return "", fmt.Errorf("export: start: %w", err)
	}
	id = seal.Token(24)
	at := s.Now().UTC().Truncate(time.Millisecond)
	return id, s.DB.Tx(ctx, func(tx *db.Tx) error {
		const open = `select count(*) from bulk_export where client = $1 and state in ('waiting', 'running')`
		if n, err := db.One(ctx, tx, db.Value[int], open, client); err != nil || n >= s.PerClient {
			return or(err, errMany)
		}
		const q = `
			insert into bulk_export (id, client, name, actor, ask, request, state, at, made_at)
			values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8)`
		if _, err := tx.ExecContext(ctx, q, id, client, pass.Actor().App.Name, string(actor), string(text), request, at.UnixMicro(), s.Now().UnixMicro()); err != nil {
			return fmt.Errorf("export: start: %w", err)
		}
		var args []any
		for patient, n := range members {
			args = append(args, id, patient, n, 1)
		}
		if err := db.InsertMany(ctx, tx, `insert into bulk_export_patient (export, patient, n, member)`, "", 4, args); err != nil {
			return fmt.Errorf("export: start: %w", err)
		}
		if err := s.note(ctx, tx, pass.Actor(), "bulk.export", id, ask.Level.words()); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id, MaxAttempts: 3})
	})
}

// try refuses filters that cannot be searched by, or that say something this
// server does not know: they would find more than they say.
func (s *Store) try(ctx context.Context, pass access.Pass, filters []Filter) error {
	for _, f := range filters {
		q := maps.Clone(f.Query)
		q["_id"] = append(slices.Clone(q["_id"]), "none")
		found, err := s.Record.Find(ctx, pass, f.Type, q)
		if errs.KindOf(err) == errs.Invalid {
			return &BadAsk{"_typeFilter", errs.Say(err)}
		}
		if err != nil {
			return err
		}
		if len(found.Unknown) > 0 {
			return &BadAsk{"_typeFilter", "there is no such search parameter of " + f.Type}
		}
	}
	return nil
}

func or(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// note writes a row of the audit log about an export as a whole.
func (s *Store) note(ctx context.Context, tx *db.Tx, by access.Actor, action, id, reason string) error {
	row := by.Row(action, "", true)
	row.About, row.Reason = "export/"+seal.Hash(id)[:16], reason
	return s.Audit.AddIn(ctx, tx, row)
}

// Wait is how long a client should wait before it asks again.
const Wait = 2 * time.Second

// soon and patience say how much haste is borne with: so often in a row less
// than so long after the last time.
const (
	soon     = 900 * time.Millisecond
	patience = 4
)

// Status returns an export of the client that asks. It counts how often that
// asks, and refuses with errs.TooMany where it is too often.
func (s *Store) Status(ctx context.Context, a access.Actor, id string) (Task, error) {
	t, err := s.mine(ctx, a, id)
	if err != nil || t.State == Done || t.State == Failed {
		return t, err
	}
	now := s.Now().UnixMicro()
	hurried := int64(0)
	if time.Duration(now-t.polled)*time.Microsecond < soon {
		hurried = t.hurried + 1
	}
	const q = `update bulk_export set polled_at = $2, hurried = $3 where id = $1`
	if _, err := s.DB.ExecContext(ctx, q, id, now, hurried); err != nil {
		return t, fmt.Errorf("export: status: %w", err)
	}
	if hurried > patience {
		return t, errSoon
	}
	t.Progress = t.progress()
	return t, nil
}

// mine returns an export of the client that asks: no other's, none that was
// stopped and none whose files are gone.
func (s *Store) mine(ctx context.Context, a access.Actor, id string) (Task, error) {
	client, err := clientOf(a)
	if err != nil {
		return Task{}, err
	}
	t, err := db.One(ctx, s.DB, readTask, columns+` where id = $1 and client = $2`, id, client)
	if err != nil {
		return t, fmt.Errorf("export: look: %w", err)
	}
	if t.State == Stopped || t.cleanedAt != 0 || !t.Expires.IsZero() && !s.Now().Before(t.Expires) {
		return Task{}, db.ErrNone
	}
	return t, nil
}

// progress says in under 100 letters how far t is.
func (t Task) progress() string {
	if t.State == Waiting {
		return "waiting for its turn"
	}
	return fmt.Sprintf("%d resources so far", t.Resources)
}

// Cancel ends an export of the client that asks, or says that its files are
// not needed any more.
func (s *Store) Cancel(ctx context.Context, a access.Actor, id string) error {
	t, err := s.mine(ctx, a, id)
	if err != nil {
		return err
	}
	return s.stop(ctx, a, t)
}

func (s *Store) stop(ctx context.Context, by access.Actor, t Task) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update bulk_export set state = 'stopped', claim = '', finished_at = $2 where id = $1`
		if _, err := tx.ExecContext(ctx, q, t.ID, s.Now().UnixMicro()); err != nil {
			return fmt.Errorf("export: stop: %w", err)
		}
		return s.note(ctx, tx, by, "bulk.stop", t.ID, "")
	})
	if err != nil {
		return err
	}
	return s.clean(ctx, t.ID)
}

// List returns the latest exports, for who watches over them.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Task, error) {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, readTask, columns+` order by made_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("export: list: %w", err)
	}
	return list, nil
}

// Stop ends an export of any client.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return err
	}
	t, err := db.One(ctx, s.DB, readTask, columns+` where id = $1`, id)
	if err != nil {
		return fmt.Errorf("export: stop: %w", err)
	}
	return s.stop(ctx, pass.Actor(), t)
}
