package ccda

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
)

var (
	sct   = "http://snomed.info/sct"
	lnc   = "http://loinc.org"
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a1c   = Code{System: lnc, Code: "4548-4", Display: "Hemoglobin A1c/Hemoglobin.total in Blood", Text: "A1c"}
	whole = Document{
		ID: "0c3b9c3a-0000-4000-8000-000000000001", Base: "https://hale.example/fhir", Title: "Record of Ada <b>Probe</b>", Made: noon, Lang: "en-US", Covers: When{"2020", "2026-03-01"}, Software: "Hale",
		Patient: Person{IDs: []ID{{"2.16.840.1.113883.19.5", "77"}}, Name: Name{Given: []string{"Ada", "B"}, Family: "Probe & Son"}, Gender: "female", Born: "1960-04-05",
			Addresses: []Address{{Use: "HP", Lines: []string{"1 Main St"}, City: "Riverside", State: "TX", ZIP: "77001", Nation: "US"}}, Telecoms: []Telecom{{"HP", "tel:+15125550100"}},
			Race:     []Code{{System: "urn:oid:2.16.840.1.113883.6.238", Code: "2106-3", Display: "White"}, {System: "urn:oid:2.16.840.1.113883.6.238", Code: "2114-7", Display: "Italian"}},
			Language: "es", Provider: Organization{Name: "Riverside"}, Caregivers: []Caregiver{{Name: Name{Family: "Helper"}}}},
		Custodian: Organization{Name: "Riverside Family Medicine"}, Team: []Clinician{{Name: "Dr. Lee"}},
		Allergies: []Allergy{{ID: "AllergyIntolerance/1", Substance: Code{System: "http://www.nlm.nih.gov/research/umls/rxnorm", Code: "7980", Display: "Penicillin G"}, Kind: "medication", Active: true, Since: "2001-02", Recorded: "2001-02-03",
			Reactions: []Reaction{{Code{System: sct, Code: "126485001", Display: "Hives"}, "severe"}}}, {ID: "AllergyIntolerance/2", Substance: Code{Text: "No known allergies"}, None: true}},
		Medicines: []Medicine{{ID: "MedicationRequest/1", What: Code{System: "http://www.nlm.nih.gov/research/umls/rxnorm", Code: "860975", Text: "Metformin 500 mg"}, Active: true, Ordered: true, When: When{Start: "2024-01-02T10:00:00Z"},
			Sig: "1 tablet twice a day", Every: Quantity{"12", "hours", "h"}, By: "Dr. Lee", Reason: Code{System: sct, Code: "44054006", Display: "Type 2 diabetes"}}},
		Problems: []Problem{{ID: "Condition/1", What: Code{System: sct, Code: "44054006", Text: "Type 2 diabetes", Also: []Code{{System: "http://hl7.org/fhir/sid/icd-10-cm", Code: "E11.9"}}}, Active: true, When: When{Start: "2015-05-06"}},
			{ID: "Condition/2", What: Code{Text: "Sprained ankle"}, When: When{"2019", "2019-03"}}},
		Results: []Panel{{ID: "Observation/1", What: a1c, When: When{Start: "2025-01-02T03:04:05-06:00"}, Findings: []Finding{
			{ID: "Observation/1", What: a1c, Final: true, Value: Quantity{"7.2", "%", "%"}, Flag: "H", Reference: "up to 5.6 %", By: "Alder Labs"}, {ID: "Observation/2", What: a1c, Final: true, Text: "see <report>"}}}},
		Vitals:        []Panel{{ID: "Observation/3", When: When{Start: "2025-01-02"}, Findings: []Finding{{ID: "Observation/3", What: Code{System: lnc, Code: "8480-6", Text: "Systolic"}, Final: true, Value: Quantity{"120", "mmHg", "mm[Hg]"}}}}},
		Social:        []Finding{{ID: "Observation/4", What: Code{System: lnc, Code: "72166-2", Text: "Smoking"}, Final: true, When: When{Start: "2025-01-02"}, Coded: Code{System: sct, Code: "266919005", Display: "Never smoked"}}},
		Procedures:    []Procedure{{ID: "Procedure/1", What: Code{System: sct, Code: "73761001", Text: "Colonoscopy"}, Done: true, When: When{Start: "2020-02-03"}, By: "Dr. Lee"}},
		Immunizations: []Immunization{{ID: "Immunization/1", What: Code{System: "http://hl7.org/fhir/sid/cvx", Code: "140", Text: "Flu"}, When: "2025-10-01", Given: true, Lot: "L1", Maker: "Maker"}},
		Encounters:    []Encounter{{ID: "Encounter/1", What: Code{Text: "Office visit"}, Class: "AMB", When: When{"2025-01-02T10:00:00Z", "2025-01-02T10:20:00Z"}, By: "Dr. Lee", Where: "Suite 2"}},
		Plans:         []Plan{{ID: "Appointment/1", What: Code{Text: "Follow-up"}, When: When{Start: "2026-04-01T10:00:00Z"}, Visit: true}, {ID: "CarePlan/1", What: Code{Text: "Care plan"}, Text: "Walk"}},
		Goals:         []Finding{{ID: "Goal/1", What: a1c, When: When{Start: "2025-01-01"}, Value: Quantity{"7.0", "%", "%"}}},
		Directives:    []Finding{{ID: "Consent/1", What: Code{Text: "Living will"}, When: When{Start: "2022"}}},
		Notes:         []Note{{ID: "DocumentReference/1", Type: Code{System: lnc, Code: "11506-3", Display: "Progress note"}, Title: "Visit note", When: "2025-01-02", By: "Dr. Lee", Lines: []string{"Feels well.", "", "A1c > 7"}}},
	}
)

