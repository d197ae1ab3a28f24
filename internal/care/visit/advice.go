package visit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Advice is what the clinic says about getting ready for a service: one thing
// to do on each line, in both languages.
type Advice struct {
	Service string
	Lines   []string
	Spanish []string
	By      string
	Updated time.Time // zero: the clinic has said nothing
}

const adviceMost = 2000 // characters in one language

var errAdvice = errs.New(errs.Invalid, "Please keep the list under 2,000 characters and 20 lines.")

// Advice returns what the clinic says about a service. It is no patient data.
func (s *Store) Advice(ctx context.Context, service string) (Advice, error) {
	const q = `select lines, lines_es, by, updated_at from visit_advice where service = $1`
	a, err := db.One(ctx, s.db, func(scan db.Scan) (a Advice, err error) {
		var lines, spanish string
		var at int64
		err = scan(&lines, &spanish, &a.By, &at)
		a.Lines, a.Spanish, a.Updated = linesOf(lines), linesOf(spanish), db.Time(at)
		return a, err
	}, q, service)
	a.Service = service
	if errors.Is(err, db.ErrNone) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("visit: advice on %s: %w", service, err)
	}
	return a, nil
}

// SetAdvice writes what patients are told about a service; no lines takes it
// back.
func (s *Store) SetAdvice(ctx context.Context, pass access.Pass, service, lines, spanish string) error {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return err
	}
	en, es := linesOf(lines), linesOf(spanish)
	for _, text := range [...]string{lines, spanish} {
		if utf8.RuneCountInString(text) > adviceMost || !utf8.ValidString(text) || len(linesOf(text)) > 20 {
			return errAdvice
		}
	}
	const q = `
		insert into visit_advice (service, lines, lines_es, by, updated_at) values ($1, $2, $3, $4, $5)
		on conflict (service) do update set lines = excluded.lines, lines_es = excluded.lines_es, by = excluded.by, updated_at = excluded.updated_at`
	return failedOr("advise on", service, s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, service, strings.Join(en, "\n"), strings.Join(es, "\n"), pass.Actor().ID, s.now().UnixMicro())
		return err
	}))
}

// linesOf parts a text into its lines, without those that are empty.
func linesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- ")); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
