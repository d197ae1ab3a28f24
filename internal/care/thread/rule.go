package thread

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// fee is the rule of what a message may cost.
const fee = "fee"

// maxFee is how long what the clinic says about it may be, in letters.
const maxFee = 300

var errFee = errs.New(errs.Invalid, "That is too long. Please say it in 300 letters.")

// Fee returns what the clinic says before somebody writes to a clinician:
// that the answer may cost something. Empty: nothing, which is the usual.
func (s *Store) Fee(ctx context.Context) (string, error) {
	words, err := db.One(ctx, s.db, db.Value[string], `select words from thread_rule where name = $1`, fee)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("thread: fee: %w", err)
	}
	return words, nil
}

// SetFee changes that. It takes the right to set rules.
func (s *Store) SetFee(ctx context.Context, pass access.Pass, words string) error {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return err
	}
	if words = tidy(words); utf8.RuneCountInString(words) > maxFee {
		return errFee
	}
	const q = `insert into thread_rule (name, words, set_by, set_at) values ($1, $2, $3, $4)
		on conflict (name) do update set words = excluded.words, set_by = excluded.set_by, set_at = excluded.set_at`
	if _, err := s.db.ExecContext(ctx, q, fee, words, pass.Actor().ID, s.now().UnixMicro()); err != nil {
		return fmt.Errorf("thread: set fee: %w", err)
	}
	return nil
}
