package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/feed/bulk"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// The kinds of jobs.
const (
	Job      = "bulk.import"
	SweepJob = "bulk.import.sweep"
)

// Handlers returns the background work.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{Job: s.run, SweepJob: s.sweep}
}

// Periodic returns when what of it runs by itself.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: SweepJob, Every: time.Minute}}
}

// turn is how long one job works before it lets others have a turn.
const turn = 45 * time.Second

// most is how often in a row a load may fail.
const most = 5

var (
	errLost = errors.New("load: somebody else works on it, or it was stopped")
	errTurn = errors.New("load: more to do")
)

// run works on one load, and leaves a job behind for the rest.
func (s *Store) run(ctx context.Context, args json.RawMessage) error {
	var id string
	if err := json.Unmarshal(args, &id); err != nil {
		return fmt.Errorf("load: run: %w", err)
	}
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	default:
		return s.later(ctx, id, Wait)
	}
	claim := seal.Token(12)
	now := s.Now()
	const q = `
		update bulk_load set claim = $2, lease_until = $3, state = 'running'
		where id = $1 and state in ('waiting', 'running') and (claim = '' or lease_until < $4)`
	n, err := db.Changed(s.DB.ExecContext(ctx, q, id, claim, now.Add(s.Lease).UnixMicro(), now.UnixMicro()))
	if err != nil || n == 0 {
		return err
	}
	t, err := db.One(ctx, s.DB, readTask, columns+` where id = $1`, id)
	if err == nil {
		err = s.inputs(ctx, &t)
	}
	if err == nil {
		w := &worker{Store: s, t: t, claim: claim}
		err = w.reported(ctx, w.work)
	}
	return s.ended(ctx, id, claim, err)
}

// reported runs a turn, and tells the feeds that it began and, where the load
// is over with it, how it ended.
func (w *worker) reported(ctx context.Context, turn func(context.Context) error) error {
	if w.Feeds == nil {
		return turn(ctx)
	}
	if err := w.Feeds.Began(ctx, w.feed()); err != nil {
		return err
	}
	err := turn(ctx)
	switch {
	case err == nil:
		return w.Feeds.Ended(ctx, w.feed(), "")
	case errors.Is(err, errTurn), errors.Is(err, errLost), ctx.Err() != nil:
		return err
	}
	return errors.Join(err, w.Feeds.Ended(ctx, w.feed(), errs.Say(err)))
}

// ended lets go of a load after a worker's turn.
func (s *Store) ended(ctx context.Context, id, claim string, err error) error {
	switch {
	case err == nil, errors.Is(err, errLost):
		return nil
	case errors.Is(err, errTurn):
		return errors.Join(s.release(ctx, id, claim, 0), s.later(ctx, id, 0))
	case ctx.Err() != nil:
		return errors.Join(err, s.release(context.WithoutCancel(ctx), id, claim, 0))
	}
	switch errs.KindOf(err) {
	case errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Invalid:
		return s.finish(ctx, id, claim, Failed, errs.Say(err))
	}
	return errors.Join(err, s.release(ctx, id, claim, 1))
}

// later adds a job that goes on with a load.
func (s *Store) later(ctx context.Context, id string, after time.Duration) error {
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id + "/" + seal.Token(6), RunAt: s.Now().Add(after), MaxAttempts: 3})
	})
}

// release lets go of a load. One that failed too often has failed for good.
func (s *Store) release(ctx context.Context, id, claim string, failed int) error {
	const q = `update bulk_load set claim = '', lease_until = 0, tries = tries + $3 where id = $1 and claim = $2`
	if _, err := s.DB.ExecContext(ctx, q, id, claim, failed); err != nil {
		return err
	}
	tries, err := db.One(ctx, s.DB, db.Value[int], `select tries from bulk_load where id = $1`, id)
	if err != nil || tries <= most {
		return err
	}
	return s.finish(ctx, id, "", Failed, "It could not be taken in. The operator finds more in the log.")
}

// finish ends a load.
func (s *Store) finish(ctx context.Context, id, claim string, state State, reason string) error {
	const q = `
		update bulk_load set state = $3, claim = '', lease_until = 0, reason = $4, finished_at = $5, expires_at = $6
		where id = $1 and claim = $2 and state in ('waiting', 'running')`
	n, err := db.Changed(s.DB.ExecContext(ctx, q, id, claim, string(state), reason, s.Now().UnixMicro(), s.Now().Add(s.Life).UnixMicro()))
	if err != nil || n == 0 {
		return errors.Join(err, errLost)
	}
	return nil
}

