package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/access/proxy"
	"hale/internal/base/errs"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/problem"
	"hale/internal/care/request"
	"hale/internal/face/web"
	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// Requests is what the portal needs of package request.
type Requests interface {
	Ask(ctx context.Context, pass access.Pass, k request.Kind, about string, d request.Details) (request.Request, error)
	Of(ctx context.Context, pass access.Pass) ([]request.Request, error)
	Amendments(ctx context.Context, pass access.Pass) (map[string]request.Request, error)
	Get(ctx context.Context, pass access.Pass, id string) (request.Request, error)
	Withdraw(ctx context.Context, pass access.Pass, id string) error
	Disagree(ctx context.Context, pass access.Pass, id, words string) error
	Restrictions(ctx context.Context, pass access.Pass) ([]request.Restriction, error)
	Lift(ctx context.Context, pass access.Pass, id, why string) error
}

// Disclosures is what the portal needs of package disclosure.
type Disclosures interface {
	Of(ctx context.Context, pass access.Pass) ([]disclosure.Entry, error)
}

// privacyRoutes are the pages about a patient's rights over the record.
func (p *Portal) privacyRoutes(both func(method, path string, h handler)) {
	both("GET", "/privacy", p.privacy)
	both("GET", "/privacy/new/{kind}", p.askForm)
	both("POST", "/privacy/new/{kind}", p.ask)
	both("GET", "/privacy/disclosures", p.disclosures)
	both("GET", "/privacy/{id}", p.request)
	both("POST", "/privacy/{id}", p.answerBack)
	both("POST", "/privacy/restrictions/{id}/end", p.lift)
	both("GET", "/corrections/{id}", p.correction)
}

// privacyData is what the page about privacy shows.
type privacyData struct {
	Waits, Past  []request.Request
	Restrictions []request.Restriction
}

// privacy shows what was asked, what was agreed, and what can be asked.
func (p *Portal) privacy(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "Your privacy", "more")
	if err != nil {
		return err
	}
	list, err := p.Requests.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	var d privacyData
	for _, one := range list {
		if one.State.Waits() {
			d.Waits = append(d.Waits, one)
		} else {
			d.Past = append(d.Past, one)
		}
	}
	agreed, err := p.Requests.Restrictions(r.Context(), pass)
	if err != nil {
		return err
	}
	d.Restrictions = slices.DeleteFunc(agreed, func(one request.Restriction) bool { return !one.Ended.IsZero() })
	return p.render(w, r, privacyPage(s, d))
}

// askData is a request's form.
type askData struct {
	Kind    request.Kind
	About   string // Type/id
	Title   string // of that
	Helpers []proxy.Proxy
	Details request.Details
	Problem string
}

// asking opens the form of a kind of request.
func (p *Portal) asking(r *http.Request) (s sheet, pass access.Pass, d askData, err error) {
	s, pass, err = p.open(r, access.AskPrivacy, "Ask us", "more")
	if err != nil {
		return s, pass, d, err
	}
	if d.Kind = request.Kind(r.PathValue("kind")); !slices.Contains(request.Kinds, d.Kind) {
		return s, pass, d, errNoPage
	}
	s.Title = askTitle(s.Lang, d.Kind)
	if about := r.FormValue("about"); d.Kind == request.Amend && about != "" {
		if d.About, d.Title, err = p.about(r, about); err != nil {
			return s, pass, d, err
		}
	}
	if d.Kind == request.Restrict && s.may(access.SeeProxies) && p.Helpers != nil {
		see, err := p.Doors.Check(r.Context(), web.Actor(r), access.SeeProxies, web.Subject(r))
		if err != nil {
			return s, pass, d, err
		}
		list, err := p.Helpers.Of(r.Context(), see)
		if err != nil {
			return s, pass, d, err
		}
		d.Helpers = slices.DeleteFunc(list, func(h proxy.Proxy) bool { return h.Account == "" })
	}
	return s, pass, d, nil
}

// about returns what an entry of the record is called, if the reader sees it.
func (p *Portal) about(r *http.Request, about string) (ref, title string, err error) {
	typ, id, _ := strings.Cut(about, "/")
	pass, err := p.Doors.Check(r.Context(), web.Actor(r), access.ReadRecord, web.Subject(r))
	if err != nil {
		return "", "", err
	}
	res, err := p.Records.Get(r.Context(), pass, typ, id)
	if err != nil {
		return "", "", err
	}
	return typ + "/" + id, entryTitle(res), nil
}

