// Package access decides who may see or do what to whose record.
//
// A Pass is the only key to patient data. Only this package can make one,
// and making one, or refusing to, is audited first; so a store method that
// takes a Pass cannot be reached unchecked or unseen. The zero Pass opens
// nothing.
package access

import (
	"slices"
	"time"

	"hale/internal/base/errs"
)

// Kind says what sort of actor is asking.
type Kind string

// The kinds of actors.
const (
	Patient Kind = "patient" // the person whose record it is, signed in
	Proxy   Kind = "proxy"   // a caregiver, signed in
	Staff   Kind = "staff"   // somebody who works at the clinic
	Link    Kind = "link"    // whoever passed the second factor of one link
	System  Kind = "system"  // a part of Hale itself: import, outreach, measure
)

// Role is what a member of staff does.
type Role string

// The roles.
const (
	Nurse    Role = "nurse"
	Marketer Role = "marketer"
	Admin    Role = "admin"
	Privacy  Role = "privacy" // the privacy officer: the log, requests, reviews
)

// Actor is who is asking.
type Actor struct {
	Kind    Kind
	ID      string // account id; for a link its id; for the system its part's name
	Name    string // shown on the pages and in provenance; never in a log
	Patient string // the actor's own record, or the link's
	Roles   []Role // staff only
	Grants  []Grant
	Rights  []Right // links and the system: exactly these
	Request string  // id of the request, for the audit row
	Session string  // a short hash of the session, for the audit row
	Proof   Proof   // how surely we know who it is
}

// Grant lets a proxy use some rights on one patient's record.
type Grant struct {
	Patient    string
	Name       string
	Rights     []Right    // what may be done
	Categories []Category // of what; a grant without any opens nothing of the record
	Labels     Label      // the sensitive sorts that the patient opened by name
	Basis      Basis
	Until      time.Time
}

// Right is one thing an actor may do.
type Right string

// Rights over one patient's record.
const (
	ReadRecord    Right = "record.read" // results, medicines, conditions, documents
	ReadVisits    Right = "visits.read"
	BookVisits    Right = "visits.book" // book, move, cancel
	ReadMessages  Right = "messages.read"
	ReadMessage   Right = "message.read" // the one message a link opens
	SendMessages  Right = "messages.send"
	EditContacts  Right = "contacts.edit" // addresses, preferences, consent
	ReadContacts  Right = "contacts.read"
	WriteRecord   Right = "record.write"
	ReadDecisions Right = "decisions.read" // why a message went the way it went
)

// Rights over the whole population.
const (
	FindPatients   Right = "patients.find"
	RunOutreach    Right = "outreach.run"
	ReadMeasure    Right = "measure.read"
	ManageUsers    Right = "users.manage"
	ReadAudit      Right = "audit.read"
	AnswerPatients Right = "patients.answer" // see who waits for an answer; of one patient: say it was given
)

// own is what patients may do with their own record.
var own = []Right{ReadRecord, ReadVisits, BookVisits, ReadMessages, ReadMessage, SendMessages, EditContacts, ReadContacts}

// byRole is what each role may do. A marketer plans and measures outreach
// without opening a record.
var byRole = map[Role][]Right{
	Nurse: {ReadRecord, ReadVisits, BookVisits, ReadMessages, ReadMessage, SendMessages, EditContacts, ReadContacts, ReadDecisions,
		FindPatients, RunOutreach, ReadMeasure, AnswerPatients},
	Marketer: {RunOutreach, ReadMeasure},
	Admin:    {ManageUsers, ReadAudit, ReadMeasure, FindPatients, ReadContacts, ReadDecisions},
}

// population names the rights that are not about one patient.
var population = []Right{FindPatients, RunOutreach, ReadMeasure, ManageUsers, ReadAudit, AnswerPatients}

// The refusals. errForbidden says the same of a record that is not there and
// of one that is somebody else's.
var (
	errSignIn    = errs.New(errs.Unauthenticated, "Please sign in.")
	errForbidden = errs.New(errs.NotFound, "We could not find that record.")
)

// may says whether a has right on patient, or on everyone if patient is
// empty.
func (a Actor) may(right Right, patient string) bool {
	if a.ID == "" {
		return false
	}
	everyone := patient == ""
	switch a.Kind {
	case Patient:
		return !everyone && patient == a.Patient && slices.Contains(own, right)
	case Proxy:
		return !everyone && (patient == a.Patient && slices.Contains(own, right) || a.granted(right, patient))
	case Link:
		return !everyone && patient == a.Patient && slices.Contains(a.Rights, right)
	case System:
		return slices.Contains(a.Rights, right)
	case Staff:
		return (!everyone || slices.Contains(population, right)) && a.hasRole(right)
	}
	return false
}

func (a Actor) granted(right Right, patient string) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool {
		return g.Patient == patient && slices.Contains(g.Rights, right)
	})
}

func (a Actor) hasRole(right Right) bool {
	return slices.ContainsFunc(a.Roles, func(r Role) bool { return slices.Contains(byRole[r], right) })
}

// May says whether a would get a pass, so that a page can leave out what
// leads nowhere. It opens nothing and is no look at anyone's data.
func (a Actor) May(right Right, patient string) bool { return a.may(right, patient) }
