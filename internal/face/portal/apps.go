package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/face/web"
	"hale/internal/standard/smart"
)

// Apps is what the portal needs of package client.
type Apps interface {
	Of(ctx context.Context, pass access.Pass) ([]client.Grant, error)
	Stop(ctx context.Context, pass access.Pass, id string) error
}

// appRoutes are the pages about the apps that see a record.
func (p *Portal) appRoutes(both func(method, path string, h handler)) {
	both("GET", "/apps", p.apps)
	both("GET", "/apps/{id}", p.app)
	both("POST", "/apps/{id}/stop", p.stopApp)
}

// appData is one app on a page.
type appData struct {
	client.Grant
	Live   bool
	Groups []appGroup
	Labels []access.Label
}

// appGroup is a group of what an app may see.
type appGroup struct {
	Name  string
	Parts []smart.Part
}

// grants returns the apps that the page is about.
func (p *Portal) grants(r *http.Request, title string) (sheet, access.Pass, []appData, error) {
	s, pass, err := p.open(r, access.ReadRecord, title, "more")
	if err != nil {
		return s, pass, nil, err
	}
	list, err := p.Apps.Of(r.Context(), pass)
	if err != nil {
		return s, pass, nil, err
	}
	data := make([]appData, len(list))
	for i, g := range list {
		data[i] = appData{Grant: g, Live: g.Live(s.Now()), Groups: appGroups(g.Scopes)}
		for _, l := range web.Protected() {
			if g.Labels&l != 0 {
				data[i].Labels = append(data[i].Labels, l)
			}
		}
	}
	return s, pass, data, nil
}

// appGroups sorts what scopes open as the page that asked did.
func appGroups(scopes string) []appGroup {
	offer := smart.ParseAsked(scopes).Offer()
	var list []appGroup
	for _, name := range smart.Groups() {
		g := appGroup{Name: name}
		for _, part := range offer {
			if part.Group == name {
				g.Parts = append(g.Parts, part)
			}
		}
		if len(g.Parts) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// apps lists the apps that see the record.
func (p *Portal) apps(w http.ResponseWriter, r *http.Request) error {
	s, _, list, err := p.grants(r, "Apps that see your record")
	if err != nil {
		return err
	}
	var live, past []appData
	for _, one := range list {
		if one.Live {
			live = append(live, one)
		} else {
			past = append(past, one)
		}
	}
	return p.render(w, r, appsPage(s, live, past, r.URL.Query().Get("done") == "stopped"))
}

// app shows one of them.
func (p *Portal) app(w http.ResponseWriter, r *http.Request) error {
	s, _, list, err := p.grants(r, "An app that sees your record")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(one appData) bool { return one.ID == r.PathValue("id") })
	if i < 0 {
		return errNoPage
	}
	return p.render(w, r, grantPage(s, list[i]))
}

// stopApp ends what an app may see, at once.
func (p *Portal) stopApp(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Apps that see your record", "more")
	if err != nil {
		return err
	}
	if err := p.Apps.Stop(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/apps?done=stopped"), http.StatusSeeOther)
	return nil
}

// groupNames names what an app may see in a few words.
func groupNames(s sheet, groups []appGroup) string {
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		names = append(names, web.GroupWords(s.Lang, g.Name))
	}
	if len(names) == 0 {
		return s.T("Only who you are")
	}
	return strings.Join(names, " · ")
}

// usedWords says when an app last looked.
func usedWords(s sheet, g appData) string {
	if g.Used.IsZero() {
		return s.T("Has not looked yet")
	}
	return s.T("Last looked %s", s.clock(g.Used))
}

// stateWords says what became of an app that sees nothing any more.
func stateWords(s sheet, g appData) string {
	switch {
	case g.Ended.IsZero():
		return s.T("Ended by itself %s", s.day(g.Until))
	case g.EndedWhy == "reused":
		return s.T("We stopped it %s, because somebody may have copied its key", s.day(g.Ended))
	}
	return s.T("Stopped %s", s.day(g.Ended))
}

// lastsWords says how long an app may look.
func lastsWords(s sheet, g appData) string {
	switch g.Keep {
	case client.Offline:
		return s.T("Until you stop it. If it is not used, it ends by itself %s.", s.day(g.Until))
	case client.Online:
		return s.T("Until %s", s.clock(g.Created.Add(client.OnlineLife)))
	}
	return s.T("Until %s", s.clock(g.Until))
}
