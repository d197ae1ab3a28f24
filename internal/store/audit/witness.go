package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Witness keeps checkpoints where whoever bends the log does not reach.
type Witness interface {
	Name() string
	// Pace is how long to wait after one before the next; whoever has a pace
	// gets the newest alone. 0: every checkpoint, in order.
	Pace() time.Duration
	// Take returns when c is kept.
	Take(ctx context.Context, c Checkpoint) error
}

// remembers is a witness that knows itself what it has.
type remembers interface {
	Last() (Checkpoint, error)
}

// pause is how long to leave a witness alone that failed.
type pause struct {
	until time.Time
	wait  time.Duration
}

const (
	maxPause = 5 * time.Minute
	tellFor  = 10 * time.Second // one checkpoint, one witness
	tellMost = 500              // checkpoints at one beat
)

// tell brings every witness up to date; one that is down catches up later.
func (n *Notary) tell(ctx context.Context) {
	for _, w := range n.witnesses {
		p := n.retry[w.Name()]
		if n.now().Before(p.until) {
			continue
		}
		err := n.inform(ctx, w)
		if err == nil {
			delete(n.retry, w.Name())
			continue
		}
		p.wait = min(max(2*p.wait, time.Second), maxPause)
		p.until = n.now().Add(p.wait)
		n.retry[w.Name()] = p
		if ctx.Err() == nil {
			n.log.Error("audit: witness", "witness", w.Name(), "err", err)
		}
	}
}

// Tell brings every witness up to date now and returns what failed.
func (n *Notary) Tell(ctx context.Context) error {
	var all error
	for _, w := range n.witnesses {
		all = errors.Join(all, n.inform(ctx, w))
	}
	return all
}

// inform gives w what it does not have.
func (n *Notary) inform(ctx context.Context, w Witness) error {
	state, err := n.claim(ctx, w)
	if err != nil || !state.mine {
		return err
	}
	list, err := n.news(ctx, w, state)
	for i := 0; err == nil && i < len(list); i++ {
		c := list[i]
		if err = give(ctx, w, c); err == nil {
			state.number, state.taken = c.Number, n.now()
		}
	}
	const q = `update audit_witness set number = $2, taken_at = $3, failed_at = $4, lease = 0 where name = $1`
	failed := int64(0)
	if err != nil {
		failed = n.now().UnixMicro()
	}
	if ctx.Err() != nil {
		var cancel func()
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), tellFor)
		defer cancel()
	}
	if len(list) == 0 && failed == 0 && !state.failed {
		return nil
	}
	_, write := n.db.ExecContext(ctx, q, w.Name(), state.number, db.Micro(state.taken), failed)
	return errors.Join(err, write)
}

func give(ctx context.Context, w Witness, c Checkpoint) error {
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	return w.Take(ctx, c)
}

// told is how far a witness has come.
type told struct {
	mine   bool // this node may tell it now
	number int64
	taken  time.Time
	failed bool
}

// claim returns how far w has come, and keeps other nodes from telling it at
// the same time. Nothing is written while there is nothing to tell.
func (n *Notary) claim(ctx context.Context, w Witness) (told, error) {
	const get = `
		select coalesce(max(c.number), 0), coalesce(max(w.number), 0), coalesce(max(w.taken_at), 0), coalesce(max(w.failed_at), 0), count(w.name)
		from (select max(number) as number from audit_checkpoint) c left join audit_witness w on w.name = $1`
	type standing struct {
		newest, number, taken, failed int64
		known                         int
	}
	scan := func(scan db.Scan) (s standing, err error) {
		return s, scan(&s.newest, &s.number, &s.taken, &s.failed, &s.known)
	}
	s, err := db.One(ctx, n.db, scan, get, w.Name())
	if err != nil {
		return told{}, err
	}
	t := told{number: s.number, taken: moment(s.taken), failed: s.failed != 0}
	if s.known == 0 {
		const add = `insert into audit_witness (name) values ($1) on conflict do nothing`
		if _, err := n.db.ExecContext(ctx, add, w.Name()); err != nil {
			return t, err
		}
	}
	if _, ok := w.(remembers); ok {
		t.mine = true
		return t, nil
	}
	since := n.now().Sub(t.taken)
	if s.newest <= s.number || w.Pace() > 0 && since >= 0 && since < w.Pace() {
		return t, nil
	}
	const lease = `update audit_witness set lease = $2 where name = $1 and lease < $3`
	now := n.now()
	changed, err := db.Changed(n.db.ExecContext(ctx, lease, w.Name(), now.Add(2*time.Minute).UnixMicro(), now.UnixMicro()))
	t.mine = changed == 1
	return t, err
}

var errFork = errs.New(errs.Conflict, "The witness holds a checkpoint that this log does not have: the log was cut off, put back to an older state, or rewritten.")

