package desk

import (
	"context"
	"net/http"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/reach/segment"
)

// Segments is what the desk needs of package segment.
type Segments interface {
	List(ctx context.Context, pass access.Pass) ([]segment.Saved, error)
	Get(ctx context.Context, pass access.Pass, id string) (segment.Saved, error)
	Versions(ctx context.Context, pass access.Pass, id string) ([]segment.Saved, error)
	Save(ctx context.Context, pass access.Pass, id, name string, e segment.Expr) (string, error)
	Retire(ctx context.Context, pass access.Pass, id string) error
	Both(ctx context.Context, pass access.Pass, a, b segment.Expr) (int, error)
	Sample(ctx context.Context, pass access.Pass, e segment.Expr, after string, n int) ([]string, error)
}

func (d *Desk) segmentRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/segments", d.listSegments)
	page("GET /desk/segments/new", d.newSegment)
	page("POST /desk/segments/new", d.saveSegment)
	page("POST /desk/segments/new/count", d.countSegment)
	page("GET /desk/segments/{id}", d.showSegment)
	page("GET /desk/segments/{id}/edit", d.editSegment)
	page("POST /desk/segments/{id}/edit", d.saveSegment)
	page("POST /desk/segments/{id}/edit/count", d.countSegment)
	page("POST /desk/segments/{id}/retire", d.retireSegment)
}

// listSegments shows every segment with a name.
func (d *Desk) listSegments(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Segments.List(r.Context(), pass)
	if err != nil {
		return err
	}
	var rows []segmentRow
	for _, s := range list {
		rows = append(rows, segmentRow{Href: "/desk/segments/" + s.ID, Name: s.Name, Sentence: sentenceOf(s.Expr), When: "version " + strconv.Itoa(s.Version) + ", " + d.day(s.At)})
	}
	return d.Site.Render(w, r, http.StatusOK, segmentsPage(d.view(r, "Segments", "outreach"), rows))
}

// showSegment says who is in a segment now, shows a few of them and how much
// of it lies in another.
func (d *Desk) showSegment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	s, err := d.Segments.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := segmentView{ID: s.ID, Name: s.Name, Sentence: sentenceOf(s.Expr), With: r.URL.Query().Get("with")}
	n, err := d.Reach.Count(r.Context(), pass, s.Expr)
	if err != nil {
		return err
	}
	v.Count = patients(n)
	versions, err := d.Segments.Versions(r.Context(), pass, s.ID)
	if err != nil {
		return err
	}
	for _, one := range versions {
		v.Versions = append(v.Versions, segmentRow{Name: "Version " + strconv.Itoa(one.Version), Sentence: sentenceOf(one.Expr), When: d.clock(one.At) + ", " + one.By})
	}
	if err := d.overlap(r, pass, &v, s, n); err != nil {
		return err
	}
	if may(r, access.FindPatients) {
		if v.People, err = d.sample(r, pass, s.Expr); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, http.StatusOK, segmentPage(d.view(r, s.Name, "outreach"), v))
}

// overlap compares a segment with the one that was chosen.
func (d *Desk) overlap(r *http.Request, pass access.Pass, v *segmentView, s segment.Saved, n int) error {
	list, err := d.Segments.List(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, o := range list {
		if o.ID == s.ID {
			continue
		}
		v.Others = append(v.Others, option{o.ID, o.Name})
		if o.ID != v.With {
			continue
		}
		both, err := d.Segments.Both(r.Context(), pass, s.Expr, o.Expr)
		if err != nil {
			return err
		}
		v.Overlap = patients(both) + " are in “" + o.Name + "” as well: " + share(both, n) + " of this segment."
	}
	return nil
}

// sampled is how many people of a segment are shown.
const sampled = 8

func (d *Desk) sample(r *http.Request, pass access.Pass, e segment.Expr) ([]personLink, error) {
	ids, err := d.Segments.Sample(r.Context(), pass, e, r.URL.Query().Get("after"), sampled)
	if err != nil {
		return nil, err
	}
	by := map[string]patient.Person{}
	if err := d.name(r, ids, by); err != nil {
		return nil, err
	}
	var list []personLink
	for _, id := range ids {
		list = append(list, personLink{Href: "/desk/patients/" + id, ID: id, Name: nameOr(by[id])})
	}
	return list, nil
}

// nameOr is a person's name, or words where there is none.
func nameOr(p patient.Person) string {
	if p.Full == "" {
		return "A patient without a name"
	}
	return p.Full
}

func (d *Desk) newSegment(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	return d.trySegment(w, r, http.StatusOK, "", "", audience{}, "")
}

func (d *Desk) editSegment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	s, err := d.Segments.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	a, ok := fromExpr(s.Expr)
	why := ""
	if !ok {
		why = "This segment was written outside the editor. What you save here takes its place."
	}
	return d.trySegment(w, r, http.StatusOK, s.ID, s.Name, a, why)
}

// saveSegment keeps a segment, or changes the form by one line.
func (d *Desk) saveSegment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	id, name := r.PathValue("id"), field(in, "name")
	a, do := parseAudience(in), in.Get("do")
	if a.edit(do, in) || do == "count" {
		return d.trySegment(w, r, http.StatusOK, id, name, a, "")
	}
	e, ok := a.expr(knownConcept)
	if !ok || a.lines() == 0 {
		return d.trySegment(w, r, http.StatusUnprocessableEntity, id, name, a, "Some lines are not complete, or there is none yet.")
	}
	id, err = d.Segments.Save(r.Context(), pass, id, name, e)
	switch k := errs.KindOf(err); {
	case k == errs.Invalid || k == errs.Conflict:
		return d.trySegment(w, r, http.StatusUnprocessableEntity, r.PathValue("id"), name, a, errs.Say(err))
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/desk/segments/"+id, http.StatusSeeOther)
	return nil
}

// countSegment is the fragment that htmx asks for after each change.
func (d *Desk) countSegment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	a := parseAudience(in)
	e, ok := a.expr(knownConcept)
	var v audienceView
	if err := d.countInto(r, pass, &v, e); err != nil {
		return err
	}
	if !ok {
		v.CountErr = "Lines that are not complete are left out."
	}
	return d.Site.Render(w, r, http.StatusOK, people(v))
}

func (d *Desk) trySegment(w http.ResponseWriter, r *http.Request, status int, id, name string, a audience, why string) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	v := audienceView{Form: a, Href: "/desk/segments/new", Back: "/desk/segments"}
	title := "New segment"
	if id != "" {
		v.Href, v.Back, title = "/desk/segments/"+id+"/edit", "/desk/segments/"+id, "Change "+name
	}
	e, _ := a.expr(knownConcept)
	if err := d.countInto(r, pass, &v, e); err != nil {
		return err
	}
	if err := d.fillAudience(r, &v); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, segmentForm(d.view(r, title, "outreach"), title, name, why, v))
}

func (d *Desk) retireSegment(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	if err := d.Segments.Retire(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/segments", http.StatusSeeOther)
	return nil
}
