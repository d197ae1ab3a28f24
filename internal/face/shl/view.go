package shl

import (
	"net/http"

	"hale/internal/base/errs"
	"hale/internal/care/summary"
	"hale/internal/face/reading"
	"hale/internal/face/web"
)

// view is what the page shows.
type view struct {
	web.View
	Link, Code, Name string // as they were typed
	Problem          string
	Who              reading.Person
	Sections         []summary.Section
}

// ask is the form: a link, a code if there is one, and who asks.
func (f *Face) ask(w http.ResponseWriter, r *http.Request) error {
	v := view{View: f.Site.View(r, web.Lang(r).T("Open a health link"), "")}
	return f.Site.Render(w, r, http.StatusOK, askPage(v))
}

// show opens a link of this clinic and shows what is behind it, or gives it
// as a file. Nothing of it is kept.
func (f *Face) show(w http.ResponseWriter, r *http.Request) error {
	v := view{View: f.Site.View(r, web.Lang(r).T("A health summary was shared with you"), "")}
	v.Link, v.Code, v.Name = r.PostFormValue("link"), r.PostFormValue("code"), r.PostFormValue("name")
	found, err := f.Reader.Read(r.Context(), v.Link, v.Code, v.Name)
	var c summary.Content
	if err == nil {
		c, err = found.Content()
	}
	if k := errs.KindOf(err); err != nil && (k == errs.Invalid || k == errs.NotFound || k == errs.Unavailable) {
		v.Problem = v.T(errs.Say(err))
		return f.Site.Render(w, r, http.StatusUnprocessableEntity, askPage(v))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.PostFormValue("save") != "" {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Disposition", `attachment; filename="health-summary.json"`)
		_, _ = w.Write(found.Files[0]) // the browser may have gone
		return nil
	}
	v.Who, v.Sections = reading.Whose(c), c.Sections()
	return f.Site.Render(w, r, http.StatusOK, showPage(v))
}
