package contact

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Store keeps contact points and preferences.
type Store struct {
	db  *db.DB
	now func() time.Time
	log *audit.Log
}

// NewStore returns a store on d.
func NewStore(d *db.DB, now func() time.Time) *Store {
	return &Store{db: d, now: now, log: audit.NewLog(d, ids.NewSource(now, rand.Reader), now)}
}

// Wished is what audit rows call a change of how somebody wants to be
// reached.
const Wished = "contact.wish"

const columns = `patient, kind, value, status, shared, rank, use, zone, updated_at, since_at, confirmed_at`

// Of returns the addresses of the patient whom pass opens, best first.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Point, error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return nil, err
	}
	by, err := List(ctx, s.db, []string{patient})
	return by[patient], err
}

// List returns the addresses of each patient, best first; of whom it was
// agreed with, the one address that is to be used. It is for parts of
// Hale that decide about many people at once and hold a right to.
func List(ctx context.Context, c db.Conn, patients []string) (map[string][]Point, error) {
	by := map[string][]Point{}
	if len(patients) == 0 {
		return by, nil
	}
	q := `select ` + columns + ` from contact_point
		where patient in (` + db.In(1, len(patients)) + `)
		order by patient, rank, kind, value`
	list, err := db.All(ctx, c, readPoint, q, db.Args(patients)...)
	if err != nil {
		return nil, fmt.Errorf("contact: list: %w", err)
	}
	for _, p := range list {
		by[p.Patient] = append(by[p.Patient], p)
	}
	return by, confine(ctx, c, patients, by)
}

// PatientsAt returns the patients who can be reached at an address, for
// sign-in. An address that was reported as somebody else's leads to nobody.
func (s *Store) PatientsAt(ctx context.Context, kind, value string) ([]string, error) {
	value = Normal(Kind(kind), value)
	if value == "" {
		return nil, nil
	}
	const q = `
		select patient from contact_point
		where value = $1 and kind in ($2, $3) and status <> 'wrong_person' and status <> 'gone'
			and not exists (select 1 from confidential_contact c where c.patient = contact_point.patient and c.ended_at = 0 and c.kind <> 'inbox' and c.value <> contact_point.value)
		union
		select patient from confidential_contact where value = $1 and kind in ($2, $3) and ended_at = 0
		order by patient
		limit 50`
	other := kind
	if kind == string(SMS) || kind == string(Voice) {
		kind, other = string(SMS), string(Voice)
	}
	list, err := db.All(ctx, s.db, db.Value[string], q, value, kind, other)
	if err != nil {
		return nil, fmt.Errorf("contact: patients at: %w", err)
	}
	return list, nil
}

// SetStatus says what became of an address, for every patient who has it.
func (s *Store) SetStatus(ctx context.Context, tx *db.Tx, kind Kind, value string, status Status) error {
	const q = `update contact_point set status = $1, updated_at = $2 where value = $3 and kind = $4`
	if _, err := tx.ExecContext(ctx, q, string(status), s.now().UnixMicro(), value, string(kind)); err != nil {
		return fmt.Errorf("contact: set status: %w", err)
	}
	return nil
}

// SetStatusOf says what became of one patient's address.
func (s *Store) SetStatusOf(ctx context.Context, tx *db.Tx, patient string, kind Kind, value string, status Status) error {
	const q = `update contact_point set status = $1, updated_at = $2 where patient = $3 and value = $4 and kind = $5`
	if _, err := tx.ExecContext(ctx, q, string(status), s.now().UnixMicro(), patient, value, string(kind)); err != nil {
		return fmt.Errorf("contact: set status of: %w", err)
	}
	return nil
}

// Confirm notes that an address was just proven to be patient's.
func (s *Store) Confirm(ctx context.Context, tx *db.Tx, patient, value string, at time.Time) error {
	const q = `update contact_point set confirmed_at = $3 where patient = $1 and value = $2 and confirmed_at < $3`
	if _, err := tx.ExecContext(ctx, q, patient, value, at.UnixMicro()); err != nil {
		return fmt.Errorf("contact: confirm: %w", err)
	}
	return nil
}

