package desk

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// Words is what the desk needs of the engine about how people may be reached
// and what they took back.
type Words interface {
	Reachable(ctx context.Context, pass access.Pass) (reach.WayTo, error)
	RevocationsOpen(ctx context.Context, pass access.Pass) ([]reach.Revocation, error)
	Revocations(ctx context.Context, pass access.Pass, n int) ([]reach.Revocation, error)
	RevocationsWaiting(ctx context.Context, pass access.Pass) (open, unsure int, err error)
	RevocationClock(ctx context.Context, pass access.Pass) (reach.Clock, error)
	ReviewRevocation(ctx context.Context, pass access.Pass, id string, meant bool) error
	Blocks(ctx context.Context, pass access.Pass, address string, n int) ([]reach.Block, int, error)
	Block(ctx context.Context, pass access.Pass, list ...reach.Block) (int, error)
	Lift(ctx context.Context, pass access.Pass, b reach.Block) error
	Reassign(ctx context.Context, pass access.Pass, r io.Reader) (reach.Reassigned, error)
}

// Ledger is what the desk writes into the ledger of consents.
type Ledger interface {
	Add(ctx context.Context, pass access.Pass, events ...consent.Event) error
	Sign(ctx context.Context, pass access.Pass, p consent.Paper) error
	End(ctx context.Context, pass access.Pass, id, how string) error
}

// wordRoutes adds the pages about how people may be reached.
func (d *Desk) wordRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/patients/{id}/reach", d.showWayTo)
	page("POST /desk/patients/{id}/reach/word", d.addWord)
	page("POST /desk/patients/{id}/reach/paper", d.addPaper)
	page("POST /desk/patients/{id}/reach/paper/{paper}/end", d.endPaper)
	page("GET /desk/revocations", d.listRevocations)
	page("POST /desk/revocations/{id}", d.reviewRevocation)
	page("GET /desk/blocked", d.listBlocked)
	page("POST /desk/blocked", d.findBlocked)
	page("POST /desk/blocked/add", d.addBlocked)
	page("POST /desk/blocked/import", d.importBlocked)
	page("POST /desk/blocked/reassigned", d.reassigned)
	page("POST /desk/blocked/lift", d.liftBlocked)
}

// showWayTo shows how one patient may be reached, and what she said about it.
func (d *Desk) showWayTo(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReadContacts, id)
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	way, err := d.Words.Reachable(r.Context(), pass)
	if err != nil {
		return err
	}
	wishes, err := d.Contacts.Preferences(r.Context(), pass)
	if err != nil {
		return err
	}
	v := wayView{Name: person.Full, Patient: id, Said: waySaid(r.URL.Query().Get("done")), May: opens(r, access.EditContacts), Minor: way.Minor, Confined: confinedWords(way.Confined), Zones: strings.Join(way.Zones, ", "), Places: strings.Join(way.Places, ", ")}
	d.wayPoints(&v, way)
	for _, p := range wishes {
		v.Wishes = append(v.Wishes, wishLines(p)...)
	}
	for _, e := range way.Consents {
		v.Consents = append(v.Consents, d.evidenceRow(r, e))
	}
	for _, p := range way.Papers {
		v.Papers = append(v.Papers, d.paperRow(p))
	}
	for _, c := range way.Caps {
		v.Caps = append(v.Caps, [2]string{capName(c.Cap), strconv.Itoa(c.Used) + " of " + strconv.Itoa(c.Cap.Max)})
	}
	for _, p := range way.Purposes {
		v.Purposes = append(v.Purposes, d.purposeWay(p))
	}
	for _, p := range policy.Purposes() {
		if !p.Fixed {
			v.Topics = append(v.Topics, option{Value: p.Key, Text: p.Name})
		}
	}
	return d.Site.Render(w, r, http.StatusOK, wayPage(d.view(r, "How we may reach "+person.Full, "patients"), v))
}

func waySaid(done string) string {
	switch done {
	case "word":
		return "Written down. It counts from now on."
	case "paper":
		return "The signed permission is kept, and counts."
	case "ended":
		return "The permission has ended."
	}
	return ""
}

