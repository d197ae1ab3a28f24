package fhirpath_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

const someone = `{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Organization","id":"o","name":"Clinic"}],
"managingOrganization":{"reference":"#o"},"generalPractitioner":[{"reference":"Practitioner/1"},{"reference":"http://x.org/fhir/Organization/2/_history/1"},{"type":"PractitionerRole","identifier":{"value":"z"}}],
"maritalStatus":{"coding":[{"system":"s","code":"M"}]},"gender":"female","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</p></div>"},
"name":[{"given":["A",null,"B"],"_given":[null,{"extension":[{"url":"e","valueCode":"masked"}]},null]}]}`

func node(t testing.TB, text string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type terms struct{}

func (terms) MemberOf(set string, codes []fhir.Coding) (member, known bool) {
	return len(codes) == 1 && (codes[0] == fhir.Coding{System: "s", Code: "M"} || codes[0] == fhir.Coding{Code: "female"}), set == "vs"
}

func TestEval(t *testing.T) {
	n := node(t, someone)
	env := fhirpath.Env{Terms: terms{}, Now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), Vars: map[string]fhirpath.Collection{"who": {fhirpath.Text("you")}}}
	tests := []struct{ text, want string }{
		{"managingOrganization.resolve().name", "Clinic"},
		{"generalPractitioner.where(resolve() is Practitioner).reference", "Practitioner/1"},
		{"generalPractitioner.where(resolve() is Organization).count()", "1"},
		{"generalPractitioner.where(resolve() is PractitionerRole).identifier.value", "z"},
		{"maritalStatus.memberOf('vs')", "true"},
		{"gender.memberOf('vs')", "true"},
		{"gender.memberOf('other')", ""},
		{"%who", "you"},
		{"text.div.htmlChecks()", "true"},
		{"name.given.count()", "3"},
		{"name.given.where(hasValue())", "A,B"},
		{"name.given.extension('e').value", "masked"},
		{"name.given.extension.value is code", "true"},
		{"now()", "2026-03-02T09:30:00.000Z"},
		{"today() - 1 month", "2026-02-02"},
		{"timeOfDay() + 15 hours", "00:30:00.000"},
		{"@2016-02-29 + 1 year", "2017-02-28"},
		{"@2014 + 24 months", "2016"},
		{"@2014-01 + 45 days", "2014-02"},
		{"0.1 + 0.2 = 0.3", "true"},
		{"5 'mg/dL' < 1 'g/L'", "true"},
		{"1 year = 12 months", "true"},
		{"1 year = 365 days", ""},
		{"contained.is(Organization)", "true"},
		{"conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", "true"},
		{"'a(b)c'.matches('\\\\(b\\\\)')", "true"},
		{"getResourceKey()", "p"},
	}
	for _, tt := range tests {
		e, err := fhirpath.Compile(tt.text)
		if err != nil {
			t.Errorf("Compile(%s): %v", tt.text, err)
			continue
		}
		out, err := e.Eval(env, n)
		var got []string
		for _, v := range out {
			got = append(got, v.String())
		}
		if s := strings.Join(got, ","); err != nil || s != tt.want {
			t.Errorf("%s = %q, %v, want %q", tt.text, s, err, tt.want)
		}
	}
}

func TestCompileSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"a.b(":             "fhirpath: at 4: the expression ends too early",
		"name.frist()":     "fhirpath: at 5: there is no function frist()",
		"1 +":              "fhirpath: at 3: the expression ends too early",
		"a b":              "fhirpath: at 2: the expression should end here",
		"'x":               "fhirpath: at 0: a quotation does not end",
		"a.matches('(?=')": "fhirpath: at 10: the regular expression cannot be read; look-around and back references are not known",
		"@2015-13":         "fhirpath: at 0: @2015-13 is no date or time",
		"first(1)":         "fhirpath: at 0: first() takes 0 to 0 arguments",
		strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000): "fhirpath: at 181: nested too deeply",
	} {
		_, err := fhirpath.Compile(text)
		var syntax *fhirpath.SyntaxError
		if err == nil || !errors.As(err, &syntax) || err.Error() != want && !strings.HasSuffix(want, "deeply") {
			t.Errorf("Compile(%.40s) = %v, want %s", text, err, want)
		}
	}
}

// TestLimits: an expression that would run away ends soon, with an error.
func TestLimits(t *testing.T) {
	n := node(t, someone)
	for _, text := range []string{
		"1.repeat($this + 1)",
		"'a'.repeat($this & 'a')",
		"(1|2|3|4|5|6|7|8|9|10).select(" + strings.Repeat("(1|2|3|4|5|6|7|8|9|10).select(", 6) + "1" + strings.Repeat(")", 6) + ").count()",
		"'a'.toChars().select(" + strings.Repeat("$this & $this & $this & $this & ", 4) + "'')" + strings.Repeat(".select($this & $this & $this & $this & $this & $this & $this & $this)", 9),
	} {
		e, err := fhirpath.Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		begin := time.Now()
		if _, err := e.Eval(fhirpath.Env{}, n); !errors.Is(err, fhirpath.ErrLimit) {
			t.Errorf("%.60s = %v, want %v", text, err, fhirpath.ErrLimit)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%.60s takes %v", text, took)
		}
	}
}

// TestEvalFromManySides evaluates one expression from many goroutines.
func TestEvalFromManySides(t *testing.T) {
	n := node(t, someone)
	e, err := fhirpath.Compile("name.given.where(hasValue()).select($this & '!').join(',')")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				out, err := e.Eval(fhirpath.Env{}, n)
				if err != nil || len(out) != 1 || out[0].String() != "A!,B!" {
					t.Errorf("%s = %v, %v, want A!,B!", e, out, err)
					return
				}
			}
		})
	}
	all.Wait()
}
