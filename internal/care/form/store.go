package form

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/form"
	"hale/internal/store/db"
)

const columns = `f.id, f.url, f.version, f.title, f.status, f.body, f.at, f.stored`

func scan(row db.Scan) (v Version, err error) {
	var at int64
	err = row(&v.ID, &v.URL, &v.Version, &v.Title, &v.Status, &v.body, &at, &v.Stored)
	v.At = db.Time(at)
	return v, err
}

// List returns every form, by title; to the front desk those of the office.
// Their bodies are left out.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Form, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return nil, err
	}
	const q = `select f.id, f.url, f.version, f.title, f.status, '', f.at, f.stored from form f order by f.title, f.url, f.at desc, f.id limit 1000`
	list, err := db.All(ctx, s.db, scan, q)
	if err != nil {
		return nil, fmt.Errorf("form: list: %w", err)
	}
	uses, err := s.uses(ctx)
	if err != nil {
		return nil, err
	}
	at, forms := map[string]int{}, []Form(nil)
	for _, v := range list {
		i, ok := at[v.URL]
		if !ok {
			i = len(forms)
			at[v.URL], forms = i, append(forms, Form{Use: uses[v.URL]})
			forms[i].URL = v.URL
		}
		forms[i].Versions = append(forms[i].Versions, v)
	}
	for i := range forms {
		slices.SortStableFunc(forms[i].Versions, func(a, b Version) int { return number(b.Version) - number(a.Version) })
	}
	if clerks(pass) != "" {
		forms = slices.DeleteFunc(forms, func(f Form) bool { return !f.Office })
	}
	return forms, nil
}

func number(version string) int {
	n, _ := strconv.Atoi(version) // one of another system counts as none
	return n
}

func (s *Store) uses(ctx context.Context) (map[string]Use, error) {
	list, err := db.All(ctx, s.db, scanUse, `select `+useColumns+` from form_use`)
	if err != nil {
		return nil, fmt.Errorf("form: uses: %w", err)
	}
	m := make(map[string]Use, len(list))
	for _, u := range list {
		m[u.URL] = u
	}
	return m, nil
}

const useColumns = `url, open, office, slug, consent`

func scanUse(row db.Scan) (u Use, err error) {
	var open, office int
	err = row(&u.URL, &open, &office, &u.Slug, &u.Consent)
	u.Open, u.Office = open == 1, office == 1
	return u, err
}

// Get returns a version of a form, for the desk.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Version, Use, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Version{}, Use{}, err
	}
	v, err := version(ctx, s.db, id)
	if err != nil {
		return v, Use{}, err
	}
	uses, err := s.uses(ctx)
	u := uses[v.URL]
	u.URL = v.URL
	return v, u, err
}

