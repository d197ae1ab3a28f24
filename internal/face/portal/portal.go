// Package portal is what a patient, or somebody who acts for one, sees in a
// browser: home, the record, messages, visits.
//
// Every page works without a script and from 320 pixels up, and each is there
// twice: for one's own record, and under /for/{patient}/ for somebody else's,
// so that whom one acts for is in the address and cannot be forgotten.
package portal

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/care/document"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/record"
)

// Config is what the portal is made of.
type Config struct {
	Site      *web.Site
	Doors     doors
	People    people
	Results   results
	Medicines medicines
	Readings  Readings            // from home; nil leaves these pages out. They go with Tasks
	Units     func() result.Units // in which amounts of the body are asked and said; nil: customary
	Supplies  Supplies            // of medicines, and more of them; nil leaves these pages out
	Problems  problems
	Documents documents
	Entries   entries // devices, family, insurance, team, goals, plans, orders; nil leaves these pages out
	Dues      Dues    // what is due; nil: nothing is said of it
	Prices    Prices  // what visits cost; nil: nothing is said of it
	Reviews   reviews // who looked at results; nil: nothing is said of it
	Feeds     feeds   // where records come from; nil: nothing is said of it
	Letters   letters // takes what patients send
	Visits    visits
	CheckIn   *CheckIn // nil leaves out checking in
	Recaps    Recaps   // what came of visits; nil leaves these pages out
	Bills     Bills    // nil leaves the pages about money out; they need Base
	Base      string   // https://host
	PayHow    string   // how to pay otherwise than by card, in the clinic's words; may be empty
	Mirror    Mirror   // lets staff look; nil: they look without it
	Tasks     Tasks    // what patients ask of the clinic; nil leaves these pages out
	Inbox     inbox
	Talk      *Talk  // writing to the clinic; nil leaves these pages out
	Forms     *Forms // to be filled in; nil leaves these pages out
	Looks     looks
	Records   records
	Fences    fences // whether a proof would show more; nil: no page says so
	Now       func() time.Time
	Audit     watch // nil leaves out who looked at the record; it needs Proofs and Names, too
	Proofs    proofs
	Names     names
	Releases  releases // results that wait, and the patient's wishes; nil: none wait
	Choices   Choices  // about what, how and how often somebody wants to be written to; nil leaves the page out
	Helpers   Helpers  // who helps whom; nil leaves these pages out
	Invited   Invitations
	Rows      Rows
	Requests  Requests // what patients ask about their records; nil leaves these pages out
	Given     Disclosures
	Apps      Apps    // apps that see records; nil leaves these pages out
	Take      *Take   // taking the record along, and links to it; nil leaves these pages out
	SignIn    *SignIn // the first page, signing in, choosing whom to act for, settings; nil leaves them out

	Translations translations // of what the clinic wrote; nil: there are none
}

type doors interface {
	Check(ctx context.Context, a access.Actor, right access.Right, patient string) (access.Pass, error)
	CheckMany(ctx context.Context, a access.Actor, patient string, rights ...access.Right) ([]access.Pass, error)
	Refuse(ctx context.Context, a access.Actor, right access.Right, patient string) error
}

type people interface {
	Get(ctx context.Context, pass access.Pass) (patient.Person, error)
}

type results interface {
	Recent(ctx context.Context, pass access.Pass, category result.Category, n int) ([]result.Result, error)
	Since(ctx context.Context, pass access.Pass, t time.Time, n int) ([]result.Result, error)
	Trend(ctx context.Context, pass access.Pass, code string, n int) ([]result.Result, error)
	Get(ctx context.Context, pass access.Pass, id string) (result.Result, error)
	Goals(ctx context.Context, pass access.Pass) (map[string]result.Goal, error)
	Count(ctx context.Context, pass access.Pass) (int, time.Time, error)
}

type medicines interface {
	List(ctx context.Context, pass access.Pass, n int) ([]medication.Medicine, error)
	Count(ctx context.Context, pass access.Pass) (int, time.Time, error)
}

type problems interface {
	List(ctx context.Context, pass access.Pass, kind problem.Kind, n int) ([]problem.Problem, error)
	Get(ctx context.Context, pass access.Pass, kind problem.Kind, id string) (problem.Problem, error)
	Counts(ctx context.Context, pass access.Pass) (map[problem.Kind]problem.Count, error)
}

type documents interface {
	List(ctx context.Context, pass access.Pass, n int) ([]document.Document, error)
	Count(ctx context.Context, pass access.Pass) (int, time.Time, error)
	Read(ctx context.Context, pass access.Pass, id string) (document.Reading, error)
	File(ctx context.Context, pass access.Pass, id string) (media string, body []byte, err error)
}

