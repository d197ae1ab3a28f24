package form

import (
	"encoding/json"

	"hale/internal/standard/fhir"
)

// Beside returns the translations of a text as FHIR writes them beside a
// string: {"extension": […]}; empty where there are none.
//
// Spec: http://hl7.org/fhir/R4/extension-translation.html
func (t Text) Beside() []byte {
	m := spoken(t.In)
	if m == nil {
		return nil
	}
	body, _ := json.Marshal(m) // strings alone, which always can be written
	return body
}

// Beside returns words with the translations that stand beside them; what
// cannot be read counts as none.
func Beside(words string, side []byte) Text {
	t := Text{Words: words}
	if n, err := fhir.Parse(side); err == nil {
		t.In = translations(n)
	}
	return t
}
