package segment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Saved is a segment with a name. Each change of it is a new version; what
// was started from an older one keeps that.
type Saved struct {
	ID, Name, By string
	Version      int
	Expr         Expr
	At           time.Time // of this version
}

// Store keeps named segments.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
}

// NewStore returns a store.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: source, now: now}
}

var (
	errNamed   = errs.New(errs.Invalid, "Please give the segment a name of its own.")
	errTaken   = errs.New(errs.Conflict, "Another segment has this name.")
	errGuarded = errs.New(errs.Forbidden, "The segment asks about information that the law protects more. Somebody who treats these patients has to write it.")
)

const savedColumns = `select s.id, s.name, v.by, v.n, v.expr, v.at from segment s join segment_version v on v.segment = s.id `

func readSaved(scan db.Scan) (s Saved, err error) {
	var text string
	var at int64
	if err := scan(&s.ID, &s.Name, &s.By, &s.Version, &text, &at); err != nil {
		return s, err
	}
	s.At = db.Time(at)
	return s, json.Unmarshal([]byte(text), &s.Expr)
}

// List returns the newest version of every segment that pass may read, by
// name.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Saved, error) {
	return s.some(ctx, pass, savedColumns+`and v.n = s.version where s.retired = 0 order by s.name`)
}

// Get returns the newest version of one.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Saved, error) {
	list, err := s.some(ctx, pass, savedColumns+`and v.n = s.version where s.id = $1`, id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("segment: get %s: %w", id, db.ErrNone)
	}
	if err != nil {
		return Saved{}, err
	}
	return list[0], nil
}

// Versions returns every version of one, the newest first.
func (s *Store) Versions(ctx context.Context, pass access.Pass, id string) ([]Saved, error) {
	return s.some(ctx, pass, savedColumns+`where s.id = $1 order by v.n desc`, id)
}

// some reads segments; those about protected information are not there for
// whom it is hidden from.
func (s *Store) some(ctx context.Context, pass access.Pass, q string, args ...any) ([]Saved, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, readSaved, q, args...)
	if err != nil {
		return nil, fmt.Errorf("segment: list: %w", err)
	}
	kept := list[:0]
	for _, one := range list {
		if Labels(one.Expr)&pass.Hidden() == 0 {
			kept = append(kept, one)
		}
	}
	return kept, nil
}

// Save makes a segment, or with an id its next version, and returns its id.
func (s *Store) Save(ctx context.Context, pass access.Pass, id, name string, e Expr) (string, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return id, err
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 120 {
		return id, errNamed
	}
	if Labels(e)&pass.Hidden() != 0 {
		return id, errGuarded
	}
	if _, _, err := Compile(pass, e, s.now()); err != nil {
		return id, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return id, fmt.Errorf("segment: save: %w", err)
	}
	at := db.Micro(s.now())
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		twin, err := db.All(ctx, tx, db.Value[string], `select id from segment where name = $1 and id <> $2`, name, id)
		if err != nil {
			return err
		}
		if len(twin) > 0 {
			return errTaken
		}
		version := 1
		if id == "" {
			id = s.ids.New()
			const insert = `insert into segment (id, name, version, created_by, created_at) values ($1, $2, 1, $3, $4)`
			_, err = tx.ExecContext(ctx, insert, id, name, pass.Actor().Name, at)
		} else {
			version, err = db.One(ctx, tx, db.Value[int], `update segment set name = $2, version = version + 1 where id = $1 and retired = 0 returning version`, id, name)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into segment_version (segment, n, expr, by, at) values ($1, $2, $3, $4, $5)`, id, version, string(text), pass.Actor().Name, at)
		return err
	})
	if err != nil {
		return id, fmt.Errorf("segment: save %s: %w", id, err)
	}
	return id, nil
}

// Retire takes a segment out of the lists. What was started from it goes on.
func (s *Store) Retire(ctx context.Context, pass access.Pass, id string) error {
	if _, err := s.Get(ctx, pass, id); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `update segment set retired = 1, name = name || ' (' || id || ')' where id = $1 and retired = 0`, id)
	if err != nil {
		return fmt.Errorf("segment: retire %s: %w", id, err)
	}
	return nil
}

// Count returns how many people are in e.
func (s *Store) Count(ctx context.Context, pass access.Pass, e Expr) (int, error) {
	return s.count(ctx, pass, e, `select count(*) from (%s) s`)
}

func (s *Store) count(ctx context.Context, pass access.Pass, e Expr, form string) (int, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	inner, args, err := Compile(pass, e, s.now())
	if err != nil {
		return 0, err
	}
	n, err := db.One(ctx, s.db, db.Value[int], strings.Replace(form, "%s", inner, 1), args...)
	if err != nil {
		return 0, fmt.Errorf("segment: count: %w", err)
	}
	return n, nil
}

// Both returns how many people are in a and in b.
func (s *Store) Both(ctx context.Context, pass access.Pass, a, b Expr) (int, error) {
	switch {
	case a.Everyone():
		return s.Count(ctx, pass, b)
	case b.Everyone():
		return s.Count(ctx, pass, a)
	}
	return s.Count(ctx, pass, Expr{All: []Expr{a, b}})
}

// Sample returns up to n people of e: those after the one with the id after,
// round to the first.
func (s *Store) Sample(ctx context.Context, pass access.Pass, e Expr, after string, n int) ([]string, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	inner, args, err := Compile(pass, e, s.now())
	if err != nil {
		return nil, err
	}
	k := len(args)
	q := fmt.Sprintf(`select s.id from (%s) s order by case when s.id > $%d then 0 else 1 end, s.id limit $%d`, inner, k+1, k+2)
	list, err := db.All(ctx, s.db, db.Value[string], q, append(args, after, n)...)
	if err != nil {
		return nil, fmt.Errorf("segment: sample: %w", err)
	}
	return list, nil
}
