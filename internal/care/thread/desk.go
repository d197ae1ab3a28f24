package thread

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Filter says which threads of everybody are listed.
type Filter string

// The filters.
const (
	Waits   Filter = "waiting" // for an answer, soonest due first
	Opened  Filter = "open"    // and answered, newest first
	Settled Filter = "closed"  // newest first
)

// Filters returns every filter.
func Filters() []Filter { return []Filter{Waits, Opened, Settled} }

var errFilter = errs.New(errs.NotFound, "There is no such list.")

// Desk returns up to n threads of everybody that the pass is about, each with its title and its
// newest line.
func (s *Store) Desk(ctx context.Context, pass access.Pass, f Filter, n int) ([]Thread, error) {
	desk, err := deskOf(pass)
	if err != nil {
		return nil, err
	}
	const shown = ` and not exists (select 1 from shield z where z.patient = t.patient and z.typ = 'Communication' and z.id = t.id
		and ((z.labels & $1) <> 0 or z.held_until > $2)) `
	q := `select ` + threadColumns + ` from thread t where t.state = 'open' and t.waiting_at > 0 ` + shown + ` and ` + desk.clause(4) + ` order by case when t.due_at = 0 then t.waiting_at else t.due_at end, t.id limit $3`
	switch f {
	case Waits:
	case Opened:
		q = `select ` + threadColumns + ` from thread t where t.state = 'open' and t.waiting_at = 0 ` + shown + ` and ` + desk.clause(4) + ` order by t.last_at desc, t.id limit $3`
	case Settled:
		q = `select ` + threadColumns + ` from thread t where t.state = 'closed' ` + shown + ` and ` + desk.clause(4) + ` order by t.closed_at desc, t.id limit $3`
	default:
		return nil, errFilter
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scanThread, q, append([]any{hidden, until, n}, desk.args()...)...)
	for i := range list {
		if err == nil {
			err = s.head(ctx, pass, &list[i])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("thread: desk: %w", err)
	}
	return list, nil
}

// head adds the title and the newest line to a thread.
func (s *Store) head(ctx context.Context, pass access.Pass, t *Thread) error {
	hidden, until := pass.Veil()
	const q = `select ` + lineColumns + ` from communication c where c.patient = $1 and ` + veil + ` and c.thread = $4 and (c.id = $4 or c.sent_at = $5) order by c.sent_at desc, c.id desc`
	lines, err := db.All(ctx, s.db, scanLine, q, t.Patient, hidden, until, t.ID, t.Last.UnixMicro())
	if err != nil {
		return err
	}
	t.Title = titleOf(t.Reason)
	for i, l := range lines {
		if i == 0 {
			t.LastLine = l
		}
		if l.ID == t.ID && l.Title != "" {
			t.Title = l.Title
		}
	}
	return nil
}
