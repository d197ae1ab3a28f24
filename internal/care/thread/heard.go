package thread

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/base/seal"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Heard is what somebody answered to a message that told of a thread.
type Heard struct {
	Message string // the message answered, its id
	Patient string // who answered, as far as that is known; empty: whose message it was
	Via     Via
	Text    string
	Files   []intake.File // as intake opened them, MaxFiles at most
	At      time.Time
	Key     string // the same when it is brought again
	By      string // the account of the caregiver to whom the message went; empty: the patient wrote
	Name    string // theirs
	Title   string // of the thread that begins with this, if there is none; empty: none begins
}

// Hear adds an answer to the thread that its message told of, in the
// transaction of its cause, or begins one about the message where h has a
// title for it. It returns the thread, "" for none; and the thread waits for
// an answer by that, for which Ask has to ask.
func (s *Store) Hear(ctx context.Context, tx *db.Tx, h Heard) (id string, err error) {
	if h.Message == "" {
		return "", nil
	}
	t, ok, err := s.heardIn(ctx, tx, h)
	if err != nil {
		return "", fmt.Errorf("thread: hear: %w", err)
	}
	if !ok {
		return "", nil
	}
	w := Words{Text: h.Text, Files: h.Files}
	if list := []rune(tidy(h.Text)); len(list) > longest {
		w.Text = string(list[:longest])
	}
	if w, err = w.check(); err != nil {
		return "", nil // nothing but a picture: a conversation keeps it
	}
	if h.Via == Page { // the same words after an answer are new ones
		h.Key += "|" + strconv.FormatInt(t.Said.UnixMicro(), 10)
	}
	l := saying{id: s.ids.New(), thread: t.ID, patient: t.Patient, side: Patient, via: h.Via, reason: t.Reason, words: w}
	if t.ID == "" {
		l.thread, l.title, l.about = l.id, short(h.Title, maxTitle), h.Message
	}
	const once = `insert into thread_heard (dedupe, thread, at) values ($1, $2, $3) on conflict (dedupe) do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, once, seal.Hash(string(h.Via)+"|"+h.Key), l.thread, s.now().UnixMicro()))
	if err != nil || n == 0 {
		return l.thread, err
	}
	by := writer{actor: access.SystemActor("messages", access.WriteRecord), reader: string(Patient)}
	if h.By != "" {
		l.side, l.name, by.reader, by.account = Caregiver, h.Name, h.By, h.By
	}
	if err := s.hear(ctx, tx, by, l); err != nil {
		return "", fmt.Errorf("thread: hear: %w", err)
	}
	return l.thread, nil
}

// Pending is a thread for whose answer nobody has been asked.
type Pending struct{ Thread, Patient string }

// Unasked returns up to n threads for whose answer nobody has been asked:
// what came by a page, a text or a mail.
func (s *Store) Unasked(ctx context.Context, n int) ([]Pending, error) {
	const q = `select t.id, t.patient from thread t where t.waiting_at > 0 and t.task = '' order by t.waiting_at, t.id limit $1`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (w Pending, err error) { return w, scan(&w.Thread, &w.Patient) }, q, n)
	if err != nil {
		return nil, fmt.Errorf("thread: unasked: %w", err)
	}
	return list, nil
}

// Ask asks the desk for an answer to what waits in a thread of the patient
// whom pass opens for SendMessages.
func (s *Store) Ask(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		hidden, until := pass.Veil()
		const q = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` and c.thread = $4 and c.side <> 'clinic' order by c.sent_at desc, c.id desc limit 1`
		l, err := db.One(ctx, tx, scanLine, q, patient, hidden, until, id)
		said := saying{patient: patient, thread: id, reason: l.Reason, words: Words{Text: l.Text}}
		if errors.Is(err, db.ErrNone) { // what it says is hidden from whoever asks here
			t, err := s.get(ctx, tx, patient, id)
			if err != nil {
				return err
			}
			said.reason = t.Reason
		} else if err != nil {
			return err
		} else if begun, err := s.first(ctx, tx, pass, patient, id); err == nil { // a hidden one has no name here
			said.title = begun.Title
		}
		return s.ask(ctx, tx, pass, said)
	})
	if err != nil {
		return fmt.Errorf("thread: ask %s: %w", id, err)
	}
	return nil
}

// Shown notes that the reader of a message, whom pass opens for ReadMessage,
// has read what it told of.
func (s *Store) Shown(ctx context.Context, pass access.Pass, message string) error {
	patient, err := pass.Open(access.ReadMessage)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `select t.id from thread t join thread_notice n on n.thread = t.id where n.message = $1 and t.patient = $2`
		list, err := db.All(ctx, tx, db.Value[string], q, message, patient)
		if err != nil || len(list) == 0 {
			return err
		}
		return look(ctx, tx, list[0], readerOf(pass, patient), s.now().UnixMicro())
	})
	if err != nil {
		return fmt.Errorf("thread: shown %s: %w", message, err)
	}
	return nil
}

var errNoFile = errs.New(errs.NotFound, "There is no file with this message.")

// File returns the nth file, from 0, of a message in a thread that pass
// opens.
func (s *Store) File(ctx context.Context, pass access.Pass, id, line string, n int) (f File, body []byte, err error) {
	_, lines, err := s.Get(ctx, pass, id)
	if err != nil {
		return f, nil, err
	}
	i := slices.IndexFunc(lines, func(l Line) bool { return l.ID == line })
	if i < 0 || n < 0 || n >= len(lines[i].Files) {
		return f, nil, errNoFile
	}
	res, err := s.records.Get(ctx, pass, "Communication", line)
	if err != nil {
		return f, nil, fmt.Errorf("thread: file of %s: %w", line, err)
	}
	node, err := fhir.Parse(res.Body)
	if err != nil {
		return f, nil, fmt.Errorf("thread: file of %s: %w", line, err)
	}
	at := 0
	for p := range node.Get("payload").Each() {
		a := p.Get("contentAttachment")
		if !a.Exists() {
			continue
		}
		if at == n {
			body, err = base64.StdEncoding.DecodeString(a.Get("data").Text())
			if err != nil || len(body) == 0 {
				return f, nil, errNoFile
			}
			return lines[i].Files[n], body, nil
		}
		at++
	}
	return f, nil, errNoFile
}

// Tells says whether a message of a patient told of a thread, so that what is
// answered to it comes there.
func (s *Store) Tells(ctx context.Context, message, patient string) (bool, error) {
	const q = `select count(*) from thread_notice n join thread t on t.id = n.thread where n.message = $1 and t.patient = $2`
	n, err := db.One(ctx, s.db, db.Value[int], q, message, patient)
	if err != nil {
		return false, fmt.Errorf("thread: tells %s: %w", message, err)
	}
	return n > 0, nil
}
