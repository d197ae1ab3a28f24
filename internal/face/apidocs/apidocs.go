// Package apidocs tells the makers of apps how to use the API: public pages
// at /api/docs, and a description for tools at /api/docs/openapi.json. Both
// are made from what the server says of itself, so they cannot promise what
// it does not do.
//
// Spec: 45 CFR 170.315(g)(10)(viii)
package apidocs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// Config is what the pages need.
type Config struct {
	Site *web.Site
	API  http.Handler // answers /fhir
	Base string       // https://host
	Try  http.Handler // answers /fhir as one person of the demo's town; nil: nothing can be tried
	Who  string       // that person's id
}

// Docs are the pages.
type Docs struct{ Config }

// New returns the pages.
func New(c Config) *Docs { return &Docs{c} }

// Handler serves the pages.
func (d *Docs) Handler() *web.Mux {
	mux := web.NewMux()
	mux.Handle("GET /api/docs", d.Site.Page(d.guide))
	mux.Handle("GET /api/docs/{type}", d.Site.Page(d.about))
	mux.Handle("GET /api/docs/openapi.json", d.Site.Page(d.openAPI))
	if d.Try != nil {
		mux.Handle("GET /api/docs/try", d.Site.Page(d.try))
	}
	return mux
}

// can asks the API what it can do.
func (d *Docs) can(ctx context.Context) (capability, error) {
	a, err := ask(ctx, d.API, "/metadata")
	if err != nil {
		return capability{}, err
	}
	return readCapability(a.Body)
}

func (d *Docs) guide(w http.ResponseWriter, r *http.Request) error {
	c, err := d.can(r.Context())
	if err != nil {
		return err
	}
	p := page{View: d.view(r, "API for apps"), docs: d, can: c}
	return d.Site.Render(w, r, http.StatusOK, guidePage(p))
}

var errNoType = errs.New(errs.NotFound, "There is no such type of resource.")

func (d *Docs) about(w http.ResponseWriter, r *http.Request) error {
	c, err := d.can(r.Context())
	if err != nil {
		return err
	}
	t, ok := c.find(r.PathValue("type"))
	if !ok {
		return errNoType
	}
	return d.Site.Render(w, r, http.StatusOK, typePage(page{View: d.view(r, t.Type), docs: d, can: c}, t))
}

func (d *Docs) openAPI(w http.ResponseWriter, r *http.Request) error {
	c, err := d.can(r.Context())
	if err != nil {
		return err
	}
	body, err := openAPI(c, d.Base, d.Base+"/fhir")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(body) // the client may have gone
	return nil
}

// longest is the most bytes of an answer that the page of a trial shows.
const longest = 64 << 10

var errNotTried = errs.New(errs.Invalid, "Begin with a slash and ask for something below /fhir, such as /Patient.")

// try asks the API for what the reader wrote, as a person of the demo.
func (d *Docs) try(w http.ResponseWriter, r *http.Request) error {
	q := strings.TrimSpace(r.FormValue("q"))
	if _, err := url.ParseRequestURI(q); err != nil || !strings.HasPrefix(q, "/") {
		return errNotTried
	}
	a, err := ask(r.Context(), d.Try, q)
	if err != nil {
		return err
	}
	a.Query, a.Cut = q, len(a.Body) > longest
	if a.Cut {
		a.Body = a.Body[:longest]
	}
	return d.Site.Render(w, r, http.StatusOK, triedPage(page{View: d.view(r, fmt.Sprintf("Answer %d", a.Status)), docs: d}, a))
}

func (d *Docs) view(r *http.Request, title string) web.View {
	v := d.Site.View(r, title, "")
	v.Wide = true
	return v
}

// page is what every page of the documentation knows.
type page struct {
	web.View
	docs *Docs
	can  capability
}

// example is a request to try.
type example struct{ Path, Says string }

// examples are about whoever the demo lends, or about anybody.
func (p page) examples() []example {
	who := p.docs.Who
	if who == "" {
		who = "123"
	}
	return []example{
		{"/Patient/" + who, "One person"},
		{"/Observation?patient=" + who + "&category=laboratory&_sort=-date&_count=5", "The five newest laboratory results"},
		{"/Observation?patient=" + who + "&code=http://loinc.org|4548-4&date=ge2025-01-01", "HbA1c since 2025"},
		{"/Condition?patient=" + who + "&clinical-status=active", "Active problems"},
		{"/MedicationRequest?patient=" + who + "&intent=order&status=active&_include=MedicationRequest:medication", "Current medicines"},
		{"/Observation?patient=" + who + "&value-quantity=gt140|http://unitsofmeasure.org|mg/dL", "Values above a limit"},
		{"/Patient/" + who + "/$everything?_count=20", "The whole record, page by page"},
		{"/Patient/" + who + "/$summary", "The International Patient Summary"},
		{"/Observation/$lastn?patient=" + who + "&category=laboratory&max=1", "The newest of each laboratory test"},
		{"/DocumentReference/$docref?patient=" + who, "Documents, and a CCD made now"},
		{"/Observation?patient=" + who + "&_summary=count", "How many there are"},
		{"/Patient?_id=" + who + "&_revinclude=Condition:subject&_elements=name,code,subject", "A person with their problems, a few elements of each"},
		{"/Patient/" + who + "/_history", "What changed, version by version"},
		{"/Patient/" + who + "?_format=xml", "The same as XML"},
		{"/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "The codes of a value set"},
		{"/Observation?patient=" + who + "&date=yesterday", "An error, and what it says"},
	}
}

// tried is the address of the page that tries path.
func tried(path string) string { return "/api/docs/try?" + url.Values{"q": {path}}.Encode() }

// answer is what the API said.
type answer struct {
	Query  string
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // the page shows the beginning alone
}

// Text returns the body, indented if it is JSON.
func (a answer) Text() string {
	var b bytes.Buffer
	if json.Indent(&b, a.Body, "", "  ") != nil {
		return string(a.Body)
	}
	return b.String()
}

// kept is an http.ResponseWriter that keeps what was written.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(b)
}

// ask sends GET path to h, within this process.
func ask(ctx context.Context, h http.Handler, path string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/fhir"+path, http.NoBody)
	if err != nil {
		return answer{}, errNotTried.Because(err)
	}
	r.RemoteAddr, r.Host = "127.0.0.1:0", "localhost"
	r.Header.Set("Accept", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer demo")
	k := &kept{header: http.Header{}}
	h.ServeHTTP(k, r)
	k.WriteHeader(http.StatusOK)
	return answer{Status: k.status, Header: k.header, Body: k.body.Bytes()}, nil
}
