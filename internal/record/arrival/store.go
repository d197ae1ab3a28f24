package arrival

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// remembered is how long what was read of the feeds is good: every page of a
// record asks.
const remembered = 2 * time.Second

// most is how long a title or a reason may be.
const most = 200

// Store keeps how the feeds stand. Nothing in it is about a patient.
type Store struct {
	db  *db.DB
	now func() time.Time
	log *audit.Log

	mu   sync.Mutex
	list []Feed
	at   time.Time
}

// NewStore returns a store on d that writes down in log who changed a feed.
func NewStore(d *db.DB, now func() time.Time, log *audit.Log) *Store {
	return &Store{db: d, now: now, log: log}
}

// Began notes that a run of a feed begins.
func (s *Store) Began(ctx context.Context, feed string) error {
	const q = `insert into arrival (feed, began_at) values ($1, $2) on conflict (feed) do update set began_at = excluded.began_at`
	return s.write(ctx, "began", q, feed, s.now().UnixMicro())
}

// Ended notes that a run ended: well where reason is empty. The first failure
// after a good run is when it went away.
func (s *Store) Ended(ctx context.Context, feed, reason string) error {
	now := s.now().UnixMicro()
	if reason == "" {
		const q = `insert into arrival (feed, began_at, good_at) values ($1, $2, $2)
			on conflict (feed) do update set good_at = excluded.good_at, failed_since = 0, reason = ''`
		return s.write(ctx, "ended", q, feed, now)
	}
	const q = `insert into arrival (feed, began_at, failed_since, reason) values ($1, $2, $2, $3)
		on conflict (feed) do update set reason = excluded.reason,
			failed_since = case when arrival.failed_since = 0 then excluded.failed_since else arrival.failed_since end`
	return s.write(ctx, "ended", q, feed, now, short(reason))
}

func (s *Store) write(ctx context.Context, verb, q string, args ...any) error {
	if err := s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	}); err != nil {
		return fmt.Errorf("arrival: %s: %w", verb, err)
	}
	s.forget()
	return nil
}

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Time{}
}

// List returns every feed by its name, as it stood at most two seconds ago.
func (s *Store) List(ctx context.Context) ([]Feed, error) {
	now := s.now()
	s.mu.Lock()
	list, at := s.list, s.at
	s.mu.Unlock()
	if age := now.Sub(at); !at.IsZero() && age >= 0 && age < remembered {
		return list, nil
	}
	list, err := db.All(ctx, s.db, scan, `select feed, title, brings, every, began_at, good_at, failed_since, reason from arrival order by feed`)
	if err != nil {
		return nil, fmt.Errorf("arrival: list: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.at = list, now
	return list, nil
}

func scan(row db.Scan) (f Feed, err error) {
	var brings string
	var every, began, good, failed int64
	err = row(&f.Name, &f.Title, &brings, &every, &began, &good, &failed, &f.Reason)
	f.Brings, f.Every = read(brings), time.Duration(every)*time.Microsecond
	f.Began, f.Good, f.Failed = db.Time(began), db.Time(good), db.Time(failed)
	return f, err
}

var (
	errFeed  = errs.New(errs.NotFound, "There is no such source.")
	errTitle = errs.New(errs.Invalid, "Please give the source a name of at most 200 letters.")
	errEvery = errs.New(errs.Invalid, "Please choose how often the source sends, up to 90 days.")
)

// Name says what a feed is called, what it brings and how often, by somebody
// who may set the rules.
func (s *Store) Name(ctx context.Context, pass access.Pass, f Feed) error {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return err
	}
	if f.Title = strings.TrimSpace(f.Title); len(f.Title) > most {
		return errTitle
	}
	if f.Every < 0 || f.Every > 90*24*time.Hour {
		return errEvery
	}
	const q = `update arrival set title = $2, brings = $3, every = $4 where feed = $1`
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, q, f.Name, f.Title, written(f.Brings), f.Every.Microseconds()))
		if err == nil && n == 0 {
			err = errFeed
		}
		if err != nil {
			return err
		}
		by := pass.Actor()
		return s.log.AddIn(ctx, tx, audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "feed.name", About: "feed/" + f.Name, Purpose: string(access.SetRules), Granted: true, Request: by.Request})
	})
	if err != nil {
		return fmt.Errorf("arrival: name: %w", err)
	}
	s.forget()
	return nil
}

// short keeps the beginning of a reason.
func short(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