// news returns what w does not have yet, oldest first.
func (n *Notary) news(ctx context.Context, w Witness, t told) ([]Checkpoint, error) {
	if r, ok := w.(remembers); ok {
		last, err := r.Last()
		if err != nil {
			return nil, err
		}
		if t.number = last.Number; last.Number > 0 {
			same, err := noted(db.All(ctx, n.db, db.Value[string], `select note from audit_checkpoint where number = $1`, last.Number))
			if err != nil {
				return nil, err
			}
			if len(same) != 1 || same[0].Note != last.Note {
				return nil, errFork
			}
		}
	}
	if w.Pace() > 0 {
		const newest = `select note from audit_checkpoint where number > $1 order by number desc limit 1`
		return noted(db.All(ctx, n.db, db.Value[string], newest, t.number))
	}
	const next = `select note from audit_checkpoint where number > $1 order by number limit $2`
	return noted(db.All(ctx, n.db, db.Value[string], next, t.number, tellMost))
}

// File is a witness that appends to a file, best on a disk of another
// machine. Each checkpoint is followed by an empty line.
type File struct{ Path string }

// Name says which file.
func (f File) Name() string { return "file " + f.Path }

// Pace is none: a file takes every checkpoint.
func (f File) Pace() time.Duration { return 0 }

// Take appends c and returns when it is on disk. What a power cut left half
// written is taken away first: it was never taken.
func (f File) Take(_ context.Context, c Checkpoint) error {
	file, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE, 0o644) // public: there is no patient in it
	if err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	defer file.Close()
	_, end, err := lastNote(file)
	if err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	if err := file.Truncate(end); err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	if _, err := file.WriteAt([]byte(c.Note+"\n"), end); err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	return nil
}

// Last returns the last checkpoint in the file.
func (f File) Last() (Checkpoint, error) {
	file, err := os.Open(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: witness: %w", err)
	}
	defer file.Close()
	text, _, err := lastNote(file)
	if err != nil || text == "" {
		return Checkpoint{}, err
	}
	return peek(text)
}

// lastNote returns the last complete note of a witness file and where it
// ends. It reads the end of the file alone.
func lastNote(file *os.File) (text string, end int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return "", 0, err
	}
	const window = 16 << 10
	from := max(info.Size()-window, 0)
	tail := make([]byte, info.Size()-from)
	if _, err := file.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	s := string(tail)
	cut := strings.LastIndex(s, "\n\n")
	for cut >= 0 && !strings.HasPrefix(s[strings.LastIndex(s[:cut], "\n")+1:], "— ") { // the empty line before signatures
		cut = strings.LastIndex(s[:cut+1], "\n\n")
	}
	if cut < 0 {
		if from > 0 {
			return "", 0, fmt.Errorf("no checkpoint at the end of the file")
		}
		return "", 0, nil
	}
	notes := SplitNotes(s[:cut+2])
	return notes[len(notes)-1], from + int64(cut) + 2, nil
}

// SplitNotes returns the notes of a witness file: each ends with the empty
// line after its signatures. Words before a note, as in a message, are left
// out; what is no note is returned, too, as it is.
func SplitNotes(text string) []string {
	var notes []string
	var note strings.Builder
	signed := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		if signed && line == "\n" {
			notes = append(notes, note.String())
			note.Reset()
		}
		if strings.HasPrefix(line, originPrefix) {
			note.Reset()
		}
		if signed = strings.HasPrefix(line, "— "); !(line == "\n" && note.Len() == 0) {
			note.WriteString(line)
		}
	}
	if note.Len() > 0 {
		notes = append(notes, note.String())
	}
	return notes
}

// Webhook is a witness that takes checkpoints by HTTP POST, as text, and
// answers 2xx once they are kept.
type Webhook struct {
	URL    string
	Client *http.Client
}

// Name says where, without what an address may carry as a secret.
func (h Webhook) Name() string {
	where, _, _ := strings.Cut(h.URL, "?")
	return "webhook " + where
}

// Pace is none: a webhook takes every checkpoint.
func (h Webhook) Pace() time.Duration { return 0 }

// Take sends c.
func (h Webhook) Take(ctx context.Context, c Checkpoint) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, strings.NewReader(c.Note))
	if err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := h.Client.Do(r)
	if err != nil {
		return fmt.Errorf("audit: witness: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("audit: witness: %s answered %d", h.Name(), res.StatusCode)
	}
	return nil
}

// Mail is a witness that reads e-mail: a person who keeps checkpoints.
type Mail struct {
	To    string
	Every time.Duration
	Send  func(ctx context.Context, to, subject, text string) error
}

// Name says who.
func (m Mail) Name() string { return "email " + m.To }

// Pace is how often a person wants to hear of it.
func (m Mail) Pace() time.Duration { return m.Every }

// Take sends c.
func (m Mail) Take(ctx context.Context, c Checkpoint) error {
	subject := fmt.Sprintf("Audit checkpoint %d", c.Number)
	text := "Please keep this message. It proves what the audit log held at " + c.At.Format("2006-01-02 15:04:05 UTC") +
		":\nsave it as a file and run `hale audit verify --from FILE`.\n\n" + c.Note
	return m.Send(ctx, m.To, subject, text)
}
