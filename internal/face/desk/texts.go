package desk

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/library"
	"hale/internal/reach/policy"
)

// usableTexts are the approved texts to begin with.
func (d *Desk) usableTexts(r *http.Request) ([]option, error) {
	if d.Writing.Library == nil {
		return nil, nil
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return nil, err
	}
	list, err := d.Writing.Library.Usable(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	var out []option
	for _, t := range list {
		out = append(out, option{t.ID, t.Name + ", version " + intText(t.Version)})
	}
	return out, nil
}

// takeText puts an approved text of the library into o.
func (d *Desk) takeText(r *http.Request, pass access.Pass, o *reach.Outreach, id string) error {
	if d.Writing.Library == nil {
		return errNowhere
	}
	t, err := d.Writing.Library.Get(r.Context(), pass, id)
	if err != nil {
		return err
	}
	if t.State != library.Approved {
		return errs.New(errs.Conflict, "This text is not approved, so it cannot be used yet.")
	}
	o.Template = t.Template
	if t.Service != "" {
		o.Service = d.knownService(t.Service)
	}
	return nil
}

// textState is a version's state in words.
func textState(s library.State) (word, tone string) {
	switch s {
	case library.Approved:
		return "approved", "good"
	case library.Retired:
		return "retired", ""
	}
	return "draft", "watch"
}

func (d *Desk) textRow(t library.Text) textRow {
	row := textRow{Href: "/desk/texts/" + t.ID, Name: t.Name, Version: "Version " + intText(t.Version), Purpose: purposeName(t.Purpose), Sub: "Written by " + t.ByName + ", " + d.clock(t.At)}
	if t.EndedName != "" {
		word, _ := textState(t.State)
		row.Sub += "; " + word + " by " + t.EndedName + ", " + d.clock(t.EndedAt)
	}
	row.State, row.Tone = textState(t.State)
	seen := map[string]bool{}
	for _, p := range t.Template.Parts {
		for _, l := range languages() {
			if l.Value == p.Lang && !seen[p.Lang] {
				seen[p.Lang] = true
				row.Langs = append(row.Langs, l.Text)
			}
		}
	}
	return row
}

// listTexts shows the library.
func (d *Desk) listTexts(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Writing.Library.List(r.Context(), pass)
	if err != nil {
		return err
	}
	var rows []textRow
	for _, t := range list {
		rows = append(rows, d.textRow(t))
	}
	return d.Site.Render(w, r, http.StatusOK, textsPage(d.view(r, "Texts", "outreach"), rows))
}

// text returns the version that the page is about; none for a new one.
func (d *Desk) text(r *http.Request) (library.Text, access.Pass, error) {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil || r.PathValue("id") == "" {
		return library.Text{Purpose: "care", Service: ""}, pass, err
	}
	t, err := d.Writing.Library.Get(r.Context(), pass, r.PathValue("id"))
	return t, pass, err
}

// asOutreach is a text as an outreach would have it, for what looks at those.
func asOutreach(t library.Text) reach.Outreach {
	return reach.Outreach{Name: t.Name, Purpose: t.Purpose, Service: t.Service, Template: t.Template}
}

// showText shows one version: what it says, how it looks, what became of it.
func (d *Desk) showText(w http.ResponseWriter, r *http.Request) error {
	t, pass, err := d.text(r)
	if err != nil {
		return err
	}
	versions, err := d.Writing.Library.Versions(r.Context(), pass, t.Key)
	if err != nil {
		return err
	}
	v := textView{Row: d.textRow(t), Review: d.review(r, asOutreach(t)), Href: "/desk/texts/" + t.ID}
	for _, old := range versions {
		v.Versions = append(v.Versions, d.textRow(old))
		v.Draft = v.Draft || old.State == library.Draft && old.ID != t.ID
	}
	v.CanEdit = !v.Draft
	v.CanRetire = t.State != library.Retired
	if t.State == library.Draft {
		switch {
		case len(v.Review.Errors) > 0:
			v.Why = "The points below come first; then somebody else can approve it."
		case t.By == web.Actor(r).ID:
			v.Why = "You wrote this version, so somebody else has to approve it."
		default:
			v.CanApprove = true
		}
	}
	return d.Site.Render(w, r, http.StatusOK, textPage(d.view(r, t.Name, "outreach"), v))
}

// newText shows the editor with nothing in it.
func (d *Desk) newText(w http.ResponseWriter, r *http.Request) error { return d.editText(w, r) }

// editText shows the editor.
func (d *Desk) editText(w http.ResponseWriter, r *http.Request) error {
	t, _, err := d.text(r)
	if err != nil {
		return err
	}
	if t.Template.Sensitivity == 0 && len(t.Template.Parts) == 0 {
		t.Template.Sensitivity = policy.S2
	}
	return d.showEditor(w, r, http.StatusOK, t, "")
}

func (d *Desk) showEditor(w http.ResponseWriter, r *http.Request, status int, t library.Text, wrong string) error {
	m, err := d.messageView(r, asOutreach(t))
	if err != nil {
		return err
	}
	m.Texts, m.Href, m.Back = nil, "/desk/texts/new", "/desk/texts"
	if t.ID != "" {
		m.Href, m.Back = "/desk/texts/"+t.ID+"/edit", "/desk/texts/"+t.ID
	}
	v := editorView{Name: t.Name, Purpose: t.Purpose, Message: m, Err: wrong}
	if t.State == library.Approved || t.State == library.Retired {
		v.Note = "Version " + intText(t.Version) + " stays as it is. What you save becomes version " + intText(t.Version+1) + ", as a draft."
	}
	for _, p := range policy.Purposes() {
		if p.Key != "security" {
			v.Purposes = append(v.Purposes, option{p.Key, p.Name})
		}
	}
	title := "New text"
	if t.Name != "" {
		title = "Edit: " + t.Name
	}
	return d.Site.Render(w, r, status, editorPage(d.view(r, title, "outreach"), title, v))
}

// typed reads the editor's form into t.
func (d *Desk) typed(r *http.Request, t *library.Text) (do string, err error) {
	in, err := form(r)
	if err != nil {
		return "", err
	}
	t.Name, t.Template, t.Service = field(in, "name"), parseMessage(in, t.Template), d.knownService(field(in, "service"))
	if p, ok := policy.PurposeOf(field(in, "purpose")); ok && p.Key != "security" {
		t.Purpose = p.Key
	}
	return in.Get("do"), nil
}

// saveText keeps a draft; it may still have points that come first.
func (d *Desk) saveText(w http.ResponseWriter, r *http.Request) error {
	t, pass, err := d.text(r)
	if err != nil {
		return err
	}
	do, err := d.typed(r, &t)
	if err != nil {
		return err
	}
	if do == "stay" {
		return d.showEditor(w, r, http.StatusOK, t, "")
	}
	kept, err := d.Writing.Library.Save(r.Context(), pass, t)
	if errs.KindOf(err) == errs.Invalid || errs.KindOf(err) == errs.Conflict {
		return d.showEditor(w, r, http.StatusUnprocessableEntity, t, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/texts/"+kept.ID, http.StatusSeeOther)
	return nil
}

// reviewText is the fragment that follows somebody who writes.
func (d *Desk) reviewText(w http.ResponseWriter, r *http.Request) error {
	t, _, err := d.text(r)
	if err != nil {
		return err
	}
	if _, err := d.typed(r, &t); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, messageReview(d.review(r, asOutreach(t))))
}

// endText approves or retires a version.
func (d *Desk) endText(w http.ResponseWriter, r *http.Request) error {
	t, pass, err := d.text(r)
	if err != nil {
		return err
	}
	end := d.Writing.Library.Retire
	if strings.HasSuffix(r.URL.Path, "/approve") {
		end = d.Writing.Library.Approve
	}
	if err := end(r.Context(), pass, t.ID); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/texts/"+t.ID, http.StatusSeeOther)
	return nil
}

// copyText makes a new text of a version.
func (d *Desk) copyText(w http.ResponseWriter, r *http.Request) error {
	t, pass, err := d.text(r)
	if err != nil {
		return err
	}
	kept, err := d.Writing.Library.Save(r.Context(), pass, library.Text{Name: t.Name + " (copy)", Purpose: t.Purpose, Service: t.Service, Template: t.Template})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/texts/"+kept.ID+"/edit", http.StatusSeeOther)
	return nil
}

func lowered(text string) string { return strings.ToLower(text) }
