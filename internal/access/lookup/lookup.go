// Package lookup finds in the database what a decision about one actor and
// one patient rests on.
package lookup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Store looks up facts.
type Store struct {
	db  *db.DB
	now func() time.Time
}

// New returns a lookup on d.
func New(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

var _ access.Lookup = (*Store)(nil)

// Facts returns the facts about a and patient. Where one cannot be found
// out, it returns none.
func (s *Store) Facts(ctx context.Context, a access.Actor, patient string) (access.Facts, error) {
	f, err := s.person(ctx, a, patient)
	if err == nil && a.Kind == access.Staff {
		err = s.staff(ctx, a, patient, &f)
	}
	if err != nil {
		return access.Facts{}, fmt.Errorf("lookup: facts: %w", err)
	}
	return f, nil
}

// person finds what is about the patient, and who is kept out.
func (s *Store) person(ctx context.Context, a access.Actor, patient string) (access.Facts, error) {
	roles := make([]string, 0, len(a.Roles))
	for _, r := range a.Roles {
		roles = append(roles, string(r))
	}
	for len(roles) < 3 {
		roles = append(roles, "") // one statement for any number
	}
	const q = `
		select coalesce((select born from person where id = $1), ''),
			coalesce((select state from person where id = $1), ''),
			coalesce((select vip from patient_flag where patient = $1), 0),
			(select count(*) from proxy_block where patient = $1 and account = $2),
			(select count(*) from restriction where patient = $1 and ended_at = 0
				and (kind = 'account' and target = $2 or kind = 'role' and target in ($3, $4, $5)))`
	return db.One(ctx, s.db, func(scan db.Scan) (f access.Facts, err error) {
		var vip, blocked, restricted int
		err = scan(&f.Born, &f.State, &vip, &blocked, &restricted)
		f.VIP, f.Blocked, f.Restricted = vip != 0, blocked != 0, restricted != 0
		return f, err
	}, q, patient, a.ID, roles[0], roles[1], roles[2])
}

// staff finds what is between somebody who works here and the patient.
func (s *Store) staff(ctx context.Context, a access.Actor, patient string, f *access.Facts) error {
	const q = `
		select (select count(*) from care_team where account = $1 and patient = $2 and until_at > $3),
			coalesce((select labels from care_team where account = $1 and patient = $2 and until_at > $3), 0),
			coalesce((select max(until_at) from emergency where account = $1 and patient = $2 and closed_at = 0 and until_at > $3), 0),
			(select count(*) from staff_self where patient = $2 and patient <> ''),
			coalesce((select line from staff_self where account = $1), ''),
			coalesce((select zip from staff_self where account = $1), ''),
			coalesce((select line from person where id = $2), ''),
			coalesce((select zip from person where id = $2), '')`
	_, err := db.One(ctx, s.db, func(scan db.Scan) (struct{}, error) {
		var treats, colleague int
		var until int64
		var line, zip, home, homeZip string
		err := scan(&treats, &f.Programme, &until, &colleague, &line, &zip, &home, &homeZip)
		f.Treats = treats != 0
		if until != 0 {
			f.Emergency = time.UnixMicro(until).UTC()
		}
		f.Near = colleague != 0 || line != "" && zip == homeZip && fold(line) == fold(home)
		return struct{}{}, err
	}, q, a.ID, patient, s.now().UnixMicro())
	return err
}

// fold makes two spellings of one street alike.
func fold(line string) string { return strings.Join(strings.Fields(strings.ToLower(line)), " ") }
