package authsrv

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"hale/internal/access/client"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
)

// What somebody reads whose app asks in a way that cannot be answered. The
// browser is sent nowhere: the address may be anybody's.
var (
	errForm     = errs.New(errs.Invalid, "The app did not ask in a way that we understand. Nothing was shared. Please tell the maker of the app.")
	errUnknown  = errs.New(errs.Invalid, "We do not know this app. Nothing was shared. If you trust the app, please call us.")
	errRedirect = errs.New(errs.Invalid, "The app wants its answer at a place that we do not know. Nothing was shared. Please tell the maker of the app.")
	errWaiting  = errs.New(errs.Forbidden, "We have not let this app in yet. Nothing was shared. If you would like to use it, please call us.")
)

// authorize takes the request of an app that sent somebody's browser here, by
// GET or by a form, and leads on to the page that asks.
//
// Spec: RFC 6749 §4.1.1, https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return errForm.Because(err)
		}
		form = r.PostForm
	}
	if len(form["client_id"]) != 1 || len(form["redirect_uri"]) != 1 {
		return errForm
	}
	c, err := s.Clients.Get(r.Context(), form.Get("client_id"))
	if errs.KindOf(err) == errs.NotFound {
		return errUnknown
	}
	if err != nil {
		return err
	}
	redirect := form.Get("redirect_uri")
	switch {
	case c.Backend || c.Status == client.Refused:
		return errUnknown
	case !c.Answers(redirect):
		return errRedirect
	case c.Status != client.Approved:
		return errWaiting
	}
	ask, refused := s.ask(c, form)
	token := ""
	if refused == nil {
		token, err = s.Clients.Begin(r.Context(), ask)
		if fail, ok := errors.AsType[*smart.Fail](err); ok {
			refused, err = fail, nil
		}
	}
	if err != nil {
		return err
	}
	to := "/oauth/consent/" + token
	if refused != nil {
		to = client.Refusal(redirect, state(form), s.Base, refused)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// state returns the state of a request, if it has one.
func state(form url.Values) string {
	if len(form["state"]) != 1 || len(form.Get("state")) > maxText {
		return ""
	}
	return form.Get("state")
}

// The most that parts of a request may have.
const (
	maxText  = 1000
	maxScope = 8000
)

// ask reads what a client asks for.
func (s *Server) ask(c client.Client, form url.Values) (client.Ask, *smart.Fail) {
	for _, name := range []string{"response_type", "scope", "state", "aud", "resource", "code_challenge", "code_challenge_method", "launch", "nonce", "response_mode"} {
		if len(form[name]) > 1 {
			return client.Ask{}, smart.Refuse(smart.InvalidRequest, name+" comes more than once")
		}
	}
	a := client.Ask{Client: c, Redirect: form.Get("redirect_uri"), Scope: form.Get("scope"), State: form.Get("state"),
		Challenge: form.Get("code_challenge"), Nonce: form.Get("nonce"), Launch: form.Get("launch")}
	switch {
	case form.Has("request"):
		return a, smart.Refuse(smart.RequestObject, "request objects are not read here")
	case form.Has("request_uri"):
		return a, smart.Refuse(smart.RequestURIRefused, "request_uri is not read here")
	case form.Get("response_type") == "":
		return a, smart.Refuse(smart.InvalidRequest, "response_type is missing")
	case form.Get("response_type") != "code":
		return a, smart.Refuse(smart.UnknownResponse, "response_type is code")
	case form.Has("response_mode") && form.Get("response_mode") != "query":
		return a, smart.Refuse(smart.InvalidRequest, "response_mode is query")
	case form.Get("state") == "":
		return a, smart.Refuse(smart.InvalidRequest, "state is missing")
	case len(a.State) > maxText || len(a.Nonce) > maxText || len(a.Launch) > maxText || len(a.Scope) > maxScope:
		return a, smart.Refuse(smart.InvalidRequest, "a parameter is too long")
	case form.Get("code_challenge_method") != "S256" || !smart.IsChallenge(a.Challenge):
		return a, smart.Refuse(smart.InvalidRequest, "code_challenge and code_challenge_method=S256 are needed")
	case !s.audience(form):
		return a, smart.Refuse(smart.InvalidTarget, "aud is the address of this FHIR server: "+s.FHIR())
	}
	return a, s.scoped(c, &a)
}

// audience says whether the request is for this record. Without it a token
// could be meant for another server.
func (s *Server) audience(form url.Values) bool {
	at := form.Get("aud")
	if at == "" {
		at = form.Get("resource")
	}
	if form.Has("aud") && form.Has("resource") && form.Get("aud") != form.Get("resource") {
		return false
	}
	return strings.TrimSuffix(at, "/") == s.FHIR()
}

// scoped refuses a request of which nothing can be granted.
func (s *Server) scoped(c client.Client, a *client.Ask) *smart.Fail {
	asked := smart.ParseAsked(a.Scope)
	got := c.Grantable(a.Scope)
	switch {
	case len(got.Clinical) == 0 && !got.Has(smart.OpenID):
		return smart.Refuse(smart.InvalidScope, "none of these scopes can be granted to this client")
	case asked.Has(smart.Launch) && a.Launch == "":
		return smart.Refuse(smart.InvalidRequest, "the scope launch comes with the parameter launch; launch/patient asks without one")
	case a.Launch != "" && !asked.Has(smart.Launch):
		return smart.Refuse(smart.InvalidScope, "the parameter launch comes with the scope launch")
	}
	return nil
}
