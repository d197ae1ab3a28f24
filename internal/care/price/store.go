package price

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/money"
	"hale/internal/store/db"
)

// Store keeps the prices.
type Store struct {
	db  *db.DB
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

const columns = `v.service, v.n, v.title, v.currency, v.cents, v.includes, v.includes_es, v.extra, v.extra_es, v.until_at, v.by, v.at`

func scan(row db.Scan) (p Price, err error) {
	var en, es, extra, extraES string
	var until, at int64
	err = row(&p.Service, &p.N, &p.Title, &p.Sum.Currency, &p.Sum.Cents, &en, &es, &extra, &extraES, &until, &p.By, &at)
	p.Includes = map[string][]string{"en": Lines(en), "es": Lines(es)}
	p.Extra = map[string][]string{"en": Lines(extra), "es": Lines(extraES)}
	p.Until, p.At = db.Time(until), db.Time(at)
	return p, err
}

// List returns the prices that hold now, by title. They are no patient data.
func (s *Store) List(ctx context.Context) ([]Price, error) {
	const q = `select ` + columns + ` from visit_price v where v.n = (select max(w.n) from visit_price w where w.service = v.service) order by v.title, v.service`
	list, err := db.All(ctx, s.db, scan, q)
	if err != nil {
		return nil, fmt.Errorf("price: list: %w", err)
	}
	return slices.DeleteFunc(list, func(p Price) bool { return !p.Holds(s.now()) }), nil
}

// Of returns what a kind of visit costs; no cents where nothing holds now.
func (s *Store) Of(ctx context.Context, service string) (Price, error) {
	list, err := s.versions(ctx, service, 1)
	if err != nil || len(list) == 0 || !list[0].Holds(s.now()) {
		return Price{}, err
	}
	return list[0], nil
}

// Versions returns the last n versions of a price, newest first.
func (s *Store) Versions(ctx context.Context, pass access.Pass, service string, n int) ([]Price, error) {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return nil, err
	}
	return s.versions(ctx, service, n)
}

func (s *Store) versions(ctx context.Context, service string, n int) ([]Price, error) {
	list, err := db.All(ctx, s.db, scan, `select `+columns+` from visit_price v where v.service = $1 order by v.n desc limit $2`, service, n)
	if err != nil {
		return nil, fmt.Errorf("price: versions: %w", err)
	}
	return list, nil
}

// Set writes a new version; was is the one that its writer saw.
func (s *Store) Set(ctx context.Context, pass access.Pass, p Price, was int64) error {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return err
	}
	if err := p.check(s.now()); err != nil {
		return err
	}
	return s.add(ctx, pass, p, was)
}

// Drop takes a price out of the list.
func (s *Store) Drop(ctx context.Context, pass access.Pass, service string, was int64) error {
	if err := pass.OpenAllOne(access.AnswerBills, access.AnswerPatients); err != nil {
		return err
	}
	list, err := s.versions(ctx, service, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errOlder
	}
	p := list[0]
	p.Sum = money.Sum{Currency: p.Sum.Currency}
	return s.add(ctx, pass, p, was)
}

func (s *Store) add(ctx context.Context, pass access.Pass, p Price, was int64) error {
	const q = `insert into visit_price (service, n, title, currency, cents, includes, includes_es, extra, extra_es, until_at, by, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing`
	text := func(lines map[string][]string, tag string) string { return strings.Join(lines[tag], "\n") }
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		last, err := db.One(ctx, tx, db.Value[int64], `select coalesce(max(n), 0) from visit_price where service = $1`, p.Service)
		if err != nil {
			return err
		}
		if last != was {
			return errOlder
		}
		n, err := db.Changed(tx.ExecContext(ctx, q, p.Service, last+1, p.Title, p.Sum.Currency, p.Sum.Cents, text(p.Includes, "en"), text(p.Includes, "es"),
			text(p.Extra, "en"), text(p.Extra, "es"), db.Micro(p.Until), pass.Actor().ID, db.Micro(s.now())))
		if err == nil && n == 0 {
			err = errOlder
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("price: set %s: %w", p.Service, err)
	}
	return nil
}
