package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/store/db"
)

const phraseColumns = `key, n, place, name, codes, en, es, by, at, approved_by, approved_at, ended_by, ended_at`

func scanPhrase(row db.Scan) (p Phrase, err error) {
	var codes, en, es string
	var at, ok, over int64
	err = row(&p.Key, &p.N, &p.Place, &p.Name, &codes, &en, &es, &p.By, &at, &p.Approved, &ok, &p.Ended, &over)
	p.Codes, p.Text = strings.Fields(codes), map[string]string{"en": en, "es": es}
	p.At, p.OK, p.Over = db.Time(at), db.Time(ok), db.Time(over)
	return p, err
}

// Phrases returns every version of every phrase, those of one phrase together
// and the newest first. One that comes with Hale stands last among its own.
func (s *Store) Phrases(ctx context.Context, pass access.Pass) ([]Phrase, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := s.phrases(ctx)
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (s *Store) phrases(ctx context.Context) ([]Phrase, error) {
	list, err := db.All(ctx, s.db, scanPhrase, `select `+phraseColumns+` from result_phrase order by key, n desc`)
	if err != nil {
		return nil, fmt.Errorf("review: phrases: %w", err)
	}
	all := make([]Phrase, 0, len(list)+8)
	for _, p := range Usual() {
		for _, q := range list {
			if q.Key == p.Key {
				all = append(all, q)
			}
		}
		all = append(all, p)
	}
	for _, q := range list {
		if !slices.ContainsFunc(all, func(p Phrase) bool { return p.Key == q.Key }) {
			all = append(all, keyed(list, q.Key)...)
		}
	}
	return all, nil
}

func keyed(list []Phrase, key string) []Phrase {
	return slices.DeleteFunc(slices.Clone(list), func(p Phrase) bool { return p.Key != key })
}

// standing returns of each phrase the version that counts: the newest that
// was approved and was not taken out of use. What comes with Hale counts
// until the clinic approves its own or takes it out.
func standing(all []Phrase) []Phrase {
	var list []Phrase
	settled := map[string]bool{}
	for _, p := range all {
		if settled[p.Key] || p.N > 0 && p.OK.IsZero() && p.Over.IsZero() {
			continue // a draft changes nothing
		}
		if settled[p.Key] = true; p.Usable() {
			list = append(list, p)
		}
	}
	return list
}

// Remarks returns the phrases with which somebody who looks at results of
// these codes may begin, those for one test alone first.
func (s *Store) Remarks(ctx context.Context, pass access.Pass, codes []string) ([]Phrase, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	all, err := s.phrases(ctx)
	if err != nil {
		return nil, err
	}
	var own, any []Phrase
	for _, p := range standing(all) {
		if p.Place != Remark {
			continue
		}
		if len(p.Codes) == 0 {
			any = append(any, p)
		} else if slices.ContainsFunc(codes, func(c string) bool { return slices.Contains(p.Codes, c) }) {
			own = append(own, p)
		}
	}
	return append(own, any...), nil
}

// Usable returns the version of a phrase that may be said to patients.
func (s *Store) Usable(ctx context.Context, pass access.Pass, key string) (Phrase, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Phrase{}, err
	}
	all, err := s.phrases(ctx)
	if err != nil {
		return Phrase{}, err
	}
	for _, p := range standing(all) {
		if p.Key == key && p.Place == Remark {
			return p, nil
		}
	}
	return Phrase{}, errUnfit
}

// Says returns what the clinic says to a patient about a value of a test that
// lies at a place, in a language; empty where it says nothing. What is for
// that test alone comes before what is for all. It is no patient data.
func (s *Store) Says(ctx context.Context, l lang.Lang, code string, at Place) (string, error) {
	const q = `select ` + phraseColumns + ` from result_phrase where place = $1 or key in (select p.key from result_phrase p where p.place = $1) order by key, n desc`
	if at == Remark || at == "" {
		return "", nil
	}
	list, err := db.All(ctx, s.db, scanPhrase, q, string(at))
	if err != nil {
		return "", fmt.Errorf("review: says: %w", err)
	}
	text := ""
	for _, p := range standing(list) {
		fits, alone := p.fits(code)
		if p.Place != at || !fits || text != "" && !alone {
			continue
		}
		if text = p.In(l); alone {
			return text, nil
		}
	}
	return text, nil
}

