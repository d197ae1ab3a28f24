package fhirapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/feed/load"
)

// importOperations are $import, and the places of what became of it.
//
// Spec: https://github.com/smart-on-fhir/bulk-import (draft)
func (a *API) importOperations() {
	if a.Loads == nil {
		return
	}
	a.Operation(Operation{Name: "import", Definition: a.Base + "/OperationDefinition/import", System: true, Changes: true, Handler: a.load})
	a.Operation(Operation{Name: "import-status", System: true, Ends: true, Handler: a.loadStatus})
	a.Operation(Operation{Name: "import-problems", System: true, Handler: a.loadProblems})
}

// mostSent is the most bytes that may be sent along with a load.
const mostSent = 4 << 30

// load begins a load.
func (a *API) load(c *Call) (Answer, error) {
	if c.inside {
		return Answer{}, refuse(http.StatusBadRequest, "not-supported", "", "A load is no entry of a bundle.")
	}
	if !c.prefer.async {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.Prefer", "A load takes its time: ask with Prefer: respond-async.")
	}
	pass, err := a.backend(c, access.WriteRecord)
	if err != nil {
		return Answer{}, err
	}
	defer c.slowly()()
	ask, err := c.loadAsk()
	if err != nil {
		return Answer{}, err
	}
	id, err := a.Loads.Start(c.Context(), pass, ask, a.address(c))
	if err != nil {
		return Answer{}, badAsk(err)
	}
	return a.accepted("import-status", id), nil
}

// loadAsk reads what to take in: a manifest, or lines of NDJSON themselves.
func (c *Call) loadAsk() (load.Ask, error) {
	media, params, err := mime.ParseMediaType(c.Header("Content-Type"))
	if err != nil {
		media = "application/fhir+json"
	}
	switch media {
	case "application/fhir+ndjson", "application/ndjson", "application/x-ndjson":
		body := http.MaxBytesReader(nil, c.Request.Body, mostSent)
		return load.Ask{Source: c.Query.Get("inputSource"), Inputs: []load.Input{{Type: c.Query.Get("type"), Body: body}}}, nil
	case "multipart/form-data", "multipart/mixed":
		return c.loadParts(params["boundary"])
	}
	body, err := c.Body()
	if err != nil {
		return load.Ask{}, err
	}
	node, err := parse(body)
	if err != nil {
		return load.Ask{}, err
	}
	return load.ReadManifest(node)
}

// loadParts reads the parts of a form, which are taken in one after the
// other as one input.
func (c *Call) loadParts(boundary string) (load.Ask, error) {
	if boundary == "" {
		return load.Ask{}, refuse(http.StatusBadRequest, "structure", "http.Content-Type", "The boundary is missing.")
	}
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return load.Ask{}, refuse(http.StatusBadRequest, "structure", "http.Content-Type", "The body is no form with files.")
	}
	in, out := io.Pipe()
	go func() {
		for {
			part, err := parts.NextRawPart()
			if err == nil {
				_, err = io.Copy(out, io.MultiReader(part, strings.NewReader("\n")))
			}
			if errors.Is(err, io.EOF) {
				err = nil
				_ = out.Close()
				return
			}
			if err != nil {
				_ = out.CloseWithError(refuse(http.StatusBadRequest, "structure", "", "The body could not be read to its end."))
				return
			}
		}
	}()
	return load.Ask{Source: c.Query.Get("inputSource"), Inputs: []load.Input{{Type: c.Query.Get("type"), Body: io.LimitReader(in, mostSent)}}}, nil
}

// loadStatus says how far a load is, or ends it.
func (a *API) loadStatus(c *Call) (Answer, error) {
	id := c.Query.Get("job")
	if _, err := a.backend(c, access.WriteRecord); err != nil {
		return Answer{}, err
	}
	if c.Request.Method == http.MethodDelete {
		if err := a.Loads.Cancel(c.Context(), c.Actor, id); err != nil {
			return Answer{}, err
		}
		return Answer{Status: http.StatusAccepted, Body: outcome(Issue{Severity: "information", Code: "informational", Text: "The load was ended. What was taken in stays."})}, nil
	}
	t, err := a.Loads.Status(c.Context(), c.Actor, id)
	if errs.KindOf(err) == errs.TooMany {
		return Answer{}, hasty(errs.Say(err), load.Wait)
	}
	if err != nil {
		return Answer{}, err
	}
	switch t.State {
	case load.Done:
		return a.loaded(c, t)
	case load.Failed:
		return Answer{}, refuse(http.StatusUnprocessableEntity, "processing", "", "The load could not be finished: "+t.Reason)
	}
	n, refused := t.Count()
	return underWay(fmt.Sprintf("%d resources taken, %d refused so far", n, refused)), nil
}

// loaded returns what became of a load.
func (a *API) loaded(c *Call, t load.Task) (Answer, error) {
	list, err := a.Loads.Problems(c.Context(), c.Actor, t.ID)
	if err != nil {
		return Answer{}, err
	}
	m := manifest{TransactionTime: t.Made.UTC().Format("2006-01-02T15:04:05.000Z"), Request: t.Request, RequiresAccessToken: true, Output: []manifestFile{}, Error: []manifestFile{}}
	for _, in := range t.Inputs {
		m.Output = append(m.Output, manifestFile{Type: in.Type, InputURL: in.URL, Count: in.Taken + in.Same})
	}
	for _, p := range list {
		m.Error = append(m.Error, manifestFile{
			Type: "OperationOutcome", InputURL: t.Inputs[p.Input].URL, Count: p.Lines, URL: a.Base + "/$import-problems?job=" + t.ID + "&file=" + p.ID,
		})
	}
	return m.answer(t.Expires)
}

// loadProblems sends a file of OperationOutcomes.
func (a *API) loadProblems(c *Call) (Answer, error) {
	if _, err := a.backend(c, access.WriteRecord); err != nil {
		return Answer{}, err
	}
	f, err := a.Loads.Open(c.Context(), c.Actor, c.Query.Get("job"), c.Query.Get("file"))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Take: func(w http.ResponseWriter, r *http.Request) {
		defer f.Close()
		w.Header()["Content-Type"] = []string{"application/fhir+ndjson"}
		w.Header()["Content-Length"] = []string{strconv.FormatInt(f.Size(), 10)}
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_, _ = io.Copy(w, f)
		}
	}}, nil
}
