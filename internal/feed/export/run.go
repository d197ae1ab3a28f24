package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// The kinds of jobs.
const (
	Job      = "bulk.export"
	SweepJob = "bulk.export.sweep"
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

var (
	errLost    = errors.New("export: somebody else works on it, or it was stopped")
	errStopped = errs.New(errs.Unauthenticated, "The client that asked for it may not have it any more.")
)

// run works on one export, and leaves a job behind for the rest.
func (s *Store) run(ctx context.Context, args json.RawMessage) error {
	var id string
	if err := json.Unmarshal(args, &id); err != nil {
		return fmt.Errorf("export: run: %w", err)
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return s.later(ctx, id, Wait)
	}
	claim := seal.Token(12)
	t, err := s.claim(ctx, id, claim)
	if err != nil || t.ID == "" {
		return err
	}
	err = s.slices(ctx, t, claim)
	switch {
	case err == nil, errors.Is(err, errLost):
		return nil
	case errors.Is(err, errTurn):
		return errors.Join(s.release(ctx, id, claim, false), s.later(ctx, id, 0))
	case ctx.Err() != nil:
		return errors.Join(err, s.release(context.WithoutCancel(ctx), id, claim, false))
	}
	if kind := errs.KindOf(err); kind == errs.Unauthenticated || kind == errs.NotFound || kind == errs.Forbidden || kind == errs.Invalid {
		return s.fail(ctx, id, claim, errs.Say(err))
	}
	return errors.Join(err, s.release(context.WithoutCancel(ctx), id, claim, true))
}

// errTurn says that there is more to do.
var errTurn = errors.New("export: more to do")

// later adds a job that goes on with an export.
func (s *Store) later(ctx context.Context, id string, after time.Duration) error {
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id + "/" + seal.Token(6), RunAt: s.Now().Add(after), MaxAttempts: 3})
	})
}

// claim takes an export that nobody works on.
func (s *Store) claim(ctx context.Context, id, claim string) (t Task, err error) {
	now := s.Now()
	const q = `
		update bulk_export set claim = $2, lease_until = $3, state = 'running'
		where id = $1 and state in ('waiting', 'running') and (claim = '' or lease_until < $4)`
	n, err := db.Changed(s.DB.ExecContext(ctx, q, id, claim, now.Add(s.Lease).UnixMicro(), now.UnixMicro()))
	if err != nil || n == 0 {
		return t, err
	}
	t, err = db.One(ctx, s.DB, readTask, columns+` where id = $1`, id)
	if err != nil {
		return t, fmt.Errorf("export: claim: %w", err)
	}
	return t, nil
}

// most is how often in a row an export may fail.
const most = 5

// release lets go of an export. One that failed too often has failed for
// good.
func (s *Store) release(ctx context.Context, id, claim string, failed bool) error {
	more := 0
	if failed {
		more = 1
	}
	const q = `
		update bulk_export set claim = '', lease_until = 0, tries = tries + $3,
			state = case when tries + $3 > $4 then 'failed' else state end,
			reason = case when tries + $3 > $4 then $5 else reason end,
			finished_at = case when tries + $3 > $4 then $6 else finished_at end,
			expires_at = case when tries + $3 > $4 then $7 else expires_at end
		where id = $1 and claim = $2`
	_, err := s.DB.ExecContext(ctx, q, id, claim, more, most, "It could not be made. The operator finds more in the log.", s.Now().UnixMicro(), s.Now().Add(s.Life).UnixMicro())
	return err
}

// fail ends an export that cannot be made.
func (s *Store) fail(ctx context.Context, id, claim, reason string) error {
	const q = `update bulk_export set state = 'failed', claim = '', reason = $3, finished_at = $4, expires_at = $5 where id = $1 and claim = $2`
	_, err := s.DB.ExecContext(ctx, q, id, claim, reason, s.Now().UnixMicro(), s.Now().Add(s.Life).UnixMicro())
	return err
}

// worker makes slices of one export.
type worker struct {
	*Store
	t      Task
	claim  string
	pass   access.Pass
	plan   []step
	shown  map[int64]bool   // patients in the log of this export already
	member map[int64]string // patients it is limited to; nil: to none
}

// slices makes slice after slice until the export is done.
func (s *Store) slices(ctx context.Context, t Task, claim string) error {
	w := &worker{Store: s, t: t, claim: claim}
	if err := w.begin(ctx); err != nil {
		return err
	}
	for start := s.Now(); w.t.step < len(w.plan); {
		if s.Now().Sub(start) > turn {
			return errTurn
		}
		if err := w.open(ctx); err != nil {
			return err
		}
		if err := w.slice(ctx); err != nil {
			return err
		}
	}
	return w.done(ctx)
}

// begin makes the export ready to go on.
func (w *worker) begin(ctx context.Context) (err error) {
	w.plan = w.t.Ask.plan(w.t.actor)
	if w.t.last == 0 {
		// What was written before the moment may still be on its way into the
		// database: a change takes its time before it first writes.
		if err := pause(ctx, w.t.At.Add(settled).Sub(w.Now())); err != nil {
			return err
		}
		if w.t.last, err = w.Record.Newest(ctx); err != nil {
			return err
		}
		const q = `update bulk_export set last_n = $3 where id = $1 and claim = $2`
		if n, err := db.Changed(w.DB.ExecContext(ctx, q, w.t.ID, w.claim, w.t.last)); err != nil || n == 0 {
			return or(err, errLost)
		}
	}
	type row struct {
		n             int64
		patient       string
		shown, member bool
	}
	const q = `select n, patient, shown, member from bulk_export_patient where export = $1`
	list, err := db.All(ctx, w.DB, func(scan db.Scan) (r row, err error) {
		var shown, member int
		err = scan(&r.n, &r.patient, &shown, &member)
		r.shown, r.member = shown != 0, member != 0
		return r, err
	}, q, w.t.ID)
	if err != nil {
		return fmt.Errorf("export: patients: %w", err)
	}
	w.shown = map[int64]bool{}
	if w.t.Ask.Level == OfGroup || len(w.t.Ask.Patients) > 0 {
		w.member = map[int64]string{}
	}
	for _, r := range list {
		if r.shown {
			w.shown[r.n] = true
		}
		if r.member {
			w.member[r.n] = r.patient
		}
	}
	return nil
}

