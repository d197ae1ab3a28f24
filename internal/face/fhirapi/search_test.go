package fhirapi_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tests := []struct{ name, token, line, body, want string }{
			{"a patient's app", "maria", "GET /Observation?code=http://loinc.org|4548-4", "", "Observation/lab"},
			{"by name", "nurse", "GET /Patient?name=alv", "", "Patient/maria Patient/ben"},
			{"by a form", "maria", "POST /Observation/_search", "code=8867-4", "Observation/vital"},
			{"by a form and the address", "maria", "POST /Observation/_search?code=8867-4", "date=2026-02-05", "Observation/vital"},
			{"in a compartment", "maria", "GET /Patient/maria/Condition", "", "Condition/flu"},
			{"in a compartment, by the system", "system", "GET /Patient/ben/Condition", "", "Condition/gout"},
			{"in somebody else's compartment", "maria", "GET /Patient/ben/Condition", "", ""},
			{"of several types", "maria", "GET ?_type=Condition,Patient", "", "Condition/flu Patient/maria"},
			{"of several types in a compartment", "system", "GET /Patient/maria/*?_type=Condition,Patient", "", "Condition/flu Patient/maria"},
			{"by subject", "nurse", "GET /Condition?subject=Patient/ben", "", "Condition/gout"},
			{"by an address", "nurse", "GET /Condition?patient=" + base + "/Patient/ben", "", "Condition/gout"},
			{"by an id alone", "nurse", "GET /Condition?_id=gout", "", "Condition/gout"},
			{"everything, by the system", "reader", "GET /Condition?_sort=_id", "", "Condition/flu Condition/gout"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				var headers []string
				if tt.body != "" {
					headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
				}
				a := w.want(http.StatusOK, tt.token, tt.line, tt.body, headers...)
				if got := a.ids(); sorted(got) != sorted(tt.want) {
					t.Errorf("found %q, want %q: %s", got, tt.want, a.body)
				}
				if a.at("resourceType") != "Bundle" || a.at("type") != "searchset" || a.link("self") == "" {
					t.Errorf("bundle = %s", a.body)
				}
				if e, ok := a.at("entry").([]any); ok && len(e) > 0 && (a.at("entry", 0, "search", "mode") != "match" ||
					!strings.HasPrefix(a.at("entry", 0, "fullUrl").(string), base+"/")) {
					t.Errorf("entry = %v", e[0])
				}
			})
		}
	})
}

func sorted(list string) string {
	words := strings.Fields(list)
	for i := range words {
		for j := i + 1; j < len(words); j++ {
			if words[j] < words[i] {
				words[i], words[j] = words[j], words[i]
			}
		}
	}
	return strings.Join(words, " ")
}

// Every link leads to the next page until there is none, and nothing is
// missed or seen twice.
func TestPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, first := range []string{
			"/Observation?_count=1&patient=maria", "/Patient/maria/Observation?_count=1", "?_type=Observation,Condition&_count=1&_pretty=true",
		} {
			var all string
			next := first
			for range 10 {
				a := w.want(200, "maria", "GET "+next, "")
				all += " " + a.ids()
				if next = a.link("next"); next == "" {
					break
				}
			}
			want := "Observation/lab Observation/vital"
			if strings.Contains(first, "_type") {
				want = "Condition/flu " + want
			}
			if sorted(all) != want {
				t.Errorf("the pages of %s have %q, want %q", first, sorted(all), want)
			}
		}
	})
}
