package reading

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Past is one time that somebody set the limits for everybody.
type Past struct {
	N      int64
	By     string // the account
	Name   string
	At     time.Time
	Limits map[Part]Limit
}

// keep adds what was set for everybody to what was set before.
func (s *Store) keep(ctx context.Context, tx *db.Tx, by access.Actor, set map[Part]Limit) error {
	says, err := json.Marshal(set)
	if err != nil {
		return err
	}
	const q = `insert into reading_limit_past (n, says, by, name, at) select coalesce(max(p.n), 0) + 1, $1, $2, $3, $4 from reading_limit_past p`
	_, err = tx.ExecContext(ctx, q, string(says), by.ID, by.Name, s.now().UnixMicro())
	return err
}

func scanPast(scan db.Scan) (p Past, err error) {
	var says string
	var at int64
	if err := scan(&p.N, &says, &p.By, &p.Name, &at); err != nil {
		return p, err
	}
	p.At = db.Time(at)
	return p, json.Unmarshal([]byte(says), &p.Limits)
}

// Past returns the last n times that somebody set the limits for everybody,
// newest first.
func (s *Store) Past(ctx context.Context, pass access.Pass, n int) ([]Past, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	return s.past(ctx, n)
}

func (s *Store) past(ctx context.Context, n int) ([]Past, error) {
	list, err := db.All(ctx, s.db, scanPast, `select n, says, by, name, at from reading_limit_past order by n desc limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("reading: past limits: %w", err)
	}
	return list, nil
}

// SetBy says who set the limits for everybody, and when; a zero time where
// nobody has. It is no patient data.
func (s *Store) SetBy(ctx context.Context) (name string, at time.Time, err error) {
	list, err := s.past(ctx, 1)
	if err != nil || len(list) == 0 {
		return "", at, err
	}
	return list[0].Name, list[0].At, nil
}
