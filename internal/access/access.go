// Package access decides who may see or do what to whose record.
//
// A Pass is the only key to patient data. Only this package can make one,
// and making one, or refusing to, is audited first; so a store method that
// takes a Pass cannot be reached unchecked or unseen. The zero Pass opens
// nothing. Who may do what is a table: see rules.
package access

import "time"

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
	Nurse     Role = "nurse"
	FrontDesk Role = "frontdesk" // visits and check-ins, without the record
	Billing   Role = "billing"   // bills and what is asked about them
	Marketer  Role = "marketer"
	Admin     Role = "admin"
	Privacy   Role = "privacy" // the privacy officer: the log, requests, reviews

	Interpreter Role = "interpreter" // puts words of the clinic into a patient’s language
)

// Roles returns all of them, in the order in which they are offered.
func Roles() []Role { return []Role{Nurse, FrontDesk, Billing, Marketer, Privacy, Admin, Interpreter} }

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
	App     *App    // the program that asks in the actor's name; nil: none
	Plain   bool    // the system only: shows nothing that carries a label
	ViewAs  string  // staff only: the patient as whom they look at the portal, to see no more than both may
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

// May says whether a's sort, roles and grants hold right on patient, or on
// everyone if patient is empty, so that a page can leave out what leads
// nowhere. It opens nothing and is no look at anyone's data.
func (a Actor) May(right Right, patient string) bool {
	return a.may(right, patient) && (!a.Low() || a.Patient == patient && ruleOf(right).zone <= LinkZone)
}

// Low says whether a signed in by a code on a strange device, which opens
// little.
func (a Actor) Low() bool { return a.Kind != Link && a.Kind != System && a.Proof.Zone == LinkZone }

// SystemActor is the part of Hale named name, with rights.
func SystemActor(name string, rights ...Right) Actor {
	return Actor{Kind: System, ID: name, Name: name, Rights: rights}
}

// LinkActor is whoever opened the link id about patient, with rights.
func LinkActor(id, patient string, rights ...Right) Actor {
	return Actor{Kind: Link, ID: id, Patient: patient, Rights: rights}
}
