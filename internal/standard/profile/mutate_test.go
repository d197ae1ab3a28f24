package profile_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hale/internal/standard/fhir"
	"hale/internal/standard/profile"
)

// The resources that are broken, each in one place.
var whole = map[string]string{
	"pressure": vital,
	"patient": `{"resourceType":"Patient","id":"p1","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"]},
		"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Somebody</p></div>"},
		"extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[
			{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3","display":"White"}},{"url":"text","valueString":"White"}]}],
		"identifier":[{"use":"usual","system":"http://clinic.example/mrn","value":"42","period":{"start":"2020-01-01","end":"2030-01-01"}}],
		"active":true,"name":[{"use":"official","family":"Body","given":["Some"]}],"telecom":[{"system":"phone","value":"555-0142","rank":1}],
		"gender":"female","birthDate":"1961-03-14","multipleBirthInteger":2,"address":[{"line":["1 Main St"],"city":"Springfield"}],
		"contact":[{"name":{"family":"Other"}}],"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en-US"}]}}],
		"link":[{"other":{"reference":"Patient/p2"},"type":"seealso"}]}`,
	"condition": `{"resourceType":"Condition","id":"c1","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns"]},
		"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
		"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},
		"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],
		"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}],"text":"Diabetes"},"subject":{"reference":"Patient/p1"},
		"onsetDateTime":"2020-05","recordedDate":"2020-05-04T10:00:00Z","asserter":{"reference":"Practitioner/d1"}}`,
	"request": `{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","contained":[{"resourceType":"Medication","id":"med","code":{"text":"Something"}}],
		"medicationReference":{"reference":"#med"},"subject":{"reference":"Patient/p1"},"authoredOn":"2026-03-02",
		"dosageInstruction":[{"sequence":1,"text":"one a day","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}],
		"dispenseRequest":{"numberOfRepeatsAllowed":3,"quantity":{"value":30}}}`,
	"bundle": `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:6f6f0f5e-6a0e-4a44-8f54-5d6d3c6c5b11","resource":{"resourceType":"Patient","name":[{"family":"Body"}]},"request":{"method":"POST","url":"Patient"}},
		{"fullUrl":"urn:uuid:6f6f0f5e-6a0e-4a44-8f54-5d6d3c6c5b12","resource":{"resourceType":"Encounter","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
			"subject":{"reference":"urn:uuid:6f6f0f5e-6a0e-4a44-8f54-5d6d3c6c5b11"}},"request":{"method":"POST","url":"Encounter"}}]}`,
	"questionnaire": `{"resourceType":"Questionnaire","id":"q1","url":"http://clinic.example/q1","name":"Sleep","status":"active","item":[
		{"linkId":"1","text":"How do you sleep?","type":"choice","answerOption":[{"valueString":"well"},{"valueString":"badly"}]},
		{"linkId":"2","type":"group","item":[{"linkId":"2.1","text":"Since when?","type":"date"}]}]}`,
	"appointment": `{"resourceType":"Appointment","id":"a1","status":"booked","start":"2026-03-02T12:30:00Z","end":"2026-03-02T12:45:00Z","minutesDuration":15,
		"participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"}]}`,
	"attachment": `{"resourceType":"Media","status":"completed","content":{"contentType":"image/png","data":"aGVsbG8=","size":5,"hash":"aGVsbG8=","url":"http://clinic.example/x.png"}}`,
}

