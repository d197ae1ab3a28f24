package dialog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Dialog is one conversation.
type Dialog struct {
	ID       string
	Patient  string // empty: nobody knows whose address it is
	Channel  policy.Channel
	Contact  string // the address that was last heard from; empty of a page
	Open     bool
	Unread   int
	Heard    time.Time
	Waiting  time.Time // the first that was heard and not answered; zero: nobody waits
	Due      time.Time
	Last     time.Time
	Assigned string // an account
	Stop     bool
	Wrong    bool
	ClosedBy string
	Closed   time.Time
	Reason   string
	Snippet  string // the beginning of what was last said
}

// Late says whether an answer is overdue.
func (d Dialog) Late(now time.Time) bool { return !d.Due.IsZero() && d.Due.Before(now) }

// Filter says which conversations are wanted.
type Filter string

// The filters.
const (
	Open       Filter = "open"
	Mine       Filter = "mine"
	Unassigned Filter = "unassigned"
	Late       Filter = "late"
	Closed     Filter = "closed"
)

// Filters returns every filter.
func Filters() []Filter { return []Filter{Open, Mine, Unassigned, Late, Closed} }

// wanted is what the filters ask for: $1 is the time, $2 the account and $3 the
// filter.
const wanted = `
	($3 = 'open' and state = 'open' or $3 = 'mine' and state = 'open' and assigned = $2 or $3 = 'unassigned' and state = 'open' and assigned = ''
		or $3 = 'late' and state = 'open' and due_at > 0 and due_at < cast($1 as bigint) or $3 = 'closed' and state = 'closed')`

const columns = `id, patient, channel, contact, state, unread, heard_at, waiting_at, due_at, last_at, assigned, stop, wrong, closed_by, closed_at, reason`

type sealedDialog struct {
	Dialog
	contact []byte
}

func read(scan db.Scan) (d sealedDialog, err error) {
	var state string
	var heard, waiting, due, last, closed int64
	var stop, wrong int
	err = scan(&d.ID, &d.Patient, &d.Channel, &d.contact, &state, &d.Unread, &heard, &waiting, &due, &last, &d.Assigned, &stop, &wrong, &d.ClosedBy, &closed, &d.Reason)
	d.Open, d.Stop, d.Wrong = state == "open", stop == 1, wrong == 1
	d.Heard, d.Waiting, d.Due, d.Last, d.Closed = db.Time(heard), some(waiting), some(due), db.Time(last), some(closed)
	return d, err
}

// some is a time, zero for none.
func some(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return db.Time(micro)
}

