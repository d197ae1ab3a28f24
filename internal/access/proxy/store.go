package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Happening is what both sides are told about.
type Happening string

// The happenings.
const (
	ToldWaiting   Happening = "waiting"   // the patient: a helper waits for your yes
	ToldGranted   Happening = "granted"   // both: it begins
	ToldChanged   Happening = "changed"   // both: what may be seen changed
	ToldEnded     Happening = "ended"     // both: it ended
	ToldNarrowing Happening = "narrowing" // both: a birthday will change it
	ToldWrong     Happening = "wrong"     // whoever invited: wrong codes came with the link
)

// Notice is for one account. It names no health matter.
type Notice struct {
	Account string // empty: the patient, who has none
	Helper  bool   // the account is the helper's, else the patient's own
	What    Happening
	Patient string    // whose record
	Name    string    // the other side's
	At      time.Time // of a narrowing: when
}

// Notices puts notices on their way, in the transaction of what they tell.
type Notices interface {
	Tell(ctx context.Context, tx *db.Tx, list []Notice) error
}

// Store keeps who helps whom.
type Store struct {
	db      *db.DB
	ids     *ids.Source
	now     func() time.Time
	key     seal.Key
	log     *audit.Log
	ages    *Ages
	notices Notices
	changed func() // the doors forget what they knew
}

// NewStore returns a store. Ages may be nil where nobody is a parent.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, key seal.Key, log *audit.Log, ages *Ages) *Store {
	return &Store{db: d, ids: ids, now: now, key: key.For("proxy"), log: log, ages: ages, notices: silent{}, changed: func() {}}
}

// Tell returns a copy of s that tells people through n, and calls changed
// after whatever the doors must hear of.
func (s *Store) Tell(n Notices, changed func()) *Store {
	c := *s
	c.notices, c.changed = n, changed
	return &c
}

type silent struct{}

func (silent) Tell(context.Context, *db.Tx, []Notice) error { return nil }

const columns = `p.id, p.patient, p.account, p.state, p.helper, p.kind, p.address, p.basis, p.paper, p.paper_note, p.actions, p.categories, p.labels,
	p.asked_kind, p.asked_by, p.confirm, p.made_at, p.active_at, p.until_at, p.review_at, p.ended_at, p.ended_kind, p.ended_why, p.told_for`

func read(scan db.Scan) (p Proxy, err error) {
	var actions, categories string
	var confirm, made, active, until, review, ended int64
	err = scan(&p.ID, &p.Patient, &p.Account, &p.State, &p.Helper, &p.Kind, &p.Address, &p.Basis, &p.Paper, &p.PaperNote, &actions, &categories, &p.Labels,
		&p.AskedKind, &p.AskedBy, &confirm, &made, &active, &until, &review, &ended, &p.EndedKind, &p.EndedWhy, &p.told)
	p.Actions, p.Categories, p.Confirm = split[Action](actions), split[access.Category](categories), confirm == 1
	p.Made, p.Since, p.Until, p.Review, p.Ended = db.Time(made), db.Time(active), db.Time(until), db.Time(review), db.Time(ended)
	return p, err
}

// Of returns everybody who helps, helped or was asked to help the patient
// whom pass opens, the newest first.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Proxy, error) {
	patient, err := pass.Open(access.SeeProxies)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, `select `+columns+` from proxy p where p.patient = $1 order by p.made_at desc, p.id desc limit 100`, patient)
	if err != nil {
		return nil, fmt.Errorf("proxy: of %s: %w", patient, err)
	}
	return s.settled(list), nil
}

// Get returns one of the patient whom pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Proxy, error) {
	patient, err := pass.Open(access.SeeProxies)
	if err != nil {
		return Proxy{}, err
	}
	p, err := s.get(ctx, s.db, patient, id)
	return s.settle(p), err
}

