package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/care/document"
	"hale/internal/face/web"
)

// Letters is what the desk needs of what patients send.
type Letters interface {
	New(ctx context.Context, pass access.Pass, n int) ([]document.Sent, int, error)
}

// Documents is what the desk needs to show one of them.
type Documents interface {
	Read(ctx context.Context, pass access.Pass, id string) (document.Reading, error)
	File(ctx context.Context, pass access.Pass, id string) (media string, body []byte, err error)
	Looked(ctx context.Context, pass access.Pass, id string, at time.Time) error
}

// mostLetters is how many the list shows.
const mostLetters = 50

// letterRow is one document that a patient sent.
type letterRow struct {
	Href, Who, Title, When string
}

// letterView is one of them, for reading.
type letterView struct {
	Back, Who, Title, When, File, Action string
	Said                                 string
	Blocks                               []document.Block
	Picture                              bool // File is one
	Listed                               bool // it stands in a list that the reader has
}

// letterTask is the line on the first page, nothing where nothing waits.
func (d *Desk) letterTask(r *http.Request) ([]taskRow, error) {
	if d.Letters == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	_, n, err := d.Letters.New(r.Context(), pass, 1)
	if err != nil || n == 0 {
		return nil, err
	}
	return []taskRow{{Href: "/desk/letters", Icon: "file-text", Title: "Documents from patients", Sub: "Nobody has looked at them yet", N: n}}, nil
}

// listLetters lists what nobody has looked at, the longest first.
func (d *Desk) listLetters(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	find, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	list, n, err := d.Letters.New(r.Context(), pass, mostLetters)
	if err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.Patient
	}
	people, err := d.Patients.Named(r.Context(), find, ids)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, p := range people {
		names[p.ID] = p.Full
	}
	rows := make([]letterRow, len(list))
	for i, s := range list {
		rows[i] = letterRow{Href: "/desk/patients/" + s.Patient + "/letters/" + s.Document, Who: names[s.Patient], Title: s.Title, When: d.clock(s.At)}
	}
	said := ""
	if r.URL.Query().Get("note") == "looked" {
		said = saidLooked
	}
	return d.Site.Render(w, r, http.StatusOK, lettersPage(d.view(r, "Documents from patients", "today"), rows, n, said))
}

// showLetter shows one to whoever may read the record.
func (d *Desk) showLetter(w http.ResponseWriter, r *http.Request) error {
	id, letter := r.PathValue("id"), r.PathValue("letter")
	pass, err := d.paper(r, id)
	if err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	doc, err := d.Documents.Read(r.Context(), pass, letter)
	if err != nil {
		return err
	}
	v := letterView{Back: "/desk/patients/" + id, Who: people[id].Full, Title: doc.Title, When: d.clock(doc.At), Blocks: doc.Blocks}
	if doc.File {
		v.File, v.Picture = r.URL.Path+"/file", web.Pictured(doc.Media)
	}
	v.Listed, v.Action = may(r, access.AnswerPatients), r.URL.Path
	if r.URL.Query().Get("note") == "looked" {
		v.Said, v.Action = saidLooked, ""
	}
	return d.Site.Render(w, r, http.StatusOK, letterPage(d.view(r, doc.Title, "patients"), v))
}

// letterFile sends the file of one to be saved.
func (d *Desk) letterFile(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.paper(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	media, body, err := d.Documents.File(r.Context(), pass, r.PathValue("letter"))
	if err != nil {
		return err
	}
	d.Site.Save(w, media, body)
	return nil
}

// saidLooked is what stands on the page after it.
const saidLooked = "Noted: you have looked at it."

// looked notes that somebody has looked at one. The front desk has no list of
// them and stays where it is.
func (d *Desk) looked(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.paper(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := d.Documents.Looked(r.Context(), pass, r.PathValue("letter"), d.now()); err != nil {
		return err
	}
	to := "/desk/letters"
	if clerkRight(r) != access.AnswerPatients {
		to = r.URL.Path
	}
	http.Redirect(w, r, to+"?note=looked", http.StatusSeeOther)
	return nil
}
