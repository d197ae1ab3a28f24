package fhirapi

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"hale/internal/access"
	"hale/internal/standard/fhir"
)

// Call is one interaction: a request, or an entry of a batch.
type Call struct {
	Request *http.Request
	Type    string       // empty for the whole system
	ID      string       // empty for a whole type
	Query   url.Values   // of the address, and of the form of a POST search
	Actor   access.Actor // who asks, once signed in

	api     *API
	id      string // of the request
	route   string // for the log: no id, no search
	shape   shape
	prefer  prefer
	keys    *ring // the passes that this request has already
	signed  bool
	body    []byte
	read    bool
	inside  bool // an entry of a bundle
	flushed func() error
	writer  http.ResponseWriter // nil in a bundle
}

// Context is the request's.
func (c *Call) Context() context.Context { return c.Request.Context() }

// Header returns the first value of a header of the request.
func (c *Call) Header(name string) string { return c.Request.Header.Get(name) }

// maxBody is the most that a body may have, unpacked; of a bundle
// maxBundle.
const (
	maxBody   = 8 << 20
	maxBundle = 64 << 20
)

// Body returns the body of the request, unpacked.
func (c *Call) Body() ([]byte, error) {
	if c.read {
		return c.body, nil
	}
	limit := int64(maxBody)
	if c.Type == "" && c.Request.Method == http.MethodPost {
		limit = maxBundle
	}
	if limit == maxBundle {
		defer c.slowly()()
	}
	in := io.Reader(c.Request.Body)
	if in == nil || c.Request.Body == http.NoBody {
		c.read = true
		return nil, nil
	}
	switch strings.ToLower(c.Header("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "structure", "http.Content-Encoding", "The body is not gzip.")
		}
		in = z
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "not-supported", "http.Content-Encoding", "We unpack gzip alone.")
	}
	if n := c.Request.ContentLength; n > limit {
		return nil, tooLarge
	}
	body, err := readAll(in, c.Request.ContentLength, limit)
	if err != nil {
		return nil, err
	}
	if media := c.Header("Content-Type"); isXML(media) && (c.Type != "Binary" || bareType(media) == "application/fhir+xml") {
		if body, err = fromXML(body); err != nil {
			return nil, err
		}
	}
	c.body, c.read = body, true
	return body, nil
}

// readAll reads at most limit bytes; expected is how many are announced, or
// -1.
func readAll(in io.Reader, expected, limit int64) ([]byte, error) {
	size := expected + 1
	if expected < 0 {
		size = 4 << 10
	}
	b := make([]byte, 0, size)
	for {
		n, err := in.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return nil, tooLarge
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			p := refuse(http.StatusBadRequest, "structure", "", "The body could not be read to its end.")
			p.cause = fmt.Errorf("fhirapi: body: %w", err)
			return nil, p
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// syntax returns what to say about a body that is not JSON as FHIR wants it.
func syntax(err error) error {
	p := refuse(http.StatusBadRequest, "structure", "", "The body is not JSON.")
	if s, ok := errors.AsType[*fhir.SyntaxError](err); ok {
		p.Issues[0].Place = s.Path
		p.Issues[0].Text = fmt.Sprintf("The body is not the JSON of FHIR: at byte %d, %s.", s.Offset, s.Reason)
	}
	return p
}

// readQuery reads what follows the question mark.
func (c *Call) readQuery() error {
	if c.Request.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return refuse(http.StatusBadRequest, "invalid", "http.query", "What follows the question mark cannot be read.")
	}
	c.Query = q
	return nil
}
