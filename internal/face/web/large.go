package web

import (
	"context"
	"net/http"
	"time"
)

// slowest is how long a file may take to come: some send theirs over a weak
// phone line.
const slowest = 5 * time.Minute

// Large lets the body of r have up to n bytes, and time to come: for a page
// that takes files. It must be called before anything is read.
func (s *Site) Large(w http.ResponseWriter, r *http.Request, n int64) {
	r.Body = http.MaxBytesReader(w, seen(r).body, n)
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Time{}) != nil {
		return // a server that cannot wait longer ends this request as any other
	}
	late := time.AfterFunc(slowest, func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) })
	context.AfterFunc(r.Context(), func() { late.Stop() })
}
