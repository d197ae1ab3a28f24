package fhirpath_test

import (
	"testing"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

const benchObservation = `{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-03-02T09:30:00Z",
"issued":"2026-03-02T10:00:00Z","valueQuantity":{"value":126,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},
"referenceRange":[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99,"unit":"mg/dL"},"text":"70-99"}],"component":[{"code":{"coding":[{"code":"x"}]},"valueQuantity":{"value":1}}]}`

// benched are invariants of R4 and US Core, and search parameters, of the
// usual shapes.
var benched = map[string]string{
	"ele-1":       "hasValue() or (children().count() > id.count())",
	"obs-6":       "dataAbsentReason.empty() or value.empty()",
	"obs-7":       "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
	"dom-2":       "contained.contained.empty()",
	"dom-3":       "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()",
	"us-core-2":   "(component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())",
	"us-core-1":   "effective.ofType(dateTime).empty() or effective.ofType(dateTime).toString().length() >= 8",
	"code":        "Observation.code",
	"value":       "(Observation.value as Quantity) | (Observation.value as SampledData)",
	"patient":     "Observation.subject.where(resolve() is Patient)",
	"descendants": "descendants().count() > 20",
}

func BenchmarkEval(b *testing.B) {
	n, err := fhir.Parse([]byte(benchObservation))
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range benched {
		e, err := fhirpath.Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Holds(fhirpath.Env{}, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhirpath.Compile(benched["obs-7"]); err != nil {
			b.Fatal(err)
		}
	}
}
