package keys

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Own is one person's key, good for the transaction that asked for it.
type Own struct{ e entry }

// Own returns the key of a patient, and makes it the first time. Until tx
// ends nobody can shred it, so nothing is sealed under a key that is gone.
func (r *Ring) Own(ctx context.Context, tx *db.Tx, patient string) (Own, error) {
	if patient == "" {
		return Own{}, errors.New("keys: own: no patient")
	}
	for range 2 {
		k, err := db.All(ctx, tx, readRow, holdOwn, patient)
		if err != nil {
			return Own{}, fmt.Errorf("keys: own: %w", err)
		}
		if len(k) == 1 {
			e, err := r.unwrap(ctx, tx, k[0])
			return Own{e}, err
		}
		if err := r.makeOwn(ctx, tx, patient); err != nil {
			return Own{}, fmt.Errorf("keys: own: %w", err)
		}
	}
	return Own{}, fmt.Errorf("keys: own: %w", errUnknown)
}

// holdOwn locks the row until the transaction ends.
const holdOwn = `
	update data_key set state = state
	where class = 'patient' and owner = $1 and state = 'active'
	returning kid, class, owner, state, wrapped`

// makeOwn makes a patient's key. Of two transactions that do it at once, the
// other's counts.
func (r *Ring) makeOwn(ctx context.Context, tx *db.Tx, patient string) error {
	above, err := r.current(ctx, tx, Patients)
	if err != nil {
		return err
	}
	kid, key := seal.NewKID(), seal.NewKey()
	wrapped := above.key.SealAs(above.kid, []byte(key.Hex()), kept(kid))
	return r.insert(ctx, tx, kid, Patient, patient, string(wrapped))
}

// Seal seals plain for a place.
func (o Own) Seal(table, column, row string, plain []byte) []byte {
	return o.e.key.SealAs(o.e.kid, plain, seal.Place{Table: table, Column: column, Row: row})
}

// Digest returns a keyed digest of a digest: it means nothing once the key
// is gone.
func (o Own) Digest(sum []byte) []byte {
	text := o.e.key.For("digest").Hash(string(sum))
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil // cannot be: Hash is hexadecimal
	}
	return b[:16]
}

// SealFor seals plain under a patient's own key.
func (r *Ring) SealFor(ctx context.Context, tx *db.Tx, patient, table, column, row string, plain []byte) ([]byte, error) {
	own, err := r.Own(ctx, tx, patient)
	if err != nil {
		return nil, err
	}
	return own.Seal(table, column, row, plain), nil
}

// Shred erases a patient's key. From the end of tx on nothing that it sealed
// can be read: not here, and not from a copy of those rows. The caller
// removes what the index and the views still say. Without a key there is
// nothing to do. A copy of the ring itself, in a backup, has the key until
// the backup is gone or the root that wraps it is changed and forgotten.
func (r *Ring) Shred(ctx context.Context, tx *db.Tx, patient string) error {
	const q = `
		update data_key
		set state = 'destroyed', wrapped = '', destroyed_at = $1
		where class = 'patient' and owner = $2 and state <> 'destroyed'
		returning kid`
	list, err := db.All(ctx, tx, db.Value[string], q, r.c.Now().UnixMicro(), patient)
	if err != nil {
		return fmt.Errorf("keys: shred: %w", err)
	}
	for _, kid := range list {
		r.forget(kid)
	}
	return nil
}
