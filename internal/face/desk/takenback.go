package desk

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// wordPages are the pages about what people took back, for whoever may open
// them.
func (d *Desk) wordPages(r *http.Request) []option {
	if d.RuleBook == nil || !may(r, access.AnswerPatients) {
		return nil
	}
	return []option{{Value: "/desk/revocations", Text: "Taken back"}, {Value: "/desk/blocked", Text: "Blocked addresses"}}
}

// wordTask says that somebody has to look at a word that was not clear, or at
// one that does not count yet.
func (d *Desk) wordTask(r *http.Request) ([]taskRow, error) {
	if d.RuleBook == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	open, unsure, err := d.Words.RevocationsWaiting(r.Context(), pass)
	if err != nil || unsure+open == 0 {
		return nil, err
	}
	row := taskRow{Href: "/desk/revocations", Icon: "ban", Tone: "watch", N: unsure + open, Title: "Taken back", Sub: counted(unsure, "answer may have been a STOP: it counts until somebody has looked", "answers may have been a STOP: they count until somebody has looked")}
	if open > 0 {
		row.Tone, row.Sub = "act", counted(open, "permission was taken back and messages may still go", "permissions were taken back and messages may still go")
	}
	return []taskRow{row}, nil
}

// listRevocations shows what people took back: what somebody has to look at
// first, then the last of all.
func (d *Desk) listRevocations(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	clock, err := d.Words.RevocationClock(r.Context(), pass)
	if err != nil {
		return err
	}
	v := revocationsView{Clock: clock, Longest: clock.Longest.Round(time.Second).String()}
	switch r.URL.Query().Get("done") {
	case "meant":
		v.Said = "Noted: it was a STOP. Nothing goes there any more."
	case "not_meant":
		v.Said = "Noted: it was no STOP. Messages go there again."
	}
	open, err := d.Words.RevocationsOpen(r.Context(), pass)
	if err != nil {
		return err
	}
	all, err := d.Words.Revocations(r.Context(), pass, 100)
	if err != nil {
		return err
	}
	if v.Open, err = d.revocationRows(r, open); err != nil {
		return err
	}
	if v.All, err = d.revocationRows(r, all); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, revocationsPage(d.view(r, "Taken back", "today"), v))
}

// revocationRows puts list into words, with the patients' names.
func (d *Desk) revocationRows(r *http.Request, list []reach.Revocation) ([]revocationRow, error) {
	var ids []string
	for _, x := range list {
		if x.Patient != "" {
			ids = append(ids, x.Patient)
		}
	}
	names := map[string]string{}
	if len(ids) > 0 && may(r, access.FindPatients) {
		pass, err := d.all(r, access.FindPatients)
		if err != nil {
			return nil, err
		}
		people, err := d.Patients.Named(r.Context(), pass, ids)
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			names[p.ID] = p.Full
		}
	}
	rows := make([]revocationRow, 0, len(list))
	for _, x := range list {
		row := revocationRow{ID: x.ID, Patient: x.Patient, Who: names[x.Patient], What: channelScope(x), How: "By " + wordCame(x.Method), Said: x.Said, Came: d.clock(x.Received), Due: d.day(x.Due), Ask: !x.Sure && x.Review == "" && x.Patient != ""}
		if row.Who == "" {
			row.Who = "Somebody at an address that no record has"
		}
		if x.Rule != "" && x.Rule != "keyword" {
			row.How += ", read as “" + x.Rule + "”"
		}
		row.Chip, row.Tone = d.revocationState(x)
		rows = append(rows, row)
	}
	return rows, nil
}

func channelScope(x reach.Revocation) string {
	what := map[string]string{"sms": "Texts", "email": "Email", "voice": "Calls", "autocall": "Automated calls", "*": "Everything"}[x.Channel]
	if what == "" {
		what = sentenceCase(x.Channel)
	}
	if x.Purpose != consent.Any {
		what += ", " + scopeWords(x.Purpose)
	}
	return what
}

func (d *Desk) revocationState(x reach.Revocation) (chip, tone string) {
	switch {
	case x.Honoured.IsZero() && x.Due.Before(d.now()):
		return "Late", "act"
	case x.Honoured.IsZero():
		return "Open, due " + d.day(x.Due), "watch"
	case !x.Sure && x.Review == "":
		return "Counts; somebody has to look", "watch"
	case x.Review == "not_meant":
		return "Was no STOP", ""
	}
	return "Counts since " + d.clock(x.Honoured), "good"
}

// reviewRevocation says what an ambiguous word meant.
func (d *Desk) reviewRevocation(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.AnswerPatients, r.PostFormValue("patient"))
	if err != nil {
		return err
	}
	word := r.PostFormValue("word")
	if word != "meant" && word != "not_meant" {
		return errWord
	}
	if err := d.Words.ReviewRevocation(r.Context(), pass, r.PathValue("id"), word == "meant"); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/revocations?done="+word, http.StatusSeeOther)
	return nil
}

// blockedMost is how many blocked addresses a page shows.
const blockedMost = 100

