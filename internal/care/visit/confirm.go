package visit

import (
	"context"
	"encoding/json"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

// confirmedURL says when the patient last said that they will come.
const confirmedURL = "https://hale.example/fhir/confirmed-at"

// Confirm writes down that the patient said they will come: their part in the
// appointment is accepted, and since when. To say so again changes nothing.
func (s *Store) Confirm(ctx context.Context, pass access.Pass, id string) (Visit, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Visit{}, err
	}
	var v Visit
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if v, err = s.hold(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		set, done, err := s.accepted(ctx, tx, pass, patient, id)
		if err != nil || done {
			return err
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, set)
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, pass, "", "", draft); err != nil {
			return err
		}
		return s.events.Add(ctx, tx, happened("visit.confirmed", v))
	})
	if err != nil {
		return Visit{}, failed("confirm", id, err)
	}
	return v, nil
}

// accepted returns what a confirmed appointment has anew, or that it has it.
func (s *Store) accepted(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string) (set map[string]any, done bool, err error) {
	res, err := s.records.GetIn(ctx, tx, pass, "Appointment", id)
	if err != nil {
		return nil, false, err
	}
	var a struct {
		Participant []map[string]any `json:"participant"`
		Extension   []map[string]any `json:"extension"`
	}
	if err := json.Unmarshal(res.Body, &a); err != nil {
		return nil, false, fmt.Errorf("visit: read Appointment/%s: %w", id, err)
	}
	for _, e := range a.Extension {
		if e["url"] == confirmedURL {
			return nil, true, nil
		}
	}
	for _, p := range a.Participant {
		actor, _ := p["actor"].(map[string]any)
		if actor["reference"] == "Patient/"+patient {
			p["status"] = "accepted"
		}
	}
	ext := append(a.Extension, map[string]any{"url": confirmedURL, "valueDateTime": stamp(s.now())})
	return map[string]any{"participant": a.Participant, "extension": ext}, false, nil
}
