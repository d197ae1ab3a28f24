package record

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// searchRules numbers what the search index holds. Rules 1 had what looks at
// one element and is no amount; rules 2 have the rest.
const searchRules = 2

func errNotReady(typ, name string) error {
	return errs.New(errs.Unavailable, fmt.Sprintf("%s cannot be searched by %s yet: the index is being made. Please try again later.", typ, name))
}

// isNew says whether rules 1 had no rows of an element.
func isNew(typ string, e fhir.Element) bool {
	switch e.Kind {
	case fhir.QuantityKind, fhir.NumberKind:
		return true
	case fhir.ReferenceKind:
		return e.Data != "reference"
	}
	if e.Data == "deceased" || len(e.Steps) == 0 {
		return true
	}
	switch e.Steps[0].Key {
	case "meta", "extension":
		return true
	}
	return e.Steps[0].Key == "participant" && typ == "CareTeam" && e.Kind == fhir.TokenKind ||
		e.Steps[0].Key == "description" && typ == "Goal" || e.Steps[0].Key == "hospitalization" && typ == "Encounter" && e.Kind == fhir.TokenKind
}

// indexed says whether the index holds everything that the newest rules want.
func (s *Store) indexed(ctx context.Context) (bool, error) {
	if s.ready.Load() {
		return true, nil
	}
	const q = `select rules from search_state where one = 1`
	rules, err := db.One(ctx, s.db, db.Value[int64], q)
	if err != nil {
		return false, err
	}
	if rules == 0 || rules == searchRules {
		s.ready.Store(true)
		return true, nil
	}
	return false, nil
}

// reindexed is how many resources Reindex looks at in one transaction.
const reindexed = 250

// Reindexed says how far Reindex is.
type Reindexed struct {
	Done, Of int64 // by the numbers of resources
	More     bool
}

// Reindex brings the next resources that were indexed by older rules up to
// the newest, and says whether there are more. Whoever calls it again goes on
// where it stopped, even after a crash.
func (s *Store) Reindex(ctx context.Context) (r Reindexed, err error) {
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `select rules, doing, reached, (select coalesce(max(n), 0) from resource) from search_state where one = 1`
		type state struct{ rules, doing, reached, last int64 }
		at, err := db.One(ctx, tx, func(scan db.Scan) (v state, err error) {
			return v, scan(&v.rules, &v.doing, &v.reached, &v.last)
		}, q)
		if err != nil {
			return err
		}
		r = Reindexed{Done: at.last, Of: at.last}
		if at.rules == 0 || at.rules == searchRules {
			return nil
		}
		if at.doing != searchRules {
			at.doing, at.reached = searchRules, 0
		}
		n, err := s.indexAgain(ctx, tx, "", &at.reached)
		if err != nil {
			return err
		}
		r.Done, r.More = at.reached, n == reindexed
		if !r.More {
			at.rules = searchRules
		}
		const set = `update search_state set rules = $1, doing = $2, reached = $3 where one = 1`
		_, err = tx.ExecContext(ctx, set, at.rules, at.doing, at.reached)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("record: reindex: %w", err)
	}
	return r, nil
}

// ReindexType writes the index rows of the next resources of a type, or of
// every one where typ is empty, that come after a number, and returns the
// number of the last; more says whether there may be others. Views that came
// with an upgrade follow what is written.
func (s *Store) ReindexType(ctx context.Context, typ string, after int64) (last int64, more bool, err error) {
	if typ != "" && !fhir.IsType(typ) {
		return 0, false, errNoType
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		last = after
		n, err := s.indexAgain(ctx, tx, typ, &last, s.projectAgain)
		more = n == reindexed
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("record: reindex: %w", err)
	}
	return last, more, nil
}

// indexAgain writes the rows of the next resources after reached, and
// returns how many those were.
func (s *Store) indexAgain(ctx context.Context, tx *db.Tx, typ string, reached *int64, also ...func(context.Context, *db.Tx, []stored) error) (int, error) {
	where := ` where r.n > $1 and r.deleted = 0 order by r.n limit $2`
	args := []any{*reached, reindexed}
	if typ != "" {
		where = ` where r.n > $1 and r.deleted = 0 and r.typ = $3 order by r.n limit $2`
		args = append(args, typ)
	}
	found, err := db.All(ctx, tx, db.Value[int64], `select r.n from resource r`+where, args...)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	*reached = found[len(found)-1]
	list, err := s.lasting(ctx, tx, found)
	if err != nil {
		return 0, err
	}
	b := batch{store: s, tx: tx}
	numbers := map[string]int64{}
	var patients []string
	for _, r := range list {
		patients = once(patients, r.patient)
	}
	if err := b.look(ctx, patients, numbers); err != nil {
		return 0, err
	}
	for _, follow := range also {
		if err := follow(ctx, tx, list); err != nil {
			return 0, err
		}
	}
	var w writer
	for _, r := range list {
		if r.body == nil {
			continue // shredded
		}
		node, err := fhir.Parse(r.body)
		if err != nil {
			return 0, err
		}
		rows, bad := rowsOf(r.typ, r.patient, node)
		if bad != nil {
			continue // it came before its shape was asked for
		}
		w.add(rows, numbers[r.patient], r.n)
	}
	if err := w.write(ctx, tx); err != nil {
		return 0, err
	}
	const gone = `delete from word_index where resource in (`
	if _, err := tx.ExecContext(ctx, gone+db.In(1, len(found))+`)`, db.Args(found)...); err != nil {
		return 0, err
	}
	return len(found), s.writeWords(ctx, tx, found)
}

// lasting reads stored resources that do not change until tx ends, and opens
// them; what was shredded has no body.
func (s *Store) lasting(ctx context.Context, tx *db.Tx, numbers []int64) ([]stored, error) {
	if err := lock(ctx, tx, numbers); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, tx, readBody, storedColumns+` where r.n in (`+db.In(1, len(numbers))+`) and r.deleted = 0 order by r.n`, db.Args(numbers)...)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].body, err = s.open(ctx, tx, list[i].body, list[i].link, list[i].version)
		if errors.Is(err, keys.ErrShredded) {
			list[i].body, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// lock makes everybody else who would change resources wait until tx ends.
func lock(ctx context.Context, tx *db.Tx, numbers []int64) error {
	if tx.Engine() == db.SQLite {
		return nil // one writes at a time
	}
	_, err := tx.ExecContext(ctx, `select n from resource where n in (`+db.In(1, len(numbers))+`) order by n for update`, db.Args(numbers)...)
	return err
}
