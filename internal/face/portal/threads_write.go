package portal

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/face/web"
)

// chooseData is what somebody can write about.
type chooseData struct {
	Reasons []thread.Reason
	Open    []thread.Thread // to go on with
}

// chooseReason asks what a message is about: the reasons used last stand
// first. Only here stands what to do in an emergency.
func (p *Portal) chooseReason(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.SendMessages, "Write to us", "messages")
	if err != nil {
		return err
	}
	var list []thread.Thread
	if s.may(access.ReadMessages) {
		if list, err = p.Talk.Threads.List(r.Context(), s.also[access.ReadMessages]); err != nil {
			return err
		}
	}
	d := chooseData{Reasons: recent(thread.Reasons(), list)}
	for _, t := range list {
		if t.Open && len(d.Open) < 3 {
			d.Open = append(d.Open, t)
		}
	}
	return p.render(w, r, reasonPage(s, d))
}

// recent puts the reasons of the newest threads first; "something else" stays
// last.
func recent(reasons []thread.Reason, list []thread.Thread) []thread.Reason {
	at := map[string]int{}
	for i, t := range list {
		if _, ok := at[t.Reason]; !ok && t.Reason != "other" {
			at[t.Reason] = len(list) - i
		}
	}
	slices.SortStableFunc(reasons, func(a, b thread.Reason) int { return at[b.Key] - at[a.Key] })
	return reasons
}

// writeData is a form to write in.
type writeData struct {
	Reason         thread.Reason
	Text           string
	Saved, Problem string
	Agreed         bool
	Fee            string    // what the clinic says about the price; empty: nothing
	By             time.Time // when the answer is there
	Post, Save     string    // addresses
	Files          bool      // files were chosen and have to be chosen again
}

// writeNew is the page to write a new message on.
func (p *Portal) writeNew(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.newForm(r)
	if err != nil {
		return err
	}
	if err := p.unsent(r, s, pass, "message/"+d.Reason.Key, &d); err != nil {
		return err
	}
	return p.render(w, r, writePage(s, d))
}

var errNoReason = errs.New(errs.NotFound, "Please choose what your message is about.")

func (p *Portal) newForm(r *http.Request) (sheet, access.Pass, writeData, error) {
	reason, ok := thread.ReasonOf(r.PathValue("reason"))
	if !ok {
		return sheet{}, access.Pass{}, writeData{}, errNoReason
	}
	s, pass, err := p.open(r, access.SendMessages, "Write to us", "messages")
	if err != nil {
		return s, pass, writeData{}, err
	}
	d := writeData{Reason: reason, Post: s.Link("/inbox/new/" + reason.Key), Save: s.Link("/inbox/new/" + reason.Key + "/save")}
	if reason.Care {
		if d.Fee, err = p.Talk.Threads.Fee(r.Context()); err != nil {
			return s, pass, d, err
		}
	}
	_, d.By, err = p.Talk.Promise(r.Context(), task.Message)
	return s, pass, d, err
}

// unsent brings back what was begun.
func (p *Portal) unsent(r *http.Request, s sheet, pass access.Pass, place string, d *writeData) error {
	f, err := p.Talk.Drafts.Load(r.Context(), pass, place)
	if err != nil {
		return err
	}
	d.Text, d.Saved = f.Values.Get("text"), web.SavedAt(s.View, f.At, s.Zone)
	return nil
}

// saveNew keeps a new message as far as it is written.
func (p *Portal) saveNew(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.newForm(r)
	if err != nil {
		return err
	}
	return p.saveDraft(w, r, s, pass, "message/"+d.Reason.Key, "/inbox/new/"+d.Reason.Key)
}

func (p *Portal) saveDraft(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, place, back string) error {
	text := r.PostFormValue("text")
	if strings.TrimSpace(text) == "" {
		if err := p.Talk.Drafts.Drop(r.Context(), pass, place); err != nil {
			return err
		}
		p.Site.Saved(w, r, time.Time{}, s.Zone, s.Link(back))
		return nil
	}
	at, err := p.Talk.Drafts.Save(r.Context(), pass, place, url.Values{"text": {text}})
	if err != nil {
		return err
	}
	p.Site.Saved(w, r, at, s.Zone, s.Link(back))
	return nil
}

