package fhirapi

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/smart"
)

// door is what a pass was asked for.
type door struct {
	right   access.Right
	patient string
}

// ring holds the passes of one request, which the entries of its bundle
// share.
type ring struct {
	mu  sync.Mutex
	all []held
}

type held struct {
	door door
	pass access.Pass
}

func (r *ring) get(d door) (access.Pass, bool) {
	for i := range r.all {
		if r.all[i].door == d {
			return r.all[i].pass, true
		}
	}
	return access.Pass{}, false
}

// signedIn finds out who asks, by the bearer token.
//
// Spec: RFC 6750 §2.1
func (a *API) signedIn(c *Call) error {
	if c.signed {
		return nil
	}
	scheme, token, ok := strings.Cut(c.Header("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || a.Tokens == nil {
		return a.unauthorized("", errs.Say(errNoToken))
	}
	actor, err := a.Tokens.Actor(c.Context(), strings.TrimSpace(token))
	if errs.KindOf(err) == errs.Unauthenticated || err == nil && actor.ID == "" {
		if wait := a.rates.strangers.take(remote(c.Request, a.Proxies)); wait > 0 {
			return throttled(wait)
		}
		return a.unauthorized("invalid_token", "The access token is unknown, or it has ended.")
	}
	if err != nil {
		return err
	}
	if wait := a.rates.of(actor); wait > 0 {
		return throttled(wait)
	}
	actor.Request = c.id
	c.Actor, c.signed = actor, true
	return nil
}

// unauthorized refuses who has not shown who they are.
//
// Spec: RFC 6750 §3, RFC 9728 §5.1
func (a *API) unauthorized(kind, say string) *Problem {
	p := refuse(http.StatusUnauthorized, "login", "http.Authorization", say)
	challenge := `Bearer realm="fhir", resource_metadata="` + a.host() + `/.well-known/oauth-protected-resource` + Prefix + `"`
	if kind != "" {
		challenge += `, error="` + kind + `"`
	}
	p.header = [2]string{"WWW-Authenticate", challenge}
	return p
}

// host is the address of the server without the API's prefix.
func (a *API) host() string { return strings.TrimSuffix(a.Base, Prefix) }

// unscoped refuses what the scopes of an app do not allow.
func unscoped(typ string, verb smart.Verb) *Problem {
	if typ == "" {
		typ = "*"
	}
	p := refuse(http.StatusForbidden, "forbidden", "http.Authorization", "The scopes of the access token do not allow this.")
	p.header = [2]string{"WWW-Authenticate", `Bearer realm="fhir", error="insufficient_scope", scope="` + typ + "." + verb.String() + `"`}
	return p
}

// pass returns the key to resources of type typ for verb, or why there is
// none. patient is whose record it is about, if that is known: an app that
// was let into one record gets that one alone. What an operation shows of
// many types is asked for type by type, or with typ Patient.
func (a *API) pass(c *Call, typ string, verb smart.Verb, patient string) (access.Pass, error) {
	if err := a.signedIn(c); err != nil {
		return access.Pass{}, err
	}
	user, ok := scoped(c.Actor, typ, verb)
	if !ok {
		return access.Pass{}, unscoped(typ, verb)
	}
	d := door{access.ReadRecord, ""}
	if verb&(smart.Create|smart.Update|smart.Delete) != 0 {
		d.right = access.WriteRecord
	}
	if c.Actor.Kind != access.System {
		var err error
		if d, err = c.whose(typ, d.right, patient, user); err != nil {
			return access.Pass{}, err
		}
	}
	p, err := a.open(c, d)
	if err != nil {
		return access.Pass{}, err
	}
	if _, ok := p.Reaches(typ, verb); !ok {
		return access.Pass{}, unscoped(typ, verb)
	}
	return p, nil
}

// scoped says whether any scope of the app that asks is about verb on typ,
// and whether it is one that is not for the patient of the launch alone.
func scoped(actor access.Actor, typ string, verb smart.Verb) (user, ok bool) {
	if actor.App == nil {
		return true, true
	}
	for _, s := range actor.App.Scopes {
		if s.On(typ, verb) {
			ok = true
			user = user || s.Context != smart.OfPatient
		}
	}
	return user, ok
}

// whose returns which door a person's app has to pass: one patient's, or for
// staff who name nobody that of finding patients.
func (c *Call) whose(typ string, right access.Right, patient string, user bool) (door, error) {
	if right == access.WriteRecord {
		return door{}, refuse(http.StatusForbidden, "forbidden", "http.method", "Apps that ask for a person may read here, and change nothing.")
	}
	app := c.Actor.App
	switch {
	case app != nil && !user:
		return door{right, app.Patient}, nil
	case patient != "":
		return door{right, patient}, nil
	case app != nil && app.Patient != "":
		return door{right, app.Patient}, nil
	case c.Actor.Kind != access.Staff:
		return door{right, c.Actor.Patient}, nil
	case typ == "Patient" || !record.Personal(typ):
		return door{access.FindPatients, ""}, nil
	}
	return door{}, refuse(http.StatusForbidden, "forbidden", "http.patient", "Say whose record it is about: patient=ID.")
}

// open passes a door, which is audited; twice in one request it is the same
// look.
func (a *API) open(c *Call, d door) (p access.Pass, err error) {
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	if p, ok := c.keys.get(d); ok {
		return p, nil
	}
	if d.patient == "" && (c.Actor.Kind == access.System || d.right == access.FindPatients) {
		p, err = a.Doors.CheckAll(c.Context(), c.Actor, d.right)
		if errs.KindOf(err) == errs.NotFound {
			err = unscoped("*", smart.Read)
		}
	} else {
		p, err = a.Doors.Check(c.Context(), c.Actor, d.right, d.patient)
	}
	if err == nil {
		c.keys.all = append(c.keys.all, held{d, p})
	}
	return p, err
}

// owner returns whose record a resource is in where a pass for it depends on
// that. It is empty for what is not there, which nothing gives away.
func (a *API) owner(c *Call, typ, id string) (string, error) {
	if typ == "Patient" {
		return id, nil
	}
	if c.Actor.Kind != access.Staff && c.Actor.Kind != access.Proxy || !record.Personal(typ) {
		return "", nil
	}
	if user, _ := scoped(c.Actor, typ, smart.Read); !user {
		return "", nil
	}
	patient, err := a.Record.Whose(c.Context(), typ, id)
	if err != nil {
		return "", err
	}
	if patient == "" {
		return "", errNotFound
	}
	return patient, nil
}

// errNotFound is said of what is not there and of what is not shown.
var errNotFound = refuse(http.StatusNotFound, "not-found", "", "We could not find that record.")

// sameAsMissing makes a refusal of somebody else's record look like one that
// is not there.
func sameAsMissing(err error) error {
	if errs.KindOf(err) == errs.NotFound && !isProblem(err) {
		return errNotFound
	}
	return err
}

// hasVerb says whether a method is one that only shows.
func hasVerb(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead}, method)
}
