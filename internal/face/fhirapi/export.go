package fhirapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/feed/export"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// bulkDefinitions are where the operations of Bulk Data are defined.
const bulkDefinitions = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"

// exportOperations are $export, and the places of what it made.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
func (a *API) exportOperations() {
	if a.Exports == nil {
		return
	}
	a.Operation(Operation{
		Name: "export", Definition: bulkDefinitions + "export", System: true, Type: true, Instance: true, Types: []string{"Patient", "Group"},
		Definitions: map[string]string{"Patient": bulkDefinitions + "patient-export", "Group": bulkDefinitions + "group-export"},
		Handler:     a.export,
	})
	a.Operation(Operation{Name: "export-status", System: true, Ends: true, Handler: a.exportStatus})
	a.Operation(Operation{Name: "export-file", System: true, Handler: a.exportFile})
}

// backend returns a pass over the whole population for a system that asks in
// its own name.
func (a *API) backend(c *Call, right access.Right) (access.Pass, error) {
	if c.Actor.Kind != access.System || c.Actor.App == nil {
		return access.Pass{}, refuse(http.StatusForbidden, "forbidden", "http.Authorization",
			"Bulk data is for systems that ask in their own name: the token needs system scopes.")
	}
	return a.open(c, door{right, ""})
}

// export begins an export.
func (a *API) export(c *Call) (Answer, error) {
	level, group := export.OfSystem, ""
	switch {
	case c.Type == "Patient" && c.ID == "":
		level = export.OfPatients
	case c.Type == "Group" && c.ID != "":
		level, group = export.OfGroup, c.ID
	case c.Type != "":
		return Answer{}, errNowhere
	}
	if !c.prefer.async {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.Prefer", "An export takes its time: ask with Prefer: respond-async.")
	}
	pass, err := a.backend(c, access.ReadRecord)
	if err != nil {
		return Answer{}, err
	}
	q, err := c.bulkQuery()
	if err != nil {
		return Answer{}, err
	}
	ask, err := export.Read(level, group, q, c.prefer.lenient, pass)
	if err != nil {
		return Answer{}, badAsk(err)
	}
	id, err := a.Exports.Start(c.Context(), pass, ask, a.address(c))
	if err != nil {
		return Answer{}, badAsk(err)
	}
	return a.accepted("export-status", id), nil
}

// accepted says where to ask how far something is.
func (a *API) accepted(operation, id string) Answer {
	return Answer{
		Status: http.StatusAccepted, Location: "$" + operation + "?job=" + id,
		Body: outcome(Issue{Severity: "information", Code: "informational", Text: "It was begun. Content-Location says where to ask how far it is."}),
	}
}

// address is the whole address of the request that c is.
func (a *API) address(c *Call) string {
	return a.Base + strings.TrimPrefix(c.Request.URL.RequestURI(), Prefix)
}

// bulkQuery returns the parameters of a kick-off, from the address or from a
// Parameters resource.
func (c *Call) bulkQuery() (url.Values, error) {
	q := url.Values{}
	for k, v := range c.Query {
		if k != "_format" && k != "_pretty" {
			q[k] = v
		}
	}
	if c.Request.Method != http.MethodPost {
		return q, nil
	}
	p, err := c.Parameters()
	if err != nil {
		return nil, err
	}
	if p.body.Exists() && p.body.Get("resourceType").Text() != "Parameters" {
		return nil, refuse(http.StatusBadRequest, "structure", "", "The body is not a Parameters resource.")
	}
	for e := range p.body.Get("parameter").Each() {
		name := e.Get("name").Text()
		for key, v := range e.Fields() {
			if strings.HasPrefix(key, "value") {
				q.Add(name, valueText(v))
			}
		}
	}
	return q, nil
}

// valueText returns a parameter's value as an address has it.
func valueText(v fhir.Node) string {
	if v.IsObject() {
		return v.Get("reference").Text()
	}
	return v.Text()
}

// badAsk names the parameter that an export was refused for.
func badAsk(err error) error {
	if bad, ok := errors.AsType[*export.BadAsk](err); ok {
		return refuse(http.StatusBadRequest, "not-supported", "http."+bad.Name, bad.Name+": "+bad.Reason+".")
	}
	if errs.KindOf(err) == errs.TooMany {
		return hasty(errs.Say(err), time.Minute)
	}
	return err
}

// hasty refuses who asks too often.
func hasty(say string, wait time.Duration) error {
	p := refuse(http.StatusTooManyRequests, "throttled", "", say)
	p.header = [2]string{"Retry-After", strconv.Itoa(int(wait.Seconds()))}
	return p
}

