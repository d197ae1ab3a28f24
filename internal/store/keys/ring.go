package keys

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// noticed is how long a node may go on with what it knows of the ring: a
// turned class and a shredded patient are noticed within it.
const noticed = 500 * time.Millisecond

// mostKept is how many opened keys a node remembers.
const mostKept = 10_000

// Config is what a Ring needs.
type Config struct {
	DB    *db.DB
	Roots Roots
	Now   func() time.Time

	// Reload returns the roots anew, after another process has changed them;
	// nil where that cannot be.
	Reload func(context.Context) (Roots, error)
}

// Ring seals and opens. It is safe for concurrent use.
type Ring struct {
	c Config

	mu     sync.Mutex
	roots  Roots
	active map[Class]entry
	looked time.Time        // when active was read
	opened map[string]entry // by key id; only what is committed
}

// entry is a key that this process has unwrapped.
type entry struct {
	kid  string
	key  seal.Key
	read time.Time // when the database last said that it is there
	own  bool      // a patient's
}

// row is a row of data_key.
type row struct {
	kid, wrapped string
	class        Class
	owner        string
	state        State
}

func readRow(scan db.Scan) (r row, err error) {
	err = scan(&r.kid, &r.class, &r.owner, &r.state, &r.wrapped)
	return r, err
}

// Open returns the ring of c.DB. The first time it makes a key for each
// class. Roots that do not belong to the database are refused.
func Open(ctx context.Context, c Config) (*Ring, error) {
	r := &Ring{c: c, roots: c.Roots, opened: map[string]entry{}}
	if err := c.DB.Tx(ctx, func(tx *db.Tx) error { return r.found(ctx, tx) }); err != nil {
		return nil, fmt.Errorf("keys: open: %w", err)
	}
	if err := r.refresh(ctx, c.DB); err != nil {
		return nil, fmt.Errorf("keys: open: %w", err)
	}
	return r, nil
}

// found makes what is missing of the ring.
func (r *Ring) found(ctx context.Context, tx *db.Tx) error {
	const q = `select kid, class, owner, state, wrapped from data_key where owner = '' and state = 'active'`
	list, err := db.All(ctx, tx, readRow, q)
	if err != nil {
		return err
	}
	have := map[Class]string{}
	for _, k := range list {
		have[k.class] = k.kid
	}
	kid := r.roots.Root.KID()
	switch {
	case have[Root] == "":
		if err := r.insert(ctx, tx, kid, Root, "", ""); err != nil {
			return err
		}
	case have[Root] != kid && !r.among(have[Root]):
		return errWrongRoot
	case have[Root] != kid: // a change of the root was cut off: it is finished now
		if err := r.rewrap(ctx, tx, r.roots); err != nil {
			return err
		}
	}
	for _, class := range Classes() {
		if have[class] != "" {
			continue
		}
		if err := r.makeClass(ctx, tx, class); err != nil {
			return err
		}
		if err := r.noteOld(ctx, tx, class); err != nil {
			return err
		}
	}
	return nil
}

// among says whether kid is a root of before.
func (r *Ring) among(kid string) bool {
	for _, k := range r.roots.all() {
		if k.KID() == kid {
			return true
		}
	}
	return false
}

// old is the id that stands for what was sealed before there was a ring.
func old(class Class) string { return "before-" + string(class) }

// noteOld adds a retired key that stands for values without an envelope, so
// that they are moved like those of any other retired key.
func (r *Ring) noteOld(ctx context.Context, tx *db.Tx, class Class) error {
	for _, c := range Inventory() {
		if c.Class != class || c.Old == nil {
			continue
		}
		some, err := db.All(ctx, tx, db.Value[int], `select 1 from `+c.Table+` limit 1`)
		if err != nil || len(some) == 0 {
			return err
		}
		now := r.c.Now().UnixMicro()
		const q = `
			insert into data_key (kid, class, state, made_at, retired_at) values ($1, $2, 'retired', $3, $4)
			on conflict do nothing`
		_, err = tx.ExecContext(ctx, q, old(class), string(class), now, now)
		return err
	}
	return nil
}

