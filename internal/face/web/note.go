package web

import "net/http"

// Note writes down that r failed on our side, for a handler that answers in
// another form than a page.
func (s *Site) Note(r *http.Request, err error) {
	s.log.Error("failed", "request", RequestID(r), "route", r.Pattern, "err", err)
}
