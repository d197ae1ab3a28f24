package authsrv

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/standard/smart"
)

// The refusals.
var (
	errSignIn  = errs.New(errs.Unauthenticated, "Please sign in.")
	errHalf    = errs.New(errs.StepUp, "Please finish signing in first.")
	errProve   = errs.New(errs.StepUp, "What you chose is specially protected. Please show once more that it is you.")
	errOther   = errs.New(errs.NotFound, "This question was for somebody else. Go back to the app and start again.")
	errNobody  = errs.New(errs.NotFound, "There is no health record with your sign-in that an app could see. Nothing was shared.")
	errNothing = errs.New(errs.Invalid, "Please choose at least one thing to share, or say no.")
)

// question is what the page asks.
type question struct {
	ask     client.Ask
	token   string
	patient string // whose record; empty: nobody's, only who signed in
	name    string // of the patient
	own     bool
	staff   bool
	offered smart.Asked
	groups  []group
	labels  []access.Label
	people  []candidate // to choose from, where it is not clear whose record

	parts, opened []string // keys of parts and groups that are ticked
	given         access.Label
	keep          bool
	problem       string
}

type group struct {
	Name  string
	Parts []smart.Part
}

// candidate is somebody whose record the reader may share.
type candidate struct{ ID, Name string }

// about finds out what the page asks whom. What is not clear yet, and has to
// be chosen first, is in people.
func (s *Server) about(r *http.Request) (question, error) {
	actor := web.Actor(r)
	q := question{token: r.PathValue("ask"), staff: actor.Kind == access.Staff}
	if actor.ID == "" {
		return q, errSignIn
	}
	if actor.Proof.Zone == access.NoZone {
		return q, errHalf
	}
	var err error
	if q.ask, err = s.Clients.Asked(r.Context(), q.token); err != nil {
		return q, err
	}
	if q.ask.Account != "" && q.ask.Account != actor.ID {
		return q, errOther
	}
	if err := q.whose(actor, r.FormValue("for")); err != nil || len(q.people) > 0 {
		return q, err
	}
	if err := s.open(r, &q); err != nil {
		return q, err
	}
	q.own = q.patient != "" && q.patient == actor.Patient
	q.offered = q.ask.Client.Grantable(q.ask.Scope)
	if q.patient == "" {
		q.offered.Clinical = slices.DeleteFunc(q.offered.Clinical, func(w smart.Worded) bool { return w.Context == smart.OfPatient })
	}
	q.sort(actor)
	return q, nil
}

// open asks the doors for what the answer would give away, which is audited.
func (s *Server) open(r *http.Request, q *question) error {
	if q.patient == "" {
		_, err := s.Doors.CheckAll(r.Context(), web.Actor(r), access.FindPatients)
		return err
	}
	pass, err := s.Doors.Check(r.Context(), web.Actor(r), access.ReadRecord, q.patient)
	if err == nil && s.Name != nil {
		q.name, err = s.Name(r.Context(), pass)
	}
	return err
}

// whose finds out whose record the app is about, or who there is to choose
// from.
func (q *question) whose(actor access.Actor, chosen string) error {
	if q.ask.Launched || q.staff {
		q.patient = q.ask.Patient
		return nil
	}
	var list []candidate
	if actor.Patient != "" {
		list = append(list, candidate{actor.Patient, actor.Name})
	}
	for _, g := range actor.Grants {
		if actor.May(access.ReadRecord, g.Patient) && g.Patient != actor.Patient {
			list = append(list, candidate{g.Patient, g.Name})
		}
	}
	i := slices.IndexFunc(list, func(c candidate) bool { return c.ID == chosen })
	switch {
	case i >= 0:
		q.patient = list[i].ID
	case len(list) == 1:
		q.patient = list[0].ID
	case len(list) == 0:
		return errNobody
	default:
		q.people = list
	}
	return nil
}

// sort puts what is offered in the order of the page, all of it ticked but
// what is specially protected.
func (q *question) sort(actor access.Actor) {
	offer := q.offered.Offer()
	for _, name := range smart.Groups() {
		g := group{Name: name}
		for _, p := range offer {
			if p.Group == name {
				g.Parts, q.parts = append(g.Parts, p), append(q.parts, p.Key)
			}
		}
		if len(g.Parts) > 0 {
			q.groups, q.opened = append(q.groups, g), append(q.opened, name)
		}
	}
	q.keep = q.offered.Has(smart.Offline)
	if len(q.groups) == 0 {
		return
	}
	for _, l := range web.Protected() {
		if q.own || q.staff || grantOf(actor, q.patient).Labels&l != 0 {
			q.labels = append(q.labels, l)
		}
	}
}

