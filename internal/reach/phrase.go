package reach

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/template"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Bounds of a phrase, in characters.
const (
	shortestPhrase = 4
	longestPhrase  = 24
)

var errPhrase = errs.New(errs.Invalid, "Please choose 4 to 24 letters and spaces, such as: blue heron. Use no name, date or number.")

// Phrase returns the words by which the patient whom pass opens knows our
// messages, empty for none.
func (e *Engine) Phrase(ctx context.Context, pass access.Pass) (string, error) {
	patient, err := reader(pass)
	if err != nil {
		if patient, err = pass.Open(access.EditContacts); err != nil {
			return "", err
		}
	}
	sealed, err := db.One(ctx, e.DB, db.Value[[]byte], `select sealed from pickup_phrase where patient = $1`, patient)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	if err == nil {
		sealed, err = e.Keys.OpenIn(ctx, e.DB, sealed, "pickup_phrase", "sealed", patient)
	}
	if err != nil {
		return "", fmt.Errorf("reach: phrase: %w", err)
	}
	return string(sealed), nil
}

// SetPhrase keeps the words by which the patient whom pass opens knows our
// messages from then on; empty takes them away.
func (e *Engine) SetPhrase(ctx context.Context, pass access.Pass, phrase string) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	phrase = strings.Join(strings.Fields(phrase), " ")
	if n := len([]rune(phrase)); n > 0 && (n < shortestPhrase || n > longestPhrase || strings.ContainsFunc(phrase, odd)) {
		return errPhrase
	}
	row := pass.Actor().Row(Phrased, patient, true)
	row.About = "phrase"
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := e.keepPhrase(ctx, tx, patient, phrase); err != nil {
			return err
		}
		return e.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("reach: set phrase: %w", err)
	}
	return nil
}

// Phrased is what audit rows call the choice of a phrase.
const Phrased = "phrase.set"

func (e *Engine) keepPhrase(ctx context.Context, tx *db.Tx, patient, phrase string) error {
	const add = `insert into pickup_phrase (patient, sealed, updated_at) values ($1, $2, $3)
		on conflict (patient) do update set sealed = excluded.sealed, updated_at = excluded.updated_at`
	if phrase == "" {
		_, err := tx.ExecContext(ctx, `delete from pickup_phrase where patient = $1`, patient)
		return err
	}
	sealed, err := e.Keys.Seal(ctx, tx, keys.Secrets, "pickup_phrase", "sealed", patient, []byte(phrase))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, add, patient, sealed, db.Micro(e.Now()))
	return err
}

// odd says whether a phrase may not hold r: a text message carries letters
// and spaces at no extra price, and a number could be taken for a secret.
func odd(r rune) bool {
	_, wide := template.Segments(template.GSM(string(r)))
	return !unicode.IsLetter(r) && r != ' ' && r != '-' && r != '\'' || wide
}