// Everything written keeps to the content model of CDA R2, whether much or
// nothing is known.
func TestOrder(t *testing.T) {
	for name, d := range map[string]Document{"whole": whole, "empty": {ID: whole.ID, Title: "Empty", Made: noon, Lang: "en-US"}} {
		t.Run(name, func(t *testing.T) {
			for _, bad := range Check(strings.NewReader(d.String())) {
				t.Error(bad)
			}
		})
	}
}

// Check finds what is wrong.
func TestCheck(t *testing.T) {
	good := whole.String()
	for name, bad := range map[string]string{
		"not well formed": good[:len(good)-9], "missing": strings.Replace(good, "<realmCode code=\"US\"/>", "", 1), "unknown": strings.Replace(good, "<realmCode", "<x/><realmCode", 1),
		"wrong place": strings.Replace(good, "<realmCode code=\"US\"/>", "<title>x</title><realmCode code=\"US\"/>", 1),
	} {
		if len(Check(strings.NewReader(bad))) == 0 {
			t.Errorf("Check passes a document with something %s", name)
		}
	}
}

// A CCD has its required sections, and says so where nothing is known.
//
// Spec: C-CDA R2.1, Continuity of Care Document (CCD) (V3)
func TestRequiredSections(t *testing.T) {
	required := map[string]string{
		"2.16.840.1.113883.10.20.22.2.6.1": "48765-2", "2.16.840.1.113883.10.20.22.2.1.1": "10160-0", "2.16.840.1.113883.10.20.22.2.5.1": "11450-4",
		"2.16.840.1.113883.10.20.22.2.3.1": "30954-2", "2.16.840.1.113883.10.20.22.2.17": "29762-2", "2.16.840.1.113883.10.20.22.2.4.1": "8716-3",
	}
	full, empty := parsed(t, whole.String()), parsed(t, Document{ID: whole.ID, Made: noon}.String())
	for root, code := range required {
		for name, doc := range map[string]*elem{"full": full, "empty": empty} {
			list := doc.under(root)
			if len(list) != 1 || list[0].attr("code", "code") != code {
				t.Errorf("the %s document has %d sections %s, want one with code %s", name, len(list), root, code)
				continue
			}
			if entries, ni := list[0].child("entry") != nil, list[0].attrs["nullFlavor"] == "NI"; entries == ni || ni != (name == "empty") {
				t.Errorf("section %s of the %s document: entries %v, no information %v", root, name, entries, ni)
			}
		}
	}
	if n := len(empty.child("component").child("structuredBody").kids); n != len(required) {
		t.Errorf("the empty document has %d sections, want the required %d alone", n, len(required))
	}
}

