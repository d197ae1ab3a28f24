package rulebook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Store keeps changes of rules.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
	log *audit.Log
}

// NewStore returns a store on d.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: ids, now: now, log: audit.NewLog(d, ids, now)}
}

// What audit rows call a change, its second word and its refusal.
const (
	Changed = "rule.change"
	Agreed  = "rule.agree"
	Refused = "rule.refuse"
)

const columns = `id, kind, name, value, loosens, why, made_by, made_at, agreed_by, from_at, ended_at`

func read(scan db.Scan) (c Change, err error) {
	var loosens int
	var at, from, ended int64
	err = scan(&c.ID, &c.Kind, &c.Name, &c.Value, &loosens, &c.Why, &c.By, &at, &c.Agreed, &from, &ended)
	c.Loosens, c.At, c.From, c.Ended = loosens == 1, db.Time(at), moment(from), moment(ended)
	return c, err
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return db.Time(us)
}

// Version tells whether rules changed since: it differs when they did.
func Version(ctx context.Context, c db.Conn) (string, error) {
	v, err := db.One(ctx, c, db.Value[string], `select cast(count(*) as text) || ' ' || cast(coalesce(max(from_at), 0) as text) from reach_rule where from_at > 0`)
	if err != nil {
		return "", fmt.Errorf("rulebook: version: %w", err)
	}
	return v, nil
}

// InForce returns the changes in force, oldest first. Those of one name
// follow one another: the last counts.
func InForce(ctx context.Context, c db.Conn) ([]Change, error) {
	list, err := db.All(ctx, c, read, `select `+columns+` from reach_rule where from_at > 0 order by from_at, id`)
	if err != nil {
		return nil, fmt.Errorf("rulebook: in force: %w", err)
	}
	return list, nil
}

