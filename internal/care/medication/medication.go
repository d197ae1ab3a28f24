// Package medication holds a patient's medicines, from MedicationRequests
// (prescribed here) and MedicationStatements (what the patient says).
//
// A medicine is current while its status is active or on hold; all others
// are past.
//
// Spec: https://hl7.org/fhir/R4/medicationrequest.html
package medication

import (
	"strings"
	"time"
)

// Medicine is one medicine.
type Medicine struct {
	ID         string
	Code       string // RxNorm where there is one
	Name       string
	Dose       string // how to take it, in words; empty if the record does not say
	Status     string
	Why        string
	Prescriber string
	Authored   time.Time
	Refills    int // the prescription allows; -1 if it does not say
	Reported   bool
	Source     string
	Updated    time.Time
}

// Current says whether the patient is to take it now.
func (m Medicine) Current() bool { return m.Status == "active" || m.Status == "on-hold" }

// tidy returns a drug name as people write it: RxNorm shouts its units.
func tidy(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		switch w {
		case "MG", "ML", "MCG", "MG/ML", "MG/ACTUAT", "MCG/ACTUAT", "UNT/ML", "HR":
			words[i] = units[w]
		case "Oral":
			words[i] = ""
		case "Tablet", "Capsule", "Solution", "Suspension":
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

var units = map[string]string{"MG": "mg", "ML": "mL", "MCG": "mcg", "MG/ML": "mg/mL", "MG/ACTUAT": "mg/puff", "MCG/ACTUAT": "mcg/puff",
	"UNT/ML": "units/mL", "HR": "hour"}
