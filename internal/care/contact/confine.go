package contact

import (
	"context"
	"fmt"
	"time"

	"hale/internal/base/phone"
	"hale/internal/store/db"
)

// Ways beside the kinds of addresses: nothing leaves but paper, or nothing at
// all.
const (
	Letter Kind = "letter"
	Inbox  Kind = "inbox"
)

// Confine keeps everything that goes to a patient to one way, as a request
// for confidential communications that was agreed to says. It takes the place
// of the one before.
//
// Spec: 45 CFR 164.522(b)
func Confine(ctx context.Context, tx *db.Tx, patient, request, id string, kind Kind, value string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `update confidential_contact set ended_at = $2 where patient = $1 and ended_at = 0`, patient, now.UnixMicro()); err != nil {
		return fmt.Errorf("contact: confine %s: %w", patient, err)
	}
	const q = `insert into confidential_contact (id, request, patient, kind, value, made_at) values ($1, $2, $3, $4, $5, $6)`
	if _, err := tx.ExecContext(ctx, q, id, request, patient, string(kind), value, now.UnixMicro()); err != nil {
		return fmt.Errorf("contact: confine %s: %w", patient, err)
	}
	channels := string(kind)
	if kind == Letter || kind == Voice {
		channels = "inbox"
	}
	const wish = `
		insert into preference (patient, topic, channels, lang, hour_from, hour_to, large_print, updated_at) values ($1, '*', $2, '', 0, 0, 0, $3)
		on conflict (patient, topic) do update set channels = excluded.channels, updated_at = excluded.updated_at`
	if _, err := tx.ExecContext(ctx, wish, patient, channels, now.UnixMicro()); err != nil {
		return fmt.Errorf("contact: confine %s: %w", patient, err)
	}
	return nil
}

// Confined returns the one way that was agreed with each of patients, of
// those who have one.
func Confined(ctx context.Context, c db.Conn, patients []string) (map[string]Point, error) {
	by := map[string]Point{}
	if len(patients) == 0 {
		return by, nil
	}
	q := `select patient, kind, value, made_at from confidential_contact where ended_at = 0 and patient in (` + db.In(1, len(patients)) + `)`
	list, err := db.All(ctx, c, func(scan db.Scan) (p Point, err error) {
		var made int64
		err = scan(&p.Patient, &p.Kind, &p.Value, &made)
		p.Status, p.Rank, p.Updated = Active, 1, time.UnixMicro(made).UTC()
		if p.Kind == SMS || p.Kind == Voice {
			p.Zone = phone.Number(p.Value).Zone()
		}
		return p, err
	}, q, db.Args(patients)...)
	if err != nil {
		return nil, fmt.Errorf("contact: confined: %w", err)
	}
	for _, p := range list {
		by[p.Patient] = p
	}
	return by, nil
}

// confine leaves each patient with the one way that was agreed, if one was.
// What is known of that address, a bounce, is kept.
func confine(ctx context.Context, c db.Conn, patients []string, by map[string][]Point) error {
	only, err := Confined(ctx, c, patients)
	if err != nil {
		return err
	}
	for patient, way := range only {
		var kept []Point
		for _, p := range by[patient] {
			if p.Kind == way.Kind && p.Value == way.Value {
				kept = append(kept, p)
			}
		}
		if len(kept) == 0 && way.Kind != Letter && way.Kind != Inbox {
			kept = []Point{way}
		}
		by[patient] = kept
	}
	return nil
}
