package patient

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Store reads persons.
type Store struct{ db *db.DB }

// NewStore returns a store on d.
func NewStore(d *db.DB) *Store { return &Store{db: d} }

const columns = `id, full_name, given, family, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at`

// openers are the rights that come with knowing whose record it is.
var openers = [...]access.Right{access.ReadRecord, access.ReadVisits, access.BookVisits, access.PayBills, access.ReadContacts, access.EditContacts,
	access.ReadMessages, access.ReadMessage, access.ReadDecisions}

// Get returns the person that pass opens for any right that comes with
// knowing whose record it is.
func (s *Store) Get(ctx context.Context, pass access.Pass) (Person, error) {
	const q = `select ` + columns + ` from person where id = $1`
	var id string
	var err error
	for _, right := range openers {
		if id, err = pass.Open(right); err == nil {
			break
		}
	}
	if err != nil {
		return Person{}, err
	}
	p, err := db.One(ctx, s.db, scan, q, id)
	if err != nil {
		return Person{}, fmt.Errorf("patient: get %s: %w", id, err)
	}
	return p, nil
}

// Find returns at most n persons who match every word of query: the start of
// a name of three letters or more, a birth date, or the record number.
func (s *Store) Find(ctx context.Context, pass access.Pass, query string, n int) ([]Person, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	q, args := search(query, n)
	if q == "" {
		return nil, nil
	}
	list, err := db.All(ctx, s.db, scan, q, args...)
	if err != nil {
		return nil, fmt.Errorf("patient: find: %w", err)
	}
	return list, nil
}

// search returns the statement for what somebody typed, empty for nothing
// that could be looked up.
func search(query string, n int) (string, []any) {
	var where []string
	var args []any
	add := func(clause string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			clause = strings.Replace(clause, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, clause)
	}
	for word := range strings.FieldsSeq(query) {
		if day, ok := birthday(word); ok {
			add(`born = ?`, day)
			continue
		}
		if strings.ContainsAny(word, "0123456789") {
			add(`mrn = ?`, word)
			continue
		}
		for part := range strings.FieldsSeq(fold(word)) {
			if len([]rune(part)) < 3 {
				add(`id in (select person from person_piece where piece = ?)`, part)
				continue
			}
			add(`id in (select person from person_piece where piece = ?) and ' ' || search_name like ?`, piece(part), "% "+part+"%")
		}
	}
	if len(where) == 0 {
		return "", nil
	}
	args = append(args, n)
	return `select ` + columns + ` from person where ` + strings.Join(where, " and ") +
		fmt.Sprintf(` order by family, given, id limit $%d`, len(args)), args
}

// BornOn says whether patient was born on date, YYYY-MM-DD. It needs no pass:
// it is the proof that gets one, and its callers count wrong answers.
func (s *Store) BornOn(ctx context.Context, patient, date string) (bool, error) {
	const q = `select born from person where id = $1 and deceased = 0`
	born, err := db.One(ctx, s.db, db.Value[string], q, patient)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("patient: born %s: %w", patient, err)
	}
	return len(date) == 10 && born == date, nil
}

func scan(row db.Scan) (p Person, err error) {
	var deceased, active int
	var updated int64
	err = row(&p.ID, &p.Full, &p.Given, &p.Family, &p.Born, &p.Sex, &p.Lang, &p.MRN, &p.Line, &p.City, &p.State, &p.Zip, &p.Zone,
		&deceased, &active, &updated)
	p.Deceased, p.Active, p.Updated = deceased == 1, active == 1, db.Time(updated)
	return p, err
}
