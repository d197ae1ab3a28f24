package task

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

var errRule = errs.New(errs.Invalid, "Please say within how many working days (up to 30), or within how many working hours (up to 40), and who answers.")

// check refuses what is no promise.
func (r Rule) check() error {
	if r.Days < 0 || r.Days > 30 || r.Hours < 0 || r.Hours > 40 || r.Days == 0 && r.Hours == 0 || r.Days > 0 && r.Hours > 0 || r.Team == "" || len(r.Team) > maxTitle {
		return errRule
	}
	return nil
}

// Promise returns who would get something of a kind that is asked now, and by
// when they would answer: what a page says before it is asked.
func (s *Store) Promise(ctx context.Context, k Kind) (team string, by time.Time, err error) {
	rule, err := s.ruleOf(ctx, s.db, k)
	if err != nil {
		return "", time.Time{}, err
	}
	return rule.Team, s.By(s.now(), rule), nil
}

// By returns by when something of a time is due, counted in the clinic's
// working hours.
func (s *Store) By(at time.Time, r Rule) time.Time { return s.hours().Due(at, r) }

// Rules returns the promise about every kind.
func (s *Store) Rules(ctx context.Context) (map[Kind]Rule, error) {
	rules := make(map[Kind]Rule, len(Kinds))
	for _, k := range Kinds {
		rules[k] = k.Rule()
	}
	type row struct {
		kind Kind
		Rule
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.kind, &r.Days, &r.Hours, &r.Team) },
		`select kind, days, hours, team from task_rule`)
	if err != nil {
		return nil, fmt.Errorf("task: rules: %w", err)
	}
	for _, r := range list {
		rules[r.kind] = r.Rule
	}
	return rules, nil
}

// SetRule changes the promise about a kind, for what is asked from now on:
// who asked before was told another time.
func (s *Store) SetRule(ctx context.Context, pass access.Pass, k Kind, r Rule) error {
	if err := pass.OpenAll(access.SetRules); err != nil {
		return err
	}
	if r.Team = tidy(r.Team); !k.known() {
		return errKind
	}
	if err := r.check(); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		const set = `insert into task_rule (kind, days, hours, team, changed_by, changed_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (kind) do update set days = excluded.days, hours = excluded.hours, team = excluded.team, changed_by = excluded.changed_by, changed_at = excluded.changed_at`
		_, err := tx.ExecContext(ctx, set, string(k), r.Days, r.Hours, r.Team, pass.Actor().ID, s.now().UnixMicro())
		return err
	})
}
