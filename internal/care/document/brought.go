package document

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Brought is a summary that somebody brings from another system: the words
// of it for people, and its files.
type Brought struct {
	Title string
	Text  string
	Files [][]byte // FHIR
}

// maxBrought is how large one may be.
const maxBrought = 8 << 20

// errBrought refuses one that is too large.
var errBrought = errs.New(errs.Invalid, "That is too large to send to the clinic. Please show it at your visit.")

// Bring puts a summary from elsewhere into the letterbox of the patient whom
// pass opens for SendMessages, as theirs: somebody looks at it, and nothing
// of it goes into the record by itself.
func (l *Letterbox) Bring(ctx context.Context, pass access.Pass, in Brought) (id string, err error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return "", err
	}
	size := len(in.Text)
	for _, f := range in.Files {
		size += len(f)
		if err := l.look(ctx, f); err != nil {
			return "", err
		}
	}
	if size > maxBrought {
		return "", errBrought
	}
	id = l.ids.New()
	body, err := l.summary(id, patient, pass.Actor(), in)
	if err != nil {
		return "", fmt.Errorf("document: bring: %w", err)
	}
	err = l.db.Tx(ctx, func(tx *db.Tx) error {
		if err := l.fits(ctx, tx, patient, size); err != nil {
			return err
		}
		if _, err := l.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "DocumentReference", ID: id, Body: body}}); err != nil {
			return err
		}
		const add = `insert into upload (document, patient, account, at, bytes) values ($1, $2, $3, $4, $5)`
		_, err := tx.ExecContext(ctx, add, id, patient, pass.Actor().ID, l.now().UnixMicro(), size)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("document: bring: %w", err)
	}
	return id, nil
}

// summary returns a summary from elsewhere as FHIR: first the words, then
// the files.
func (l *Letterbox) summary(id, patient string, by access.Actor, in Brought) ([]byte, error) {
	author := map[string]any{"reference": "Patient/" + patient}
	if by.Kind != access.Patient && by.Patient != patient {
		author = map[string]any{"display": by.Name}
	}
	now := l.now().UTC().Format("2006-01-02T15:04:05Z")
	attach := func(media, title string, body []byte) any {
		return map[string]any{"attachment": map[string]any{"contentType": media, "title": title, "creation": now, "size": len(body), "data": base64.StdEncoding.EncodeToString(body)}}
	}
	content := []any{attach("text/plain; charset=utf-8", in.Title, []byte(in.Text))}
	for _, f := range in.Files {
		content = append(content, attach("application/fhir+json", in.Title, f))
	}
	return json.Marshal(map[string]any{
		"resourceType": "DocumentReference", "id": id, "status": "current",
		"meta":     map[string]any{"tag": []any{map[string]string{"system": Tags, "code": Shared}}},
		"type":     map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}}, "text": in.Title},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}}}},
		"subject":  map[string]any{"reference": "Patient/" + patient}, "date": now, "author": []any{author}, "content": content, "description": in.Title,
	})
}