func (s *Store) get(ctx context.Context, c db.Conn, patient, id string) (Proxy, error) {
	p, err := db.One(ctx, c, read, `select `+columns+` from proxy p where p.id = $1 and p.patient = $2`, id, patient)
	if errors.Is(err, db.ErrNone) {
		return p, errNoSuch
	}
	if err != nil {
		return p, fmt.Errorf("proxy: get %s: %w", id, err)
	}
	return p, nil
}

// Whose returns the patient whom the proxy with that id is about, for a
// member of staff who then asks for a pass.
func (s *Store) Whose(ctx context.Context, id string) (patient string, err error) {
	patient, err = db.One(ctx, s.db, db.Value[string], `select patient from proxy where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		return "", errNoSuch
	}
	return patient, err
}

// Mine returns whom the actor helps.
func (s *Store) Mine(ctx context.Context, a access.Actor) ([]Proxy, error) {
	if a.ID == "" {
		return nil, errNoSuch
	}
	list, err := db.All(ctx, s.db, read, `select `+columns+` from proxy p where p.account = $1 and p.state in ('joined', 'active') order by p.made_at, p.id`, a.ID)
	if err != nil {
		return nil, fmt.Errorf("proxy: of account %s: %w", a.ID, err)
	}
	return s.settled(list), nil
}

// settle says what has become of p by the clock alone, before the sweep
// writes it down.
func (s *Store) settle(p Proxy) Proxy {
	now := s.now()
	switch {
	case p.State == Active && !p.Until.After(now):
		p.State, p.Ended, p.EndedKind = Ended, p.Until, string(access.System)
	case (p.State == Invited || p.State == Joined) && !p.Made.Add(InviteLife).After(now):
		p.State = Expired
	}
	return p
}

func (s *Store) settled(list []Proxy) []Proxy {
	for i := range list {
		list[i] = s.settle(list[i])
	}
	return list
}

// Change replaces what a helper may see and do, at once.
func (s *Store) Change(ctx context.Context, pass access.Pass, id string, l Limits) error {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return err
	}
	if l, err = l.check(s.now()); err != nil {
		return err
	}
	var p Proxy
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if p, err = s.open(ctx, tx, patient, id); err != nil {
			return err
		}
		p.Limits = l
		const q = `update proxy set actions = $2, categories = $3, labels = $4, until_at = $5 where id = $1`
		if _, err := tx.ExecContext(ctx, q, p.ID, joined(l.Actions), joined(l.Categories), int64(l.Labels), l.Until.UnixMicro()); err != nil {
			return err
		}
		if p.State == Active {
			if err := s.force(ctx, tx, p); err != nil {
				return err
			}
		}
		if err := s.tell(ctx, tx, p, ToldChanged, time.Time{}); err != nil {
			return err
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.change", p, "")
	})
	if err != nil {
		return fmt.Errorf("proxy: change %s: %w", id, err)
	}
	s.changed()
	return nil
}

// Reviewed sets the day on which the office looks at a paper again.
func (s *Store) Reviewed(ctx context.Context, pass access.Pass, id string, next time.Time) error {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return err
	}
	if now := s.now(); !next.After(now) || next.After(now.Add(MaxLife)) {
		return errUntil
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := s.open(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update proxy set review_at = $2 where id = $1`, p.ID, next.UnixMicro()); err != nil {
			return err
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.review", p, "")
	})
	if err != nil {
		return fmt.Errorf("proxy: reviewed %s: %w", id, err)
	}
	return nil
}

// End takes everything away, at once. The patient and the office do it.
func (s *Store) End(ctx context.Context, pass access.Pass, id, why string) error {
	patient, err := pass.Open(access.EndProxies)
	if err != nil {
		return err
	}
	return s.end(ctx, pass.Actor(), patient, id, "", why)
}

// Leave is the helper's own way out.
func (s *Store) Leave(ctx context.Context, a access.Actor, patient string) error {
	if a.ID == "" || patient == "" {
		return errNoSuch
	}
	const q = `select id from proxy where account = $1 and patient = $2 and state in ('joined', 'active') order by made_at desc limit 1`
	id, err := db.One(ctx, s.db, db.Value[string], q, a.ID, patient)
	if errors.Is(err, db.ErrNone) {
		return errNoSuch
	}
	if err != nil {
		return fmt.Errorf("proxy: leave: %w", err)
	}
	return s.end(ctx, a, patient, id, a.ID, "")
}