func (r *Ring) insert(ctx context.Context, c db.Conn, kid string, class Class, owner, wrapped string) error {
	const q = `
		insert into data_key (kid, class, owner, state, wrapped, made_at)
		values ($1, $2, $3, 'active', $4, $5)
		on conflict do nothing`
	_, err := c.ExecContext(ctx, q, kid, string(class), owner, wrapped, r.c.Now().UnixMicro())
	return err
}

// makeClass makes the active key of a class.
func (r *Ring) makeClass(ctx context.Context, tx *db.Tx, class Class) error {
	kid, key := seal.NewKID(), seal.NewKey()
	root := r.root()
	wrapped := root.SealAs(root.KID(), []byte(key.Hex()), kept(kid))
	return r.insert(ctx, tx, kid, class, "", string(wrapped))
}

func (r *Ring) root() seal.Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roots.Root
}

// refresh reads which keys are active.
func (r *Ring) refresh(ctx context.Context, c db.Conn) error {
	const q = `select kid, class, owner, state, wrapped from data_key where owner = '' and state = 'active' and class <> 'root'`
	at := r.c.Now()
	list, err := db.All(ctx, c, readRow, q)
	if err != nil {
		return fmt.Errorf("keys: look: %w", err)
	}
	active := make(map[Class]entry, len(list))
	for _, k := range list {
		e, err := r.unwrap(ctx, c, k)
		if err != nil {
			return err
		}
		active[k.class] = e
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active, r.looked = active, at
	return nil
}

// current returns the active key of a class, as of at most half a second
// ago.
func (r *Ring) current(ctx context.Context, c db.Conn, class Class) (entry, error) {
	r.mu.Lock()
	e, age := r.active[class], r.c.Now().Sub(r.looked)
	r.mu.Unlock()
	if age < 0 || age > noticed {
		if err := r.refresh(ctx, c); err != nil {
			return e, err
		}
		r.mu.Lock()
		e = r.active[class]
		r.mu.Unlock()
	}
	if e.kid == "" {
		return e, fmt.Errorf("keys: class %s: %w", class, errUnknown)
	}
	return e, nil
}

// unwrap opens a row's key with the one above it. What was made inside a
// transaction that may yet be undone is not remembered.
func (r *Ring) unwrap(ctx context.Context, c db.Conn, k row) (entry, error) {
	if e, ok := r.remembered(k.kid); ok {
		return e, nil
	}
	if k.state == Destroyed || k.wrapped == "" {
		return entry{}, fmt.Errorf("keys: %s: %w", k.kid, ErrShredded)
	}
	above, err := r.above(ctx, c, k)
	if err != nil {
		return entry{}, err
	}
	hex, err := above.OpenAs([]byte(k.wrapped), kept(k.kid))
	if err != nil {
		return entry{}, fmt.Errorf("keys: unwrap %s: %w", k.kid, err)
	}
	key, err := seal.ParseKey(string(hex))
	if err != nil {
		return entry{}, fmt.Errorf("keys: unwrap %s: %w", k.kid, err)
	}
	e := entry{kid: k.kid, key: key, read: r.c.Now(), own: k.class == Patient}
	if _, inTx := c.(*db.Tx); !inTx {
		r.remember(e)
	}
	return e, nil
}

// above returns the key that wraps k.
func (r *Ring) above(ctx context.Context, c db.Conn, k row) (seal.Key, error) {
	kid, ok := seal.KIDOf([]byte(k.wrapped))
	if !ok {
		return seal.Key{}, fmt.Errorf("keys: %s: %w", k.kid, errUnknown)
	}
	if k.class == Patient {
		e, err := r.find(ctx, c, kid)
		return e.key, err
	}
	for range 2 {
		r.mu.Lock()
		roots := r.roots
		r.mu.Unlock()
		for _, root := range roots.all() {
			if root.KID() == kid {
				return root, nil
			}
		}
		if err := r.reload(ctx); err != nil {
			return seal.Key{}, err
		}
	}
	return seal.Key{}, fmt.Errorf("keys: %s: %w", k.kid, errWrongRoot)
}

// reload asks for the roots again: another process has changed them.
func (r *Ring) reload(ctx context.Context) error {
	if r.c.Reload == nil {
		return errWrongRoot
	}
	roots, err := r.c.Reload(ctx)
	if err != nil {
		return fmt.Errorf("keys: the root was changed, and cannot be read anew: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roots = roots
	return nil
}

// find returns the key kid in any state but destroyed.
func (r *Ring) find(ctx context.Context, c db.Conn, kid string) (entry, error) {
	if e, ok := r.remembered(kid); ok {
		return e, nil
	}
	const q = `select kid, class, owner, state, wrapped from data_key where kid = $1`
	k, err := db.One(ctx, c, readRow, q, kid)
	if errors.Is(err, db.ErrNone) {
		return entry{}, fmt.Errorf("keys: %s: %w", kid, ErrShredded)
	}
	if err != nil {
		return entry{}, fmt.Errorf("keys: find %s: %w", kid, err)
	}
	return r.unwrap(ctx, c, k)
}

// remembered returns a key that was unwrapped before. A patient's key is
// asked for again each time half a second has passed, for it may be shredded
// elsewhere.
func (r *Ring) remembered(kid string) (entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.opened[kid]
	if !ok {
		return e, false
	}
	if age := r.c.Now().Sub(e.read); e.own && (age < 0 || age > noticed) {
		delete(r.opened, kid)
		return e, false
	}
	return e, true
}

func (r *Ring) remember(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.opened) >= mostKept {
		clear(r.opened)
	}
	r.opened[e.kid] = e
}

func (r *Ring) forget(kid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.opened, kid)
}

// Seal seals plain for a column of a row under the active key of class. conn
// is the transaction in which it will be written, or the database.
func (r *Ring) Seal(ctx context.Context, conn db.Conn, class Class, table, column, row string, plain []byte) ([]byte, error) {
	e, err := r.current(ctx, conn, class)
	if err != nil {
		return nil, err
	}
	return e.key.SealAs(e.kid, plain, seal.Place{Table: table, Column: column, Row: row}), nil
}

// Open opens what Seal or an Own sealed for the same place, whatever became
// of its key but its destruction.
func (r *Ring) Open(ctx context.Context, sealed []byte, table, column, row string) ([]byte, error) {
	return r.OpenIn(ctx, r.c.DB, sealed, table, column, row)
}

// OpenIn is Open as conn sees the ring.
func (r *Ring) OpenIn(ctx context.Context, conn db.Conn, sealed []byte, table, column, row string) ([]byte, error) {
	kid, ok := seal.KIDOf(sealed)
	if !ok {
		return r.openOld(sealed, table, column, row)
	}
	e, err := r.find(ctx, conn, kid)
	if err != nil {
		return nil, err
	}
	plain, err := e.key.OpenAs(sealed, seal.Place{Table: table, Column: column, Row: row})
	if err != nil {
		return nil, fmt.Errorf("keys: open %s.%s %s: %w", table, column, row, err)
	}
	return plain, nil
}

// openOld opens what an earlier Hale sealed.
func (r *Ring) openOld(sealed []byte, table, column, row string) ([]byte, error) {
	for _, c := range Inventory() {
		if c.Table == table && c.Column == column && c.Old != nil {
			return c.Old(r.c.Roots.Hash, sealed, row)
		}
	}
	return nil, errs.New(errs.Internal, "keys: open "+table+"."+column+": not an envelope")
}
