package thread

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/base/intake"
	"hale/internal/care/document"
)

// Reasons and ways have code systems of our own.
const (
	reasonSystem = "urn:hale:message-reason"
	viaSystem    = "urn:hale:message-via"
)

// saying is a message before it is a resource.
type saying struct {
	id, thread, patient string // thread is id for the first one
	side                Side
	name                string // of who wrote it, but for the patient
	via                 Via
	reason, title       string
	about               string
	at                  time.Time
	words               Words
}

// medium is a way in the words of the standard, where it has one.
//
// Spec: http://terminology.hl7.org/CodeSystem/v3-ParticipationMode
var medium = map[Via]string{Portal: "ONLINEWRIT", Page: "ONLINEWRIT", SMS: "TYPEWRIT", Email: "EMAILWRIT", Phone: "PHONE"}

// resource returns a message as FHIR. What the patient's side wrote is tagged
// as theirs.
func (s saying) resource() ([]byte, error) {
	patient := map[string]any{"reference": "Patient/" + s.patient}
	clinic := map[string]any{"type": "CareTeam", "display": team(s.reason)}
	sender, recipient := patient, clinic
	switch s.side {
	case Caregiver:
		sender = map[string]any{"type": "RelatedPerson", "display": s.name}
	case Clinic:
		sender, recipient = map[string]any{"type": "Practitioner", "display": s.name}, patient
	}
	via := []any{map[string]string{"system": viaSystem, "code": string(s.via)}}
	if code := medium[s.via]; code != "" {
		via = append(via, map[string]string{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode", "code": code})
	}
	r := map[string]any{
		"resourceType": "Communication", "id": s.id, "status": "completed", "subject": patient, "sender": sender, "recipient": []any{recipient},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": reasonSystem, "code": s.reason}}}},
		"medium":   []any{map[string]any{"coding": via}},
		"sent":     s.at.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"payload":  s.payload(),
	}
	if s.words.Lang != "" {
		r["language"] = s.words.Lang
	}
	if s.title != "" {
		r["topic"] = map[string]string{"text": s.title}
	}
	if s.thread != s.id {
		r["partOf"] = []any{map[string]string{"reference": "Communication/" + s.thread}}
	}
	if s.side != Clinic && s.via != Phone {
		r["meta"] = map[string]any{"tag": []any{map[string]string{"system": document.Tags, "code": document.Shared}}}
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("thread: write %s: %w", s.id, err)
	}
	return body, nil
}

func (s saying) payload() []any {
	var list []any
	if s.words.Text != "" {
		list = append(list, map[string]any{"contentString": s.words.Text})
	}
	for i, f := range s.words.Files {
		list = append(list, map[string]any{"contentAttachment": map[string]any{
			"contentType": f.Media, "data": base64.StdEncoding.EncodeToString(f.Body), "size": len(f.Body),
			"title": fileName(f, i+1), "creation": s.at.UTC().Format("2006-01-02T15:04:05Z"),
		}})
	}
	return list
}

// fileName names a file by what it is: what a phone calls it tells nothing,
// or too much.
func fileName(f intake.File, n int) string {
	switch f.Media {
	case "application/pdf":
		return fmt.Sprintf("document-%d.pdf", n)
	case "image/png":
		return fmt.Sprintf("photo-%d.png", n)
	}
	return fmt.Sprintf("photo-%d.jpg", n)
}
