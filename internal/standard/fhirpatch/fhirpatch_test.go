package fhirpatch_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpatch"
	"hale/internal/standard/fhirxml"
)

func suiteFile(t *testing.T, name string) []byte {
	t.Helper()
	root := os.Getenv("HALE_TESTDATA")
	if root == "" {
		t.Skip("HALE_TESTDATA names no folder with the suites")
	}
	data, err := os.ReadFile(filepath.Join(root, "suites", "fhir-test-cases", "r4", "patch", name))
	if err != nil {
		t.Skip(err)
	}
	return data
}

func parse(t *testing.T, text string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

func decodeXML(t *testing.T, text string) []byte {
	t.Helper()
	out, err := fhirxml.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

// TestFHIRPathSuite runs every case of the R4 suite.
func TestFHIRPathSuite(t *testing.T) {
	var suite struct {
		Cases []struct {
			Name  string `xml:"name,attr"`
			Input struct {
				XML string `xml:",innerxml"`
			} `xml:"input"`
			Diff struct {
				XML string `xml:",innerxml"`
			} `xml:"diff"`
			Output *struct {
				XML string `xml:",innerxml"`
			} `xml:"output"`
		} `xml:"case"`
	}
	if err := xml.Unmarshal(suiteFile(t, "fhir-patch-tests.xml"), &suite); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, c := range suite.Cases {
		doc := decodeXML(t, c.Input.XML)
		params := parse(t, string(decodeXML(t, c.Diff.XML)))
		out, err := fhirpatch.FHIRPath(doc, params)
		switch {
		case c.Output == nil && err == nil:
			t.Errorf("%s: gives %s, want an error", c.Name, out)
		case c.Output == nil:
			passed++
		case err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case !same(t, plainMarkup(out), plainMarkup(decodeXML(t, c.Output.XML))):
			t.Errorf("%s: gives\n%s, want\n%s", c.Name, out, decodeXML(t, c.Output.XML))
		default:
			passed++
		}
	}
	t.Logf("FHIRPath Patch suite: %d of %d passed", passed, len(suite.Cases))
}

// plainMarkup writes a narrative as XML reads it: line ends and quotation
// marks have two spellings.
func plainMarkup(body []byte) []byte {
	return []byte(strings.NewReplacer(`\r`, "", `&quot;`, `\"`).Replace(string(body)))
}

// jsonExcluded are cases of the JSON Patch suite that are otherwise here,
// each with its reason.
var jsonExcluded = map[string]string{}

func TestJSONSuite(t *testing.T) {
	var suite []struct {
		Comment, Error       string
		Disabled             bool
		Doc, Patch, Expected json.RawMessage
	}
	if err := json.Unmarshal(suiteFile(t, "json-patch-tests.json"), &suite); err != nil {
		t.Fatal(err)
	}
	passed, total := 0, 0
	for _, c := range suite {
		if c.Disabled || c.Patch == nil {
			continue
		}
		total++
		out, err := fhirpatch.JSON(c.Doc, c.Patch)
		reason := jsonExcluded[c.Comment]
		bad := ""
		switch {
		case c.Error != "" && err == nil:
			bad = "gives " + string(out) + ", want an error: " + c.Error
		case c.Error == "" && err != nil:
			bad = err.Error()
		case c.Error == "" && c.Expected != nil && !same(t, out, c.Expected):
			bad = "gives " + string(out) + ", want " + string(c.Expected)
		}
		switch {
		case bad != "" && reason == "":
			t.Errorf("%s: %s on %s: %s", c.Comment, c.Patch, c.Doc, bad)
		case bad == "" && reason != "":
			t.Errorf("%s passes, but is excluded: %s", c.Comment, reason)
		case bad == "":
			passed++
		}
	}
	t.Logf("JSON Patch suite: %d of %d passed, %d excluded", passed, total, len(jsonExcluded))
}

func operation(kind, path, rest string) string {
	return `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"` + kind + `"},{"name":"path","valueString":"` + path + `"}` + rest + `]}]}`
}

func TestFHIRPath(t *testing.T) {
	const doc = `{"resourceType":"Patient","id":"a","name":[{"given":["P",null],"_given":[null,{"id":"g"}]}],"deceasedBoolean":false,"birthDate":"1974-12-25","_birthDate":{"id":"b"}}`
	tests := []struct{ name, patch, want string }{
		{"a choice takes another type in its place", operation("replace", "Patient.deceased", `,{"name":"value","valueDateTime":"2020"}`),
			`{"resourceType":"Patient","id":"a","name":[{"given":["P",null],"_given":[null,{"id":"g"}]}],"deceasedDateTime":"2020","birthDate":"1974-12-25","_birthDate":{"id":"b"}}`},
		{"what stands beside a primitive goes with it", operation("delete", "Patient.birthDate", ""),
			`{"resourceType":"Patient","id":"a","name":[{"given":["P",null],"_given":[null,{"id":"g"}]}],"deceasedBoolean":false}`},
		{"a primitive in a list keeps its neighbours' extensions in place", operation("delete", "Patient.name.given[0]", ""),
			`{"resourceType":"Patient","id":"a","name":[{"_given":[{"id":"g"}]}],"deceasedBoolean":false,"birthDate":"1974-12-25","_birthDate":{"id":"b"}}`},
		{"a value may have extensions", operation("add", "Patient", `,{"name":"name","valueString":"gender"},{"name":"value","valueCode":"female","_valueCode":{"id":"x"}}`),
			doc[:len(doc)-1] + `,"gender":"female","_gender":{"id":"x"}}`},
		{"deleting what is not there changes nothing", operation("delete", "Patient.photo", ""), doc},
	}
	for _, tt := range tests {
		out, err := fhirpatch.FHIRPath([]byte(doc), parse(t, tt.patch))
		if err != nil || string(out) != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.name, out, err, tt.want)
		}
	}
	refusals := []struct{ patch, want string }{
		{operation("add", "Patient", `,{"name":"name","valueString":"birthDate"},{"name":"value","valueDate":"2020"}`), "patch: operation 1 at Patient: birthDate is there already"},
		{operation("add", "Patient", `,{"name":"name","valueString":"nmae"},{"name":"value","valueDate":"2020"}`), `patch: operation 1 at Patient: Patient has no element "nmae"`},
		{operation("add", "Patient", `,{"name":"name","valueString":"active"},{"name":"value","valueString":"x"}`), "patch: operation 1 at Patient: active is no string"},
		{operation("replace", "Patient.birthDate", ""), "patch: operation 1 at Patient.birthDate: it has no value"},
		{operation("delete", "Patient.name.given", ""), "patch: operation 1 at Patient.name.given: the path leads to 2 elements"},
		{operation("delete", "Patient", ""), "patch: operation 1 at Patient: it cannot be deleted"},
		{operation("move", "Patient.name.given", `,{"name":"source","valueInteger":5},{"name":"destination","valueInteger":0}`), "patch: operation 1 at Patient.name.given: source and destination must be 0 to 1"},
		{operation("burn", "Patient.name", ""), `patch: operation 1 at Patient.name: there is no operation "burn"`},
		{operation("delete", "Patient.name(", ""), "patch: operation 1 at Patient.name(: fhirpath: at 13: the expression ends too early"},
		{`{"resourceType":"Patient"}`, "patch: it is no Parameters resource"},
	}
	for _, tt := range refusals {
		if out, err := fhirpatch.FHIRPath([]byte(doc), parse(t, tt.patch)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.patch, out, err, tt.want)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	const doc = `{"resourceType":"Patient","id":"a","multipleBirthInteger":12345678901234567}`
	for patch, want := range map[string]string{
		`{}`: "patch: it is no list of operations",
		`[{"op":"test","path":"/id","value":"b"}]`:                             "patch: operation 1 at /id: the test fails: the value is another",
		`[{"op":"add","path":"/x","value":1},{"op":"remove","path":"/photo"}]`: "patch: operation 2 at /photo: nothing is there",
		`[{"op":"add","path":"id","value":1}]`:                                 "patch: operation 1 at id: a path begins with a slash",
		`[{"op":"add","path":"/id"}]`:                                          "patch: operation 1 at /id: it has no value",
		`[1]`:                                                                  "patch: operation 1: it is no operation",
		`[{"op":"add","path":"/id","value":1,"value":2}]`:                      "patch: it is no JSON: at byte 36, [0].value: a key stands twice in one object",
	} {
		if out, err := fhirpatch.JSON([]byte(doc), []byte(patch)); err == nil || err.Error() != want {
			t.Errorf("%s: %s, %v, want %s", patch, out, err, want)
		}
	}
	out, err := fhirpatch.JSON([]byte(doc), []byte(`[{"op":"add","path":"/language","value":"<en>"}]`))
	if err != nil || !strings.Contains(string(out), "12345678901234567") || !strings.Contains(string(out), "<en>") {
		t.Errorf("a patch changes what it does not name: %s, %v", out, err)
	}
}

// FuzzFHIRPath applies anything; what comes of it is a resource of JSON.
func FuzzFHIRPath(f *testing.F) {
	const doc = `{"resourceType":"Patient","name":[{"given":["P",null],"_given":[null,{"id":"g"}]}],"deceasedBoolean":false,"_birthDate":{"id":"b"},"contained":[{"resourceType":"Patient","id":"x"}]}`
	for _, op := range []string{operation("delete", "Patient.name.given[0]", ""), operation("add", "Patient", `,{"name":"name","valueString":"contact"},{"name":"value","part":[{"name":"gender","valueCode":"male"}]}`),
		operation("replace", "deceased", `,{"name":"value","valueDateTime":"2020"}`), operation("move", "descendants()", `,{"name":"source","valueInteger":0},{"name":"destination","valueInteger":0}`), operation("insert", "name.given", `,{"name":"index","valueInteger":2},{"name":"value","valueString":"x"}`)} {
		f.Add(doc, op)
	}
	f.Fuzz(func(t *testing.T, doc, op string) {
		if len(doc)+len(op) > 4000 {
			return
		}
		if _, err := fhir.Parse([]byte(doc)); err != nil {
			return
		}
		params, err := fhir.Parse([]byte(op))
		if err != nil {
			return
		}
		out, err := fhirpatch.FHIRPath([]byte(doc), params)
		if err != nil {
			return
		}
		if _, err := fhir.Parse(out); err != nil {
			t.Errorf("%s on %s gives %s: %v", op, doc, out, err)
		}
	})
}

// FuzzJSON applies anything; what comes of it is JSON.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, `[{"op":"add","path":"/a/-","value":{}},{"op":"move","from":"/a/0","path":"/c"},{"op":"copy","from":"","path":"/d"},{"op":"test","path":"/c","value":1},{"op":"replace","path":"","value":{}},{"op":"remove","path":"/a/1"}]`)
	f.Add(`[]`, `[{"op":"add","path":"/1","value":1}]`)
	f.Add(`{}`, `[{"op":"remove","path":"/~1~0"}]`)
	f.Fuzz(func(t *testing.T, doc, patch string) {
		out, err := fhirpatch.JSON([]byte(doc), []byte(patch))
		if err == nil && !json.Valid(out) {
			t.Errorf("%s on %s gives %s", patch, doc, out)
		}
	})
}
