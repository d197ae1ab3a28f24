// Package street shows the demo town's phones and mail boxes side by side:
// what arrived, as the one who got it sees it, with its links and replies.
//
// Everything on these pages is simulated, and says so.
package street

import (
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/face/web"
)

// Config is what the pages need.
type Config struct {
	Site   *web.Site
	Phones *carrier.Carrier
	Mail   *mailbox.Server

	// Name, if not nil, returns whose a number or an address is.
	Name func(address string) string
}

// Street serves the pages below /town.
type Street struct {
	c   Config
	mux *web.Mux
}

// shown is how many phones, and how many mail boxes, a list holds.
const shown = 60

// maxReply is the longest text that a phone sends.
const maxReply = 600

var (
	errNoMail    = errs.New(errs.NotFound, "This mail is not here any more. The town keeps the newest ones only.")
	errNoReply   = errs.New(errs.Invalid, "Nobody has texted this phone yet, so there is nobody to answer.")
	errWords     = errs.New(errs.Invalid, "Please write something to send, up to 600 characters.")
	errNotMember = errs.New(errs.Invalid, "This does not look like a phone number or an email address.")
)

// New returns the pages of c.
func New(c Config) *Street {
	if c.Name == nil {
		c.Name = func(string) string { return "" }
	}
	s := &Street{c: c, mux: web.NewMux()}
	routes := map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /town":                          s.home,
		"GET /town/open":                     s.open,
		"GET /town/phone/{number}":           s.phone,
		"POST /town/phone/{number}":          s.reply,
		"GET /town/mail/{address}":           s.box,
		"GET /town/mail/{address}/{id}":      s.box,
		"GET /town/mail/{address}/{id}/body": s.body,
	}
	for pattern, h := range routes {
		s.mux.Handle(pattern, c.Site.Page(h))
	}
	return s
}

// Handler serves everything below /town.
func (s *Street) Handler() *web.Mux { return s.mux }

// home lists phones and mail boxes.
func (s *Street) home(w http.ResponseWriter, r *http.Request) error {
	find := strings.TrimSpace(r.URL.Query().Get("q"))
	l := list{Find: find}
	l.Texts, l.Phones = s.c.Phones.Count()
	l.Mails, l.Boxes = s.c.Mail.Count()
	for _, o := range s.c.Phones.Phones(digits(find), shown) {
		l.PhoneRows = append(l.PhoneRows, row{
			Href: phoneLink(o.Name), Who: s.c.Name(o.Name), Address: o.Name, Last: line(o.Last.Body), At: o.Last.At, N: o.N,
		})
	}
	for _, o := range s.c.Mail.Boxes(find, shown) {
		l.BoxRows = append(l.BoxRows, row{
			Href: mailLink(o.Name, ""), Who: s.c.Name(o.Name), Address: o.Name, Last: o.Last.Subject, At: o.Last.At, N: o.N,
		})
	}
	return s.c.Site.Render(w, r, http.StatusOK, homePage(s.c.Site.View(r, "Phones and mail boxes", ""), l))
}