type letters interface {
	Send(ctx context.Context, pass access.Pass, letter document.Letter) (id string, err error)
}

type visits interface {
	waits
	Upcoming(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Past(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Get(ctx context.Context, pass access.Pass, id string) (visit.Visit, error)
	Services(ctx context.Context) ([]visit.Service, error)
	Slots(ctx context.Context, service string, from time.Time, n int) ([]visit.Slot, error)
	Slot(ctx context.Context, id string) (visit.Slot, error)
	Book(ctx context.Context, pass access.Pass, slot string, how visit.How) (visit.Visit, error)
	Cancel(ctx context.Context, pass access.Pass, id string) error
	Move(ctx context.Context, pass access.Pass, id, slot string, how visit.How) (visit.Visit, error)
}

type inbox interface {
	Inbox(ctx context.Context, pass access.Pass) ([]reach.Content, error)
	Mark(ctx context.Context, pass access.Pass, message, kind string, data any) error
}

type looks interface {
	Look(ctx context.Context, pass access.Pass) (time.Time, error)
}

type fences interface {
	Fenced(ctx context.Context, pass access.Pass) (bool, error)
}

type records interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
}

// Portal is the patient's face.
type Portal struct {
	Config
	taking chan struct{} // a place for each file that is being taken
}

// New returns a portal made of c.
func New(c Config) *Portal { return &Portal{c, make(chan struct{}, uploads)} }

// Handler returns the portal's pages. It does not wrap them: Site.Wrap goes
// around the whole server.
func (p *Portal) Handler() *web.Mux {
	mux := web.NewMux()
	both := func(method, path string, h handler) {
		mux.Handle(method+" "+path, p.page(h))
		mux.Handle(method+" /for/{patient}"+path, p.page(h))
	}
	both("GET", "/home", p.home)
	p.wishRoutes(both)
	p.medicineRoutes(both)
	p.readingRoutes(both)
	p.recordRoutes(both)
	p.dueRoutes(both)
	p.visitRoutes(both)
	p.waitRoutes(both)
	if p.CheckIn != nil {
		p.checkInRoutes(both)
	}
	if p.Recaps != nil {
		p.recapRoutes(both)
	}
	both("GET", "/inbox", p.shared(access.Messages, access.ReadMessages, p.inbox))
	both("GET", "/inbox/{id}", p.shared(access.Messages, access.ReadMessages, p.message))
	both("POST", "/inbox/{id}", p.answer)
	if p.Talk != nil {
		p.threadRoutes(both)
	}
	if p.Forms != nil {
		p.formRoutes(both)
	}
	both("GET", "/more", p.more)
	if p.Tasks != nil {
		p.interpreterRoutes(both)
		p.askedRoutes(both)
	}
	if p.Bills != nil {
		p.billRoutes(both)
		p.estimateRoutes(both)
	}
	p.lookRoutes(both)
	if p.Helpers != nil {
		p.peopleRoutes(mux)
	}
	if p.Requests != nil {
		p.privacyRoutes(both)
	}
	if p.Take != nil {
		p.takeRoutes(both)
	}
	if p.Apps != nil {
		p.appRoutes(both)
	}
	if p.SignIn != nil {
		p.SignIn.Routes(mux) // the first page, /signin, /for, /settings
	}
	return mux
}

// visitRoutes adds the pages of visits, and of booking one.
func (p *Portal) visitRoutes(both func(method, path string, h handler)) {
	both("GET", "/visits", p.shared(access.Visits, access.ReadVisits, p.visitList))
	both("GET", "/visits/{id}", p.shared(access.Visits, access.ReadVisits, p.visit))
	both("GET", "/visits/{id}/calendar", p.calendar)
	both("GET", "/visits/{id}/cancel", p.cancelAsk)
	both("POST", "/visits/{id}/cancel", p.cancel)
	both("GET", "/visits/{id}/move", p.moveAsk)
	both("POST", "/visits/{id}/move", p.move)
	both("GET", "/book", p.shared(access.Visits, access.BookVisits, p.services))
	both("GET", "/book/{service}", p.times)
	both("GET", "/book/{service}/check", p.bookCheck)
	both("POST", "/book/{service}", p.book)
}

type handler = func(http.ResponseWriter, *http.Request) error

func (p *Portal) page(h handler) http.Handler { return p.Site.Page(p.asSeen(h)) }
