package fhirapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// searchOperations adds the operations that search.
func (a *API) searchOperations() {
	const defined = "http://hl7.org/fhir/OperationDefinition/"
	a.Operation(Operation{Name: "everything", Definition: defined + "Patient-everything", Types: []string{"Patient"}, Type: true, Instance: true, Handler: a.everything})
	a.Operation(Operation{Name: "lastn", Definition: defined + "Observation-lastn", Types: []string{"Observation"}, Type: true, Handler: a.lastN})
	a.Operation(Operation{Name: "match", Definition: defined + "Patient-match", Types: []string{"Patient"}, Type: true, Handler: a.match})
}

// everything shows all of a patient's record that the pass shows. Without an
// id it is the record of the patient that the app was let in for.
//
// Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
func (a *API) everything(c *Call) (Answer, error) {
	id := c.ID
	if id == "" {
		id = c.Actor.Patient
		if app := c.Actor.App; app != nil && app.Patient != "" {
			id = app.Patient
		}
	}
	if id == "" {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.path", "Say whose record it is about: Patient/ID/$everything.")
	}
	q, used, err := everythingQuery(c)
	if err != nil {
		return Answer{}, err
	}
	pass, err := a.pass(c, "Patient", smart.Read, id)
	if err != nil {
		return Answer{}, sameAsMissing(err)
	}
	f, err := a.Record.Everything(c.Context(), pass, id, q)
	if err != nil {
		return Answer{}, sameAsMissing(err)
	}
	if q.Cursor == "" && len(f.Matches) == 0 && q.Since.IsZero() && len(q.Types) == 0 {
		return Answer{}, errNotFound
	}
	f.Used = used
	return a.searchset(c, "Patient/"+id+"/$everything", used, f)
}

// everythingQuery reads the parameters of $everything.
func everythingQuery(c *Call) (q record.EverythingQuery, used url.Values, err error) {
	p, err := c.Parameters()
	if err != nil {
		return q, nil, err
	}
	used = url.Values{}
	for _, name := range []string{"start", "end", "_since", "_type", "_count", "_cursor"} {
		if v := p.All(name); len(v) > 0 {
			used[name] = v
		}
	}
	for name, at := range map[string]*time.Time{"start": &q.Start, "end": &q.End, "_since": &q.Since} {
		text := p.Text(name)
		if text == "" {
			continue
		}
		span, err := fhir.ParseDate(text)
		if err != nil {
			return q, nil, refuse(http.StatusBadRequest, "value", "http."+name, name+" is a date or an instant.")
		}
		*at = span.Low
		if name == "end" {
			*at = span.High
		}
	}
	for _, list := range p.All("_type") {
		for typ := range strings.SplitSeq(list, ",") {
			if !fhir.IsType(typ) {
				return q, nil, refuse(http.StatusBadRequest, "value", "http._type", "_type lists types of resources.")
			}
			q.Types = append(q.Types, typ)
		}
	}
	if text := p.Text("_count"); text != "" {
		if q.Count, err = strconv.Atoi(text); err != nil || q.Count < 1 {
			return q, nil, refuse(http.StatusBadRequest, "value", "http._count", "_count is a number above 0.")
		}
	}
	q.Cursor = p.Text("_cursor")
	return q, used, nil
}
