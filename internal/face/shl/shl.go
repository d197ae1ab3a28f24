// Package shl answers SMART Health Links that patients handed out: to other
// systems as the specification says, and to people by a page that opens them.
//
// The key is in the link, after a #, where no browser sends it. To open one
// here, the person says so, and the page posts it; nothing is kept.
//
// Spec: https://docs.smarthealthit.org/smart-health-links/spec/
package shl

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"hale/internal/base/errs"
	"hale/internal/care/share"
	"hale/internal/face/web"
	"hale/internal/standard/shlink"
)

// Links is what this face needs of package share.
type Links interface {
	Open(ctx context.Context, token string, ask shlink.Ask) (share.Opened, error)
	Direct(ctx context.Context, token, recipient string) (share.Opened, error)
	File(ctx context.Context, token, ticket string) (share.Opened, error)
	Ticket(s share.Share) string
}

// Reader opens a link for a person.
type Reader interface {
	Read(ctx context.Context, text, passcode, recipient string) (share.Found, error)
}

// Config is what this face is made of.
type Config struct {
	Site   *web.Site
	Links  Links
	Reader Reader
	Base   string // https://host
}

// Face answers links.
type Face struct{ Config }

// New returns a face made of c.
func New(c Config) *Face { return &Face{c} }

// Apart are the routes that pages of other sites may post to: viewers run in
// browsers, and no session opens anything here.
var Apart = []string{"POST /shl/{token}"}

// Handler returns the routes.
func (f *Face) Handler() *web.Mux {
	mux := web.NewMux()
	mux.Handle("GET /shl", f.Site.Page(f.ask))
	mux.Handle("POST /shl", f.Site.Page(f.show))
	mux.HandleFunc("POST /shl/{token}", f.manifest)
	mux.HandleFunc("GET /shl/{token}", f.direct)
	mux.HandleFunc("OPTIONS /shl/{token}", f.preflight)
	mux.HandleFunc("GET /shl/{token}/{file}", f.file)
	return mux
}

// open lets viewers of any site read the answer; it says nothing to who has
// no link.
func open(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "no-store")
}

func (f *Face) preflight(w http.ResponseWriter, _ *http.Request) {
	open(w)
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Accept")
	w.WriteHeader(http.StatusNoContent)
}

// maxAsk is how long a request for a manifest may be.
const maxAsk = 16 << 10

// manifest answers what is behind a link.
func (f *Face) manifest(w http.ResponseWriter, r *http.Request) {
	open(w)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAsk))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, object{"error": "the request is too long"})
		return
	}
	ask, err := shlink.ReadAsk(body)
	if err != nil {
		answer(w, http.StatusBadRequest, object{"error": "the body is a JSON object with a recipient"})
		return
	}
	o, err := f.Links.Open(r.Context(), r.PathValue("token"), ask)
	if err != nil {
		refuse(w, err)
		return
	}
	file := shlink.File{ContentType: shlink.FHIR, Updated: o.Updated.UTC().Format(time.RFC3339)}
	if ask.EmbeddedMax != nil && len(o.JWE) > *ask.EmbeddedMax {
		file.Location = f.Base + "/shl/" + r.PathValue("token") + "/" + f.Links.Ticket(o.Share)
	} else {
		file.Embedded = o.JWE
	}
	m := shlink.Manifest{Status: shlink.Finalized, Files: []shlink.File{file}}
	if o.Live() {
		m.Status = shlink.CanChange
		w.Header().Set("Retry-After", "3600") // the specification's way to slow down who asks again
	}
	answer(w, http.StatusOK, m)
}

// direct answers a link that is one file.
func (f *Face) direct(w http.ResponseWriter, r *http.Request) {
	open(w)
	recipient := r.URL.Query().Get("recipient")
	if recipient == "" {
		answer(w, http.StatusBadRequest, object{"error": "name a recipient"})
		return
	}
	o, err := f.Links.Direct(r.Context(), r.PathValue("token"), recipient)
	if err != nil {
		refuse(w, err)
		return
	}
	jose(w, o)
}

// file answers the encrypted file at an address that a manifest gave out.
func (f *Face) file(w http.ResponseWriter, r *http.Request) {
	open(w)
	o, err := f.Links.File(r.Context(), r.PathValue("token"), r.PathValue("file"))
	if err != nil {
		refuse(w, err)
		return
	}
	jose(w, o)
}

func jose(w http.ResponseWriter, o share.Opened) {
	w.Header().Set("Content-Type", "application/jose")
	_, _ = io.WriteString(w, o.JWE) // the other side may have gone
}

type object = map[string]any

// refuse answers an error as the specification says.
func refuse(w http.ResponseWriter, err error) {
	if wrong, ok := errors.AsType[share.WrongCode](err); ok {
		answer(w, http.StatusUnauthorized, object{"remainingAttempts": wrong.Left})
		return
	}
	status := http.StatusInternalServerError
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Forbidden:
		status = http.StatusNotFound
	case errs.Unavailable:
		status = http.StatusServiceUnavailable
	}
	answer(w, status, object{"error": errs.Say(err)})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the other side may have gone
}
