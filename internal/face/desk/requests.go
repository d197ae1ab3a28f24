package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/care/request"
	"hale/internal/face/web"
)

// Requests is what the desk needs of package request.
type Requests interface {
	Of(ctx context.Context, pass access.Pass) ([]request.Request, error)
	Queue(ctx context.Context, pass access.Pass, kind request.Kind, n int) ([]request.Row, error)
	Closed(ctx context.Context, pass access.Pass, kind request.Kind, since time.Time, n int) ([]request.Row, error)
	Counts(ctx context.Context, pass access.Pass) (open, late, soon int, err error)
	Whose(ctx context.Context, id string) (string, error)
	Get(ctx context.Context, pass access.Pass, id string) (request.Request, error)
	Claim(ctx context.Context, pass access.Pass, id string) error
	Extend(ctx context.Context, pass access.Pass, id, why string) error
	Decide(ctx context.Context, pass access.Pass, id string, act request.Act, d request.Decision) error
	Restrictions(ctx context.Context, pass access.Pass) ([]request.Restriction, error)
	Lift(ctx context.Context, pass access.Pass, id, why string) error
}

// requestRoutes are the pages about what patients ask.
func (d *Desk) requestRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/requests", d.listRequests(""))
	page("GET /desk/amendments", d.listRequests(request.Amend))
	page("GET /desk/restrictions", d.listRequests(request.Restrict))
	page("GET /desk/disclosures", d.listRequests(request.Account))
	page("GET /desk/requests/{id}", d.showRequest)
	page("POST /desk/requests/{id}/claim", d.claimRequest)
	page("POST /desk/requests/{id}/extend", d.extendRequest)
	page("POST /desk/requests/{id}/decide", d.decideRequest)
	page("POST /desk/restrictions/{id}/end", d.liftRestriction)
}

// requestsMost is how many requests one list shows.
const requestsMost = 200

// requestRow is one request of a list.
type requestRow struct {
	Href, Who, Sub string
	Chip, Tone     string
}

// requestsView is the list of requests.
type requestsView struct {
	Title, Lead, Said string
	Open, Done        []requestRow
	Kinds             []option // addresses and names
}

// listRequests shows what waits, the first due first.
func (d *Desk) listRequests(kind request.Kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		pass, err := d.all(r, access.AnswerPrivacy)
		if err != nil {
			return err
		}
		open, err := d.Requests.Queue(r.Context(), pass, kind, requestsMost)
		if err != nil {
			return err
		}
		closed, err := d.Requests.Closed(r.Context(), pass, kind, d.now().AddDate(0, 0, -90), requestsMost)
		if err != nil {
			return err
		}
		v := requestsView{Title: requestTitle(kind), Lead: "What patients ask about their own records. The first due comes first.", Said: saidOfRequest(r.URL.Query().Get("note")),
			Kinds: []option{{Value: "/desk/requests", Text: "All"}, {Value: "/desk/amendments", Text: "Corrections"}, {Value: "/desk/restrictions", Text: "Restrictions"},
				{Value: "/desk/disclosures", Text: "Accountings"}}}
		for _, one := range open {
			v.Open = append(v.Open, d.requestRow(one))
		}
		for _, one := range closed {
			v.Done = append(v.Done, d.requestRow(one))
		}
		return d.Site.Render(w, r, http.StatusOK, requestsPage(d.view(r, v.Title, "requests"), v))
	}
}

func (d *Desk) requestRow(one request.Row) requestRow {
	row := requestRow{Href: "/desk/requests/" + one.ID, Who: one.Name}
	sub := []string{kindWord(one.Kind)}
	if one.Details.Title != "" {
		sub = append(sub, one.Details.Title)
	}
	if one.Claimed != "" && one.State.Waits() {
		sub = append(sub, one.Claimed+" works on it")
	}
	row.Sub = strings.Join(sub, " · ")
	row.Chip, row.Tone = d.requestChip(one.Request)
	return row
}

// requestChip says how a request stands: what matters is how long there is.
func (d *Desk) requestChip(r request.Request) (chip, tone string) {
	switch {
	case r.Late(d.now()):
		return "Overdue since " + d.day(r.Due), "act"
	case r.Soon(d.now()):
		return "Due " + d.day(r.LastDay()), "watch"
	case r.State.Waits():
		return "Due " + d.day(r.LastDay()), ""
	case r.State == request.Granted, r.State == request.Answered:
		return sentenceCase(string(r.State)), "good"
	}
	return sentenceCase(string(r.State)), ""
}

func requestTitle(k request.Kind) string {
	switch k {
	case request.Amend:
		return "Corrections"
	case request.Restrict:
		return "Restrictions"
	case request.Account:
		return "Accountings of disclosures"
	}
	return "Privacy requests"
}

