package fhir_test

import (
	"testing"

	"hale/internal/standard/fhir"
)

func TestModel(t *testing.T) {
	patient := fhir.TypeOf("Patient")
	if patient == nil || patient.Family != fhir.ResourceType || patient.Base.Name != "DomainResource" || patient.Base.Base.Name != "Resource" {
		t.Fatalf("TypeOf(Patient) = %+v, want a resource that comes of DomainResource", patient)
	}
	if first := patient.Fields[0]; first.Name != "id" || first.Options[0].Type.Name != "id" {
		t.Errorf("the first element of Patient is %s, want id", first.Name)
	}
	tests := []struct {
		typ, key, want string
		many           bool
		least          int
	}{
		{"Patient", "birthDate", "date", false, 0},
		{"Patient", "name", "HumanName", true, 0},
		{"Patient", "deceasedDateTime", "dateTime", false, 0},
		{"Patient", "contact", "Patient.contact", true, 0},
		{"Patient.contact", "modifierExtension", "Extension", true, 0},
		{"Patient.link", "other", "Reference", false, 1},
		{"Questionnaire.item", "item", "Questionnaire.item", true, 0},
		{"Age", "value", "decimal", false, 0},
		{"Bundle.entry", "resource", "Resource", false, 0},
		{"Extension", "url", "uri", false, 1},
	}
	for _, tt := range tests {
		f, o, ok := fhir.TypeOf(tt.typ).Key(tt.key)
		if !ok || o.Type == nil || o.Type.Name != tt.want || f.Many() != tt.many || f.Min != tt.least {
			t.Errorf("%s.%s = %+v %+v, want %s, many %t, at least %d", tt.typ, tt.key, f, o, tt.want, tt.many, tt.least)
		}
	}
	if _, _, ok := patient.Key("deceased"); ok {
		t.Error("Key(deceased) is a key of JSON, want none")
	}
	if f, ok := patient.Field("deceased"); !ok || !f.Choice || len(f.Options) != 2 {
		t.Errorf("Field(deceased) = %+v, want a choice of two", f)
	}
	if _, ok := patient.Field("deceasedBoolean"); ok {
		t.Error("Field(deceasedBoolean) is an element, want none")
	}
	if !fhir.TypeOf("code").Is(fhir.TypeOf("string")) || fhir.TypeOf("string").Is(fhir.TypeOf("code")) {
		t.Error("a code is a string, and not the other way round")
	}
	if fhir.TypeOf("Pateint") != nil || fhir.Elements("Pateint") != nil {
		t.Error("Pateint is a type")
	}
}

// TestModelIsWhole looks at every element: each type in it is one.
func TestModelIsWhole(t *testing.T) {
	seen := map[*fhir.Type]bool{}
	var look func(typ *fhir.Type)
	look = func(typ *fhir.Type) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		for _, f := range typ.Fields {
			if len(f.Options) == 0 {
				t.Errorf("%s.%s has no type", typ.Name, f.Name)
			}
			for _, o := range f.Options {
				if o.Type == nil {
					t.Errorf("%s.%s has a type that is none", typ.Name, o.Key)
					continue
				}
				look(o.Type)
			}
		}
	}
	count := 0
	for _, name := range []string{"Patient", "Observation", "Bundle", "Parameters", "StructureDefinition"} {
		look(fhir.TypeOf(name))
		count++
	}
	if len(seen) < 60 || count != 5 {
		t.Errorf("saw %d types, want more", len(seen))
	}
}
