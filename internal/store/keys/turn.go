package keys

import (
	"context"
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

var errBusy = errs.New(errs.Conflict, "The key was turned by somebody else at the same moment. Look at `hale keys list`.")

// Turn makes a new key active for class, in tx. Writers use it within half a
// second; Move brings what is there over. It returns the new key's id.
func (r *Ring) Turn(ctx context.Context, tx *db.Tx, class Class) (string, error) {
	const retire = `
		update data_key set state = 'retired', retired_at = $1
		where class = $2 and owner = '' and state = 'active'`
	if err := r.holdRoot(ctx, tx); err != nil {
		return "", err
	}
	n, err := db.Changed(tx.ExecContext(ctx, retire, r.c.Now().UnixMicro(), string(class)))
	if err != nil {
		return "", fmt.Errorf("keys: turn %s: %w", class, err)
	}
	if n != 1 {
		return "", fmt.Errorf("keys: turn %s: %w", class, errBusy)
	}
	if err := r.makeClass(ctx, tx, class); err != nil {
		return "", fmt.Errorf("keys: turn %s: %w", class, err)
	}
	const q = `select kid from data_key where class = $1 and owner = '' and state = 'active'`
	return db.One(ctx, tx, db.Value[string], q, string(class))
}

// holdRoot makes sure, until tx ends, that the root this process knows is
// the one in use, so that no key is wrapped by one that is being forgotten.
func (r *Ring) holdRoot(ctx context.Context, tx *db.Tx) error {
	const q = `update data_key set state = state where class = 'root' and state = 'active' and kid = $1`
	for range 2 {
		n, err := db.Changed(tx.ExecContext(ctx, q, r.root().KID()))
		if err != nil {
			return fmt.Errorf("keys: root: %w", err)
		}
		if n == 1 {
			return nil
		}
		if err := r.reload(ctx); err != nil {
			return err
		}
	}
	return errWrongRoot
}

// TurnRoot wraps the keys of all classes by a new root instead of the one in
// use. roots names the new one, and the one in use among those before.
func (r *Ring) TurnRoot(ctx context.Context, roots Roots) error {
	err := r.c.DB.Tx(ctx, func(tx *db.Tx) error { return r.rewrap(ctx, tx, roots) })
	if err != nil {
		return fmt.Errorf("keys: turn the root: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roots = roots
	return nil
}

// rewrap does it in tx.
func (r *Ring) rewrap(ctx context.Context, tx *db.Tx, roots Roots) error {
	now := r.c.Now().UnixMicro()
	fresh := roots.Root.KID()
	const gone = `
		update data_key set state = 'destroyed', retired_at = $1, emptied_at = $2, destroyed_at = $3
		where class = 'root' and state = 'active' and kid <> $4`
	if _, err := tx.ExecContext(ctx, gone, now, now, now, fresh); err != nil {
		return err
	}
	if err := r.insert(ctx, tx, fresh, Root, "", ""); err != nil {
		return err
	}
	const q = `select kid, class, owner, state, wrapped from data_key where owner = '' and wrapped <> ''`
	list, err := db.All(ctx, tx, readRow, q)
	if err != nil {
		return err
	}
	for _, k := range list {
		wrapped, err := again(roots, k)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update data_key set wrapped = $1 where kid = $2`, wrapped, k.kid); err != nil {
			return err
		}
	}
	return nil
}

// again wraps k by the root in use.
func again(roots Roots, k row) (string, error) {
	kid, _ := seal.KIDOf([]byte(k.wrapped))
	for _, root := range roots.all() {
		if root.KID() != kid {
			continue
		}
		key, err := root.OpenAs([]byte(k.wrapped), kept(k.kid))
		if err != nil {
			return "", fmt.Errorf("keys: rewrap %s: %w", k.kid, err)
		}
		return string(roots.Root.SealAs(roots.Root.KID(), key, kept(k.kid))), nil
	}
	return "", fmt.Errorf("keys: rewrap %s: %w", k.kid, errWrongRoot)
}

// Shown is what may be told of a key.
type Shown struct {
	KID       string `json:"kid"`
	Class     Class  `json:"class"`
	State     State  `json:"state"`
	Made      int64  `json:"made"` // microseconds since 1970, UTC, as the others
	Retired   int64  `json:"retired,omitempty"`
	Emptied   int64  `json:"emptied,omitempty"`
	Destroyed int64  `json:"destroyed,omitempty"`
}

// List returns the keys of the root and the classes, the newest first in
// each. Patients' keys are counted by People.
func (r *Ring) List(ctx context.Context) ([]Shown, error) {
	const q = `
		select kid, class, state, made_at, retired_at, emptied_at, destroyed_at
		from data_key
		where owner = ''
		order by class, made_at desc, kid`
	scan := func(scan db.Scan) (s Shown, err error) {
		err = scan(&s.KID, &s.Class, &s.State, &s.Made, &s.Retired, &s.Emptied, &s.Destroyed)
		return s, err
	}
	list, err := db.All(ctx, r.c.DB, scan, q)
	if err != nil {
		return nil, fmt.Errorf("keys: list: %w", err)
	}
	return list, nil
}

// People returns how many patients have a key of their own, and how many
// keys were shredded.
func (r *Ring) People(ctx context.Context) (live, shredded int64, err error) {
	const q = `
		select coalesce(sum(case when state = 'destroyed' then 0 else 1 end), 0), coalesce(sum(case when state = 'destroyed' then 1 else 0 end), 0)
		from data_key
		where class = 'patient'`
	type pair struct{ live, shredded int64 }
	scan := func(scan db.Scan) (p pair, err error) { return p, scan(&p.live, &p.shredded) }
	p, err := db.One(ctx, r.c.DB, scan, q)
	if err != nil {
		return 0, 0, fmt.Errorf("keys: people: %w", err)
	}
	return p.live, p.shredded, nil
}
