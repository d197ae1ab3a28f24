package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/reach"
	"hale/internal/reach/hook"
	"hale/internal/record"
	"hale/internal/store/db"
)

// State is where a journey is.
type State string

// The states. A paused journey takes people in and lets nobody go on; a
// stopped one does neither.
const (
	Draft   State = "draft"
	Running State = "running"
	Paused  State = "paused"
	Stopped State = "stopped"
)

// Journey is one journey with the definition that is being written.
type Journey struct {
	ID        string
	Name      string
	State     State
	Version   int // published last; 0: none
	Draft     Definition
	CreatedBy string
	Created   time.Time
	Under     int // people under way
	Ended     int // who have come to an end
}

// Config is what a Store needs.
type Config struct {
	DB       *db.DB
	IDs      *ids.Source
	Now      func() time.Time
	Reach    *reach.Engine
	Record   *record.Store
	Doors    *access.Doors
	Node     string // of this process
	Zone     *time.Location
	Hooks    *hook.Store                                                 // tells programs of the clinic's own; nil: there are none
	Business func(at time.Time, days int, zone *time.Location) time.Time // so many working days after at; nil: Monday to Friday
	Log      *slog.Logger
}

// Store keeps journeys and takes people along them.
type Store struct{ Config }

// NewStore returns a store.
func NewStore(c Config) *Store {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Business == nil {
		c.Business = weekdays
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{c}
}

// weekdays counts Monday to Friday.
func weekdays(at time.Time, days int, zone *time.Location) time.Time {
	at = at.In(zone)
	for days > 0 {
		at = at.AddDate(0, 0, 1)
		if w := at.Weekday(); w != time.Saturday && w != time.Sunday {
			days--
		}
	}
	return at
}

var (
	errState  = errs.New(errs.Conflict, "The journey is not in a state for that. Please look again.")
	errStayed = errs.New(errs.Conflict, "There is no newer version to move to.")
)

const journeyColumns = `j.id, j.name, j.state, j.version, j.draft, j.created_by, j.created_at,
	(select count(*) from enrolment e where e.journey = j.id and e.state in ('moving', 'waiting')),
	(select count(*) from enrolment e where e.journey = j.id and e.state not in ('moving', 'waiting'))`

func readJourney(scan db.Scan) (j Journey, err error) {
	var text string
	var created int64
	if err := scan(&j.ID, &j.Name, &j.State, &j.Version, &text, &j.CreatedBy, &created, &j.Under, &j.Ended); err != nil {
		return j, err
	}
	j.Created = db.Time(created)
	return j, json.Unmarshal([]byte(text), &j.Draft)
}

// List returns every journey, newest first.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Journey, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, readJourney, `select `+journeyColumns+` from journey j order by j.created_at desc, j.id desc`)
	if err != nil {
		return nil, fmt.Errorf("journey: list: %w", err)
	}
	return list, nil
}

// Get returns one journey.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Journey, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Journey{}, err
	}
	j, err := db.One(ctx, s.DB, readJourney, `select `+journeyColumns+` from journey j where j.id = $1`, id)
	if err != nil {
		return j, fmt.Errorf("journey: get %s: %w", id, err)
	}
	return j, nil
}

