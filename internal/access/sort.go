package access

import "time"

// Category is a part of a record that can be shared or kept by itself.
type Category string

// The categories.
const (
	Visits     Category = "visits"
	Messages   Category = "messages"
	Results    Category = "results" // laboratory and vital signs
	Medicines  Category = "medicines"
	Conditions Category = "conditions" // conditions, allergies, vaccines, procedures, goals
	Documents  Category = "documents"  // notes, reports, letters, care plans
	Bills      Category = "bills"
)

// Categories are all of them, in the order that people are asked.
var Categories = []Category{Visits, Messages, Results, Medicines, Conditions, Documents, Bills}

// Label is a set of the sorts of information that the law protects more.
//
// Spec: HL7 DS4P, https://terminology.hl7.org/CodeSystem-v3-ActCode.html
type Label int64

// The labels. Their numbers are kept in the database: only add.
const (
	SubstanceUse      Label = 1 << iota // ETH, SUD: alcohol and drugs
	Part2                               // 42 CFR Part 2: from a programme that treats substance use
	MentalHealth                        // PSY, MH
	HIV                                 // HIV
	Reproductive                        // SEX, reproductive health
	MinorConfidential                   // care that a minor may have without a parent's knowing
	PsychNotes                          // psychotherapy notes, 45 CFR 164.501: apart from the record
)

// Basis is why somebody may act for a patient.
type Basis string

// The bases.
const (
	ByPatient  Basis = "patient"  // the patient asked for it
	AsParent   Basis = "parent"   // of a minor; age rules narrow it
	AsGuardian Basis = "guardian" // appointed by a court
	ByProxy    Basis = "poa"      // health care power of attorney
)

// Zone is how far a proof of identity reaches. Each holds the ones before.
type Zone int

// The zones.
const (
	NoZone      Zone = iota // signed in by half: a second factor is missing
	LinkZone                // one protected link
	PortalZone              // the portal
	StepUpZone              // sensitive things: proved again within StepUpAge
	AccountZone             // what could take the account over: within AccountAge
)

// How fresh the proof has to be.
const (
	StepUpAge  = 15 * time.Minute
	AccountAge = 5 * time.Minute
)

// Proof says how an actor proved who they are, and when.
type Proof struct {
	Zone Zone      // the furthest that the way of signing in can reach
	At   time.Time // of the last strong proof; zero: none yet
}
