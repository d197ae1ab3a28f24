package fhirpath_test

import (
	"testing"
	"time"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// seeds are expressions that use most of the language.
var seeds = []string{
	"Patient.name.where(use = 'official').given.first()", "(1 | 2 | 3).aggregate($this + $total, 0) = 6",
	"Observation.value.as(Quantity) > 5 'mg/dL'", "@2015-02-28T10:00:00+01:00 + 1 month", "descendants().where($this is string).distinct().count()",
	"name.repeat(children())", "'a,b'.split(',').join('-') & {}", "1.587.lowBoundary(3)", "iif(active, 'x', 'y')", "'aaa'.replaceMatches('(a)+', '$1b')",
	"birthDate.extension('x').exists() implies telecom.all(system.exists() xor value.empty())", "%resource.id in %context.id", "-(3 'wk').abs() * 2 / 0",
	"name.sort(-family, given.first())", "$this ~ $this !~ {}", "`div` div 2 mod 3", "@T10:30 - 90 minutes", "2.power(400).toString()", "text.div.htmlChecks()",
}

// FuzzCompile reads anything as an expression; it must not crash, and what
// it takes must evaluate or fail in a bounded time.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	patient, err := fhir.Parse([]byte(`{"resourceType":"Patient","id":"a","active":true,"birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"x","valueDecimal":1.5}]},"name":[{"use":"official","family":"C","given":["P","J"]},{"given":["Jim"]}]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2000 {
			return
		}
		e, err := fhirpath.Compile(s)
		if err != nil {
			return
		}
		_ = e.Check("Patient") // any answer will do, a crash will not
		evaluate(t, e, patient)
	})
}

// FuzzEval evaluates anything on anything.
func FuzzEval(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, `{"resourceType":"Observation","valueQuantity":{"value":5.4,"code":"mg/dL","system":"http://unitsofmeasure.org"},"component":[{"valueString":"a"},{"valueDateTime":"2015-02"}],"_issued":{"id":"x"}}`)
		if i%4 == 0 {
			f.Add(s, `[{"resourceType":"Patient","birthDate":{"a":1},"name":"x","_name":[null,{}]},null,[[1]],1e30,"\ud800"]`)
		}
	}
	f.Fuzz(func(t *testing.T, s, body string) {
		if len(s)+len(body) > 3000 {
			return
		}
		n, err := fhir.Parse([]byte(body))
		if err != nil {
			return
		}
		e, err := fhirpath.Compile(s)
		if err != nil {
			return
		}
		evaluate(t, e, n)
	})
}

func evaluate(t *testing.T, e *fhirpath.Expr, on fhir.Node) {
	env := fhirpath.Env{Now: time.Unix(1.7e9, 0).UTC()}
	begin := time.Now()
	first, err := e.Eval(env, on)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("%s takes %v", e, took)
	}
	if err != nil {
		return
	}
	again, err := e.Eval(env, on)
	if err != nil || len(again) != len(first) {
		t.Fatalf("%s gives %d values, then %d, %v", e, len(first), len(again), err)
	}
	for i := range first {
		if first[i].String() != again[i].String() || first[i].Node() != again[i].Node() {
			t.Errorf("%s gives %q, then %q", e, first[i], again[i])
		}
	}
}