func confinedWords(kind string) string {
	switch kind {
	case "email":
		return "by one email address alone"
	case "sms", "voice":
		return "by one telephone number alone"
	case "letter":
		return "by letter alone"
	case "inbox":
		return "in the portal alone"
	}
	return ""
}

// wayPoints puts addresses and caregivers into words.
func (d *Desk) wayPoints(v *wayView, way reach.WayTo) {
	for _, p := range way.Points {
		row := wayPoint{pointRow: pointView(p.Point)}
		if p.With > 0 {
			row.Notes = append(row.Notes, "Also on "+plural(p.With, "other record", "other records")+": first name only, and a notice at most")
		}
		for _, b := range p.Blocks {
			row.Notes = append(row.Notes, "Blocked "+d.day(b.At)+" for "+scopeWords(b.Scope)+": "+blockReason(b))
		}
		if p.Kind == contact.Email && p.Able.OK {
			row.Notes = append(row.Notes, sentenceCase(p.Able.Level.Words()))
		}
		if p.Able.Detail != "" {
			row.Notes = append(row.Notes, sentenceCase(p.Able.Detail))
		}
		v.Points = append(v.Points, row)
	}
	for _, h := range way.Helpers {
		how := "helps with the record"
		if h.Parent {
			how = "parent"
		}
		v.Helpers = append(v.Helpers, [2]string{h.Name, how + ", " + strings.Join(h.Masked, " and ")})
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func scopeWords(scope string) string {
	if p, ok := policy.PurposeOf(scope); ok {
		return strings.ToLower(p.Name)
	}
	return "everything"
}

func blockReason(b reach.Block) string {
	words := map[string]string{"stop": "answered STOP", "complaint": "reported as unwanted", "wrong_person": "somebody else’s", "import": "came with a list", "staff": "the staff blocked it", "provider": "the provider refuses it"}[b.Reason]
	if words == "" {
		words = b.Reason
	}
	if how, ok := strings.CutPrefix(b.Why, "answered "); ok && wordCame(how) != how {
		return words + ", by " + wordCame(how)
	}
	if b.Why != "" {
		words += " (" + b.Why + ")"
	}
	return words
}

// evidenceRow is one word of the ledger, with what proves it.
func (d *Desk) evidenceRow(r *http.Request, e consent.Event) eventRow {
	row := eventRow{When: d.clock(e.At), Words: consentWords(e)}
	more := []string{"by " + wordCame(e.Method)}
	if e.Evidence != "" {
		more = append(more, e.Evidence)
	}
	if e.Method == "staff" || e.Method == "form" {
		more = append(more, "written down by "+d.staffName(r, e.Actor))
	}
	if !e.Due.IsZero() {
		more = append(more, "had to count by "+d.day(e.Due))
	}
	row.Words += " — " + strings.Join(more, "; ")
	return row
}

func wordCame(method string) string {
	words := map[string]string{
		"form": "a form", "sms_keyword": "a word by text", "sms_freetext": "a text in their own words", "call_key": "a key on a call", "staff": "word to the staff",
		"email_reply": "an answer by email", "one_click": "one click in the mail program", "portal": "the portal", "link": "the link in a message", "complaint": "a complaint to the mail provider", "import": "a list that was brought",
	}[method]
	if words == "" {
		return method
	}
	return words
}

func (d *Desk) paperRow(p consent.Paper) paperRow {
	row := paperRow{ID: p.ID, What: p.Describes, Sub: "Signed by " + p.SignedBy + " (" + p.SignedHow + ") on " + d.day(p.Signed) + ", until " + d.day(p.Until)}
	if p.UntilWhat != "" {
		row.Sub += " or " + p.UntilWhat
	}
	if p.Paid {
		row.Sub += ". It says that somebody pays the clinic"
	}
	switch {
	case !p.Ended.IsZero():
		row.Chip = "Ended " + d.day(p.Ended) + ": " + p.EndedHow
	case p.Holds(d.now(), false):
		row.Chip, row.Tone, row.Open = "Counts", "good", true
	default:
		row.Chip = "Is over"
	}
	return row
}

// purposeWay says what would become of a message of one purpose now.
func (d *Desk) purposeWay(p reach.PurposeTo) purposeWay {
	row := purposeWay{Name: p.Name, Wish: p.Wish, Basis: p.Basis}
	switch {
	case p.Verdict == policy.Treat && p.Next.After(d.now().Add(time.Minute)):
		row.Now, row.Tone = p.By.Name()+" from "+d.clock(p.Next), "watch"
	case p.Verdict == policy.Treat:
		row.Now, row.Tone = p.By.Name()+" now", "good"
	case p.Verdict == policy.Defer:
		row.Now, row.Tone = "Not before "+d.clock(p.Next), "watch"
	default:
		row.Now, row.Tone = "Nothing", "act"
	}
	if p.Verdict == policy.Treat && p.Mode != policy.Full {
		row.Now += ", " + strings.ToLower(modeWords(string(p.Mode)))
	}
	for _, reason := range p.Reasons {
		row.Reasons = append(row.Reasons, reason.Words)
	}
	return row
}

var errWord = errs.New(errs.Invalid, "Please choose what was said, about what, and when it came.")

// addWord writes down what a patient said to the staff: a permission, its
// end, or that the risk of plain e-mail was explained and is taken.
func (d *Desk) addWord(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.EditContacts, id)
	if err != nil {
		return err
	}
	e := consent.Event{Channel: r.PostFormValue("channel"), Purpose: r.PostFormValue("purpose"), Action: consent.Action(r.PostFormValue("action")), Method: r.PostFormValue("method"), Evidence: strings.TrimSpace(cut(r.PostFormValue("evidence"), 300))}
	if _, ok := policy.PurposeOf(e.Purpose); !ok && e.Purpose != consent.Any || e.Evidence == "" || (e.Method != "staff" && e.Method != "form" && e.Method != "call_key") {
		return errWord
	}
	switch e.Action {
	case consent.Grant:
	case consent.Revoke:
		at, err := time.ParseInLocation("2006-01-02", r.PostFormValue("came"), d.Site.Clinic.Zone)
		if err != nil || at.After(d.now()) || at.Before(d.now().AddDate(-1, 0, 0)) {
			return errWord
		}
		e.Received = at
	case consent.WarnAck:
		e.Channel, e.Purpose = "email", consent.Any
	default:
		return errWord
	}
	switch e.Channel {
	case "email", "sms", "voice", consent.Any:
	default:
		return errWord
	}
	if err := d.Ledger.Add(r.Context(), pass, e); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+id+"/reach?done=word", http.StatusSeeOther)
	return nil
}

