package thread

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Whose returns the patient of a thread, for whoever asks for a pass.
func (s *Store) Whose(ctx context.Context, pass access.Pass, id string) (string, error) {
	desk, err := deskOf(pass)
	if err != nil {
		return "", err
	}
	hidden, until := pass.Veil()
	const q = `select ` + lineColumns + `, c.patient from communication c where $1 = c.id and ` + veil + ` and c.thread = c.id`
	patient := ""
	l, err := db.One(ctx, s.db, func(scan db.Scan) (Line, error) {
		return scanLine(func(to ...any) error { return scan(append(to, &patient)...) })
	}, q, id, hidden, until)
	if err == nil && desk.team != "" && desk.team != team(l.Reason) {
		err = db.ErrNone
	}
	if err != nil {
		return "", fmt.Errorf("thread: whose %s: %w", id, err)
	}
	return patient, nil
}

// See notes that somebody of the clinic has read what waits in a thread of
// the patient whom pass opens for an answer. The first one counts.
func (s *Store) See(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.OpenOne(works...)
	if err != nil {
		return err
	}
	var t Thread
	err = s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		if _, err := s.first(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		const q = `update thread set seen_at = $3 where id = $1 and patient = $2 and seen_at = 0 and waiting_at > 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, s.now().UnixMicro()))
		if err != nil || n == 0 {
			return err
		}
		t, err = s.get(ctx, tx, patient, id)
		return err
	})
	if err == nil && t.Task != "" {
		if err = s.tasks.Read(ctx, pass, t.Task); over(err) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("thread: see %s: %w", id, err)
	}
	return nil
}

// AnswerTx adds what the clinic answers to a thread of the patient whom pass
// opens for an answer, inside the transaction that makes message, which
// tells the patient of it; empty: nothing could. Nobody waits after it.
func (s *Store) AnswerTx(ctx context.Context, tx *db.Tx, pass access.Pass, id, message string, w Words) error {
	return s.say(ctx, tx, pass, id, message, w, Portal, task.Finished)
}

// Call notes what was said on the phone about a thread. The patient reads it
// there, and nobody waits after it.
func (s *Store) Call(ctx context.Context, pass access.Pass, id, text string) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		return s.say(ctx, tx, pass, id, "", Words{Text: text}, Phone, task.Called)
	})
}

func (s *Store) say(ctx context.Context, tx *db.Tx, pass access.Pass, id, message string, w Words, via Via, why task.Reason) error {
	patient, err := pass.OpenOne(works...)
	if err != nil {
		return err
	}
	if w, err = w.check(); err != nil {
		return err
	}
	t, err := s.take(ctx, tx, pass, patient, id)
	if err != nil {
		return fmt.Errorf("thread: answer %s: %w", id, err)
	}
	l := saying{id: s.ids.New(), thread: id, patient: patient, side: Clinic, name: pass.Actor().Name, via: via, reason: t.Reason, at: s.now(), words: w}
	if err := s.put(ctx, tx, pass.Actor(), l); err != nil {
		return fmt.Errorf("thread: answer %s: %w", id, err)
	}
	if err := s.translated(ctx, tx, pass, l); err != nil {
		return err
	}
	at := l.at.UnixMicro()
	const q = `update thread set said_at = $2, last_at = $2, waiting_at = 0, due_at = 0, seen_at = 0, state = 'open', closed_at = 0, closed_by = '', why = '' where id = $1`
	if _, err := tx.ExecContext(ctx, q, id, at); err != nil {
		return fmt.Errorf("thread: answer %s: %w", id, err)
	}
	if err := told(ctx, tx, message, id, l.id, at); err != nil {
		return err
	}
	if t.Waiting.IsZero() {
		return nil
	}
	return s.end(ctx, tx, pass, t, why, cut(w.Text, 3900))
}

// translated asks for a translation of what the clinic said, if it is to have
// one.
func (s *Store) translated(ctx context.Context, tx *db.Tx, pass access.Pass, l saying) error {
	if l.words.Translate == "" || s.translations == nil {
		return nil
	}
	return s.translations.AskTx(ctx, tx, pass, "Communication", l.id, l.words.Translate)
}

// ToldTx notes that a message tells the patient of the translation of a line,
// in the transaction that makes the message. What is answered to it comes to
// the thread.
func (s *Store) ToldTx(ctx context.Context, tx *db.Tx, message, line string) error {
	thread, err := db.One(ctx, tx, db.Value[string], `select thread from communication where id = $1`, line)
	if err != nil {
		return fmt.Errorf("thread: told of %s: %w", line, err)
	}
	return told(ctx, tx, message, thread, line, s.now().UnixMicro())
}

// end closes the task of a thread, if somebody else has not done so.
func (s *Store) end(ctx context.Context, tx *db.Tx, pass access.Pass, t Thread, why task.Reason, answer string) error {
	if t.Task == "" {
		return nil
	}
	if err := s.tasks.CloseTx(ctx, tx, pass, t.Task, why, answer); err != nil && !over(err) {
		return fmt.Errorf("thread: answer %s: %w", t.ID, err)
	}
	return nil
}

// Close closes a thread with a reason. What the patient's side writes later
// opens it again.
func (s *Store) Close(ctx context.Context, pass access.Pass, id, why string) error {
	if !slices.Contains(CloseReasons(), why) {
		return errWhy
	}
	return s.change(ctx, pass, id, func(tx *db.Tx, t Thread) error {
		if !t.Open {
			return errClosed
		}
		const q = `update thread set state = 'closed', closed_at = $2, closed_by = $3, why = $4, waiting_at = 0, due_at = 0, seen_at = 0 where id = $1`
		if _, err := tx.ExecContext(ctx, q, id, s.now().UnixMicro(), pass.Actor().ID, why); err != nil {
			return err
		}
		if t.Waiting.IsZero() {
			return nil
		}
		return s.end(ctx, tx, pass, t, taskReason(why), "")
	})
}

// taskReason is why a task ends when its thread is closed.
func taskReason(why string) task.Reason {
	switch why {
	case "called":
		return task.Called
	case "passed on":
		return task.Mistaken
	}
	return task.Finished
}

// Reopen takes a closing back. Nobody waits by that: there is no new task.
func (s *Store) Reopen(ctx context.Context, pass access.Pass, id string) error {
	return s.change(ctx, pass, id, func(tx *db.Tx, t Thread) error {
		if t.Open {
			return errOpen
		}
		_, err := tx.ExecContext(ctx, `update thread set state = 'open', closed_at = 0, closed_by = '', why = '' where id = $1`, id)
		return err
	})
}

// change lets do change a thread of the patient whom pass opens.
func (s *Store) change(ctx context.Context, pass access.Pass, id string, do func(tx *db.Tx, t Thread) error) error {
	patient, err := pass.OpenOne(works...)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		t, err := s.take(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		return do(tx, t)
	})
	if err != nil {
		return fmt.Errorf("thread: %s: %w", id, err)
	}
	return nil
}

// Note is what somebody of the staff wrote for the others.
type Note struct {
	At   time.Time
	By   string // an account
	Text string
}

// AddNote adds a note that the patient never sees.
func (s *Store) AddNote(ctx context.Context, pass access.Pass, id, text string) error {
	text = tidy(text)
	switch {
	case text == "":
		return errNote
	case len(text) > maxNote:
		return errLong
	}
	return s.change(ctx, pass, id, func(tx *db.Tx, _ Thread) error {
		row := s.ids.New()
		sealed, err := s.ring.Seal(ctx, tx, keys.Messages, "thread_note", "body", row, []byte(text))
		if err != nil {
			return err
		}
		const q = `insert into thread_note (id, thread, at, by, body) values ($1, $2, $3, $4, $5)`
		_, err = tx.ExecContext(ctx, q, row, id, s.now().UnixMicro(), pass.Actor().ID, sealed)
		return err
	})
}

// Notes returns the notes on a thread that pass opens for an answer.
func (s *Store) Notes(ctx context.Context, pass access.Pass, id string) ([]Note, error) {
	patient, err := pass.OpenOne(works...)
	if err != nil {
		return nil, err
	}
	if _, err := s.first(ctx, s.db, pass, patient, id); err != nil {
		return nil, fmt.Errorf("thread: notes on %s: %w", id, err)
	}
	type sealed struct {
		Note
		id   string
		body []byte
	}
	const q = `select id, at, by, body from thread_note where thread = $1 order by at, id`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (x sealed, err error) {
		var at int64
		err = scan(&x.id, &at, &x.By, &x.body)
		x.At = db.Time(at)
		return x, err
	}, q, id)
	if err != nil {
		return nil, fmt.Errorf("thread: notes on %s: %w", id, err)
	}
	out := make([]Note, 0, len(list))
	for _, x := range list {
		plain, err := s.ring.Open(ctx, x.body, "thread_note", "body", x.id)
		if errors.Is(err, keys.ErrShredded) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("thread: notes on %s: %w", id, err)
		}
		x.Text = string(plain)
		out = append(out, x.Note)
	}
	return out, nil
}

// ReadAt returns up to when the patient, or somebody who acts for them, has
// read a thread that pass opens for an answer; zero: never.
func (s *Store) ReadAt(ctx context.Context, pass access.Pass, id string) (time.Time, error) {
	patient, err := pass.OpenOne(works...)
	if err != nil {
		return time.Time{}, err
	}
	const q = `select coalesce(max(l.at), 0) from thread_look l join thread t on t.id = l.thread where t.id = $1 and t.patient = $2`
	at, err := db.One(ctx, s.db, db.Value[int64], q, id, patient)
	if err != nil {
		return time.Time{}, fmt.Errorf("thread: read at %s: %w", id, err)
	}
	return some(at), nil
}
