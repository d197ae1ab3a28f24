package thread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

const lineColumns = `c.id, c.thread, c.sent_at, c.side, c.name, c.via, c.reason, c.title, c.body, c.files`

// veil leaves out what the pass does not show: of a message, and of what it
// is part of.
const veil = ` not exists (select 1 from shield z where z.patient = c.patient and z.typ = 'Communication' and (z.id = c.id or z.id = c.thread)
	and ((z.labels & $2) <> 0 or z.held_until > $3)) `

func scanLine(row db.Scan) (l Line, err error) {
	var at int64
	var files string
	if err = row(&l.ID, &l.Thread, &at, &l.Side, &l.Name, &l.Via, &l.Reason, &l.Title, &l.Text, &files); err != nil {
		return l, err
	}
	l.At = db.Time(at)
	if files != "" {
		err = json.Unmarshal([]byte(files), &l.Files)
	}
	return l, err
}

const threadColumns = `t.id, t.patient, t.reason, t.about, t.state, t.task, t.due_at, t.heard_at, t.heard_by, t.waiting_at, t.seen_at, t.said_at, t.last_at, t.closed_at, t.why`

func scanThread(row db.Scan) (t Thread, err error) {
	var state string
	var due, heard, waiting, seen, said, last, closed int64
	err = row(&t.ID, &t.Patient, &t.Reason, &t.About, &state, &t.Task, &due, &heard, &t.HeardBy, &waiting, &seen, &said, &last, &closed, &t.Why)
	t.Open, t.Team = state == "open", team(t.Reason)
	t.Due, t.Heard, t.Waiting, t.Seen, t.Said, t.Last, t.Closed = some(due), some(heard), some(waiting), some(seen), some(said), some(last), some(closed)
	return t, err
}

// some is a time, zero for none.
func some(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return db.Time(micro)
}

func (s *Store) get(ctx context.Context, c db.Conn, patient, id string) (Thread, error) {
	return db.One(ctx, c, scanThread, `select `+threadColumns+` from thread t where t.patient = $1 and t.id = $2`, patient, id)
}

// mostLines is how many messages of one patient a list is made from.
const mostLines = 500

// reads returns the patient whose messages pass opens.
func reads(pass access.Pass) (patient string, err error) {
	for _, r := range [...]access.Right{access.ReadMessages, access.SendMessages, access.AnswerPatients} {
		if patient, err = pass.Open(r); err == nil {
			return patient, nil
		}
	}
	return "", err
}

// List returns the threads of the patient whom pass opens, the one with the
// newest words first.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Thread, error) {
	return s.listed(ctx, pass, func(Line) bool { return true })
}

// Search returns the threads with a message that has every one of the words,
// whatever their case. The line that it returns with each is the newest such.
func (s *Store) Search(ctx context.Context, pass access.Pass, words string) ([]Thread, error) {
	want := strings.Fields(strings.ToLower(words))
	return s.listed(ctx, pass, func(l Line) bool {
		text := strings.ToLower(l.Title + " " + l.Text + " " + l.Name)
		return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) })
	})
}