// manifest is what an export or a load made.
type manifest struct {
	TransactionTime     string         `json:"transactionTime"`
	Request             string         `json:"request"`
	RequiresAccessToken bool           `json:"requiresAccessToken"`
	Output              []manifestFile `json:"output"`
	Error               []manifestFile `json:"error"`
	Deleted             []manifestFile `json:"deleted,omitempty"`
}

type manifestFile struct {
	Type     string `json:"type"`
	URL      string `json:"url"`
	Count    int64  `json:"count"`
	InputURL string `json:"inputUrl,omitempty"`
}

// exportStatus says how far an export is, or ends it.
func (a *API) exportStatus(c *Call) (Answer, error) {
	id := c.Query.Get("job")
	if _, err := a.backend(c, access.ReadRecord); err != nil {
		return Answer{}, err
	}
	if c.Request.Method == http.MethodDelete {
		if err := a.Exports.Cancel(c.Context(), c.Actor, id); err != nil {
			return Answer{}, err
		}
		return Answer{Status: http.StatusAccepted, Body: outcome(Issue{Severity: "information", Code: "informational", Text: "The export was ended, and its files are destroyed."})}, nil
	}
	t, err := a.Exports.Status(c.Context(), c.Actor, id)
	if errs.KindOf(err) == errs.TooMany {
		return Answer{}, hasty(errs.Say(err), export.Wait)
	}
	if err != nil {
		return Answer{}, err
	}
	switch t.State {
	case export.Done:
		return a.exported(c, t)
	case export.Failed:
		return Answer{}, refuse(http.StatusInternalServerError, "exception", "", "The export could not be made: "+t.Reason)
	}
	return underWay(t.Progress), nil
}

// underWay says how far something is.
func underWay(progress string) Answer {
	return Answer{Status: http.StatusAccepted, Header: [][2]string{{"X-Progress", progress}, {"Retry-After", strconv.Itoa(int(export.Wait.Seconds()))}}}
}

// exported returns the manifest of an export that is done.
func (a *API) exported(c *Call, t export.Task) (Answer, error) {
	files, err := a.Exports.Files(c.Context(), c.Actor, t.ID)
	if err != nil {
		return Answer{}, err
	}
	m := manifest{TransactionTime: t.At.UTC().Format("2006-01-02T15:04:05.000Z"), Request: t.Request, RequiresAccessToken: true, Output: []manifestFile{}, Error: []manifestFile{}}
	for _, f := range files {
		one := manifestFile{Type: f.Type, URL: a.Base + "/$export-file?file=" + f.ID, Count: f.Resources}
		switch f.Kind {
		case "output":
			m.Output = append(m.Output, one)
		case "error":
			m.Error = append(m.Error, one)
		case "deleted":
			m.Deleted = append(m.Deleted, one)
		}
	}
	return m.answer(t.Expires)
}

func (m manifest) answer(expires time.Time) (Answer, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return Answer{}, fmt.Errorf("fhirapi: manifest: %w", err)
	}
	return Answer{Body: body, Type: "application/json", Header: [][2]string{{"Expires", expires.UTC().Format(http.TimeFormat)}}}, nil
}

// exportFile sends one file, as it lies where the client unpacks gzip.
func (a *API) exportFile(c *Call) (Answer, error) {
	pass, err := a.backend(c, access.ReadRecord)
	if err != nil {
		return Answer{}, err
	}
	f, err := a.Exports.Open(c.Context(), pass, c.Query.Get("file"))
	if errs.KindOf(err) == errs.Forbidden {
		return Answer{}, unscoped("", smart.Read)
	}
	if err != nil {
		return Answer{}, err
	}
	return Answer{Take: func(w http.ResponseWriter, r *http.Request) { a.send(c, w, r, f) }}, nil
}

// send writes a file to the client.
func (a *API) send(c *Call, w http.ResponseWriter, r *http.Request, f *export.Content) {
	defer f.Close()
	h := w.Header()
	h["Content-Type"] = []string{"application/fhir+ndjson"}
	in, size := f.Gzip(), f.Packed
	if takesGzip(r) {
		h["Content-Encoding"] = []string{"gzip"}
	} else {
		plain, err := f.Plain()
		if err != nil {
			a.Log.Error("a file of an export cannot be read", "request", c.id, "err", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		in, size = plain, f.Bytes
	}
	h["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	u := unhurry(http.NewResponseController(w).SetWriteDeadline, stall)
	defer u.end()
	u.out = w
	if _, err := io.Copy(u, in); err != nil {
		a.Log.Warn("an answer broke off", "request", c.id, "err", err)
		panic(http.ErrAbortHandler)
	}
}
