package visit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Company is what a patient says about the day: who comes along, and by which
// number they can be called.
type Company struct{ Who, Phone string }

// Detail is what an appointment says beside when, where and with whom.
type Detail struct {
	Company
	Reason string // of the clinic for cancelling
}

const phoneURL = "https://hale.example/fhir/call-on-the-day"

// escort is the part of somebody who comes along.
//
// Spec: https://hl7.org/fhir/R4/valueset-encounter-participant-type.html
var escort = []any{map[string]any{"coding": []any{map[string]string{
	"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ESC", "display": "escort"}}}}

var errCompany = errs.New(errs.Invalid, "Please keep it short: a name, and a phone number.")

// appointmentParts are the elements of an Appointment that are read here.
type appointmentParts struct {
	Participant []map[string]any `json:"participant"`
	Extension   []map[string]any `json:"extension"`
	Reason      struct {
		Text string `json:"text"`
	} `json:"cancelationReason"`
}

// Detail returns what the appointment says beside its row.
func (s *Store) Detail(ctx context.Context, pass access.Pass, id string) (d Detail, err error) {
	res, err := s.records.Get(ctx, pass, "Appointment", id)
	if errs.KindOf(err) == errs.NotFound {
		return d, nil // an encounter, or nothing that this pass shows
	}
	if err != nil {
		return d, fmt.Errorf("visit: detail %s: %w", id, err)
	}
	var a appointmentParts
	if err := json.Unmarshal(res.Body, &a); err != nil {
		return d, fmt.Errorf("visit: detail %s: %w", id, err)
	}
	d.Reason = a.Reason.Text
	for _, p := range a.Participant {
		if isEscort(p) {
			actor, _ := p["actor"].(map[string]any)
			d.Who, _ = actor["display"].(string)
		}
	}
	for _, e := range a.Extension {
		if e["url"] == phoneURL {
			d.Phone, _ = e["valueString"].(string)
		}
	}
	return d, nil
}

func isEscort(p map[string]any) bool {
	actor, _ := p["actor"].(map[string]any)
	ref, _ := actor["reference"].(string)
	return ref == "" && p["type"] != nil
}

// company returns those parts of an appointment that moving it keeps.
func (s *Store) company(ctx context.Context, tx *db.Tx, pass access.Pass, id string) ([]any, error) {
	a, err := s.parts(ctx, tx, pass, id)
	if err != nil {
		return nil, err
	}
	var list []any
	for _, p := range a.Participant {
		if isEscort(p) {
			list = append(list, p)
		}
	}
	return list, nil
}

func (s *Store) parts(ctx context.Context, tx *db.Tx, pass access.Pass, id string) (a appointmentParts, err error) {
	res, err := s.records.GetIn(ctx, tx, pass, "Appointment", id)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(res.Body, &a)
}

// Bring writes down who comes along to a visit, and by which number to call.
func (s *Store) Bring(ctx context.Context, pass access.Pass, id string, c Company) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	c.Who, c.Phone = strings.TrimSpace(c.Who), strings.TrimSpace(c.Phone)
	if utf8.RuneCountInString(c.Who) > 80 || len(c.Phone) > 30 || !utf8.ValidString(c.Who+c.Phone) {
		return errCompany
	}
	return failedOr("bring", id, s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := s.hold(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		a, err := s.parts(ctx, tx, pass, id)
		if err != nil {
			return err
		}
		var people, ext []any
		for _, p := range a.Participant {
			if !isEscort(p) {
				people = append(people, p)
			}
		}
		if c.Who != "" {
			people = append(people, map[string]any{"type": escort, "actor": map[string]string{"type": "RelatedPerson", "display": c.Who}, "status": "accepted"})
		}
		for _, e := range a.Extension {
			if e["url"] != phoneURL {
				ext = append(ext, e)
			}
		}
		if c.Phone != "" {
			ext = append(ext, map[string]string{"url": phoneURL, "valueString": c.Phone})
		}
		set := map[string]any{"participant": people, "extension": nil}
		if ext != nil {
			set["extension"] = ext
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, set)
		if err != nil {
			return err
		}
		return s.put(ctx, tx, pass, "", "", draft)
	}))
}
