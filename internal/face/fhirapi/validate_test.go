package fhirapi_test

import (
	"strings"
	"sync"
	"testing"

	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/profile"
	"hale/internal/standard/terms"
	"hale/internal/store/db"
)

// known is what the tests know of FHIR and US Core.
type known struct {
	terms     *terms.Terms
	validator *profile.Validator
}

var definitions = sync.OnceValue(func() known {
	l, err := facts.Open()
	if err != nil {
		panic(err)
	}
	t := terms.New(l)
	return known{t, profile.New(l, t)}
})

// Check says what does not conform.
func (k known) Check(_ string, n fhir.Node) []record.Finding {
	var list []record.Finding
	for _, i := range k.validator.Validate(n) {
		list = append(list, record.Finding{Severity: string(i.Severity), Code: i.Code, Place: i.Path, Text: i.Text, Profile: i.Profile, Rule: i.Rule})
	}
	return list
}

// issue returns the first issue of an outcome: severity, code and place.
func (a answer) issue() string {
	place, _ := a.at("issue", 0, "expression", 0).(string)
	severity, _ := a.at("issue", 0, "severity").(string)
	code, _ := a.at("issue", 0, "code").(string)
	return strings.TrimSpace(severity + " " + code + " " + place)
}

func TestValidate(t *testing.T) {
	const bad = `{"resourceType":"Patient","id":"maria","gender":"F"}`
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, maria, `{"resourceType":"Patient","id":"odd","gender":"F"}`)
		tests := []struct{ name, line, body, want string }{
			{"what conforms", "POST /Patient/$validate", maria, "information informational"},
			{"what does not", "POST /Patient/$validate", bad, "error code-invalid Patient.gender"},
			{"in parameters", "POST /Patient/$validate", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + bad + `}]}`, "error code-invalid Patient.gender"},
			{"by a profile", "POST /Patient/$validate?profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", maria, "error required Patient.identifier"},
			{"by a profile in parameters", "POST /Patient/$validate", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + maria +
				`},{"name":"profile","valueUri":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|7.0.0"}]}`, "error required Patient.identifier"},
			{"by a profile that nobody knows", "POST /Patient/$validate?profile=http://example.org/p", maria, "error not-found Patient"},
			{"to update another", "POST /Patient/ben/$validate?mode=update", maria, "error value Patient.id"},
			{"what is there", "GET /Patient/maria/$validate", "", "information informational"},
			{"what is there and odd", "GET /Patient/odd/$validate", "", "error code-invalid Patient.gender"},
			{"before it is deleted", "POST /Patient/odd/$validate?mode=delete", "", "information informational"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w.TB = t
				if got := w.want(200, "system", tt.line, tt.body).issue(); got != tt.want {
					t.Errorf("%s = %q, want %q", tt.line, got, tt.want)
				}
			})
		}
		w.TB = t
		w.want(400, "system", "POST /Patient/$validate?mode=guess", maria)
		w.want(400, "system", "POST /Observation/$validate", maria)
		w.want(400, "system", "POST /Patient/$validate", "")
		w.want(400, "system", "POST /Patient/$validate", "{")
		w.want(404, "system", "GET /Patient/none/$validate", "")
		w.want(404, "ben", "GET /Patient/maria/$validate", "") // somebody else's
		w.want(401, "", "POST /Patient/$validate", maria)
	})
}

// What an app writes has to conform, and the answer names every place.
func TestWriteRejects(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, maria)
		w.record.WithChecker(definitions(), func(record.Source) record.Policy { return record.Reject })
		a := w.want(422, "system", "POST /Patient", `{"resourceType":"Patient","gender":"F","birthDate":"1961-13-01"}`)
		if list, _ := a.at("issue").([]any); len(list) != 2 || a.issue() != "error code-invalid Patient.gender" {
			t.Errorf("POST = %s, want both places", a.body)
		}
		a = w.want(422, "system", "POST ", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","gender":"F"},"request":{"method":"POST","url":"Patient"}}]}`)
		if !strings.Contains(a.body, "gender") {
			t.Errorf("a transaction = %s, want the place", a.body)
		}
		w.want(201, "system", "POST /Patient", `{"resourceType":"Patient","gender":"female"}`)
		a = w.want(422, "system", "PATCH /Patient/maria", `[{"op":"replace","path":"/gender","value":"F"}]`, "Content-Type: application/json-patch+json")
		if a.issue() != "error code-invalid Patient.gender" {
			t.Errorf("PATCH = %s", a.body)
		}
	})
}

