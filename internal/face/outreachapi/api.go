// Package outreachapi is what programs of the clinic's own ask for messages
// with: one person at a time into an outreach that takes them, what became of
// it, webhooks, and what other systems sent.
//
// A program asks with a key in the header Authorization. It names a patient by
// the id of the record and gets back no fact about anybody.
package outreachapi

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/hook"
	"hale/internal/store/db"
)

// Prefix is where the API is.
const Prefix = "/api/outreach/v1"

// Engine is what the API needs of package reach.
type Engine interface {
	EnterAll(ctx context.Context, tx *db.Tx, pass access.Pass, outreach string, list []reach.Entry) ([]string, error)
	SupersedeAsked(ctx context.Context, tx *db.Tx, pass access.Pass, key string) (int, error)
	CountForeign(ctx context.Context, tx *db.Tx, patient string, c reach.Channel, class string, at time.Time) error
	List(ctx context.Context, pass access.Pass) ([]reach.Outreach, error)
	Progress(ctx context.Context, pass access.Pass, id string) (reach.Progress, error)
	Account(ctx context.Context, pass access.Pass, intent string) (reach.Account, error)
}

// Hooks is what the API needs of package hook.
type Hooks interface {
	Actor(ctx context.Context, secret string) (access.Actor, error)
	Add(ctx context.Context, pass access.Pass, address string, kinds []string) (hook.Webhook, string, error)
	List(ctx context.Context, pass access.Pass) ([]hook.Webhook, error)
	End(ctx context.Context, pass access.Pass, id string) error
	Tell(ctx context.Context, pass access.Pass, list []hook.Foreign, count hook.Count) (int, error)
}

// Config is all an API needs.
type Config struct {
	Doors  *access.Doors
	Engine Engine
	Hooks  Hooks
	DB     *db.DB
	Log    *slog.Logger
}

// API answers programs.
type API struct{ Config }

// New returns an API.
func New(c Config) *API { return &API{c} }

// handler answers one request of a program that showed its key.
type handler func(r *http.Request, pass access.Pass) (status int, answer any, err error)

// routes are the operations, in the order of the description.
func (a *API) routes() []struct {
	pattern string
	do      handler
} {
	return []struct {
		pattern string
		do      handler
	}{
		{"POST " + Prefix + "/outreach/{id}/people", a.enter},
		{"GET " + Prefix + "/outreach", a.list},
		{"GET " + Prefix + "/outreach/{id}", a.progress},
		{"GET " + Prefix + "/intents/{id}", a.account},
		{"POST " + Prefix + "/supersede", a.supersede},
		{"POST " + Prefix + "/foreign-sends", a.foreign},
		{"GET " + Prefix + "/webhooks", a.webhooks},
		{"POST " + Prefix + "/webhooks", a.addWebhook},
		{"DELETE " + Prefix + "/webhooks/{id}", a.endWebhook},
	}
}

//go:embed openapi.json
var description []byte

// Patterns returns what the API answers, as http.ServeMux writes it.
func (a *API) Patterns() []string {
	list := []string{"GET " + Prefix + "/openapi.json"}
	for _, r := range a.routes() {
		list = append(list, r.pattern)
	}
	return list
}

// Handler answers every request below Prefix.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.HandleFunc(r.pattern, a.asked(r.do))
	}
	mux.HandleFunc("GET "+Prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(description) // who hung up does not want it
	})
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, errs.New(errs.NotFound, "There is nothing at this address. "+Prefix+"/openapi.json describes what there is."))
	})
	return mux
}

// asked lets in who shows a key.
func (a *API) asked(do handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		actor, err := a.Hooks.Actor(r.Context(), secret)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		pass, err := a.Doors.CheckAll(r.Context(), actor, access.RunOutreach)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		status, answer, err := do(r, pass)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		a.write(w, status, answer)
	}
}

func (a *API) write(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.Log.Debug("outreachapi: answer", "error", err)
	}
}

