package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
)

// View is what the frame around a page needs to know.
type View struct {
	Title   string
	Tab     string // the id of the current tab
	Site    *Site
	Req     *http.Request
	Lang    lang.Lang
	Actor   access.Actor
	Patient string // whom the page is about
	For     string // that patient's name while somebody else acts for them, else empty
	Unread  int    // messages, shown on the tab
	Wide    bool   // uses the whole width of a desk
	Card    string // what a messenger may show of the address, empty for nothing

	Emergencies []Emergency // records that the reader has open in an emergency
	Halts       []Halt      // messages that were stopped by hand
	NoInbox     bool        // the desk shows no conversations
	Agenda      bool        // the desk has the clinic's days
	Bills       bool        // the desk has pages about money
	NoQueue     bool        // the desk has no list of what waits
	NoForms     bool        // the desk has no forms
}

// View returns the view of a page called title under the tab with that id.
func (s *Site) View(r *http.Request, title, tab string) View {
	v := View{Title: title, Tab: tab, Site: s.Latest(), Req: r, Lang: Lang(r), Actor: Actor(r), Patient: Subject(r)}
	if p := r.PathValue("patient"); p != "" && p != v.Actor.Patient {
		i := slices.IndexFunc(v.Actor.Grants, func(g access.Grant) bool { return g.Patient == p })
		if i >= 0 {
			v.For = v.Actor.Grants[i].Name
		}
	}
	return v
}

// T says text in the reader's language.
//
// Of somebody else's record English says "their record"; the other languages
// say either by the same word.
func (v View) T(text string, args ...any) string {
	if v.For != "" && v.Lang == lang.English {
		text = strings.ReplaceAll(text, "your record", "their record")
	}
	return v.Lang.T(text, args...)
}

// Link returns the address of a portal page about the same patient.
func (v View) Link(path string) string {
	if p := v.Req.PathValue("patient"); p != "" {
		return "/for/" + p + path
	}
	return path
}

// Nonce returns the nonce of the response.
func (v View) Nonce() string { return Nonce(v.Req) }

// Now returns the time at the clinic.
func (v View) Now() time.Time { return v.Site.Now() }

// WithUnread returns v with n unread messages on the tab.
func (v View) WithUnread(n int) View {
	v.Unread = n
	return v
}

// full returns the text of the title element: what the page is, then whose.
func (v View) full() string {
	if v.Title == "" || v.Title == v.Site.Clinic.Name {
		return v.Site.Clinic.Name
	}
	return v.Title + " · " + v.Site.Clinic.Name
}

// given returns the first word of the actor's name, for the phone's top bar.
func (v View) given() (first, rest string) {
	first, rest, _ = strings.Cut(v.Actor.Name, " ")
	return first, rest
}

// first returns where the logo leads: home, or the choice of a person for
// whoever has no record of their own.
func (v View) first() string {
	if v.Patient == "" {
		return "/for"
	}
	return v.Link("/home")
}

// Tab is one entry of the main menu.
type Tab struct {
	ID, Href, Label, Icon string
	Count                 int    // new things behind it
	Rest                  string // of the label, for who hears it alone
}

// tabs returns the portal's main menu, without what the actor may not open.
func (v View) tabs() []Tab {
	list := []Tab{{ID: "home", Href: v.Link("/home"), Label: v.T("Home"), Icon: "house"}}
	add := func(right access.Right, t Tab) {
		if v.Actor.May(right, v.Patient) {
			list = append(list, t)
		}
	}
	add(access.ReadRecord, Tab{ID: "record", Href: v.Link("/health"), Label: v.T("Record"), Icon: "file-heart"})
	add(access.ReadMessages, Tab{ID: "messages", Href: v.Link("/inbox"), Label: v.T("Messages"), Icon: "messages-square", Count: v.Unread})
	add(access.ReadVisits, Tab{ID: "visits", Href: v.Link("/visits"), Label: v.T("Visits"), Icon: "calendar-days"})
	return append(list, Tab{ID: "more", Href: v.Link("/more"), Label: v.T("More"), Rest: v.T("pages and settings"), Icon: "menu"})
}