// List returns the n conversations of a filter: those first whose answer is
// due first, the closed newest first.
func (s *Store) List(ctx context.Context, pass access.Pass, f Filter, n int) ([]Dialog, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	if !slices.Contains(Filters(), f) {
		return nil, errFilter
	}
	const soonest = `select ` + columns + ` from dialog where ` + wanted + ` order by case when due_at = 0 then 1 else 0 end, due_at, last_at desc, id limit $4`
	const newest = `select ` + columns + ` from dialog where ` + wanted + ` order by closed_at desc, id limit $4`
	q := soonest
	if f == Closed {
		q = newest
	}
	list, err := db.All(ctx, s.db, read, q, db.Micro(s.now()), pass.Actor().ID, string(f), n)
	if err != nil {
		return nil, fmt.Errorf("dialog: list: %w", err)
	}
	out := make([]Dialog, len(list))
	for i, d := range list {
		if out[i], err = s.whole(ctx, d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Counts returns how many conversations each filter has, but for the closed.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (map[Filter]int, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	out := map[Filter]int{}
	for _, f := range []Filter{Open, Mine, Unassigned, Late} {
		n, err := db.One(ctx, s.db, db.Value[int], `select count(*) from dialog where `+wanted, db.Micro(s.now()), pass.Actor().ID, string(f))
		if err != nil {
			return nil, fmt.Errorf("dialog: counts: %w", err)
		}
		out[f] = n
	}
	return out, nil
}

// whole opens what of a conversation is sealed.
func (s *Store) whole(ctx context.Context, d sealedDialog) (Dialog, error) {
	var w words
	if err := s.unseal(ctx, d.contact, "dialog", "contact", d.ID, &w); err != nil {
		return d.Dialog, err
	}
	d.Contact = w.From
	const last = `select id, body from dialog_entry where dialog = $1 and kind in ('heard', 'said') order by at desc, id desc limit 1`
	type sealed struct {
		id   string
		body []byte
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (x sealed, err error) { return x, scan(&x.id, &x.body) }, last, d.ID)
	if err != nil || len(list) == 0 {
		return d.Dialog, err
	}
	w = words{}
	if err := s.unseal(ctx, list[0].body, "dialog_entry", "body", list[0].id, &w); err != nil {
		return d.Dialog, err
	}
	d.Snippet = short(w.Text)
	return d.Dialog, nil
}

func short(text string) string {
	list := []rune(strings.Join(strings.Fields(text), " "))
	if len(list) > 90 {
		return string(list[:88]) + "…"
	}
	return string(list)
}

// unseal opens one value. What was erased for good shows as nothing.
func (s *Store) unseal(ctx context.Context, sealed []byte, table, column, row string, v any) error {
	if len(sealed) == 0 {
		return nil
	}
	plain, err := s.box.Open(ctx, sealed, table, column, row)
	if errors.Is(err, keys.ErrShredded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dialog: open %s %s: %w", table, row, err)
	}
	return json.Unmarshal(plain, v)
}

// Whose returns the patient of a conversation, or "" where nobody knows it,
// so that a pass can be asked for.
func (s *Store) Whose(ctx context.Context, id string) (string, error) {
	return db.One(ctx, s.db, db.Value[string], `select patient from dialog where id = $1`, id)
}

// allowed says whether pass opens a conversation of patient.
func allowed(pass access.Pass, patient string) error {
	if patient == "" {
		return pass.OpenAll(access.AnswerPatients)
	}
	whose, err := pass.Open(access.AnswerPatients)
	if err == nil && whose != patient {
		err = db.ErrNone
	}
	return err
}

// Get returns one conversation that pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Dialog, error) {
	d, err := db.One(ctx, s.db, read, `select `+columns+` from dialog where id = $1`, id)
	if err == nil {
		err = allowed(pass, d.Patient)
	}
	if err != nil {
		return Dialog{}, fmt.Errorf("dialog: %s: %w", id, err)
	}
	return s.whole(ctx, d)
}

// Entry is one line of a conversation: what was heard, said, noted or done, or
// what Hale sent of itself.
type Entry struct {
	ID          string
	Kind        string // heard, said, note, deed, sent
	Channel     policy.Channel
	Message     string
	At          time.Time
	By          string // the account; empty: the person, or Hale
	Meaning     string
	Subject     string
	Text        string // what went over the channel, or was said
	Page        string // what stands behind the link
	State       string // of a message: accepted, delivered, seen, …
	Reason      string // of a message that did not arrive
	Attachments []Attachment
}

// lines is how many entries and how many messages a conversation shows.
const lines = 200

// Entries returns a conversation's lines in their order: the last of them.
func (s *Store) Entries(ctx context.Context, pass access.Pass, d Dialog) ([]Entry, error) {
	if err := allowed(pass, d.Patient); err != nil {
		return nil, err
	}
	const q = `
		select e.id, e.kind, e.channel, e.message, e.at, e.by, e.meaning, e.body, coalesce(m.state, ''), coalesce(m.reason, '')
		from dialog_entry e left join message m on m.id = e.message and e.kind = 'said'
		where e.dialog = $1 order by e.at desc, e.id desc limit $2`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (x sealedEntry, err error) {
		var at int64
		err = scan(&x.ID, &x.Kind, &x.Channel, &x.Message, &at, &x.By, &x.Meaning, &x.body, &x.State, &x.Reason)
		x.At = db.Time(at)
		return x, err
	}, q, d.ID, lines)
	if err != nil {
		return nil, fmt.Errorf("dialog: entries of %s: %w", d.ID, err)
	}
	var out []Entry
	for _, x := range list {
		var w words
		if err := s.unseal(ctx, x.body, "dialog_entry", "body", x.ID, &w); err != nil {
			return nil, err
		}
		x.Subject, x.Text, x.Attachments = w.Subject, w.Text, w.Attachments
		out = append(out, x.Entry)
	}
	sent, err := s.sent(ctx, pass, d)
	if err != nil {
		return nil, err
	}
	out = append(out, sent...)
	slices.SortStableFunc(out, func(a, b Entry) int { return a.At.Compare(b.At) })
	return out[max(0, len(out)-lines):], nil
}

type sealedEntry struct {
	Entry
	body []byte
}

// sent returns what Hale sent to the patient of itself, but for codes, what
// never left, and what the reader may not see.
func (s *Store) sent(ctx context.Context, pass access.Pass, d Dialog) ([]Entry, error) {
	if d.Patient == "" {
		return nil, nil
	}
	hidden, until := pass.Veil()
	const q = `
		select m.id, m.channel, case when m.accepted_at > 0 then m.accepted_at else m.created_at end, m.state, m.reason, m.body
		from message m
		where m.patient = $1 and not exists (select 1 from shield z where z.patient = m.patient and z.typ = 'Message' and z.id = m.id
				and ((z.labels & $2) <> 0 or z.held_until > $3))
			and m.purpose <> 'security' and m.state not in ('scheduled', 'suppressed') and m.created_at > 0
			and not exists (select 1 from dialog_entry e where e.message = m.id and e.kind = 'said')
		order by m.created_at desc, m.id desc limit $4`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (x sealedEntry, err error) {
		var at int64
		x.Kind = "sent"
		err = scan(&x.Message, &x.Channel, &at, &x.State, &x.Reason, &x.body)
		x.At = db.Time(at)
		return x, err
	}, q, d.Patient, hidden, until, lines)
	if err != nil {
		return nil, fmt.Errorf("dialog: messages of %s: %w", d.ID, err)
	}
	out := make([]Entry, len(list))
	for i, x := range list {
		if s.Bodies == nil {
			out[i] = x.Entry
			continue
		}
		b, err := s.Bodies(ctx, x.Message, x.body)
		if err != nil {
			return nil, err
		}
		x.Subject, x.Text, x.Page = b.Subject, b.Text, b.Page
		out[i] = x.Entry
	}
	return out, nil
}

