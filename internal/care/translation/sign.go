package translation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Signed is a translation as it is signed.
type Signed struct {
	Text    string
	Version int64 // of the words that were translated
	Agreed  bool  // that both texts were read and say the same
}

// Take gives a translation to whoever holds pass, who may translate into its
// language; or back to all, where they have it already.
func (s *Store) Take(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		w, err := s.take(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		owner := pass.Actor().ID
		if w.Owner == owner {
			owner = ""
		}
		_, err = tx.ExecContext(ctx, `update translation set owner = $2 where id = $1`, id, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("translation: take %s: %w", id, err)
	}
	return nil
}

// take returns an open translation into a language that the holder of pass may
// translate into, and keeps others from changing it.
func (s *Store) take(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string) (Work, error) {
	if _, err := tx.ExecContext(ctx, `update translation set owner = owner where id = $1 and patient = $2`, id, patient); err != nil {
		return Work{}, err
	}
	w, err := s.work(ctx, tx, pass, patient, id)
	if err != nil {
		return w, err
	}
	if !w.Closed.IsZero() {
		return w, errNoWork
	}
	const q = `select count(*) from staff_language where account = $1 and lang = $2`
	n, err := db.One(ctx, tx, db.Value[int], q, pass.Actor().ID, w.Lang)
	if err == nil && n == 0 {
		err = errNotYou
	}
	return w, err
}

// Sign writes a translation beside the words that it translates, as a new
// version, with the name of whoever signs that it says the same, and has the
// patient told. It returns whose words they were.
func (s *Store) Sign(ctx context.Context, pass access.Pass, id string, in Signed) error {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return err
	}
	seen, err := s.work(ctx, s.db, pass, patient, id)
	if err != nil {
		return fmt.Errorf("translation: sign %s: %w", id, err)
	}
	read, err := s.reader(ctx, patient, seen.Type)
	if err != nil {
		return fmt.Errorf("translation: sign %s: %w", id, err)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		w, err := s.take(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		res, err := s.records.GetIn(ctx, tx, read, w.Type, w.Target)
		if err != nil {
			return err
		}
		return s.sign(ctx, tx, pass, w, res, in)
	})
	if err != nil {
		return fmt.Errorf("translation: sign %s: %w", id, err)
	}
	return nil
}

func (s *Store) sign(ctx context.Context, tx *db.Tx, pass access.Pass, w Work, res record.Resource, in Signed) error {
	t, err := w.text(res)
	if err != nil {
		return err
	}
	if t.Version != in.Version {
		return errChanged
	}
	text, err := check(in.Text, t.Original, in.Agreed)
	if err != nil {
		return err
	}
	by, now := pass.Actor(), s.now()
	body, err := with(w.Type, res.Body, extensions(w.Lang, text, by.Name, now))
	if err != nil {
		return err
	}
	if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: by}, []record.Draft{{Type: w.Type, ID: w.Target, Body: body}}); err != nil {
		return err
	}
	const q = `update translation set owner = $2, closed_by = $2, closed_at = $3 where id = $1`
	if _, err := tx.ExecContext(ctx, q, w.ID, by.ID, now.UnixMicro()); err != nil {
		return err
	}
	happened := event.Event{Kind: "translation.signed", Patient: w.Patient, Subject: w.ID, Data: map[string]string{"lang": w.Lang, "type": w.Type}}
	if err := s.events.Add(ctx, tx, happened); err != nil {
		return err
	}
	return s.tell.Translated(ctx, tx, w.ID)
}

// Refuse says why nobody translates something. The patient keeps the words as
// they were written, and is no longer told that a translation comes.
func (s *Store) Refuse(ctx context.Context, pass access.Pass, id, why string) error {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return err
	}
	list := []rune(strings.TrimSpace(strings.ToValidUTF8(why, "")))
	if len(list) == 0 {
		return errWhy
	}
	why = string(list[:min(len(list), 500)])
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := s.take(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		const q = `update translation set closed_by = $2, closed_at = $3, why = $4 where id = $1`
		_, err := tx.ExecContext(ctx, q, id, pass.Actor().ID, s.now().UnixMicro(), why)
		return err
	})
	if err != nil {
		return fmt.Errorf("translation: refuse %s: %w", id, err)
	}
	return nil
}

