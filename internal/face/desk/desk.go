// Package desk is the web site that the clinic's staff see.
//
// A page shows what its reader's rights open and leads nowhere else: who may
// not open records sees no name, not even in a preview.
package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/segment"
	"hale/internal/store/audit"
)

// Outreaches is what the desk needs of the engine.
type Outreaches interface {
	Save(ctx context.Context, pass access.Pass, o reach.Outreach) (reach.Outreach, error)
	Get(ctx context.Context, pass access.Pass, id string) (reach.Outreach, error)
	List(ctx context.Context, pass access.Pass) ([]reach.Outreach, error)
	Delete(ctx context.Context, pass access.Pass, id string) error
	DryRun(ctx context.Context, pass access.Pass, id string) (reach.Forecast, error)
	Start(ctx context.Context, pass access.Pass, id string) error
	Pause(ctx context.Context, pass access.Pass, id string) error
	Resume(ctx context.Context, pass access.Pass, id string) error
	Stop(ctx context.Context, pass access.Pass, id string) error
	Progress(ctx context.Context, pass access.Pass, id string) (reach.Progress, error)
	Trail(ctx context.Context, pass access.Pass, outreach string) (reach.Trail, error)
	Copies(ctx context.Context, pass access.Pass, outreach string) ([]reach.Content, error)
	Count(ctx context.Context, pass access.Pass, e segment.Expr) (int, error)
	Sent(ctx context.Context, pass access.Pass) ([]reach.Outreach, error)
	Members(ctx context.Context, pass access.Pass, outreach, state, after string, n int) ([]reach.Member, error)
	Met(ctx context.Context, pass access.Pass) ([]reach.Member, error)
	Against(ctx context.Context, pass access.Pass, outreach string) (int, error)
	Bounces(ctx context.Context, pass access.Pass) (map[contact.Kind]map[string]reach.Bounce, error)
}

// Effects is what the desk needs of package measure.
type Effects interface {
	Effect(ctx context.Context, pass access.Pass, outreach string) (measure.Effect, error)
	Funnel(ctx context.Context, pass access.Pass, outreach ...string) (measure.Funnel, error)
	ByChannel(ctx context.Context, pass access.Pass, outreach string) ([]measure.ChannelRow, error)
}

// Patients is what the desk needs of package patient.
type Patients interface {
	Get(ctx context.Context, pass access.Pass) (patient.Person, error)
	Find(ctx context.Context, pass access.Pass, query string, n int) ([]patient.Person, error)
	Named(ctx context.Context, pass access.Pass, ids []string) ([]patient.Person, error)
}

// Contacts is what the desk needs of package contact.
type Contacts interface {
	Of(ctx context.Context, pass access.Pass) ([]contact.Point, error)
	Preferences(ctx context.Context, pass access.Pass) ([]contact.Preference, error)
	PatientsAt(ctx context.Context, kind, value string) ([]string, error)
}

// Consents is what the desk needs of package consent.
type Consents interface {
	Of(ctx context.Context, pass access.Pass) ([]consent.Event, error)
}

