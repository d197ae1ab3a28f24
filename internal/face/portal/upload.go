package portal

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/document"
	"hale/internal/face/question"
)

// uploads is how many files are taken at the same moment: each is opened in
// memory.
const uploads = 3

var (
	errNoUpload = errs.New(errs.Invalid, "Please choose a photo or a PDF first.")
	errBusy     = question.ErrBusy
)

// uploadAsk asks what to send.
func (p *Portal) uploadAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.SendMessages, "Send a document", "record")
	if err != nil {
		return err
	}
	return p.render(w, r, uploadPage(s, uploadData{}))
}

// uploadData is what the form shows again when something was wrong.
type uploadData struct {
	Sort, Note, Problem string
}

// upload takes a document.
func (p *Portal) upload(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Send a document", "record")
	if err != nil {
		return err
	}
	select {
	case p.taking <- struct{}{}:
		defer func() { <-p.taking }()
	default:
		return errBusy
	}
	p.Site.Large(w, r, intake.MaxFile+1<<16)
	letter, err := readLetter(r)
	if err == nil {
		_, err = p.Letters.Send(r.Context(), pass, letter)
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		d := uploadData{Sort: letter.Sort, Note: letter.Note, Problem: s.T(errs.Say(err))}
		s.Title = s.T("Please check: %s", s.Title)
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, statusOf(kind), uploadPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/documents/sent"), http.StatusSeeOther)
	return nil
}

// uploaded says that it came.
func (p *Portal) uploaded(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.SendMessages, "We have your document", "record")
	if err != nil {
		return err
	}
	return p.render(w, r, uploadedPage(s))
}

// readLetter reads the form part by part: the file stays in memory and never
// on a disk.
func readLetter(r *http.Request) (document.Letter, error) {
	var l document.Letter
	form, err := r.MultipartReader()
	if err != nil {
		return l, errNoUpload.Because(err)
	}
	for range 8 { // the form has three
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l, tooLarge(err)
		}
		if err := readPart(part, &l); err != nil {
			return l, err
		}
	}
	if len(l.Body) == 0 {
		return l, errNoUpload
	}
	return l, nil
}

func readPart(part *multipart.Part, l *document.Letter) error {
	limit := int64(4096)
	if part.FormName() == "file" {
		limit = intake.MaxFile + 1
	}
	body, err := io.ReadAll(io.LimitReader(part, limit))
	if err != nil {
		return tooLarge(err)
	}
	switch part.FormName() {
	case "sort":
		l.Sort = string(body)
	case "note":
		l.Note = string(body)
	case "file":
		l.Body = body
	}
	return nil
}

// tooLarge says why a form did not come whole.
func tooLarge(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errs.New(errs.Invalid, "That file is too large for us to take. Please send a smaller one.").Because(err)
	}
	return errs.New(errs.Invalid, "The file did not arrive whole. Please send it once more.").Because(err)
}