// open leads to the phone or the mail box that was typed in.
func (s *Street) open(w http.ResponseWriter, r *http.Request) error {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	to := "/town?q=" + url.QueryEscape(q)
	if a, err := mail.ParseAddress(q); err == nil && a.Address == q {
		to = mailLink(q, "")
	} else if n := "+" + digits(q); strings.HasPrefix(q, "+") && len(n) >= 8 && len(n) <= 16 {
		to = phoneLink(n)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// phone shows one phone.
func (s *Street) phone(w http.ResponseWriter, r *http.Request) error {
	number := r.PathValue("number")
	if "+"+digits(number) != number || len(number) < 8 || len(number) > 16 {
		return errNotMember
	}
	p := phone{Number: number, Who: s.c.Name(number), Texts: s.c.Phones.Texts(number)}
	for _, m := range carrier.Manners() {
		if m.Number == number {
			p.Manner = m.Words
		}
	}
	for _, t := range p.Texts {
		p.CanReply = p.CanReply || !t.Mine
	}
	return s.c.Site.Render(w, r, http.StatusOK, phonePage(s.c.Site.View(r, "Phone "+number, ""), p))
}

// reply sends a text from a phone.
func (s *Street) reply(w http.ResponseWriter, r *http.Request) error {
	number := r.PathValue("number")
	words := strings.TrimSpace(r.FormValue("text"))
	if words == "" || len(words) > maxReply {
		return errWords
	}
	if err := s.c.Phones.Reply(number, words); err != nil {
		return errNoReply.Because(err)
	}
	http.Redirect(w, r, phoneLink(number), http.StatusSeeOther)
	return nil
}

// box shows one mail box and one of its mails, the newest if none is named.
func (s *Street) box(w http.ResponseWriter, r *http.Request) error {
	address, id := r.PathValue("address"), r.PathValue("id")
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		return errNotMember
	}
	b := box{Address: address, Who: s.c.Name(address), Mails: s.c.Mail.Mails(address), Named: id != ""}
	word := mailbox.MannerOf(address)
	for _, m := range mailbox.Manners() {
		if m.Name == word {
			b.Manner = m.Words
		}
	}
	if len(b.Mails) > 0 {
		b.Open = b.Mails[0]
	}
	if id != "" {
		m, ok := s.c.Mail.Mail(address, id)
		if !ok {
			return errNoMail
		}
		b.Open = m
	}
	allowFrame(w.Header())
	return s.c.Site.Render(w, r, http.StatusOK, boxPage(s.c.Site.View(r, "Mail box "+address, ""), b))
}

// allowFrame lets a page hold a frame of this site.
func allowFrame(h http.Header) {
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
}

// body is a mail's HTML, in a sandbox: no scripts, nothing loaded from
// anywhere, links in a window of their own.
func (s *Street) body(w http.ResponseWriter, r *http.Request) error {
	m, ok := s.c.Mail.Mail(r.PathValue("address"), r.PathValue("id"))
	if !ok || m.HTML == "" {
		return errNoMail
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "+
		"style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'self'; form-action 'none'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Cache-Control", "no-store")
	_, err := w.Write([]byte(`<base target="_blank">` + m.HTML))
	return err
}

// list is the town as the first page shows it.
type list struct {
	Find                        string
	Texts, Phones, Mails, Boxes int
	PhoneRows, BoxRows          []row
}

// row is one phone or mail box in a list.
type row struct {
	Href, Who, Address, Last string
	At                       time.Time
	N                        int
}

// phone is one phone.
type phone struct {
	Number, Who, Manner string
	Texts               []carrier.Text // newest first
	CanReply            bool
}

// inOrder returns the texts as a phone shows them: the newest at the bottom.
func (p phone) inOrder() []carrier.Text {
	list := make([]carrier.Text, 0, len(p.Texts))
	for i := len(p.Texts) - 1; i >= 0; i-- {
		list = append(list, p.Texts[i])
	}
	return list
}

// box is one mail box.
type box struct {
	Address, Who, Manner string
	Mails                []mailbox.Mail
	Open                 mailbox.Mail
	Named                bool // a mail was chosen
}

// piece is a part of a text; one with an address is a link.
type piece struct{ Text, Href string }

var links = regexp.MustCompile(`https?://[^\s<>"']+[^\s<>"'.,;:!?)]`)

// pieces finds the links in a text.
func pieces(text string) []piece {
	var list []piece
	for text != "" {
		at := links.FindStringIndex(text)
		if at == nil {
			return append(list, piece{Text: text})
		}
		if at[0] > 0 {
			list = append(list, piece{Text: text[:at[0]]})
		}
		list = append(list, piece{Text: text[at[0]:at[1]], Href: text[at[0]:at[1]]})
		text = text[at[1]:]
	}
	return list
}

// line is the beginning of a text, in one line.
func line(text string) string {
	const most = 90
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func phoneLink(number string) string { return "/town/phone/" + url.PathEscape(number) }

func mailLink(address, id string) string {
	link := "/town/mail/" + url.PathEscape(address)
	if id != "" {
		link += "/" + id
	}
	return link
}
