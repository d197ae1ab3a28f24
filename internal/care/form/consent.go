package form

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

// Consent is what strangers agree to before they fill in a form, in each
// language that it was written in.
type Consent struct {
	form.Text
	n int64 // the version; 0: nobody agreed to these words yet
}

// Key names the exact words, in all languages: whoever agrees says to which.
func (c Consent) Key() string { return seal.Hash(c.Words + "\x00" + string(c.Beside()))[:16] }

// Agreed is what somebody agreed to.
type Agreed struct {
	Yes  bool
	Key  string // of the words that stood there; empty: those of now
	Lang string // in which they were read
}

var errTerms = errs.New(errs.Conflict, "The words that you agree to have changed. Please read them again.")

// consent returns the words that count for a use.
func consent(ctx context.Context, c db.Conn, u Use) (Consent, error) {
	const q = `select words, also, n from form_consent where url = $1 order by n desc limit 1`
	now, err := db.One(ctx, c, func(row db.Scan) (c Consent, err error) {
		var words, also string
		if err := row(&words, &also, &c.n); err != nil {
			return c, err
		}
		c.Text = form.Beside(words, []byte(also))
		return c, nil
	}, q, u.URL)
	if errors.Is(err, db.ErrNone) || err == nil && now.Words != u.Consent {
		return Consent{Text: form.Text{Words: u.Consent}}, nil
	}
	return now, err
}

// keep returns the version of c, which it writes down where it is a new one.
func (s *Store) keepConsent(ctx context.Context, tx *db.Tx, url string, c Consent) (int64, error) {
	if c.n > 0 {
		return c.n, nil
	}
	const q = `insert into form_consent (url, n, words, also, set_at)
		values ($1, (select coalesce(max(c.n), 0) + 1 from form_consent c where c.url = $1), $2, $3, $4) returning n`
	return db.One(ctx, tx, db.Value[int64], q, url, c.Words, string(c.Beside()), s.now().UnixMicro())
}

// Consent returns what strangers agree to before they fill in a form.
func (s *Store) Consent(ctx context.Context, u Use) (Consent, error) {
	c, err := consent(ctx, s.db, u)
	if err != nil {
		return c, fmt.Errorf("form: consent: %w", err)
	}
	return c, nil
}

// SetConsent says in other languages what strangers agree to; in holds them
// by their tags. What was agreed to before stays as it was.
func (s *Store) SetConsent(ctx context.Context, pass access.Pass, u Use, in map[string]string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	want := Consent{Text: form.Text{Words: strings.TrimSpace(u.Consent), In: map[string]string{}}}
	for tag, words := range in {
		if words = strings.TrimSpace(words); len(words) > 4000 {
			return errConsent
		}
		if words != "" {
			want.In[tag] = words
		}
	}
	if want.Words == "" {
		return nil
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		now, err := consent(ctx, tx, Use{URL: u.URL, Consent: want.Words})
		if err != nil || now.n > 0 && now.Key() == want.Key() {
			return err
		}
		_, err = s.keepConsent(ctx, tx, u.URL, want)
		return err
	})
	if err != nil {
		return fmt.Errorf("form: set consent: %w", err)
	}
	return nil
}

// AgreedTo returns the words that whoever sent a lead read and agreed to;
// empty where nobody knows.
func (s *Store) AgreedTo(ctx context.Context, pass access.Pass, id string) (words, lang string, err error) {
	l, err := s.Lead(ctx, pass, id)
	if err != nil {
		return "", "", err
	}
	type row struct{ words, also, lang string }
	const q = `select c.words, c.also, l.consent_lang from form_lead l join form f on f.id = l.form join form_consent c on c.url = f.url and c.n = l.consent where l.id = $1`
	r, err := db.One(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.words, &r.also, &r.lang) }, q, l.ID)
	if errors.Is(err, db.ErrNone) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("form: agreed to: %w", err)
	}
	return form.Beside(r.words, []byte(r.also)).Say(r.lang), r.lang, nil
}
