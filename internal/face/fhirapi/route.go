package fhirapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/standard/fhir"
)

// path is an address below /fhir, in parts.
type path struct {
	parts [5]string
	n     int
}

// split cuts an address below /fhir at its slashes.
func split(text string) (p path, ok bool) {
	text = strings.Trim(strings.TrimPrefix(text, Prefix), "/")
	for text != "" {
		if p.n == len(p.parts) {
			return p, false
		}
		p.parts[p.n], text, _ = strings.Cut(text, "/")
		p.n++
	}
	return p, true
}

func notAllowed(allow string) *Problem {
	p := refuse(http.StatusMethodNotAllowed, "not-supported", "http.method", "That method does nothing here.")
	p.header = [2]string{"Allow", allow}
	return p
}

// errNowhere is said of addresses that are none.
var errNowhere = refuse(http.StatusNotFound, "not-supported", "http.path", "There is nothing at this address. /fhir/metadata says what there is.")

// route reads the address and calls what is there.
func (a *API) route(c *Call) (Answer, error) {
	r := c.Request
	if err := c.readQuery(); err != nil {
		return Answer{}, err
	}
	p, ok := split(r.URL.Path)
	if !ok {
		return Answer{}, errNowhere
	}
	if !(p.n >= 1 && (p.parts[0] == "Binary" || p.parts[0] == "$export-file")) { // which are shown as what they are
		if err := c.readShape(); err != nil {
			return Answer{}, err
		}
	}
	for i := range p.n {
		if name, ok := strings.CutPrefix(p.parts[i], "$"); ok {
			return a.routeOperation(c, p, i, name)
		}
	}
	if p.n == 0 || strings.HasPrefix(p.parts[0], "_") || p.parts[0] == "metadata" {
		return a.routeSystem(c, p)
	}
	c.Type = p.parts[0]
	if !fhir.IsType(c.Type) {
		return Answer{}, refuse(http.StatusNotFound, "not-supported", "http.path", "There is no FHIR resource of that type.")
	}
	if keep := a.keepers[c.Type]; keep != nil {
		return keep(c, p)
	}
	if p.n == 1 || p.n == 2 && strings.HasPrefix(p.parts[1], "_") {
		return a.routeType(c, p)
	}
	c.ID = p.parts[1]
	if !fhir.ValidID(c.ID) {
		return Answer{}, refuse(http.StatusBadRequest, "value", "http.path", "An id has 1 to 64 letters, digits, hyphens and dots.")
	}
	return a.routeInstance(c, p)
}

// routeOperation calls the operation called name, the part i of the address.
func (a *API) routeOperation(c *Call, p path, i int, name string) (Answer, error) {
	c.route = "$" + name
	if a.operations[name] == nil {
		c.route = "$"
	}
	if i > 0 {
		c.Type = p.parts[0]
	}
	if i > 1 {
		c.ID = p.parts[1]
	}
	if i > 2 || p.n > i+1 || c.Type != "" && !fhir.IsType(c.Type) || c.ID != "" && !fhir.ValidID(c.ID) {
		return Answer{}, errNowhere
	}
	return a.operate(c, name)
}

// routeSystem calls what is about everything.
func (a *API) routeSystem(c *Call, p path) (Answer, error) {
	method := c.Request.Method
	switch {
	case p.n == 0 && method == http.MethodPost:
		c.route = "batch"
		return a.bundle(c)
	case p.n == 0 && hasVerb(method):
		c.route = "search"
		return a.searchSystem(c)
	case p.n == 0:
		return Answer{}, notAllowed("GET, HEAD, POST")
	case p.n > 1:
		return Answer{}, errNowhere
	}
	switch p.parts[0] {
	case "metadata":
		c.route = "metadata"
		if !hasVerb(method) {
			return Answer{}, notAllowed("GET, HEAD")
		}
		return a.capabilities(c)
	case "_history":
		c.route = "history"
		if !hasVerb(method) {
			return Answer{}, notAllowed("GET, HEAD")
		}
		return a.history(c)
	case "_search":
		c.route = "search"
		if method != http.MethodPost {
			return Answer{}, notAllowed("POST")
		}
		if err := c.readForm(); err != nil {
			return Answer{}, err
		}
		return a.searchSystem(c)
	}
	return Answer{}, errNowhere
}