// anyOf says whether the actor has one of rights over everybody.
func (v View) anyOf(rights ...access.Right) bool {
	return slices.ContainsFunc(rights, func(right access.Right) bool { return v.Actor.May(right, "") })
}

// deskTabs returns the entries of the desk's menu that the actor may use.
func (v View) deskTabs() []Tab {
	list := []Tab{{ID: "today", Href: "/desk", Label: v.T("Today"), Icon: "layout-dashboard"}}
	add := func(right access.Right, t Tab) {
		if v.Actor.May(right, "") {
			list = append(list, t)
		}
	}
	if !v.NoQueue && v.anyOf(access.AnswerPatients, access.AnswerVisits, access.AnswerBills, access.AnswerPrivacy, access.Translate) {
		list = append(list, Tab{ID: "queue", Href: "/desk/queue", Label: v.T("Queue"), Icon: "clipboard-list"})
	}
	if v.Agenda {
		add(access.AnswerVisits, Tab{ID: "schedule", Href: "/desk/schedule", Label: v.T("Schedule"), Icon: "calendar-days"})
	}
	add(access.FindPatients, Tab{ID: "patients", Href: "/desk/patients", Label: v.T("Patients"), Icon: "users"})
	if !v.NoInbox {
		add(access.AnswerPatients, Tab{ID: "inbox", Href: "/desk/inbox", Label: v.T("Inbox"), Icon: "messages-square"})
	}
	if v.Bills {
		add(access.AnswerBills, Tab{ID: "bills", Href: "/desk/bills", Label: v.T("Bills"), Icon: "file-text"})
	}
	if !v.NoForms && v.anyOf(access.AnswerPatients, access.AnswerVisits) {
		list = append(list, Tab{ID: "forms", Href: "/desk/forms", Label: v.T("Forms"), Icon: "file-text"})
	}
	add(access.RunOutreach, Tab{ID: "outreach", Href: "/desk/outreach", Label: v.T("Outreach"), Icon: "send"})
	add(access.ReadMeasure, Tab{ID: "measure", Href: "/desk/measure", Label: v.T("Measure"), Icon: "chart-line"})
	add(access.ReviewAccess, Tab{ID: "reviews", Href: "/desk/reviews", Label: v.T("Reviews"), Icon: "clipboard-list"})
	add(access.AnswerPrivacy, Tab{ID: "requests", Href: "/desk/requests", Label: v.T("Requests"), Icon: "file-text"})
	add(access.ReadAudit, Tab{ID: "audit", Href: "/desk/audit", Label: v.T("Audit log"), Icon: "eye"})
	add(access.ManageUsers, Tab{ID: "settings", Href: "/desk/settings", Label: v.T("Settings"), Icon: "settings"})
	return list
}

// again returns the address of the page itself, where asking for it anew is
// safe: it was only looked at, or it is the gate of a link.
func (v View) again() string {
	token, gate := strings.CutPrefix(v.Req.URL.Path, "/m/")
	if v.Req.Method != http.MethodGet && (!gate || strings.Contains(token, "/")) {
		return ""
	}
	return Local(v.Req.URL.RequestURI(), "")
}

// tel returns a telephone link's address.
func tel(number string) string {
	return "tel:" + strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
}

// openWords says whether the clinic is open, and until or from when; nothing
// where it did not say.
func (v View) openWords() string {
	if v.Site.Clinic.Open == nil {
		return ""
	}
	now := v.Now()
	open, next := v.Site.Clinic.Open(now)
	switch {
	case next.IsZero():
		return ""
	case open:
		return v.T("Open now, until %s.", v.Lang.Clock(next))
	case next.YearDay() == now.YearDay() && next.Year() == now.Year():
		return v.T("Closed now. We open at %s.", v.Lang.Clock(next))
	}
	return v.T("Closed now. We open on %s at %s.", v.Lang.Date(next), v.Lang.Clock(next))
}

// Welcome is what the clinic says first to everybody, in the reader's
// language, or nothing.
func (v View) Welcome() string { return v.Site.Clinic.Welcome[v.Lang.Tag()] }