// version returns one version. A form holds nobody's data, so it needs no
// pass: what was asked of whom does.
func version(ctx context.Context, c db.Conn, id string) (Version, error) {
	v, err := db.One(ctx, c, scan, `select `+columns+` from form f where f.id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		return v, errNone
	}
	if err != nil {
		return v, fmt.Errorf("form: get %s: %w", id, err)
	}
	return v, nil
}

// New makes a form with one question, as a draft, and returns it.
func (s *Store) New(ctx context.Context, pass access.Pass, title string) (Version, error) {
	q := &form.Questionnaire{Title: form.Text{Words: strings.TrimSpace(title)}, Items: []form.Item{
		{LinkID: "1", Type: form.Group, Text: form.Text{Words: "First page"}, Items: []form.Item{{LinkID: "1.1", Type: form.String, Text: form.Text{Words: "Your first question"}}}},
	}}
	return s.add(ctx, pass, q)
}

// Import takes a Questionnaire as JSON as a draft: a form of its own, or the
// next version of the one with the same address. The error of one that cannot
// be used is a form.Problems.
func (s *Store) Import(ctx context.Context, pass access.Pass, body []byte) (Version, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Version{}, err
	}
	q, err := form.Parse(body)
	if err != nil {
		return Version{}, err
	}
	return s.add(ctx, pass, q)
}

// Revise makes a draft of the next version of a form.
func (s *Store) Revise(ctx context.Context, pass access.Pass, id string) (Version, error) {
	v, _, err := s.Get(ctx, pass, id)
	if err != nil {
		return v, err
	}
	q, err := v.Read()
	if err != nil {
		return v, fmt.Errorf("form: revise %s: %w", id, err)
	}
	q.URL = v.URL
	return s.add(ctx, pass, q)
}

// add writes q as a new draft.
func (s *Store) add(ctx context.Context, pass access.Pass, q *form.Questionnaire) (v Version, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return v, err
	}
	q.ID, q.Status = s.ids.New(), Draft
	q.Expand(s.now(), s.sets)
	if q.URL == "" {
		q.URL = Base + q.ID
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		list, err := db.All(ctx, tx, scan, `select `+columns+` from form f where f.url = $1`, q.URL)
		if err != nil {
			return err
		}
		last := 0
		for _, other := range list {
			if other.Status == Draft {
				return errDraft
			}
			last = max(last, number(other.Version))
		}
		q.Version = strconv.Itoa(last + 1)
		if err := s.put(ctx, tx, pass, q, 0); err != nil {
			return err
		}
		v, err = version(ctx, tx, q.ID)
		return err
	})
	if err != nil {
		return Version{}, fmt.Errorf("form: add: %w", err)
	}
	return v, nil
}

// put writes q into the record.
func (s *Store) put(ctx context.Context, tx *db.Tx, pass access.Pass, q *form.Questionnaire, was int64) error {
	q.Date = s.now().UTC().Format("2006-01-02T15:04:05Z")
	body, err := q.Body()
	if err != nil {
		return err
	}
	_, err = s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "Questionnaire", ID: q.ID, Body: body, IfVersion: was, Strict: true}})
	return err
}

// Change changes a draft by change, if it is as stored: somebody else may
// have changed it in the meantime.
func (s *Store) Change(ctx context.Context, pass access.Pass, id string, stored int64, change func(*form.Questionnaire) error) error {
	return s.rewrite(ctx, pass, id, func(_ *db.Tx, v Version, q *form.Questionnaire) error {
		if v.Status != Draft {
			return errPublished
		}
		if stored != 0 && v.Stored != stored {
			return errChanged
		}
		return change(q)
	})
}

// rewrite reads a version, changes it and writes it, in one transaction.
func (s *Store) rewrite(ctx context.Context, pass access.Pass, id string, change func(*db.Tx, Version, *form.Questionnaire) error) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "form/"+id); err != nil {
			return err
		}
		v, err := version(ctx, tx, id)
		if err != nil {
			return err
		}
		q, err := v.Read()
		if err != nil {
			return err
		}
		q.ID, q.URL = v.ID, v.URL
		if err := change(tx, v, q); err != nil {
			return err
		}
		body, err := q.Body()
		if err != nil {
			return err
		}
		if _, err := form.Parse(body); err != nil { // what cannot be read again is not written
			return err
		}
		return s.put(ctx, tx, pass, q, v.Stored)
	})
	if err != nil {
		return fmt.Errorf("form: change %s: %w", id, err)
	}
	return nil
}

// Publish makes a draft the version that is filled in from now on. The one
// before it is retired; what was begun with that is sent with that.
func (s *Store) Publish(ctx context.Context, pass access.Pass, id string) error {
	return s.rewrite(ctx, pass, id, func(tx *db.Tx, v Version, q *form.Questionnaire) error {
		if v.Status != Draft {
			return errPublished
		}
		list, err := db.All(ctx, tx, scan, `select `+columns+` from form f where f.url = $1 and f.status = 'active'`, v.URL)
		if err != nil {
			return err
		}
		for _, old := range list {
			was, err := old.Read()
			if err != nil {
				return err
			}
			was.Status = Retired
			if err := s.put(ctx, tx, pass, was, old.Stored); err != nil {
				return err
			}
		}
		use, err := db.One(ctx, tx, scanUse, `select `+useColumns+` from form_use where url = $1`, v.URL)
		if err == nil {
			err = use.fits(q)
		}
		if err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		q.Expand(s.now(), s.sets)
		if unlisted := q.Unlisted(); len(unlisted) > 0 {
			return unlisted
		}
		q.Status = Published
		return nil
	})
}

// Retire takes a version away: nobody is asked to fill it in any more.
func (s *Store) Retire(ctx context.Context, pass access.Pass, id string) error {
	return s.rewrite(ctx, pass, id, func(_ *db.Tx, _ Version, q *form.Questionnaire) error {
		q.Status = Retired
		return nil
	})
}

// SetUse writes down what the clinic decided about a form.
func (s *Store) SetUse(ctx context.Context, pass access.Pass, u Use) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	u.Slug, u.Consent = strings.TrimSpace(u.Slug), strings.TrimSpace(u.Consent)
	if u.Slug != "" {
		if !slug.MatchString(u.Slug) {
			return errSlug
		}
		if u.Consent == "" || len(u.Consent) > 4000 {
			return errConsent
		}
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		list, err := db.All(ctx, tx, scan, `select `+columns+` from form f where f.url = $1`, u.URL)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNone
		}
		for _, v := range list {
			q, err := v.Read()
			switch {
			case err != nil:
			case v.Status == Published:
				err = u.fits(q)
			default: // what came of older versions opens to the front desk as well
				err = Use{Office: u.Office}.fits(q)
			}
			if err != nil {
				return err
			}
		}
		if u.Slug != "" {
			n, err := db.One(ctx, tx, db.Value[int], `select count(*) from form_use where slug = $1 and url <> $2`, u.Slug, u.URL)
			if err != nil {
				return err
			}
			if n > 0 {
				return errSlugTaken
			}
		}
		const put = `insert into form_use (url, open, slug, consent, set_at, set_by, office) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (url) do update set open = excluded.open, slug = excluded.slug, consent = excluded.consent, set_at = excluded.set_at, set_by = excluded.set_by,
			office = excluded.office`
		_, err = tx.ExecContext(ctx, put, u.URL, bit(u.Open), u.Slug, u.Consent, s.now().UnixMicro(), pass.Actor().ID, bit(u.Office))
		return err
	})
	if err != nil {
		return fmt.Errorf("form: use: %w", err)
	}
	return nil
}

// fits says whether q can be used so.
func (u Use) fits(q *form.Questionnaire) error {
	if u.Office && !clerical(q) {
		return errOffice
	}
	if u.Slug != "" {
		return public(q)
	}
	return nil
}

// clerical says whether the front desk may work on q: nothing of it is counted
// into a score, and no answer is such that somebody has to act at once.
func clerical(q *form.Questionnaire) bool {
	return !q.Alarms() && len(q.Bands) == 0 && q.Score(form.Answers{}).Sum == ""
}

// public says whether strangers can fill q in.
func public(q *form.Questionnaire) error {
	files := false
	q.Each(func(it *form.Item, _ int) bool {
		files = files || it.Type == form.Attachment
		return true
	})
	if files {
		return errFiles
	}
	if !identifies(q) {
		return errIdentity
	}
	return nil
}
