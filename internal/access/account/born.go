package account

import (
	"context"
	"fmt"
	"slices"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Others returns the accounts without a record of their own, of caregivers
// and staff, among those a proved challenge may sign in to: they have no date
// of birth to choose them by.
func (s *Store) Others(ctx context.Context, challenge string) ([]Account, error) {
	u, err := s.challenge(ctx, s.db, seal.Hash(challenge))
	if err != nil {
		return nil, err
	}
	if u.state != "proved" {
		return nil, errCode
	}
	who, _, err := s.people(ctx, u.to)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(who, func(a Account) bool { return a.Patient != "" }), nil
}

// FinishAs signs in to one of Others.
func (s *Store) FinishAs(ctx context.Context, challenge, account string) (Entry, error) {
	list, err := s.Others(ctx, challenge)
	if err != nil {
		return Entry{}, err
	}
	i := slices.IndexFunc(list, func(a Account) bool { return a.ID == account })
	if i < 0 {
		return Entry{}, errNotYours
	}
	u, err := s.challenge(ctx, s.db, seal.Hash(challenge))
	if err != nil {
		return Entry{}, err
	}
	return s.used(ctx, seal.Hash(challenge), u.to, list[i])
}

// FinishBorn takes the date of birth after the right code. Who matches is
// signed in; somebody on record without an account gets one.
func (s *Store) FinishBorn(ctx context.Context, challenge, date string) (Entry, error) {
	id := seal.Hash(challenge)
	u, err := s.challenge(ctx, s.db, id)
	if err != nil {
		return Entry{}, err
	}
	if u.state != "proved" {
		return Entry{}, errCode
	}
	if err := s.tryBorn(ctx, id, u.to); err != nil {
		return Entry{}, err
	}
	who, patients, err := s.people(ctx, u.to)
	if err != nil {
		return Entry{}, err
	}
	for _, a := range who {
		if a.Patient != "" {
			patients = append(patients, a.Patient)
		}
	}
	matched, err := s.born(ctx, patients, date)
	if err != nil {
		return Entry{}, err
	}
	if len(matched) != 1 { // twins who share a phone need the office
		if err := s.refused(ctx, who); err != nil {
			return Entry{}, err
		}
		return Entry{}, errBorn
	}
	if i := slices.IndexFunc(who, func(a Account) bool { return a.Patient == matched[0] }); i >= 0 {
		return s.used(ctx, id, u.to, who[i])
	}
	a, err := s.enrol(ctx, matched[0], u.to)
	if err != nil {
		return Entry{}, err
	}
	return s.used(ctx, id, u.to, a)
}

// tryBorn spends one try of the challenge and of the address.
func (s *Store) tryBorn(ctx context.Context, id string, to address) error {
	ok := false
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update account_challenge set born_tries = born_tries + 1 where id = $1 and state = 'proved' and born_tries < 3`
		n, err := db.Changed(tx.ExecContext(ctx, q, id))
		if err != nil || n == 0 {
			return err
		}
		ok, err = s.use(ctx, tx, bornAddress, to.value)
		return err
	})
	if err != nil {
		return fmt.Errorf("account: try born: %w", err)
	}
	if !ok {
		return errTooMany
	}
	return nil
}

// born returns the patients who were born on date.
func (s *Store) born(ctx context.Context, patients []string, date string) ([]string, error) {
	var matched []string
	for _, p := range patients {
		ok, err := s.dir.BornOn(ctx, p, date)
		if err != nil {
			return nil, fmt.Errorf("account: born: %w", err)
		}
		if ok {
			matched = append(matched, p)
		}
	}
	return matched, nil
}

// valid returns a record's address if a code could go there, else nothing.
func valid(kind, text string) string {
	if to, err := parseAddress(text); err != nil || to.kind != kind {
		return ""
	}
	return text
}

// Reachable is a Directory that also knows the addresses on a patient's
// record: an e-mail address and an E.164 number, empty where there is none.
type Reachable interface {
	Addresses(ctx context.Context, patient string) (email, phone string, err error)
}

// enrol makes the account of a patient who is on record.
func (s *Store) enrol(ctx context.Context, patient string, to address) (Account, error) {
	name, language, err := s.dir.Person(ctx, patient)
	if err != nil {
		return Account{}, fmt.Errorf("account: enrol %s: %w", patient, err)
	}
	a := Account{Kind: access.Patient, Name: name, Patient: patient, Lang: language}
	if at, ok := s.dir.(Reachable); ok { // so that notices go everywhere, and a second code elsewhere
		if a.Email, a.Phone, err = at.Addresses(ctx, patient); err != nil {
			return Account{}, fmt.Errorf("account: enrol %s: %w", patient, err)
		}
		a.Email, a.Phone = valid("email", a.Email), valid("sms", a.Phone)
	}
	if to.kind == "email" {
		a.Email = to.value
	} else {
		a.Phone = to.value
	}
	return s.Add(ctx, a)
}
