package fhirapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"

	"hale/internal/access"
	"hale/internal/care/summary"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// Summaries puts a record together as one document.
type Summaries interface {
	Gather(ctx context.Context, pass access.Pass, w summary.Window, types ...string) (summary.Content, error)
	IPS(c summary.Content, id string) ([]byte, error)
	CCD(c summary.Content, id string) []byte
}

// documentOperations adds the operations that answer with documents.
func (a *API) documentOperations() {
	if a.Summaries == nil {
		return
	}
	a.Operation(Operation{Name: "summary", Definition: "http://hl7.org/fhir/uv/ips/OperationDefinition/summary", Types: []string{"Patient"}, Type: true, Instance: true, Handler: a.summary})
	a.Operation(Operation{Name: "docref", Definition: "http://hl7.org/fhir/us/core/OperationDefinition/docref", Types: []string{"DocumentReference"}, Type: true, Handler: a.docref})
	a.Operation(Operation{Name: "ccd", Definition: a.Base + "/OperationDefinition/ccd", Types: []string{"Patient"}, Instance: true, Handler: a.ccd})
}

// summary shows an International Patient Summary of one patient: of what the
// pass shows, and as far as an app's scopes reach.
//
// Spec: https://hl7.org/fhir/uv/ips/STU1.1/OperationDefinition-summary.html
func (a *API) summary(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	id := c.ID
	if id == "" {
		if id, err = a.identified(c, p.Text("identifier")); err != nil {
			return Answer{}, err
		}
	}
	content, err := a.gathered(c, id, summary.Window{}, summary.IPSTypes...)
	if err != nil {
		return Answer{}, err
	}
	body, err := a.Summaries.IPS(content, newUUID())
	return Answer{Body: body}, err
}

// identified returns the one patient with an identifier, or the one of the
// launch where none is given.
func (a *API) identified(c *Call, identifier string) (string, error) {
	if identifier == "" {
		if app := c.Actor.App; app != nil && app.Patient != "" {
			return app.Patient, nil
		}
		if c.Actor.Patient != "" {
			return c.Actor.Patient, nil
		}
		return "", refuse(http.StatusBadRequest, "required", "http.path", "Say whose summary: Patient/ID/$summary, or an identifier.")
	}
	pass, err := a.pass(c, "Patient", smart.Search, "")
	if err != nil {
		return "", err
	}
	f, err := a.Record.Find(c.Context(), pass, "Patient", url.Values{"identifier": {identifier}, "_count": {"2"}})
	if err != nil {
		return "", err
	}
	if len(f.Matches) != 1 {
		return "", errNotFound
	}
	return f.Matches[0].ID, nil
}

// gathered reads one patient's record. A program that asks for itself gets a
// pass for this record alone.
func (a *API) gathered(c *Call, patient string, w summary.Window, types ...string) (summary.Content, error) {
	pass, err := a.pass(c, "Patient", smart.Read, patient)
	if err != nil {
		return summary.Content{}, sameAsMissing(err)
	}
	if mine, err := pass.Open(access.ReadRecord); err != nil || mine != patient {
		if pass, err = a.open(c, door{access.ReadRecord, patient}); err != nil {
			return summary.Content{}, sameAsMissing(err)
		}
	}
	content, err := a.Summaries.Gather(c.Context(), pass, w, types...)
	return content, sameAsMissing(err)
}

// newUUID draws a random UUID, for a document.
//
// Spec: RFC 9562 §5.4
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// between reads the parameters start and end of an operation.
func between(p Parameters) (w summary.Window, err error) {
	for _, name := range []string{"start", "end"} {
		text := p.Text(name)
		if text == "" {
			continue
		}
		span, err := fhir.ParseDate(text)
		if err != nil {
			return w, refuse(http.StatusBadRequest, "value", "http."+name, name+" is a date or an instant.")
		}
		if name == "start" {
			w.From = span.Low
			continue
		}
		w.To = span.High
	}
	return w, nil
}
