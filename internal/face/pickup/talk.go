package pickup

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hale/internal/access"
	"hale/internal/care/thread"
	"hale/internal/face/web"
	"hale/internal/reach/link"
)

// Behind is the thread that a message belongs to.
type Behind struct {
	Thread thread.Thread
	Lines  []thread.Line // in their order; none where the reader may see the answer alone
	Said   string        // the line that the message told of
	Helper string        // the name of the caregiver who reads; empty: the patient

	Words map[string]web.Words // what of it is translated, or is being, by the id of its line
}

// words are those of a line, with a translation as far as there is one.
func (b Behind) words(id, text string) web.Words {
	w := b.Words[id]
	w.Text = text
	return w
}

// talkView is that thread on a page: what was said besides the message, the
// newest first.
type talkView struct {
	In      bool // there is a thread
	Lines   []talkLine
	Earlier []talkLine // folded
	State   string
	Sent    bool // the reader has just written
}

// talkLine is one message of it.
type talkLine struct {
	By, When string
	Words    web.Words
	Files    []talkFile
	Mine     bool
}

// talkFile is a file of it, to be saved.
type talkFile struct {
	Href, Name, Words string
	Picture           bool
}

// filesOf returns the files of a line, each with its address.
func (v pageView) filesOf(l thread.Line) []talkFile {
	var list []talkFile
	for i, f := range l.Files {
		words := v.T("Photo, %s", sizeOf(int64(f.Size)))
		if f.Media == "application/pdf" {
			words = v.T("PDF, %s", sizeOf(int64(f.Size)))
		}
		list = append(list, talkFile{Href: "said/" + url.PathEscape(l.ID) + "/" + strconv.Itoa(i), Name: f.Title, Words: words, Picture: web.Pictured(f.Media)})
	}
	return list
}

// saidFile sends a file of a message of the thread to be saved: to whoever
// passed the same factor as for its words.
func (p *Pickup) saidFile(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || p.SaidFile == nil {
		return link.ErrGone
	}
	f, body, err := p.SaidFile(r.Context(), pass, o.Message, r.PathValue("line"), n)
	if err != nil {
		return err
	}
	p.Site.Save(w, f.Media, body)
	return nil
}

// talkOpen is how many lines stand open.
const talkOpen = 2

// fillTalk adds the thread to a page.
func (p *Pickup) fillTalk(r *http.Request, o link.Opened, v *pageView) error {
	if p.Behind == nil {
		return nil
	}
	pass, err := p.act(r, o, access.ReadMessage, inside...)
	if err != nil {
		return err
	}
	b, err := p.Behind(r.Context(), pass, o.Message)
	if err != nil || b.Thread.ID == "" {
		return err
	}
	if w, ok := b.Words[b.Said]; ok {
		v.Said = w
	}
	v.Talk = talkView{In: true, State: v.talkState(b.Thread), Sent: r.URL.Query().Get("note") == "sent"}
	for _, l := range slices.Backward(b.Lines) {
		if l.ID == b.Said {
			continue
		}
		line := talkLine{By: v.lineBy(l, b.Helper), When: v.Lang.ShortDate(l.At.In(v.Zone)) + ", " + v.Lang.Clock(l.At.In(v.Zone)), Words: b.words(l.ID, l.Text), Files: v.filesOf(l), Mine: l.Side != thread.Clinic}
		if len(v.Talk.Lines) < talkOpen {
			v.Talk.Lines = append(v.Talk.Lines, line)
		} else {
			v.Talk.Earlier = append(v.Talk.Earlier, line)
		}
	}
	return nil
}

// lineBy says whose words a line has.
func (v pageView) lineBy(l thread.Line, helper string) string {
	switch {
	case l.Side == thread.Clinic && l.Name != "":
		return l.Name
	case l.Side == thread.Clinic:
		return v.Content.From
	case l.Side == thread.Caregiver && helper == "":
		return v.T("%s, for you", l.Name)
	case l.Side == thread.Caregiver && l.Name != helper:
		return l.Name
	case l.Side == thread.Patient && helper != "":
		return v.T("The person you help")
	}
	return v.T("You")
}

// talkState says who answers what waits, and by when.
func (v pageView) talkState(t thread.Thread) string {
	switch {
	case t.Waiting.IsZero():
		return ""
	case t.Due.IsZero() || t.Late(v.Now()):
		return v.T("We got it on %s.", v.Lang.ShortDate(t.Waiting.In(v.Zone)))
	}
	due := t.Due.In(v.Zone)
	return v.T("You get an answer by %s.", v.Lang.Date(due)+", "+v.Lang.Clock(due))
}

// written says where a reader goes who has written back: to the thread, if
// the words stand in one now.
func (p *Pickup) written(r *http.Request, o link.Opened, pass access.Pass) (string, error) {
	if p.Behind == nil {
		return "thanks/reply", nil
	}
	b, err := p.Behind(r.Context(), pass, o.Message)
	if err != nil || len(b.Lines) == 0 {
		return "thanks/reply", err
	}
	return "message?note=sent", nil
}
