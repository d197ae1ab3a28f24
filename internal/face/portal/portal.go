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
	Problems  problems
	Documents documents
	Letters   letters // takes what patients send
	Visits    visits
	Inbox     inbox
	Looks     looks
	Records   records
	Fences    fences // whether a proof would show more; nil: no page says so
	Now       func() time.Time
	Audit     watch // nil leaves out who looked at the record; it needs Proofs and Names, too
	Proofs    proofs
	Names     names
	Releases  releases // results that wait, and the patient's wishes; nil: none wait
	Helpers   Helpers  // who helps whom; nil leaves these pages out
	Invited   Invitations
	Rows      Rows
	Requests  Requests // what patients ask about their records; nil leaves these pages out
	Given     Disclosures
	SignIn    *SignIn // the first page, signing in, choosing whom to act for, settings; nil leaves them out
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
	both("GET", "/health", p.health)
	both("GET", "/health/results", p.shared(access.Results, access.ReadRecord, p.resultList))
	both("GET", "/results/{id}", p.shared(access.Results, access.ReadRecord, p.result))
	both("GET", "/results/prefs", p.prefs)
	both("POST", "/results/prefs", p.setPrefs)
	both("GET", "/health/medicines", p.shared(access.Medicines, access.ReadRecord, p.medicineList))
	both("GET", "/health/conditions", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Condition)))
	both("GET", "/health/allergies", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Allergy)))
	both("GET", "/health/vaccines", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Vaccine)))
	both("GET", "/health/procedures", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Procedure)))
	both("GET", "/health/documents", p.shared(access.Documents, access.ReadRecord, p.documentList))
	both("GET", "/documents/{id}", p.shared(access.Documents, access.ReadRecord, p.document))
	both("GET", "/documents/send", p.uploadAsk)
	both("POST", "/documents/send", p.upload)
	both("GET", "/documents/sent", p.uploaded)
	both("GET", "/documents/{id}/file", p.shared(access.Documents, access.ReadRecord, p.documentFile))
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
	both("GET", "/inbox", p.shared(access.Messages, access.ReadMessages, p.inbox))
	both("GET", "/inbox/{id}", p.shared(access.Messages, access.ReadMessages, p.message))
	both("POST", "/inbox/{id}", p.answer)
	both("GET", "/more", p.more)
	if p.Audit != nil {
		both("GET", "/looks", p.shared("", access.ReadLooks, p.lookList))
		both("GET", "/looks/file/{file}", p.lookFile)
	}
	if p.Helpers != nil {
		p.peopleRoutes(mux)
	}
	if p.Requests != nil {
		p.privacyRoutes(both)
	}
	if p.SignIn != nil {
		p.SignIn.Routes(mux) // the first page, /signin, /for, /settings
	}
	return mux
}

type handler = func(http.ResponseWriter, *http.Request) error

func (p *Portal) page(h handler) http.Handler { return p.Site.Page(h) }
