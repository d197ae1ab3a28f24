// Package visit holds a patient's visits and the times that are free for
// more: FHIR Appointments, past Encounters, and the Slots of Schedules.
//
// A slot is taken in the transaction that books it, so that one time never
// goes to two people.
//
// Spec: https://hl7.org/fhir/R4/appointment.html, slot.html, encounter.html
package visit

import (
	"time"

	"hale/internal/base/errs"
)

// Slot is a time that can be booked. It is no patient data.
type Slot struct {
	ID      string
	Service string // code of the service, such as eye-exam
	Title   string
	Start   time.Time
	End     time.Time
	With    string
	Where   string
}

// Visit is one visit.
type Visit struct {
	ID       string
	Patient  string
	Status   Status
	Service  string
	Title    string
	With     string
	Where    string
	Slot     string
	Start    time.Time
	End      time.Time
	BookedAt time.Time // zero: not booked here
	Via      string    // portal, link, desk, phone; empty: came by a feed
	Ref      string    // the message or intent that led here
	Updated  time.Time

	kind string // appointment or encounter
}

// Status is where a visit stands, in the words of FHIR Appointment; of a
// past encounter that is Fulfilled.
type Status string

// The states that rules name.
const (
	Booked    Status = "booked"
	Cancelled Status = "cancelled"
	Fulfilled Status = "fulfilled"
	NoShow    Status = "noshow"
)

// How says by which way a visit was booked.
type How struct {
	Via string // portal, link, desk, phone
	Ref string // the message or intent that led here
}

// Service is a kind of visit that can be booked.
type Service struct{ Code, Title string }

// System is the code system of services.
const System = "https://hale.example/service"

// Open says whether the visit is still to come.
func (v Visit) Open(now time.Time) bool {
	switch v.Status {
	case Booked, "pending", "proposed", "arrived", "checked-in", "waitlist":
		return v.End.After(now)
	}
	return false
}

// movable says whether the patient may move or cancel the visit now.
func (v Visit) movable(now time.Time) error {
	if v.Status != Booked {
		return errNotBooked
	}
	if !v.Start.After(now) {
		return errBegun
	}
	return nil
}

// What a person may be told.
var (
	errOnce      = errs.New(errs.Conflict, "You have already booked a time from this message.")
	errTaken     = errs.New(errs.Conflict, "Somebody just took that time. Please choose another.")
	errNotBooked = errs.New(errs.Conflict, "That visit is no longer booked.")
	errBegun     = errs.New(errs.Conflict, "That visit has already begun. Please call the office.")
	errSameKind  = errs.New(errs.Conflict, "That time is for another kind of visit. Please choose another.")
)
