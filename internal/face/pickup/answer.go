package pickup

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/intake"
	"hale/internal/reach/link"
)

// beside adds what stands beside a message: its files, and the words by
// which the person knows us.
func (p *Pickup) beside(r *http.Request, o link.Opened, v *pageView) error {
	pass, err := p.act(r, o, access.ReadMessage, inside...)
	if err != nil {
		return err
	}
	if v.Phrase, err = p.Reach.Phrase(r.Context(), pass); err != nil {
		return err
	}
	if p.Files != nil {
		v.Files, err = p.Files.Of(r.Context(), pass, o.Message)
	}
	return err
}

// shown notes that somebody touched the gate: a person, though nobody knows
// yet who. It is the same for every token.
func (p *Pickup) shown(w http.ResponseWriter, r *http.Request) error {
	if err := p.mark(r, "page_shown", nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// dwell notes that the message was in view for five seconds, or thirty.
func (p *Pickup) dwell(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	m := link.Dwell5
	switch r.PostForm.Get("s") {
	case "5":
	case "30":
		m = link.Dwell30
	default:
		return errForm
	}
	fresh, err := p.prove(r, m)
	if err != nil {
		return err
	}
	if fresh {
		o, _, err := p.enter(r, access.ReadMessage)
		if err != nil {
			return err
		}
		if err := p.markInside(r, o, "dwell", map[string]string{"seconds": r.PostForm.Get("s")}); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// replyAsk is the page to write back on.
func (p *Pickup) replyAsk(w http.ResponseWriter, r *http.Request) error {
	v, _, err := p.page(r, "Write back to us")
	if err != nil {
		return toGate(w, r, err)
	}
	return p.Site.Render(w, r, http.StatusOK, replyPage(v))
}

// reply takes what the person wrote.
func (p *Pickup) reply(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	o, pass, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	text := strings.TrimSpace(strings.ToValidUTF8(r.PostForm.Get("text"), ""))
	if text == "" {
		v, _, err := p.page(r, "Write back to us")
		if err != nil {
			return toGate(w, r, err)
		}
		v.Empty = true
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, replyPage(v))
	}
	if err := p.Reach.Wrote(r.Context(), pass, o.Message, text, p.Hear); err != nil {
		return err
	}
	to, err := p.written(r, o, pass)
	if err != nil {
		return err
	}
	return see(w, r, to)
}

// file sends a file that comes with the message, and counts it.
func (p *Pickup) file(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	if p.Files == nil {
		return link.ErrGone
	}
	f, body, err := p.Files.Open(r.Context(), pass, o.Message, r.PathValue("file"))
	if err != nil {
		return err
	}
	defer body.Close()
	all, err := io.ReadAll(io.LimitReader(body, intake.MaxFile+1))
	if err != nil {
		return fmt.Errorf("pickup: file: %w", err)
	}
	if len(all) > intake.MaxFile {
		return errors.New("pickup: file: larger than any that is taken")
	}
	if r.Method == http.MethodGet {
		if err := p.markInside(r, o, "attachment_downloaded", map[string]string{"file": f.ID}); err != nil {
			return err
		}
	}
	p.Site.Save(w, f.Media, all)
	return nil
}

// sizeOf says how large a file is, as people do.
func sizeOf(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KB", max(1, bytes>>10))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}

// codeBox and textBox say of a box whether it is wrong.
func codeBox(wrong string) templ.Attributes {
	if wrong == "" {
		return templ.Attributes{"aria-describedby": "code-hint"}
	}
	return templ.Attributes{"aria-describedby": "code-err code-hint", "aria-invalid": "true"}
}

func textBox(empty bool) templ.Attributes {
	if !empty {
		return templ.Attributes{}
	}
	return templ.Attributes{"aria-describedby": "text-err", "aria-invalid": "true", "autofocus": true}
}
