package town_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"hale/internal/demo/town"
)

var day = time.Date(2026, 11, 22, 15, 4, 0, 0, time.UTC)

// generate returns a town and its resources by type and id.
func generate(t testing.TB, seed uint64, people int) (*town.Town, []byte) {
	t.Helper()
	var b bytes.Buffer
	tn, err := town.Generate(&b, seed, people, day)
	if err != nil {
		t.Fatal(err)
	}
	return tn, b.Bytes()
}

// concept is a CodeableConcept; a list of them counts for nothing here.
type concept struct {
	Coding []struct{ System, Code string }
}

func (c *concept) UnmarshalJSON(b []byte) error {
	type plain concept
	if b[0] == '[' {
		return nil
	}
	return json.Unmarshal(b, (*plain)(c))
}

// resource is what the tests below read of one.
type resource struct {
	ResourceType, ID, Status string
	Code                     concept
	ValueQuantity            struct{ Value float64 }
	EffectiveDateTime        string
	PerformedDateTime        string
	Start                    string
	Conclusion               string
	Subject, Patient         struct{ Reference string }
	Telecom                  []struct {
		System, Value, Use string
		Rank               int
	}
	Content []struct {
		Attachment struct {
			ContentType string
			Data        []byte
		}
	}
	Participant []struct{ Actor struct{ Reference string } }
	Target      []struct{ DetailQuantity struct{ Value float64 } }
}

func (r resource) has(system, code string) bool {
	for _, c := range r.Code.Coding {
		if c.System == system && c.Code == code {
			return true
		}
	}
	return false
}

func resources(t testing.TB, lines []byte) (list []resource) {
	t.Helper()
	for line := range bytes.Lines(lines) {
		var r resource
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("not JSON: %v: %s", err, line)
		}
		list = append(list, r)
	}
	return list
}

