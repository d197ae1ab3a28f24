package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// How often things happen.
const (
	sequenceEvery = time.Second      // rows become leaves
	signEvery     = 10 * time.Second // and are signed, when there are new ones
	atOnce        = 500              // that waited, become leaves in one transaction
)

// originPrefix begins the name of every log.
const originPrefix = "hale-audit/"

// Notary gives rows their place in the tree, signs it and tells the
// witnesses. Any number of nodes may run one: whoever appends locks the tree.
type Notary struct {
	db        *db.DB
	ids       *ids.Source
	now       func() time.Time
	keys      Keys
	log       *slog.Logger
	witnesses []Witness
	retry     map[string]pause
}

// NewNotary returns a notary of the log in d that signs with a key derived
// from root.
func NewNotary(d *db.DB, ids *ids.Source, now func() time.Time, root seal.Key, log *slog.Logger, witnesses ...Witness) *Notary {
	return &Notary{db: d, ids: ids, now: now, keys: NewKeys(root), log: log, witnesses: witnesses, retry: map[string]pause{}}
}

// Run keeps at it until ctx ends, and a last time then.
func (n *Notary) Run(ctx context.Context) error {
	beat := time.NewTicker(sequenceEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			n.once(last, true)
			return nil
		case <-beat.C:
			n.once(ctx, false)
		}
	}
}

// once does what is due. What fails is tried again at the next beat.
func (n *Notary) once(ctx context.Context, last bool) {
	if _, err := n.Sequence(ctx); err != nil && ctx.Err() == nil {
		n.log.Error("audit: sequence", "err", err)
		return
	}
	if err := n.sign(ctx, last); err != nil && ctx.Err() == nil {
		n.log.Error("audit: sign", "err", err)
	}
	n.tell(ctx)
}

// Sequence makes leaves of all rows that wait and returns how many.
func (n *Notary) Sequence(ctx context.Context) (int, error) {
	const waiting = `select w.id from audit_wait w union all select f.id from audit_fresh f limit 1`
	all := 0
	for {
		list, err := db.All(ctx, n.db, db.Value[string], waiting)
		if err != nil {
			return all, fmt.Errorf("audit: sequence: %w", err)
		}
		if len(list) == 0 {
			return all, nil
		}
		var got int
		err = n.db.Tx(ctx, func(tx *db.Tx) error {
			tx.Aside(Aside)
			got, err = n.append(ctx, tx)
			return err
		})
		if err != nil {
			return all, fmt.Errorf("audit: sequence: %w", err)
		}
		if all += got; got == 0 { // what is left cannot be a leaf; verify tells why
			return all, nil
		}
	}
}

// append makes leaves of the first rows that wait.
func (n *Notary) append(ctx context.Context, tx *db.Tx) (int, error) {
	t, err := n.lock(ctx, tx)
	if err != nil {
		return 0, err
	}
	const q = `
		select 0, w.id, ` + storedColumns + `
		from audit_wait w join audit a on a.id = w.id
		where not exists (select 1 from audit_leaf l where l.id = w.id)
		order by w.id
		limit $1`
	list, err := db.All(ctx, tx, readStored, q, atOnce)
	if err != nil {
		return 0, err
	}
	rows, err := unfold(ctx, tx)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		list = append(list, stored{there: true, row: r, at: r.At.UnixMicro(), outcome: r.outcome()})
	}
	if len(list) == 0 {
		return 0, nil
	}
	tree := newHashes(ctx, tx, t.size)
	leaves := make([]any, 0, 2*len(list))
	for i := range list {
		at := t.size + int64(i)
		if err := tree.add(at, list[i].hash()); err != nil {
			return 0, err
		}
		leaves = append(leaves, at, list[i].row.ID)
	}
	if err := tree.save(); err != nil {
		return 0, err
	}
	if err := db.InsertMany(ctx, tx, `insert into audit_leaf (n, id)`, "", 2, leaves); err != nil {
		return 0, err
	}
	if len(rows) < len(list) { // some had waited
		const done = `delete from audit_wait where id in (select id from audit_leaf where n >= $1)`
		if _, err := tx.ExecContext(ctx, done, t.size); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, `update audit_tree set size = $1 where one = 1`, t.size+int64(len(list)))
	return len(list), err
}

