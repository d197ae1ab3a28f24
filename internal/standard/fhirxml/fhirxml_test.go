package fhirxml

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hale/internal/standard/fhir"
)

// data is the folder of the published examples of R4.
func data(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HALE_TESTDATA")
	if dir == "" {
		t.Skip("skipped: HALE_TESTDATA names no folder of test data")
	}
	return filepath.Join(dir, "suites/fhir-test-cases/r4/examples")
}

// same says whether two JSON texts say the same.
func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// Every example of R4 comes back from XML as it was.
func TestExamplesThereAndBack(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(data(t), "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("skipped: no examples: %v", err)
	}
	n := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		node, err := fhir.Parse(body)
		if err != nil || resourceType(node.Get("resourceType").Text()) == nil {
			continue
		}
		text, err := Encode(nil, node)
		if shape := (*ShapeError)(nil); errors.As(err, &shape) && strings.Contains(shape.Reason, "no such element") {
			t.Logf("%s: %v", filepath.Base(file), err) // an example of what is wrong
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		back, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v: %.300s", filepath.Base(file), err, text)
			continue
		}
		n++
		if !same(t, body, back) {
			t.Errorf("%s came back as %.400s", filepath.Base(file), back)
		}
	}
	t.Logf("%d examples", n)
	if n < 60 {
		t.Errorf("%d examples came back, want 60", n)
	}
}

// apart are examples whose two published forms say different things.
var apart = map[string]string{"observation-example.xml": "has an extension that the JSON has not"}

// Where R4 publishes an example in both forms, both say the same.
func TestExamplesInBothForms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(data(t), "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		want, err := os.ReadFile(strings.TrimSuffix(file, ".xml") + ".json")
		if err != nil {
			continue
		}
		if reason := apart[filepath.Base(file)]; reason != "" {
			t.Logf("%s is left out: it %s", filepath.Base(file), reason)
			continue
		}
		n++
		if !same(t, got, want) {
			t.Errorf("%s reads as %.600s", filepath.Base(file), got)
		}
	}
	t.Logf("%d pairs", n)
}

func TestDecodeRefuses(t *testing.T) {
	const ns = ` xmlns="http://hl7.org/fhir"`
	tests := []struct{ name, text, want string }{
		{"nothing", "", "not well-formed"},
		{"no end", `<Patient` + ns + `>`, "not well-formed"},
		{"another namespace", `<Patient xmlns="x"/>`, "not a resource"},
		{"no resource", `<Human` + ns + `/>`, "not a resource"},
		{"an abstract resource", `<DomainResource` + ns + `/>`, "not a resource"},
		{"a document type", `<!DOCTYPE x [<!ENTITY a "b">]><Patient` + ns + `/>`, "document type"},
		{"an entity", `<Patient` + ns + `><gender value="&a;"/></Patient>`, "not well-formed"},
		{"an element that is none", `<Patient` + ns + `><shoe value="1"/></Patient>`, "Patient.shoe: R4 has no such element"},
		{"an attribute that is none", `<Patient` + ns + `><gender code="male"/></Patient>`, "Patient.gender: R4 has no such attribute"},
		{"one twice", `<Patient` + ns + `><gender value="male"/><gender value="male"/></Patient>`, "more than once"},
		{"text between", `<Patient` + ns + `>x</Patient>`, "text between"},
		{"no value", `<Patient` + ns + `><gender/></Patient>`, "no value"},
		{"not a boolean", `<Patient` + ns + `><active value="yes"/></Patient>`, "not a boolean"},
		{"two in one", `<Patient` + ns + `><contained><Patient/><Patient/></contained></Patient>`, "more than one"},
		{"something follows", `<Patient` + ns + `/><Patient` + ns + `/>`, "follows"},
		{"too deep", `<Patient` + ns + `>` + strings.Repeat(`<extension url="x">`, 100) + strings.Repeat(`</extension>`, 100) + `</Patient>`, "too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	const body = `{"resourceType":"Patient","id":"a","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">A &amp; B</div>"},"contained":[{"resourceType":"Organization","id":"o"}],` +
		`"extension":[{"url":"http://x","valueString":"a<b>\"&\n"}],"active":true,"name":[{"id":"n","given":["A",null,"C"],"_given":[null,{"extension":[{"url":"http://y","valueCode":"m"}]},null]}],"_birthDate":{"id":"b","extension":[{"url":"http://z","valueDecimal":1.50}]}}`
	const want = `<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="a"/><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">A &amp; B</div></text>` +
		`<contained><Organization><id value="o"/></Organization></contained><extension url="http://x"><valueString value="a&lt;b&gt;&quot;&amp;&#10;"/></extension><active value="true"/>` +
		`<name id="n"><given value="A"/><given><extension url="http://y"><valueCode value="m"/></extension></given><given value="C"/></name>` +
		`<birthDate id="b"><extension url="http://z"><valueDecimal value="1.50"/></extension></birthDate></Patient>`
	node, err := fhir.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Encode(nil, node)
	if err != nil || string(got) != want {
		t.Errorf("Encode = %s, %v\nwant     %s", got, err, want)
	}
	back, err := Decode(got)
	if err != nil || !same(t, back, []byte(body)) {
		t.Errorf("Decode = %s, %v", back, err)
	}
}

// A narrative that is no XHTML stays text: it cannot end the element around
// it.
func TestEncodeNarrative(t *testing.T) {
	for _, div := range []string{`</text><active value=\"true\"/>`, `<div xmlns=\"http://www.w3.org/1999/xhtml\"></div><x/>`, `<div xmlns=\"http://www.w3.org/1999/xhtml\">`, `plain & simple`, `<p/>`} {
		node, err := fhir.Parse([]byte(`{"resourceType":"Patient","text":{"status":"generated","div":"` + div + `"}}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := Encode(nil, node)
		if err != nil {
			t.Fatal(err)
		}
		body, err := Decode(text)
		if err != nil || strings.Contains(string(body), "active") && strings.Contains(string(body), `"active":`) {
			t.Errorf("the narrative %s came back as %s, %v", div, body, err)
		}
	}
}

// What Decode takes, Encode writes, and Decode reads as the same again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`<Patient xmlns="http://hl7.org/fhir"><id value="a"/><active value="true"/><name><given value="A"/></name></Patient>`))
	f.Add([]byte(`<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Patient/></resource></entry></Bundle>`))
	f.Add([]byte(`<Patient xmlns="http://hl7.org/fhir"><text><status value="x"/><div xmlns="http://www.w3.org/1999/xhtml">a<b/></div></text></Patient>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := Decode(text)
		if err != nil {
			return
		}
		node, err := fhir.Parse(body)
		if err != nil {
			return // such as a number that JSON has and FHIR has not
		}
		again, err := Encode(nil, node)
		if err != nil {
			t.Fatalf("Encode(%s) = %v", body, err)
		}
		back, err := Decode(again)
		if err != nil || string(back) != string(body) && !same(t, back, body) {
			t.Fatalf("%s came back as %s, %v", body, back, err)
		}
	})
}