// end ends one; account, if set, has to be the helper's.
func (s *Store) end(ctx context.Context, by access.Actor, patient, id, account, why string) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		p, err := s.open(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		if account != "" && p.Account != account {
			return errNoSuch
		}
		return s.endIn(ctx, tx, by, p, Ended, why)
	})
	if err != nil {
		return fmt.Errorf("proxy: end %s: %w", id, err)
	}
	s.changed()
	return nil
}

// endIn takes p out of force and writes how it ended.
func (s *Store) endIn(ctx context.Context, tx *db.Tx, by access.Actor, p Proxy, to State, why string) error {
	const q = `update proxy set state = $2, ended_at = $3, ended_kind = $4, ended_by = $5, ended_why = $6 where id = $1`
	if _, err := tx.ExecContext(ctx, q, p.ID, string(to), s.now().UnixMicro(), string(by.Kind), by.ID, clip(why, 500)); err != nil {
		return err
	}
	if p.Account != "" {
		if _, err := tx.ExecContext(ctx, `delete from account_grant where account = $1 and patient = $2 and proxy in ($3, '')`, p.Account, p.Patient, p.ID); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `delete from proxy_invite where proxy = $1`, p.ID); err != nil {
		return err
	}
	if to == Ended && why != "order" { // an order may have to be kept quiet
		if err := s.tell(ctx, tx, p, ToldEnded, time.Time{}); err != nil {
			return err
		}
	}
	return s.note(ctx, tx, by, "proxy.end", p, why)
}

// open returns one that can still change.
func (s *Store) open(ctx context.Context, tx *db.Tx, patient, id string) (Proxy, error) {
	p, err := s.get(ctx, tx, patient, id)
	if err != nil {
		return p, err
	}
	if !p.State.Open() {
		return p, errLate
	}
	return p, nil
}

// force puts p into force: the row that opens doors.
func (s *Store) force(ctx context.Context, tx *db.Tx, p Proxy) error {
	name, err := db.One(ctx, tx, db.Value[string], `select full_name from person where id = $1`, p.Patient)
	if errors.Is(err, db.ErrNone) {
		return errNoSuch
	}
	if err != nil {
		return err
	}
	return account.GrantIn(ctx, tx, p.Account, p.ID, p.Grant(name), s.now())
}

// note writes the audit row.
func (s *Store) note(ctx context.Context, tx *db.Tx, by access.Actor, action string, p Proxy, why string) error {
	row := audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: action, Patient: p.Patient, About: "proxy/" + p.ID, Reason: why,
		Granted: true, Session: by.Session, Request: by.Request}
	if by.Kind == access.Proxy && by.Patient != p.Patient {
		row.Behalf = p.Patient
	}
	return s.log.AddIn(ctx, tx, row)
}

// tell tells each side that can sign in.
func (s *Store) tell(ctx context.Context, tx *db.Tx, p Proxy, what Happening, at time.Time) error {
	type side struct{ account, name string }
	const q = `
		select coalesce((select id from account where patient = $1 and status = 'active'), ''),
			coalesce((select full_name from person where id = $1), '')`
	own, err := db.One(ctx, tx, func(scan db.Scan) (o side, err error) {
		err = scan(&o.account, &o.name)
		return o, err
	}, q, p.Patient)
	if err != nil {
		return err
	}
	var list []Notice
	if own.account != "" || own.name != "" && what != ToldNarrowing {
		list = append(list, Notice{Account: own.account, What: what, Patient: p.Patient, Name: p.Helper, At: at})
	}
	if p.Account != "" && what != ToldWaiting {
		list = append(list, Notice{Account: p.Account, Helper: true, What: what, Patient: p.Patient, Name: own.name, At: at})
	}
	return s.notices.Tell(ctx, tx, list)
}

func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