// Preferences returns what the patient whom pass opens asked for.
func (s *Store) Preferences(ctx context.Context, pass access.Pass) ([]Preference, error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return nil, err
	}
	by, err := ListPreferences(ctx, s.db, []string{patient})
	return by[patient], err
}

// ListPreferences returns the preferences of each patient.
func ListPreferences(ctx context.Context, c db.Conn, patients []string) (map[string][]Preference, error) {
	by := map[string][]Preference{}
	if len(patients) == 0 {
		return by, nil
	}
	q := `select patient, topic, channels, lang, hour_from, hour_to, large_print, pace, untracked from preference
		where patient in (` + db.In(1, len(patients)) + `)
		order by patient, topic`
	type row struct {
		patient string
		Preference
	}
	list, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) {
		var channels string
		var large, untracked int
		err = scan(&r.patient, &r.Topic, &channels, &r.Lang, &r.HourFrom, &r.HourTo, &large, &r.Pace, &untracked)
		if channels != "" {
			r.Channels = strings.Split(channels, ",")
		}
		r.LargePrint, r.Untracked = large == 1, untracked == 1
		return r, err
	}, q, db.Args(patients)...)
	if err != nil {
		return nil, fmt.Errorf("contact: preferences: %w", err)
	}
	for _, r := range list {
		by[r.patient] = append(by[r.patient], r.Preference)
	}
	return by, nil
}

var errPreference = errs.New(errs.Invalid, "Please choose hours between 0 and 24, the first before the second.")

// SetPreference replaces what the patient whom pass opens asked for about
// p.Topic.
func (s *Store) SetPreference(ctx context.Context, pass access.Pass, p Preference) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	if p.HourFrom < 0 || p.HourTo > 24 || p.HourFrom > p.HourTo || p.HourFrom == p.HourTo && p.HourFrom != 0 {
		return errPreference
	}
	if p.Topic == "" {
		p.Topic = "*"
	}
	if p.Pace != Daily {
		p.Pace = ""
	}
	large := 0
	if p.LargePrint {
		large = 1
	}
	const q = `
		insert into preference (patient, topic, channels, lang, hour_from, hour_to, large_print, pace, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (patient, topic) do update set channels = excluded.channels, lang = excluded.lang,
			hour_from = excluded.hour_from, hour_to = excluded.hour_to, large_print = excluded.large_print, pace = excluded.pace, updated_at = excluded.updated_at`
	row := pass.Actor().Row(Wished, patient, true)
	row.About, row.Reason = "preference/"+p.Topic, strings.Join(p.Channels, ",")
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, q, patient, p.Topic, strings.Join(p.Channels, ","), p.Lang, p.HourFrom, p.HourTo, large, p.Pace, s.now().UnixMicro()); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("contact: set preference: %w", err)
	}
	return nil
}

// SetTracking says whether mails to the patient whom pass opens may tell us
// that they were opened and which links were followed. Without a word they
// may.
func (s *Store) SetTracking(ctx context.Context, pass access.Pass, off bool) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	untracked := 0
	if off {
		untracked = 1
	}
	const q = `
		insert into preference (patient, topic, untracked, updated_at) values ($1, '*', $2, $3)
		on conflict (patient, topic) do update set untracked = excluded.untracked, updated_at = excluded.updated_at`
	row := pass.Actor().Row(Wished, patient, true)
	row.About, row.Reason = "preference/*", fmt.Sprintf("untracked %t", off)
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, q, patient, untracked, s.now().UnixMicro()); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("contact: set tracking: %w", err)
	}
	return nil
}

func readPoint(scan db.Scan) (p Point, err error) {
	var shared int
	var updated, since, confirmed int64
	err = scan(&p.Patient, &p.Kind, &p.Value, &p.Status, &shared, &p.Rank, &p.Use, &p.Zone, &updated, &since, &confirmed)
	p.Shared = shared == 1
	p.Since, p.Confirmed = db.Time(since), db.Time(confirmed)
	p.Updated = time.UnixMicro(updated).UTC()
	return p, err
}
