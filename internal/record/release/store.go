package release

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

const holdColumns = `id, patient, typ, resource, sort, rule, basis, reason, set_by, set_at, final_at, until_at, most_at, early, tell, released_at, released_by, note`

func readHold(scan db.Scan) (h Hold, err error) {
	var set, final, until, most, released int64
	var early, tell int
	err = scan(&h.ID, &h.Patient, &h.Type, &h.Resource, &h.Sort, &h.Rule, &h.Basis, &h.Reason, &h.SetBy, &set, &final, &until, &most,
		&early, &tell, &released, &h.ReleasedBy, &h.Note)
	h.SetAt, h.Final, h.Until, h.Most, h.ReleasedAt = db.Time(set), db.Time(final), db.Time(until), db.Time(most), db.Time(released)
	h.Early, h.Tell = early == 1, tell == 1
	return h, err
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// insert keeps a new hold, with its shield and its row in the log.
func (s *Store) insert(ctx context.Context, tx *db.Tx, h Hold) error {
	const q = `insert into release_hold (` + holdColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, '', $16)`
	h.ID = s.IDs.New()
	_, err := tx.ExecContext(ctx, q, h.ID, h.Patient, h.Type, h.Resource, h.Sort, h.Rule, h.Basis, h.Reason, h.SetBy, db.Micro(h.SetAt), db.Micro(h.Final),
		db.Micro(h.Until), db.Micro(h.Most), bit(h.Early), bit(h.Tell), h.Note)
	if err != nil {
		return err
	}
	actor, kind := h.SetBy, string(access.Staff)
	if actor == "" {
		actor, kind = h.Rule, string(access.System)
	}
	row := audit.Row{ActorKind: kind, Actor: actor, Action: "hold.set", Patient: h.Patient, Granted: true}
	if err := s.note(ctx, tx, row, h); err != nil {
		return err
	}
	return s.settle(ctx, tx, h.Patient, h.Type, h.Resource, s.Now())
}

// note writes row about h.
func (s *Store) note(ctx context.Context, tx *db.Tx, row audit.Row, h Hold) error {
	row.About, row.Reason = h.Type+"/"+h.Resource, h.Rule
	return s.Audit.AddIn(ctx, tx, row)
}

// settle makes the shield of a resource say what its open holds say.
func (s *Store) settle(ctx context.Context, tx *db.Tx, patient, typ, id string, now time.Time) error {
	const q = `select ` + holdColumns + ` from release_hold where patient = $1 and typ = $2 and resource = $3 and released_at = 0 order by until_at desc, id`
	list, err := db.All(ctx, tx, readHold, q, patient, typ, id)
	if err != nil {
		return err
	}
	until, rule := int64(0), ""
	if len(list) > 0 && list[0].Until.After(now) {
		until, rule = list[0].Until.UnixMicro(), list[0].Rule
	}
	if until == 0 {
		if _, err := tx.ExecContext(ctx, `update shield set held_until = 0, hold = '' where patient = $1 and typ = $2 and id = $3`, patient, typ, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from shield where patient = $1 and typ = $2 and id = $3 and own = 0 and labels = 0 and held_until = 0`, patient, typ, id)
		return err
	}
	const set = `
		insert into shield (patient, typ, id, held_until, hold) values ($1, $2, $3, $4, $5)
		on conflict (typ, id) do update set held_until = excluded.held_until, hold = excluded.hold`
	_, err = tx.ExecContext(ctx, set, patient, typ, id, until, rule)
	return err
}

// Place holds one result of the patient that pass opens, for a harm, until a
// time. The id is Type/id.
func (s *Store) Place(ctx context.Context, pass access.Pass, typ, id, why, note string, until time.Time) error {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return err
	}
	reason, ok := harm(why)
	now := s.Now()
	note, fine := tidy(note)
	switch {
	case !ok:
		return errHarm
	case !fine:
		return errNote
	case !until.After(now):
		return errPast
	case until.Sub(now) > ClinicianMost:
		return errLong
	}
	h := Hold{Patient: patient, Type: typ, Resource: id, Rule: ByClinician, Basis: reason.Basis, Reason: reason.ID, SetBy: pass.Actor().ID,
		SetAt: now, Until: until, Most: now.Add(ClinicianMost), Early: true, Tell: true, Note: note}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := s.there(ctx, tx, patient, typ, id); err != nil {
			return err
		}
		const q = `select count(*) from release_hold where patient = $1 and typ = $2 and resource = $3 and rule = $4 and released_at = 0 and until_at > $5`
		n, err := db.One(ctx, tx, db.Value[int], q, patient, typ, id, ByClinician, now.UnixMicro())
		if err != nil {
			return err
		}
		if n > 0 {
			return errWaiting
		}
		return s.insert(ctx, tx, h)
	})
	s.touched()
	return said("place", err)
}

