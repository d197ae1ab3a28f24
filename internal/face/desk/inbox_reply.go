package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// written is the answer as it was sent here.
func written(in url.Values) (replyForm, reach.Saying) {
	f := replyForm{Text: in.Get("text"), Private: in.Get("private") == "yes"}
	return f, reach.Saying{Text: f.Text, Private: f.Private}
}

// replyOf says how an answer would go.
func replyOf(href string, f replyForm, s reach.Sayable) replyForm {
	f.Href, f.To, f.Icon, f.Refused = href, s.Masked, pathIcon(s.Channel), s.Refused
	f.Channel = strings.ToLower(s.Channel.Name())
	if s.Channel == reach.SMS && s.Masked != "" {
		f.To = "the number ending in " + s.Masked
	}
	f.Linked = s.Mode != policy.Full
	if strings.TrimSpace(f.Text) == "" {
		f.Count = "Nothing written yet. One text holds 160 letters."
		f.Linked = f.Private
		return f
	}
	switch {
	case f.Linked && s.Word != "":
		f.Why = "“" + s.Word + "…” is about health, so it may not stand in a " + f.Channel + ". It goes behind a link."
	case f.Linked && f.Private:
		f.Why = "You asked for a link: only a notice goes by " + f.Channel + "."
	case f.Linked:
		f.Why = "By " + f.Channel + " this address gets a notice and a link only."
	}
	if s.Channel == reach.SMS {
		f.Count = counted(s.Size.Segments, "text", "texts") + ", room for " + counted(s.Size.Left, "more letter", "more letters")
		if s.Size.Wide {
			f.Count += ". " + strings.Join(s.Wider, " ") + " makes it longer: a text with it holds 70 letters"
		}
		f.Count += "."
	}
	return f
}

// weighReply counts an answer while it is written.
func (d *Desk) weighReply(w http.ResponseWriter, r *http.Request) error {
	t, in, err := d.talkForm(r)
	if err != nil {
		return err
	}
	f, say := written(in)
	s, err := d.Answers.Weigh(r.Context(), t.pass, t.Dialog, say)
	if err != nil {
		return err
	}
	f = replyOf(inboxPath+"/"+t.ID, f, s)
	if r.Header.Get("HX-Request") == "" {
		return d.renderTalk(w, r, http.StatusOK, t, f)
	}
	return d.Site.Render(w, r, http.StatusOK, replyWeight(f))
}

// talkForm opens a conversation and reads what was filled in about it.
func (d *Desk) talkForm(r *http.Request) (talk, url.Values, error) {
	in, err := form(r)
	if err != nil {
		return talk{}, nil, err
	}
	t, err := d.talkOf(r)
	return t, in, err
}

// sendReply sends an answer, or counts it where there is no script.
func (d *Desk) sendReply(w http.ResponseWriter, r *http.Request) error {
	t, in, err := d.talkForm(r)
	if err != nil {
		return err
	}
	if in.Get("do") == "count" {
		return d.weighReply(w, r)
	}
	f, say := written(in)
	s, err := d.Answers.Say(r.Context(), t.pass, t.Dialog, say)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		f = replyOf(inboxPath+"/"+t.ID, f, s)
		f.Err = errs.Say(err)
		return d.renderTalk(w, r, http.StatusUnprocessableEntity, t, f)
	}
	if err != nil {
		return err
	}
	note := "sent"
	if s.Mode != policy.Full {
		note = "linked"
	}
	http.Redirect(w, r, inboxPath+"/"+t.ID+"?note="+note+"#end", http.StatusSeeOther)
	return nil
}

// noteDialog keeps a note.
func (d *Desk) noteDialog(w http.ResponseWriter, r *http.Request) error {
	return d.moveDialog(w, r, "noted", func(t talk, in url.Values) error {
		return d.Dialogs.Note(r.Context(), t.pass, t.ID, in.Get("text"))
	})
}

// assignDialog gives a conversation to the reader, a colleague or nobody.
func (d *Desk) assignDialog(w http.ResponseWriter, r *http.Request) error {
	return d.moveDialog(w, r, "assigned", func(t talk, in url.Values) error {
		to, words := in.Get("to"), "let go"
		switch to {
		case "":
		case "me":
			to, words = web.Actor(r).ID, "taken"
		default:
			list, err := d.colleagues(r, "")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(o option) bool { return o.Value == to })
			if i < 0 {
				return errNowhere
			}
			words = "given to " + list[i].Text
		}
		return d.Dialogs.Assign(r.Context(), t.pass, t.ID, in.Get("before"), to, words)
	})
}

// closeDialog closes a conversation.
func (d *Desk) closeDialog(w http.ResponseWriter, r *http.Request) error {
	return d.moveDialog(w, r, "closed", func(t talk, in url.Values) error {
		return d.Dialogs.Close(r.Context(), t.pass, t.ID, in.Get("reason"))
	})
}

// reopenDialog takes that back.
func (d *Desk) reopenDialog(w http.ResponseWriter, r *http.Request) error {
	return d.moveDialog(w, r, "opened", func(t talk, _ url.Values) error {
		return d.Dialogs.Reopen(r.Context(), t.pass, t.ID)
	})
}

func (d *Desk) moveDialog(w http.ResponseWriter, r *http.Request, note string, do func(t talk, in url.Values) error) error {
	t, in, err := d.talkForm(r)
	if err != nil {
		return err
	}
	if err := do(t, in); err != nil {
		return err
	}
	http.Redirect(w, r, inboxPath+"/"+t.ID+"?note="+note, http.StatusSeeOther)
	return nil
}