// Body is what a message says.
type Body struct{ Subject, Text, Page string }

// Viewer is somebody who has a conversation open.
type Viewer struct {
	Account, Name string
	At            time.Time
}

// viewing is how long after somebody's page last asked they count as there.
const viewing = 45 * time.Second

const others = `select account, name, at from dialog_viewer where dialog = $1 and account <> $2 and at > $3 order by at desc`

func readViewer(scan db.Scan) (v Viewer, err error) {
	var at int64
	err = scan(&v.Account, &v.Name, &at)
	v.At = db.Time(at)
	return v, err
}

// Others returns who else has a conversation open.
func (s *Store) Others(ctx context.Context, pass access.Pass, d Dialog) ([]Viewer, error) {
	if err := allowed(pass, d.Patient); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, readViewer, others, d.ID, pass.Actor().ID, db.Micro(s.now().Add(-viewing)))
	if err != nil {
		return nil, fmt.Errorf("dialog: others at %s: %w", d.ID, err)
	}
	return list, nil
}

// Look notes that the reader has a conversation open, so that nothing in it is
// unread any more, and returns who else has.
func (s *Store) Look(ctx context.Context, pass access.Pass, d Dialog, name string) ([]Viewer, error) {
	if err := allowed(pass, d.Patient); err != nil {
		return nil, err
	}
	now := db.Micro(s.now())
	const note = `
		insert into dialog_viewer (dialog, account, name, at) values ($1, $2, $3, $4)
		on conflict (dialog, account) do update set name = excluded.name, at = excluded.at`
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, note, d.ID, pass.Actor().ID, name, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from dialog_viewer where at < $1`, db.Micro(s.now().Add(-24*time.Hour))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update dialog set unread = 0 where id = $1 and unread > 0`, d.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dialog: look at %s: %w", d.ID, err)
	}
	return s.Others(ctx, pass, d)
}