// Write keeps a new version of a phrase, as a draft. Without a key it is a new
// phrase; was is the version that its writer saw.
func (s *Store) Write(ctx context.Context, pass access.Pass, p Phrase, was int64) (Phrase, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return p, err
	}
	p, err := p.check()
	if err != nil {
		return p, err
	}
	fresh := p.Key == ""
	if fresh {
		p.Key = s.ids.New()
	}
	p.By, p.At = pass.Actor().ID, s.now()
	const add = `insert into result_phrase (key, n, place, name, codes, en, es, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`
	return p, s.inTx(ctx, "write", func(tx *db.Tx) error {
		last, err := lastVersion(ctx, tx, p.Key)
		if err != nil {
			return err
		}
		if last == 0 && !fresh && !slices.ContainsFunc(Usual(), func(u Phrase) bool { return u.Key == p.Key }) {
			return errPhrase
		}
		if last != was {
			return errOlder
		}
		p.N = last + 1
		n, err := db.Changed(tx.ExecContext(ctx, add, p.Key, p.N, string(p.Place), p.Name, strings.Join(p.Codes, " "), p.Text["en"], p.Text["es"], p.By, db.Micro(p.At)))
		if err == nil && n == 0 {
			err = errOlder
		}
		return err
	})
}

func lastVersion(ctx context.Context, c db.Conn, key string) (int64, error) {
	return db.One(ctx, c, db.Value[int64], `select coalesce(max(n), 0) from result_phrase where key = $1`, key)
}

// Approve has a version count from now on, with the name of who approved it.
func (s *Store) Approve(ctx context.Context, pass access.Pass, key string, n int64) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	const q = `update result_phrase set approved_by = $3, approved_at = $4 where key = $1 and n = $2 and approved_at = 0 and ended_at = 0`
	return s.inTx(ctx, "approve", func(tx *db.Tx) error {
		last, err := lastVersion(ctx, tx, key)
		if err != nil {
			return err
		}
		if last != n || n == 0 {
			return errOlder
		}
		done, err := db.Changed(tx.ExecContext(ctx, q, key, n, pass.Actor().ID, db.Micro(s.now())))
		if err == nil && done == 0 {
			err = errSettled
		}
		return err
	})
}

// Retire takes a phrase out of use, with every version of it. One that comes
// with Hale gets a row that says so.
func (s *Store) Retire(ctx context.Context, pass access.Pass, key string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	by, at := pass.Actor().ID, db.Micro(s.now())
	const end = `update result_phrase set ended_by = $2, ended_at = $3 where key = $1 and ended_at = 0`
	const add = `insert into result_phrase (key, n, place, name, codes, en, es, by, at, ended_by, ended_at) values ($1, $2, $3, $4, '', $5, $6, $7, $8, $7, $8)`
	return s.inTx(ctx, "retire", func(tx *db.Tx) error {
		done, err := db.Changed(tx.ExecContext(ctx, end, key, by, at))
		if err != nil || done > 0 {
			return err
		}
		last, err := lastVersion(ctx, tx, key)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(Usual(), func(u Phrase) bool { return u.Key == key })
		if last > 0 || i < 0 {
			return errPhrase
		}
		u := Usual()[i]
		_, err = tx.ExecContext(ctx, add, key, last+1, string(u.Place), u.Name, u.Text["en"], u.Text["es"], by, at)
		return err
	})
}

func (s *Store) inTx(ctx context.Context, verb string, do func(tx *db.Tx) error) error {
	if err := s.db.Tx(ctx, do); err != nil {
		return fmt.Errorf("review: %s: %w", verb, err)
	}
	return nil
}
