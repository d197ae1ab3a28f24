package desk

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
)

// repliesView are the saved texts, and one of them to be changed.
type repliesView struct {
	List  []task.Reply
	Form  task.Reply
	Kinds []option
	Said  string
	Err   string
}

// kindOptions are the kinds of tasks.
func kindOptions() []option {
	list := []option{{Value: "", Text: "Every kind"}}
	for _, k := range task.Kinds {
		list = append(list, option{Value: string(k), Text: k.Name()})
	}
	return list
}

// listReplies shows the texts that answer again and again.
func (d *Desk) listReplies(w http.ResponseWriter, r *http.Request) error {
	return d.renderReplies(w, r, http.StatusOK, task.Reply{}, "")
}

// editReply shows them with one to be changed.
func (d *Desk) editReply(w http.ResponseWriter, r *http.Request) error {
	one, err := d.Tasks.Reply(r.Context(), r.PathValue("reply"))
	if err != nil {
		return err
	}
	return d.renderReplies(w, r, http.StatusOK, one, "")
}

func (d *Desk) renderReplies(w http.ResponseWriter, r *http.Request, status int, f task.Reply, problem string) error {
	if _, err := d.all(r, access.AnswerPatients); err != nil {
		return err
	}
	list, err := d.Tasks.Replies(r.Context(), "")
	if err != nil {
		return err
	}
	v := repliesView{List: list, Form: f, Kinds: kindOptions(), Err: problem}
	switch r.URL.Query().Get("note") {
	case "saved":
		v.Said = "Saved. Everybody who answers can use it now."
	case "dropped":
		v.Said = "Taken away."
	}
	return d.Site.Render(w, r, status, repliesPage(d.view(r, "Saved replies", "queue"), v))
}

// saveReply keeps a text.
func (d *Desk) saveReply(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	f := task.Reply{ID: in.Get("id"), Kind: task.Kind(in.Get("kind")), Title: in.Get("title"), Words: in.Get("words")}
	err = d.Tasks.SaveReply(r.Context(), pass, f)
	if errs.KindOf(err) == errs.Invalid {
		return d.renderReplies(w, r, http.StatusUnprocessableEntity, f, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"/replies?note=saved", http.StatusSeeOther)
	return nil
}

// dropReply takes one away.
func (d *Desk) dropReply(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	if err := d.Tasks.DropReply(r.Context(), pass, r.PathValue("reply")); err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"/replies?note=dropped", http.StatusSeeOther)
	return nil
}
