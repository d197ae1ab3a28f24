package fhir_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hale/internal/standard/fhir"
)

func parse(t *testing.T, text string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNode(t *testing.T) {
	n := parse(t, `{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"1","display":"one"},{"code":"2"},{}],"text":"One"},
		"category":[{"coding":[{"system":"c","code":"lab"}]},{"coding":[{"code":"x"}]}],"one":{"code":"solo"},
		"subject":{"reference":"Patient/p.1-A/_history/3"},"value":5.20,"list":[[1,2],[3]],"no":null,"t":true}`)
	if got := n.Get("category", "coding", "code").Text(); got != "lab" {
		t.Errorf("Get through lists = %q, want the first", got)
	}
	if diff := cmp.Diff([]fhir.Coding{{"s", "1", "one"}, {"", "2", ""}}, n.Get("code").Codings()); diff != "" {
		t.Errorf("Codings of a concept: %s", diff)
	}
	if diff := cmp.Diff([]fhir.Coding{{"c", "lab", ""}, {"", "x", ""}}, n.Get("category").Codings()); diff != "" {
		t.Errorf("Codings of a list of concepts: %s", diff)
	}
	if diff := cmp.Diff([]fhir.Coding{{"", "solo", ""}}, n.Get("one").Codings()); diff != "" {
		t.Errorf("Codings of a coding: %s", diff)
	}
	if typ, id := n.Get("subject").Reference(); typ != "Patient" || id != "p.1-A" {
		t.Errorf("Reference() = %s/%s", typ, id)
	}
	if v, ok := n.Get("value").Number(); !ok || v != 5.2 || n.Get("value").Text() != "5.20" {
		t.Errorf("Number() = %v, Text() = %s", v, n.Get("value").Text())
	}
	if got := n.Get("list").Path(); got != "Observation.list" {
		t.Errorf("Path() = %s", got)
	}
	if got := n.Get("category", "coding", "code").Path(); got != "Observation.category[0].coding[0].code" {
		t.Errorf("Path() = %s", got)
	}
	if !n.Get("t").Bool() || n.Get("no").Bool() || n.Get("no").Text() != "" || !n.Get("no").Exists() {
		t.Error("true, null and absent are mixed up")
	}
	for _, absent := range []fhir.Node{{}, n.Get("nothing"), n.Get("value", "x"), n.Get("no", "x")} {
		typ, id := absent.Reference()
		full, _, _ := absent.HumanName()
		_, isNumber := absent.Number()
		_, isDate := absent.Date()
		for range absent.Each() {
			t.Error("an absent node has elements")
		}
		if absent.Exists() || absent.Text()+typ+id+full+absent.Concept()+absent.Path() != "" || isNumber || isDate || absent.Raw() != nil || absent.Codings() != nil {
			t.Errorf("an absent node says something")
		}
	}
}

func TestNodeConcept(t *testing.T) {
	for text, want := range map[string]string{
		`{"text":"Words","coding":[{"display":"D"}]}`:       "Words",
		`{"coding":[{"code":"1"},{"display":"D"}]}`:         "D",
		`{"coding":[{"code":"1"}]}`:                         "1",
		`[{"coding":[{"code":"1"}]},{"text":"the second"}]`: "the second",
		`{}`: "",
	} {
		if got := parse(t, text).Concept(); got != want {
			t.Errorf("Concept(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestNodeHumanName(t *testing.T) {
	tests := []struct{ text, full, family, given string }{
		{`[{"use":"old","family":"A"},{"use":"official","family":"B","given":["C","D"],"suffix":["Jr."]}]`, "C D B Jr.", "B", "C D"},
		{`{"text":"Dr. X","family":"X"}`, "Dr. X", "X", ""},
		{`[{"use":"maiden","family":"M"},{"family":"N"}]`, "N", "N", ""},
		{`[]`, "", "", ""},
	}
	for _, tt := range tests {
		if full, family, given := parse(t, tt.text).HumanName(); full != tt.full || family != tt.family || given != tt.given {
			t.Errorf("HumanName(%s) = %q, %q, %q", tt.text, full, family, given)
		}
	}
}

func TestSplitReference(t *testing.T) {
	tests := []struct{ in, typ, id string }{
		{"Patient/1", "Patient", "1"},
		{"Patient/1/_history/2", "Patient", "1"},
		{"http://other.example/fhir/Patient/1", "", ""}, // somebody else's
		{"urn:uuid:0", "", ""},
		{"#x", "", ""},
		{"Patient/", "", ""},
		{"Patient/a b", "", ""},
		{"Patient/1/2", "", ""},
		{"Alien/1", "", ""},
		{"Practitioner?identifier=a|b", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if typ, id := fhir.SplitReference(tt.in); typ != tt.typ || id != tt.id {
			t.Errorf("SplitReference(%q) = %q, %q", tt.in, typ, id)
		}
	}
}

func TestParseDate(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct{ in, low, high string }{
		{"2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2024-12", "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"},
		{"2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2024-02-29T23:59Z", "2024-02-29T23:59:00Z", "2024-03-01T00:00:00Z"},
		{"2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z"},
		{"2024-02-29T23:59:59", "2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z"},
		{"2024-03-01T01:00:00+02:00", "2024-02-29T23:00:00Z", "2024-02-29T23:00:01Z"},
		{"2024-03-01T01:00:00.5Z", "2024-03-01T01:00:00.5Z", "2024-03-01T01:00:00.6Z"},
		{"2024-03-01T01:00:00.123456789Z", "2024-03-01T01:00:00.123456789Z", "2024-03-01T01:00:00.123457789Z"},
	}
	for _, tt := range tests {
		got, err := fhir.ParseDate(tt.in)
		if err != nil || !got.Low.Equal(at(tt.low)) || !got.High.Equal(at(tt.high)) {
			t.Errorf("ParseDate(%s) = %v, %v, want [%s, %s)", tt.in, got, err, tt.low, tt.high)
		}
	}
	for _, bad := range []string{"", "24", "2024-13", "2023-02-29", "2024-1-1", "0000", "2024-02-29 10:00", "2024-02-29T", "2024-02-29T25:00:00Z", "2024-02-29T10:00:00.Z", "2024-02-29T10:00:00+99:00", "tomorrow", "２０２４"} {
		if got, err := fhir.ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%s) = %v, want an error", bad, got)
		}
	}
}

func TestNodeDate(t *testing.T) {
	tests := []struct{ in, low, high string }{
		{`"2024"`, "2024", "2025"},
		{`{"start":"2024-01","end":"2024-02"}`, "2024-01", "2024-03"},
		{`{"start":"2024"}`, "2024", "9999-12-31"},
		{`{"end":"2024"}`, "0001", "2025"},
	}
	for _, tt := range tests {
		got, ok := parse(t, tt.in).Date()
		low, _ := fhir.ParseDate(tt.low)
		high, _ := fhir.ParseDate(tt.high)
		if !ok || !got.Low.Equal(low.Low) || !got.High.Equal(high.Low) {
			t.Errorf("Date(%s) = %v, %v", tt.in, got, ok)
		}
	}
	for _, bad := range []string{`{}`, `{"start":"x"}`, `5`, `"x"`} {
		if got, ok := parse(t, bad).Date(); ok {
			t.Errorf("Date(%s) = %v, want none", bad, got)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{"a": true, "A-1.z": true, "": false, "a/b": false, "a_b": false, "é": false, "a b": false} {
		if got := fhir.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v", id, got)
		}
	}
}

// TestDefine looks at what was generated, by cases of every kind of
// expression.
func TestDefine(t *testing.T) {
	tests := []struct{ typ, name, target, keys string }{
		{"Condition", "code", "", "code"},
		{"Condition", "onset-date", "", "onsetDateTime onsetPeriod"},
		{"Condition", "patient", "Patient", "subject"},
		{"Observation", "date", "", "effectiveDateTime effectivePeriod effectiveTiming effectiveInstant"},
		{"Observation", "combo-code", "", "code component*.code"},
		{"Observation", "value-concept", "", "valueCodeableConcept"},
		{"Patient", "phone", "", "telecom*[system=phone]"},
		{"Patient", "family", "", "name*.family"},
		{"Patient", "death-date", "", "deceasedDateTime"},
		{"Appointment", "patient", "Patient", "participant*.actor"},
		{"MedicationRequest", "code", "", "medicationCodeableConcept"},
		{"MedicationRequest", "medication", "", "medicationReference"},
		{"Encounter", "class", "", "class"},
		{"Slot", "start", "", "start"},
		{"DocumentReference", "type", "", "type"},
		{"ExplanationOfBenefit", "patient", "", "patient"},
	}
	for _, tt := range tests {
		def := fhir.Define(tt.typ)
		p, ok := def.Parameter(tt.name)
		var keys string
		for _, at := range p.Elements {
			if keys != "" {
				keys += " "
			}
			for i, s := range def.Elements[at].Steps {
				if i > 0 {
					keys += "."
				}
				keys += s.Key
				if s.Many {
					keys += "*"
				}
				if s.FilterKey != "" {
					keys += "[" + s.FilterKey + "=" + s.FilterValue + "]"
				}
			}
		}
		if !ok || keys != tt.keys || p.Target != tt.target {
			t.Errorf("%s?%s looks at %q → %q, want %q → %q", tt.typ, tt.name, keys, p.Target, tt.keys, tt.target)
		}
	}
	if fhir.Define("Alien") != nil || fhir.IsType("patient") || fhir.IsType("") {
		t.Error("there is a type that R4 does not have")
	}
	seen := map[int32]bool{}
	for _, typ := range []string{"Patient", "Observation", "Condition"} {
		for _, e := range fhir.Define(typ).Elements {
			if seen[e.Number] {
				t.Logf("%s: %d looks at one element as two kinds", typ, e.Number)
			}
			seen[e.Number] = true
		}
	}
}
