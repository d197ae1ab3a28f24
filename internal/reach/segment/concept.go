package segment

import "strings"

// Concept is a ready-made ingredient: what clinicians mean by a word, as
// codes in the record.
type Concept struct {
	Key   string
	Words string // after "has" or "had": diabetes, an eye exam
	Type  string // FHIR resource type
	Date  string // its search parameter for when
	Codes []string
}

// The code systems.
const (
	sct   = "http://snomed.info/sct|"
	icd   = "http://hl7.org/fhir/sid/icd-10-cm|"
	cpt   = "http://www.ama-assn.org/go/cpt|"
	loinc = "http://loinc.org|"
	cvx   = "http://hl7.org/fhir/sid/cvx|"
)

// Concepts returns every ingredient, as the desk lists them.
func Concepts() []Concept {
	return []Concept{
		{Key: "diabetes", Words: "diabetes", Type: "Condition", Date: "recorded-date", Codes: join(
			codes(sct, "44054006 73211009 46635009 127013003 422034002 368581000119106 90781000119102 97331000119101 1551000119108 1501000119109 60951000119105 157141000119108"),
			codes(icd, "E10 E10.9 E10.65 E11 E11.8 E11.9 E11.65 E11.21 E11.22 E11.29 E11.31 E11.311 E11.319 E11.36 E11.39 E11.40 E11.41 E11.42 E11.51 E11.59 E11.610 E11.621 E11.649 E11.69 E13 E13.9"))},
		{Key: "hypertension", Words: "high blood pressure", Type: "Condition", Date: "recorded-date", Codes: join(
			codes(sct, "59621000 38341003 10725009"), codes(icd, "I10 I11.9 I12.9 I13.10 I15.9"))},
		{Key: "asthma", Words: "asthma", Type: "Condition", Date: "recorded-date", Codes: join(
			codes(sct, "195967001 233678006 426656000 427603009 370218001"), codes(icd, "J45 J45.20 J45.30 J45.40 J45.50 J45.901 J45.909"))},
		{Key: "high-cholesterol", Words: "high cholesterol", Type: "Condition", Date: "recorded-date", Codes: join(
			codes(sct, "55822004 13644009 267432004"), codes(icd, "E78.00 E78.2 E78.5"))},
		{Key: "eye-exam", Words: "an eye exam", Type: "Procedure", Date: "date", Codes: join(
			codes(sct, "252779009 308110009 36228007 410451008 274795007 722161008 314972008 6615001 700070005"),
			codes(cpt, "92250 92227 92228 92229 92002 92004 92012 92014 2022F 2024F 2026F"))},
		{Key: "mammogram", Words: "a mammogram", Type: "Procedure", Date: "date", Codes: join(
			codes(sct, "24623002 71651007 241055006 1571000087109"), codes(cpt, "77067 77066 77065"))},
		{Key: "colonoscopy", Words: "a colonoscopy", Type: "Procedure", Date: "date", Codes: join(
			codes(sct, "73761001 446745002"), codes(cpt, "45378 45380 45385"))},
		{Key: "a1c", Words: "an A1c test", Type: "Observation", Date: "date", Codes: codes(loinc, "4548-4 17856-6 4549-2")},
		{Key: "blood-pressure", Words: "a blood pressure reading", Type: "Observation", Date: "date", Codes: codes(loinc, "85354-9 55284-4 8480-6")},
		{Key: "flu-shot", Words: "a flu shot", Type: "Immunization", Date: "date", Codes: codes(cvx, "88 140 141 150 153 155 158 161 168 171 185 186 197 205")},
		{Key: "pneumonia-shot", Words: "a pneumonia shot", Type: "Immunization", Date: "date", Codes: codes(cvx, "33 133 152 215 216")},
	}
}

// ConceptOf returns the ingredient named key.
func ConceptOf(key string) (Concept, bool) {
	for _, c := range Concepts() {
		if c.Key == key {
			return c, true
		}
	}
	return Concept{}, false
}

func codes(system, list string) []string {
	var all []string
	for code := range strings.FieldsSeq(list) {
		all = append(all, system+code)
	}
	return all
}

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
