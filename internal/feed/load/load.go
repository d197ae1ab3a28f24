// Package load takes in what another system brings: bulk loads.
//
// A client names files of NDJSON, or sends them along. They are taken in the
// background, slice by slice, through the one import there is, and only
// resources that the client's scopes let it write. What is refused is told in
// files of OperationOutcomes. A load that is asked for twice, or goes on
// after a crash, changes nothing twice.
//
// Spec: https://github.com/smart-on-fhir/bulk-import (draft)
package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/feed/bulk"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/audit"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// State is how far a load is.
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

// Config is what loads need.
type Config struct {
	DB     *db.DB
	Record *record.Store
	Doors  *access.Doors
	Audit  *audit.Log
	Files  blob.Files
	Grants Grants // nil: a load goes on as it was asked for
	Now    func() time.Time
	Log    *slog.Logger
	Feeds  bulk.Feeds // hear how far a source has come; nil: nobody does

	Client    *http.Client  // asks for files, of the hosts in Hosts alone
	Hosts     []string      // where files may lie; none: they must be sent along
	Life      time.Duration // how long what is told of it is kept; zero: a day
	PerClient int           // unfinished ones of one client; zero: 4
	Slice     int64         // bytes between two places to go on from; zero: 16 MiB
	Lease     time.Duration // of whoever works on one; zero: 150 s
}

// Store takes in loads.
type Store struct {
	Config
	queue jobs.Queue
	slot  chan struct{}
}

// New returns a store that takes in loads once Use was called.
func New(c Config) *Store {
	if c.Life == 0 {
		c.Life = 24 * time.Hour
	}
	if c.PerClient == 0 {
		c.PerClient = 4
	}
	if c.Slice == 0 {
		c.Slice = 16 << 20
	}
	if c.Lease == 0 {
		c.Lease = 150 * time.Second
	}
	return &Store{Config: c, slot: make(chan struct{}, 1)}
}

// Use gives s the queue that its Handlers are in.
func (s *Store) Use(q jobs.Queue) { s.queue = q }

// Input is one file to take in.
type Input struct {
	Type string // the one type that it should hold; empty: any
	URL  string
	Body io.Reader // in place of URL: sent along
}

// Ask is what a load is asked for.
type Ask struct {
	Source string // what the client calls where it is from
	Inputs []Input
}

// The refusals.
var (
	errBackend = errs.New(errs.Forbidden, "Bulk loads are for systems that ask in their own name: the token needs system scopes to write.")
	errNothing = errs.New(errs.Invalid, "There is no input to take in.")
	errHost    = errs.New(errs.Invalid, "Files are fetched by https from the hosts that this server's operator allows alone.")
	errType    = errs.New(errs.Invalid, "There is no resource of the type that an input names.")
	errScope   = errs.New(errs.Forbidden, "The scopes of the token do not allow to write a type that an input names.")
	errMany    = errs.New(errs.TooMany, "Too many loads of this client are not finished yet. Wait for one, or end one with DELETE.")
	errSoon    = errs.New(errs.TooMany, "Please ask for the status less often. Retry-After says when.")
	errStopped = errs.New(errs.Unauthenticated, "The client that asked for it may not do it any more.")
)

// ReadManifest reads what to take in: a Parameters resource, or the JSON
// object that says the same.
func ReadManifest(body fhir.Node) (Ask, error) {
	if body.Get("resourceType").Text() == "Parameters" {
		return readParameters(body), nil
	}
	if body.Get("resourceType").Exists() {
		return Ask{}, errs.New(errs.Invalid, "The body is not a Parameters resource.")
	}
	ask := Ask{Source: body.Get("inputSource").Text()}
	for e := range body.Get("input").Each() {
		ask.Inputs = append(ask.Inputs, Input{Type: e.Get("type").Text(), URL: e.Get("url").Text()})
	}
	return ask, nil
}

func readParameters(body fhir.Node) (ask Ask) {
	for e := range body.Get("parameter").Each() {
		switch e.Get("name").Text() {
		case "inputSource":
			ask.Source = valueOf(e)
		case "input":
			var in Input
			for part := range e.Get("part").Each() {
				switch part.Get("name").Text() {
				case "type":
					in.Type = valueOf(part)
				case "url":
					in.URL = valueOf(part)
				}
			}
			ask.Inputs = append(ask.Inputs, in)
		}
	}
	return ask
}

// valueOf returns the value of a parameter, of whatever type of text.
func valueOf(e fhir.Node) string {
	for _, key := range [...]string{"valueCode", "valueUri", "valueUrl", "valueString", "valueCanonical"} {
		if v := e.Get(key); v.Exists() {
			return v.Text()
		}
	}
	return ""
}

// writes are the verbs that taking in may need.
const writes = smart.Create | smart.Update

