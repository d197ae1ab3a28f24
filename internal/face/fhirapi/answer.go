package fhirapi

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"hale/internal/record"
)

// Answer is what is answered, before it is put into a form.
type Answer struct {
	Status   int       // 0: 200
	Body     []byte    // a resource as JSON; nil: none
	Version  int64     // its ETag, if it is one version of a resource
	Modified time.Time // Last-Modified
	Location string    // of what was written, from Base on
	Type     string    // media type where it is not FHIR's JSON
	Header   [][2]string
	Public   bool // shown to anybody, and may be kept by caches

	// Stream writes a body that is too large to be made in one piece. It is
	// called when the status has been sent.
	Stream func(w io.Writer) error

	// Take answers in place of all this: a WebSocket.
	Take func(w http.ResponseWriter, r *http.Request)

	buf *[]byte // which Body is a part of, to be used again
}

// mediaType of FHIR's JSON.
const mediaType = "application/fhir+json; charset=utf-8"

// Resource returns the answer that shows one version of a resource.
func resourceAnswer(r record.Resource) Answer {
	return Answer{Body: r.JSON(), Version: r.Version, Modified: r.Updated}
}

// etag returns the weak ETag of a version.
//
// Spec: https://hl7.org/fhir/R4/http.html#versioning
func etag(version int64) string {
	return `W/"` + strconv.FormatInt(version, 10) + `"`
}

// harden sets the headers that hold for every answer. Nothing here is a page,
// and nothing that is about a person may be kept.
func (a *API) harden(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = nothing
	h["Referrer-Policy"] = noReferrer
	h["Cache-Control"] = noStore
	h["X-Frame-Options"] = deny
	h["Cross-Origin-Opener-Policy"] = sameOrigin
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Vary"] = varies
	if a.Secure {
		h["Strict-Transport-Security"] = strict
	}
}

// The values of headers, made once: net/http writes them and changes none.
var (
	nosniff    = []string{"nosniff"}
	nothing    = []string{"default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	deny       = []string{"DENY"}
	sameOrigin = []string{"same-origin"}
	varies     = []string{"Accept, Authorization, Origin, Accept-Encoding"}
	strict     = []string{"max-age=63072000; includeSubDomains"}
	fhirJSON   = []string{mediaType}
)

// write sends an answer.
func (a *API) write(w http.ResponseWriter, c *Call, out Answer) (status, bytes int) {
	if out.Take != nil {
		out.Take(w, c.Request)
		return http.StatusSwitchingProtocols, 0
	}
	h := w.Header()
	a.describe(h, c, out)
	status = max(out.Status, http.StatusOK)
	if out.Status == 0 {
		status = http.StatusOK
	}
	if status == http.StatusOK && hasVerb(c.Request.Method) && unchanged(c, out) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified, 0
	}
	if out.Stream != nil {
		return status, a.stream(w, c, status, out)
	}
	body := out.Body
	if body == nil {
		w.WriteHeader(status)
		return status, 0
	}
	if len(body) > packFrom && takesGzip(c.Request) {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		return status, pack(w, c, func(w io.Writer) error { _, err := w.Write(body); return err })
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if c.Request.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
	return status, len(body)
}

// describe sets the headers that tell of the answer.
func (a *API) describe(h http.Header, c *Call, out Answer) {
	switch {
	case out.Type != "":
		h["Content-Type"] = []string{out.Type}
	case out.Body != nil || out.Stream != nil:
		h["Content-Type"] = fhirJSON
	}
	if out.Version > 0 {
		h["Etag"] = []string{etag(out.Version)}
	}
	if !out.Modified.IsZero() {
		h["Last-Modified"] = []string{out.Modified.UTC().Format(http.TimeFormat)}
	}
	if out.Location != "" {
		at := []string{a.Base + "/" + out.Location}
		h["Content-Location"] = at
		if out.Status == http.StatusCreated {
			h["Location"] = at
		}
	}
	for _, kv := range out.Header {
		h.Set(kv[0], kv[1])
	}
}

// packFrom is how large a body is that is worth the time to pack.
const packFrom = 1400

// stream sends a body that is written piece by piece.
func (a *API) stream(w http.ResponseWriter, c *Call, status int, out Answer) int {
	if takesGzip(c.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		return pack(w, c, out.Stream)
	}
	w.WriteHeader(status)
	if c.Request.Method == http.MethodHead {
		return 0
	}
	n := &counted{w: w}
	if err := out.Stream(n); err != nil {
		a.Log.Warn("an answer broke off", "request", c.id, "err", err)
		panic(http.ErrAbortHandler)
	}
	return n.n
}

// counted counts what is written.
type counted struct {
	w io.Writer
	n int
}

// Write passes b on.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += n
	return n, err
}

// packers are gzip writers to use again: making one is dear.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	return z
}}

// pack sends what fn writes, packed.
func pack(w http.ResponseWriter, c *Call, fn func(io.Writer) error) int {
	if c.Request.Method == http.MethodHead {
		return 0
	}
	z, _ := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(w)
	n := &counted{w: z}
	if err := fn(n); err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = z.Close()
	return n.n
}

// takesGzip says whether the client takes gzip (RFC 9110 §12.5.3).
func takesGzip(r *http.Request) bool {
	accept := r.Header.Get("Accept-Encoding")
	if accept == "" {
		return false
	}
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimRight(strings.ReplaceAll(params, " ", ""), "0")
			return q != "q=" && q != "q=0." && q != "q=."
		}
	}
	return false
}

// unchanged says whether the client has what out shows.
//
// Spec: https://hl7.org/fhir/R4/http.html#cread and RFC 9110 §13.1
func unchanged(c *Call, out Answer) bool {
	if want := c.Header("If-None-Match"); want != "" {
		return out.Version > 0 && names(want, out.Version)
	}
	if since := c.Header("If-Modified-Since"); since != "" && !out.Modified.IsZero() {
		at, err := http.ParseTime(since)
		return err == nil && !out.Modified.Truncate(time.Second).After(at)
	}
	return false
}

// names says whether a list of ETags has that of version.
func names(list string, version int64) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == strconv.FormatInt(version, 10) {
			return true
		}
	}
	return false
}
