package question

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/document"
	std "hale/internal/standard/form"
)

// maxPage is how many bytes a page of a form may have, its files with it.
const maxPage = 3*intake.MaxFile + 1<<18

// The refusals.
var (
	ErrBusy = errs.New(errs.TooMany, "Many people send files right now. Please try again in a minute.")
	errGone = errs.New(errs.Invalid, "The file did not arrive whole. Please send it once more.")
)

// letters is where files go.
type letters interface {
	Send(ctx context.Context, pass access.Pass, in document.Letter) (id string, err error)
}

// Files takes in the photos and files that come with the pages of forms.
type Files struct {
	Letters letters                                                  // nil: none are taken
	Large   func(w http.ResponseWriter, r *http.Request, most int64) // gives a request more room
	Slots   chan struct{}                                            // a place for each file that is being taken
}

// Read reads the fields of a form, with files or without, and says where a
// file is too large. What else cannot be read is as if it were not there: the
// page says what is missing.
func (f Files) Read(w http.ResponseWriter, r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		_ = r.ParseForm()
		return nil
	}
	f.Large(w, r, maxPage)
	err := r.ParseMultipartForm(maxPage) // all of it in memory, nothing on a disk
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err // the page of the refusal says so
	}
	if r.MultipartForm != nil {
		r.PostForm = r.MultipartForm.Value
	}
	if r.PostForm == nil {
		r.PostForm = map[string][]string{}
	}
	return nil
}

// Take puts the files of a page of a form that waits into the letterbox, and
// their names where their questions' answers are. It returns what is wrong
// with them.
func (f Files) Take(r *http.Request, pass access.Pass, ask, title string, s *Sheet) map[string]*std.Wrong {
	wrong := map[string]*std.Wrong{}
	if r.MultipartForm == nil || f.Letters == nil {
		return wrong
	}
	for _, it := range s.Page().Questions() {
		files := r.MultipartForm.File["file:"+it.LinkID]
		if it.Type != std.Attachment || len(files) == 0 || files[0].Size == 0 {
			continue
		}
		select {
		case f.Slots <- struct{}{}:
		default:
			wrong[it.LinkID] = &std.Wrong{Say: errs.Say(ErrBusy)}
			continue
		}
		answer, err := f.send(r.Context(), pass, document.Letter{Sort: "letter", Note: title, Form: ask}, files[0].Open)
		<-f.Slots
		if err != nil {
			wrong[it.LinkID] = &std.Wrong{Say: errs.Say(err)}
			continue
		}
		field := std.Field(it.LinkID)
		if !it.Repeats {
			delete(r.PostForm, field)
		}
		r.PostForm[field] = append(r.PostForm[field], answer)
	}
	return wrong
}

// send sends one file as a letter and returns what stands for it.
func (f Files) send(ctx context.Context, pass access.Pass, l document.Letter, open func() (multipart.File, error)) (string, error) {
	file, err := open()
	if err != nil {
		return "", errGone.Because(err)
	}
	defer file.Close()
	l.Body, err = io.ReadAll(io.LimitReader(file, intake.MaxFile+1))
	if err != nil {
		return "", errGone.Because(err)
	}
	media := http.DetectContentType(l.Body)
	id, err := f.Letters.Send(ctx, pass, l)
	if err != nil {
		return "", err
	}
	return "DocumentReference/" + id + "\t" + media + "\t" + l.Note, nil
}