func (s *Store) listed(ctx context.Context, pass access.Pass, wanted func(Line) bool) ([]Thread, error) {
	patient, err := reads(pass)
	if err != nil || !pass.Sees(access.Messages) {
		return nil, err
	}
	hidden, until := pass.Veil()
	const lines = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` order by c.sent_at desc, c.id desc limit $4`
	list, err := db.All(ctx, s.db, scanLine, lines, patient, hidden, until, mostLines)
	if err != nil {
		return nil, fmt.Errorf("thread: list: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	rows, err := db.All(ctx, s.db, scanThread, `select `+threadColumns+` from thread t where t.patient = $1`, patient)
	if err != nil {
		return nil, fmt.Errorf("thread: list: %w", err)
	}
	looks, err := s.looks(ctx, pass, patient)
	if err != nil {
		return nil, err
	}
	return together(list, rows, looks, wanted), nil
}

// looks returns up to when the reader has read each thread.
func (s *Store) looks(ctx context.Context, pass access.Pass, patient string) (map[string]int64, error) {
	const q = `select l.thread, l.at from thread_look l join thread t on t.id = l.thread where t.patient = $1 and l.reader = $2`
	type seen struct {
		thread string
		at     int64
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (x seen, err error) { return x, scan(&x.thread, &x.at) }, q, patient, readerOf(pass, patient))
	if err != nil {
		return nil, fmt.Errorf("thread: looks: %w", err)
	}
	by := map[string]int64{}
	for _, x := range list {
		by[x.thread] = x.at
	}
	return by, nil
}

// together makes threads of lines, newest first.
func together(lines []Line, rows []Thread, looks map[string]int64, wanted func(Line) bool) []Thread {
	by := map[string]*Thread{}
	for i := range rows {
		by[rows[i].ID] = &rows[i]
	}
	var order []string
	found := map[string]bool{}
	for _, l := range lines {
		t := by[l.Thread]
		if t == nil { // it came by a feed: nothing waits
			t = &Thread{ID: l.Thread, Reason: l.Reason, Team: team(l.Reason), Last: l.At, Said: l.At}
			by[l.Thread] = t
		}
		if wanted(l) && !found[l.Thread] {
			found[l.Thread] = true
			order = append(order, l.Thread)
			t.LastLine = l
		}
		if l.ID == l.Thread {
			t.Title = l.Title
		}
		if l.Side == Clinic && !t.Said.IsZero() && t.Heard.IsZero() && t.Patient == "" {
			t.Said = l.At
		}
		if l.Side == Clinic && t.Patient != "" && l.At.UnixMicro() > looks[l.Thread] {
			t.Unread = true
		}
	}
	out := make([]Thread, 0, len(order))
	for _, id := range order {
		if by[id].Title == "" {
			by[id].Title = titleOf(by[id].Reason)
		}
		out = append(out, *by[id])
	}
	return out
}

// Unread returns how many threads have words of the clinic that the reader
// has not read.
func (s *Store) Unread(ctx context.Context, pass access.Pass) (int, error) {
	patient, err := reads(pass)
	if err != nil || !pass.Sees(access.Messages) {
		return 0, err
	}
	hidden, until := pass.Veil()
	const q = `select count(*) from thread t left join thread_look l on l.thread = t.id and l.reader = $4
		where t.patient = $1 and t.said_at > coalesce(l.at, 0) and not exists (select 1 from shield z where z.patient = t.patient
			and z.typ = 'Communication' and z.id = t.id and ((z.labels & $2) <> 0 or z.held_until > $3))`
	n, err := db.One(ctx, s.db, db.Value[int], q, patient, hidden, until, readerOf(pass, patient))
	if err != nil {
		return 0, fmt.Errorf("thread: unread: %w", err)
	}
	return n, nil
}

// Get returns a thread that pass opens, with its lines in their order. To see
// it is not yet to have read it.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Thread, []Line, error) {
	patient, err := reads(pass)
	if err != nil {
		patient, err = pass.OpenOne(works...)
	}
	if err != nil {
		return Thread{}, nil, err
	}
	if _, err := s.first(ctx, s.db, pass, patient, id); err != nil {
		return Thread{}, nil, fmt.Errorf("thread: get %s: %w", id, err)
	}
	hidden, until := pass.Veil()
	const q = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` and c.thread = $4 order by c.sent_at, c.id limit $5`
	lines, err := db.All(ctx, s.db, scanLine, q, patient, hidden, until, id, mostLines)
	if err != nil {
		return Thread{}, nil, fmt.Errorf("thread: get %s: %w", id, err)
	}
	rows, err := db.All(ctx, s.db, scanThread, `select `+threadColumns+` from thread t where t.patient = $1 and t.id = $2`, patient, id)
	if err != nil {
		return Thread{}, nil, fmt.Errorf("thread: get %s: %w", id, err)
	}
	looks, err := s.looks(ctx, pass, patient)
	if err != nil {
		return Thread{}, nil, err
	}
	back := slices.Clone(lines)
	slices.Reverse(back)
	list := together(back, rows, looks, func(Line) bool { return true })
	return list[0], lines, nil
}

// About returns the newest thread that began with about, "" for none.
func (s *Store) About(ctx context.Context, pass access.Pass, about string) (string, error) {
	patient, err := reads(pass)
	if err != nil || about == "" {
		return "", err
	}
	hidden, until := pass.Veil()
	const q = `select t.id from thread t where t.patient = $1 and t.about = $4 and not exists (select 1 from shield z where z.patient = t.patient
		and z.typ = 'Communication' and z.id = t.id and ((z.labels & $2) <> 0 or z.held_until > $3)) order by t.made_at desc limit 1`
	list, err := db.All(ctx, s.db, db.Value[string], q, patient, hidden, until, about)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// Looked notes that the reader has read a thread that pass opens for
// ReadMessages.
func (s *Store) Looked(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.ReadMessages)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := s.get(ctx, tx, patient, id); errors.Is(err, db.ErrNone) {
			return nil // it came by a feed
		} else if err != nil {
			return err
		}
		return look(ctx, tx, id, readerOf(pass, patient), s.now().UnixMicro())
	})
	if err != nil {
		return fmt.Errorf("thread: looked at %s: %w", id, err)
	}
	return nil
}
