package thread

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Behind returns the thread that a message told of, or that began with an
// answer to it, with its lines in their order, for the reader of the message,
// whom pass opens for ReadMessage; ok is false where there is none. Said is
// the line that the message told of, which its page shows already.
func (s *Store) Behind(ctx context.Context, pass access.Pass, message string) (t Thread, lines []Line, said string, ok bool, err error) {
	patient, err := pass.Open(access.ReadMessage)
	if err != nil {
		return t, nil, "", false, err
	}
	const q = `select t.id, coalesce(n.communication, '') from thread t left join thread_notice n on n.thread = t.id and n.message = $2
		where t.patient = $1 and (n.message = $2 or t.about = $2) order by case when n.message = $2 then 0 else 1 end, t.made_at desc limit 1`
	type found struct{ thread, said string }
	f, err := db.One(ctx, s.db, func(scan db.Scan) (f found, err error) { return f, scan(&f.thread, &f.said) }, q, patient, message)
	if errors.Is(err, db.ErrNone) {
		return t, nil, "", false, nil
	}
	if err != nil {
		return t, nil, "", false, fmt.Errorf("thread: behind %s: %w", message, err)
	}
	if t, err = s.get(ctx, s.db, patient, f.thread); err != nil {
		return t, nil, "", false, fmt.Errorf("thread: behind %s: %w", message, err)
	}
	hidden, until := pass.Veil()
	const all = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` and c.thread = $4 order by c.sent_at, c.id limit $5`
	lines, err = db.All(ctx, s.db, scanLine, all, patient, hidden, until, f.thread, mostLines)
	if err != nil {
		return t, nil, "", false, fmt.Errorf("thread: behind %s: %w", message, err)
	}
	return t, lines, f.said, true, nil
}

// heardIn returns the thread to which h belongs: the one that its message told
// of, or the one that began with an answer to it. Where there is none and h
// says how one would be called, it returns one that is to begin.
func (s *Store) heardIn(ctx context.Context, tx *db.Tx, h Heard) (t Thread, ok bool, err error) {
	const notice = `select ` + threadColumns + ` from thread t join thread_notice n on n.thread = t.id where n.message = $1`
	if t, err = db.One(ctx, tx, scanThread, notice, h.Message); !errors.Is(err, db.ErrNone) {
		return t, err == nil && (h.Patient == "" || h.Patient == t.Patient), err
	}
	if h.Title == "" || h.Patient == "" {
		return t, false, nil
	}
	const about = `select ` + threadColumns + ` from thread t where t.about = $1 and t.patient = $2 order by t.made_at desc limit 1`
	if t, err = db.One(ctx, tx, scanThread, about, h.Message, h.Patient); !errors.Is(err, db.ErrNone) {
		return t, err == nil, err
	}
	return Thread{Patient: h.Patient, Reason: "other"}, true, nil
}
