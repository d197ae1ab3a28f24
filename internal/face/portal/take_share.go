package portal

import (
	"fmt"
	"net/http"
	"net/mail"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/share"
	"hale/internal/care/summary"
	"hale/internal/face/reading"
	"hale/internal/face/web"
)

// shareForm is what somebody wrote about a link to make.
type shareForm struct {
	Label, Days     string
	Live, Code, All bool
	choice
	Problem string
}

// shareAsk is the form for a link.
func (p *Portal) shareAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.ExportRecord, "Make a link to your summary", "more")
	if err != nil {
		return err
	}
	return p.render(w, r, sharePage(s, shareForm{Days: "7", Code: true, choice: choice{What: "all"}}))
}

// shareMake makes a link and shows it: (e)(1)(i)(C), an encrypted way.
func (p *Portal) shareMake(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ExportRecord, "Make a link to your summary", "more", access.ReadRecord)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	f := shareForm{Label: r.PostForm.Get("label"), Days: r.PostForm.Get("days"), Live: r.PostForm.Get("live") != "", Code: r.PostForm.Get("code") != "", All: r.PostForm.Get("all") != "", choice: readChoice(r.PostForm)}
	window, err := f.window(p.Site.Clinic.Zone)
	var id string
	if err == nil {
		days, _ := strconv.Atoi(f.Days) // what is no number of days is refused as none
		id, err = p.Take.Shares.Make(r.Context(), pass, share.New{Label: f.Label, Days: days, Live: f.Live && !f.All, Code: f.Code, All: f.All, Window: window,
			Summary: func(id string) ([]byte, error) { return p.shareSummary(r, s, f, window, id) }})
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany) {
		f.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), sharePage(s, f))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/take/share/"+id+"?done=made"), http.StatusSeeOther)
	return nil
}

// shareSummary writes what is behind a link for once. Unless its maker wants
// it all, it holds what a link may see: nothing that is specially protected.
func (p *Portal) shareSummary(r *http.Request, s sheet, f shareForm, w summary.Window, id string) ([]byte, error) {
	pass := s.also[access.ReadRecord]
	if !f.All && s.own() {
		var err error
		link := access.LinkActor("share:"+s.Actor.ID, s.Patient, access.ReadRecord, access.ReadVisits)
		if pass, err = p.Doors.Check(r.Context(), link, access.ReadRecord, s.Patient); err != nil {
			return nil, err
		}
	}
	c, err := p.Take.Summaries.Gather(r.Context(), pass, w, summary.IPSTypes...)
	if err != nil {
		return nil, err
	}
	return p.Take.Summaries.IPS(c, id)
}

// shareData is one link.
type shareData struct {
	share.Share
	Link, Code, Done, Problem string
	Square                    square
	Opened                    []share.Opening
}

// shareShow shows a link: the square to scan, the address, who opened it.
func (p *Portal) shareShow(w http.ResponseWriter, r *http.Request) error {
	s, d, _, err := p.oneShare(r)
	if err != nil {
		return err
	}
	d.Done = r.URL.Query().Get("done")
	return p.render(w, r, shareShowPage(s, d))
}

// oneShare opens one link.
func (p *Portal) oneShare(r *http.Request) (s sheet, d shareData, pass access.Pass, err error) {
	s, pass, err = p.open(r, access.ReadRecord, "Your link", "more")
	if err != nil {
		return s, d, pass, err
	}
	var secret share.Secret
	if d.Share, secret, d.Opened, err = p.Take.Shares.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return s, d, pass, err
	}
	d.Link, d.Code = p.viewerLink(secret), secret.Code
	if d.Link != "" {
		d.Square, err = newSquare(d.Link)
	}
	return s, d, pass, err
}

func (p *Portal) shareStop(w http.ResponseWriter, r *http.Request) error {
	s, d, pass, err := p.oneShare(r)
	if err != nil {
		return err
	}
	if err := p.Take.Shares.Stop(r.Context(), pass, d.ID); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/take/share/"+d.ID+"?done=stopped"), http.StatusSeeOther)
	return nil
}

// mailsADay is how many links one record sends by e-mail in a day.
const mailsADay = 10

var (
	errMail  = errs.New(errs.Invalid, "Please write the email address of the person.")
	errSure  = errs.New(errs.Invalid, "Please say that you know that an email without a code is not protected.")
	errMails = errs.New(errs.TooMany, "That is all we can send today. Please try again tomorrow.")
)

// shareMail sends a link to an address that the patient chose. Without a code
// whoever reads the mail can open it: that is the sender's own choice, and is
// kept as such.
func (p *Portal) shareMail(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ExportRecord, "Your link", "more")
	if err != nil {
		return err
	}
	_, d, _, err := p.oneShare(r)
	if err != nil {
		return err
	}
	to, err := p.mailTo(r, pass, d)
	if err == nil {
		err = p.Take.Mail.SendShare(r.Context(), to, s.Actor.Name, d.Link, s.Lang)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany || kind == errs.Unavailable) {
		d.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), shareShowPage(s, d))
	}
	if err != nil {
		return err
	}
	err = p.Take.Ledger.TakeNow(r.Context(), pass.Actor(), disclosure.Taken{Patient: d.Patient, Did: disclosure.Sent, Form: "mail", What: share.Range(d.Window), Recipient: to, Plainly: !d.Locked()})
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/take/share/"+d.ID+"?done=mailed"), http.StatusSeeOther)
	return nil
}

