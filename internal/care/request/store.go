package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Letter is what a patient is told about a request.
type Letter struct {
	Account string // who asked
	Request Request
	Act     Act // what just happened
}

// Letters puts letters on their way, in the transaction of what they tell.
type Letters interface {
	Tell(ctx context.Context, tx *db.Tx, l Letter) error
}

// Store keeps requests and carries out what was decided.
type Store struct {
	db      *db.DB
	ids     *ids.Source
	now     func() time.Time
	zone    *time.Location // the clinic's: where days begin
	log     *audit.Log
	records *record.Store
	letters Letters
	changed func() // the doors forget what they knew
}

// NewStore returns a store. Days are counted in zone.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, zone *time.Location, log *audit.Log, records *record.Store) *Store {
	return &Store{db: d, ids: ids, now: now, zone: zone, log: log, records: records, letters: silent{}, changed: func() {}}
}

// Tell returns a copy of s that tells patients through l, and calls changed
// after what the doors must hear of.
func (s *Store) Tell(l Letters, changed func()) *Store {
	c := *s
	c.letters, c.changed = l, changed
	return &c
}

type silent struct{}

func (silent) Tell(context.Context, *db.Tx, Letter) error { return nil }

const columns = `r.id, r.patient, r.kind, r.state, r.about, r.body, r.asked_kind, r.asked_by, r.asked_name, r.asked_at, r.due_at,
	r.extended_at, r.extended_why, r.claimed_by, r.decided_at, r.decided_by, r.answer`

func read(scan db.Scan) (r Request, err error) {
	var body string
	var asked, due, extended, decided int64
	if err := scan(&r.ID, &r.Patient, &r.Kind, &r.State, &r.About, &body, &r.AskedKind, &r.AskedBy, &r.AskedName, &asked, &due,
		&extended, &r.ExtendedWhy, &r.ClaimedBy, &decided, &r.DecidedBy, &r.Answer); err != nil {
		return r, err
	}
	r.Asked, r.Due, r.Extended, r.Decided = db.Time(asked), db.Time(due), db.Time(extended), db.Time(decided)
	return r, json.Unmarshal([]byte(body), &r.Details)
}

// opens returns the patient whom pass opens by either right.
func opens(pass access.Pass) (patient string, err error) {
	if patient, err = pass.Open(access.AskPrivacy); err == nil {
		return patient, nil
	}
	return pass.Open(access.AnswerPrivacy)
}

// veiled is true of a request that is about nothing with the labels $2: its
// title would tell.
const veiled = `not exists (select 1 from shield z where z.patient = r.patient and z.typ || '/' || z.id = r.about and (z.labels & $2) <> 0)`

// veil returns the labels that pass hides from whoever acts for the patient.
// The patient and the office see what was asked.
func veil(pass access.Pass, patient string) int64 {
	by := pass.Actor()
	if by.Kind == access.Staff || by.Patient == patient {
		return 0
	}
	return int64(pass.Hidden())
}

// openMost is how many unanswered requests one patient may have.
const openMost = 20

// Ask opens a request of the patient whom pass opens.
func (s *Store) Ask(ctx context.Context, pass access.Pass, k Kind, about string, d Details) (Request, error) {
	patient, err := pass.Open(access.AskPrivacy)
	if err != nil {
		return Request{}, err
	}
	if d, err = d.check(k); err != nil {
		return Request{}, err
	}
	by, now := pass.Actor(), s.now()
	r := Request{ID: s.ids.New(), Patient: patient, Kind: k, State: Open, About: about, Details: d, AskedKind: string(by.Kind), AskedBy: by.ID, AskedName: by.Name,
		Asked: now, Due: due(now, clocks[k].Days, s.zone)}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int64], `select count(*) from privacy_request where patient = $1 and state in ('open', 'disputed')`, patient)
		if err != nil {
			return err
		}
		if n >= openMost {
			return errMany
		}
		if err := s.known(ctx, tx, &r); err != nil {
			return err
		}
		if err := s.insert(ctx, tx, r); err != nil {
			return err
		}
		return s.step(ctx, tx, by, r, Ask, "")
	})
	if err != nil {
		return Request{}, fmt.Errorf("request: ask %s of %s: %w", k, patient, err)
	}
	return r, nil
}

// known checks what a request names: a resource of the patient's own, a
// helper who helps them. It says whether an account of disclosures is free.
func (s *Store) known(ctx context.Context, tx *db.Tx, r *Request) error {
	switch r.Kind {
	case Amend:
		return s.ownResource(ctx, tx, *r)
	case Restrict:
		if r.Details.Against != "helper" {
			return nil
		}
		name, err := db.One(ctx, tx, db.Value[string], `select name from account where id = $1 and id in (select account from proxy where patient = $2)`, r.Details.Target, r.Patient)
		if errors.Is(err, db.ErrNone) {
			return errWho
		}
		r.Details.Name = name
		return err
	case Account:
		const q = `select count(*) from privacy_request where patient = $1 and kind = 'account' and state <> 'withdrawn' and asked_at > $2`
		n, err := db.One(ctx, tx, db.Value[int64], q, r.Patient, r.Asked.AddDate(-1, 0, 0).UnixMicro())
		r.Details.Free = n == 0
		return err
	}
	return nil
}

