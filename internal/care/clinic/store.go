package clinic

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Store keeps what the clinic says.
type Store struct {
	db    *db.DB
	now   func() time.Time
	usual Settings
	told  []func(Version) // who wants to hear of a new one

	mu   sync.Mutex
	last Version
}

// NewStore returns a store; usual counts until somebody says something else.
func NewStore(d *db.DB, now func() time.Time, usual Settings) *Store {
	return &Store{db: d, now: now, usual: usual, last: Version{Settings: usual}}
}

// Tell has hear called with what counts, now and whenever it changes. All
// calls are made before anything is served or by Refresh.
func (s *Store) Tell(hear func(Version)) {
	s.told = append(s.told, hear)
	hear(s.Now())
}

// Now returns what counts, as it was read last.
func (s *Store) Now() Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

const newest = `select n, says, by, at from clinic_setting order by n desc limit $1`

func scanVersion(scan db.Scan) (v Version, err error) {
	var says string
	var at int64
	if err := scan(&v.N, &says, &v.By, &at); err != nil {
		return v, err
	}
	v.At = db.Time(at)
	if err := json.Unmarshal([]byte(says), &v.Settings); err != nil {
		return v, fmt.Errorf("clinic: what was said in %d: %w", v.N, err)
	}
	return v, nil
}

// Refresh reads what counts, which another node may have changed, and tells
// whoever wants to hear.
func (s *Store) Refresh(ctx context.Context) error {
	n, err := db.One(ctx, s.db, db.Value[int64], `select coalesce(max(n), 0) from clinic_setting`)
	if err != nil || n == s.Now().N {
		return err
	}
	list, err := db.All(ctx, s.db, scanVersion, newest, 1)
	if err != nil || len(list) == 0 {
		return err
	}
	s.mu.Lock()
	s.last = list[0]
	s.mu.Unlock()
	for _, hear := range s.told {
		hear(list[0])
	}
	return nil
}

var errMeanwhile = errs.New(errs.Conflict, "Somebody else changed the settings meanwhile. Look at what they say now, and change them again.")

// Save says in of the clinic; was is the version that its writer saw. Where
// somebody else was faster, nothing changes.
func (s *Store) Save(ctx context.Context, pass access.Pass, was int64, in Settings) (Version, error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return Version{}, err
	}
	in, err := Check(in)
	if err != nil {
		return Version{}, err
	}
	says, err := json.Marshal(in)
	if err != nil {
		return Version{}, fmt.Errorf("clinic: write: %w", err)
	}
	const add = `insert into clinic_setting (n, says, by, at) values ($1, $2, $3, $4) on conflict (n) do nothing`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		last, err := db.One(ctx, tx, db.Value[int64], `select coalesce(max(n), 0) from clinic_setting`)
		if err != nil {
			return err
		}
		if last != was {
			return errMeanwhile
		}
		n, err := db.Changed(tx.ExecContext(ctx, add, was+1, string(says), pass.Actor().ID, db.Micro(s.now())))
		if err == nil && n == 0 {
			err = errMeanwhile
		}
		return err
	})
	if err != nil {
		return Version{}, err
	}
	return Version{N: was + 1, Settings: in}, s.Refresh(ctx)
}

// History returns the last n versions, newest first.
func (s *Store) History(ctx context.Context, pass access.Pass, n int) ([]Version, error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return nil, err
	}
	return db.All(ctx, s.db, scanVersion, newest, n)
}
