// Package ccda writes a patient's record as a Continuity of Care Document of
// C-CDA R2.1, which every certified system in the United States can read.
//
// Each section says the same twice, as the standard asks: as a table for
// people and as entries for systems. A section about which nothing is known
// says so.
//
// Spec: HL7 CDA R2 (2005) and C-CDA R2.1 (August 2015) with the Companion
// Guide; the element order is that of CDA.xsd
package ccda

import "time"

// Code is a coded word with what it is called.
type Code struct {
	System  string // as FHIR names it: http://loinc.org
	Code    string
	Display string
	Text    string // in the writer's own words
	Also    []Code // the same in other systems
}

// Words returns what c is called for a person.
func (c Code) Words() string {
	for _, w := range []string{c.Text, c.Display, c.Code} {
		if w != "" {
			return w
		}
	}
	return ""
}

// Empty says whether c says nothing.
func (c Code) Empty() bool { return c.Code == "" && c.Text == "" && c.Display == "" }

// When is a time, or a span of time, as far as it is known. Texts are FHIR
// dates of any precision.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime
type When struct{ Start, End string }

// Address is where somebody is.
type Address struct {
	Use                      string // HP home, WP work
	Lines                    []string
	City, State, ZIP, Nation string
}

// Telecom is how somebody is reached, as a URL with its scheme.
type Telecom struct{ Use, URL string }

// Name is a person's name.
type Name struct {
	Prefix string
	Given  []string
	Family string
	Suffix string
}

// Person is whose record it is.
type Person struct {
	IDs        []ID
	Name       Name
	Addresses  []Address
	Telecoms   []Telecom
	Gender     string // FHIR's administrative gender
	Born       string // a FHIR date
	Marital    Code
	Race       []Code // OMB categories first
	Ethnicity  Code
	Language   string // BCP 47
	Provider   Organization
	Caregivers []Caregiver
}

// Caregiver is somebody who helps the patient.
type Caregiver struct {
	Relation string
	Name     Name
	Telecoms []Telecom
}

// ID is an identifier: root is an OID or a UUID.
type ID struct{ Root, Extension string }

// Organization is a clinic, or who keeps the document.
type Organization struct {
	IDs       []ID
	Name      string
	Telecoms  []Telecom
	Addresses []Address
}

// Clinician is who did something.
type Clinician struct {
	IDs  []ID
	Name string
}

// Document is a whole CCD.
type Document struct {
	ID        string // a UUID
	Base      string // of the ids of the entries: the address of the FHIR API
	Title     string
	Made      time.Time
	Lang      string // BCP 47, for instance en-US
	Covers    When   // the time that the document is about
	Software  string
	Patient   Person
	Custodian Organization
	Team      []Clinician // who treats the patient

	Allergies     []Allergy
	Medicines     []Medicine
	Problems      []Problem
	Results       []Panel
	Social        []Finding
	Vitals        []Panel
	Procedures    []Procedure
	Immunizations []Immunization
	Encounters    []Encounter
	Plans         []Plan
	Goals         []Finding
	Directives    []Finding
	Notes         []Note
}

// Allergy is what somebody does not tolerate.
type Allergy struct {
	ID         string
	Substance  Code
	Kind       string // of substance: medication, food, environment, biologic; empty: not said
	Intolerant bool   // an intolerance, no allergy
	None       bool   // it is known that there is none
	Active     bool
	Since      string
	Recorded   string
	Reactions  []Reaction
}

// Reaction is how it showed.
type Reaction struct {
	What     Code
	Severity string // mild, moderate, severe
}

// Medicine is what somebody takes, took, or is to take.
type Medicine struct {
	ID      string
	What    Code
	Active  bool
	When    When
	Ordered bool // a prescription, else what is said to be taken
	Sig     string
	Route   Code
	Dose    Quantity
	Every   Quantity // hours, days between doses
	By      string
	Reason  Code
}