func (s *Store) insert(ctx context.Context, tx *db.Tx, r Request) error {
	body, err := json.Marshal(r.Details)
	if err != nil {
		return err
	}
	const q = `
		insert into privacy_request (id, patient, kind, state, about, body, asked_kind, asked_by, asked_name, asked_at, due_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	_, err = tx.ExecContext(ctx, q, r.ID, r.Patient, string(r.Kind), string(r.State), r.About, string(body), r.AskedKind, r.AskedBy, r.AskedName, r.Asked.UnixMicro(), r.Due.UnixMicro())
	return err
}

// step appends what happened, tells the patient, and writes the audit row.
func (s *Store) step(ctx context.Context, tx *db.Tx, by access.Actor, r Request, act Act, note string) error {
	const q = `
		insert into privacy_step (request, n, at, actor_kind, actor, name, what, note)
		select $1, count(*) + 1, $2, $3, $4, $5, $6, $7 from privacy_step where request = $1`
	if _, err := tx.ExecContext(ctx, q, r.ID, s.now().UnixMicro(), string(by.Kind), by.ID, by.Name, string(act), note); err != nil {
		return err
	}
	row := audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "request." + string(act), Patient: r.Patient, About: "request/" + r.ID,
		Purpose: string(r.Kind), Granted: true, Session: by.Session, Request: by.Request}
	if by.Kind == access.Proxy && by.Patient != r.Patient {
		row.Behalf = r.Patient
	}
	if act != Claim {
		if err := s.letters.Tell(ctx, tx, Letter{Account: r.AskedBy, Request: r, Act: act}); err != nil {
			return err
		}
	}
	return s.log.AddIn(ctx, tx, row)
}

// Of returns every request of the patient whom pass opens, the newest first.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Request, error) {
	patient, err := opens(pass)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, `select `+columns+` from privacy_request r where r.patient = $1 and `+veiled+` order by r.asked_at desc, r.id desc limit 200`, patient, veil(pass, patient))
	if err != nil {
		return nil, fmt.Errorf("request: of %s: %w", patient, err)
	}
	return list, nil
}

// Get returns one request of the patient whom pass opens, with its steps.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Request, error) {
	patient, err := opens(pass)
	if err != nil {
		return Request{}, err
	}
	r, err := s.get(ctx, s.db, pass, patient, id)
	if err != nil {
		return r, err
	}
	const q = `select at, actor_kind, actor, name, what, note from privacy_step where request = $1 order by n`
	r.Steps, err = db.All(ctx, s.db, func(scan db.Scan) (p Step, err error) {
		var at int64
		err = scan(&at, &p.ActorKind, &p.Actor, &p.Name, &p.What, &p.Note)
		p.At = db.Time(at)
		return p, err
	}, q, id)
	if err != nil {
		return r, fmt.Errorf("request: steps of %s: %w", id, err)
	}
	return r, nil
}

func (s *Store) get(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Request, error) {
	r, err := db.One(ctx, c, read, `select `+columns+` from privacy_request r where r.patient = $1 and `+veiled+` and r.id = $3`, patient, veil(pass, patient), id)
	if errors.Is(err, db.ErrNone) {
		return r, errNoSuch
	}
	if err != nil {
		return r, fmt.Errorf("request: get %s: %w", id, err)
	}
	return r, nil
}

// Whose returns the patient whom a request is about, for a member of staff
// who then asks for a pass.
func (s *Store) Whose(ctx context.Context, id string) (patient string, err error) {
	patient, err = db.One(ctx, s.db, db.Value[string], `select patient from privacy_request where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		return "", errNoSuch
	}
	return patient, err
}

// Row is a request in the office's list.
type Row struct {
	Request
	Name, Claimed string // of the patient; of who works on it
}

// Queue returns the requests of everyone that wait for an answer, the first
// due first; kind, if set, names one sort.
func (s *Store) Queue(ctx context.Context, pass access.Pass, kind Kind, n int) ([]Row, error) {
	return s.rows(ctx, pass, `r.state in ('open', 'disputed') and (r.kind = $1 or $1 = '') order by r.due_at, r.id limit $2`, string(kind), n)
}

// Closed returns the requests of everyone that were answered since, the
// newest first.
func (s *Store) Closed(ctx context.Context, pass access.Pass, kind Kind, since time.Time, n int) ([]Row, error) {
	return s.rows(ctx, pass, `r.state not in ('open', 'disputed') and (r.kind = $1 or $1 = '') and (r.decided_at >= $3 or r.asked_at >= $3) order by r.decided_at desc, r.id limit $2`, string(kind), n, since.UnixMicro())
}

func (s *Store) rows(ctx context.Context, pass access.Pass, where string, args ...any) ([]Row, error) {
	if err := pass.OpenAll(access.AnswerPrivacy); err != nil {
		return nil, err
	}
	q := `select coalesce(p.full_name, ''), coalesce(a.name, ''), ` + columns + `
		from privacy_request r left join person p on p.id = r.patient left join account a on a.id = r.claimed_by
		where ` + where
	list, err := db.All(ctx, s.db, func(scan db.Scan) (o Row, err error) {
		o.Request, err = read(func(dest ...any) error { return scan(append([]any{&o.Name, &o.Claimed}, dest...)...) })
		return o, err
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("request: rows: %w", err)
	}
	return list, nil
}

// Counts says how many requests wait, how many of them are late, and how many
// are due within a week.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (open, late, soon int, err error) {
	if err := pass.OpenAll(access.AnswerPrivacy); err != nil {
		return 0, 0, 0, err
	}
	const q = `
		select count(*), coalesce(sum(case when due_at <= $1 then 1 else 0 end), 0), coalesce(sum(case when due_at > $1 and due_at <= $2 then 1 else 0 end), 0)
		from privacy_request where state in ('open', 'disputed')`
	now := s.now()
	type three struct{ open, late, soon int }
	n, err := db.One(ctx, s.db, func(scan db.Scan) (n three, err error) {
		err = scan(&n.open, &n.late, &n.soon)
		return n, err
	}, q, now.UnixMicro(), now.Add(7*24*time.Hour).UnixMicro())
	if err != nil {
		return 0, 0, 0, fmt.Errorf("request: counts: %w", err)
	}
	return n.open, n.late, n.soon, nil
}
