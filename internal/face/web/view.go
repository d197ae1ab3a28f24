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

	Emergencies []Emergency // records that the reader has open in an emergency
}

// View returns the view of a page called title under the tab with that id.
func (s *Site) View(r *http.Request, title, tab string) View {
	v := View{Title: title, Tab: tab, Site: s, Req: r, Lang: Lang(r), Actor: Actor(r), Patient: Subject(r)}
	if p := r.PathValue("patient"); p != "" && p != v.Actor.Patient {
		i := slices.IndexFunc(v.Actor.Grants, func(g access.Grant) bool { return g.Patient == p })
		if i >= 0 {
			v.For = v.Actor.Grants[i].Name
		}
	}
	return v
}

// T says text in the reader's language.
func (v View) T(text string, args ...any) string { return v.Lang.T(text, args...) }

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
	Count                 int // new things behind it
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
	return append(list, Tab{ID: "more", Href: v.Link("/more"), Label: v.T("More"), Icon: "menu"})
}

// deskTabs returns the entries of the desk's menu that the actor may use.
func (v View) deskTabs() []Tab {
	list := []Tab{{ID: "today", Href: "/desk", Label: v.T("Today"), Icon: "layout-dashboard"}}
	add := func(right access.Right, t Tab) {
		if v.Actor.May(right, "") {
			list = append(list, t)
		}
	}
	add(access.FindPatients, Tab{ID: "patients", Href: "/desk/patients", Label: v.T("Patients"), Icon: "users"})
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
