package desk

import (
	"context"
	"net/http"
	"net/url"

	"hale/internal/access"
	"hale/internal/access/emergency"
	"hale/internal/access/snoop"
	"hale/internal/care/patient"
)

// Findings is what the desk needs of package snoop.
type Findings interface {
	Waiting(ctx context.Context, pass access.Pass, n int) ([]snoop.Finding, error)
	Done(ctx context.Context, pass access.Pass, n int) ([]snoop.Finding, error)
	Get(ctx context.Context, pass access.Pass, id string) (snoop.Finding, error)
	Review(ctx context.Context, pass access.Pass, id, verdict, note string) error
	Own(ctx context.Context, pass access.Pass, account string) (snoop.Own, error)
	SetOwn(ctx context.Context, pass access.Pass, o snoop.Own) error
	Flag(ctx context.Context, pass access.Pass) (snoop.Flag, error)
	SetFlag(ctx context.Context, pass access.Pass, on bool, reason string) error
}

const reviewsMost = 100

// listReviews shows what must be reviewed: emergency access, and looks that
// nothing explains.
func (d *Desk) listReviews(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ReviewAccess)
	if err != nil {
		return err
	}
	v := reviewsView{}
	if r.URL.Query().Get("note") == "reviewed" {
		v.Said = "Kept. It is under “Reviewed” below."
	}
	open, err := d.Emergencies.Waiting(r.Context(), pass, reviewsMost)
	if err != nil {
		return err
	}
	closed, err := d.Emergencies.Done(r.Context(), pass, 20)
	if err != nil {
		return err
	}
	found, err := d.Findings.Waiting(r.Context(), pass, reviewsMost)
	if err != nil {
		return err
	}
	done, err := d.Findings.Done(r.Context(), pass, 20)
	if err != nil {
		return err
	}
	names := d.namer(r)
	people, err := d.named(r, append(openingPatients(open, closed), findingPatients(found, done)...)...)
	if err != nil {
		return err
	}
	for _, o := range open {
		v.Emergencies = append(v.Emergencies, d.openingRow(o, people, names))
	}
	for _, f := range found {
		v.Found = append(v.Found, d.findingRow(f, people, names))
	}
	for _, o := range closed {
		v.Done = append(v.Done, d.openingRow(o, people, names))
	}
	for _, f := range done {
		v.Done = append(v.Done, d.findingRow(f, people, names))
	}
	if names.err != nil {
		return names.err
	}
	return d.Site.Render(w, r, http.StatusOK, reviewsPage(d.view(r, "Reviews", "reviews"), v))
}

func openingPatients(lists ...[]emergency.Opening) []string {
	var ids []string
	for _, list := range lists {
		for _, o := range list {
			ids = append(ids, o.Patient)
		}
	}
	return ids
}

func findingPatients(lists ...[]snoop.Finding) []string {
	var ids []string
	for _, list := range lists {
		for _, f := range list {
			ids = append(ids, f.Patient)
		}
	}
	return ids
}

// namer names accounts and remembers the first error.
type namer struct {
	d     *Desk
	r     *http.Request
	known map[string]string
	err   error
}

func (d *Desk) namer(r *http.Request) *namer { return &namer{d: d, r: r, known: map[string]string{}} }

func (n *namer) of(account string) string {
	who, err := n.d.accountName(n.r, account, n.known)
	if err != nil && n.err == nil {
		n.err = err
	}
	return who
}

// openingRow puts an emergency access into words.
func (d *Desk) openingRow(o emergency.Opening, people map[string]patient.Person, names *namer) reviewRow {
	row := reviewRow{Href: "/desk/reviews/emergency/" + o.ID, Icon: "triangle-alert", Who: names.of(o.Account), Whom: people[o.Patient].Full, When: d.clock(o.At),
		Title: "Emergency access", Why: emergency.Words(o.Code) + ": “" + o.Reason + "”"}
	if o.Reviewed.IsZero() {
		row.Chip, row.Tone = d.overdueWords(o, d.now())
		return row
	}
	return row.judged(string(o.Verdict), o.Note, names.of(o.Reviewer), d.clock(o.Reviewed))
}

// findingRow puts a look that nothing explains into words.
func (d *Desk) findingRow(f snoop.Finding, people map[string]patient.Person, names *namer) reviewRow {
	row := reviewRow{Href: "/desk/reviews/looks/" + f.ID, Icon: "eye", Who: names.of(f.Account), Whom: people[f.Patient].Full, When: d.clock(f.Last),
		Title: "A look that nothing explains", Why: f.Why(), Chip: "Weight " + intText(f.Score), Tone: "watch"}
	if f.Patient == "" {
		row.Title, row.Whom = "A day with many records", counted(f.Looks, "record", "records")
	}
	if f.Score >= 75 {
		row.Tone = "act"
	}
	if f.Reviewed.IsZero() {
		return row
	}
	return row.judged(f.Verdict, f.Note, names.of(f.Reviewer), d.clock(f.Reviewed))
}