// mutations break one thing each. An empty value takes the element away.
var mutations = []struct {
	name, of, at, value string
	path, rule          string
}{
	{"a required element is missing", "pressure", "status", ``, "Observation.status", "min"},
	{"a required element inside is missing", "patient", "link.0.type", ``, "Patient.link[0].type", "min"},
	{"an element that the profile requires is missing", "patient", "identifier", ``, "Patient.identifier", "min"},
	{"an element inside that the profile requires is missing", "patient", "identifier.0.value", ``, "Patient.identifier[0].value", "min"},
	{"a slice is missing", "pressure", "component.1", ``, "Observation.component", "slice"},
	{"a slice's code is another's", "pressure", "component.1.code.coding.0.code", `"8480-6"`, "Observation.component[1]", "max"},
	{"a category slice is missing", "pressure", "category.0.coding.0.code", `"laboratory"`, "Observation.category", "slice"},
	{"the code is not the profile's", "pressure", "code.coding.0.code", `"8302-2"`, "Observation.code", "pattern"},
	{"a unit is not the profile's", "pressure", "component.0.valueQuantity.code", `"kPa"`, "Observation.component[0].valueQuantity.code", "fixed"},
	{"a unit's system is not the profile's", "pressure", "component.0.valueQuantity.system", `"http://clinic.example/units"`, "Observation.component[0].valueQuantity.system", "fixed"},
	{"the profile does not take the type", "pressure", "effectiveDateTime>effectiveInstant", `"2026-03-02T12:30:00Z"`, "Observation.effectiveInstant", "type"},
	{"a value and the reason why there is none", "pressure", "component.0.dataAbsentReason", `{"text":"?"}`, "", ""},
	{"a value beside the reason why there is none", "pressure", "dataAbsentReason+valueString", `"x"`, "Observation", "obs-6"},
	{"a vital sign without a date", "pressure", "effectiveDateTime", ``, "Observation.effective[x]", "min"},
	{"no element has the name", "patient", "nickname", `"Bo"`, "Patient.nickname", "unknown"},
	{"no element inside has the name", "patient", "name.0.first", `"Bo"`, "Patient.name[0].first", "unknown"},
	{"a companion of nothing", "patient", "_nickname", `{"id":"x"}`, "Patient.nickname", "unknown"},
	{"a value is no list", "patient", "name", `{"family":"Body"}`, "Patient.name", "list"},
	{"a list is no value", "patient", "gender", `["female"]`, "Patient.gender", "list"},
	{"a list is empty", "patient", "name", `[]`, "Patient.name", "empty"},
	{"an object is empty", "patient", "contact.0", `{}`, "Patient.contact[0]", "ele-1"},
	{"text where an object goes", "patient", "name.0", `"Body"`, "Patient.name[0]", "type"},
	{"a code of a required binding", "patient", "gender", `"F"`, "Patient.gender", "binding"},
	{"a code inside of a required binding", "patient", "telecom.0.system", `"telephone"`, "Patient.telecom[0].system", "binding"},
	{"a concept of a required binding", "condition", "clinicalStatus.coding.0.code", `"ongoing"`, "Condition.clinicalStatus", "binding"},
	{"a system of a required binding", "condition", "clinicalStatus.coding.0.system", `"http://clinic.example/x"`, "Condition.clinicalStatus", "binding"},
	{"a code with a blank at its end", "patient", "gender", `"female "`, "Patient.gender", "format"},
	{"a day that there is not", "patient", "birthDate", `"1961-02-30"`, "Patient.birthDate", "format"},
	{"a date by another order", "patient", "birthDate", `"03/14/1961"`, "Patient.birthDate", "format"},
	{"a date with a time", "patient", "birthDate", `"1961-03-14T10:00:00Z"`, "Patient.birthDate", "format"},
	{"a time without a zone", "condition", "recordedDate", `"2020-05-04T10:00:00"`, "Condition.recordedDate", "format"},
	{"a time without seconds", "condition", "recordedDate", `"2020-05-04T10:00Z"`, "Condition.recordedDate", "format"},
	{"an hour that there is not", "appointment", "start", `"2026-03-02T25:30:00Z"`, "Appointment.start", "format"},
	{"an instant of a day", "appointment", "start", `"2026-03-02"`, "Appointment.start", "format"},
	{"a boolean in quotes", "patient", "active", `"true"`, "Patient.active", "format"},
	{"a number in quotes", "pressure", "component.0.valueQuantity.value", `"109"`, "Observation.component[0].valueQuantity.value", "format"},
	{"a whole number with a fraction", "patient", "multipleBirthInteger", `1.5`, "Patient.multipleBirthInteger", "format"},
	{"a whole number that is too large", "patient", "multipleBirthInteger", `3000000000`, "Patient.multipleBirthInteger", "format"},
	{"zero where numbers begin with one", "patient", "telecom.0.rank", `0`, "Patient.telecom[0].rank", "format"},
	{"a number below zero", "request", "dispenseRequest.numberOfRepeatsAllowed", `-1`, "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed", "format"},
	{"a blank text", "patient", "name.0.family", `" "`, "Patient.name[0].family", "format"},
	{"an id with a sign", "patient", "id", `"p_1"`, "Patient.id", "format"},
	{"an address with a blank", "patient", "identifier.0.system", `"http://clinic.example/m r n"`, "Patient.identifier[0].system", "format"},
	{"no base64", "attachment", "content.data", `"hello!"`, "Media.content.data", "format"},
	{"a script in the narrative", "patient", "text.div", `"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x()</script></div>"`, "Patient.text.div", "format"},
	{"a narrative that is not closed", "patient", "text.div", `"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</div>"`, "Patient.text.div", "format"},
	{"a narrative with nothing in it", "patient", "text.div", `"<div xmlns=\"http://www.w3.org/1999/xhtml\"> </div>"`, "Patient.text.div", "format"},
	{"a reference to the wrong type", "condition", "subject.reference", `"Practitioner/d1"`, "Condition.subject", "target"},
	{"a reference to the wrong type elsewhere", "condition", "subject.reference", `"https://other.example/fhir/Organization/o1"`, "Condition.subject", "target"},
	{"a reference to the wrong entry", "bundle", "entry.1.resource.subject.reference", `"urn:uuid:6f6f0f5e-6a0e-4a44-8f54-5d6d3c6c5b12"`, "Bundle.entry[1].resource.subject", "target"},
	{"a reference to what is not contained", "request", "medicationReference.reference", `"#none"`, "MedicationRequest.medicationReference.reference", "ref-1"},
	{"nothing refers to what is contained", "request", "medicationReference.reference", `"Medication/1"`, "MedicationRequest.contained[0]", "dom-3"},
	{"a contained resource has a version", "request", "contained.0.meta", `{"versionId":"1"}`, "MedicationRequest.contained[0].meta.versionId", "dom-4"},
	{"a contained resource is wrong inside", "request", "contained.0.status", `"on"`, "MedicationRequest.contained[0].status", "binding"},
	{"two types of one choice", "patient", "multipleBirthBoolean", `true`, "Patient.multipleBirthInteger", "choice"},
	{"a type that the choice has not", "patient", "multipleBirthString", `"two"`, "Patient.multipleBirthString", "unknown"},
	{"a choice without a value that must be", "request", "medicationReference", ``, "MedicationRequest.medication[x]", "min"},
	{"a period that ends before it begins", "patient", "identifier.0.period.end", `"2010-01-01"`, "Patient.identifier[0].period", "per-1"},
	{"a quantity with a code and no system", "request", "dosageInstruction.0.doseAndRate.0.doseQuantity.code", `"1"`, "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity", "qty-3"},
	{"a comparator where a quantity is exact", "request", "dispenseRequest.quantity.comparator", `"<"`, "MedicationRequest.dispenseRequest.quantity.comparator", "sqty-1"},
	{"a contact with nothing in it", "patient", "contact.0", `{"gender":"male"}`, "Patient.contact[0]", "pat-1"},
	{"a start without an end", "appointment", "end", ``, "Appointment", "app-2"},
	{"a participant that is nobody", "appointment", "participant.0.actor", ``, "Appointment.participant[0]", "app-1"},
	{"a period without its unit", "request", "dosageInstruction.0.timing.repeat.periodUnit", ``, "MedicationRequest.dosageInstruction[0].timing.repeat", "tim-2"},
	{"two items of one link", "questionnaire", "item.1.linkId", `"1"`, "Questionnaire", "que-2"},
	{"an item that may not have options", "questionnaire", "item.1.answerValueSet", `"http://clinic.example/vs"`, "Questionnaire.item[1]", "que-5"},
	{"a problem that is over and active", "condition", "abatementDateTime", `"2021"`, "Condition", "con-4"},
	{"an entry of a transaction without a request", "bundle", "entry.1.request", ``, "Bundle", "bdl-3"},
	{"a method that there is not", "bundle", "entry.0.request.method", `"SEND"`, "Bundle.entry[0].request.method", "binding"},
	{"a resource in a bundle is wrong", "bundle", "entry.1.resource.status", ``, "Bundle.entry[1].resource.status", "min"},
	{"an entry of no type", "bundle", "entry.0.resource.resourceType", `"Person1"`, "Bundle.entry[0].resource", "type"},
	{"an extension without an address", "patient", "extension.0.url", ``, "Patient.extension[0].url", "min"},
	{"an extension with a value and more", "patient", "extension.0.valueString", `"x"`, "Patient.extension[0]", "ext-1"},
	{"a part of a known extension is missing", "patient", "extension.0.extension.1", ``, "Patient.extension[0].extension", "slice"},
	{"a known extension's value of the wrong type", "patient", "extension.0.extension.1", `{"url":"text","valueCode":"x"}`, "Patient.extension[0].extension[1].valueCode", "type"},
	{"a modifier that nobody knows", "patient", "modifierExtension", `[{"url":"http://clinic.example/not","valueBoolean":true}]`, "Patient.modifierExtension[0]", "modifier"},
	{"an attachment of no kind", "attachment", "content.contentType", ``, "Media.content", "att-1"},
	{"the profile is another type's", "condition", "meta.profile.0", `"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"`, "Condition", "profile"},
	{"no known type", "patient", "resourceType", `"Human"`, "Human", "type"},
	{"a category that the profile asks for", "condition", "category", `[{"text":"a problem"}]`, "Condition.category", "slice"},
	{"a concept without a code", "condition", "verificationStatus", `{"text":"sure"}`, "Condition.verificationStatus", "binding"},
}