func TestTerms(t *testing.T) {
	const gender, act = "http://hl7.org/fhir/ValueSet/administrative-gender", "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		a := w.want(200, "system", "GET /ValueSet/$expand?url="+gender, "")
		if a.at("expansion", "total") != 4.0 || a.at("expansion", "contains", 0, "code") != "male" {
			t.Errorf("$expand = %s", a.body)
		}
		a = w.want(200, "system", "GET /ValueSet/$expand?url="+gender+"&filter=fem&count=1", "")
		if a.at("expansion", "total") != 1.0 || a.at("expansion", "contains", 0, "display") != "Female" {
			t.Errorf("$expand filtered = %s", a.body)
		}
		a = w.want(200, "system", "GET /ValueSet/$expand?url="+gender+"&offset=3", "")
		if a.at("expansion", "total") != 4.0 || a.at("expansion", "contains", 0, "code") != "unknown" || a.at("expansion", "contains", 1) != nil {
			t.Errorf("$expand from 3 = %s", a.body)
		}
		a = w.want(200, "system", "POST /ValueSet/$expand", `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"active",
			"compose":{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"}]}]}}}]}`)
		if a.at("expansion", "contains", 0, "display") != "Male" {
			t.Errorf("$expand of a body = %s", a.body)
		}
		w.want(404, "system", "GET /ValueSet/$expand?url=http://example.org/none", "")
		w.want(400, "system", "GET /ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/condition-code", "")
		w.want(400, "system", "GET /ValueSet/$expand?url="+gender+"&count=-1", "")
		w.want(400, "system", "GET /ValueSet/$expand", "")

		results := []struct {
			line string
			want any
		}{
			{"GET /ValueSet/$validate-code?url=" + gender + "&code=female&system=http://hl7.org/fhir/administrative-gender", true},
			{"GET /ValueSet/$validate-code?url=" + gender + "&code=F", false},
			{"GET /CodeSystem/$validate-code?url=" + act + "&code=AMB", true},
			{"GET /CodeSystem/$validate-code?url=" + act + "&code=AMB&display=Inpatient", false},
			{"GET /CodeSystem/$validate-code?url=" + act + "&code=NONE", false},
		}
		for _, tt := range results {
			if a := w.want(200, "system", tt.line, ""); a.at("parameter", 0, "valueBoolean") != tt.want {
				t.Errorf("%s = %s, want %v", tt.line, a.body, tt.want)
			}
		}
		a = w.want(200, "system", "POST /ValueSet/$validate-code", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"`+gender+
			`"},{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"system":"x","code":"y"},{"system":"http://hl7.org/fhir/administrative-gender","code":"male"}]}}]}`)
		if a.at("parameter", 0, "valueBoolean") != true {
			t.Errorf("$validate-code of a concept = %s", a.body)
		}
		w.want(422, "system", "GET /CodeSystem/$validate-code?url=http://snomed.info/sct&code=1", "")
		w.want(400, "system", "GET /CodeSystem/$validate-code?url="+act, "")

		a = w.want(200, "system", "GET /CodeSystem/$lookup?system="+act+"&code=AMB", "")
		if !strings.Contains(a.body, `"ambulatory"`) || !strings.Contains(a.body, `"_ActEncounterCode"`) {
			t.Errorf("$lookup = %s", a.body)
		}
		w.want(404, "system", "GET /CodeSystem/$lookup?system="+act+"&code=NONE", "")
		a = w.want(200, "system", "GET /CodeSystem/$subsumes?system="+act+"&codeA=_ActEncounterCode&codeB=AMB", "")
		if a.at("parameter", 0, "valueCode") != "subsumes" {
			t.Errorf("$subsumes = %s", a.body)
		}
		w.want(400, "system", "GET /CodeSystem/$subsumes?system="+act+"&codeA=AMB", "")
		w.want(401, "", "GET /ValueSet/$expand?url="+gender, "")
	})
}
