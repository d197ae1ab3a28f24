// Package town makes Riverside: a clinic and the people around it, with two
// years of history, none of whom exist.
//
// Everything follows from the seed and the day: the same two give the same
// bytes. What outreach truly changes in this town is planted in it (Truth),
// so that what Hale measures can be held against it.
//
// Spec: http://hl7.org/fhir/us/core/STU6.1/
package town

import (
	"fmt"
	"time"

	"hale/internal/access"
)

// The town and its clinic, as pages and messages name them.
const (
	Name          = "Riverside"
	Clinic        = "Riverside Family Medicine"
	ClinicPhone   = "+17085550100"
	ClinicAddress = "412 Alder Street, Suite 2, Riverside, IL 60546"
	ZoneName      = "America/Chicago"
)

// Services that people can book, as codes of ServiceSystem.
const (
	ServiceSystem = "https://hale.example/service"
	EyeExam       = "eye-exam"
	FollowUp      = "follow-up"
	Vaccine       = "vaccine"
	Mammogram     = "mammogram"
	BloodPressure = "blood-pressure"
)

// Ids of the people whom the ready sign-ins are about.
const (
	Maria = "maria-alvarez"
	Lucia = "lucia-alvarez"
)

// Trait is something about a resident that a test or the town's behaviour
// needs to know. Traits add up.
type Trait uint32

// The traits.
const (
	Diabetic      Trait = 1 << iota
	Hypertensive        // has high blood pressure
	EyeDue              // diabetic, alive, no eye exam in the last 12 months
	FluDue              // alive, 18 or older, no flu vaccine in the last 12 months
	MammogramDue        // woman from 40 to 74 without a mammogram in 24 months
	Deceased            // has died
	NoMobile            // only a landline, or no phone
	NoEmail             // no e-mail address
	Unreachable         // no phone and no e-mail
	NoTexts             // asked for no texts
	SharedPhone         // shares the phone with the household
	SharedEmail         // shares the e-mail address with the household
	Caregiver           // looks after somebody's record
	CaredFor            // has a caregiver
	WorstCase           // a name that breaks layouts
	NeverLooks          // reads no message, whatever the channel
	BouncingEmail       // the address takes no mail
	SlowEmail           // the address's server answers too late
	RepliesStop         // answers the first text with STOP
	NotThem             // the address belongs to somebody else, who says so
	NoService           // the phone gets no texts, whatever its carrier says
)

// Has says whether t has every trait of u.
func (t Trait) Has(u Trait) bool { return t&u == u }

// Resident is one person of the town.
type Resident struct {
	Patient string // id of the Patient resource
	Name    string
	Given   string
	Family  string
	Born    string // YYYY-MM-DD
	Age     int
	Sex     string // female, male, other
	Phone   string // E.164, or empty
	Email   string // or empty
	Lang    string // BCP 47
	MRN     string
	House   int // number of the household
	Traits  Trait
}

// SignIn is an account that is there from the start.
type SignIn struct {
	Kind    access.Kind
	Name    string
	Patient string // the person's own record, for patients and caregivers who are patients
	Roles   []access.Role
	Email   string
	Phone   string
	Lang    string
	Grants  []access.Grant
	What    string // one line for the person who starts the demo
	Main    bool   // one of those that the demo prints
}

// Slot is a time that can be booked.
type Slot struct {
	ID      string
	Service string
	Start   time.Time
	Busy    bool
}

// Town is what Generate made.
type Town struct {
	Seed      uint64
	Day       time.Time // the start of the town's today, in its zone
	Residents []Resident
	SignIns   []SignIn
	Slots     []Slot
	Resources int
	Truth     Truth
}

// Zone returns the town's time zone.
func Zone() (*time.Location, error) {
	zone, err := time.LoadLocation(ZoneName)
	if err != nil {
		return nil, fmt.Errorf("town: zone: %w", err)
	}
	return zone, nil
}
