package access

import (
	"net/url"

	"hale/internal/standard/smart"
)

// App is a program that asks in somebody's name, or in its own: the client
// of one grant. It sees no more than whoever let it in, and of that no more
// than its scopes and labels name.
type App struct {
	ID      string // the client's
	Name    string // shown on the pages
	Grant   string // id of the grant, which ends when the person stops the app
	Patient string // of the launch; empty for a client that acts for itself
	Scopes  []smart.Scope
	Labels  Label // the sensitive sorts that it was given by name
}

// ByApp begins the purpose of looks through an app; its id follows.
const ByApp = "app/"

// throughApps are the rights that an app may use at all.
var throughApps = []Right{ReadRecord, WriteRecord, FindPatients}

// narrowed returns what an app is shown of s.
func (s sight) narrowed(app *App) sight {
	if app != nil {
		s.shown = (s.shown | s.proof) & app.Labels // the consent was the proof
		s.proof = 0
	}
	return s
}

// App returns the program that p was made for, nil if a person asks.
func (p Pass) App() *App { return p.actor.App }

// Reaches says whether the scopes of the app that asks, if one does, allow
// verb on resources of type typ; and, where it is not on all of them, which
// searches find those that it is on: a resource that any of them finds.
func (p Pass) Reaches(typ string, verb smart.Verb) (some []url.Values, ok bool) {
	app := p.actor.App
	if app == nil {
		return nil, true
	}
	for _, s := range app.Scopes {
		if !s.On(typ, verb) || !p.within(s.Context) {
			continue
		}
		if len(s.Query) == 0 {
			return nil, true
		}
		some, ok = append(some, s.Query), true
	}
	return some, ok
}

// within says whether scopes of context c are about what p opens.
func (p Pass) within(c smart.Context) bool {
	switch c {
	case smart.OfSystem:
		return p.actor.Kind == System
	case smart.OfPatient:
		return p.actor.Kind != System && p.patient != "" && p.patient == p.actor.App.Patient
	}
	return p.actor.Kind != System
}

// Within returns a with no scopes that before did not have: what an app
// began with one token does not grow by another. Of what before had, it keeps
// what a still has.
func (a Actor) Within(before Actor) Actor {
	if a.App == nil || before.App == nil {
		return a
	}
	app := *a.App
	app.Scopes = nil
	for _, s := range before.App.Scopes {
		for _, now := range a.App.Scopes {
			if now.Context == s.Context && now.On(s.Type, s.Verbs) && (len(now.Query) == 0 || now.Query.Encode() == s.Query.Encode()) {
				app.Scopes = append(app.Scopes, s)
				break
			}
		}
	}
	app.Labels &= before.App.Labels
	a.App = &app
	return a
}
