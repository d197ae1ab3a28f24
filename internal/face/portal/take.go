package portal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/share"
	"hale/internal/care/summary"
	"hale/internal/face/reading"
	"hale/internal/standard/shlink"
)

// Take is what the pages about taking one's record need; without it they are
// left out.
type Take struct {
	Summaries interface {
		Gather(ctx context.Context, pass access.Pass, w summary.Window, types ...string) (summary.Content, error)
		Bundle(c summary.Content) ([]byte, error)
		IPS(c summary.Content, id string) ([]byte, error)
		CCD(c summary.Content, id string) []byte
	}
	Ledger interface {
		TakeNow(ctx context.Context, by access.Actor, t disclosure.Taken) error
		TakenOf(ctx context.Context, pass access.Pass, n int) ([]disclosure.Taken, error)
		SentSince(ctx context.Context, pass access.Pass, since time.Time) (int, error)
	}
	Shares interface {
		Make(ctx context.Context, pass access.Pass, n share.New) (string, error)
		Of(ctx context.Context, pass access.Pass) ([]share.Share, error)
		Get(ctx context.Context, pass access.Pass, id string) (share.Share, share.Secret, []share.Opening, error)
		Stop(ctx context.Context, pass access.Pass, id string) error
	}
	Reader interface {
		Read(ctx context.Context, text, passcode, recipient string) (share.Found, error)
		Keep(ctx context.Context, pass access.Pass, f share.Found) (string, error)
		Kept(ctx context.Context, pass access.Pass, id string) (share.Found, summary.Content, error)
		Drop(ctx context.Context, pass access.Pass, id string) error
	}
	Letters interface {
		Bring(ctx context.Context, pass access.Pass, in document.Brought) (string, error)
	}
	Mail interface {
		SendShare(ctx context.Context, to, from, link string, l lang.Lang) error
	}
	Base string // https://host
}

// takeRoutes are the pages by which people take their record with them.
func (p *Portal) takeRoutes(both func(method, path string, h handler)) {
	both("GET", "/take", p.shared("", access.ReadRecord, p.take))
	both("GET", "/take/read", p.takeRead)
	both("POST", "/take/file", p.takeFile)
	both("GET", "/take/share", p.shareAsk)
	both("POST", "/take/share", p.shareMake)
	both("GET", "/take/share/{id}", p.shareShow)
	both("POST", "/take/share/{id}/stop", p.shareStop)
	both("POST", "/take/share/{id}/mail", p.shareMail)
	both("GET", "/take/bring", p.bringAsk)
	both("POST", "/take/bring", p.bring)
	both("GET", "/take/bring/{id}", p.bringShow)
	both("POST", "/take/bring/{id}", p.bringEnd)
}

// takeData is what the first page shows.
type takeData struct {
	Visits []pastVisit
	Shares []share.Share
	Ledger []disclosure.Taken
	Done   string
}

// pastVisit is a visit that one can take a summary of.
type pastVisit struct{ ID, Words string }

// take shows what one can do with one's record, and what was done.
func (p *Portal) take(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Take your record with you", "more")
	if err != nil {
		return err
	}
	d := takeData{Done: r.URL.Query().Get("done")}
	if d.Visits, err = p.pastVisits(r, s, pass); err != nil {
		return err
	}
	if d.Shares, err = p.Take.Shares.Of(r.Context(), pass); err != nil {
		return err
	}
	if d.Ledger, err = p.Take.Ledger.TakenOf(r.Context(), pass, 50); err != nil {
		return err
	}
	return p.render(w, r, takePage(s, d))
}

// pastVisits are the newest visits that took place.
func (p *Portal) pastVisits(r *http.Request, s sheet, pass access.Pass) ([]pastVisit, error) {
	if !pass.Sees(access.Visits) {
		return nil, nil
	}
	c, err := p.Take.Summaries.Gather(r.Context(), pass, summary.Window{}, "Encounter")
	if err != nil {
		return nil, err
	}
	var list []pastVisit
	for _, e := range c.List[:min(len(c.List), 12)] {
		what := cmp.Or(e.Node.Get("type").Concept(), e.Node.Get("class", "display").Text(), s.T("Visit"))
		list = append(list, pastVisit{e.ID, s.day(e.When.Low) + " · " + what})
	}
	return list, nil
}

// choice is what somebody chose to take.
type choice struct {
	What  string // all, days or visit
	From  string // a day
	To    string // and the last one
	Visit string
}

var errDays = errs.New(errs.Invalid, "Please choose two days, the earlier one first.")

// readChoice reads a choice out of a form or an address.
func readChoice(q url.Values) choice {
	return choice{What: q.Get("what"), From: q.Get("from"), To: q.Get("to"), Visit: q.Get("visit")}
}

// window returns the time that a choice is about; its last day is inside.
func (c choice) window(zone *time.Location) (w summary.Window, err error) {
	if c.What != "days" {
		return w, nil
	}
	if c.From != "" {
		if w.From, err = time.ParseInLocation(time.DateOnly, c.From, zone); err != nil {
			return w, errDays
		}
	}
	if c.To != "" {
		if w.To, err = time.ParseInLocation(time.DateOnly, c.To, zone); err != nil {
			return w, errDays
		}
		w.To = w.To.AddDate(0, 0, 1)
	}
	if !w.From.IsZero() && !w.To.IsZero() && !w.From.Before(w.To) {
		return w, errDays
	}
	return w, nil
}

// named is the choice as the ledger keeps it.
func (c choice) named(w summary.Window) string {
	if c.What == "visit" && c.Visit != "" {
		return "visit/" + c.Visit
	}
	return share.Range(w)
}