func (d *Desk) listBlocked(w http.ResponseWriter, r *http.Request) error {
	return d.blocked(w, r, "", nil)
}

// findBlocked looks one address up. It comes in the body: an address is kept
// in histories and logs.
func (d *Desk) findBlocked(w http.ResponseWriter, r *http.Request) error {
	return d.blocked(w, r, strings.TrimSpace(cut(r.PostFormValue("address"), 254)), nil)
}

func (d *Desk) blocked(w http.ResponseWriter, r *http.Request, address string, bad error) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	list, count, err := d.Words.Blocks(r.Context(), pass, address, blockedMost)
	if errs.KindOf(err) == errs.Invalid {
		list, count, err = nil, 0, nil
		bad = errors.Join(bad, errs.New(errs.Invalid, "That is no email address or telephone number."))
	}
	if err != nil {
		return err
	}
	v := blockedView{Address: address, N: count}
	if bad != nil {
		v.Err = "That is no email address or telephone number with its area code."
	}
	switch done := r.URL.Query().Get("done"); {
	case done == "lifted":
		v.Said = "The block is lifted."
	case strings.HasPrefix(done, "numbers-"):
		v.Said = reassignedSaid(done)
	case strings.HasPrefix(done, "added-"):
		n, _ := strconv.Atoi(done[len("added-"):])
		v.Said = plural(n, "address is", "addresses are") + " blocked now. What was queued is cancelled."
	}
	if n, _ := strconv.Atoi(r.URL.Query().Get("bad")); n > 0 {
		v.Said += " " + plural(n, "line was", "lines were") + " nothing that we can read."
	}
	for _, b := range list {
		row := blockRow{Kind: blockKind(b.Channel), Channel: string(b.Channel), Hash: b.Hash, Scope: b.Scope, To: b.Mask, For: scopeWords(b.Scope), Why: blockReason(b), At: d.clock(b.At)}
		if row.To == "" {
			row.To = "an address"
		} else if b.Channel == reach.Post {
			row.To = "a postal address"
		} else if b.Channel != reach.Email {
			row.To = "a number ending in " + row.To
		}
		if b.By != "" && b.By != "recipient" {
			row.By = d.staffName(r, b.By)
		}
		v.Rows = append(v.Rows, row)
	}
	for _, p := range policy.Purposes() {
		v.Scopes = append(v.Scopes, option{Value: p.Key, Text: p.Name})
	}
	return d.Site.Render(w, r, http.StatusOK, blockedPage(d.view(r, "Blocked addresses", "outreach"), v))
}

// blockKind names what is blocked.
func blockKind(c reach.Channel) string {
	switch c {
	case reach.Email:
		return "Email"
	case reach.SMS:
		return "Texts"
	case reach.Post:
		return "Letters"
	}
	return "Calls"
}

func (d *Desk) addBlocked(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	n, err := d.Words.Block(r.Context(), pass, reach.Block{Value: r.PostFormValue("address"), Scope: r.PostFormValue("scope"), Reason: "staff", Why: r.PostFormValue("why")})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/blocked?done=added-"+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}

// importBlocked blocks every address of a list that was pasted.
func (d *Desk) importBlocked(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	why := strings.TrimSpace(cut(r.PostFormValue("why"), 200))
	list, bad, err := reach.ReadBlocks(io.LimitReader(strings.NewReader(r.PostFormValue("list")), 4<<20), why)
	if err != nil {
		return err
	}
	n := 0
	if len(list) > 0 {
		if n, err = d.Words.Block(r.Context(), pass, list...); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/desk/blocked?done=added-"+strconv.Itoa(n)+"&bad="+strconv.Itoa(len(bad)), http.StatusSeeOther)
	return nil
}

// reassigned takes in answers of the Reassigned Numbers Database that were
// pasted.
func (d *Desk) reassigned(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	n, err := d.Words.Reassign(r.Context(), pass, io.LimitReader(strings.NewReader(r.PostFormValue("list")), 4<<20))
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/desk/blocked?done=numbers-%d-%d-%d&bad=%d", n.Gone, n.Proven, n.NoData+n.Older+n.Unknown, len(n.Bad)), http.StatusSeeOther)
	return nil
}

// reassignedSaid says what answers came to.
func reassignedSaid(done string) string {
	var gone, proven, rest int
	if _, err := fmt.Sscanf(done, "numbers-%d-%d-%d", &gone, &proven, &rest); err != nil {
		return ""
	}
	words := plural(gone, "number was", "numbers were") + " given up: nothing goes there any more for the patient who had it. " + plural(proven, "number is", "numbers are") + " still the patient’s."
	if rest > 0 {
		words += " " + plural(rest, "answer says", "answers say") + " nothing about a number we use."
	}
	return words
}

func (d *Desk) liftBlocked(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	b := reach.Block{Channel: reach.Channel(r.PostFormValue("channel")), Hash: r.PostFormValue("hash"), Scope: r.PostFormValue("scope"), Why: cut(r.PostFormValue("why"), 300)}
	if err := d.Words.Lift(r.Context(), pass, b); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/blocked?done=lifted", http.StatusSeeOther)
	return nil
}
