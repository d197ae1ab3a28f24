package desk

import (
	"context"
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/hook"
)

// Programs is what the desk needs of package hook.
type Programs interface {
	KeyList(ctx context.Context, pass access.Pass) ([]hook.Key, error)
	MakeKey(ctx context.Context, pass access.Pass, name string) (hook.Key, string, error)
	EndKey(ctx context.Context, pass access.Pass, id string) error
	List(ctx context.Context, pass access.Pass) ([]hook.Webhook, error)
	Add(ctx context.Context, pass access.Pass, address string, kinds []string) (hook.Webhook, string, error)
	End(ctx context.Context, pass access.Pass, id string) error
	Again(ctx context.Context, pass access.Pass, id string) error
}

func (d *Desk) programRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/programs", d.showPrograms)
	page("POST /desk/programs/keys", d.makeKey)
	page("POST /desk/programs/keys/{id}/end", d.movePrograms("key-ended", func(r *http.Request, pass access.Pass) error {
		return d.Programs.EndKey(r.Context(), pass, r.PathValue("id"))
	}))
	page("POST /desk/programs/webhooks", d.addWebhook)
	page("POST /desk/programs/webhooks/{id}/end", d.movePrograms("hook-ended", func(r *http.Request, pass access.Pass) error {
		return d.Programs.End(r.Context(), pass, r.PathValue("id"))
	}))
	page("POST /desk/programs/webhooks/{id}/again", d.movePrograms("hook-again", func(r *http.Request, pass access.Pass) error {
		return d.Programs.Again(r.Context(), pass, r.PathValue("id"))
	}))
}

// programsSaid is what just happened.
var programsSaid = map[string]string{
	"key-ended": "Ended. The program is refused from now on.", "hook-ended": "Ended. Nothing is told there any more.",
	"hook-again": "Switched on again. What it missed in the last two weeks is told now.",
}

// showPrograms lists keys and webhooks.
func (d *Desk) showPrograms(w http.ResponseWriter, r *http.Request) error {
	return d.drawPrograms(w, r, http.StatusOK, programsView{Said: programsSaid[r.URL.Query().Get("note")]})
}

func (d *Desk) drawPrograms(w http.ResponseWriter, r *http.Request, status int, v programsView) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	keys, err := d.Programs.KeyList(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, k := range keys {
		row := programRow{ID: k.ID, Name: k.Name, Live: k.Ended.IsZero(), Sub: "Made by " + k.MadeBy + ", " + d.clock(k.Made), State: "Not used yet"}
		if !k.Used.IsZero() {
			row.State = "Last used " + ago(k.Used, d.now())
		}
		if !row.Live {
			row.State = "Ended " + d.clock(k.Ended)
		}
		v.Keys = append(v.Keys, row)
	}
	hooks, err := d.Programs.List(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		row := programRow{ID: h.ID, Name: h.Host, Live: h.State == "active", Sub: "All events"}
		if len(h.Kinds) > 0 {
			row.Sub = strings.ReplaceAll(strings.Join(h.Kinds, ", "), "_", " ")
		}
		row.State = count(int(h.Sent)) + " of " + count(int(h.Events)) + " events taken"
		row.Warn = h.Reason
		v.Hooks = append(v.Hooks, row)
	}
	for _, k := range hook.Kinds() {
		v.Kinds = append(v.Kinds, option{Value: k, Text: sentenceCase(strings.ReplaceAll(k, "_", " "))})
	}
	return d.Site.Render(w, r, status, programsPage(d.view(r, "Programs", "outreach"), v))
}

// makeKey makes a key and shows it, this once.
func (d *Desk) makeKey(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	k, secret, err := d.Programs.MakeKey(r.Context(), pass, in.Get("name"))
	if errs.KindOf(err) == errs.Invalid {
		return d.drawPrograms(w, r, http.StatusUnprocessableEntity, programsView{Problem: errs.Say(err)})
	}
	if err != nil {
		return err
	}
	return d.drawPrograms(w, r, http.StatusOK, programsView{Secret: secret, SecretOf: "The key of " + k.Name})
}

// addWebhook adds one and shows what signs it, this once.
func (d *Desk) addWebhook(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	h, secret, err := d.Programs.Add(r.Context(), pass, in.Get("url"), in["kind"])
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict:
		return d.drawPrograms(w, r, http.StatusUnprocessableEntity, programsView{Problem: errs.Say(err), Address: in.Get("url")})
	}
	if err != nil {
		return err
	}
	return d.drawPrograms(w, r, http.StatusOK, programsView{Secret: secret, SecretOf: "What signs the events for " + h.Host})
}

// movePrograms does one thing to a key or a webhook.
func (d *Desk) movePrograms(note string, do func(r *http.Request, pass access.Pass) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		pass, err := d.all(r, access.RunOutreach)
		if err != nil {
			return err
		}
		if err := do(r, pass); err != nil {
			return err
		}
		http.Redirect(w, r, "/desk/programs?note="+note, http.StatusSeeOther)
		return nil
	}
}