// problemRef and documentRef name the entry of the record behind
// a line of a list.
func problemRef(q problem.Problem) string {
	types := map[problem.Kind]string{problem.Condition: "Condition", problem.Allergy: "AllergyIntolerance", problem.Vaccine: "Immunization", problem.Procedure: "Procedure"}
	return types[q.Kind] + "/" + q.ID
}

func documentRef(d document.Document) string {
	types := map[document.Kind]string{document.Note: "DocumentReference", document.Report: "DiagnosticReport", document.Plan: "CarePlan"}
	return types[d.Kind] + "/" + d.ID
}

// entryTitle is what the record calls an entry.
func entryTitle(res record.Resource) string {
	n, err := fhir.Parse(res.Body)
	if err != nil {
		return res.Type
	}
	for _, name := range []string{n.Get("description").Text(), n.Get("title").Text(), n.Get("code").Concept(), n.Get("medicationCodeableConcept").Concept(),
		n.Get("vaccineCode").Concept(), n.Get("type").Concept()} {
		if name != "" {
			return name
		}
	}
	return res.Type
}

func (p *Portal) askForm(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.asking(r)
	if err != nil {
		return err
	}
	return p.render(w, r, askPrivacyPage(s, d))
}

// ask sends a request to the clinic.
func (p *Portal) ask(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.asking(r)
	if err != nil {
		return err
	}
	d.Details = readDetails(r.PostForm)
	d.Details.Title = d.Title
	made, err := p.Requests.Ask(r.Context(), pass, d.Kind, d.About, d.Details)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany) {
		d.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), askPrivacyPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/privacy/"+made.ID+"?done=sent"), http.StatusSeeOther)
	return nil
}

func readDetails(form url.Values) request.Details {
	d := request.Details{Words: form.Get("words"), Should: form.Get("should"), From: form.Get("from"), To: form.Get("to"), Form: form.Get("form"),
		Name: form.Get("name"), Channel: form.Get("channel"), Value: form.Get("value"), Paid: form.Get("paid") != ""}
	d.Against = form.Get("against")
	if helper, ok := strings.CutPrefix(d.Against, "helper:"); ok {
		d.Against, d.Target, d.Name = "helper", helper, ""
	}
	if d.Against == "plan" {
		d.Name = form.Get("plan")
	}
	return d
}

// request shows how far a request has come.
func (p *Portal) request(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "Your request", "more")
	if err != nil {
		return err
	}
	one, err := p.Requests.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	s.Title = kindTitle(s.Lang, one.Kind)
	return p.render(w, r, requestPage(s, one, r.URL.Query().Get("done")))
}

// answerBack takes a request back, or disagrees with its answer.
func (p *Portal) answerBack(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "", "more")
	if err != nil {
		return err
	}
	id, done := r.PathValue("id"), "withdrawn"
	switch request.Act(r.PostFormValue("act")) {
	case request.Withdraw:
		err = p.Requests.Withdraw(r.Context(), pass, id)
	case request.Disagree:
		done, err = "disagreed", p.Requests.Disagree(r.Context(), pass, id, r.PostFormValue("words"))
	default:
		err = errNoPage
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/privacy/"+id+"?done="+done), http.StatusSeeOther)
	return nil
}

// lift ends a restriction that the patient does not want any more.
func (p *Portal) lift(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "", "more")
	if err != nil {
		return err
	}
	if err := p.Requests.Lift(r.Context(), pass, r.PathValue("id"), "asked for by the patient"); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/privacy"), http.StatusSeeOther)
	return nil
}

// disclosures shows to whom the record was given.
func (p *Portal) disclosures(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "Who got your information", "more")
	if err != nil {
		return err
	}
	list, err := p.Given.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	return p.render(w, r, disclosuresPage(s, list))
}

// correction leads to the request that a correction is.
func (p *Portal) correction(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.AskPrivacy, "", "more")
	if err != nil {
		return err
	}
	one, err := p.Requests.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/privacy/"+one.ID), http.StatusSeeOther)
	return nil
}
