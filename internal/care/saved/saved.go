// Package saved keeps what somebody has begun to write in a form and not sent
// yet, so that nothing is typed twice: after a while, after a crash, on
// another device.
//
// What is saved is sealed, belongs to whoever writes it and to the patient it
// is about, and is forgotten after Life. Secrets are never kept.
package saved

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/access/draft"
	"hale/internal/base/errs"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Life is how long something waits to be sent.
const Life = 30 * 24 * time.Hour

// most is how much one form may hold, in bytes, and maxPlace how long its
// place may be.
const (
	most     = 256 << 10
	maxPlace = 120
)

// rights are those of which one lets somebody write.
var rights = []access.Right{access.SendMessages, access.BookVisits, access.EditContacts, access.AskPrivacy}

// Store keeps what was begun.
type Store struct {
	db   *db.DB
	ring *keys.Ring
	now  func() time.Time
	as   string
}

// NewStore returns a store on d that seals with ring.
func NewStore(d *db.DB, ring *keys.Ring, now func() time.Time) *Store {
	return &Store{db: d, ring: ring, now: now}
}

// As returns the store as writer has it: a link goes on with what whoever had
// it made has saved. The pass says about whom.
func (s *Store) As(writer string) *Store {
	other := *s
	other.as = writer
	return &other
}

// writer is who has saved.
func (s *Store) writer(pass access.Pass) string {
	if s.as != "" {
		return s.as
	}
	return pass.Actor().ID
}

// Form is what was saved.
type Form struct {
	Place  string
	Values url.Values
	At     time.Time // zero: nothing was saved
}

var errMuch = errs.New(errs.Invalid, "That was too much to keep. Please send less at once.")

// whose returns the patient whom pass opens for one of the rights.
func whose(pass access.Pass) (patient string, err error) {
	for _, right := range rights {
		if patient, err = pass.Open(right); err == nil {
			return patient, nil
		}
	}
	return "", err
}

func row(account, patient, place string) string { return account + "/" + patient + "/" + place }

// Save keeps values as what the holder of pass has written so far at place, a
// short name of the form that tells nothing about the patient. It returns
// when it was saved. Nothing written is nothing kept.
func (s *Store) Save(ctx context.Context, pass access.Pass, place string, values url.Values) (time.Time, error) {
	patient, err := whose(pass)
	if err != nil {
		return time.Time{}, err
	}
	if place == "" || len(place) > maxPlace || !draft.Keepable(values) {
		return time.Time{}, errMuch
	}
	plain, err := json.Marshal(values)
	if err != nil {
		return time.Time{}, fmt.Errorf("saved: save: %w", err)
	}
	if len(plain) > most {
		return time.Time{}, errMuch
	}
	now, account := s.now(), s.writer(pass)
	id := row(account, patient, place)
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		sealed, err := s.ring.Seal(ctx, tx, keys.Messages, "saved", "sealed", id, plain)
		if err != nil {
			return err
		}
		const put = `insert into saved (id, account, patient, place, sealed, saved_at, until_at) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (id) do update set sealed = excluded.sealed, saved_at = excluded.saved_at, until_at = excluded.until_at`
		_, err = tx.ExecContext(ctx, put, id, account, patient, place, sealed, now.UnixMicro(), now.Add(Life).UnixMicro())
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("saved: save: %w", err)
	}
	return now, nil
}

// Load returns what the holder of pass has saved at place; nothing saved is
// the zero Form.
func (s *Store) Load(ctx context.Context, pass access.Pass, place string) (Form, error) {
	f := Form{}
	patient, err := whose(pass)
	if err != nil {
		return f, err
	}
	type kept struct {
		sealed []byte
		at     int64
	}
	id := row(s.writer(pass), patient, place)
	const q = `select sealed, saved_at from saved where id = $1 and until_at > $2`
	k, err := db.One(ctx, s.db, func(scan db.Scan) (k kept, err error) { return k, scan(&k.sealed, &k.at) }, q, id, s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("saved: load: %w", err)
	}
	plain, err := s.ring.Open(ctx, k.sealed, "saved", "sealed", id)
	if err != nil {
		return f, fmt.Errorf("saved: load: %w", err)
	}
	if err := json.Unmarshal(plain, &f.Values); err != nil {
		return Form{}, fmt.Errorf("saved: load: %w", err)
	}
	f.Place, f.At = place, time.UnixMicro(k.at).UTC()
	return f, nil
}

// List returns the places of what the holder of pass has begun for the
// patient, newest first, without what was written there.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Form, error) {
	patient, err := whose(pass)
	if err != nil {
		return nil, err
	}
	const q = `select place, saved_at from saved where account = $1 and patient = $2 and until_at > $3 order by saved_at desc, place limit 50`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (f Form, err error) {
		var at int64
		err = scan(&f.Place, &at)
		f.At = time.UnixMicro(at).UTC()
		return f, err
	}, q, s.writer(pass), patient, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("saved: list: %w", err)
	}
	return list, nil
}

// Drop forgets what the holder of pass has saved at place: it was sent, or
// they want it no more.
func (s *Store) Drop(ctx context.Context, pass access.Pass, place string) error {
	patient, err := whose(pass)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return DropTx(ctx, tx, s.writer(pass), patient, place) })
	if err != nil {
		return fmt.Errorf("saved: drop: %w", err)
	}
	return nil
}

// DropTx is Drop within the transaction that takes in what was written.
func DropTx(ctx context.Context, tx *db.Tx, account, patient, place string) error {
	_, err := tx.ExecContext(ctx, `delete from saved where id = $1`, row(account, patient, place))
	return err
}

// Gone forgets what anybody has saved at a place about a patient, within the
// transaction after which nobody can send it any more.
func Gone(ctx context.Context, tx *db.Tx, patient, place string) error {
	_, err := tx.ExecContext(ctx, `delete from saved where patient = $1 and place = $2`, patient, place)
	return err
}

// Tidy forgets what has waited too long. It is a handler of the queue.
func (s *Store) Tidy(ctx context.Context, _ json.RawMessage) error {
	if _, err := s.db.ExecContext(ctx, `delete from saved where until_at <= $1`, s.now().UnixMicro()); err != nil {
		return fmt.Errorf("saved: tidy: %w", err)
	}
	return nil
}
