package profile_test

import (
	"testing"

	"hale/internal/standard/fhir"
)

// vital is an Observation that conforms to US Core's blood pressure profile.
const vital = `{"resourceType":"Observation","id":"bp1","meta":{"versionId":"1","lastUpdated":"2026-03-02T12:30:00Z","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure"]},
"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}],"text":"Vital Signs"}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"}],"text":"Blood pressure"},
"subject":{"reference":"Patient/p1","display":"Somebody"},"encounter":{"reference":"Encounter/e1"},"effectiveDateTime":"2026-03-02T12:30:00-05:00","issued":"2026-03-02T12:31:00.123-05:00",
"performer":[{"reference":"Practitioner/d1"}],
"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic"}]},"valueQuantity":{"value":109,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic"}]},"valueQuantity":{"value":71,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func BenchmarkValidate(b *testing.B) {
	v := newValidator(b)
	n, err := fhir.Parse([]byte(vital))
	if err != nil {
		b.Fatal(err)
	}
	if list := v.Validate(n); len(list) > 0 {
		b.Fatalf("%+v", list)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.Validate(n)
	}
}
