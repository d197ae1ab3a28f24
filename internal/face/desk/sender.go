package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/face/web"
	"hale/internal/gateway/mailin"
	"hale/internal/gateway/mx"
	"hale/internal/reach"
)

// Standing is what the desk needs to say how the world sees its mail.
type Standing interface {
	Standings(ctx context.Context) (mx.Sender, []mx.Standing, error)
}

// MailAudits is what the desk needs to look at the patients' mail servers.
type MailAudits interface {
	Start(ctx context.Context, pass access.Pass, by string) (string, error)
	Latest(ctx context.Context, pass access.Pass) (mx.Audit, bool, error)
	Rows(ctx context.Context, pass access.Pass, audit string, n int) ([]mx.Row, error)
}

// MailReports is what the desk needs of what other servers report.
type MailReports interface {
	Reports(ctx context.Context, pass access.Pass, since time.Time, n int) ([]mailin.Told, error)
}

// Mail is how mail leaves and how well it is protected there.
type Mail struct {
	Standing Standing   // nil: nothing can be looked up
	Audits   MailAudits // nil: the patients' servers cannot be looked at
	Reports  MailReports
	Direct   bool // mail goes to those servers itself, not through a relay
}

// Texting is how the sender of texts is registered with the carriers.
type Texting struct {
	From          string // empty: no texts leave
	Kind          string // 10DLC, toll-free, short code; empty: no registration is written down
	Status, Since string
	OK            bool // marketing may leave
	Facts         [][2]string
}

// senderPageView is how the world sees the clinic's mail.
type senderPageView struct {
	Domain, Through, Note string
	Good, Needed          int // of what receivers ask for
	List                  []mx.Standing
	Audit                 *auditCard
	Texts                 Texting
	Told                  *toldCard // nil: no mail is taken here
}

// auditCard is the last look at the patients' domains.
type auditCard struct {
	Sentence, When string
	Running        bool
	Direct         bool
	Done, Domains  int
	Shares         []shareRow
	Rows           []domainRow
	More           int
}

// shareRow is how many domains have one level.
type shareRow struct {
	Level, Words      string
	Domains, Patients int
}

// domainRow is one domain.
type domainRow struct {
	Domain, Level, Tone string
	Patients            int
}

// mailRoutes are the pages about how mail leaves.
func (d *Desk) mailRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/sender", d.showSender)
	page("POST /desk/sender/domains", d.auditDomains)
	page("GET /desk/sender/domains", d.showDomains)
}

// showSender shows what receivers see of the clinic's mail.
func (d *Desk) showSender(w http.ResponseWriter, r *http.Request) error {
	right := access.RunOutreach
	if !may(r, right) {
		right = access.ManageUsers
	}
	pass, err := d.all(r, right)
	if err != nil {
		return err
	}
	var v senderPageView
	if d.Texting != nil {
		v.Texts = d.Texting()
	}
	for _, s := range d.Senders() {
		if s.Channel == reach.Email {
			v.Through, v.Note = s.Through, s.Note
		}
	}
	if v.Through != "" {
		sender, list, err := d.Mail.Standing.Standings(r.Context())
		if err != nil {
			return err
		}
		v.Domain, v.List = sender.Domain, list
		for _, s := range list {
			if s.Advice {
				continue
			}
			if v.Needed++; s.OK {
				v.Good++
			}
		}
	}
	if v.Through != "" && d.Mail.Reports != nil {
		if v.Told, err = d.told(r, pass); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, http.StatusOK, senderPage(d.view(r, "Sender health", "settings"), v))
}

// mostRows is how many domains the page lists.
const mostRows = 200

// showDomains shows how well mail to the patients' domains is protected.
func (d *Desk) showDomains(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	card := auditCard{Direct: d.Mail.Direct}
	audit, ok, err := d.Mail.Audits.Latest(r.Context(), pass)
	if err != nil {
		return err
	}
	if ok {
		card = d.auditCard(audit)
		card.Direct = d.Mail.Direct
		rows, err := d.Mail.Audits.Rows(r.Context(), pass, audit.ID, mostRows)
		if err != nil {
			return err
		}
		card.More = audit.Domains - len(rows)
		for _, row := range rows {
			card.Rows = append(card.Rows, domainView(row))
		}
	}
	return d.Site.Render(w, r, http.StatusOK, domainsPage(d.view(r, "Mail servers of your patients", "settings"), card, ok))
}

func domainView(r mx.Row) domainRow {
	row := domainRow{Domain: r.Domain, Patients: r.Patients, Level: r.Level.String(), Tone: "good"}
	switch {
	case !r.Done:
		row.Level, row.Tone = "waits", ""
	case !r.Takes:
		row.Level, row.Tone = "takes no mail", "act"
	case r.Level < 2:
		row.Tone = "act"
	}
	return row
}

func (d *Desk) auditCard(a mx.Audit) auditCard {
	c := auditCard{Sentence: a.Sentence(), When: d.day(a.Started), Running: a.Ended.IsZero() || a.Ended.Before(a.Started), Done: a.Done, Domains: a.Domains}
	words := []string{"Not encrypted for certain", "Encrypted, nobody proves who is there", "Encrypted, the server proves its name", "As L2, and the domain vouches for its servers"}
	for l := len(a.Levels) - 1; l >= 0; l-- {
		c.Shares = append(c.Shares, shareRow{Level: "L" + string(rune('0'+l)), Words: words[l], Domains: a.Levels[l].Domains, Patients: a.Levels[l].Patients})
	}
	if a.None.Domains > 0 {
		c.Shares = append(c.Shares, shareRow{Level: "none", Words: "Takes no mail", Domains: a.None.Domains, Patients: a.None.Patients})
	}
	return c
}

// auditDomains looks at the patients' domains anew, in the background.
func (d *Desk) auditDomains(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	if _, err := d.Mail.Audits.Start(r.Context(), pass, web.Actor(r).ID); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/sender/domains", http.StatusSeeOther)
	return nil
}