// Done returns a translation that was signed, and its words, to the system
// that tells the patient; pass opens Translate for the patient.
func (s *Store) Done(ctx context.Context, pass access.Pass, id string) (w Work, t Translation, err error) {
	patient, err := pass.Open(access.Translate)
	if err != nil {
		return w, t, err
	}
	if w, err = s.work(ctx, s.db, pass, patient, id); err != nil {
		return w, t, err
	}
	hidden, until := pass.Veil()
	const q = there + ` and t.id = $5`
	o, err := db.One(ctx, s.db, scanOf, q, patient, hidden, until, w.Type, w.Target)
	if err != nil {
		return w, t, fmt.Errorf("translation: done %s: %w", id, err)
	}
	return w, o.Translation, nil
}

// OfWork returns the patient of a translation, for the system's own work.
func (s *Store) OfWork(ctx context.Context, id string) (string, error) {
	return db.One(ctx, s.db, db.Value[string], `select t.patient from translation t where t.id = $1`, id)
}

// Told notes, in the transaction that tells the patient, that they were told;
// false where they were told before.
func (s *Store) Told(ctx context.Context, tx *db.Tx, id string) (bool, error) {
	const q = `update translation set told_at = $2 where id = $1 and told_at = 0`
	n, err := db.Changed(tx.ExecContext(ctx, q, id, s.now().UnixMicro()))
	return n > 0, err
}

// Speaks returns the languages into which an account may translate.
func (s *Store) Speaks(ctx context.Context, account string) ([]string, error) {
	list, err := db.All(ctx, s.db, db.Value[string], `select lang from staff_language where account = $1 order by lang`, account)
	if err != nil {
		return nil, fmt.Errorf("translation: speaks: %w", err)
	}
	return list, nil
}

// Able says whether anybody may translate into the language of a tag.
func (s *Store) Able(ctx context.Context, tag string) (bool, error) {
	l, ok := Of(tag)
	if !ok {
		return false, nil
	}
	n, err := db.One(ctx, s.db, db.Value[int], able, l.Tag)
	if err != nil {
		return false, fmt.Errorf("translation: able: %w", err)
	}
	return n > 0, nil
}

// SetSpeaks says into which languages an account may translate. Whoever says
// it answers for it that the person is qualified.
func (s *Store) SetSpeaks(ctx context.Context, pass access.Pass, account string, tags []string) error {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return err
	}
	for _, tag := range tags {
		if l, ok := Of(tag); !ok || l.Tag != tag {
			return errLang
		}
	}
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	err := s.db.Tx(ctx, func(tx *db.Tx) error { return s.setSpeaks(ctx, tx, account, tags, pass.Actor().ID, s.now()) })
	if err != nil {
		return fmt.Errorf("translation: set speaks: %w", err)
	}
	return nil
}

func (s *Store) setSpeaks(ctx context.Context, tx *db.Tx, account string, tags []string, by string, at time.Time) error {
	had, err := db.All(ctx, tx, db.Value[string], `select lang from staff_language where account = $1 order by lang`, account)
	if err != nil {
		return err
	}
	for _, tag := range had {
		if slices.Contains(tags, tag) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `delete from staff_language where account = $1 and lang = $2`, account, tag); err != nil {
			return err
		}
	}
	for _, tag := range tags {
		const q = `insert into staff_language (account, lang, set_by, set_at) values ($1, $2, $3, $4) on conflict (account, lang) do nothing`
		if _, err := tx.ExecContext(ctx, q, account, tag, by, at.UnixMicro()); err != nil {
			return err
		}
	}
	return s.events.Add(ctx, tx, event.Event{Kind: "staff.languages", Subject: account, Data: map[string]string{"languages": strings.Join(tags, " "), "by": by}})
}
