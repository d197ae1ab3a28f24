package hook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// keyMark begins every key, so that one that leaked is found and known.
const keyMark = "hale_out_"

// Key is what a program asks for messages with.
type Key struct {
	ID, Name, MadeBy  string
	Made, Used, Ended time.Time
}

var (
	errKeyName = errs.New(errs.Invalid, "Please give the key a name, so that you know later whose it is.")
	errNoKey   = errs.New(errs.Unauthenticated, "There is no such key, or it was ended. It stands in the header Authorization, after the word Bearer.")
)

// MakeKey makes a key and returns its secret, which is shown this once.
func (s *Store) MakeKey(ctx context.Context, pass access.Pass, name string) (k Key, secret string, err error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return k, "", err
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 100 {
		return k, "", errKeyName
	}
	k = Key{ID: s.IDs.New(), Name: name, MadeBy: pass.Actor().Name, Made: s.Now()}
	secret = keyMark + seal.Token(32)
	const q = `insert into outreach_key (id, name, hash, made_by, made_at) values ($1, $2, $3, $4, $5)`
	if _, err := s.DB.ExecContext(ctx, q, k.ID, k.Name, seal.Hash(secret), k.MadeBy, db.Micro(k.Made)); err != nil {
		return k, "", fmt.Errorf("hook: key: %w", err)
	}
	return k, secret, nil
}

// KeyList returns every key, newest first.
func (s *Store) KeyList(ctx context.Context, pass access.Pass) ([]Key, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (k Key, err error) {
		var made, used, ended int64
		err = scan(&k.ID, &k.Name, &k.MadeBy, &made, &used, &ended)
		k.Made, k.Used, k.Ended = db.Time(made), db.Time(used), db.Time(ended)
		return k, err
	}, `select id, name, made_by, made_at, used_at, ended_at from outreach_key order by made_at desc, id desc`)
	if err != nil {
		return nil, fmt.Errorf("hook: keys: %w", err)
	}
	return list, nil
}

// EndKey ends a key, at once.
func (s *Store) EndKey(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n, err := db.Changed(s.DB.ExecContext(ctx, `update outreach_key set ended_at = $2 where id = $1 and ended_at = 0`, id, db.Micro(s.Now())))
	if err == nil && n == 0 {
		err = db.ErrNone
	}
	if err != nil {
		return fmt.Errorf("hook: end key %s: %w", id, err)
	}
	return nil
}

// usedEvery is how often the last use of a key is written down.
const usedEvery = 10 * time.Minute

// Actor returns whom a secret lets in: a program that may run outreach, and
// open nobody's record.
func (s *Store) Actor(ctx context.Context, secret string) (access.Actor, error) {
	if !strings.HasPrefix(secret, keyMark) {
		return access.Actor{}, errNoKey
	}
	type row struct {
		id, name string
		used     int64
	}
	r, err := db.One(ctx, s.DB, func(scan db.Scan) (r row, err error) {
		err = scan(&r.id, &r.name, &r.used)
		return r, err
	}, `select id, name, used_at from outreach_key where hash = $1 and ended_at = 0`, seal.Hash(secret))
	if errors.Is(err, db.ErrNone) {
		return access.Actor{}, errNoKey
	}
	if err != nil {
		return access.Actor{}, fmt.Errorf("hook: actor: %w", err)
	}
	now := s.Now()
	if now.Sub(db.Time(r.used)) > usedEvery {
		if _, err := s.DB.ExecContext(ctx, `update outreach_key set used_at = $2 where id = $1`, r.id, db.Micro(now)); err != nil {
			return access.Actor{}, fmt.Errorf("hook: actor: %w", err)
		}
	}
	a := access.SystemActor("outreach key "+r.id, access.RunOutreach)
	a.Name = r.name
	return a, nil
}

// Foreign is a message that another system sent.
type Foreign struct {
	Ref     string // that system's own name for it
	Patient string
	Channel policy.Channel
	Class   string // care or marketing
	At      time.Time
}

var (
	errRef     = errs.New(errs.Invalid, "ref: say what the other system calls the message, in at most 200 characters, so that it is counted once.")
	errChannel = errs.New(errs.Invalid, "channel: email, sms or voice.")
	errClass   = errs.New(errs.Invalid, "class: care or marketing.")
	errAt      = errs.New(errs.Invalid, "at: a time of the last 30 days.")
)

func (f Foreign) check(now time.Time) error {
	switch {
	case f.Ref == "" || len(f.Ref) > 200:
		return errRef
	case f.Channel != policy.Email && f.Channel != policy.SMS && f.Channel != policy.Voice:
		return errChannel
	case f.Class != "care" && f.Class != "marketing":
		return errClass
	case f.At.After(now.Add(time.Hour)) || f.At.Before(now.AddDate(0, 0, -30)):
		return errAt
	}
	return nil
}

// Count is who counts a message under the caps of its patient.
type Count func(ctx context.Context, tx *db.Tx, patient string, c policy.Channel, class string, at time.Time) error

// Tell counts what another system sent under the caps, each message once, and
// returns how many were new.
func (s *Store) Tell(ctx context.Context, pass access.Pass, list []Foreign, count Count) (added int, err error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return 0, err
	}
	now := s.Now()
	for i, f := range list {
		if err := f.check(now); err != nil {
			return 0, errs.New(errs.Invalid, fmt.Sprintf("sends[%d].%s", i, errs.Say(err))).Because(err)
		}
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		added = 0
		for _, f := range list {
			const q = `insert into foreign_send (source, ref, patient, channel, class, at, told_at) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
			n, err := db.Changed(tx.ExecContext(ctx, q, pass.Actor().ID, f.Ref, f.Patient, string(f.Channel), f.Class, db.Micro(f.At), db.Micro(now)))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := count(ctx, tx, f.Patient, f.Channel, f.Class, f.At); err != nil {
				return fmt.Errorf("%s: %w", f.Ref, err)
			}
			added++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("hook: foreign sends: %w", err)
	}
	return added, nil
}