// chosen opens the record for taking, after a fresh proof, and reads what was
// chosen.
func (p *Portal) chosen(r *http.Request, q url.Values, types ...string) (s sheet, c summary.Content, by access.Actor, what string, err error) {
	s, pass, err := p.open(r, access.ExportRecord, "Your health record", "more", access.ReadRecord)
	if err != nil {
		return s, c, by, "", err
	}
	if s.Patient, err = pass.Open(access.ExportRecord); err != nil {
		return s, c, by, "", err
	}
	pick := readChoice(q)
	w, err := pick.window(p.Site.Clinic.Zone)
	if err != nil {
		return s, c, by, "", err
	}
	if c, err = p.Take.Summaries.Gather(r.Context(), s.also[access.ReadRecord], w, types...); err != nil {
		return s, c, by, "", err
	}
	if pick.What == "visit" {
		c = c.Visit(pick.Visit)
	}
	return s, c, pass.Actor(), pick.named(w), nil
}

// takeRead shows the record as a page to read and print: (e)(1)(i)(A).
func (p *Portal) takeRead(w http.ResponseWriter, r *http.Request) error {
	s, c, by, what, err := p.chosen(r, r.URL.Query())
	if err != nil {
		return err
	}
	if err := p.Take.Ledger.TakeNow(r.Context(), by, disclosure.Taken{Patient: s.Patient, Did: disclosure.Viewed, Form: "page", What: what}); err != nil {
		return err
	}
	return p.render(w, r, takeReadPage(s, reading.Whose(c), c.Sections(), readChoice(r.URL.Query())))
}

// takeFile gives the record as a file: (e)(1)(i)(B).
func (p *Portal) takeFile(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	s, c, by, what, err := p.chosen(r, r.PostForm)
	if err != nil {
		return err
	}
	form := r.PostForm.Get("form")
	if !slices.Contains([]string{"page", "ccd", "fhir", "ips"}, form) {
		return errForm
	}
	body, media, name, err := p.written(r, s, c, form)
	if err != nil {
		return err
	}
	if err := p.Take.Ledger.TakeNow(r.Context(), by, disclosure.Taken{Patient: s.Patient, Did: disclosure.Downloaded, Form: form, What: what}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the browser may have gone
	return nil
}

// written writes content in a form; its file's name names nobody.
func (p *Portal) written(r *http.Request, s sheet, c summary.Content, form string) (body []byte, media, name string, err error) {
	day := c.At.In(s.Zone).Format(time.DateOnly)
	switch form {
	case "ccd":
		return p.Take.Summaries.CCD(c, newUUID()), "application/xml", "health-record-" + day + ".xml", nil
	case "fhir":
		body, err = p.Take.Summaries.Bundle(c)
		return body, "application/fhir+json", "health-record-" + day + ".json", err
	case "ips":
		body, err = p.Take.Summaries.IPS(c, newUUID())
		return body, "application/fhir+json", "health-summary-" + day + ".json", err
	}
	var b bytes.Buffer
	err = reading.File(s.Lang, s.T("Your health record"), p.Site.Clinic.Name, s.Lang.LongDate(c.At.In(s.Zone)), reading.Whose(c), c.Sections()).Render(r.Context(), &b)
	return b.Bytes(), "text/html; charset=utf-8", "health-record-" + day + ".html", err
}

// newUUID draws a random UUID, for a document.
//
// Spec: RFC 9562 §5.4
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// didTake says what somebody did, in plain words.
func didTake(l lang.Lang, t disclosure.Taken) string {
	switch t.Did {
	case disclosure.Viewed:
		return l.T("Looked at the whole record")
	case disclosure.Downloaded:
		return l.T("Saved a file: %s", formWords(l, t.Form))
	case disclosure.OpenedBy:
		return l.T("Somebody opened a link")
	}
	if t.Form == "mail" {
		return l.T("Sent a link by email")
	}
	return l.T("Made a link")
}

// formWords names a form of a file.
func formWords(l lang.Lang, form string) string {
	switch form {
	case "ccd":
		return l.T("for another doctor")
	case "fhir":
		return l.T("for an app")
	case "ips", "link":
		return l.T("a short summary")
	}
	return l.T("a page to read")
}

// whatTaken says what of the record it was.
func whatTaken(s sheet, what string) string {
	if what == "" {
		return s.T("Everything")
	}
	if strings.HasPrefix(what, "visit/") {
		return s.T("One visit")
	}
	from, to, _ := strings.Cut(what, "/")
	day := func(text string) string {
		t, err := time.ParseInLocation(time.DateOnly, text, s.Zone)
		if err != nil {
			return "…"
		}
		return s.day(t)
	}
	return s.T("%s to %s", day(from), day(to))
}

// whoTook names who did it.
func whoTook(s sheet, t disclosure.Taken) string {
	switch {
	case t.Kind == access.Link:
		return cmp.Or(t.Recipient, s.T("Not known"))
	case t.Actor == s.Actor.ID:
		return s.T("You")
	}
	return cmp.Or(t.Name, s.T("Not known"))
}

// ends says when a link ends.
func ends(s sheet, one share.Share) string {
	switch {
	case !one.Ended.IsZero():
		return s.T("Stopped on %s", s.day(one.Ended))
	case !one.Works(s.Now()):
		return s.T("Ended on %s", s.day(one.Until))
	}
	return s.T("Works until %s", s.day(one.Until))
}

// viewerLink is the address that a person opens: our page, with the link
// after the #.
func (p *Portal) viewerLink(secret share.Secret) string {
	if !strings.HasPrefix(secret.Link, shlink.Scheme) {
		return ""
	}
	return p.Take.Base + "/shl#" + secret.Link
}
