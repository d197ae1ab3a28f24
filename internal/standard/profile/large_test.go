package profile_test

import (
	"strings"
	"testing"
	"time"
)

// A resource of a megabyte is checked in seconds,
// whatever it is.
func TestValidateLarge(t *testing.T) {
	const size = 1 << 20
	repeat := func(before, one, after string) string {
		n := size / (len(one) + 1)
		return before + strings.Repeat(one+",", n-1) + one + after
	}
	large := map[string]string{
		"parts of an observation":     repeat(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"a","code":"b"}]},"valueString":"x","component":[`, `{"code":{"coding":[{"system":"a","code":"b"}]}}`, `]}`),
		"codes of an observation":     repeat(`{"resourceType":"Observation","status":"final","code":{"coding":[`, `{"system":"a","code":"b"}`, `]},"valueString":"x","component":[{"code":{"coding":[{"system":"c","code":"d"}]}}]}`),
		"entries of a bundle":         repeat(`{"resourceType":"Bundle","type":"collection","entry":[`, `{"fullUrl":"urn:x:1","resource":{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:x:1"}}}`, `]}`),
		"items of a questionnaire":    repeat(`{"resourceType":"Questionnaire","status":"active","item":[`, `{"linkId":"1","type":"group","item":[{"linkId":"2","type":"string"}]}`, `]}`),
		"codes of a code system":      repeat(`{"resourceType":"CodeSystem","status":"active","content":"complete","concept":[`, `{"code":"1","concept":[{"code":"2"}]}`, `]}`),
		"what is contained":           repeat(`{"resourceType":"Basic","code":{"text":"x"},"contained":[`, `{"resourceType":"Basic","id":"a","code":{"text":"x"},"subject":{"reference":"#b"}}`, `]}`),
		"names of a patient":          repeat(`{"resourceType":"Patient","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"]},"name":[`, `{"family":"x","given":["y"]}`, `]}`),
		"profiles of a patient":       repeat(`{"resourceType":"Patient","meta":{"profile":[`, `"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"`, `]}}`),
		"unknown members":             `{"resourceType":"Patient","name":[` + strings.Repeat(`{"first":"x"},`, size/16) + `{}]}`,
		"extensions of extensions":    `{"resourceType":"Basic","code":{"text":"x"},"extension":[` + strings.Repeat(`{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[`, 25) + `{"url":"text","valueString":"x"}` + strings.Repeat(`]}`, 25) + `]}`,
		"a structure with itself":     repeat(`{"resourceType":"StructureDefinition","url":"http://a/b","name":"X","status":"draft","kind":"resource","abstract":false,"type":"Basic","differential":{"element":[`, `{"id":"Basic","path":"Basic"}`, `]}}`),
		"letters of a narrative":      `{"resourceType":"Basic","code":{"text":"x"},"text":{"status":"generated","div":"<div>` + strings.Repeat("<p>x</p>", size/10) + `</div>"}}`,
		"a list of references":        repeat(`{"resourceType":"List","status":"current","mode":"working","entry":[`, `{"item":{"reference":"#x"}}`, `]}`),
		"a provenance of many agents": repeat(`{"resourceType":"Provenance","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance"]},"target":[{"reference":"Patient/1"}],"recorded":"2026-03-02T12:30:00Z","agent":[`, `{"who":{"reference":"Practitioner/1"}}`, `]}`),
	}
	v := newValidator(t)
	for name, text := range large {
		t.Run(name, func(t *testing.T) {
			n := parse(t, text)
			begun := time.Now()
			list := v.Validate(n)
			took := time.Since(begun)
			t.Logf("%d KB, %d issues: %s", len(text)>>10, len(list), took)
			if took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// What senders call a version fills no memory.
func TestVersionsAreNotKept(t *testing.T) {
	v := newValidator(t)
	for _, version := range []string{"4.0.1", "4.0", "4.0.9", "4.0.1-x"} {
		n := parse(t, `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`)
		if list := v.Validate(n, "http://hl7.org/fhir/StructureDefinition/vitalsigns|"+version); len(list) == 0 {
			t.Errorf("version %s is not checked", version)
		}
	}
	if n := v.Programs(); n > 2 {
		t.Errorf("%d programs are kept of one profile", n)
	}
}
