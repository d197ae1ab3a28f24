package release

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// The names by which a wish is known in a Consent.
const (
	wishSystem = "urn:hale:release:sort"
	wishDays   = "urn:hale:release:days"
)

// Wishes returns after how many days at most the patient that pass opens
// wants to see each sort; what is not in it is seen at once.
func (s *Store) Wishes(ctx context.Context, pass access.Pass) (map[string]int, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	all, err := wishesOf(ctx, s.DB, []string{patient})
	return all[patient], err
}

type wish struct {
	patient, sort string
	days          int
}

func wishesOf(ctx context.Context, c db.Conn, patients []string) (map[string]map[string]int, error) {
	read := func(scan db.Scan) (w wish, err error) { return w, scan(&w.patient, &w.sort, &w.days) }
	all := map[string]map[string]int{}
	for len(patients) > 0 {
		part := patients[:min(64, len(patients))]
		patients = patients[len(part):]
		list, err := db.All(ctx, c, read, `select patient, sort, days from release_wish where days > 0 and patient in (`+db.In(1, len(part))+`)`, db.Args(part)...)
		if err != nil {
			return nil, fmt.Errorf("release: wishes: %w", err)
		}
		for _, w := range list {
			if all[w.patient] == nil {
				all[w.patient] = map[string]int{}
			}
			all[w.patient][w.sort] = w.days
		}
	}
	return all, nil
}

// SetWish keeps after how many days at most the patient that pass opens wants
// to see results of a sort, if nobody has called before; 0 is at once. It is
// a Consent in the record. What waits by an earlier wish comes at once when
// the patient no longer wants to wait.
func (s *Store) SetWish(ctx context.Context, pass access.Pass, sort string, days int) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	if _, ok := s.Book.Sort(sort); !ok || days < 0 || days > WishMost {
		return errWish
	}
	a := pass.Actor()
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		was, err := wishesOf(ctx, tx, []string{patient})
		if err != nil || was[patient][sort] == days {
			return err
		}
		id, body, err := s.consent(patient, sort, days)
		if err != nil {
			return err
		}
		if _, err := s.records.PutAll(ctx, tx, record.Source{Actor: a}, []record.Draft{{Type: "Consent", ID: id, Body: body}}); err != nil {
			return err
		}
		row := audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: "wish.set", Patient: patient, Granted: true, Request: a.Request,
			About: "Consent/" + id, Reason: sort + " " + strconv.Itoa(days)}
		if err := s.Audit.AddIn(ctx, tx, row); err != nil || days > 0 {
			return err
		}
		return s.endWishes(ctx, tx, a, patient, sort)
	})
	s.touched()
	return said("wish", err)
}

// endWishes releases what waits by the patient's wish.
func (s *Store) endWishes(ctx context.Context, tx *db.Tx, by access.Actor, patient, sort string) error {
	const q = `select ` + holdColumns + ` from release_hold where patient = $1 and sort = $2 and rule = 'wish' and released_at = 0 order by id`
	list, err := db.All(ctx, tx, readHold, q, patient, sort)
	if err != nil {
		return err
	}
	for _, h := range list {
		if err := s.end(ctx, tx, h, by, ""); err != nil {
			return err
		}
		if err := s.arrived(ctx, tx, h); err != nil {
			return err
		}
	}
	return nil
}

// consent writes a wish as FHIR has it: one for each patient and sort, whose
// versions are its history.
//
// Spec: https://hl7.org/fhir/R4/consent.html
func (s *Store) consent(patient, sort string, days int) (string, []byte, error) {
	type m = map[string]any
	id := wishID(patient, sort)
	status := "active"
	if days == 0 {
		status = "inactive"
	}
	body, err := json.Marshal(m{
		"resourceType": "Consent", "id": id, "status": status,
		"extension": []m{{"url": wishDays, "valueInteger": days}},
		"scope":     m{"coding": []m{{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}}},
		"category":  []m{{"coding": []m{{"system": "http://loinc.org", "code": "59284-0", "display": "Patient Consent"}}}},
		"patient":   m{"reference": "Patient/" + patient},
		"dateTime":  s.Now().In(s.Zone).Format("2006-01-02T15:04:05Z07:00"),
		"policy":    []m{{"uri": "urn:hale:release:wait-for-a-call"}},
		"provision": m{"type": "deny", "class": []m{{"system": wishSystem, "code": sort}}},
	})
	return id, body, err
}

// wishID names the Consent of a patient's wish. Ids are 64 letters at most;
// a longer one loses its beginning.
func wishID(patient, sort string) string {
	id := "wish-" + sort + "-" + patient
	if over := len(id) - 64; over > 0 {
		id = "wish-" + sort + "-" + patient[over:]
	}
	return id
}

// keepWishes keeps table release_wish beside the Consents.
func keepWishes(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	const drop = `delete from release_wish where patient = $1 and sort = $2`
	const set = `
		insert into release_wish (patient, sort, days, consent, updated_at) values ($1, $2, $3, $4, $5)
		on conflict (patient, sort) do update set days = excluded.days, consent = excluded.consent, updated_at = excluded.updated_at`
	for _, c := range batch {
		if c.Type != "Consent" || c.Patient == "" {
			continue
		}
		sort, days := wishIn(c.Node)
		if sort == "" {
			continue
		}
		if c.Deleted || c.Node.Get("status").Text() != "active" {
			days = 0
		}
		if days == 0 {
			if _, err := tx.ExecContext(ctx, drop, c.Patient, sort); err != nil {
				return fmt.Errorf("release: wish: %w", err)
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, set, c.Patient, sort, min(days, WishMost), c.ID, c.At.UnixMicro()); err != nil {
			return fmt.Errorf("release: wish: %w", err)
		}
	}
	return nil
}

// wishIn reads the sort and the days of a Consent that is a wish.
func wishIn(n fhir.Node) (sort string, days int) {
	for c := range n.Get("provision", "class").Each() {
		if c.Get("system").Text() == wishSystem {
			sort = strings.TrimSpace(c.Get("code").Text())
		}
	}
	for e := range n.Get("extension").Each() {
		if e.Get("url").Text() == wishDays {
			v, _ := e.Get("valueInteger").Number()
			days = int(v)
		}
	}
	return sort, max(days, 0)
}
