package profile_test

import (
	"testing"
	"time"

	"hale/internal/standard/fhir"
)

// FuzzValidate gives the validator whatever parses as FHIR's JSON: it never
// panics, it ends soon, and it says the same twice.
func FuzzValidate(f *testing.F) {
	for _, text := range whole {
		f.Add([]byte(text))
	}
	for _, m := range mutations {
		f.Add([]byte(mutate(f, whole[m.of], m.at, m.value)))
	}
	f.Add([]byte(`{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"name":"x","resource":{"resourceType":"Binary"}}]}}]}`))
	f.Add([]byte(`{"resourceType":"Observation","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","extension":[null,[]],"_valueCode":[{}]}],"_status":[null]}`))
	v := newValidator(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 64<<10 {
			return
		}
		n, err := fhir.Parse(body)
		if err != nil {
			return
		}
		begun := time.Now()
		list := v.Validate(n, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient")
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%d bytes took %s", len(body), took)
		}
		again := v.Validate(n, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient")
		if len(list) != len(again) {
			t.Errorf("Validate says %d things, and then %d", len(list), len(again))
		}
	})
}
