package label_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/record/label"
	"hale/internal/standard/fhir"
)

const (
	icd   = "http://hl7.org/fhir/sid/icd-10-cm"
	sct   = "http://snomed.info/sct"
	rx    = "http://www.nlm.nih.gov/research/umls/rxnorm"
	loinc = "http://loinc.org"
)

func TestConcept(t *testing.T) {
	if err := label.Ready(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		system, code string
		want         access.Label
	}{
		{icd, "F11.20", access.SubstanceUse}, {icd, "F1120", access.SubstanceUse}, {icd, "F10", access.SubstanceUse}, {icd, "F19.99", access.SubstanceUse},
		{icd, "F17.210", 0}, // tobacco is none: 42 CFR 2.11
		{icd, "F20.9", access.MentalHealth}, {icd, "F32.A", access.MentalHealth}, {icd, "F99", access.MentalHealth}, {icd, "F03.90", 0},
		{icd, "B20", access.HIV}, {icd, "Z21", access.HIV}, {icd, "R75", access.HIV}, {icd, "B21", 0}, {icd, "B2", 0},
		{icd, "O80", access.Reproductive}, {icd, "O9A.212", access.Reproductive}, {icd, "Z30.09", access.Reproductive}, {icd, "Z3A.20", access.Reproductive}, {icd, "Z29.81", access.HIV},
		{icd, "O98.711", access.HIV | access.Reproductive}, {icd, "O99.320", access.SubstanceUse | access.Reproductive},
		{icd, "E11.9", 0}, {icd, "I10", 0}, {icd, "", 0}, {icd, "Z00.00", 0},
		{"urn:oid:2.16.840.1.113883.6.90", "F11.20", access.SubstanceUse}, {"", "F11.20", access.SubstanceUse},
		{sct, "35489007", access.MentalHealth}, {sct, "56876005", access.SubstanceUse}, {sct, "31676001", access.HIV}, {sct, "72892002", access.Reproductive},
		{sct, "44054006", 0}, {sct, "171207006", 0}, // everybody is screened for depression
		{rx, "351266", access.SubstanceUse}, {rx, "312941", access.MentalHealth}, {rx, "748856", access.Reproductive}, {rx, "314076", 0},
		{loinc, "56888-1", access.HIV}, {loinc, "44261-6", access.MentalHealth}, {loinc, "4548-4", 0},
		{"http://example.org/local", "F11.20", 0}, {loinc, "F11.20", 0},
	}
	for _, tt := range tests {
		if got := label.Concept(tt.system, tt.code); got != tt.want {
			t.Errorf("Concept(%q, %q) = %b, want %b", tt.system, tt.code, got, tt.want)
		}
	}
}

func TestOf(t *testing.T) {
	const act, conf = "http://terminology.hl7.org/CodeSystem/v3-ActCode", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	security := func(system, code string) string {
		return `{"resourceType":"Observation","meta":{"security":[{"system":"` + system + `","code":"` + code + `"}]}}`
	}
	tests := []struct {
		name, body string
		want       access.Label
	}{
		{"nothing", `{"resourceType":"Condition"}`, 0},
		{"its code", `{"code":{"coding":[{"system":"` + sct + `","code":"1"},{"system":"` + icd + `","code":"F11.2"}]}}`, access.SubstanceUse},
		{"a reason, deep inside", `{"activity":[{"detail":{"reasonCode":[{"coding":[{"code":"B20","system":"` + icd + `"}]}]}}]}`, access.HIV},
		{"a code with an escape", `{"code":{"coding":[{"system":"` + icd + `","code":"\u0046\u0031\u0031"}]}}`, access.SubstanceUse},
		{"part 2, says the sender", security(act, "42CFRPart2"), access.SubstanceUse | access.Part2},
		{"ethanol", security(act, "ETH"), access.SubstanceUse}, {"psychiatry", security(act, "PSY"), access.MentalHealth},
		{"notes", security(act, "PSYTHPN"), access.MentalHealth | access.PsychNotes}, {"sexuality", security(act, "SEX"), access.Reproductive},
		{"hiv", security(act, "HIV"), access.HIV}, {"very restricted", security(conf, "V"), access.Part2},
		{"restricted", security(conf, "R"), access.MentalHealth}, {"normal", security(conf, "N"), 0},
		{"no system", security("", "HIV"), access.HIV}, {"another's code", security("http://example.org", "HIV"), 0},
	}
	for _, tt := range tests {
		n, err := fhir.Parse([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := label.Of(n); got != tt.want {
			t.Errorf("%s: Of = %b, want %b", tt.name, got, tt.want)
		}
	}
}

func TestMinor(t *testing.T) {
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		labels      access.Label
		born, state string
		at          time.Time
		want        access.Label
	}{
		{access.Reproductive, "2012-03-02", "IL", at, access.MinorConfidential}, // 14
		{access.Reproductive, "2014-03-02", "IL", at, access.MinorConfidential}, // 12 today
		{access.Reproductive, "2014-03-03", "IL", at, 0},                        // 12 tomorrow
		{access.Reproductive, "2008-03-03", "IL", at, access.MinorConfidential}, // 18 tomorrow
		{access.Reproductive, "2008-03-02", "IL", at, 0},                        // 18 today
		{access.MentalHealth, "2010-01-01", "??", at, access.MinorConfidential}, // a state without a line
		{0, "2010-01-01", "IL", at, 0}, {access.HIV, "", "IL", at, 0}, {access.HIV, "2010-01-01", "IL", time.Time{}, 0},
	}
	for _, tt := range tests {
		if got := label.Minor(tt.labels, tt.born, tt.state, tt.at); got != tt.want {
			t.Errorf("Minor(%b, %s, %s, %s) = %b, want %b", tt.labels, tt.born, tt.state, tt.at, got, tt.want)
		}
	}
}

// The codes that a set says are in the sample records are there.
func TestSamples(t *testing.T) {
	dir := haletest.Data(t, "fhir")
	seen := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(path, "r4-definitions") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			for part := range strings.SplitSeq(lines.Text(), `"code"`) {
				if i := strings.Index(part, `"`); i >= 0 && i < 4 {
					code, _, _ := strings.Cut(part[i+1:], `"`)
					seen[code] = true
				}
			}
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Sets []struct {
			Name, Source string
			Codes        []string
		}
	}
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, s := range rules.Sets {
		if !strings.HasPrefix(s.Source, "samples, all of them") {
			continue
		}
		for _, c := range s.Codes {
			checked++
			if !seen[c] {
				t.Errorf("%s: %s is in no sample", s.Name, c)
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d codes were checked", checked)
	}
}

func BenchmarkOf(b *testing.B) {
	n, err := fhir.Parse([]byte(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],
		"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"valueQuantity":{"value":5,"unit":"%","code":"%"}}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		label.Of(n)
	}
}
