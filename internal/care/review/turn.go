package review

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Turn is a patient with results that wait for a look.
type Turn struct {
	Patient string
	Since   time.Time // of the one that is first in line
	Names   []string  // of the results, as their senders call them
	Outside int       // of them, out of range

	place int64
	first string
}

// Mark is where a list goes on after t: it stays right while others in the
// list come and go.
func (t Turn) Mark() string {
	return fmt.Sprintf("%d~%d~%s~%s", t.place, t.Since.UnixMicro(), t.Patient, t.first)
}

var errMark = errs.New(errs.NotFound, "There is no such page of this list. Please begin at its start.")

// parseMark reads what Mark wrote; the empty mark is the start.
func parseMark(text string) (t Turn, err error) {
	if text == "" {
		return Turn{place: -1}, nil
	}
	part := strings.Split(text, "~") // which no id has
	if len(part) != 4 || len(text) > 300 {
		return t, errMark
	}
	at, err := strconv.ParseInt(part[1], 10, 64)
	if err != nil || part[0] != "0" && part[0] != "1" {
		return t, errMark
	}
	t.place, t.Since = int64(part[0][0]-'0'), time.UnixMicro(at)
	t.Patient, t.first = part[2], part[3]
	return t, nil
}

// Turns returns the next n patients with results that wait, after mark: those
// with something out of range first, then those who have waited longest.
func (s *Store) Turns(ctx context.Context, pass access.Pass, mark string, n int) ([]Turn, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	after, err := parseMark(mark)
	if err != nil {
		return nil, err
	}
	const q = `select w.patient, w.place, w.at, w.result from review_wait w
		where (w.place, w.at, w.patient, w.result) > ($3, $4, $5, $6) and not exists (select 1 from shield z where z.patient = w.patient and z.id = w.result
				and z.typ = 'Observation' and ((z.labels & $1) <> 0 or z.held_until > $2))
			and not exists (select 1 from review_wait e where e.patient = w.patient and (e.place, e.at, e.result) < (w.place, w.at, w.result)
				and not exists (select 1 from shield z where z.patient = e.patient and z.id = e.result
					and z.typ = 'Observation' and ((z.labels & $1) <> 0 or z.held_until > $2)))
		order by w.place, w.at, w.patient, w.result limit $7`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, func(row db.Scan) (t Turn, err error) {
		var at int64
		err = row(&t.Patient, &t.place, &at, &t.first)
		t.Since = db.Time(at)
		return t, err
	}, q, hidden, until, after.place, after.Since.UnixMicro(), after.Patient, after.first, n)
	if err != nil || len(list) == 0 {
		return nil, wrapTurns(err)
	}
	return list, wrapTurns(s.fill(ctx, list, hidden, until))
}

func wrapTurns(err error) error {
	if err != nil {
		err = fmt.Errorf("review: turns: %w", err)
	}
	return err
}

// fill adds what waits of each patient.
func (s *Store) fill(ctx context.Context, list []Turn, hidden, until int64) error {
	at, ids := map[string]int{}, make([]string, len(list))
	for i, t := range list {
		at[t.Patient], ids[i] = i, t.Patient
	}
	q := `select w.patient, w.result, w.place, w.at, r.name from review_wait w
		join result r on r.patient = w.patient and r.id = w.result
		where w.patient in (` + db.In(3, len(ids)) + `) and not exists (select 1 from shield z where z.patient = w.patient and z.id = w.result
				and z.typ = 'Observation' and ((z.labels & $1) <> 0 or z.held_until > $2))
		order by w.place, w.at, w.result`
	waits, err := db.All(ctx, s.db, scanWait, q, append([]any{hidden, until}, db.Args(ids)...)...)
	if err != nil {
		return err
	}
	for _, w := range waits {
		t := &list[at[w.Patient]]
		t.Names = append(t.Names, w.Name)
		if w.Outside {
			t.Outside++
		}
	}
	return nil
}