// refuse says what is wrong, and where.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := map[errs.Kind]int{
		errs.Invalid: http.StatusBadRequest, errs.Unauthenticated: http.StatusUnauthorized, errs.Forbidden: http.StatusForbidden, errs.StepUp: http.StatusForbidden,
		errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict, errs.Unavailable: http.StatusServiceUnavailable, errs.TooMany: http.StatusTooManyRequests,
	}[errs.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
		a.Log.Error("outreachapi", "path", r.Pattern, "error", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="outreach"`)
	}
	a.write(w, status, map[string]string{"error": errs.Say(err)})
}

// mostBody is the largest body that is read, in bytes.
const mostBody = 1 << 20

var errLarge = errs.New(errs.Invalid, "The body is larger than 1 MiB. Send it in parts.")

// body reads the JSON of a request. What is not known is refused, so that a
// word that is written wrongly does not change what is asked for.
func body(r *http.Request, into any) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
	if err != nil {
		return errs.New(errs.Invalid, "The body could not be read.").Because(err)
	}
	if len(text) > mostBody {
		return errLarge
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) {
			return errs.New(errs.Invalid, fmt.Sprintf("%s: a %s stands where another sort of value is wanted.", typed.Field, typed.Value))
		}
		return errs.New(errs.Invalid, "The body is not the JSON that is wanted: "+strings.TrimPrefix(err.Error(), "json: ")+".")
	}
	if d.More() {
		return errs.New(errs.Invalid, "Something follows the JSON of the body.")
	}
	return nil
}

// person is who is to be written to.
type person struct {
	Patient   string            `json:"patient"`
	Trigger   string            `json:"trigger"`
	Supersede string            `json:"supersede"`
	Values    map[string]string `json:"values"`
	Expires   time.Time         `json:"expires"`
}

// mostPeople is how many people one request may bring.
const mostPeople = 1000

// enter takes one person, or a list, into an outreach. The trigger, or for
// one person the header Idempotency-Key, makes it happen once however often
// it is asked for.
func (a *API) enter(r *http.Request, pass access.Pass) (int, any, error) {
	var in struct {
		person
		People []person `json:"people"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	list := in.People
	if len(list) == 0 {
		if in.Trigger == "" {
			in.Trigger = r.Header.Get("Idempotency-Key")
		}
		list = []person{in.person}
	}
	if len(list) > mostPeople {
		return 0, nil, errs.New(errs.Invalid, "people: at most 1,000 in one request.")
	}
	entries := make([]reach.Entry, len(list))
	for i, p := range list {
		p.Patient = strings.TrimPrefix(p.Patient, "Patient/")
		switch {
		case p.Patient == "":
			return 0, nil, errs.New(errs.Invalid, fmt.Sprintf("people[%d].patient: say who, by the id of the record.", i))
		case p.Trigger == "":
			return 0, nil, errs.New(errs.Invalid, fmt.Sprintf("people[%d].trigger: say what sets the message off, or send the header Idempotency-Key, so that it goes out once.", i))
		}
		entries[i] = reach.Entry{Outreach: r.PathValue("id"), Patient: p.Patient, Trigger: p.Trigger, Supersede: p.Supersede, Values: p.Values, Expires: p.Expires}
	}
	var ids []string
	err := a.DB.Tx(r.Context(), func(tx *db.Tx) (err error) {
		ids, err = a.Engine.EnterAll(r.Context(), tx, pass, r.PathValue("id"), entries)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	type accepted struct {
		Patient string `json:"patient"`
		Trigger string `json:"trigger"`
		Intent  string `json:"intent"`
	}
	out := make([]accepted, len(ids))
	for i, id := range ids {
		out[i] = accepted{entries[i].Patient, entries[i].Trigger, id}
	}
	return http.StatusAccepted, map[string]any{"people": out}, nil
}

// list returns the outreaches that take people, and the others.
func (a *API) list(r *http.Request, pass access.Pass) (int, any, error) {
	all, err := a.Engine.List(r.Context(), pass)
	if err != nil {
		return 0, nil, err
	}
	type line struct {
		ID      string      `json:"id"`
		Name    string      `json:"name"`
		Purpose string      `json:"purpose"`
		Kind    string      `json:"kind"`
		State   reach.State `json:"state"`
		Takes   bool        `json:"takesPeople"`
	}
	lines := make([]line, 0, len(all))
	for _, o := range all {
		kind := string(o.Kind)
		if kind == "" {
			kind = "once"
		}
		lines = append(lines, line{o.ID, o.Name, o.Purpose, kind, o.State, o.Kind == reach.API && o.State == reach.Running})
	}
	return http.StatusOK, map[string]any{"outreach": lines}, nil
}

// progress says how far an outreach has come.
func (a *API) progress(r *http.Request, pass access.Pass) (int, any, error) {
	p, err := a.Engine.Progress(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"id": r.PathValue("id"), "state": p.State, "audience": p.Audience, "planned": p.Planned, "intents": p.Intents,
		"messages": p.Messages, "inDoubt": p.InDoubt, "line": p.Line, "balanced": p.Balanced}, nil
}

// account says what became of one intent.
func (a *API) account(r *http.Request, pass access.Pass) (int, any, error) {
	got, err := a.Engine.Account(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, got, nil
}

// supersede takes back what waits under a key that a program gave it.
func (a *API) supersede(r *http.Request, pass access.Pass) (int, any, error) {
	var in struct {
		Key string `json:"key"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Key == "" {
		return 0, nil, errs.New(errs.Invalid, "key: say what is to be taken back, as its message was entered with it.")
	}
	n := 0
	err := a.DB.Tx(r.Context(), func(tx *db.Tx) (err error) {
		n, err = a.Engine.SupersedeAsked(r.Context(), tx, pass, in.Key)
		return err
	})
	return http.StatusOK, map[string]int{"ended": n}, err
}

// foreign counts what other systems sent under the same caps.
func (a *API) foreign(r *http.Request, pass access.Pass) (int, any, error) {
	var in struct {
		Sends []struct {
			Ref     string        `json:"ref"`
			Patient string        `json:"patient"`
			Channel reach.Channel `json:"channel"`
			Class   string        `json:"class"`
			At      time.Time     `json:"at"`
		} `json:"sends"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	if len(in.Sends) == 0 || len(in.Sends) > mostPeople {
		return 0, nil, errs.New(errs.Invalid, "sends: 1 to 1,000 messages in one request.")
	}
	list := make([]hook.Foreign, len(in.Sends))
	for i, s := range in.Sends {
		list[i] = hook.Foreign{Ref: s.Ref, Patient: strings.TrimPrefix(s.Patient, "Patient/"), Channel: s.Channel, Class: s.Class, At: s.At}
	}
	n, err := a.Hooks.Tell(r.Context(), pass, list, a.Engine.CountForeign)
	return http.StatusOK, map[string]int{"counted": n}, err
}

// listened is a webhook as the API shows it.
type listened struct {
	ID     string   `json:"id"`
	Host   string   `json:"host"`
	Kinds  []string `json:"kinds"`
	State  string   `json:"state"`
	Reason string   `json:"reason,omitempty"`
	Events int64    `json:"events"`
	Taken  int64    `json:"taken"`
	Secret string   `json:"secret,omitempty"` // shown once
}

func shown(h hook.Webhook) listened {
	kinds := h.Kinds
	if len(kinds) == 0 {
		kinds = hook.Kinds()
	}
	return listened{ID: h.ID, Host: h.Host, Kinds: slices.Clone(kinds), State: h.State, Reason: h.Reason, Events: h.Events, Taken: h.Sent}
}

func (a *API) webhooks(r *http.Request, pass access.Pass) (int, any, error) {
	list, err := a.Hooks.List(r.Context(), pass)
	if err != nil {
		return 0, nil, err
	}
	out := make([]listened, len(list))
	for i, h := range list {
		out[i] = shown(h)
	}
	return http.StatusOK, map[string]any{"webhooks": out}, nil
}

func (a *API) addWebhook(r *http.Request, pass access.Pass) (int, any, error) {
	var in struct {
		URL   string   `json:"url"`
		Kinds []string `json:"kinds"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	h, secret, err := a.Hooks.Add(r.Context(), pass, in.URL, in.Kinds)
	if err != nil {
		return 0, nil, err
	}
	out := shown(h)
	out.Secret = secret
	return http.StatusCreated, out, nil
}

func (a *API) endWebhook(r *http.Request, pass access.Pass) (int, any, error) {
	return http.StatusNoContent, nil, a.Hooks.End(r.Context(), pass, r.PathValue("id"))
}