// worker takes in one load.
type worker struct {
	*Store
	t     Task
	claim string
	pass  access.Pass
}

// work takes in slice after slice until the load is done.
func (w *worker) work(ctx context.Context) error {
	start := w.Now()
	for i := range w.t.Inputs {
		in := &w.t.Inputs[i]
		for !in.Done {
			if w.Now().Sub(start) > turn {
				return errTurn
			}
			if err := w.open(ctx); err != nil {
				return err
			}
			var err error
			if in.fetched {
				err = w.slice(ctx, in)
			} else {
				err = w.fetch(ctx, in)
			}
			if err != nil {
				return err
			}
		}
	}
	return w.finish(ctx, w.t.ID, w.claim, Done, "")
}

// open asks for a pass anew: what the client may do can have changed.
func (w *worker) open(ctx context.Context) (err error) {
	actor := w.t.actor
	if w.Grants != nil {
		if actor, err = w.Grants.ByGrant(ctx, actor.App.Grant); err != nil {
			return err
		}
		if actor.App == nil || actor.App.ID != w.t.Client {
			return errStopped
		}
		actor = actor.Within(w.t.actor)
	}
	actor.Request = w.t.actor.Request
	w.pass, err = w.Doors.CheckAll(ctx, actor, access.WriteRecord)
	return err
}

// fetch brings a file here.
func (w *worker) fetch(ctx context.Context, in *Progress) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.URL, nil)
	if err != nil {
		return errHost.Because(err)
	}
	req.Header.Set("Accept", "application/fhir+ndjson")
	res, err := w.Client.Do(req)
	if err != nil {
		return errs.New(errs.Unavailable, "A file could not be fetched.").Because(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errs.New(errs.Invalid, fmt.Sprintf("The host of the file of input %d answered %d.", in.N+1, res.StatusCode))
	}
	if _, err := w.Files.Put(ctx, name(w.t.ID, in.N), res.Body); err != nil {
		return err
	}
	in.fetched = true
	return w.step(ctx, in, nil, Problem{})
}

// slice takes in the next part of an input.
func (w *worker) slice(ctx context.Context, in *Progress) error {
	f, err := w.Files.Open(ctx, name(w.t.ID, in.N))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(in.place, io.SeekStart); err != nil {
		return err
	}
	sieve := &sieve{worker: w, in: in, lines: bufio.NewReaderSize(f, 64<<10), left: w.Slice}
	importer := bulk.New(w.Record, w.DB, record.Source{Actor: w.pass.Actor(), Feed: w.feed(), Within: &w.pass})
	report, err := importer.ImportStream(ctx, strconv.Itoa(in.N), sieve, nil)
	if err != nil {
		return err
	}
	for _, b := range append(report.Bad, report.Skipped...) {
		sieve.refuse(in.lines+int64(b.Entry), b.Place, b.Reason)
	}
	for _, n := range report.Counts {
		in.Taken += int64(n)
	}
	in.Same += int64(report.Unchanged)
	in.Refused += int64(sieve.refused)
	in.place, in.lines, in.Done = in.place+sieve.taken, in.lines+sieve.seen, sieve.end
	return w.told(ctx, in, sieve)
}

// feed is the name of where the data came from, in its provenance.
func (w *worker) feed() string {
	if w.t.Source != "" {
		return w.t.Source
	}
	return w.t.Name
}

// told keeps what was refused, and how far the input is.
func (w *worker) told(ctx context.Context, in *Progress, s *sieve) error {
	if s.refused == 0 {
		return w.step(ctx, in, nil, Problem{})
	}
	p := Problem{ID: seal.Token(18), Input: in.N, Lines: int64(s.refused), Bytes: int64(s.problems.Len())}
	d, err := w.Files.Create(ctx, "load/"+p.ID)
	if err != nil {
		return err
	}
	_, err = d.Write(s.problems.Bytes())
	if err == nil {
		err = d.Finish()
	}
	if err == nil {
		err = w.step(ctx, in, d, p)
	}
	if err != nil {
		d.Discard()
	}
	return err
}