// tidy returns note as it is kept, and whether it says something.
func tidy(note string) (string, bool) {
	note = strings.TrimSpace(note)
	return note, note != "" && utf8.RuneCountInString(note) <= 500
}

// there says whether the patient has the resource.
func (s *Store) there(ctx context.Context, tx *db.Tx, patient, typ, id string) error {
	const q = `
		select count(*) from resource r join patient_number p on p.n = r.patient
		where p.id = $1 and r.typ = $2 and r.id = $3 and r.deleted = 0`
	n, err := db.One(ctx, tx, db.Value[int], q, patient, typ, id)
	if err == nil && n == 0 {
		return errNothing
	}
	return err
}

// Release shows the result of one hold before its time, with a note. Other
// holds on the same result that may end early end with it.
func (s *Store) Release(ctx context.Context, pass access.Pass, id, note string) error {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return err
	}
	note, ok := tidy(note)
	if !ok {
		return errNote
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		h, err := s.waiting(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		const q = `select ` + holdColumns + ` from release_hold where patient = $1 and typ = $2 and resource = $3 and released_at = 0 order by id`
		all, err := db.All(ctx, tx, readHold, q, patient, h.Type, h.Resource)
		if err != nil {
			return err
		}
		for _, o := range all {
			if !o.Early && o.Until.After(s.Now()) {
				return errLaw
			}
		}
		for _, o := range all {
			if err := s.end(ctx, tx, o, pass.Actor(), note); err != nil {
				return err
			}
		}
		return s.arrived(ctx, tx, h)
	})
	s.touched()
	return said("release", err)
}

// waiting returns an open hold of patient.
func (s *Store) waiting(ctx context.Context, tx *db.Tx, patient, id string) (Hold, error) {
	h, err := db.One(ctx, tx, readHold, `select `+holdColumns+` from release_hold where id = $1 and patient = $2`, id, patient)
	if err == nil && !h.Open(s.Now()) {
		return h, errGone
	}
	return h, err
}

// end closes h; what is closed already stays as it was.
func (s *Store) end(ctx context.Context, tx *db.Tx, h Hold, by access.Actor, note string) error {
	const q = `update release_hold set released_at = $1, released_by = $2, note = case when $3 = '' then note else $3 end where id = $4 and released_at = 0`
	n, err := db.Changed(tx.ExecContext(ctx, q, s.Now().UnixMicro(), by.ID, note, h.ID))
	if err != nil || n == 0 {
		return err
	}
	row := audit.Row{ActorKind: string(by.Kind), Actor: by.ID, Action: "hold.release", Patient: h.Patient, Granted: true, Request: by.Request}
	if err := s.note(ctx, tx, row, h); err != nil {
		return err
	}
	return s.settle(ctx, tx, h.Patient, h.Type, h.Resource, s.Now())
}

// Extend lets a result wait until a later time, never beyond what the basis
// of its hold allows.
func (s *Store) Extend(ctx context.Context, pass access.Pass, id, note string, until time.Time) error {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return err
	}
	note, ok := tidy(note)
	if !ok {
		return errNote
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		h, err := s.waiting(ctx, tx, patient, id)
		switch {
		case err != nil:
			return err
		case until.After(h.Most):
			return errLong
		case !until.After(s.Now()):
			return errPast
		}
		if _, err := tx.ExecContext(ctx, `update release_hold set until_at = $1, note = $2 where id = $3`, until.UnixMicro(), note, id); err != nil {
			return err
		}
		a := pass.Actor()
		row := audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: "hold.extend", Patient: patient, Granted: true, Request: a.Request}
		if err := s.note(ctx, tx, row, h); err != nil {
			return err
		}
		return s.settle(ctx, tx, patient, h.Type, h.Resource, s.Now())
	})
	s.touched()
	return said("extend", err)
}

// said adds where an error that nobody is told came from.
func said(verb string, err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	return fmt.Errorf("release: %s: %w", verb, err)
}