// Visits is what the desk needs of package visit.
type Visits interface {
	Upcoming(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Past(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Booked(ctx context.Context, pass access.Pass, via string, from time.Time, n int) ([]visit.Visit, error)
}

// Accounts is what the desk needs of package account.
type Accounts interface {
	Staff(ctx context.Context) ([]account.Account, error)
	Get(ctx context.Context, id string) (account.Account, error)
}

// Looks is what the desk needs of package audit.
type Looks interface {
	Of(ctx context.Context, patient string, n int) ([]audit.Row, error)
}

// Service is a kind of visit that a message can offer.
type Service struct{ Code, Name string }

// Sender is a channel and what it sends through, for reading.
type Sender struct {
	Channel reach.Channel
	Through string // smtp.example.org:587, or the demo's own mail boxes
	From    string
	OK      bool
	Note    string
}

// Config is all a Desk needs.
type Config struct {
	Site      *web.Site
	Doors     *access.Doors
	Reach     Outreaches
	Todos     Todos
	Mirror    Mirror    // lets staff see the portal as a patient does; nil: nobody
	Tasks     Tasks     // what patients ask of the clinic; nil: no queue
	Medicines Medicines // and more of their medicines; nil: no panel. It goes with Problems
	Problems  Problems
	Readings  Readings // from home; nil: none. It goes with Vitals
	Vitals    Vitals
	Bills     Bills   // what is owed; nil leaves these pages out, and Collect
	Collect   Collect // brings patients to their bills
	Measure   Effects
	Patients  Patients
	Contacts  Contacts
	Consents  Consents
	Visits    Visits
	Accounts  Accounts
	Members   Members // nil: nobody is looked after here
	Base      string  // what links begin with
	Audit     Looks
	Log       Log // nil leaves out the audit log's page; it needs Book, too
	Book      Book
	Services  []Service
	Senders   func() []Sender

	Forms    Forms // to be filled in; nil leaves these pages out
	FormNews FormNews

	Texting   func() Texting // how texts leave; nil: not said
	Post      Mailroom       // what is mailed to patients; nil leaves these pages out. It goes with Papers
	Papers    Papers
	Letters   Letters   // what patients send
	Documents Documents // and what it is

	Holds       Holds       // results that wait; nil: none can
	Emergencies Emergencies // emergency access
	Protected   Protected   // whether a record has more than somebody sees; nil: it is not said
	Findings    Findings    // looks that nothing explains

	Helpers  Helpers // caregivers; nil: none
	Invited  Invitations
	Requests Requests // what patients ask about their records; nil: nothing
	Given    Disclosures

	Apps       Apps // apps that ask for records; nil: none can
	Encounters Encounters

	Traffic Traffic // what other systems take, bring and are told

	Writing Writing // texts, approvals and stops

	Conformity Conformity // data that does not conform; nil: it is not listed

	RuleBook Rules // what the clinic changes of the rules; nil: its pages are left out, and those of InForce, Words and Ledger
	InForce  InForce
	Words    Words // how people may be reached, and what they took back
	Ledger   Ledger

	Tracked    Tracked    // what mails reported; nil: nothing
	Proofs     Proofs     // what shows that messages were read; nil: nothing
	Enclosures Enclosures // files that come with messages; nil: none
	Retracts   Retracts   // takes messages back; nil: nothing does

	Programs Programs // that ask for messages and are told of them; nil: none

	Mail Mail // how mail leaves

	Unplaced Unplaced // mail that nobody could place; nil: none comes in

	Calls  Calls // whom to call; nil: nobody
	Caller Caller

	Dialogs Dialogs // what patients wrote; nil: it is not shown
	Answers Answers
	Talk    *Talk // messages of patients in the portal; nil: none

	Translations Translations // of what the clinic wrote; nil: nothing is translated

	Segments Segments // groups with a name; nil: none
	Journeys Journeys // nil: none

	Reviews Reviews // results that nobody looked at; nil: none are listed
	Results Results // and what they are; it goes with Reviews
	Feeds   Feeds   // where records come from; nil: it is not listed

	Schedules Schedules // starts that lie ahead; nil: none

	Agenda   Agenda   // the clinic's days; nil: none
	Prices   Prices   // what visits cost; nil: there is no list
	CheckIns CheckIns // nil: nobody checks in

	Clinic Describes           // what the clinic says about itself; nil: as it is configured
	Units  func() result.Units // in which amounts of the body are said; nil: as they stand in the record
}

// Desk serves the staff's web site.
type Desk struct{ Config }

// New returns a desk.
func New(c Config) *Desk {
	if c.Senders == nil {
		c.Senders = func() []Sender { return nil }
	}
	return &Desk{Config: c}
}

// Handler returns every page of the desk: the site map.
func (d *Desk) Handler() *web.Mux {
	mux := web.NewMux()
	page := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, d.Site.Page(d.staff(h)))
	}
	page("GET /desk", d.today)
	page("GET /desk/todo", d.allTodo)
	page("GET /desk/todo/{kind}", d.listTodo)
	page("POST /desk/todo/{kind}/close", d.closeTodo)
	page("POST /desk/todo/{kind}/open", d.reopenTodo)
	page("GET /desk/patients", d.findPatients)
	page("POST /desk/patients", d.findPatients)
	page("GET /desk/patients/{id}", d.showPatient)
	d.letters(page)
	d.trust(page)
	d.offices(page)
	page("GET /desk/measure", d.showMeasure)
	page("GET /desk/settings", d.showSettings)

	page("GET /desk/outreach", d.listOutreach)
	page("GET /desk/outreach/new", d.newOutreach)
	page("POST /desk/outreach/new", d.createOutreach)
	page("GET /desk/outreach/{id}", d.showOutreach)
	page("GET /desk/outreach/{id}/progress", d.showProgress)
	page("GET /desk/outreach/{id}/counts.csv", d.exportCounts)
	page("GET /desk/outreach/{id}/patients", d.listMembers)
	page("GET /desk/outreach/{id}/patients/{who}", d.showTrail)

	page("GET /desk/outreach/{id}/edit/basics", d.editBasics)
	page("POST /desk/outreach/{id}/edit/basics", d.saveBasics)
	page("GET /desk/outreach/{id}/edit/audience", d.editAudience)
	page("POST /desk/outreach/{id}/edit/audience", d.saveAudience)
	page("POST /desk/outreach/{id}/edit/audience/count", d.countAudience)
	page("GET /desk/outreach/{id}/edit/message", d.editMessage)
	page("POST /desk/outreach/{id}/edit/message", d.saveMessage)
	d.writingRoutes(page)
	page("GET /desk/outreach/{id}/edit/plan", d.editPlan)
	page("POST /desk/outreach/{id}/edit/plan", d.savePlan)
	page("GET /desk/outreach/{id}/edit/check", d.check)

	page("POST /desk/outreach/{id}/start", d.start)
	page("POST /desk/outreach/{id}/pause", d.move(d.Reach.Pause))
	page("POST /desk/outreach/{id}/resume", d.move(d.Reach.Resume))
	page("GET /desk/outreach/{id}/stop", d.askStop)
	page("POST /desk/outreach/{id}/stop", d.move(d.Reach.Stop))
	page("POST /desk/outreach/{id}/duplicate", d.duplicate)
	page("GET /desk/outreach/{id}/delete", d.askDelete)
	page("POST /desk/outreach/{id}/delete", d.deleteDraft)
	return mux
}

