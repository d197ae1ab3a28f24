package smart

import (
	"net/url"
	"slices"
	"strings"
)

// Part is one part of a record that somebody can give an app or keep back:
// a type of resources, or one category of it.
type Part struct {
	Key    string // Observation/laboratory, or Patient
	Group  string // the part of a page that it stands in
	Type   string
	System string // of Code
	Code   string // a category of the type; empty: all of it
}

// Rest is the part that holds the types no other part names.
const Rest = "*"

// The systems of the categories.
//
// Spec: https://hl7.org/fhir/us/core/STU6.1/scopes.html
const (
	observationCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
	conditionCategory   = "http://terminology.hl7.org/CodeSystem/condition-category"
	coreCategory        = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
	coreCondition       = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
)

// Groups are the groups of parts in the order of a page.
func Groups() []string {
	return []string{"person", "results", "medicines", "conditions", "visits", "documents", "other"}
}

// Parts are those of a record, in the order of a page.
func Parts() []Part {
	one := func(group string, types ...string) (list []Part) {
		for _, t := range types {
			list = append(list, Part{Key: t, Group: group, Type: t})
		}
		return list
	}
	of := func(group, typ, system string, codes ...string) (list []Part) {
		for _, c := range codes {
			list = append(list, Part{Key: typ + "/" + c, Group: group, Type: typ, System: system, Code: c})
		}
		return list
	}
	return slices.Concat(
		one("person", "Patient", "RelatedPerson", "Coverage"),
		of("results", "Observation", observationCategory, "laboratory", "vital-signs", "procedure", "social-history", "survey"),
		of("results", "Observation", coreCategory, "sdoh"),
		one("results", "DiagnosticReport", "Specimen"),
		one("medicines", "MedicationRequest", "MedicationDispense", "Medication", "MedicationStatement", "MedicationAdministration"),
		of("conditions", "Condition", conditionCategory, "problem-list-item", "encounter-diagnosis"),
		of("conditions", "Condition", coreCondition, "health-concern"),
		one("conditions", "AllergyIntolerance", "Immunization", "Procedure", "Device", "FamilyMemberHistory"),
		one("visits", "Encounter", "Appointment", "ServiceRequest"),
		one("documents", "DocumentReference", "Binary", "QuestionnaireResponse", "CarePlan", "CareTeam", "Goal"),
		one("other", "Practitioner", "PractitionerRole", "Organization", "Location", "Provenance", Rest),
	)
}

// rest are the types that stand behind Rest where not everything is given.
var rest = []string{
	"Account", "AdverseEvent", "ChargeItem", "Claim", "ClaimResponse", "ClinicalImpression", "Communication", "CommunicationRequest", "Composition",
	"Consent", "DetectedIssue", "DeviceRequest", "DeviceUseStatement", "EpisodeOfCare", "ExplanationOfBenefit", "Flag", "ImagingStudy",
	"ImmunizationRecommendation", "Invoice", "List", "Media", "NutritionOrder", "RequestGroup", "RiskAssessment", "Schedule", "Slot", "Task", "VisionPrescription",
}

// of returns the scopes by which s, or the part of it that p is, is given.
func (p Part) of(s Scope) (list []Scope, ok bool) {
	if p.Type == Rest {
		if s.Type != "*" {
			return nil, false
		}
		for _, t := range rest {
			list = append(list, Scope{s.Context, t, s.Verbs, nil})
		}
		return list, true
	}
	if s.Type != "*" && s.Type != p.Type {
		return nil, false
	}
	one := Scope{s.Context, p.Type, s.Verbs, s.Query}
	switch {
	case p.Code == "":
		return []Scope{one}, true
	case len(s.Query) == 0:
		one.Query = url.Values{"category": {p.System + "|" + p.Code}}
		return []Scope{one}, true
	}
	return []Scope{one}, p.is(s.Query)
}

// is says whether a query finds exactly the category of p.
func (p Part) is(q url.Values) bool {
	if len(q) != 1 || len(q["category"]) != 1 {
		return false
	}
	system, code, ok := strings.Cut(q["category"][0], "|")
	return ok && code == p.Code && (system == p.System || system == "") || !ok && system == p.Code
}

// parts returns what somebody decides about in s.
func parts(s Worded, all []Part) []Part {
	var list []Part
	for _, p := range all {
		if _, ok := p.of(s.Scope); ok {
			list = append(list, p)
		}
	}
	if len(list) == 0 { // a type that is seldom asked for, or a search of its own
		list = []Part{{Key: s.Text, Group: "other", Type: s.Type}}
	}
	return list
}

// Offer returns the parts of a record that a asks for, in the order of a page.
func (a Asked) Offer() []Part {
	all := Parts()
	var list []Part
	add := func(p Part) {
		if !slices.ContainsFunc(list, func(q Part) bool { return q.Key == p.Key }) {
			list = append(list, p)
		}
	}
	known := map[string]bool{}
	var odd []Part
	for _, s := range a.Clinical {
		for _, p := range parts(s, all) {
			if p.Key == s.Text {
				odd = append(odd, p)
			}
			known[p.Key] = true
		}
	}
	for _, p := range all {
		if known[p.Key] {
			add(p)
		}
	}
	for _, p := range odd {
		add(p)
	}
	return list
}

// Choose returns what is left of a where only the parts with these keys are
// given. A scope whose parts are all given stays as it was asked for.
func (a Asked) Choose(keys []string) Asked {
	all := Parts()
	got := Asked{Plain: a.Plain, Unknown: a.Unknown}
	for _, s := range a.Clinical {
		offered := parts(s, all)
		given := slices.DeleteFunc(slices.Clone(offered), func(p Part) bool { return !slices.Contains(keys, p.Key) })
		if len(given) == len(offered) {
			got.add(s, s.Scope)
			continue
		}
		for _, p := range given {
			scopes, _ := p.of(s.Scope)
			for _, one := range scopes {
				got.add(s, one)
			}
		}
	}
	return got
}