// step keeps how far an input is.
func (w *worker) step(ctx context.Context, in *Progress, d *blob.Draft, p Problem) error {
	return w.DB.Tx(ctx, func(tx *db.Tx) error {
		const still = `update bulk_load set lease_until = $3, tries = 0 where id = $1 and claim = $2 and state = 'running'`
		n, err := db.Changed(tx.ExecContext(ctx, still, w.t.ID, w.claim, w.Now().Add(w.Lease).UnixMicro()))
		if err != nil || n == 0 {
			return errors.Join(err, errLost)
		}
		done := 0
		if in.Done {
			done = 1
		}
		const q = `
			update bulk_load_input set fetched = 1, place = $3, lines = $4, done = $5, taken = $6, same = $7, refused = $8
			where load = $1 and n = $2`
		if _, err := tx.ExecContext(ctx, q, w.t.ID, in.N, in.place, in.lines, done, in.Taken, in.Same, in.Refused); err != nil {
			return err
		}
		if d == nil {
			return nil
		}
		if err := d.Keep(ctx, tx); err != nil {
			return err
		}
		const add = `insert into bulk_load_problem (id, load, n, lines, bytes) values ($1, $2, $3, $4, $5)`
		_, err = tx.ExecContext(ctx, add, p.ID, w.t.ID, p.Input, p.Lines, p.Bytes)
		return err
	})
}

// sieve passes on the lines of one slice that the client may write. Others
// are left empty, so that the rest keep their numbers.
type sieve struct {
	*worker
	in       *Progress
	lines    *bufio.Reader
	left     int64 // bytes until the slice is full
	taken    int64
	seen     int64
	end      bool
	out      []byte // what of a line is not read yet
	refused  int
	problems bytes.Buffer
}

// longest is the longest line that is taken.
const longest = 64 << 20

// Read gives whole lines, until the slice is full.
func (s *sieve) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.end || s.left <= 0 {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// next reads one line.
func (s *sieve) next() error {
	var line []byte
	for {
		part, err := s.lines.ReadSlice('\n')
		if line = append(line, part...); len(line) > longest {
			return errs.New(errs.Invalid, "A line is longer than we take.")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		s.end = errors.Is(err, io.EOF)
		if err != nil && !s.end {
			return err
		}
		break
	}
	if len(line) == 0 {
		return nil
	}
	s.left, s.taken, s.seen = s.left-int64(len(line)), s.taken+int64(len(line)), s.seen+1
	if reason := s.unfit(line); reason != "" {
		s.refuse(s.in.lines+s.seen, "resourceType", reason)
		line = []byte("\n")
	}
	s.out = line
	return nil
}

// unfit says why the client may not write a line. What is no JSON the import
// itself refuses.
func (s *sieve) unfit(line []byte) string {
	if len(bytes.TrimSpace(line)) == 0 {
		return ""
	}
	n, err := fhir.Parse(bytes.TrimSpace(line))
	if err != nil {
		return ""
	}
	typ := n.Get("resourceType").Text()
	if s.in.Type != "" && typ != s.in.Type {
		return "not of the type that the input was said to hold"
	}
	if some, ok := s.pass.Reaches(typ, writes); fhir.IsType(typ) && (!ok || len(some) > 0) {
		return "the scopes of the client do not allow to write this type"
	}
	return ""
}

// refuse tells of a line that was not taken.
func (s *sieve) refuse(line int64, place, reason string) {
	s.refused++
	text := fmt.Sprintf("Line %d was not taken: %s.", line, reason)
	issue := map[string]any{"severity": "error", "code": "processing", "details": map[string]string{"text": text}, "diagnostics": text}
	if place != "" {
		issue["expression"] = []string{place}
	}
	body, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": []any{issue}})
	if err != nil {
		return // cannot be: it is all text
	}
	s.problems.Write(append(body, '\n'))
}

// sweep destroys what was told of loads whose time is over, and goes on with
// those whose worker died.
func (s *Store) sweep(ctx context.Context, _ json.RawMessage) error {
	now := s.Now().UnixMicro()
	const old = `select id from bulk_load where cleaned_at = 0 and (state = 'stopped' or state in ('done', 'failed') and expires_at <= $1)`
	list, err := db.All(ctx, s.DB, db.Value[string], old, now)
	if err != nil {
		return fmt.Errorf("load: sweep: %w", err)
	}
	for _, id := range list {
		if err := s.clean(ctx, id); err != nil {
			return err
		}
	}
	const left = `select id from bulk_load where state in ('waiting', 'running') and lease_until < $1 and made_at < $2`
	lost, err := db.All(ctx, s.DB, db.Value[string], left, now, s.Now().Add(-s.Lease).UnixMicro())
	if err != nil {
		return fmt.Errorf("load: sweep: %w", err)
	}
	for _, id := range lost {
		err := s.DB.Tx(ctx, func(tx *db.Tx) error {
			return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id + "/again", MaxAttempts: 3})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
