package web

import (
	"net/http"

	"hale/internal/base/errs"
	"hale/internal/store/audit"
)

// errUnseen is said where an answer cannot be noted: then there is none.
var errUnseen = errs.New(errs.Unavailable, "We could not note in our log who looks at this. So we do not show it. Please try again in a few minutes.")

// collect lets the looks of a request that only reads be noted while its
// answer is made: rec has them on disk before the first byte leaves.
func collect(rec *recorder, r *http.Request) *http.Request {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return r // what changes something notes it with the change
	}
	ctx, scope := audit.Collect(r.Context())
	rec.before = scope.Flush
	rec.bared = rec.Header().Clone()
	return r.WithContext(ctx)
}

// noted says whether the answer may leave: what was looked at is on disk. If
// not, the handler's answer is dropped, header and body.
func (w *recorder) noted() bool {
	if w.before == nil {
		return w.lost == nil
	}
	before := w.before
	w.before = nil
	if w.lost = before(); w.lost == nil {
		return true
	}
	h := w.Header()
	clear(h)
	for k, v := range w.bared {
		h[k] = v
	}
	return false
}

// unseen answers in place of what could not be noted. It notes, too, what a
// handler looked at that wrote nothing.
func (s *Site) unseen(rec *recorder, r *http.Request) {
	if rec.noted() {
		return
	}
	err := rec.lost
	rec.lost, rec.bare = nil, 0
	s.Fail(rec, r, errUnseen.Because(err))
}