// addPaper keeps a signed permission for marketing.
func (d *Desk) addPaper(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.EditContacts, id)
	if err != nil {
		return err
	}
	p := consent.Paper{Purpose: "marketing", Describes: cut(r.PostFormValue("describes"), 1000), Paid: r.PostFormValue("paid") != "", SignedBy: cut(r.PostFormValue("signer"), 120), SignedHow: r.PostFormValue("how"), UntilWhat: cut(r.PostFormValue("event"), 200)}
	var bad error
	if p.Signed, bad = time.ParseInLocation("2006-01-02", r.PostFormValue("signed"), d.Site.Clinic.Zone); bad != nil {
		return errWord
	}
	if p.Until, bad = time.ParseInLocation("2006-01-02", r.PostFormValue("until"), d.Site.Clinic.Zone); bad != nil {
		return errWord
	}
	if err := d.Ledger.Sign(r.Context(), pass, p); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+id+"/reach?done=paper", http.StatusSeeOther)
	return nil
}

func (d *Desk) endPaper(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.EditContacts, id)
	if err != nil {
		return err
	}
	how := strings.TrimSpace(cut(r.PostFormValue("how"), 200))
	if how == "" {
		how = "taken back by the patient"
	}
	if err := d.Ledger.End(r.Context(), pass, r.PathValue("paper"), how); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+id+"/reach?done=ended", http.StatusSeeOther)
	return nil
}
