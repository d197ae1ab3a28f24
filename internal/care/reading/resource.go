package reading

import (
	"time"

	"hale/internal/access"
)

// Home is the source of readings from home.
const Home = "urn:hale:home"

// Tags names the tag of what a patient shared; its code is Shared.
const (
	Tags   = "urn:hale:origin"
	Shared = "patient"
)

// loinc are the codes of what is measured, and what the desk calls a task
// about it.
var loinc = map[Kind]struct{ code, display, text, title string }{
	Pressure: {"85354-9", "Blood pressure panel with all children optional", "Blood pressure", "Blood pressure from home"},
	Weight:   {"29463-7", "Body weight", "Body weight", "Weight from home"},
	Glucose:  {"41653-7", "Glucose [Mass/volume] in Capillary blood by Glucometer", "Blood sugar", "Blood sugar from home"},
}

// Code returns the LOINC code of a kind.
func (k Kind) Code() string { return loinc[k].code }

// resource is the Observation of a reading.
//
// Spec: http://hl7.org/fhir/R4/observation-vitalsigns.html
func (s *Store) resource(id, patient string, by access.Actor, in New, level Level) map[string]any {
	performer := map[string]string{"reference": "Patient/" + patient}
	if by.Kind != access.Patient && by.Patient != patient {
		performer = map[string]string{"type": "RelatedPerson", "display": by.Name}
	}
	code := loinc[in.Kind]
	r := map[string]any{
		"resourceType": "Observation", "id": id, "status": "final",
		"meta":     map[string]any{"source": Home, "tag": []any{map[string]string{"system": Tags, "code": Shared}}},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs", "display": "Vital Signs"}}}},
		"code":     coded(code.code, code.display, code.text),
		"subject":  map[string]string{"reference": "Patient/" + patient}, "performer": []any{performer},
		"effectiveDateTime": in.At.UTC().Format(time.RFC3339), "issued": s.now().UTC().Format(time.RFC3339),
	}
	switch in.Kind {
	case Pressure:
		r["component"] = []any{
			map[string]any{"code": coded("8480-6", "Systolic blood pressure", "Systolic"), "valueQuantity": quantity(in.Upper, "mmHg", "mm[Hg]")},
			map[string]any{"code": coded("8462-4", "Diastolic blood pressure", "Diastolic"), "valueQuantity": quantity(in.Lower, "mmHg", "mm[Hg]")},
		}
	case Weight:
		r["valueQuantity"] = quantity(in.Weight, "kg", "kg")
	case Glucose:
		r["valueQuantity"] = quantity(in.Glucose, "mg/dL", "mg/dL")
	}
	if in.Note != "" {
		r["note"] = []any{map[string]string{"text": in.Note}}
	}
	if level == Danger {
		r["interpretation"] = []any{map[string]any{"coding": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "AA", "display": "Critical abnormal"}}}}
	}
	return r
}

func coded(code, display, text string) map[string]any {
	return map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": code, "display": display}}, "text": text}
}

func quantity(v float64, unit, code string) map[string]any {
	return map[string]any{"value": v, "unit": unit, "system": "http://unitsofmeasure.org", "code": code}
}