// Problem is a condition.
type Problem struct {
	ID       string
	What     Code
	Active   bool
	When     When
	Recorded string
}

// Panel is a group of findings of one time.
type Panel struct {
	ID       string
	What     Code
	When     When
	Findings []Finding
}

// Finding is one observation: a result, a vital sign, a habit, a goal.
type Finding struct {
	ID        string
	What      Code
	When      When
	Final     bool
	Value     Quantity
	Coded     Code
	Text      string // a value in words
	Flag      string // HL7 interpretation: H, L, N
	Reference string // the usual range, in words
	Comment   string
	By        string
}

// Quantity is an amount with its unit.
type Quantity struct{ Value, Unit, UCUM string }

// Empty says whether there is no amount.
func (q Quantity) Empty() bool { return q.Value == "" }

// Words returns q as one reads it.
func (q Quantity) Words() string {
	if q.Unit == "" {
		return join(" ", q.Value, q.UCUM)
	}
	return join(" ", q.Value, q.Unit)
}

// Procedure is what was done.
type Procedure struct {
	ID   string
	What Code
	When When
	Done bool
	By   string
}

// Immunization is a vaccine that was given, or not.
type Immunization struct {
	ID    string
	What  Code
	When  string
	Given bool
	Lot   string
	Maker string
	By    string
}

// Encounter is a visit that took place.
type Encounter struct {
	ID     string
	What   Code
	Class  string // AMB, IMP, EMER
	When   When
	By     string
	Where  string
	Reason Code
}

// Plan is what is planned: a visit, or a plan in words.
type Plan struct {
	ID    string
	What  Code
	When  When
	Visit bool
	Text  string
}

// Note is what somebody wrote.
type Note struct {
	ID    string
	Type  Code
	Title string
	When  string
	By    string
	Lines []string
}

// roots are the code systems that are written, by FHIR's names.
//
// Spec: https://hl7.org/fhir/R4/terminologies-systems.html
var roots = map[string]struct{ oid, name string }{
	"http://snomed.info/sct":                                             {"2.16.840.1.113883.6.96", "SNOMED CT"},
	"http://loinc.org":                                                   {"2.16.840.1.113883.6.1", "LOINC"},
	"http://www.nlm.nih.gov/research/umls/rxnorm":                        {"2.16.840.1.113883.6.88", "RxNorm"},
	"http://hl7.org/fhir/sid/icd-10-cm":                                  {"2.16.840.1.113883.6.90", "ICD-10-CM"},
	"http://www.cms.gov/Medicare/Coding/ICD10":                           {"2.16.840.1.113883.6.4", "ICD-10-PCS"},
	"http://hl7.org/fhir/sid/cvx":                                        {"2.16.840.1.113883.12.292", "CVX"},
	"http://hl7.org/fhir/sid/ndc":                                        {"2.16.840.1.113883.6.69", "NDC"},
	"http://www.ama-assn.org/go/cpt":                                     {"2.16.840.1.113883.6.12", "CPT-4"},
	"http://fdasis.nlm.nih.gov":                                          {"2.16.840.1.113883.4.9", "UNII"},
	"urn:oid:2.16.840.1.113883.6.238":                                    {"2.16.840.1.113883.6.238", "Race & Ethnicity - CDC"},
	"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus":             {"2.16.840.1.113883.5.2", "MaritalStatus"},
	"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": {"2.16.840.1.113883.5.83", "ObservationInterpretation"},
	"https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets":           {"2.16.840.1.113883.6.285", "HCPCS"},
	"http://ncithesaurus-stage.nci.nih.gov":                              {"2.16.840.1.113883.3.26.1.1", "NCI Thesaurus"},
	"http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration":     {"2.16.840.1.113883.5.112", "RouteOfAdministration"},
}

// OID returns the object identifier of a code system, empty if it is not one
// that is written.
func OID(system string) string { return roots[system].oid }