func TestGenerateIsDeterministic(t *testing.T) {
	_, a := generate(t, 1, 300)
	_, b := generate(t, 1, 300)
	if !bytes.Equal(a, b) {
		t.Error("the same seed and day gave other bytes")
	}
	if _, c := generate(t, 2, 300); bytes.Equal(a, c) {
		t.Error("another seed gave the same bytes")
	}
	got := fmt.Sprintf("%x", sha256.Sum256(a))
	golden(t, "riverside.sha256", got+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s = %q, want %q (run with -update if the town was meant to change)", name, got, want)
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGenerateSize(t *testing.T) {
	tn, b := generate(t, 1, 2500)
	if len(tn.Residents) != 2500 {
		t.Errorf("residents = %d, want 2500", len(tn.Residents))
	}
	n := bytes.Count(b, []byte("\n"))
	if n != tn.Resources || n > 50_000 || n < 35_000 {
		t.Errorf("resources = %d (Town says %d), want 35,000 to 50,000", n, tn.Resources)
	}
	counts := map[string]int{}
	for _, r := range resources(t, b) {
		counts[r.ResourceType]++
	}
	t.Log(n, len(b)>>20, "MB", counts)
	for _, typ := range []string{"Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole", "Location", "Encounter", "Condition", "Observation",
		"MedicationRequest", "AllergyIntolerance", "Immunization", "Procedure", "DiagnosticReport", "DocumentReference", "Goal", "Schedule", "Slot", "Appointment"} {
		if counts[typ] == 0 {
			t.Errorf("no %s in the town", typ)
		}
	}
}

// TestGenerateShares keeps the town plausible, and each hard case in it.
func TestGenerateShares(t *testing.T) {
	tn, _ := generate(t, 1, 2500)
	tests := []struct {
		name     string
		trait    town.Trait
		min, max int
	}{
		{"diabetes", town.Diabetic, 400, 700},
		{"high blood pressure", town.Hypertensive, 800, 1200},
		{"due for an eye exam", town.EyeDue, 300, 500},
		{"due for a flu shot", town.FluDue, 500, 1200},
		{"due for a mammogram", town.MammogramDue, 150, 400},
		{"deceased", town.Deceased, 15, 80},
		{"no mobile phone", town.NoMobile, 120, 400},
		{"no e-mail", town.NoEmail, 300, 900},
		{"neither", town.Unreachable, 5, 80},
		{"no texts, please", town.NoTexts, 40, 160},
		{"shared phone", town.SharedPhone, 300, 1100},
		{"shared e-mail", town.SharedEmail, 200, 900},
		{"cared for", town.CaredFor, 200, 700},
		{"caregiver with an account", town.Caregiver, 10, 40},
		{"never looks", town.NeverLooks, 150, 500},
		{"mail bounces", town.BouncingEmail, 10, 60},
		{"answers STOP", town.RepliesStop, 15, 80},
		{"not them", town.NotThem, 10, 60},
		{"names that break layouts", town.WorstCase, 11, 11},
	}
	for _, tt := range tests {
		n := 0
		for _, r := range tn.Residents {
			n += yes(r.Traits.Has(tt.trait))
		}
		if n < tt.min || n > tt.max {
			t.Errorf("%s: %d people, want %d to %d", tt.name, n, tt.min, tt.max)
		}
	}
	langs := map[string]int{}
	for _, r := range tn.Residents {
		langs[r.Lang]++
	}
	for lang, least := range map[string]int{"en": 1500, "es": 150, "vi": 60, "zh": 10, "pl": 10, "ar": 8} {
		if langs[lang] < least {
			t.Errorf("%d people speak %s, want at least %d", langs[lang], lang, least)
		}
	}
}

// TestGenerateTraits reads the record as a segment does and compares who is
// due with the traits.
func TestGenerateTraits(t *testing.T) {
	tn, b := generate(t, 3, 1500)
	diabetic, seen := map[string]bool{}, map[string]bool{}
	edge := tn.Day.AddDate(0, -12, 0)
	for _, r := range resources(t, b) {
		p := strings.TrimPrefix(r.Subject.Reference, "Patient/")
		switch {
		case r.ResourceType == "Condition" && r.has("http://snomed.info/sct", "44054006"):
			diabetic[p] = true
		case r.ResourceType == "Procedure" && r.has("http://snomed.info/sct", "252779009"):
			at, err := time.Parse(time.RFC3339, r.PerformedDateTime)
			if err != nil {
				t.Fatal(err)
			}
			if d := at.Sub(edge).Abs(); d < 5*24*time.Hour && p != town.Maria {
				t.Errorf("%s had an eye exam within five days of the edge", p)
			}
			seen[p] = seen[p] || at.After(edge)
		}
	}
	for _, r := range tn.Residents {
		if diabetic[r.Patient] != r.Traits.Has(town.Diabetic) {
			t.Errorf("%s: diabetes in the record = %v, trait says %v", r.Patient, diabetic[r.Patient], r.Traits.Has(town.Diabetic))
		}
		due := diabetic[r.Patient] && !seen[r.Patient] && !r.Traits.Has(town.Deceased)
		if due != r.Traits.Has(town.EyeDue) {
			t.Errorf("%s: due in the record = %v, trait says %v", r.Patient, due, r.Traits.Has(town.EyeDue))
		}
	}
}

func TestGenerateContacts(t *testing.T) {
	tn, b := generate(t, 4, 2500)
	owner := map[string]int{}
	for _, r := range tn.Residents {
		if r.Phone != "" {
			if house, ok := owner[r.Phone]; ok && house != r.House {
				t.Errorf("%s is the phone of two households", r.Phone)
			}
			owner[r.Phone] = r.House
		}
	}
	for _, r := range resources(t, b) {
		for _, c := range r.Telecom {
			switch c.System {
			case "phone":
				n, err := phonenumbers.Parse(c.Value, "US")
				if err != nil || !phonenumbers.IsValidNumber(n) {
					t.Fatalf("%s is no valid number: %v", c.Value, err)
				}
				if rest := c.Value[len(c.Value)-7:]; !strings.HasPrefix(rest, "55501") {
					t.Errorf("%s may be somebody's", c.Value)
				}
			case "email":
				if _, host, _ := strings.Cut(c.Value, "@"); !strings.HasSuffix(host, ".example.net") && !strings.HasSuffix(host, ".example.org") {
					t.Errorf("%s may be somebody's", c.Value)
				}
			}
		}
	}
}

func TestGenerateMaria(t *testing.T) {
	for _, start := range []time.Time{day, day.AddDate(0, 0, 2), day.AddDate(0, 3, 9)} {
		t.Run(start.Format(time.DateOnly), func(t *testing.T) {
			var b bytes.Buffer
			tn, err := town.Generate(&b, 9, 50, start)
			if err != nil {
				t.Fatal(err)
			}
			maria(t, tn, resources(t, b.Bytes()))
		})
	}
}

func maria(t *testing.T, tn *town.Town, all []resource) {
	t.Helper()
	var series []float64
	var next, goal, note, eye bool
	for _, r := range all {
		mine := r.Subject.Reference == "Patient/"+town.Maria
		for _, p := range r.Participant {
			mine = mine || p.Actor.Reference == "Patient/"+town.Maria
		}
		if !mine {
			continue
		}
		switch {
		case r.ResourceType == "Observation" && r.has("http://loinc.org", "4548-4"):
			series = append(series, r.ValueQuantity.Value)
		case r.ResourceType == "Goal":
			goal = r.Target[0].DetailQuantity.Value == 7
		case r.ResourceType == "DocumentReference":
			note = note || strings.Contains(string(r.Content[0].Attachment.Data), "Keep the evening walk")
		case r.ResourceType == "Procedure" && r.has("http://snomed.info/sct", "252779009"):
			at, _ := time.Parse(time.RFC3339, r.PerformedDateTime)
			eye = at.Before(tn.Day.AddDate(0, -13, -20))
		case r.ResourceType == "Appointment" && r.Status == "booked":
			at, _ := time.Parse(time.RFC3339, r.Start)
			next = at.Weekday() == time.Tuesday && at.Hour() == 9 && at.Minute() == 40 && at.After(tn.Day.AddDate(0, 0, 2)) && at.Before(tn.Day.AddDate(0, 0, 9))
		}
	}
	if want := []float64{8.6, 8.3, 8.4, 8.1, 7.7, 7.4}; !slices.Equal(series, want) {
		t.Errorf("Maria's A1c = %v, want %v", series, want)
	}
	if !goal || !note || !eye || !next {
		t.Errorf("goal of 7.0 %v, note %v, eye exam 14 months ago %v, next visit %v; want all", goal, note, eye, next)
	}
	if s := tn.SignIns[0]; s.Patient != town.Maria || !s.Main {
		t.Errorf("the first sign-in is %+v, want Maria's", s)
	}
	if s := tn.SignIns[1]; len(s.Grants) != 1 || s.Grants[0].Patient != town.Maria {
		t.Errorf("the caregiver's grants = %+v, want Maria's record", s.Grants)
	}
}

// TestGenerateReferences follows every reference to something in the town.
func TestGenerateReferences(t *testing.T) {
	_, b := generate(t, 5, 200)
	there := map[string]bool{}
	for _, r := range resources(t, b) {
		if there[r.ResourceType+"/"+r.ID] {
			t.Errorf("%s/%s is there twice", r.ResourceType, r.ID)
		}
		there[r.ResourceType+"/"+r.ID] = true
	}
	for _, m := range regexp.MustCompile(`"reference":"([^"]*)"`).FindAllSubmatch(b, -1) {
		if !there[string(m[1])] {
			t.Fatalf("%s leads nowhere", m[1])
		}
	}
}

// TestGenerateSlots keeps enough times ahead for the people who will book.
func TestGenerateSlots(t *testing.T) {
	tn, _ := generate(t, 1, 2500)
	free := map[string]int{}
	for _, s := range tn.Slots {
		if wd := s.Start.Weekday(); wd == time.Saturday || wd == time.Sunday {
			t.Fatalf("%s is at the weekend", s.ID)
		}
		if !s.Busy && s.Start.After(tn.Day) {
			free[s.Service]++
		}
	}
	for service, least := range map[string]int{town.EyeExam: 300, town.FollowUp: 50, town.Vaccine: 200, town.Mammogram: 150, town.BloodPressure: 150} {
		if free[service] < least {
			t.Errorf("%d free times for %s, want at least %d", free[service], service, least)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := town.Generate(io.Discard, 1, 2500, day); err != nil {
			b.Fatal(err)
		}
	}
}