// Identifiers are UUIDs or OIDs, times are HL7's, references lead to text
// that is there, and no identifier of text is given twice.
func TestValues(t *testing.T) {
	doc := parsed(t, whole.String())
	root := regexp.MustCompile(`^([0-2](\.(0|[1-9][0-9]*))+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	moment := regexp.MustCompile(`^\d{4}(\d\d(\d\d(\d{4,6}([+-]\d{4}))?)?)?$`)
	told, asked := map[string]bool{}, map[string]bool{}
	doc.all(func(e, parent *elem) {
		if r, ok := e.attrs["root"]; ok && !root.MatchString(r) {
			t.Errorf("%s of %s: root %q is neither an OID nor a UUID", e.name, parent.name, r)
		}
		if v, ok := e.attrs["value"]; ok && slices.Contains([]string{"effectiveTime", "low", "high", "time", "birthTime"}, e.name) && !moment.MatchString(v) {
			t.Errorf("%s of %s: %q is no time", e.name, parent.name, v)
		}
		if id := e.attrs["ID"]; id != "" {
			if told[id] {
				t.Errorf("text %s is there twice", id)
			}
			told[id] = true
		}
		if e.name == "reference" {
			asked[strings.TrimPrefix(e.attrs["value"], "#")] = true
		}
		if e.attrs["code"] != "" && e.name != "statusCode" && e.name != "realmCode" && e.name != "languageCode" && e.attrs["codeSystem"] == "" {
			t.Errorf("%s of %s: code %s without a system", e.name, parent.name, e.attrs["code"])
		}
	})
	for id := range asked {
		if !told[id] {
			t.Errorf("an entry refers to text %s, which is not there", id)
		}
	}
	if got := strings.TrimSpace(doc.child("title").text); got != "Record of Ada <b>Probe</b>" {
		t.Errorf("title = %q, want it as text", got)
	}
}

// shapes are what must be so inside a template, each a sentence of C-CDA
// R2.1 with its conformance number.
var shapes = []struct {
	root, rule string
	holds      func(e *elem) bool
}{
	{"2.16.840.1.113883.10.20.22.4.30", "CONF:1198-7477 the concern's code is CONC", func(e *elem) bool { return e.attr("code", "code") == "CONC" }},
	{"2.16.840.1.113883.10.20.22.4.30", "CONF:1198-7485 the concern is active or completed", func(e *elem) bool {
		return slices.Contains([]string{"active", "completed"}, e.attr("code", "statusCode"))
	}},
	{"2.16.840.1.113883.10.20.22.4.7", "CONF:1098-15947 the code is ASSERTION", func(e *elem) bool { return e.attr("code", "code") == "ASSERTION" }},
	{"2.16.840.1.113883.10.20.22.4.7", "CONF:1098-7387 effectiveTime has a low", func(e *elem) bool { return e.child("effectiveTime").child("low") != nil }},
	{"2.16.840.1.113883.10.20.22.4.7", "CONF:1098-7402 the substance takes part", func(e *elem) bool {
		return e.attr("typeCode", "participant") == "CSM" && e.attr("classCode", "participant", "participantRole") == "MANU"
	}},
	{"2.16.840.1.113883.10.20.22.4.9", "CONF:1098-7328 a reaction is completed and is a CD", func(e *elem) bool {
		return e.attr("code", "statusCode") == "completed" && e.attr("type", "value") == "CD"
	}},
	{"2.16.840.1.113883.10.20.22.4.8", "CONF:1098-19168 a severity's code is SEV", func(e *elem) bool { return e.attr("code", "code") == "SEV" }},
	{"2.16.840.1.113883.10.20.22.4.16", "CONF:1098-7508 the time is an interval with a low", func(e *elem) bool {
		return e.attr("type", "effectiveTime") == "IVL_TS" && e.child("effectiveTime").child("low") != nil
	}},
	{"2.16.840.1.113883.10.20.22.4.16", "CONF:1098-7516 a dose is said, if only as unknown", func(e *elem) bool { return e.child("doseQuantity") != nil }},
	{"2.16.840.1.113883.10.20.22.4.23", "CONF:1098-7408 the product is MANU", func(e *elem) bool { return e.attrs["classCode"] == "MANU" }},
	{"2.16.840.1.113883.10.20.22.4.3", "CONF:1198-9027 the concern's code is CONC", func(e *elem) bool { return e.attr("code", "code") == "CONC" }},
	{"2.16.840.1.113883.10.20.22.4.4", "CONF:1198-32950 the code has a LOINC translation", func(e *elem) bool { return e.attr("codeSystem", "code", "translation") == loinc }},
	{"2.16.840.1.113883.10.20.22.4.4", "CONF:1198-9058 the value is a CD", func(e *elem) bool { return e.attr("type", "value") == "CD" }},
	{"2.16.840.1.113883.10.20.22.4.1", "CONF:1198-31488 effectiveTime has low and high", func(e *elem) bool {
		return e.child("effectiveTime").child("low") != nil && e.child("effectiveTime").child("high") != nil
	}},
	{"2.16.840.1.113883.10.20.22.4.2", "CONF:1198-7140 effectiveTime and value are there", func(e *elem) bool { return e.child("effectiveTime") != nil && e.child("value") != nil }},
	{"2.16.840.1.113883.10.20.22.4.26", "CONF:1198-32740 the code is 46680005", func(e *elem) bool {
		return e.attr("code", "code") == "46680005" && e.attr("code", "code", "translation") == "74728-7"
	}},
	{"2.16.840.1.113883.10.20.22.4.27", "CONF:1098-7305 the value is a PQ", func(e *elem) bool { return e.attr("type", "value") == "PQ" }},
	{"2.16.840.1.113883.10.20.22.4.78", "CONF:1098-31039 the code is 72166-2, the time a point", func(e *elem) bool {
		return e.attr("code", "code") == "72166-2" && e.child("effectiveTime").child("low") == nil
	}},
	{"2.16.840.1.113883.10.20.22.4.52", "CONF:1198-8985 negationInd is said", func(e *elem) bool { return e.attrs["negationInd"] != "" }},
	{"2.16.840.1.113883.10.20.22.4.121", "CONF:1098-30418 the mood is GOL", func(e *elem) bool { return e.attrs["moodCode"] == "GOL" }},
	{"2.16.840.1.113883.10.20.22.4.202", "CONF:3250-16907 a note refers to its text and has an author", func(e *elem) bool { return e.attr("value", "text", "reference") != "" && e.child("author") != nil }},
}

func TestShapes(t *testing.T) {
	doc := parsed(t, whole.String())
	for _, s := range shapes {
		list := doc.under(s.root)
		if len(list) == 0 {
			t.Errorf("no %s was written", s.root)
		}
		for _, e := range list {
			if !s.holds(e) {
				t.Errorf("%s: %s does not hold", s.root, s.rule)
			}
		}
	}
}

// allowed are children that no example has and the standard allows.
var allowed = map[string]bool{
	"2.16.840.1.113883.10.20.22.4.202 id":      true, // CDA R2: an act may have an id
	"2.16.840.1.113883.10.20.22.4.1 performer": true, // CDA R2: who made the results, as 42 CFR 493.1291(c)(2) asks
}

// The examples of HL7 use the templates that we write, on the same elements,
// with every child that we write.
func TestAgainstExamples(t *testing.T) {
	dir := haletest.Data(t, "ccda/hl7-c-cda-examples")
	type key struct{ root, element string }
	seen, kids, files := map[string]bool{}, map[key]map[string]bool{}, 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.EqualFold(filepath.Ext(path), ".xml") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		doc, err := readTree(f)
		if err != nil {
			return nil // some examples are pieces that are no documents
		}
		files++
		doc.all(func(e, _ *elem) {
			for _, root := range e.templates() {
				seen[root] = true
				k := key{root, e.name}
				if kids[k] == nil {
					kids[k] = map[string]bool{}
				}
				for _, c := range e.kids {
					kids[k][c.name] = true
				}
			}
		})
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("read %d examples, %v", files, err)
	}
	compared := 0
	parsed(t, whole.String()).all(func(e, parent *elem) {
		for _, root := range e.templates() {
			if !seen[root] {
				t.Errorf("no example has the template %s", root)
				continue
			}
			there := kids[key{root, e.name}]
			if there == nil {
				t.Errorf("the examples have %s on another element than %s", root, e.name)
				continue
			}
			for _, c := range e.kids {
				if compared++; !there[c.name] && !allowed[root+" "+c.name] {
					t.Errorf("%s (%s): no example has a %s there", e.name, root, c.name)
				}
			}
		}
	})
	t.Logf("%d examples, %d children compared", files, compared)
}

// The order written down is the order of HL7's own documents.
func TestOrderOfExamples(t *testing.T) {
	dir := haletest.Data(t, "ccda/hl7-c-cda-examples/Documents")
	for _, name := range []string{"CCD/CCD 1/CCD.XML", "CCD/CCD 2/CCD.xml", "Care Plan/Care_Plan.xml"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := readTree(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		doc.all(func(e, _ *elem) {
			model := order[e.name]
			last := -1
			for _, k := range e.kids {
				if e.name == "addr" || e.name == "name" { // whose parts have no order
					continue
				}
				i := slices.IndexFunc(model, func(m string) bool { return m == k.name || m == k.name+"!" })
				if k.space != v3 {
					continue
				}
				if i >= 0 && i < last {
					t.Errorf("%s: %s has its %s after a %s: the order written down is not CDA's", name, e.name, k.name, model[last])
				}
				last = max(last, i)
			}
		})
	}
}

// Whatever the texts hold, the document is well formed and holds them as
// text.
func FuzzString(f *testing.F) {
	f.Add("plain", "2024-01-02")
	f.Add("<script>&\"'\x00\x1f\ufffe\xff</td>", "not a date")
	f.Fuzz(func(t *testing.T, text, when string) {
		c := Code{System: sct, Code: text, Display: text, Text: text}
		d := Document{ID: "x", Title: text, Made: noon, Lang: text, Patient: Person{Name: Name{Given: []string{text}, Family: text}, Born: when, Language: text},
			Problems: []Problem{{ID: text, What: c, When: When{when, when}}}, Medicines: []Medicine{{ID: text, What: c, Sig: text, Dose: Quantity{text, text, text}}},
			Results: []Panel{{What: c, Findings: []Finding{{What: c, Text: text, Reference: text, By: text}}}}, Notes: []Note{{Title: text, Lines: []string{text, text}, When: when}}}
		doc := parsed(t, d.String())
		n := 0
		doc.all(func(e, _ *elem) { n++ })
		clean := parsed(t, Document{ID: "x", Title: "a", Made: noon, Lang: "a"}.String())
		if doc.name != clean.name || n < 50 {
			t.Errorf("%q made a document of %d elements", text, n)
		}
		if len(doc.under("2.16.840.1.113883.10.20.22.4.4")) != 1 {
			t.Errorf("%q made or took away a problem", text)
		}
	})
}