// Salt returns what the draw of those who are held out of everything is made
// with. It is made once.
func Salt(ctx context.Context, d *db.DB, now time.Time) (string, error) {
	const q = `select salt from reach_draw where name = 'everything'`
	salt, err := db.One(ctx, d, db.Value[string], q)
	if err == nil || !errors.Is(err, db.ErrNone) {
		return salt, err
	}
	err = d.Tx(ctx, func(tx *db.Tx) error {
		const add = `insert into reach_draw (name, salt, made_at) values ('everything', $1, $2) on conflict (name) do nothing`
		if _, err := tx.ExecContext(ctx, add, seal.Token(16), db.Micro(now)); err != nil {
			return err
		}
		salt, err = db.One(ctx, tx, db.Value[string], q)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("rulebook: salt: %w", err)
	}
	return salt, nil
}

// Settings lays what is in force over a copy of base.
func Settings(ctx context.Context, c db.Conn, base policy.Settings) (*policy.Settings, error) {
	list, err := InForce(ctx, c)
	if err != nil {
		return nil, err
	}
	s := base
	s.Matrix, s.Caps = policy.Matrix{}, append([]policy.Cap(nil), base.Caps...)
	for m, row := range base.Matrix {
		s.Matrix[m] = row
	}
	Lay(&s, list)
	return &s, nil
}

// Change asks for a change of one rule. A stricter one is in force at once; a
// looser one waits for a second person.
func (s *Store) Change(ctx context.Context, pass access.Pass, base policy.Settings, c Change) (Change, error) {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return c, err
	}
	if c.Why = strings.TrimSpace(c.Why); c.Why == "" || len(c.Why) > 500 {
		return c, errWhy
	}
	now := s.now()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, now); err != nil {
			return err
		}
		settings, err := Settings(ctx, tx, base)
		if err != nil {
			return err
		}
		if c.Loosens, c.Value, err = judge(settings, c); err != nil {
			return err
		}
		c.ID, c.By, c.At = s.ids.New(), pass.Actor().ID, now
		from, loosens := db.Micro(now), 0
		c.From = now
		if c.Loosens {
			from, loosens, c.From = 0, 1, time.Time{}
		}
		const q = `insert into reach_rule (id, kind, name, value, loosens, why, made_by, made_at, from_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
		if _, err := tx.ExecContext(ctx, q, c.ID, string(c.Kind), c.Name, c.Value, loosens, c.Why, c.By, db.Micro(now), from); err != nil {
			return err
		}
		return s.note(ctx, tx, pass, Changed, c)
	})
	if err != nil {
		return c, fmt.Errorf("rulebook: change: %w", err)
	}
	return c, nil
}

// lock has changes wait for each other.
func lock(ctx context.Context, tx *db.Tx, now time.Time) error {
	const q = `insert into reach_switch (channel, at) values ('rules', $1) on conflict (channel) do update set at = excluded.at`
	_, err := tx.ExecContext(ctx, q, db.Micro(now))
	return err
}

func (s *Store) note(ctx context.Context, tx *db.Tx, pass access.Pass, action string, c Change) error {
	row := pass.Actor().Row(action, "", true)
	row.About, row.Reason = "rule/"+string(c.Kind)+"/"+c.Name, c.Value+": "+c.Why
	return s.log.AddIn(ctx, tx, row)
}

// Agree puts a looser rule in force, by somebody other than who asked for it.
func (s *Store) Agree(ctx context.Context, pass access.Pass, base policy.Settings, id string) error {
	return s.decide(ctx, pass, id, func(tx *db.Tx, c Change) error {
		if c.By == pass.Actor().ID {
			return errSelf
		}
		settings, err := Settings(ctx, tx, base)
		if err != nil {
			return err
		}
		if _, _, err := judge(settings, c); err != nil {
			return err // the rules have moved since it was asked for
		}
		now := db.Micro(s.now())
		const q = `update reach_rule set agreed_by = $2, agreed_at = $3, from_at = $3 where id = $1`
		if _, err := tx.ExecContext(ctx, q, id, pass.Actor().ID, now); err != nil {
			return err
		}
		return s.note(ctx, tx, pass, Agreed, c)
	})
}

// TurnDown ends a wish for a looser rule. Who asked for it may, too.
func (s *Store) TurnDown(ctx context.Context, pass access.Pass, id string) error {
	return s.decide(ctx, pass, id, func(tx *db.Tx, c Change) error {
		const q = `update reach_rule set agreed_by = $2, ended_at = $3 where id = $1`
		if _, err := tx.ExecContext(ctx, q, id, pass.Actor().ID, db.Micro(s.now())); err != nil {
			return err
		}
		return s.note(ctx, tx, pass, Refused, c)
	})
}

func (s *Store) decide(ctx context.Context, pass access.Pass, id string, fn func(*db.Tx, Change) error) error {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := lock(ctx, tx, s.now()); err != nil {
			return err
		}
		c, err := db.One(ctx, tx, read, `select `+columns+` from reach_rule where id = $1`, id)
		if err != nil {
			return err
		}
		if !c.Waits() {
			return errGone
		}
		return fn(tx, c)
	})
	if err != nil {
		return fmt.Errorf("rulebook: %s: %w", id, err)
	}
	return nil
}

// Waiting returns the looser rules that somebody asked for, oldest first.
func (s *Store) Waiting(ctx context.Context, pass access.Pass) ([]Change, error) {
	const q = `select ` + columns + ` from reach_rule where from_at = 0 and ended_at = 0 order by made_at, id limit 100`
	if err := may(pass); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, q)
	if err != nil {
		return nil, fmt.Errorf("rulebook: waiting: %w", err)
	}
	return list, nil
}

// History returns what was changed, newest first.
func (s *Store) History(ctx context.Context, pass access.Pass) ([]Change, error) {
	const q = `select ` + columns + ` from reach_rule where from_at > 0 or ended_at > 0 order by made_at desc, id desc limit 100`
	if err := may(pass); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, q)
	if err != nil {
		return nil, fmt.Errorf("rulebook: history: %w", err)
	}
	return list, nil
}

// may says whether pass may see the rules: whoever writes to people may.
func may(pass access.Pass) error {
	if pass.OpenAll(access.RunOutreach) == nil {
		return nil
	}
	return pass.OpenAll(access.SetRules)
}
