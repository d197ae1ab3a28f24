package web

import (
	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/standard/smart"
)

// PartWords names a part of a record that an app may see.
func PartWords(l lang.Lang, p smart.Part) string {
	words := map[string]string{
		"Patient": l.T("Your name, birth date and address"), "RelatedPerson": l.T("Family and contacts"), "Coverage": l.T("Insurance"),
		"Observation/laboratory": l.T("Lab results"), "Observation/vital-signs": l.T("Blood pressure, weight and pulse"), "Observation/procedure": l.T("Results of other tests"),
		"Observation/social-history": l.T("Smoking, work and daily life"), "Observation/survey": l.T("Answers to health questions"), "Observation/sdoh": l.T("Food, housing and money worries"),
		"DiagnosticReport": l.T("Test reports"), "Specimen": l.T("Samples taken"),
		"MedicationRequest": l.T("Medicines ordered for you"), "MedicationDispense": l.T("Medicines you picked up"), "Medication": l.T("What each medicine is"),
		"MedicationStatement": l.T("Medicines you told us about"), "MedicationAdministration": l.T("Medicines given at the clinic"),
		"Condition/problem-list-item": l.T("Your health problems"), "Condition/encounter-diagnosis": l.T("What was found at visits"), "Condition/health-concern": l.T("Health worries"),
		"AllergyIntolerance": l.T("Allergies"), "Immunization": l.T("Vaccines"), "Procedure": l.T("Operations and treatments"), "Device": l.T("Implants and devices"),
		"FamilyMemberHistory": l.T("Health of your family"),
		"Encounter":           l.T("Visits to us"), "Appointment": l.T("Booked visits"), "ServiceRequest": l.T("Tests and care ordered for you"),
		"DocumentReference": l.T("Notes and letters"), "Binary": l.T("The files of notes and letters"), "QuestionnaireResponse": l.T("Forms you filled in"),
		"CarePlan": l.T("Care plans"), "CareTeam": l.T("Who cares for you"), "Goal": l.T("Health goals"),
		"Practitioner": l.T("Names of doctors and nurses"), "PractitionerRole": l.T("What doctors and nurses do"), "Organization": l.T("Names of clinics"),
		"Location": l.T("Where clinics are"), "Provenance": l.T("Where each entry came from"), smart.Rest: l.T("Everything else in the record"),
	}[p.Key]
	if words == "" {
		return l.T("More: %s", p.Key)
	}
	return words
}

// GroupWords names a group of parts.
func GroupWords(l lang.Lang, group string) string {
	switch group {
	case "person":
		return l.T("Who you are")
	case "results":
		return l.T("Test results")
	case "medicines":
		return l.T("Medicines")
	case "conditions":
		return l.T("Health problems, allergies and vaccines")
	case "visits":
		return l.T("Visits")
	case "documents":
		return l.T("Notes, letters and plans")
	}
	return l.T("Other things")
}

// GroupIcon is the drawing beside a group.
func GroupIcon(group string) string {
	switch group {
	case "person":
		return "user-round"
	case "results":
		return "flask-conical"
	case "medicines":
		return "pill"
	case "conditions":
		return "stethoscope"
	case "visits":
		return "calendar-days"
	case "documents":
		return "file-text"
	}
	return "info"
}

// Protected are the sensitive sorts that can be given to an app by name.
func Protected() []access.Label {
	return []access.Label{access.MentalHealth, access.SubstanceUse, access.Part2, access.HIV, access.Reproductive, access.MinorConfidential}
}

// LabelWords names a sensitive sort.
func LabelWords(l lang.Lang, label access.Label) string {
	switch label {
	case access.MentalHealth:
		return l.T("Mental health")
	case access.SubstanceUse:
		return l.T("Alcohol and drugs")
	case access.Part2:
		return l.T("Care in a drug or alcohol program")
	case access.HIV:
		return l.T("HIV")
	case access.Reproductive:
		return l.T("Pregnancy and sexual health")
	}
	return l.T("Care that a teenager may keep private")
}