// written is a message as the form sent it.
type written struct {
	words  thread.Words
	agreed bool
	chose  bool // at least one file
}

// readWritten reads the form part by part: files stay in memory, and each is
// looked at before anything is kept.
func (p *Portal) readWritten(w http.ResponseWriter, r *http.Request) (m written, err error) {
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/") {
		m.words.Text, m.agreed = r.PostFormValue("text"), r.PostFormValue("agree") != ""
		return m, nil
	}
	select {
	case p.taking <- struct{}{}:
		defer func() { <-p.taking }()
	default:
		return m, errBusy
	}
	p.Site.Large(w, r, thread.MaxFiles*intake.MaxFile+1<<18)
	form, err := r.MultipartReader()
	if err != nil {
		return m, tooLarge(err)
	}
	for range thread.MaxFiles + 8 {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, tooLarge(err)
		}
		if err := p.readPiece(r, part, &m); err != nil {
			return m, err
		}
	}
	return m, errTooMany
}

var errTooMany = errs.New(errs.Invalid, "Please send at most three photos with one message.")

func (p *Portal) readPiece(r *http.Request, part *multipart.Part, m *written) error {
	limit := int64(64 << 10)
	if part.FormName() == "file" {
		limit = intake.MaxFile + 1
	}
	body, err := io.ReadAll(io.LimitReader(part, limit))
	if err != nil {
		return tooLarge(err)
	}
	switch part.FormName() {
	case "text":
		m.words.Text = string(body)
	case "agree":
		m.agreed = true
	case "file":
		if len(body) == 0 {
			return nil
		}
		m.chose = true
		if len(m.words.Files) == thread.MaxFiles {
			return errTooMany
		}
		f, err := p.Talk.Files.Check(r.Context(), body)
		if err != nil {
			return err
		}
		m.words.Files = append(m.words.Files, f)
	}
	return nil
}

// asks says whether err is something that the writer can mend.
func asks(err error) bool {
	k := errs.KindOf(err)
	return k == errs.Invalid || k == errs.TooMany
}

// errAgree asks for a yes to what a message may cost.
var errAgree = errs.New(errs.Invalid, "Please tick that you have read what a message may cost, or call us.")

// sendNew begins a thread.
func (p *Portal) sendNew(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.newForm(r)
	if err != nil {
		return err
	}
	m, err := p.readWritten(w, r)
	if err == nil && d.Fee != "" && !m.agreed {
		err = errAgree
	}
	id := ""
	if err == nil {
		id, err = p.Talk.Threads.Start(r.Context(), pass, thread.New{Reason: d.Reason.Key, Words: m.words})
	}
	if asks(err) {
		d.Text, d.Problem, d.Agreed, d.Files = m.words.Text, s.T(errs.Say(err)), m.agreed, m.chose
		return p.again(w, r, s, pass, "message/"+d.Reason.Key, d, err)
	}
	if err != nil {
		return err
	}
	if err := p.Talk.Drafts.Drop(r.Context(), pass, "message/"+d.Reason.Key); err != nil {
		return err
	}
	return p.sent(w, r, s, id, len(m.words.Files))
}

// again shows the form once more; what was written is kept.
func (p *Portal) again(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, place string, d writeData, err error) error {
	if strings.TrimSpace(d.Text) != "" {
		if at, err := p.Talk.Drafts.Save(r.Context(), pass, place, url.Values{"text": {d.Text}}); err == nil {
			d.Saved = web.SavedAt(s.View, at, s.Zone)
		}
	}
	s.Title = s.T("Please check: %s", s.Title)
	w.Header().Set("Cache-Control", "no-store")
	return p.Site.Render(w, r, statusOf(errs.KindOf(err)), writePage(s, d))
}

func (p *Portal) sent(w http.ResponseWriter, r *http.Request, s sheet, id string, files int) error {
	http.Redirect(w, r, s.Link("/inbox/"+id+"?done=sent&files="+strconv.Itoa(files)), http.StatusSeeOther)
	return nil
}
