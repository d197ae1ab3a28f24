package portal

import (
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/document"
	"hale/internal/face/question"
	std "hale/internal/standard/form"
)

// formFiles is how many bytes a page of a form may have, its files with it.
const formFiles = 3*intake.MaxFile + 1<<18

// readForm reads the fields of a form, with files or without. What cannot be
// read is as if it were not there: the page says what is missing.
func (p *Portal) readForm(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		_ = r.ParseForm()
		return
	}
	p.Site.Large(w, r, formFiles)
	_ = r.ParseMultipartForm(formFiles) // all of it in memory, nothing on a disk
	if r.MultipartForm != nil {
		r.PostForm = r.MultipartForm.Value
	}
	if r.PostForm == nil {
		r.PostForm = map[string][]string{}
	}
}

// takeFiles puts the files of a page into the letterbox, and their names
// where their questions' answers are. It returns what is wrong with them.
func (p *Portal) takeFiles(r *http.Request, f filling, q *question.Sheet) map[string]*std.Wrong {
	wrong := map[string]*std.Wrong{}
	if r.MultipartForm == nil || p.Letters == nil {
		return wrong
	}
	for _, it := range q.Page().Questions() {
		files := r.MultipartForm.File["file:"+it.LinkID]
		if it.Type != std.Attachment || len(files) == 0 || files[0].Size == 0 {
			continue
		}
		select {
		case p.taking <- struct{}{}:
		default:
			wrong[it.LinkID] = &std.Wrong{Say: errs.Say(errBusy)}
			continue
		}
		answer, err := p.answerFile(r, f, files[0].Open)
		<-p.taking
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

// answerFile sends one file as a letter and returns what stands for it.
func (p *Portal) answerFile(r *http.Request, f filling, open func() (multipart.File, error)) (string, error) {
	file, err := open()
	if err != nil {
		return "", tooLarge(err)
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, intake.MaxFile+1))
	if err != nil {
		return "", tooLarge(err)
	}
	media := http.DetectContentType(body)
	id, err := p.Letters.Send(r.Context(), f.pass, document.Letter{Sort: "letter", Note: f.Title, Body: body})
	if err != nil {
		return "", err
	}
	return "DocumentReference/" + id + "\t" + media + "\t" + f.Title, nil
}