// Save keeps what is being written. Who is under way notices nothing of it.
// An empty id makes a new journey.
func (s *Store) Save(ctx context.Context, pass access.Pass, id string, d Definition) (string, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return id, err
	}
	if d.Name == "" {
		return id, errName
	}
	text, err := json.Marshal(d)
	if err != nil {
		return id, fmt.Errorf("journey: save: %w", err)
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if id == "" {
			id = s.IDs.New()
			_, err := tx.ExecContext(ctx, `insert into journey (id, name, state, draft, created_by, created_at) values ($1, $2, 'draft', $3, $4, $5)`,
				id, d.Name, string(text), pass.Actor().Name, db.Micro(s.Now()))
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update journey set name = $2, draft = $3 where id = $1`, id, d.Name, string(text)))
		if err == nil && n == 0 {
			return db.ErrNone
		}
		return err
	})
	if err != nil {
		return id, fmt.Errorf("journey: save %s: %w", id, err)
	}
	return id, nil
}

// Problem says what keeps d from being published; nil for nothing.
func (s *Store) Problem(pass access.Pass, d Definition) error { return d.check(pass, s.Now()) }

// Publish makes what is written the next version, which never changes. Those
// who come in from now on go by it.
func (s *Store) Publish(ctx context.Context, pass access.Pass, id string) error {
	j, err := s.Get(ctx, pass, id)
	if err != nil {
		return err
	}
	d := j.Draft
	if err := d.check(pass, s.Now()); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("journey: publish: %w", err)
	}
	version := j.Version + 1
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, `update journey set version = $2 where id = $1 and version = $3 and state <> 'stopped'`, id, version, j.Version))
		if err != nil {
			return err
		}
		if n == 0 {
			return errState
		}
		if err := s.agreed(ctx, tx, id, &d); err != nil {
			return err
		}
		const insert = `insert into journey_version (journey, n, definition, by, at) values ($1, $2, $3, $4, $5)`
		if _, err := tx.ExecContext(ctx, insert, id, version, string(text), pass.Actor().Name, db.Micro(s.Now())); err != nil {
			return err
		}
		for _, node := range d.Nodes {
			if node.Kind != Reach {
				continue
			}
			if err := s.openStep(ctx, tx, pass, id, version, &d, node); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("journey: publish %s: %w", id, err)
	}
	return nil
}

// openStep starts the outreach of one node.
func (s *Store) openStep(ctx context.Context, tx *db.Tx, pass access.Pass, id string, version int, d *Definition, n Node) error {
	m := n.Reach
	o := reach.Outreach{
		Name: d.Name + ": " + nameOf(n), Kind: reach.Journey, Parent: id, Purpose: m.Purpose, Service: m.Service, Template: m.Template,
		Channels: m.Channels, Holdout: m.Holdout, Goal: m.Goal, ExpireDays: 60,
	}
	var err error
	if m.NextAfter != "" {
		if o.NextAfter, err = s.span(m.NextAfter); err != nil {
			return err
		}
	}
	for c, text := range m.Waits {
		if o.Waits == nil {
			o.Waits = map[reach.Channel]time.Duration{}
		}
		if o.Waits[c], err = s.span(text); err != nil {
			return err
		}
	}
	o, err = s.Reach.Open(ctx, tx, pass, o)
	if err != nil {
		return wrong(n, errs.Say(err))
	}
	_, err = tx.ExecContext(ctx, `insert into journey_outreach (journey, version, node, outreach) values ($1, $2, $3, $4)`, id, version, n.ID, o.ID)
	return err
}

// span is a length as a time between one channel and the next. Working days
// are counted from now on.
func (s *Store) span(text string) (time.Duration, error) {
	l, err := parseLength(text)
	if err == nil && l.days > 0 {
		return s.Business(s.Now(), l.days, s.Zone).Sub(s.Now()), nil
	}
	return l.d, err
}

func nameOf(n Node) string {
	if n.Name != "" {
		return n.Name
	}
	return n.ID
}

// Start lets a published journey take people in from now on; a paused one
// goes on where it was. What is published needs a second person's word then,
// too, where that is asked for.
func (s *Store) Start(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	const q = `update journey set state = 'running', since = case when state = 'draft' then $2 else since end
		where id = $1 and state in ('draft', 'paused') and version > 0 returning version`
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		list, err := db.All(ctx, tx, db.Value[int], q, id, db.Micro(s.Now()))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errState
		}
		d, err := s.definition(ctx, tx, id, list[0])
		if err != nil {
			return err
		}
		return s.agreed(ctx, tx, id, d)
	})
	if err != nil {
		return fmt.Errorf("journey: start %s: %w", id, err)
	}
	return nil
}

// Pause holds everybody where they are. Causes are still taken down.
func (s *Store) Pause(ctx context.Context, pass access.Pass, id string) error {
	return s.move(ctx, pass, id, `update journey set state = 'paused' where id = $1 and state = 'running'`)
}

func (s *Store) move(ctx context.Context, pass access.Pass, id, q string, args ...any) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n, err := db.Changed(s.DB.ExecContext(ctx, q, append([]any{id}, args...)...))
	if err == nil && n == 0 {
		err = errState
	}
	if err != nil {
		return fmt.Errorf("journey: move %s: %w", id, err)
	}
	return nil
}

// Stop ends a journey and everybody's way through it. What waits to be sent
// is taken back.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	if err := s.move(ctx, pass, id, `update journey set state = 'stopped' where id = $1 and state in ('running', 'paused')`); err != nil {
		return err
	}
	if err := s.endStopped(ctx); err != nil {
		return fmt.Errorf("journey: stop %s: %w", id, err)
	}
	return nil
}

// endStopped ends who is still under way in a stopped journey. The sweep does
// it again, should the process have died in between.
func (s *Store) endStopped(ctx context.Context) error {
	const some = `select e.id from enrolment e join journey j on j.id = e.journey where j.state = 'stopped' and e.state in ('moving', 'waiting') order by e.id limit 500`
	for {
		list, err := db.All(ctx, s.DB, db.Value[string], some)
		if err != nil || len(list) == 0 {
			return err
		}
		err = s.DB.Tx(ctx, func(tx *db.Tx) error {
			if err := tx.Lock(ctx, "journey"); err != nil {
				return err
			}
			for _, id := range list {
				if err := s.end(ctx, tx, id, "stopped", "the journey was stopped"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// end closes an enrolment and takes back what waits to be sent of it.
func (s *Store) end(ctx context.Context, tx *db.Tx, id, state, outcome string) error {
	const q = `update enrolment set state = $2, outcome = $3, ended_at = $4, wake_at = 0, listens = '' where id = $1 and state in ('moving', 'waiting')`
	n, err := db.Changed(tx.ExecContext(ctx, q, id, state, outcome, db.Micro(s.Now())))
	if err != nil || n == 0 {
		return err
	}
	_, err = s.Reach.Supersede(ctx, tx, key(id))
	return err
}

// key is what the intents of an enrolment are superseded by.
func key(enrolment string) string { return "enrolment/" + enrolment }

// Migrate moves those who wait in older versions to the newest one, where it
// has a step of the same name and kind; the others stay. It returns how many
// moved.
func (s *Store) Migrate(ctx context.Context, pass access.Pass, id string) (int, error) {
	j, err := s.Get(ctx, pass, id)
	if err != nil {
		return 0, err
	}
	if j.Version < 2 {
		return 0, errStayed
	}
	newest, err := s.definition(ctx, s.DB, id, j.Version)
	if err != nil {
		return 0, err
	}
	moved := 0
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "journey"); err != nil {
			return err
		}
		for old := 1; old < j.Version; old++ {
			d, err := s.definition(ctx, tx, id, old)
			if err != nil {
				return err
			}
			for _, n := range d.Nodes {
				if same, ok := newest.node(n.ID); !ok || same.Kind != n.Kind {
					continue
				}
				const q = `update enrolment set version = $4 where journey = $1 and version = $2 and node = $3 and state in ('moving', 'waiting')`
				k, err := db.Changed(tx.ExecContext(ctx, q, id, old, n.ID, j.Version))
				if err != nil {
					return err
				}
				moved += int(k)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("journey: migrate %s: %w", id, err)
	}
	return moved, nil
}

// definition returns a published version.
func (s *Store) definition(ctx context.Context, c db.Conn, id string, version int) (*Definition, error) {
	text, err := db.One(ctx, c, db.Value[string], `select definition from journey_version where journey = $1 and n = $2`, id, version)
	if err != nil {
		return nil, fmt.Errorf("journey: version %d of %s: %w", version, id, err)
	}
	var d Definition
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("journey: version %d of %s: %w", version, id, err)
	}
	return &d, nil
}

// eyes returns a pass for a part of the journeys to look at everyone. It is
// audited, in a transaction of its own: never ask inside one.
func (s *Store) eyes(ctx context.Context, part string) (access.Pass, error) {
	a := access.SystemActor("journey "+part, access.RunOutreach)
	a.Plain = true // that a journey speaks would tell what it saw
	return s.Doors.CheckAll(ctx, a, access.RunOutreach)
}
