package todo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Store reads what is to do, and keeps what was done.
type Store struct {
	db  *db.DB
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

// said is the source of the kinds that patients bring about: the message
// they answered, once, at the last time they did.
func said(kinds string) string {
	const all = `('call_wanted', 'done_elsewhere', 'wrong_person', 'reply_wrong_person', 'replied', 'reply_stop')`
	return `
		select m.id as subject, m.patient, m.outreach, m.channel, max(v.received_at) as at,
			coalesce((select n.data from message_event n where n.message = m.id and n.kind in (` + kinds + `) order by n.received_at desc, n.id desc limit 1), '') as note
		from message_event v
			join message m on m.id = v.message
		where v.kind in ` + all + ` and v.kind in (` + kinds + `)
		group by m.id, m.patient, m.outreach, m.channel`
}

// source is the query for all there is of k: subject, patient, outreach,
// channel, at, note. It is made of constants alone.
func (k Kind) source() (string, error) {
	const of = `
		select i.id as subject, i.patient, i.outreach,
			coalesce((select m.channel from message m where m.intent = i.id order by m.step desc limit 1), '') as channel,
			coalesce((select max(m.state_at) from message m where m.intent = i.id), i.decided_at) as at, '' as note
		from intent i`
	const failed = of + `
		where i.state = 'blocked' and i.purpose in ('recall', 'safety', 'emergency') and i.decision like '%"verdict":"block"%'
		union all` + of + `
		where i.state in ('exhausted', 'expired')
			and i.id in (select f.intent from message f where f.state in ('undelivered', 'given_up'))
			and not exists (select 1 from message m where m.intent = i.id
				and (m.state in ('accepted', 'delivered', 'seen', 'acted', 'scheduled', 'handing_off', 'uncertain') or m.state = 'given_up' and m.in_doubt = 1))`
	const doubt = `
		select m.id as subject, m.patient, m.outreach, m.channel, m.state_at as at, '' as note
		from message m
		where m.in_doubt = 1 and m.state in ('uncertain', 'given_up')`
	switch k {
	case Call:
		return said(`'call_wanted'`), nil
	case Reply:
		return said(`'replied'`), nil
	case NotMe:
		return said(`'wrong_person', 'reply_wrong_person'`), nil
	case Elsewhere:
		return said(`'done_elsewhere'`), nil
	case Stop:
		return said(`'reply_stop'`), nil
	case Failed:
		return failed, nil
	case Doubt:
		return doubt, nil
	}
	return "", errKind
}

// last is the newest row of an entry.
const last = `w.n = (select max(x.n) from todo x where x.kind = w.kind and x.subject = w.subject)`

// open is what follows a source where only open entries are wanted.
func (k Kind) open() string {
	return ` i join outreach o on o.id = i.outreach
		left join todo w on w.kind = '` + string(k) + `' and w.subject = i.subject and ` + last + `
		where (w.subject is null or w.closed = 0 or w.at < i.at)` + k.uncalled()
}

// uncalled leaves out what a call on the staff's list has settled since, and
// what is answered elsewhere.
func (k Kind) uncalled() string {
	switch k {
	case Call:
		return ` and not exists (select 1 from call c where c.kind = 'asked' and c.message = i.subject and c.state <> 'open' and c.closed_at >= i.at)`
	case Failed:
		return ` and not exists (select 1 from call c where c.kind = 'unreached' and c.subject = i.subject and c.state <> 'open')`
	case Reply: // it stands in its thread, with a task of its own
		return ` and not exists (select 1 from thread t where t.about = i.subject and t.about <> '') and not exists (select 1 from thread_notice n where n.message = i.subject)`
	}
	return ""
}

// phone is the best number to call the patient of row.
func phone(row string) string {
	return `coalesce((select c.value from contact_point c where c.patient = ` + row + `.patient and c.kind in ('sms', 'voice') and c.status not in ('wrong_person', 'gone')
		order by c.rank, c.kind desc, c.value limit 1), '')`
}

// Counts returns how many entries of each kind are open.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (map[Kind]int, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	counts := map[Kind]int{}
	for _, k := range Kinds() {
		source, err := k.source()
		if err != nil {
			return nil, err
		}
		if counts[k], err = db.One(ctx, s.db, db.Value[int], `select count(*) from (`+source+`)`+k.open()); err != nil {
			return nil, fmt.Errorf("todo: counts: %w", err)
		}
	}
	return counts, nil
}

// Tallies returns how many entries of k are open in each outreach, for those
// who see numbers only.
func (s *Store) Tallies(ctx context.Context, pass access.Pass, k Kind) ([]Tally, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	source, err := k.source()
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (t Tally, err error) {
		err = scan(&t.Outreach, &t.Name, &t.N)
		return t, err
	}, `select o.id, o.name, count(*) as many from (`+source+`)`+k.open()+` group by o.id, o.name order by many desc, o.name, o.id`)
	if err != nil {
		return nil, fmt.Errorf("todo: tallies: %w", err)
	}
	return list, nil
}

