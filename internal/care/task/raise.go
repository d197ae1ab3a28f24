package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// owedNow leaves out what waits for the patient: see Task.owed.
const owedNow = ` t.status <> 'ready' and not (t.status = 'waiting' and t.kind in ('refill', 'renewal')) `

var errTeam = errs.New(errs.Invalid, "Please choose a team from the list.")

// roles are who works for each team, the first who are there. Read only.
var roles = map[string][]access.Role{
	"the nurse team":     {access.Nurse},
	"the front desk":     {access.FrontDesk, access.Nurse},
	"the billing office": {access.Billing, access.Nurse},
	"the records office": {access.Nurse},
}

// Roles returns who works for a team: those with the first of these roles
// that anybody has.
func Roles(team string) []access.Role {
	if list, ok := roles[team]; ok {
		return slices.Clone(list)
	}
	return []access.Role{access.Nurse}
}

// Unraised returns up to n tasks of everybody whose time is over and of which
// nobody was told yet, those that were due first in front.
func (s *Store) Unraised(ctx context.Context, pass access.Pass, n int) ([]Task, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from task t where t.closed_at = 0 and t.due_at < $1 and t.raised_at <= t.due_at and ` + owedNow + ` and ` + veil + `
		order by t.due_at, t.id limit $4`
	list, err := db.All(ctx, s.db, scan, q, s.now().UnixMicro(), hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("task: unraised: %w", err)
	}
	return list, nil
}

// errNotLate ends the transaction of a task that was not late any more.
var errNotLate = errors.New("not late")

// Raise notes that the time of a task is over and who was told: an account
// with its name, or a whole team without one. With it, in one transaction,
// goes what tells them. A task that was closed, answered or raised in the
// meantime stays as it is, and nobody is told: false.
func (s *Store) Raise(ctx context.Context, pass access.Pass, id, to, name string, tell func(tx *db.Tx, t Task) error) (bool, error) {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		_, t, err := s.moveTx(ctx, tx, pass, id, desks[:1], func(t Task, _ string, now time.Time) (Task, error) {
			if !t.Late(now) || t.Overdue(now) {
				return t, errNotLate
			}
			return t.raise(to, name, now), nil
		})
		if err != nil {
			return err
		}
		return tell(tx, t)
	})
	if errors.Is(err, errNotLate) {
		return false, nil
	}
	return err == nil, err
}

// Leads returns who leads each team that has somebody, by account.
func (s *Store) Leads(ctx context.Context) (map[string]string, error) {
	type row struct{ team, account string }
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.team, &r.account) }, `select team, account from task_lead`)
	if err != nil {
		return nil, fmt.Errorf("task: leads: %w", err)
	}
	leads := map[string]string{}
	for _, r := range list {
		leads[r.team] = r.account
	}
	return leads, nil
}

// SetLead has an account told when a promise of a team passes; an empty one:
// everybody of the team. Whoever calls it has looked that the account may
// work for the team.
func (s *Store) SetLead(ctx context.Context, pass access.Pass, team, account string) error {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return err
	}
	if !slices.Contains(Teams, team) {
		return errTeam
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if account == "" {
			_, err := tx.ExecContext(ctx, `delete from task_lead where team = $1`, team)
			return err
		}
		const set = `insert into task_lead (team, account, changed_by, changed_at) values ($1, $2, $3, $4)
			on conflict (team) do update set account = excluded.account, changed_by = excluded.changed_by, changed_at = excluded.changed_at`
		_, err := tx.ExecContext(ctx, set, team, account, pass.Actor().ID, s.now().UnixMicro())
		return err
	})
}

// LateOf counts what is late, by team, for those who set the promises: how
// much, and nothing of any of it.
func (s *Store) LateOf(ctx context.Context, pass access.Pass) (map[string]int, error) {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	const q = `select t.team, count(*) from task t where t.closed_at = 0 and t.due_at < $1 and ` + owedNow + ` and ` + veil + ` group by t.team`
	type row struct {
		team string
		n    int
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.team, &r.n) }, q, s.now().UnixMicro(), hidden, until)
	if err != nil {
		return nil, fmt.Errorf("task: late: %w", err)
	}
	late := map[string]int{}
	for _, r := range list {
		late[r.team] = r.n
	}
	return late, nil
}
