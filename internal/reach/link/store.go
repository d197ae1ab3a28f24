package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// born is what links need of package patient.
type born interface {
	BornOn(ctx context.Context, patient, date string) (bool, error)
}

// Store keeps links.
type Store struct {
	db    *db.DB
	ids   *ids.Source
	now   func() time.Time
	rand  io.Reader
	born  born
	key   seal.Key // hashes codes
	looks *looks
}

// NewStore returns a store that takes randomness from rand and asks born for
// dates of birth.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, rand io.Reader, born born) *Store {
	return &Store{db: d, ids: ids, now: now, rand: rand, born: born, looks: newLooks()}
}

// WithKey returns the store with the key that hashes its codes. Without one
// it sends none.
func (s *Store) WithKey(k seal.Key) *Store {
	s.key = k.For("link")
	return s
}

// Create makes a link in the transaction of its message and returns its
// token, which is kept nowhere.
func (s *Store) Create(ctx context.Context, tx *db.Tx, n New) (token string, err error) {
	token, row, err := s.Make(n)
	if err != nil {
		return "", err
	}
	return token, s.Insert(ctx, tx, row)
}

// rowWidth is how many values a link has in its table at first.
const rowWidth = 11

// Make makes a link for Insert, with its token.
func (s *Store) Make(n New) (token string, row []any, err error) {
	token, err = newToken(s.rand, n)
	if err != nil {
		return "", nil, err
	}
	factor := n.Factor
	if factor != None { // who holds the link is asked the same at first
		factor = DOB
	}
	return token, []any{
		s.ids.New(), hash(token), n.Message, n.Patient, string(factor), s.now().UnixMicro(), n.Expires.UnixMicro(),
		digit(n.Factor == SignIn), digit(n.Factor == Code), n.MaxUses, digit(n.Alone),
	}, nil
}

// Insert writes what Make made, one row after the other, in the transaction
// of their messages.
func (s *Store) Insert(ctx context.Context, tx *db.Tx, rows []any) error {
	const head = `insert into link (id, token_hash, message, patient, factor, made_at, expires_at, signs_in, asks_code, max_uses, one_device)`
	if err := db.InsertMany(ctx, tx, head, "", rowWidth, rows); err != nil {
		return fmt.Errorf("link: insert: %w", err)
	}
	return nil
}

// retractChunk is how many messages one statement retracts the links of.
const retractChunk = 400

// Retract takes back every link of messages, inside the transaction of the
// cause: nobody opens them any more, and their pages stop showing.
func (s *Store) Retract(ctx context.Context, tx *db.Tx, messages ...string) error {
	now := s.now().UnixMicro()
	for chunk := range slices.Chunk(messages, retractChunk) {
		q := `update link set retracted_at = $1 where retracted_at = 0 and message in (` + db.In(2, len(chunk)) + `)`
		if _, err := tx.ExecContext(ctx, q, append([]any{now}, db.Args(chunk)...)...); err != nil {
			return fmt.Errorf("link: retract: %w", err)
		}
	}
	return nil
}

// Asks returns what the newest link of message asks for: DOB, Code, None or
// SignIn; empty: it has none that opens.
func (s *Store) Asks(ctx context.Context, message string) (string, error) {
	const q = `select case when signs_in = 1 then 'signin' when asks_code = 1 then 'code' else factor end from link
		where message = $1 and retracted_at = 0 and dead_at = 0 order by made_at desc, id desc limit 1`
	list, err := db.All(ctx, s.db, db.Value[string], q, message)
	if err != nil {
		return "", fmt.Errorf("link: asks: %w", err)
	}
	return strings.Join(list, ""), nil
}

// Known says whether device has opened a link of the same patient before, so
// that a button is enough. It reads nothing where device is empty.
func (s *Store) Known(ctx context.Context, token, device string) (bool, error) {
	const q = `
		select d.hash
		from link l
		join link_device d on d.patient = l.patient and d.code >= l.asks_code
		where l.token_hash = $1 and d.hash = $2 and d.expires_at > $3`
	if device == "" {
		return false, nil
	}
	_, err := db.One(ctx, s.db, db.Value[string], q, hash(token), seal.Hash(device), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("link: known: %w", err)
	}
	return true, nil
}

// Whose returns the link of token without opening it: enough to ask for a
// call, to say "not me" or to stop, whatever became of the link.
func (s *Store) Whose(ctx context.Context, token string) (Opened, error) {
	r, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	if r.id == "" {
		return Opened{}, ErrGone
	}
	return Opened{Link: r.id, Message: r.message, Patient: r.patient}, nil
}

// Session returns the link of token while session, which Open gave out, is
// good for it.
func (s *Store) Session(ctx context.Context, token, session string) (Opened, error) {
	const q = `
		select l.id, l.message, l.patient
		from link l
		join link_session s on s.link = l.id
		where l.token_hash = $1 and s.hash = $2 and s.expires_at > $3 and s.waits = 0 and l.retracted_at = 0`
	read := func(scan db.Scan) (o Opened, err error) {
		err = scan(&o.Link, &o.Message, &o.Patient)
		return o, err
	}
	if session == "" {
		return Opened{}, ErrGone
	}
	o, err := db.One(ctx, s.db, read, q, hash(token), seal.Hash(session), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return Opened{}, ErrGone
	}
	if err != nil {
		return Opened{}, fmt.Errorf("link: session: %w", err)
	}
	return o, nil
}

// find returns the link of token, or the empty row.
func (s *Store) find(ctx context.Context, token string) (row, error) {
	r, err := one(ctx, s.db, `token_hash = $1`, hash(token))
	if err != nil {
		return row{}, fmt.Errorf("link: find: %w", err)
	}
	return r, nil
}

// one reads the link that where picks, or the empty row.
func one(ctx context.Context, c db.Conn, where string, arg any) (row, error) {
	q := `
		select id, message, patient, case when signs_in = 1 then 'signin' else factor end, fails, expires_at, locked_until, dead_at, retracted_at,
			asks_code, one_device, bound_device_hash, uses, max_uses
		from link
		where ` + where
	r, err := db.One(ctx, c, readRow, q, arg)
	if errors.Is(err, db.ErrNone) {
		return row{}, nil
	}
	return r, err
}

func readRow(scan db.Scan) (r row, err error) {
	var code, alone int
	err = scan(&r.id, &r.message, &r.patient, &r.factor, &r.fails, &r.expires, &r.locked, &r.dead, &r.retracted, &code, &alone, &r.bound, &r.uses, &r.most)
	r.code, r.alone = code == 1, alone == 1
	return r, err
}

// hash returns what is kept of a token.
func hash(token string) string { return seal.Hash(canonical(token)) }