// offices adds the pages of what a clinic may leave out.
func (d *Desk) offices(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	d.recordRoutes(page)
	if d.Tasks != nil {
		d.queueRoutes(page)
	}
	if d.Mirror != nil {
		d.mirrorRoutes(page)
	}
	if d.Forms != nil {
		d.formRoutes(page)
	}
	d.peopleRoutes(page)
	if d.Calls != nil {
		d.callRoutes(page)
	}
	if d.Post != nil {
		d.postRoutes(page)
	}
	if d.Programs != nil {
		d.programRoutes(page)
	}
	if d.Dialogs != nil {
		d.inboxRoutes(page)
	}
	if d.Unplaced != nil {
		d.unplacedRoutes(page)
	}
	if d.Bills != nil && d.Collect != nil {
		d.billRoutes(page)
	}
	if d.Talk != nil {
		d.threadRoutes(page)
	}
	if d.Translations != nil {
		d.translationRoutes(page)
	}
	if d.Segments != nil {
		d.segmentRoutes(page)
	}
	if d.Journeys != nil {
		d.journeyRoutes(page)
	}
	if d.Schedules != nil {
		d.scheduleRoutes(page)
	}
	if d.Agenda != nil {
		d.agendaRoutes(page)
	}
	if d.Enclosures != nil && d.Retracts != nil {
		d.pickupRoutes(page)
	}
	if d.Mail.Standing != nil && d.Mail.Audits != nil {
		d.mailRoutes(page)
	}
	if d.RuleBook != nil {
		d.ruleRoutes(page)
		d.wordRoutes(page)
	}
}

// peopleRoutes adds the pages of who helps whom, what people ask, who works
// here, and which apps see records.
func (d *Desk) peopleRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Helpers != nil {
		d.helperRoutes(page)
	}
	if d.Requests != nil {
		d.requestRoutes(page)
		d.disclosureRoutes(page)
	}
	if d.Members != nil {
		d.userRoutes(page)
	}
	if d.Clinic != nil {
		d.brandRoutes(page)
	}
	if d.Apps != nil {
		d.appRoutes(page)
	}
}

// recordRoutes adds the pages about what comes into records, goes out of them,
// and waits in them for somebody to look.
func (d *Desk) recordRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Conformity != nil {
		d.conformRoutes(page)
	}
	if d.Traffic.Exports != nil {
		d.trafficRoutes(page)
	}
	if d.Reviews != nil {
		d.resultRoutes(page)
		d.contentRoutes(page)
		d.priceRoutes(page)
	}
	if d.Feeds != nil {
		d.feedRoutes(page)
	}
}

// letters adds the pages of what patients send.
func (d *Desk) letters(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/letters", d.listLetters)
	page("GET /desk/patients/{id}/letters/{letter}", d.showLetter)
	page("POST /desk/patients/{id}/letters/{letter}", d.looked)
	page("GET /desk/patients/{id}/letters/{letter}/file", d.letterFile)
}

