// Package draft keeps what somebody wrote in a form that could not be taken
// in: the session had rested too long, or the thing asks for a fresh proof.
//
// A draft is sealed, belongs to one account, and is kept for Life. Secrets
// are never kept: a form with a password or a code in it is typed anew.
//
// Spec: https://www.w3.org/TR/WCAG22/#re-authenticating
package draft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Life is how long a draft waits for its writer.
const Life = 30 * time.Minute

// most is how much a draft may hold, in bytes.
const most = 256 << 10

// Draft is a form as it was sent.
type Draft struct {
	Action string // the path that it was sent to
	Fresh  bool   // it only waited for a proof: it may be sent again at once
	Form   url.Values
}

// secret are the names of fields that are not kept.
var secret = []string{"password", "again", "current", "code", "words"}

// Keepable says whether a form may be kept.
func Keepable(form url.Values) bool {
	for _, name := range secret {
		if form.Has(name) {
			return false
		}
	}
	return true
}

// Store keeps drafts.
type Store struct {
	db  *db.DB
	key seal.Key
	now func() time.Time
}

// NewStore returns a store that seals with a key of its own made of key.
func NewStore(d *db.DB, key seal.Key, now func() time.Time) *Store {
	return &Store{db: d, key: key.For("draft"), now: now}
}

// errNone is said of a draft that is somebody else's, too.
var (
	errNone = errs.New(errs.NotFound, "We no longer have what you wrote. Please write it once more.")
	errMuch = errs.New(errs.Invalid, "That was too much to keep. Please send less at once.")
)

// Keep keeps d for the account and returns the token for the browser's
// cookie. An account has one draft: the last.
func (s *Store) Keep(ctx context.Context, account string, d Draft) (token string, err error) {
	if !Keepable(d.Form) {
		return "", errNone
	}
	plain, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("draft: keep: %w", err)
	}
	if len(plain) > most {
		return "", errMuch
	}
	token = seal.Token(32)
	id, now := seal.Hash(token), s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from draft where account = $1 or expires_at < $2`, account, now.UnixMicro()); err != nil {
			return err
		}
		const q = `insert into draft (id, account, sealed, expires_at) values ($1, $2, $3, $4)`
		_, err := tx.ExecContext(ctx, q, id, account, s.key.Seal(plain, place(id, account)), now.Add(Life).UnixMicro())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("draft: keep for %s: %w", account, err)
	}
	return token, nil
}

// Get returns the account's draft. Looking takes nothing away.
func (s *Store) Get(ctx context.Context, account, token string) (Draft, error) {
	var d Draft
	id := seal.Hash(token)
	const q = `select sealed from draft where id = $1 and account = $2 and expires_at > $3`
	sealed, err := db.One(ctx, s.db, db.Value[[]byte], q, id, account, s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return d, errNone
	}
	if err != nil {
		return d, fmt.Errorf("draft: get of %s: %w", account, err)
	}
	plain, err := s.key.Open(sealed, place(id, account))
	if err != nil {
		return d, fmt.Errorf("draft: get of %s: %w", account, err)
	}
	if err := json.Unmarshal(plain, &d); err != nil {
		return d, fmt.Errorf("draft: get of %s: %w", account, err)
	}
	return d, nil
}

// Drop forgets the account's draft.
func (s *Store) Drop(ctx context.Context, account string) error {
	if _, err := s.db.ExecContext(ctx, `delete from draft where account = $1`, account); err != nil {
		return fmt.Errorf("draft: drop of %s: %w", account, err)
	}
	return nil
}

func place(id, account string) string { return "draft/sealed/" + account + "/" + id }
