package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// moveThread does one thing to a thread.
func (d *Desk) moveThread(w http.ResponseWriter, r *http.Request, note string, do func(o opened, in url.Values) error) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	o, err := d.threadOf(r)
	if err != nil {
		return err
	}
	if err := do(o, in); err != nil {
		return err
	}
	http.Redirect(w, r, messagesPath+"/"+o.ID+"?note="+note, http.StatusSeeOther)
	return nil
}

// callThread notes what was said on the phone.
func (d *Desk) callThread(w http.ResponseWriter, r *http.Request) error {
	return d.moveThread(w, r, "called", func(o opened, in url.Values) error {
		return d.Talk.Threads.Call(r.Context(), o.pass, o.ID, in.Get("text"))
	})
}

// noteThread keeps a note that the patient never sees.
func (d *Desk) noteThread(w http.ResponseWriter, r *http.Request) error {
	return d.moveThread(w, r, "noted", func(o opened, in url.Values) error {
		return d.Talk.Threads.AddNote(r.Context(), o.pass, o.ID, in.Get("text"))
	})
}

// assignThread gives what waits to the reader, a colleague or the team.
func (d *Desk) assignThread(w http.ResponseWriter, r *http.Request) error {
	return d.moveThread(w, r, "assigned", func(o opened, in url.Values) error {
		if o.Task == "" {
			return errNowhere
		}
		to, name := in.Get("to"), ""
		switch to {
		case "":
		case "me":
			to, name = web.Actor(r).ID, web.Actor(r).Name
		default:
			t, err := d.Talk.Tasks.Get(r.Context(), o.pass, o.Task)
			if err != nil {
				return err
			}
			list, err := d.workers(r, t)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(x option) bool { return x.Value == to })
			if i < 0 {
				return errNowhere
			}
			name = list[i].Text
		}
		return d.Talk.Tasks.Assign(r.Context(), o.pass, o.Task, to, name)
	})
}

// closeThread closes a thread.
func (d *Desk) closeThread(w http.ResponseWriter, r *http.Request) error {
	return d.moveThread(w, r, "closed", func(o opened, in url.Values) error {
		return d.Talk.Threads.Close(r.Context(), o.pass, o.ID, in.Get("reason"))
	})
}

// reopenThread takes that back.
func (d *Desk) reopenThread(w http.ResponseWriter, r *http.Request) error {
	return d.moveThread(w, r, "opened", func(o opened, _ url.Values) error { return d.Talk.Threads.Reopen(r.Context(), o.pass, o.ID) })
}

// threadFile sends a file of a message to be saved.
func (d *Desk) threadFile(w http.ResponseWriter, r *http.Request) error {
	o, err := d.threadOf(r)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return errNowhere
	}
	pass, err := d.one(r, access.ReadMessages, o.Patient)
	if err != nil {
		return err
	}
	f, body, err := d.Talk.Threads.File(r.Context(), pass, o.ID, r.PathValue("line"), n)
	if err != nil {
		return err
	}
	d.Site.Save(w, f.Media, body)
	return nil
}

// showFee shows what the clinic says about the price of a message.
func (d *Desk) showFee(w http.ResponseWriter, r *http.Request) error {
	return d.renderFee(w, r, http.StatusOK, "", "")
}

func (d *Desk) renderFee(w http.ResponseWriter, r *http.Request, status int, words, problem string) error {
	if _, err := d.all(r, access.SetRules); err != nil {
		return err
	}
	if problem == "" {
		var err error
		if words, err = d.Talk.Threads.Fee(r.Context()); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, status, feePage(d.view(r, "What a message may cost", "settings"), words, problem, r.URL.Query().Get("note") == "saved"))
}

// saveFee changes it.
func (d *Desk) saveFee(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	err = d.Talk.Threads.SetFee(r.Context(), pass, in.Get("words"))
	if errs.KindOf(err) == errs.Invalid {
		return d.renderFee(w, r, http.StatusUnprocessableEntity, in.Get("words"), errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, messagesPath+"/fee?note=saved", http.StatusSeeOther)
	return nil
}