// settled is how long a change may take from its time to its first write.
const settled = 100 * time.Millisecond

// pause waits, at most as long as settled.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(d, settled)):
		return nil
	}
}

// open asks for a pass anew: what the client may see can have changed.
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
	if w.pass, err = w.Doors.CheckAll(ctx, actor, access.ReadRecord); err != nil {
		return err
	}
	for _, st := range w.plan[w.t.step:] {
		for _, typ := range st.types {
			some, ok := w.pass.Reaches(typ, smart.Read)
			if !ok || st.kind != pick && len(some) > 0 {
				return errStopped
			}
		}
	}
	return nil
}

// slice makes one slice and keeps it, with where to go on.
func (w *worker) slice(ctx context.Context) error {
	out := newSink(ctx, w.Config.Files, w.t.ID)
	b := &slice{worker: w, out: out, fresh: map[int64]bool{}, refs: map[[2]string]bool{}, step: w.t.step, place: w.t.place}
	if err := b.fill(out.ctx, w.plan[w.t.step]); err != nil {
		out.abandon()
		return err
	}
	files, err := out.finish()
	if err != nil {
		out.discard()
		return err
	}
	if err := w.keep(ctx, b, files); err != nil {
		out.discard()
		return err
	}
	return nil
}

// keep makes the files of a slice part of the export and moves on, in one
// transaction.
func (w *worker) keep(ctx context.Context, b *slice, files []*output) error {
	var resources, bytes int64
	for _, o := range files {
		if o.kind == "output" {
			resources += o.resources
		}
		bytes += o.bytes
	}
	patients, err := w.Record.Names(ctx, sorted(b.fresh))
	if err != nil {
		return err
	}
	err = w.DB.Tx(ctx, func(tx *db.Tx) error {
		const on = `
			update bulk_export
			set step = $3, place = $4, resources = resources + $5, bytes = bytes + $6, patients = patients + $7, lease_until = $8, tries = 0
			where id = $1 and claim = $2 and state = 'running'`
		n, err := db.Changed(tx.ExecContext(ctx, on, w.t.ID, w.claim, b.step, b.place, resources, bytes, len(patients), w.Now().Add(w.Lease).UnixMicro()))
		if err != nil || n == 0 {
			return or(err, errLost)
		}
		for _, o := range files {
			if err := w.keepFile(ctx, tx, o); err != nil {
				return err
			}
		}
		if err := b.keepBeside(ctx, tx); err != nil {
			return err
		}
		return w.disclose(ctx, tx, patients)
	})
	if err != nil {
		return err
	}
	w.t.step, w.t.place = b.step, b.place
	for n := range b.fresh {
		w.shown[n] = true
	}
	return nil
}

func sorted(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for n := range set {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

func (w *worker) keepFile(ctx context.Context, tx *db.Tx, o *output) error {
	if err := o.draft.Keep(ctx, tx); err != nil {
		return err
	}
	const q = `insert into bulk_export_file (id, export, kind, typ, resources, bytes, made_at) values ($1, $2, $3, $4, $5, $6, $7)`
	_, err := tx.ExecContext(ctx, q, o.id, w.t.ID, o.kind, o.typ, o.resources, o.bytes, w.Now().UnixMicro())
	return err
}

// disclose notes that patients are in the export, each once.
func (w *worker) disclose(ctx context.Context, tx *db.Tx, patients map[int64]string) error {
	if len(patients) == 0 {
		return nil
	}
	var args []any
	ids := make([]string, 0, len(patients))
	for n, id := range patients {
		ids = append(ids, id)
		args = append(args, w.t.ID, id, n, 1)
	}
	slices.Sort(ids)
	const head = `insert into bulk_export_patient (export, patient, n, shown)`
	if err := db.InsertMany(ctx, tx, head, `on conflict (export, patient) do update set shown = 1`, 4, args); err != nil {
		return fmt.Errorf("export: disclose: %w", err)
	}
	return w.Ledger.RecordAll(ctx, tx, w.pass.Actor(), disclosure.Entry{
		Recipient: w.t.Name, What: "A copy of the record, by bulk export", Purpose: "bulk export", Basis: disclosure.Operations, Origin: "export/" + w.t.Client,
	}, ids)
}

// done ends an export that is whole.
func (w *worker) done(ctx context.Context) error {
	const q = `
		update bulk_export set state = 'done', claim = '', lease_until = 0, finished_at = $3, expires_at = $4
		where id = $1 and claim = $2 and state = 'running'`
	n, err := db.Changed(w.DB.ExecContext(ctx, q, w.t.ID, w.claim, w.Now().UnixMicro(), w.Now().Add(w.Life).UnixMicro()))
	if err != nil || n == 0 {
		return or(err, errLost)
	}
	return nil
}