// routeType calls what is about one type.
func (a *API) routeType(c *Call, p path) (Answer, error) {
	method := c.Request.Method
	if p.n == 2 {
		switch p.parts[1] {
		case "_search":
			c.route = "search"
			if method != http.MethodPost {
				return Answer{}, notAllowed("POST")
			}
			if err := c.readForm(); err != nil {
				return Answer{}, err
			}
			return a.search(c, c.Type, "", "")
		case "_history":
			c.route = "history"
			if !hasVerb(method) {
				return Answer{}, notAllowed("GET, HEAD")
			}
			return a.history(c)
		}
		return Answer{}, errNowhere
	}
	switch method {
	case http.MethodGet, http.MethodHead:
		c.route = "search"
		return a.search(c, c.Type, "", "")
	case http.MethodPost:
		c.route = "create"
		return a.create(c)
	case http.MethodPut:
		c.route = "update"
		return a.update(c)
	case http.MethodPatch:
		c.route = "patch"
		return a.patch(c)
	case http.MethodDelete:
		c.route = "delete"
		return a.delete(c)
	}
	return Answer{}, notAllowed(allowed[0])
}

// routeInstance calls what is about one resource.
func (a *API) routeInstance(c *Call, p path) (Answer, error) {
	method := c.Request.Method
	switch {
	case p.n == 2 && method == http.MethodPut:
		c.route = "update"
		return a.update(c)
	case p.n == 2 && method == http.MethodPatch:
		c.route = "patch"
		return a.patch(c)
	case p.n == 2 && method == http.MethodDelete:
		c.route = "delete"
		return a.delete(c)
	case p.n == 3 && p.parts[2] == "_search" && method == http.MethodPost:
		return Answer{}, errNowhere
	case p.n == 4 && p.parts[3] == "_search" && c.Type == "Patient" && method == http.MethodPost:
		if err := c.readForm(); err != nil {
			return Answer{}, err
		}
		c.route = "search"
		return a.search(c, p.parts[2], "Patient", c.ID)
	case !hasVerb(method):
		return Answer{}, notAllowed("GET, HEAD, PUT, PATCH, DELETE")
	case p.n == 2:
		c.route = "read"
		if own, ok, err := a.definition(c); ok {
			return own, err
		}
		return a.readOne(c)
	case p.parts[2] == "_history" && p.n == 3:
		c.route = "history"
		return a.history(c)
	case p.parts[2] == "_history" && p.n == 4:
		c.route = "vread"
		return a.vread(c, p.parts[3])
	case p.n == 3 && c.Type == "Patient" && (fhir.IsType(p.parts[2]) || p.parts[2] == "*"):
		c.route = "search"
		return a.search(c, p.parts[2], "Patient", c.ID)
	}
	return Answer{}, errNowhere
}

// readForm adds the form of a POST search to the query.
func (c *Call) readForm() error {
	media, _, _ := strings.Cut(c.Header("Content-Type"), ";")
	if m := strings.TrimSpace(media); m != "" && !strings.EqualFold(m, "application/x-www-form-urlencoded") {
		return refuse(http.StatusUnsupportedMediaType, "not-supported", "http.Content-Type", "A search is posted as application/x-www-form-urlencoded.")
	}
	body, err := c.Body()
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refuse(http.StatusBadRequest, "invalid", "", "The form cannot be read.")
	}
	if c.Query == nil {
		c.Query = url.Values{}
	}
	for k, v := range form {
		c.Query[k] = append(slices.Clip(c.Query[k]), v...)
	}
	return c.readShape()
}