// What is broken is found where it is broken, and nothing is found in what is
// whole.
func TestValidateFinds(t *testing.T) {
	v := newValidator(t)
	for name, text := range whole {
		for _, i := range v.Validate(parse(t, text)) {
			if i.Severity == profile.Error {
				t.Errorf("%s is whole, and has %+v", name, i)
			}
		}
	}
	for _, tt := range mutations {
		t.Run(tt.name, func(t *testing.T) {
			list := v.Validate(parse(t, mutate(t, whole[tt.of], tt.at, tt.value)))
			if tt.rule == "" {
				for _, i := range list {
					if i.Severity == profile.Error {
						t.Errorf("it is allowed, and has %+v", i)
					}
				}
				return
			}
			found := slices.ContainsFunc(list, func(i profile.Issue) bool {
				return i.Rule == tt.rule && i.Path == tt.path && i.Text != "" && i.Code != ""
			})
			if !found {
				t.Errorf("Validate = %+v, want %s at %s", list, tt.rule, tt.path)
			}
		})
	}
}

func parse(t testing.TB, text string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mutate puts value at a path of a text: a.0.b. a>b renames, and a+b adds
// both.
func mutate(t testing.TB, text, at, value string) string {
	t.Helper()
	var whole any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	if old, name, ok := strings.Cut(at, ">"); ok {
		whole = set(whole, strings.Split(old, "."), nil)
		at = name
	}
	if first, second, ok := strings.Cut(at, "+"); ok {
		whole = set(whole, strings.Split(first, "."), map[string]any{"text": "?"})
		at = second
	}
	var v any
	if value != "" {
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatal(err)
		}
	}
	whole = set(whole, strings.Split(at, "."), v)
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// set puts v at a path; nil takes away.
func set(in any, path []string, v any) any {
	if len(path) == 0 {
		return v
	}
	switch in := in.(type) {
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(in) {
			panic("no such place")
		}
		if next := set(in[i], path[1:], v); next != nil {
			in[i] = next
			return in
		}
		return slices.Delete(in, i, i+1)
	case map[string]any:
		if next := set(in[path[0]], path[1:], v); next != nil {
			in[path[0]] = next
		} else {
			delete(in, path[0])
		}
		return in
	}
	panic("no such place")
}
