package task

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Reply is a text that answers again and again. {first} in it stands for the
// patient's first name.
type Reply struct {
	ID    string // empty: a new one
	Kind  Kind   // empty: for every kind
	Title string
	Words string
}

// First is what stands for the patient's first name.
const First = "{first}"

// For returns the words of r for a patient called first.
func (r Reply) For(first string) string {
	if first == "" {
		return strings.ReplaceAll(strings.ReplaceAll(r.Words, ", "+First, ""), " "+First, "")
	}
	return strings.ReplaceAll(r.Words, First, first)
}

var (
	errReply   = errs.New(errs.NotFound, "There is no such text. Somebody may have taken it away.")
	errNoTitle = errs.New(errs.Invalid, "Please give the text a name, and write what it says.")
	errBrace   = errs.New(errs.Invalid, "Only {first} can stand in brackets: it becomes the patient’s first name.")
)

// check tidies a reply and refuses what would reach a patient half written.
func (r Reply) check() (Reply, error) {
	r.Title, r.Words = tidy(r.Title), tidy(r.Words)
	switch {
	case r.Title == "" || r.Words == "":
		return r, errNoTitle
	case len(r.Title) > maxTitle || len(r.Words) > maxText:
		return r, errLong
	case r.Kind != "" && !r.Kind.known():
		return r, errKind
	case strings.ContainsAny(strings.ReplaceAll(r.Words, First, ""), "{}"):
		return r, errBrace
	}
	return r, nil
}

func scanReply(row db.Scan) (r Reply, err error) { return r, row(&r.ID, &r.Kind, &r.Title, &r.Words) }

// Replies returns the saved texts for a kind, its own first; of every kind
// where it is empty. They say nothing of any patient.
func (s *Store) Replies(ctx context.Context, k Kind) ([]Reply, error) {
	const q = `select id, kind, title, words from saved_reply where ended_at = 0 and ($1 = '' or kind = '' or kind = $1)
		order by case when kind = '' then 1 else 0 end, title, id`
	list, err := db.All(ctx, s.db, scanReply, q, string(k))
	if err != nil {
		return nil, fmt.Errorf("task: replies: %w", err)
	}
	return list, nil
}

// Reply returns one saved text.
func (s *Store) Reply(ctx context.Context, id string) (Reply, error) {
	r, err := db.One(ctx, s.db, scanReply, `select id, kind, title, words from saved_reply where id = $1 and ended_at = 0`, id)
	if err != nil {
		return r, errReply.Because(err)
	}
	return r, nil
}

// SaveReply keeps a text, a new one or one that is there.
func (s *Store) SaveReply(ctx context.Context, pass access.Pass, in Reply) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	in, err := in.check()
	if err != nil {
		return err
	}
	by, now := pass.Actor().ID, s.now().UnixMicro()
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if in.ID == "" {
			const add = `insert into saved_reply (id, kind, title, words, changed_by, changed_at) values ($1, $2, $3, $4, $5, $6)`
			_, err := tx.ExecContext(ctx, add, s.ids.New(), string(in.Kind), in.Title, in.Words, by, now)
			return err
		}
		const set = `update saved_reply set kind = $2, title = $3, words = $4, changed_by = $5, changed_at = $6 where id = $1 and ended_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, set, in.ID, string(in.Kind), in.Title, in.Words, by, now))
		if err == nil && n == 0 {
			return errReply
		}
		return err
	})
}

// DropReply takes a text away.
func (s *Store) DropReply(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		const set = `update saved_reply set ended_at = $2, changed_by = $3 where id = $1 and ended_at = 0`
		_, err := tx.ExecContext(ctx, set, id, s.now().UnixMicro(), pass.Actor().ID)
		return err
	})
}
