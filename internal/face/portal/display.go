package portal

import (
	"net/http"

	"hale/internal/face/web"
)

// askDisplay shows how pages can look, to anybody: letters and calm are wanted
// before signing in, too.
func (s *SignIn) askDisplay(w http.ResponseWriter, r *http.Request) error {
	v := s.Site.View(r, web.Lang(r).T("Letters and colors"), "more")
	return s.framed(w, r, http.StatusOK, v, displayBody(v, s.Site.Display(r), r.URL.Query().Get("done") == "yes"))
}

// setDisplay remembers on this device how pages are to look. A page that asks
// for one thing alone says where to go back to.
func (s *SignIn) setDisplay(w http.ResponseWriter, r *http.Request) error {
	size, calm := r.PostFormValue("size"), r.PostFormValue("calm") == "yes"
	next := r.PostFormValue("next")
	if next != "" {
		calm = s.Site.Display(r).Calm
	}
	s.Site.SetDisplay(w, web.DisplayOf(size, calm))
	http.Redirect(w, r, web.Local(next, "/display?done=yes"), http.StatusSeeOther)
	return nil
}
