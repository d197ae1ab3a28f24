package track

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

var errTarget = errs.New(errs.Invalid, "A link whose clicks are counted begins with https:// and is written out in full, with nothing about the reader in it.")

// Check says whether clicks on address may be counted: it is the same for
// every reader, so it says nothing about any of them.
func Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(address, "{}<>\"' \\") || len(address) > 1000 {
		return errTarget
	}
	return nil
}

// Targets returns the numbers of the addresses that an outreach's author
// marked, in the transaction of who plans it. An address keeps its number.
func Targets(ctx context.Context, tx *db.Tx, outreach string, addresses []string, now int64) (map[string]int64, error) {
	const add = `insert into track_target (outreach, url, made_at) values ($1, $2, $3) on conflict (outreach, url) do nothing`
	const read = `select n, url from track_target where outreach = $1`
	type target struct {
		n   int64
		url string
	}
	by := map[string]int64{}
	if len(addresses) == 0 {
		return by, nil
	}
	list, err := db.All(ctx, tx, func(scan db.Scan) (t target, err error) { return t, scan(&t.n, &t.url) }, read, outreach)
	if err != nil {
		return nil, fmt.Errorf("track: targets: %w", err)
	}
	for _, t := range list {
		by[t.url] = t.n
	}
	missing := slices.ContainsFunc(addresses, func(a string) bool { return by[a] == 0 })
	if !missing {
		return by, nil
	}
	for _, a := range addresses {
		if err := Check(a); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, add, outreach, a, now); err != nil {
			return nil, fmt.Errorf("track: targets: %w", err)
		}
	}
	list, err = db.All(ctx, tx, func(scan db.Scan) (t target, err error) { return t, scan(&t.n, &t.url) }, read, outreach)
	if err != nil {
		return nil, fmt.Errorf("track: targets: %w", err)
	}
	for _, t := range list {
		by[t.url] = t.n
	}
	return by, nil
}

// Target returns the address that a link leads to. It is read once and then
// known: a target never changes. db.ErrNone where there is none.
func (s *Store) Target(ctx context.Context, n int64) (string, error) {
	if a, ok := s.known.Load(n); ok {
		return a.(string), nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if a, ok := s.known.Load(n); ok {
		return a.(string), nil
	}
	a, err := db.One(ctx, s.db, db.Value[string], `select url from track_target where n = $1`, n)
	if err != nil {
		if errors.Is(err, db.ErrNone) {
			return "", err
		}
		return "", fmt.Errorf("track: target %d: %w", n, err)
	}
	s.known.Store(n, a)
	return a, nil
}
