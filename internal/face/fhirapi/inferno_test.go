package fhirapi_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// pack returns the files of a published package whose names begin with a
// prefix.
func pack(t *testing.T, name, prefix string) map[string]string {
	t.Helper()
	f, err := os.Open(haletest.Data(t, "fhir/us-core/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(h.Name, prefix)
		if !ok || !strings.HasSuffix(rest, ".json") || strings.Contains(rest, "/") {
			continue
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out[rest] = string(text)
	}
}

// What the public test kit for the certification of §170.315(g)(10) asks of
// the API itself, by the names that it gives its tests.
func TestInferno(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, maria, ben, noor, lab, vital, flu, gout)
		statement := w.want(200, "", "GET /metadata", "")
		t.Run("us_core_conformance_support", func(t *testing.T) {
			if statement.at("resourceType") != "CapabilityStatement" {
				t.Errorf("metadata = %.200s", statement.body)
			}
		})
		t.Run("us_core_fhir_version", func(t *testing.T) {
			if statement.at("fhirVersion") != "4.0.1" {
				t.Errorf("fhirVersion = %v", statement.at("fhirVersion"))
			}
		})
		t.Run("us_core_instantiate", func(t *testing.T) {
			list, _ := statement.at("instantiates").([]any)
			if !slices.Contains(list, any("http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server")) {
				t.Errorf("instantiates = %v", list)
			}
		})
		t.Run("us_core_json_support", func(t *testing.T) {
			list, _ := statement.at("format").([]any)
			if !slices.Contains(list, any("application/fhir+json")) || !slices.Contains(list, any("json")) {
				t.Errorf("format = %v", list)
			}
		})
		for _, name := range []string{"us_core_610.tgz", "us_core_700.tgz"} {
			t.Run("us_core_profile_support/"+name, func(t *testing.T) { profilesListed(t, statement, pack(t, name, "package/StructureDefinition-")) })
			t.Run("us_core_v311_resource_support/"+name, func(t *testing.T) { promised(t, statement, pack(t, name, "package/CapabilityStatement-")) })
		}
		t.Run("g10_unauthorized_access", func(t *testing.T) {
			w.want(401, "", "GET /Patient/maria", "")
			w.want(401, "stolen", "GET /Patient/maria", "")
		})
		t.Run("g10_patient_context", func(t *testing.T) { w.want(200, "maria", "GET /Patient/maria", "") })
		t.Run("g10_resource_access_test", func(t *testing.T) { w.want(200, "narrow", "GET /Condition?patient=maria", "") })
		t.Run("g10_restricted_access_test", func(t *testing.T) { w.want(403, "narrow", "GET /Observation?patient=maria", "") })
		t.Run("us_core_granted_granular_scopes", func(t *testing.T) {
			if got := w.want(200, "granular", "GET /Observation?patient=maria", "").ids(); got != "Observation/lab" {
				t.Errorf("found %q, want the laboratory's alone", got)
			}
		})
	})
}