// kindWord names a kind of request.
func kindWord(k request.Kind) string {
	switch k {
	case request.Access:
		return "Copy of the record"
	case request.Amend:
		return "Correction"
	case request.Restrict:
		return "Restriction"
	case request.Contact:
		return "Confidential communication"
	case request.Account:
		return "Accounting of disclosures"
	}
	return "Complaint"
}

// requestView is one request for whoever answers it.
type requestView struct {
	request.Request
	Name, Title, Lead string
	Chip, Tone        string
	Facts             [][2]string
	Steps             []eventRow
	Said, Err         string
	Mine              bool
	Acts              []option
	Answers           []option // ready sentences
	Whom              []option // of a restriction
	Clock             request.Clock
	Restrictions      []request.Restriction
	In                url.Values // what was sent and is to be mended
}

// asked opens one request for the reader.
func (d *Desk) asked(r *http.Request) (access.Pass, error) {
	patient, err := d.Requests.Whose(r.Context(), r.PathValue("id"))
	if err != nil {
		return access.Pass{}, err
	}
	return d.one(r, access.AnswerPrivacy, patient)
}

func (d *Desk) showRequest(w http.ResponseWriter, r *http.Request) error {
	return d.renderRequest(w, r, http.StatusOK, saidOfRequest(r.URL.Query().Get("note")), "")
}

func (d *Desk) renderRequest(w http.ResponseWriter, r *http.Request, status int, said, problem string) error {
	pass, err := d.asked(r)
	if err != nil {
		return err
	}
	v := requestView{Said: said, Err: problem, In: r.PostForm}
	if v.Request, err = d.Requests.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	if v.Name, err = d.nameOf(r, v.Patient); err != nil {
		return err
	}
	if v.Restrictions, err = d.Requests.Restrictions(r.Context(), pass); err != nil {
		return err
	}
	v.Title, v.Clock, v.Mine = kindWord(v.Kind), request.ClockOf(v.Kind), v.ClaimedBy == web.Actor(r).ID
	v.Chip, v.Tone = d.requestChip(v.Request)
	v.Facts, v.Acts, v.Answers = d.requestFacts(v.Request), actsOf(v.Request), answersOf(v.Kind)
	for _, s := range v.Request.Steps {
		v.Steps = append(v.Steps, eventRow{When: d.clock(s.At), Words: stepWord(s)})
	}
	if v.Kind == request.Restrict && v.State == request.Open {
		if v.Whom, err = d.whom(r, v.Request); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, status, requestPage(d.view(r, v.Title, "requests"), v))
}

func (d *Desk) requestFacts(r request.Request) [][2]string {
	x := r.Details
	facts := [][2]string{{"Asked", d.clock(r.Asked) + " by " + r.AskedName}, {"About", x.Title}, {"In their words", x.Words}, {"Should say", x.Should},
		{"Form", x.Form}, {"From", x.From}, {"Until", x.To}, {"Keep it from", strings.TrimSpace(x.Name)}, {"Write only by", strings.TrimSpace(x.Channel + " " + phoneWords(x.Value))}}
	if r.Kind == request.Restrict {
		paid := "No"
		if x.Paid {
			paid = "Yes"
		}
		facts = append(facts, [2]string{"Paid in full by the patient", paid})
	}
	if r.Kind == request.Account {
		free := "No: tell the price first"
		if x.Free {
			free = "Yes, the first in 12 months"
		}
		facts = append(facts, [2]string{"Free", free})
	}
	if !r.Extended.IsZero() {
		facts = append(facts, [2]string{"Extended", d.day(r.Extended) + ": " + r.ExtendedWhy})
	}
	if r.Answer != "" {
		facts = append(facts, [2]string{"Our answer", r.Answer})
	}
	return slices.DeleteFunc(facts, func(f [2]string) bool { return strings.TrimSpace(f[1]) == "" })
}

// actsOf are the decisions that a request can get.
func actsOf(r request.Request) []option {
	words := []struct {
		act  request.Act
		text string
	}{{request.Grant, "Agree"}, {request.Answer, "Answer"}, {request.Deny, "Do not agree"}, {request.Rebut, "Answer the disagreement"}}
	var list []option
	for _, w := range words {
		if r.Can(w.act) && !(w.act == request.Deny && r.MustGrant()) {
			list = append(list, option{Value: string(w.act), Text: w.text})
		}
	}
	return list
}

// answersOf are sentences that are often needed; whoever answers changes
// them.
func answersOf(k request.Kind) []option {
	say := func(texts ...string) []option {
		var list []option
		for _, t := range texts {
			list = append(list, option{Value: t, Text: t})
		}
		return list
	}
	switch k {
	case request.Amend:
		return say("We added your correction to the record. It stays with the entry.",
			"What we wrote is right and complete. You can add a statement of your own; it stays with the entry. You can also complain to us, or to the Office for Civil Rights.",
			"We did not write this. Please ask the clinic that did; we tell you which one it is.")
	case request.Access:
		return say("Your copy is ready. Please call us to choose when to get it.", "Your copy is in the mail.")
	case request.Restrict:
		return say("We agreed, and it is in force from now on.", "We need this person for your care, so we cannot agree.")
	case request.Contact:
		return say("From now on we write to you this way only.", "We cannot use this address. Please give us another one.")
	case request.Account:
		return say("Here is your list. You find it in the portal, too.")
	}
	return say("Thank you for telling us. We looked into it, and this is what we did:")
}