// trust adds the pages that protect records: what waits, emergency access,
// reviews.
func (d *Desk) trust(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Holds != nil {
		page("GET /desk/holds", d.listHolds)
		page("GET /desk/holds/rules", d.showRules)
		page("GET /desk/patients/{id}/hold", d.newHold)
		page("POST /desk/patients/{id}/hold", d.placeHold)
		page("GET /desk/patients/{id}/holds/{hold}", d.showHold)
		page("POST /desk/patients/{id}/holds/{hold}/release", d.releaseHold)
		page("POST /desk/patients/{id}/holds/{hold}/extend", d.extendHold)
	}
	if d.Log != nil {
		page("GET /desk/audit", d.showAudit)
		page("GET /desk/audit/log.csv", d.exportAudit)
	}
	if d.Emergencies == nil || d.Findings == nil {
		return
	}
	page("GET /desk/patients/{id}/emergency", d.askEmergency)
	page("POST /desk/patients/{id}/emergency", d.openEmergency)
	page("POST /desk/patients/{id}/emergency/end", d.endEmergency)
	page("GET /desk/patients/{id}/watch", d.showWatch)
	page("POST /desk/patients/{id}/watch", d.setWatch)
	page("GET /desk/users/{id}/own", d.showOwn)
	page("POST /desk/users/{id}/own", d.saveOwn)
	page("GET /desk/reviews", d.listReviews)
	page("GET /desk/reviews/emergency/{id}", d.showEmergencyReview)
	page("POST /desk/reviews/emergency/{id}", d.reviewEmergency)
	page("GET /desk/reviews/looks/{id}", d.showLookReview)
	page("POST /desk/reviews/looks/{id}", d.reviewLook)
}

// The refusals. errNowhere says the same of a page that is not there and of
// one that is not for the reader.
var (
	errNowhere = errs.New(errs.NotFound, "There is no page at this address. It may have moved, or the link may be incomplete.")
	errSignIn  = errs.New(errs.Unauthenticated, "Please sign in.")
	errHalf    = errs.New(errs.StepUp, "Please finish signing in first.")
)

// staff lets only staff through to h.
func (d *Desk) staff(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch a := web.Actor(r); {
		case a.ID == "":
			return errSignIn
		case a.Kind != access.Staff:
			return errNowhere
		case len(a.Roles) == 0: // signed in by half
			return errHalf
		}
		r, err := d.watched(r)
		if err != nil {
			return err
		}
		return h(w, r)
	}
}

// all asks for a pass over everyone.
func (d *Desk) all(r *http.Request, right access.Right) (access.Pass, error) {
	had, remembers := r.Context().Value(passesKey{}).(map[access.Right]access.Pass)
	if pass, ok := had[right]; ok {
		return pass, nil
	}
	pass, err := d.Doors.CheckAll(r.Context(), web.Actor(r), right)
	if err == nil && remembers {
		had[right] = pass
	}
	return pass, err
}

// passesKey is where the context of a page has the passes over everyone that
// its parts share.
type passesKey struct{}

// sharing lets the parts of a page that looks at many things share a pass for
// each right: it is one look, and waits for one row of the log.
func sharing(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), passesKey{}, map[access.Right]access.Pass{}))
}

// one asks for a pass for one patient.
func (d *Desk) one(r *http.Request, right access.Right, patient string) (access.Pass, error) {
	return d.Doors.Check(r.Context(), web.Actor(r), right, patient)
}

// may says whether the reader has a right over everyone, so that a page
// leaves out what leads nowhere.
func may(r *http.Request, right access.Right) bool { return web.Actor(r).May(right, "") }

// anyone stands for a patient where a page asks whether its reader may open
// records at all. No record has this id.
const anyone = "*"

// opens says whether the reader has a right over single patients.
func opens(r *http.Request, right access.Right) bool { return web.Actor(r).May(right, anyone) }

// view returns the frame of a page.
func (d *Desk) view(r *http.Request, title, tab string) web.View {
	v := d.Site.View(r, title, tab)
	v.Wide, v.Emergencies, v.Halts, v.NoInbox, v.NoQueue = true, d.lasting(r), d.halted(r), d.Dialogs == nil, d.Tasks == nil
	v.NoForms = d.Forms == nil
	v.Bills = d.Bills != nil
	v.Agenda = d.Agenda != nil
	return v
}

// now returns the time at the clinic.
func (d *Desk) now() time.Time { return d.Site.Now() }

// day writes a date as the clinic's calendar has it, with the year where it
// is not this one.
func (d *Desk) day(t time.Time) string {
	t = t.In(d.Site.Clinic.Zone)
	if t.Year() != d.now().Year() {
		return t.Format("Jan 2, 2006")
	}
	return t.Format("Jan 2")
}

// clock writes a date and time at the clinic: Oct 6, 9:58 am.
func (d *Desk) clock(t time.Time) string {
	return d.day(t) + ", " + t.In(d.Site.Clinic.Zone).Format("3:04 pm")
}
