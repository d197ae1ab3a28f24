package web

import (
	"compress/gzip"
	"net/http"
	"strings"
)

// recorder remembers what was answered, and compresses text.
type recorder struct {
	http.ResponseWriter
	gzip   bool // the browser takes it
	z      *gzip.Writer
	status int
	bytes  int // before compression
	bare   int // a plain refusal of net/http, kept back so that a page can be shown

	before func() error // what has to be done before the first byte leaves
	bared  http.Header  // the header before the handler came
	lost   error        // before failed: the handler's answer is dropped
}

// WriteHeader sends the status once, and decides about compression.
func (w *recorder) WriteHeader(status int) {
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 || w.bare != 0 {
		return
	}
	h := w.Header()
	if (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) && strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		w.bare = status
		return
	}
	if !w.noted() {
		return
	}
	w.status = status
	if compressible(h.Get("Content-Type")) {
		h.Add("Vary", "Accept-Encoding")
		if w.gzip && h.Get("Content-Encoding") == "" && status != http.StatusNoContent && status != http.StatusNotModified {
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			w.z = gzip.NewWriter(w.ResponseWriter)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *recorder) Write(b []byte) (int, error) {
	if w.bare != 0 {
		return len(b), nil
	}
	if w.status == 0 {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", http.DetectContentType(b))
		}
		w.WriteHeader(http.StatusOK)
	}
	if w.lost != nil {
		return len(b), nil
	}
	w.bytes += len(b)
	if w.z != nil {
		return w.z.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Flush sends what was written so far, for answers that go on.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == 0 {
		return // kept back
	}
	if w.z != nil {
		_ = w.z.Flush()
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap gives http.ResponseController the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// close ends the body.
func (w *recorder) close() {
	if w.z != nil {
		_ = w.z.Close()
	}
	if w.status == 0 {
		w.status = http.StatusOK // net/http sends it
	}
}

func compressible(mime string) bool {
	return strings.HasPrefix(mime, "text/") && !strings.HasPrefix(mime, "text/event-stream") ||
		strings.HasPrefix(mime, "application/json") || strings.HasPrefix(mime, "application/fhir+json") || strings.HasPrefix(mime, "image/svg+xml")
}

// takesGzip says whether the browser takes gzip (RFC 9110 §12.5.3).
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