func stepWord(s request.Step) string {
	words := map[request.Act]string{request.Ask: "asked", request.Claim: "took it on", request.Extend: "extended it", request.Grant: "agreed", request.Deny: "did not agree",
		request.Answer: "answered", request.Withdraw: "took it back", request.Disagree: "disagreed", request.Rebut: "answered the disagreement"}
	text := s.Name + " " + words[s.What]
	if s.Note != "" {
		text += ": " + s.Note
	}
	return text
}

func saidOfRequest(note string) string {
	switch note {
	case "claimed":
		return "You work on it now."
	case "extended":
		return "There is more time. The patient was told why."
	case "decided":
		return "The decision is in force, and the patient was told."
	case "lifted":
		return "The restriction has ended."
	}
	return ""
}

// whom are the people and plans that a restriction can be against.
func (d *Desk) whom(r *http.Request, one request.Request) ([]option, error) {
	var list []option
	add := func(kind, target, text string) {
		list = append(list, option{Value: kind + ":" + target, Text: text})
	}
	switch one.Details.Against {
	case "helper":
		add("account", one.Details.Target, one.Details.Name+", a caregiver")
	case "plan":
		add("plan", one.Details.Name, "The health plan "+one.Details.Name)
		add("plan", "", "Every health plan")
	default:
		staff, err := d.Accounts.Staff(r.Context())
		if err != nil {
			return nil, err
		}
		slices.SortFunc(staff, func(a, b account.Account) int { return strings.Compare(a.Name, b.Name) })
		for _, s := range staff {
			add("account", s.ID, s.Name)
		}
		add("role", string(access.Nurse), "Everybody with the role nurse")
		add("role", string(access.FrontDesk), "Everybody at the front desk")
		add("role", string(access.Billing), "Everybody of the billing office")
		add("role", string(access.Admin), "Everybody with the role administrator")
	}
	return list, nil
}

// requestDone goes back to the request, or says there what was wrong.
func (d *Desk) requestDone(w http.ResponseWriter, r *http.Request, note string, err error) error {
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.renderRequest(w, r, http.StatusUnprocessableEntity, "", errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/requests/"+r.PathValue("id")+"?note="+note, http.StatusSeeOther)
	return nil
}

func (d *Desk) claimRequest(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.asked(r)
	if err != nil {
		return err
	}
	return d.requestDone(w, r, "claimed", d.Requests.Claim(r.Context(), pass, r.PathValue("id")))
}

func (d *Desk) extendRequest(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.asked(r)
	if err != nil {
		return err
	}
	return d.requestDone(w, r, "extended", d.Requests.Extend(r.Context(), pass, r.PathValue("id"), r.PostFormValue("why")))
}

func (d *Desk) decideRequest(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.asked(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	c := request.Decision{Answer: in.Get("answer")}
	if c.Answer == "" {
		c.Answer = in.Get("ready")
	}
	c.Against, c.Target, _ = strings.Cut(in.Get("whom"), ":")
	return d.requestDone(w, r, "decided", d.Requests.Decide(r.Context(), pass, r.PathValue("id"), request.Act(in.Get("act")), c))
}

// liftRestriction ends a restriction that the patient agreed to end.
func (d *Desk) liftRestriction(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.AnswerPrivacy, in.Get("patient"))
	if err != nil {
		return err
	}
	if err := d.Requests.Lift(r.Context(), pass, r.PathValue("id"), in.Get("why")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/requests?note=lifted", http.StatusSeeOther)
	return nil
}

// requestRows say how many requests wait, and how many are late.
func (d *Desk) requestRows(r *http.Request) ([]taskRow, error) {
	if d.Requests == nil || !may(r, access.AnswerPrivacy) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPrivacy)
	if err != nil {
		return nil, err
	}
	open, late, soon, err := d.Requests.Counts(r.Context(), pass)
	if err != nil || open == 0 {
		return nil, err
	}
	row := taskRow{Href: "/desk/requests", Icon: "file-text", N: open, Title: "Privacy requests", Sub: "None is due within a week"}
	if soon > 0 {
		row.Sub, row.Tone = counted(soon, "is due within a week", "are due within a week"), "watch"
	}
	if late > 0 {
		row.Sub, row.Tone = counted(late, "is overdue", "are overdue"), "act"
	}
	return []taskRow{row}, nil
}
