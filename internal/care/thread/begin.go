package thread

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// ErrTwice says that the same form has begun a thread already.
var ErrTwice = errs.New(errs.Conflict, "This message is sent already. You find it under Messages.")

// BeginTx begins a thread in which the clinic writes first, to the patient
// whom pass opens for AnswerPatients, inside the transaction that makes
// message, which tells the patient of it; empty: nothing could. It returns
// the thread's id. Nobody waits after it: it comes to the desk's queue when
// the patient answers. Once names the form that it came from, so that what is
// pressed twice is said once: ErrTwice, with the id of the first.
func (s *Store) BeginTx(ctx context.Context, tx *db.Tx, pass access.Pass, in New, message, once string) (id string, err error) {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return "", err
	}
	reason, ok := ReasonOf(in.Reason)
	if !ok {
		return "", errReason
	}
	if in.Words, err = in.Words.check(); err != nil {
		return "", err
	}
	if in.Title = short(in.Title, maxTitle); in.Title == "" {
		in.Title = reason.Title
	}
	id = s.ids.New()
	key := seal.Hash("desk|" + patient + "|" + once)
	const claim = `insert into thread_heard (dedupe, thread, at) values ($1, $2, $3) on conflict (dedupe) do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, claim, key, id, s.now().UnixMicro()))
	if err == nil && n == 0 {
		id, err = db.One(ctx, tx, db.Value[string], `select thread from thread_heard where dedupe = $1`, key)
		if err == nil {
			err = ErrTwice
		}
		return id, err
	}
	if err != nil {
		return "", fmt.Errorf("thread: begin: %w", err)
	}
	l := saying{id: id, thread: id, patient: patient, side: Clinic, name: pass.Actor().Name, via: Portal, reason: in.Reason, title: in.Title, about: in.About, at: s.now(), words: in.Words}
	if err := s.put(ctx, tx, pass.Actor(), l); err != nil {
		return "", fmt.Errorf("thread: begin: %w", err)
	}
	if err := s.translated(ctx, tx, pass, l); err != nil {
		return "", err
	}
	at := l.at.UnixMicro()
	const note = `insert into thread (id, patient, reason, about, state, said_at, made_at, last_at) values ($1, $2, $3, $4, 'open', $5, $5, $5)`
	if _, err := tx.ExecContext(ctx, note, id, patient, in.Reason, in.About, at); err != nil {
		return "", fmt.Errorf("thread: begin: %w", err)
	}
	return id, told(ctx, tx, message, id, id, at)
}

// told notes which message tells of what the clinic said, so that what is
// answered to it comes to the thread.
func told(ctx context.Context, tx *db.Tx, message, thread, line string, at int64) error {
	if message == "" {
		return nil
	}
	const q = `insert into thread_notice (message, thread, communication, made_at) values ($1, $2, $3, $4)`
	if _, err := tx.ExecContext(ctx, q, message, thread, line, at); err != nil {
		return fmt.Errorf("thread: told of %s: %w", thread, err)
	}
	return nil
}