// restOf are the types of a CapabilityStatement, by their names.
func restOf(t *testing.T, text string) map[string]aboutType {
	t.Helper()
	var s struct {
		Rest []struct{ Resource []aboutType }
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	out := map[string]aboutType{}
	for _, r := range s.Rest {
		for _, a := range r.Resource {
			out[a.Type] = a
		}
	}
	return out
}

type aboutType struct {
	Type             string
	SupportedProfile []string
	SearchParam      []struct{ Name, Type string }
	Interaction      []struct{ Code string }
}

// profilesListed checks that each profile of US Core is listed with its type.
func profilesListed(t *testing.T, statement answer, profiles map[string]string) {
	ours, n := restOf(t, statement.body), 0
	for name, text := range profiles {
		var p struct{ URL, Type, Derivation, Kind string }
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Derivation != "constraint" || p.Kind != "resource" {
			continue
		}
		n++
		if !slices.Contains(ours[p.Type].SupportedProfile, p.URL) {
			t.Errorf("%s is not among the profiles of %s", name, p.Type)
		}
	}
	if n < 40 {
		t.Errorf("looked at %d profiles, want 40", n)
	}
}

// promised checks that all that US Core's server has is there: types, search
// parameters, interactions.
func promised(t *testing.T, statement answer, files map[string]string) {
	ours := restOf(t, statement.body)
	for typ, theirs := range restOf(t, files["us-core-server.json"]) {
		if ours[typ].Type == "" {
			t.Errorf("no %s", typ)
		}
		for _, p := range theirs.SearchParam {
			if !slices.ContainsFunc(ours[typ].SearchParam, func(o struct{ Name, Type string }) bool { return o == p }) && !strings.HasPrefix(p.Name, "_") {
				t.Errorf("no search parameter %s of %s, a %s", p.Name, typ, p.Type)
			}
		}
		for _, i := range theirs.Interaction {
			if !slices.ContainsFunc(ours[typ].Interaction, func(o struct{ Code string }) bool { return o == i }) {
				t.Errorf("no %s of %s", i.Code, typ)
			}
		}
	}
}

// slips are searches of the published list that nobody can carry out, and
// why.
var slips = map[string]string{
	"CareTeam?name=": "a care team has no search parameter name, in R4 or US Core",
	"&class=":        "the class is empty",
	"&status=&":      "the status is empty",
	"&?patient":      "a second question mark",
	"?dentifier":     "the i is missing",
	"QuestionnaireResponse?patient=Patient/1137192&date=":                               "the search parameter is called authored, as the list itself says",
	"ServiceRequest?patient=Patient/1137192&category=http://loinc.org|LG41762-2&date=":  "the search parameter is called authored, as the list itself says",
	"ServiceRequest?patient=Patient/1137192&code=http://snomed.info/sct|35637008&date=": "the search parameter is called authored, as the list itself says",
}

// slip says why an address is none that can be searched.
func slip(address string) string {
	for part, why := range slips {
		if at := strings.Index(address, part); at >= 0 && (part != "&class=" || strings.HasSuffix(address, part)) {
			return why
		}
	}
	return ""
}

// Every search that US Core's implementers are told of is understood, and
// every example of theirs is found in its patient's record.
func TestUSCoreSearches(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var bodies []string
		for _, text := range pack(t, "us_core_610.tgz", "package/example/") {
			bodies = append(bodies, text)
		}
		w.put(bodies...)
		f, err := os.Open(haletest.Data(t, "fhir/us-core/requirements-csv/search_requirements.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, row := range rows[1:] {
			typ, names := row[2], row[3]
			for line := range strings.Lines(strings.ReplaceAll(row[22], "~", "\n")) {
				_, address, ok := strings.Cut(line, "GET [base]")
				if !ok || typ == "" || !strings.Contains(address, "?") || strings.ContainsAny(address, "![{…") || strings.HasSuffix(strings.TrimSpace(address), "=") {
					continue // an address to be filled in, or no search
				}
				address = strings.ReplaceAll(strings.TrimSpace(address), `\|`, "|")
				address, _, _ = strings.Cut(strings.ReplaceAll(address, " ", "%20"), "%20")
				if slip(address) != "" {
					continue
				}
				n++
				a := w.ask("reader", "GET "+address, "", "Prefer: handling=strict")
				if a.status != 200 {
					t.Errorf("us_core_%s_%s_search_test: %s = %d: %s", strings.ToLower(typ), names, address, a.status, a.body)
				}
			}
		}
		found := 0
		for _, body := range bodies {
			var r struct {
				ResourceType, ID string
				Subject, Patient struct{ Reference string }
			}
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatal(err)
			}
			patient, ok := strings.CutPrefix(r.Subject.Reference+r.Patient.Reference, "Patient/")
			if !ok {
				continue
			}
			found++
			if got := w.want(200, "reader", fmt.Sprintf("GET /%s?patient=%s&_id=%s", r.ResourceType, patient, r.ID), "").ids(); got != r.ResourceType+"/"+r.ID {
				t.Errorf("%s/%s is not found with patient %s: %q", r.ResourceType, r.ID, patient, got)
			}
		}
		t.Logf("%d searches, %d examples", n, found)
		if n < 90 || found < 150 {
			t.Errorf("%d searches and %d examples, want 90 and 150", n, found)
		}
	})
}