// mailTo returns the address that a link goes to, if it may.
func (p *Portal) mailTo(r *http.Request, pass access.Pass, d shareData) (string, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(r.PostFormValue("to")))
	if err != nil || len(a.Address) > 254 || !strings.Contains(a.Address, "@") || d.Link == "" {
		return "", errMail
	}
	if !d.Locked() && r.PostFormValue("sure") == "" {
		return "", errSure
	}
	n, err := p.Take.Ledger.SentSince(r.Context(), pass, p.Now().AddDate(0, 0, -1))
	if err != nil {
		return "", err
	}
	if n >= mailsADay {
		return "", errMails
	}
	return a.Address, nil
}

// bringData is what the pages about bringing a summary show.
type bringData struct {
	Link, Problem, ID, Label string
	Who                      reading.Person
	Sections                 []summary.Section
	Done                     string
}

// bringAsk asks for a link from elsewhere.
func (p *Portal) bringAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.SendMessages, "Bring a summary from elsewhere", "more")
	if err != nil {
		return err
	}
	return p.render(w, r, bringPage(s, bringData{Done: r.URL.Query().Get("done")}))
}

// bring reads what is behind a link and keeps it for a look.
func (p *Portal) bring(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Bring a summary from elsewhere", "more")
	if err != nil {
		return err
	}
	found, err := p.Take.Reader.Read(r.Context(), r.PostFormValue("link"), r.PostFormValue("code"), p.Site.Latest().Clinic.Name)
	var id string
	if err == nil {
		if _, err = found.Content(); err == nil {
			id, err = p.Take.Reader.Keep(r.Context(), pass, found)
		}
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.NotFound || kind == errs.Unavailable) {
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, bringPage(s, bringData{Link: r.PostFormValue("link"), Problem: s.T(errs.Say(err))}))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/take/bring/"+id), http.StatusSeeOther)
	return nil
}

// bringShow shows what was brought, before anybody else sees it.
func (p *Portal) bringShow(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Is this what you want to send?", "more")
	if err != nil {
		return err
	}
	f, c, err := p.Take.Reader.Kept(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.render(w, r, bringShowPage(s, bringData{ID: r.PathValue("id"), Label: f.Label, Who: reading.Whose(c), Sections: c.Sections()}))
}

// bringEnd sends what was brought to the clinic, or forgets it.
func (p *Portal) bringEnd(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Bring a summary from elsewhere", "more")
	if err != nil {
		return err
	}
	id, done := r.PathValue("id"), "dropped"
	if r.PostFormValue("act") == "send" {
		f, c, err := p.Take.Reader.Kept(r.Context(), pass, id)
		if err != nil {
			return err
		}
		title := strings.TrimSpace(fmt.Sprintf("%s %s", s.T("Summary from elsewhere"), f.Label))
		if _, err := p.Take.Letters.Bring(r.Context(), pass, document.Brought{Title: title, Text: c.Plain(), Files: f.Files}); err != nil {
			return err
		}
		done = "sent"
	}
	if err := p.Take.Reader.Drop(r.Context(), pass, id); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/take/bring?done="+done), http.StatusSeeOther)
	return nil
}

// days are the choices of how long a link works, in words.
func days(s sheet) []web.Crumb {
	list := make([]web.Crumb, 0, len(share.Days))
	for _, n := range share.Days {
		words := s.T("%d days", n)
		switch n {
		case 1:
			words = s.T("1 day")
		case 365:
			words = s.T("1 year")
		}
		if n > 7 && !s.own() {
			continue
		}
		list = append(list, web.Crumb{Label: words, Href: strconv.Itoa(n)})
	}
	return list
}

// openedWords says when somebody opened a link.
func openedWords(s sheet, o share.Opening) string {
	if o.Opened {
		return s.T("%s opened it on %s", o.Recipient, s.clock(o.At))
	}
	return s.T("A wrong code on %s", s.clock(o.At))
}

// shareName is what a link is called.
func shareName(s sheet, one share.Share) string {
	if one.Label == "" {
		return s.T("A link to your summary")
	}
	return one.Label
}

// openedCount says how often a link was opened.
func openedCount(s sheet, n int) string {
	switch n {
	case 0:
		return s.T("Not opened yet")
	case 1:
		return s.T("Opened once")
	}
	return s.T("Opened %d times", n)
}

// shareHead says how it went.
func shareHead(s sheet, d shareData) string {
	switch {
	case d.Done == "mailed":
		return s.T("We sent the link")
	case d.Done == "stopped" || !d.Ended.IsZero():
		return s.T("The link is stopped")
	case !d.Works(s.Now()):
		return s.T("The link has ended")
	case d.Done == "made":
		return s.T("Your link is ready")
	}
	return s.T("Your link")
}