// judged returns row with what a review found.
func (row reviewRow) judged(verdict, note, by, when string) reviewRow {
	row.Chip, row.Tone = "Appropriate", "good"
	if verdict != string(emergency.Appropriate) {
		row.Chip, row.Tone = "Not appropriate", "act"
	}
	row.Verdict = "Reviewed by " + by + ", " + when + ": “" + note + "”"
	return row
}

// showEmergencyReview shows one emergency access to its reviewer.
func (d *Desk) showEmergencyReview(w http.ResponseWriter, r *http.Request) error {
	return d.emergencyReviewPage(w, r, http.StatusOK, "")
}

func (d *Desk) emergencyReviewPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	pass, err := d.all(r, access.ReviewAccess)
	if err != nil {
		return err
	}
	o, err := d.Emergencies.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	people, err := d.named(r, o.Patient)
	if err != nil {
		return err
	}
	names := d.namer(r)
	v := reviewView{reviewRow: d.openingRow(o, people, names), Patient: o.Patient, Err: wrong, Note: r.PostFormValue("note"), Open: o.Reviewed.IsZero()}
	if d.Log != nil {
		v.Log = "/desk/audit?" + url.Values{"actor": {o.Account}, "patient": {o.Patient}}.Encode()
	}
	v.Facts = [][2]string{{"Who", v.Who}, {"Record of", v.Whom}, {"Opened", d.clock(o.At)}, {"Until", d.clock(o.Until)}}
	if !o.Closed.IsZero() {
		v.Facts[3] = [2]string{"Ended", d.clock(o.Closed)}
	}
	v.Facts = append(v.Facts, [2]string{"What has happened", emergency.Words(o.Code)}, [2]string{"Reason given", o.Reason})
	return d.reviewed(w, r, status, v, names)
}

// showLookReview shows one finding to its reviewer.
func (d *Desk) showLookReview(w http.ResponseWriter, r *http.Request) error {
	return d.lookReviewPage(w, r, http.StatusOK, "")
}

func (d *Desk) lookReviewPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	pass, err := d.all(r, access.ReviewAccess)
	if err != nil {
		return err
	}
	f, err := d.Findings.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	people, err := d.named(r, f.Patient)
	if err != nil {
		return err
	}
	names := d.namer(r)
	v := reviewView{reviewRow: d.findingRow(f, people, names), Patient: f.Patient, Err: wrong, Note: r.PostFormValue("note"), Open: f.Reviewed.IsZero()}
	if d.Log != nil {
		v.Log = "/desk/audit?" + url.Values{"actor": {f.Account}, "patient": {f.Patient}}.Encode()
	}
	v.Facts = [][2]string{{"Who", v.Who}, {"Record of", v.Whom}, {"First look", d.clock(f.First)}, {"Last look", d.clock(f.Last)},
		{"Rows of the log", intText(f.Looks)}, {"Weight", intText(f.Score) + " of 100"}}
	for _, s := range f.Signs {
		v.Signs = append(v.Signs, s.Words())
	}
	return d.reviewed(w, r, status, v, names)
}

func (d *Desk) reviewed(w http.ResponseWriter, r *http.Request, status int, v reviewView, names *namer) error {
	if names.err != nil {
		return names.err
	}
	return d.Site.Render(w, r, status, reviewPage(d.view(r, v.Title, "reviews"), v))
}

// reviewEmergency keeps the verdict on an emergency access.
func (d *Desk) reviewEmergency(w http.ResponseWriter, r *http.Request) error {
	return d.judge(w, r, d.emergencyReviewPage, func(pass access.Pass, id, verdict, note string) error {
		return d.Emergencies.Review(r.Context(), pass, id, emergency.Verdict(verdict), note)
	})
}

// reviewLook keeps the verdict on a finding.
func (d *Desk) reviewLook(w http.ResponseWriter, r *http.Request) error {
	return d.judge(w, r, d.lookReviewPage, func(pass access.Pass, id, verdict, note string) error {
		return d.Findings.Review(r.Context(), pass, id, verdict, note)
	})
}

func (d *Desk) judge(w http.ResponseWriter, r *http.Request, again func(http.ResponseWriter, *http.Request, int, string) error,
	do func(pass access.Pass, id, verdict, note string) error) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.ReviewAccess)
	if err != nil {
		return err
	}
	err = do(pass, r.PathValue("id"), in.Get("verdict"), in.Get("note"))
	if status, say, ok := mended(err); ok {
		return again(w, r, status, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/reviews?note=reviewed", http.StatusSeeOther)
	return nil
}
