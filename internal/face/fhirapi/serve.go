package fhirapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/store/audit"
)

// errUnseen is said where a look cannot be noted: then nothing is shown.
var errUnseen = errs.New(errs.Unavailable, "We could not note in our log who looks at this. So we do not show it. Please try again in a few minutes.")

// serve answers one request: header, body, and a line in the log without a
// word of the address, which may name a patient.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	start := a.Now()
	c := &Call{Request: r, api: a, id: requestID(r, a.ID), route: "none", keys: &ring{}, writer: w}
	a.harden(w.Header())
	w.Header()["X-Request-Id"] = []string{c.id}
	status, bytes := 0, 0
	defer func() {
		if p := recover(); p != nil {
			status = a.broken(w, c, p, status)
		}
		a.note(c, status, bytes, a.Now().Sub(start).Microseconds())
	}()
	if a.cors(w, c) {
		status = http.StatusNoContent
		w.WriteHeader(status)
		return
	}
	out, err := a.outcomeOf(c)
	if err != nil {
		out = a.failed(c, err)
	}
	out = a.formed(c, out)
	status, bytes = a.write(w, c, out)
	out.release()
}

// outcomeOf answers c, and has every look that it took on disk when it
// returns.
func (a *API) outcomeOf(c *Call) (Answer, error) {
	if a.Ready != nil {
		if err := a.Ready(c.Context()); err != nil {
			return Answer{}, err
		}
	}
	collect := audit.Collect
	if writes(c.Request) {
		collect = audit.Hold // its looks go to the disk with what it writes
	}
	ctx, scope := collect(c.Context())
	c.Request = c.Request.WithContext(ctx)
	c.flushed = scope.Flush
	out, err := a.route(c)
	if lost := scope.Flush(); lost != nil {
		return Answer{}, errUnseen.Because(lost)
	}
	return out, err
}

// writes says whether a request is one that changes the record, as far as its
// method tells.
func writes(r *http.Request) bool {
	return !hasVerb(r.Method) && !strings.HasSuffix(r.URL.Path, "/_search")
}

// failed returns the answer that says err.
func (a *API) failed(c *Call, err error) Answer {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		a.Log.Error("failed", "request", c.id, "route", c.route, "err", err)
	}
	out := Answer{Status: p.Status, Body: c.shape.pretty(outcome(p.Issues...))}
	if p.header[0] != "" {
		out.Header = [][2]string{p.header}
	}
	return out
}

// broken answers a panic.
func (a *API) broken(w http.ResponseWriter, c *Call, p any, status int) int {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	text := fmt.Sprintf("%T", p) // its text might be patient data
	if e, ok := p.(runtime.Error); ok {
		text = e.Error()
	}
	a.Log.Error("panic", "request", c.id, "route", c.route, "what", text, "stack", string(debug.Stack()))
	if status != 0 {
		panic(http.ErrAbortHandler)
	}
	out := a.failed(c, errors.New("fhirapi: panic"))
	status, _ = a.write(w, c, out)
	return status
}

// note writes the log line.
func (a *API) note(c *Call, status, bytes int, us int64) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	ctx := c.Context()
	if !a.Log.Enabled(ctx, level) {
		return
	}
	a.Log.LogAttrs(ctx, level, "request", slog.String("request", c.id), slog.String("route", c.route),
		slog.Int("status", status), slog.Int("bytes", bytes), slog.Int64("us", us), slog.String("who", string(c.Actor.Kind)))
}

// requestID returns the id that the client gave its request, if that is one,
// or a new one.
func requestID(r *http.Request, id func() string) string {
	given := r.Header.Get("X-Request-Id")
	if given == "" || len(given) > 64 {
		return id()
	}
	for i := range len(given) {
		if c := given[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return id()
		}
	}
	return given
}
