package request

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// amendable are the resources that a correction can be about.
var amendable = []string{"Observation", "MedicationRequest", "MedicationStatement", "Condition", "AllergyIntolerance", "Immunization", "Procedure",
	"DocumentReference", "DiagnosticReport", "CarePlan", "Appointment", "Encounter", "Patient"}

var errAbout = errs.New(errs.NotFound, "We could not find what this is about.")

// ownResource refuses a correction of what is not the patient's own.
func (s *Store) ownResource(ctx context.Context, tx *db.Tx, r Request) error {
	if r.About == "" {
		return nil // something in general, or that is missing
	}
	typ, id, _ := strings.Cut(r.About, "/")
	if !slices.Contains(amendable, typ) {
		return errAbout
	}
	const q = `
		select count(*) from resource r join patient_number p on p.n = r.patient
		where r.typ = $1 and r.id = $2 and p.id = $3 and r.deleted = 0`
	n, err := db.One(ctx, tx, db.Value[int64], q, typ, id, r.Patient)
	if err == nil && n == 0 {
		return errAbout
	}
	return err
}

// correctionText is what the record keeps of a correction.
func correctionText(r Request) string {
	text := "The patient says that this is wrong:\n" + r.Details.Words + "\n\nIt should say:\n" + r.Details.Should
	if r.Details.Title != "" {
		text = "About: " + r.Details.Title + "\n\n" + text
	}
	if r.State == Granted {
		text += "\n\nThe clinic agrees:\n" + r.Answer
	}
	return text
}

// append adds a note to the record that is linked to the entry it is about.
// The entry itself stays as it was written.
//
// Spec: 45 CFR 164.526(c)(1), (d)(4); https://hl7.org/fhir/R4/documentreference.html
func (s *Store) append(ctx context.Context, tx *db.Tx, by access.Actor, r Request, what, text string) error {
	type ref struct {
		Reference string `json:"reference"`
	}
	title := what
	if r.Details.Title != "" {
		title += ": " + r.Details.Title
	}
	doc := map[string]any{
		"resourceType": "DocumentReference", "status": "current", "subject": ref{"Patient/" + r.Patient},
		"type": map[string]any{"text": what, "coding": []any{map[string]string{"system": "http://loinc.org", "code": "48767-8", "display": "Annotation comment [Interpretation] Narrative"}}},
		"date": s.now().UTC().Format(time.RFC3339), "description": title,
		"identifier": []any{map[string]string{"system": "urn:hale:request", "value": r.ID}},
		"content":    []any{map[string]any{"attachment": map[string]any{"contentType": "text/plain; charset=utf-8", "data": []byte(text), "title": title}}},
	}
	if by.Kind != access.Staff {
		doc["author"] = []any{ref{"Patient/" + r.Patient}}
	}
	if r.About != "" {
		doc["context"] = map[string]any{"related": []any{ref{r.About}}}
		if strings.HasPrefix(r.About, "DocumentReference/") {
			doc["relatesTo"] = []any{map[string]any{"code": "appends", "target": ref{r.About}}}
		}
	}
	id := s.ids.New()
	doc["id"] = id
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = s.records.PutAll(ctx, tx, record.Source{Actor: by}, []record.Draft{{Type: "DocumentReference", ID: id, Body: body}})
	return err
}
