package web

import (
	"io"
	"net/http"
	"time"

	"github.com/a-h/templ"
)

// Autosaves says whether r comes from the script that saves while somebody
// writes, and not from a button.
func Autosaves(r *http.Request) bool { return r.Header.Get("X-Autosave") != "" }

// Saved answers a form's save address: the script gets the words to show, in
// the reader's language and at their clock; whoever pressed a button goes
// back to the page.
func (s *Site) Saved(w http.ResponseWriter, r *http.Request, at time.Time, zone *time.Location, back string) {
	if !Autosaves(r) {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, SavedAt(s.View(r, "", ""), at, zone)) // the browser may have gone
}

// SavedAt says when a form was last saved; of one that never was, nothing.
func SavedAt(v View, at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	at, now := at.In(zone), v.Now().In(zone)
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return v.T("Saved %s", v.Lang.Clock(at))
	}
	return v.T("Saved %s", v.Lang.ShortDate(at))
}

// AutosaveForm returns what a form has that saves itself to the address.
func AutosaveForm(v View, address string) templ.Attributes {
	return templ.Attributes{"data-autosave": address, "data-unsaved": v.T("Not saved yet. Please check your connection.")}
}