// lock keeps every other notary from the tree until tx ends. The first ever
// names it.
func (n *Notary) lock(ctx context.Context, tx *db.Tx) (tree, error) {
	const q = `update audit_tree set size = size where one = 1`
	changed, err := db.Changed(tx.ExecContext(ctx, q))
	if err != nil {
		return tree{}, err
	}
	if changed == 0 {
		const first = `insert into audit_tree (one, origin, size) values (1, $1, 0) on conflict do nothing`
		if _, err := tx.ExecContext(ctx, first, originPrefix+n.ids.New()); err != nil {
			return tree{}, err
		}
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return tree{}, err
		}
	}
	return readTree(ctx, tx)
}

var errBent = errs.New(errs.Conflict, "The audit log is no longer what was signed before, so nothing more is signed. `hale audit verify` tells where it was changed.")

// Sign signs the tree if it grew since the last checkpoint.
func (n *Notary) Sign(ctx context.Context) error { return n.sign(ctx, true) }

// sign is Sign, but not sooner than signEvery after the last unless now.
func (n *Notary) sign(ctx context.Context, now bool) error {
	t, err := readTree(ctx, n.db)
	if err != nil {
		return fmt.Errorf("audit: sign: %w", err)
	}
	last, err := lastCheckpoint(ctx, n.db)
	if err != nil || !n.due(t, last, now) {
		return err
	}
	err = n.db.Tx(ctx, func(tx *db.Tx) error {
		tx.Aside(Aside)
		if t, err = n.lock(ctx, tx); err != nil {
			return err
		}
		if last, err = lastCheckpoint(ctx, tx); err != nil || !n.due(t, last, now) {
			return err
		}
		c, err := n.checkpoint(ctx, tx, t, last)
		if err != nil {
			return err
		}
		const q = `insert into audit_checkpoint (number, size, at, note) values ($1, $2, $3, $4)`
		_, err = tx.ExecContext(ctx, q, c.Number, c.Size, c.At.UnixMicro(), c.Note)
		return err
	})
	if err != nil {
		return fmt.Errorf("audit: sign: %w", err)
	}
	return nil
}

func (n *Notary) due(t tree, last Checkpoint, now bool) bool {
	since := n.now().Sub(last.At)
	return t.size != last.Size && (now || since >= signEvery || since < 0)
}

// checkpoint signs t, unless t is not what last was with more after it.
func (n *Notary) checkpoint(ctx context.Context, tx *db.Tx, t tree, last Checkpoint) (Checkpoint, error) {
	hashes := newHashes(ctx, tx, t.size)
	if last.Number > 0 {
		if _, err := ReadCheckpoint(last.Note, n.keys.Public(t.origin)); err != nil {
			return last, errBent.Because(err)
		}
		if t.size < last.Size {
			return last, errBent
		}
		if root, err := tlog.TreeHash(last.Size, hashes); err != nil || root != last.Root {
			return last, errBent.Because(err)
		}
	}
	root, err := tlog.TreeHash(t.size, hashes)
	if err != nil {
		return last, err
	}
	return n.keys.sign(Checkpoint{Origin: t.origin, Number: last.Number + 1, Size: t.size, Root: root, At: n.now().UTC().Truncate(time.Microsecond)})
}

// lastCheckpoint returns the newest checkpoint, the zero one if there is
// none.
func lastCheckpoint(ctx context.Context, c db.Conn) (Checkpoint, error) {
	const q = `select note from audit_checkpoint order by number desc limit 1`
	list, err := noted(db.All(ctx, c, db.Value[string], q))
	if err != nil || len(list) == 0 {
		return Checkpoint{}, err
	}
	return list[0], nil
}

// noted returns the checkpoints that notes are.
func noted(notes []string, err error) ([]Checkpoint, error) {
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoints: %w", err)
	}
	list := make([]Checkpoint, len(notes))
	var bad error
	for i, text := range notes {
		list[i], err = peek(text)
		bad = errors.Join(bad, err)
	}
	return list, bad
}
