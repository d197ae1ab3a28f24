// Package library keeps texts to be used again: each in versions, of which
// one that was approved never changes.
//
// A change to an approved text makes the next version, as a draft; who wrote
// a version does not approve it.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// State is where a version is.
type State string

// The states.
const (
	Draft    State = "draft"
	Approved State = "approved"
	Retired  State = "retired" // not to be used any more; what used it keeps it
)

// Text is one version of a text.
type Text struct {
	ID       string
	Key      string // what its versions share
	Version  int
	Name     string
	Purpose  string
	Service  string
	State    State
	Template template.Template

	By, ByName         string // who wrote it
	At                 time.Time
	EndedBy, EndedName string // who approved or retired it
	EndedAt            time.Time
}

// The refusals.
var (
	ErrFixed = errs.New(errs.Conflict, "This version is approved and stays as it is. A change makes the next version.")
	ErrOwn   = errs.New(errs.Forbidden, "You wrote this version. Somebody else has to approve it.")
	ErrOpen  = errs.New(errs.Conflict, "There is a draft of the next version already. Please finish that one.")
	errName  = errs.New(errs.Invalid, "Please give the text a name.")
	errWords = errs.New(errs.Invalid, "The text has points that come first. Please settle them before it is approved.")
)

// Store keeps texts.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: ids, now: now}
}

const columns = `id, key, version, name, purpose, service, state, template, created_by, created_name, created_at, ended_by, ended_name, ended_at`

func read(scan db.Scan) (t Text, err error) {
	var words string
	var at, ended int64
	err = scan(&t.ID, &t.Key, &t.Version, &t.Name, &t.Purpose, &t.Service, &t.State, &words, &t.By, &t.ByName, &at, &t.EndedBy, &t.EndedName, &ended)
	if err != nil {
		return t, err
	}
	t.At, t.EndedAt = db.Time(at), db.Time(ended)
	return t, json.Unmarshal([]byte(words), &t.Template)
}

// Save keeps a draft: a new text where ID is empty, the draft itself, or the
// next version of one that is approved or retired.
func (s *Store) Save(ctx context.Context, pass access.Pass, t Text) (Text, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return t, err
	}
	t.Name = strings.TrimSpace(t.Name)
	if t.Name == "" || len(t.Name) > 200 {
		return t, errName
	}
	words, err := json.Marshal(t.Template)
	if err != nil {
		return t, fmt.Errorf("library: save: %w", err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return s.save(ctx, tx, pass.Actor(), &t, string(words)) })
	if err != nil {
		return t, fmt.Errorf("library: save %s: %w", t.ID, err)
	}
	return t, nil
}

func (s *Store) save(ctx context.Context, tx *db.Tx, who access.Actor, t *Text, words string) error {
	const update = `update library set name = $2, purpose = $3, service = $4, template = $5, created_by = $6, created_name = $7, created_at = $8 where id = $1 and state = 'draft'`
	const insert = `insert into library (id, key, version, name, purpose, service, state, template, created_by, created_name, created_at) values ($1, $2, $3, $4, $5, $6, 'draft', $7, $8, $9, $10)`
	t.By, t.ByName, t.At = who.ID, who.Name, s.now()
	if t.ID == "" {
		t.ID, t.Version, t.State = s.ids.New(), 1, Draft
		t.Key = t.ID
		_, err := tx.ExecContext(ctx, insert, t.ID, t.Key, 1, t.Name, t.Purpose, t.Service, words, t.By, t.ByName, db.Micro(t.At))
		return err
	}
	old, err := db.One(ctx, tx, read, `select `+columns+` from library where id = $1`, t.ID)
	if err != nil {
		return err
	}
	if old.State == Draft {
		t.Key, t.Version, t.State = old.Key, old.Version, Draft
		_, err := tx.ExecContext(ctx, update, t.ID, t.Name, t.Purpose, t.Service, words, t.By, t.ByName, db.Micro(t.At))
		return err
	}
	open, err := db.One(ctx, tx, db.Value[int], `select count(*) from library where key = $1 and state = 'draft'`, old.Key)
	if err != nil {
		return err
	}
	if open > 0 {
		return ErrOpen
	}
	last, err := db.One(ctx, tx, db.Value[int], `select max(version) from library where key = $1`, old.Key)
	if err != nil {
		return err
	}
	t.ID, t.Key, t.Version, t.State = s.ids.New(), old.Key, last+1, Draft
	_, err = tx.ExecContext(ctx, insert, t.ID, t.Key, t.Version, t.Name, t.Purpose, t.Service, words, t.By, t.ByName, db.Micro(t.At))
	return err
}

// Approve makes a draft the version to use. Who wrote it may not, and one
// with errors cannot be.
func (s *Store) Approve(ctx context.Context, pass access.Pass, id string) error {
	return s.end(ctx, pass, id, Approved)
}

// Retire takes a version out of use.
func (s *Store) Retire(ctx context.Context, pass access.Pass, id string) error {
	return s.end(ctx, pass, id, Retired)
}

func (s *Store) end(ctx context.Context, pass access.Pass, id string, to State) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	who := pass.Actor()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		t, err := db.One(ctx, tx, read, `select `+columns+` from library where id = $1`, id)
		if err != nil {
			return err
		}
		purpose, _ := policy.PurposeOf(t.Purpose)
		switch {
		case to == Approved && t.State != Draft, t.State == Retired:
			return ErrFixed
		case to == Approved && t.By == who.ID:
			return ErrOwn
		case to == Approved && len(t.Template.Lint(purpose)) > 0:
			return errWords
		}
		const q = `update library set state = $2, ended_by = $3, ended_name = $4, ended_at = $5 where id = $1`
		_, err = tx.ExecContext(ctx, q, id, string(to), who.ID, who.Name, db.Micro(s.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("library: end %s: %w", id, err)
	}
	return nil
}

// Get returns one version.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Text, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Text{}, err
	}
	t, err := db.One(ctx, s.db, read, `select `+columns+` from library where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = errs.New(errs.NotFound, "There is no such text.")
	}
	if err != nil {
		return t, fmt.Errorf("library: get %s: %w", id, err)
	}
	return t, nil
}

// Versions returns all versions of a text, newest first.
func (s *Store) Versions(ctx context.Context, pass access.Pass, key string) ([]Text, error) {
	return s.list(pass, func() ([]Text, error) {
		return db.All(ctx, s.db, read, `select `+columns+` from library where key = $1 order by version desc limit 200`, key)
	})
}

// List returns the newest version of every text, by name.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Text, error) {
	return s.list(pass, func() ([]Text, error) {
		return db.All(ctx, s.db, read, `select `+columns+` from library
			where version = (select max(v.version) from library v where v.key = library.key) order by lower(name), key limit 1000`)
	})
}

// Usable returns the newest approved version of every text, by name.
func (s *Store) Usable(ctx context.Context, pass access.Pass) ([]Text, error) {
	return s.list(pass, func() ([]Text, error) {
		return db.All(ctx, s.db, read, `select `+columns+` from library
			where state = 'approved' and version = (select max(v.version) from library v where v.key = library.key and v.state = 'approved')
			order by lower(name), key limit 1000`)
	})
}

// list asks for texts on behalf of whoever may run outreach.
func (s *Store) list(pass access.Pass, ask func() ([]Text, error)) ([]Text, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := ask()
	if err != nil {
		return nil, fmt.Errorf("library: list: %w", err)
	}
	return list, nil
}
