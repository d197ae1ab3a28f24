package facts

import (
	"strings"
	"testing"
)

// Every piece that the index names can be read, and the whole is small.
func TestLibraryReads(t *testing.T) {
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[Kind]int{}
	for _, e := range l.Entries() {
		counts[e.Kind]++
		at := e.URL
		if e.Version != "" {
			at += "|" + e.Version
		}
		ok := false
		switch e.Kind {
		case StructureKind:
			_, _, ok = l.Structure(at)
		case CodeSystemKind:
			_, _, ok = l.CodeSystem(at)
		case ValueSetKind:
			_, _, ok = l.ValueSet(at)
		}
		if !ok {
			t.Errorf("%s %s cannot be read", e.Kind, at)
		}
	}
	if counts[StructureKind] < 700 || counts[CodeSystemKind] < 1000 || counts[ValueSetKind] < 1300 {
		t.Errorf("counts = %v, want R4 and US Core", counts)
	}
	if len(packed) > 3<<20 {
		t.Errorf("the definitions take %d bytes of the program, want at most 3 MB", len(packed))
	}
}

func TestLibraryFind(t *testing.T) {
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	const patient = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
	tests := []struct{ ask, version string }{
		{patient, "6.1.0"}, // what certification asks for
		{patient + "|6.1.0", "6.1.0"},
		{patient + "|6.1", "6.1.0"},
		{patient + "|7.0.0", "7.0.0"},
		{patient + "|3.1.1", ""},
		{"http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", "4.0.1"},
		{"http://hl7.org/fhir/StructureDefinition/Nobody", ""},
	}
	for _, tt := range tests {
		e, ok := l.Find(StructureKind, tt.ask)
		if e.Version != tt.version || ok != (tt.version != "") {
			t.Errorf("Find(%q) = %q, %t, want %q", tt.ask, e.Version, ok, tt.version)
		}
	}
	if _, ok := l.Find(ValueSetKind, patient); ok {
		t.Error("a profile is found as a value set")
	}
}

// A profile keeps what it says, and nothing that its type says already.
func TestProfilesAreDifferences(t *testing.T) {
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	_, s, ok := l.Structure("http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure")
	if !ok {
		t.Fatal("no blood pressure profile")
	}
	ids := map[string]Element{}
	for _, e := range s.Elements {
		ids[e.ID] = e
	}
	if e := ids["component:systolic.code"]; !strings.Contains(string(e.Pattern), "8480-6") {
		t.Errorf("systolic code = %s, want its LOINC code", e.Pattern)
	}
	if e := ids["component"]; e.Min != 2 || e.Slicing == nil {
		t.Errorf("component = %+v, want two at least, sliced", e)
	}
	for _, id := range []string{"status", "note", "issued"} {
		if e, there := ids[id]; there {
			t.Errorf("%s is kept, which says no more than Observation: %+v", id, e)
		}
	}
}
