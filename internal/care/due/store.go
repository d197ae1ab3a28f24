package due

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// records is what the store needs of the record.
type records interface {
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
}

// tasks is what the store needs of package task.
type tasks interface {
	AskTx(ctx context.Context, tx *db.Tx, pass access.Pass, in task.New) (task.Task, error)
}

// Store finds what is due and keeps what patients say to it.
type Store struct {
	db      *db.DB
	records records
	tasks   tasks
	ids     *ids.Source
	now     func() time.Time
}

// NewStore returns a store that reads r and tells the staff through tasks.
func NewStore(d *db.DB, r records, tasks tasks, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, records: r, tasks: tasks, ids: ids, now: now}
}

// List returns what is due for the patient whom pass opens to read, the latest
// first, and what they said to each, by its Ref.
func (s *Store) List(ctx context.Context, pass access.Pass) ([]Item, map[string]Answer, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, nil, err
	}
	var list []Item
	for _, typ := range [...]string{"ImmunizationRecommendation", "CarePlan"} {
		found, err := s.records.Search(ctx, pass, typ, url.Values{"patient": {patient}, "_count": {"50"}})
		if err != nil {
			return nil, nil, fmt.Errorf("due: list: %w", err)
		}
		for _, r := range found.Resources {
			n, err := fhir.Parse(r.Body)
			if err != nil {
				return nil, nil, fmt.Errorf("due: %s %s: %w", typ, r.ID, err)
			}
			read := Steps
			if typ == "ImmunizationRecommendation" {
				read = Vaccines
			}
			for _, i := range read(r.ID, n, s.now()) {
				if i.Source = r.Source; !slices.ContainsFunc(list, func(o Item) bool { return o.Ref == i.Ref }) {
					list = append(list, i)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Item) int {
		if a.Late != b.Late {
			if a.Late {
				return -1
			}
			return 1
		}
		return cmp.Or(when(a).Compare(when(b)), cmp.Compare(a.Name, b.Name))
	})
	answers, err := s.answers(ctx, s.db, patient)
	return list, answers, err
}

func when(i Item) time.Time {
	if i.By.IsZero() {
		return i.From
	}
	return i.By
}

// answers returns what a patient said, the newest to each thing.
func (s *Store) answers(ctx context.Context, c db.Conn, patient string) (map[string]Answer, error) {
	const q = `select ref, answer, day, reason, task, at from due_answer where patient = $1 order by at, id`
	list, err := db.All(ctx, c, func(scan db.Scan) (a Answer, err error) {
		var day, at int64
		err = scan(&a.Ref, &a.What, &day, &a.Reason, &a.Task, &at)
		a.Day, a.At = db.Time(day), db.Time(at)
		return a, err
	}, q, patient)
	if err != nil {
		return nil, fmt.Errorf("due: answers: %w", err)
	}
	all := map[string]Answer{}
	for _, a := range list {
		if all[a.Ref] = a; a.What == Again {
			delete(all, a.Ref)
		}
	}
	return all, nil
}

// Say keeps what somebody says to a thing that is due for the patient whom
// read opens; writes opens the same patient to ask the staff, who are told of
// everything but a change of mind.
func (s *Store) Say(ctx context.Context, read, writes access.Pass, a Answer) (Answer, error) {
	list, _, err := s.List(ctx, read)
	if err != nil {
		return a, err
	}
	patient, err := writes.Open(access.SendMessages)
	if err != nil {
		return a, err
	}
	at := slices.IndexFunc(list, func(i Item) bool { return i.Ref == a.Ref })
	if at < 0 {
		return a, errWhat
	}
	in, err := s.asks(list[at], a)
	if err != nil {
		return a, err
	}
	a.At = s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "due "+patient); err != nil {
			return err
		}
		before, err := s.answers(ctx, tx, patient)
		if err != nil {
			return err
		}
		if old, ok := before[a.Ref]; ok && old.What == a.What && old.Day.Equal(a.Day) && old.Reason == a.Reason {
			a = old
			return nil // a button pressed twice
		}
		if a.What != Again {
			t, err := s.tasks.AskTx(ctx, tx, writes, in)
			if err != nil {
				return err
			}
			a.Task = t.ID
		}
		const q = `insert into due_answer (id, patient, ref, answer, day, reason, task, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
		_, err = tx.ExecContext(ctx, q, s.ids.New(), patient, a.Ref, string(a.What), db.Micro(a.Day), a.Reason, a.Task, writes.Actor().ID, db.Micro(a.At))
		return err
	})
	if err != nil {
		return a, fmt.Errorf("due: say: %w", err)
	}
	return a, nil
}

// asks is what the staff is told of an answer.
func (s *Store) asks(i Item, a Answer) (task.New, error) {
	in := task.New{Kind: task.Due, Focus: i.Focus(), Values: map[string]string{"what is due": i.Name}}
	switch a.What {
	case Elsewhere:
		if a.Day.IsZero() || a.Day.After(s.now()) {
			return in, errDay
		}
		in.Title, in.Values["had it on"] = "I had this somewhere else", a.Day.Format(time.DateOnly)
	case NotNow:
		at := slices.IndexFunc(Reasons(), func(r [2]string) bool { return r[0] == a.Reason })
		if at < 0 {
			return in, errReason
		}
		in.Title, in.Values["reason"] = "I do not want this now", Reasons()[at][1]
	case Again:
	default:
		return in, errWhat
	}
	return in, nil
}