// Open returns the n entries of k that have waited longest.
func (s *Store) Open(ctx context.Context, pass access.Pass, k Kind, n int) ([]Entry, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	source, err := k.source()
	if err != nil {
		return nil, err
	}
	q := `select i.subject, i.patient, i.outreach, o.name, i.channel, i.at, i.note, ` + phone("i") + `, '', '', 0, 1
		from (` + source + `)` + k.open() + ` order by i.at, i.subject limit $1`
	list, err := db.All(ctx, s.db, k.read, q, n)
	if err != nil {
		return nil, fmt.Errorf("todo: open: %w", err)
	}
	return list, nil
}

// Done returns the last n entries of k that were closed since a time.
func (s *Store) Done(ctx context.Context, pass access.Pass, k Kind, since time.Time, n int) ([]Entry, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	source, err := k.source()
	if err != nil {
		return nil, err
	}
	q := `select w.subject, w.patient, w.outreach, o.name, w.channel, w.happened_at, w.note, ` + phone("w") + `, w.word, w.by, w.at,
			case when i.subject is null then 0 else 1 end
		from todo w
			join outreach o on o.id = w.outreach
			left join (` + source + `) i on i.subject = w.subject
		where w.kind = '` + string(k) + `' and ` + last + ` and w.closed = 1 and w.at >= $1 and (i.subject is null or i.at <= w.at)
		order by w.at desc, w.subject limit $2`
	list, err := db.All(ctx, s.db, k.read, q, since.UnixMicro(), n)
	if err != nil {
		return nil, fmt.Errorf("todo: done: %w", err)
	}
	return list, nil
}

// read reads an entry of k.
func (k Kind) read(scan db.Scan) (e Entry, err error) {
	var at, closed int64
	var data string
	var live int
	if err := scan(&e.Subject, &e.Patient, &e.Outreach, &e.Name, &e.Channel, &at, &data, &e.Phone, &e.Word, &e.By, &closed, &live); err != nil {
		return e, err
	}
	e.Kind, e.Note, e.At, e.Live = k, note(data), time.UnixMicro(at).UTC(), live == 1
	if closed > 0 {
		e.Closed = time.UnixMicro(closed).UTC()
	}
	return e, nil
}

// note takes what the patient wrote out of an event's data, which may hold
// anything.
func note(data string) string {
	var d struct {
		Note string `json:"note"`
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		return "" // null, or a scope
	}
	return d.Note
}

// Close closes an entry about the patient whom pass opens, with a word. One
// that is closed stays as it was.
func (s *Store) Close(ctx context.Context, pass access.Pass, k Kind, subject, word string) error {
	if err := k.check(word); err != nil {
		return err
	}
	return s.write(ctx, pass, k, subject, func(tx *db.Tx, e entry) error {
		if e.closed == 1 && e.closedAt >= e.at {
			return nil // somebody else was faster
		}
		e.closed, e.word = 1, word
		return s.add(ctx, tx, pass, k, e)
	})
}

// Reopen takes the closing of an entry back.
func (s *Store) Reopen(ctx context.Context, pass access.Pass, k Kind, subject string) error {
	return s.write(ctx, pass, k, subject, func(tx *db.Tx, e entry) error {
		if e.closed == 0 {
			return nil
		}
		e.closed, e.word = 0, ""
		return s.add(ctx, tx, pass, k, e)
	})
}

// entry is an entry as it is about to be written.
type entry struct {
	subject, patient, outreach, channel, note, word string
	at, closedAt                                    int64
	n, closed                                       int
}

// write finds the entry of the patient whom pass opens, and has fn write it.
// Another's entry is not there.
func (s *Store) write(ctx context.Context, pass access.Pass, k Kind, subject string, fn func(*db.Tx, entry) error) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	source, err := k.source()
	if err != nil {
		return err
	}
	q := `select i.subject, i.patient, i.outreach, i.channel, i.at, i.note, coalesce(w.n, 0), coalesce(w.closed, 0), coalesce(w.at, 0)
		from (` + source + `) i left join todo w on w.kind = '` + string(k) + `' and w.subject = i.subject and ` + last + `
		where i.subject = $1 and i.patient = $2`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		e, err := db.One(ctx, tx, func(scan db.Scan) (e entry, err error) {
			err = scan(&e.subject, &e.patient, &e.outreach, &e.channel, &e.at, &e.note, &e.n, &e.closed, &e.closedAt)
			return e, err
		}, q, subject, patient)
		if err != nil {
			return err
		}
		return fn(tx, e)
	})
	if err != nil {
		return fmt.Errorf("todo: %s %s: %w", k, subject, err)
	}
	return nil
}

func (s *Store) add(ctx context.Context, tx *db.Tx, pass access.Pass, k Kind, e entry) error {
	const q = `
		insert into todo (kind, subject, n, patient, outreach, channel, happened_at, note, closed, word, by, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (kind, subject, n) do nothing`
	_, err := tx.ExecContext(ctx, q, string(k), e.subject, e.n+1, e.patient, e.outreach, e.channel, e.at, e.note, e.closed, e.word, pass.Actor().ID, s.now().UnixMicro())
	return err
}