// check refuses what cannot be taken in.
func (s *Store) check(pass access.Pass, ask Ask) error {
	if len(ask.Inputs) == 0 {
		return errNothing
	}
	for _, in := range ask.Inputs {
		if in.Type != "" {
			if !fhir.IsType(in.Type) {
				return errType
			}
			if some, ok := pass.Reaches(in.Type, writes); !ok || len(some) > 0 {
				return errScope
			}
		}
		if in.Body != nil {
			continue
		}
		u, err := url.Parse(in.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || s.Client == nil || !slices.Contains(s.Hosts, u.Hostname()) {
			return errHost
		}
	}
	return nil
}

// clientOf returns who asks, if that is a system in its own name.
func clientOf(a access.Actor) (string, error) {
	if a.Kind != access.System || a.App == nil {
		return "", errBackend
	}
	return a.App.ID, nil
}

// Start begins a load with a pass of its client, and returns its id. What is
// sent along is kept before it returns.
func (s *Store) Start(ctx context.Context, pass access.Pass, ask Ask, request string) (id string, err error) {
	if err := pass.OpenAll(access.WriteRecord); err != nil {
		return "", err
	}
	client, err := clientOf(pass.Actor())
	if err != nil {
		return "", err
	}
	if err := s.check(pass, ask); err != nil {
		return "", err
	}
	actor, err := json.Marshal(pass.Actor())
	if err != nil {
		return "", fmt.Errorf("load: start: %w", err)
	}
	id = seal.Token(24)
	for n, in := range ask.Inputs {
		if in.Body == nil {
			continue
		}
		if _, err := s.Files.Put(ctx, name(id, n), in.Body); err != nil {
			return "", err
		}
	}
	return id, s.DB.Tx(ctx, func(tx *db.Tx) error { return s.begin(ctx, tx, pass, client, id, string(actor), ask, request) })
}

// name is what the blob of an input is called.
func name(id string, n int) string { return fmt.Sprintf("load/%s/%d", id, n) }

func (s *Store) begin(ctx context.Context, tx *db.Tx, pass access.Pass, client, id, actor string, ask Ask, request string) error {
	const open = `select count(*) from bulk_load where client = $1 and state in ('waiting', 'running')`
	n, err := db.One(ctx, tx, db.Value[int], open, client)
	if err != nil {
		return fmt.Errorf("load: start: %w", err)
	}
	if n >= s.PerClient {
		return errMany
	}
	const q = `
		insert into bulk_load (id, client, name, actor, source, request, state, made_at)
		values ($1, $2, $3, $4, $5, $6, 'waiting', $7)`
	if _, err := tx.ExecContext(ctx, q, id, client, pass.Actor().App.Name, actor, ask.Source, request, s.Now().UnixMicro()); err != nil {
		return fmt.Errorf("load: start: %w", err)
	}
	var args []any
	for n, in := range ask.Inputs {
		fetched := 0
		if in.Body != nil {
			fetched = 1
		}
		args = append(args, id, n, in.Type, in.URL, fetched)
	}
	if err := db.InsertMany(ctx, tx, `insert into bulk_load_input (load, n, typ, url, fetched)`, "", 5, args); err != nil {
		return fmt.Errorf("load: start: %w", err)
	}
	if err := s.note(ctx, tx, pass.Actor(), "bulk.import", id); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id, MaxAttempts: 3})
}

// note writes a row of the audit log about a load as a whole.
func (s *Store) note(ctx context.Context, tx *db.Tx, by access.Actor, action, id string) error {
	row := by.Row(action, "", true)
	row.About = "import/" + seal.Hash(id)[:16]
	return s.Audit.AddIn(ctx, tx, row)
}

// Task is one load.
type Task struct {
	ID, Client, Name, Source string
	Request                  string
	State                    State
	Made                     time.Time
	Reason                   string
	Finished, Expires        time.Time
	Inputs                   []Progress
	actor                    access.Actor
	polled, hurried, cleaned int64
}

// Progress is what became of one input so far.
type Progress struct {
	N                    int
	Type, URL            string
	Taken, Same, Refused int64
	Done                 bool

	fetched      bool
	place, lines int64
}

// Count returns how many resources of all inputs were taken or were there.
func (t Task) Count() (n, refused int64) {
	for _, in := range t.Inputs {
		n += in.Taken + in.Same
		refused += in.Refused
	}
	return n, refused
}

const columns = `
	select id, client, name, source, actor, request, state, made_at, reason, polled_at, hurried, finished_at, expires_at, cleaned_at
	from bulk_load`

func readTask(scan db.Scan) (t Task, err error) {
	var actor string
	var made, finished, expires int64
	if err = scan(&t.ID, &t.Client, &t.Name, &t.Source, &actor, &t.Request, &t.State, &made, &t.Reason, &t.polled, &t.hurried, &finished, &expires, &t.cleaned); err != nil {
		return t, err
	}
	t.Made, t.Finished, t.Expires = db.Time(made), db.Time(finished), db.Time(expires)
	return t, json.Unmarshal([]byte(actor), &t.actor)
}

// inputs reads what t takes in.
func (s *Store) inputs(ctx context.Context, t *Task) (err error) {
	const q = `select n, typ, url, fetched, place, lines, done, taken, same, refused from bulk_load_input where load = $1 order by n`
	t.Inputs, err = db.All(ctx, s.DB, func(scan db.Scan) (p Progress, err error) {
		var fetched, done int
		err = scan(&p.N, &p.Type, &p.URL, &fetched, &p.place, &p.lines, &done, &p.Taken, &p.Same, &p.Refused)
		p.fetched, p.Done = fetched != 0, done != 0
		return p, err
	}, q, t.ID)
	if err != nil {
		return fmt.Errorf("load: inputs: %w", err)
	}
	return nil
}