func grantOf(a access.Actor, patient string) access.Grant {
	for _, g := range a.Grants {
		if g.Patient == patient {
			return g
		}
	}
	return access.Grant{}
}

// showConsent asks.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) error {
	q, err := s.about(r)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, q)
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, q question) error {
	l := web.Lang(r)
	if len(q.people) > 0 {
		return s.Site.Render(w, r, status, choosePage(s.Site.View(r, l.T("Whose record?"), ""), q))
	}
	return s.Site.Render(w, r, status, consentPage(s.Site.View(r, l.T("%s asks to see a record", q.ask.Client.Name), ""), q))
}

// answerConsent takes the answer, and leads on to where the browser goes back
// to the app.
func (s *Server) answerConsent(w http.ResponseWriter, r *http.Request) error {
	q, err := s.about(r)
	if err != nil {
		return err
	}
	actor := web.Actor(r)
	on := "/oauth/consent/" + q.token + "/go"
	if r.PostFormValue("answer") == "no" {
		if err := s.Clients.Deny(r.Context(), actor, q.token); err != nil {
			return err
		}
		http.Redirect(w, r, on, http.StatusSeeOther)
		return nil
	}
	if len(q.people) > 0 {
		return s.show(w, r, http.StatusUnprocessableEntity, q)
	}
	got := q.read(r.PostForm)
	if len(got.Clinical) == 0 && (len(q.groups) > 0 || !got.Has(smart.OpenID)) {
		q.problem = errs.Say(errNothing)
		return s.show(w, r, http.StatusUnprocessableEntity, q)
	}
	if q.given != 0 && !fresh(actor.Proof, s.Now()) {
		return errProve
	}
	in := web.Session(r)
	at := in.Proved
	if at.IsZero() {
		at = in.Created
	}
	if err := s.Clients.Grant(r.Context(), actor, q.token, client.Answer{Scopes: got.String(), Labels: q.given, Patient: q.patient, AuthAt: at}); err != nil {
		return err
	}
	http.Redirect(w, r, on, http.StatusSeeOther)
	return nil
}

// fresh says whether somebody has proved lately who they are.
func fresh(p access.Proof, now time.Time) bool {
	age := now.Sub(p.At)
	return p.Zone >= access.StepUpZone && age <= access.StepUpAge && age >= -time.Minute
}

// read takes the answer from a form: a part is given where both it and its
// group are ticked.
func (q *question) read(f url.Values) smart.Asked {
	var keys []string
	for _, g := range q.groups {
		for _, p := range g.Parts {
			if slices.Contains(f["group"], g.Name) && slices.Contains(f["part"], p.Key) {
				keys = append(keys, p.Key)
			}
		}
	}
	q.parts, q.opened, q.given = f["part"], f["group"], 0
	for _, l := range q.labels {
		if slices.Contains(f["label"], labelValue(l)) {
			q.given |= l
		}
	}
	q.keep = f.Get("keep") == "yes"
	got := q.offered.Choose(keys)
	got.Plain = slices.DeleteFunc(slices.Clone(got.Plain), func(p string) bool { return p == smart.Offline && !q.keep })
	if q.patient == "" {
		got.Plain = slices.DeleteFunc(got.Plain, func(p string) bool { return p == smart.LaunchPatient || p == smart.LaunchEncounter })
	}
	return got
}

// goOn takes the browser back to the app. It is a page of its own, because no
// form here leads to another site.
func (s *Server) goOn(w http.ResponseWriter, r *http.Request) error {
	actor := web.Actor(r)
	if actor.ID == "" {
		return errSignIn
	}
	to, c, err := s.Clients.Leave(r.Context(), actor, r.PathValue("ask"), s.Base)
	if err != nil {
		return err
	}
	u, err := url.Parse(to)
	if err != nil {
		return errRedirect.Because(err)
	}
	return s.Site.Render(w, r, http.StatusOK, goPage(s.Site.View(r, web.Lang(r).T("Going back to %s", c.Name), ""), c.Name, to, u.Query().Has("code")))
}

// logo returns the picture of a client as an address that holds it.
func logo(c client.Client) string {
	if len(c.Logo) == 0 || !strings.HasPrefix(c.LogoType, "image/") {
		return ""
	}
	return "data:" + c.LogoType + ";base64," + base64.StdEncoding.EncodeToString(c.Logo)
}

// host returns the name of a web site.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// labelValue is what a form calls a label.
func labelValue(l access.Label) string {
	return map[access.Label]string{access.MentalHealth: "mental-health", access.SubstanceUse: "substance-use", access.Part2: "part2", access.HIV: "hiv",
		access.Reproductive: "reproductive", access.MinorConfidential: "minor-confidential"}[l]
}
