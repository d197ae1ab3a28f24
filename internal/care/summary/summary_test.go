package summary_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/summary"
	"hale/internal/demo/town"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/ccda"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

const id = "0c3b9c3a-1111-4000-8000-000000000001"

var clinic = summary.Clinic{Name: "Riverside", Base: "https://hale.example/fhir", Phone: "+15125550100"}

func open(t testing.TB, d *db.DB) (*record.Store, *summary.Store) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	r := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock)).WithKeys(haletest.Ring(t, d, clock))
	return r, summary.NewStore(r, clock, clinic)
}

func put(t testing.TB, d *db.DB, r *record.Store, typ, id, rest string) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := r.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// settle brings a small town into the record.
func settle(t testing.TB, d *db.DB, r *record.Store, people int) *town.Town {
	t.Helper()
	name := filepath.Join(t.TempDir(), "town.ndjson")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	made, err := town.Generate(f, 3, people, haletest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := bulk.New(r, d, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "town"}).Import(t.Context(), name, func(bulk.Progress) {})
	if err != nil || len(report.Bad) > 0 {
		t.Fatalf("import: %v, %v", report.Bad, err)
	}
	return made
}

// A summary of somebody with a history is a document that stands on its own.
func TestIPS(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r, s := open(t, d)
		settle(t, d, r, 30)
		c, err := s.Gather(t.Context(), haletest.Pass(t, d, town.Maria, access.ReadRecord), summary.Window{}, summary.IPSTypes...)
		if err != nil {
			t.Fatal(err)
		}
		body, err := s.IPS(c, id)
		if err != nil {
			t.Fatal(err)
		}
		doc := isDocument(t, body)
		for key, code := range map[string]string{"medications": "10160-0", "allergies": "48765-2", "problems": "11450-4", "results": "30954-2", "vital signs": "8716-3", "vaccines": "11369-6", "plan": "18776-5"} {
			if n := doc.sections[code]; n == 0 {
				t.Errorf("no entries about %s", key)
			}
		}
	})
}

// document is what isDocument found.
type document struct {
	sections map[string]int // entries by LOINC code
	types    map[string]int
}

// isDocument holds a bundle against the rules of FHIR documents and of the
// International Patient Summary.
//
// Spec: https://hl7.org/fhir/R4/documents.html,
// https://hl7.org/fhir/uv/ips/STU1.1/StructureDefinition-Composition-uv-ips.html
func isDocument(t *testing.T, body []byte) document {
	t.Helper()
	n, err := fhir.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	doc := document{map[string]int{}, map[string]int{}}
	if n.Get("type").Text() != "document" || n.Get("identifier", "value").Text() != "urn:uuid:"+id || n.Get("identifier", "system").Text() == "" || n.Get("timestamp").Text() == "" {
		t.Error("the bundle is no document with an identifier and a timestamp (bdl-9, bdl-10)")
	}
	if n.Get("meta", "profile").Text() == "" && !strings.Contains(string(body), "Bundle-uv-ips") {
		t.Error("the bundle states no profile")
	}
	in := map[string]bool{}
	var order []string
	for e := range n.Get("entry").Each() {
		res := e.Get("resource")
		ref := res.Get("resourceType").Text() + "/" + res.Get("id").Text()
		if in[ref] || e.Get("fullUrl").Text() != clinic.Base+"/"+ref {
			t.Errorf("%s is there twice, or under the address %s (bdl-7)", ref, e.Get("fullUrl").Text())
		}
		in[ref], order = true, append(order, res.Get("resourceType").Text())
		doc.types[res.Get("resourceType").Text()]++
	}
	if len(order) < 3 || order[0] != "Composition" || order[1] != "Patient" {
		t.Fatalf("the document begins with %v, want Composition and Patient (bdl-11)", order[:min(3, len(order))])
	}
	for o := range n.Holding("reference") {
		if ref := o.Get("reference").Text(); !in[ref] && !strings.HasPrefix(ref, "#") {
			t.Errorf("%s is referred to and not in the document", ref)
		}
	}
	comp := n.Get("entry", "resource")
	for _, name := range []string{"identifier", "status", "type", "subject", "date", "author", "title", "custodian"} {
		if !comp.Get(name).Exists() {
			t.Errorf("the Composition has no %s", name)
		}
	}
	for sec := range comp.Get("section").Each() {
		code := sec.Get("code", "coding", "code").Text()
		if doc.sections[code] > 0 || sec.Get("title").Text() == "" || sec.Get("text", "status").Text() == "" || !strings.HasPrefix(sec.Get("text", "div").Text(), `<div xmlns="http://www.w3.org/1999/xhtml">`) {
			t.Errorf("section %s is there twice, or has no title or narrative", code)
		}
		for range sec.Get("entry").Each() {
			doc.sections[code]++
		}
	}
	for _, code := range []string{"10160-0", "48765-2", "11450-4"} {
		if doc.sections[code] == 0 {
			t.Errorf("the required section %s has no entry", code)
		}
	}
	return doc
}

// Where nothing is known, the required sections say so by a code; what
// somebody wrote into a name stays text.
func TestNothingKnown(t *testing.T) {
	d := haletest.SQLite(t)
	r, s := open(t, d)
	put(t, d, r, "Patient", "p1", `"name":[{"family":"<b>Probe</b>&"}]`)
	c, err := s.Gather(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), summary.Window{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.IPS(c, id)
	if err != nil {
		t.Fatal(err)
	}
	isDocument(t, body)
	for _, code := range []string{"no-allergy-info", "no-medication-info", "no-problem-info"} {
		if !strings.Contains(string(body), code) {
			t.Errorf("the summary does not say %s", code)
		}
	}
	var b struct {
		Entry []struct {
			Resource struct{ Text struct{ Div string } }
		}
	}
	if err := json.Unmarshal(body, &b); err != nil || strings.Contains(b.Entry[0].Resource.Text.Div, "<b>") {
		t.Errorf("the narrative holds markup from a name: %s, %v", b.Entry[0].Resource.Text.Div, err)
	}
	if len(c.Sections()) != 0 {
		t.Errorf("a page of an empty record has sections: %v", c.Sections())
	}
}

// What the pass does not show is in no form of it: labelled, held, another's,
// beyond a caregiver's categories.
func TestShown(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r, s := open(t, d)
		const of = `"subject":{"reference":"Patient/p1"},"code":{"text":"%s"},"clinicalStatus":{"coding":[{"code":"active"}]}`
		put(t, d, r, "Patient", "p1", `"active":true`)
		put(t, d, r, "Patient", "p2", `"active":true`)
		put(t, d, r, "Condition", "plain", fmt.Sprintf(of, "PlainWord"))
		put(t, d, r, "Condition", "part2", fmt.Sprintf(of, "SecretWord")+`,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}`)
		put(t, d, r, "Condition", "other", strings.ReplaceAll(fmt.Sprintf(of, "OtherWord"), "p1", "p2"))
		put(t, d, r, "Observation", "lab", `"subject":{"reference":"Patient/p1"},"status":"final","code":{"text":"LabWord"},"category":[{"coding":[{"code":"laboratory"}]}],"valueString":"x"`)
		proxy := access.Actor{Kind: access.Proxy, ID: "account-x", Proof: access.Proof{Zone: access.PortalZone}, Grants: []access.Grant{{Patient: "p1", Rights: []access.Right{access.ReadRecord}, Categories: []access.Category{access.Results}, Basis: "patient"}}}
		part, err := haletest.Doors(d).Check(t.Context(), proxy, access.ReadRecord, "p1")
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			pass   access.Pass
			has    []string
			hasNot []string
		}{
			"the patient without a fresh proof": {haletest.Pass(t, d, "p1", access.ReadRecord), []string{"PlainWord", "LabWord"}, []string{"SecretWord", "OtherWord"}},
			"a caregiver for results":           {part, []string{"LabWord"}, []string{"PlainWord", "SecretWord", "OtherWord"}},
		} {
			t.Run(name, func(t *testing.T) {
				c, err := s.Gather(t.Context(), tt.pass, summary.Window{})
				if err != nil {
					t.Fatal(err)
				}
				for form, text := range forms(t, s, c) {
					for _, w := range tt.has {
						if !strings.Contains(text, w) {
							t.Errorf("%s: no %s", form, w)
						}
					}
					for _, w := range tt.hasNot {
						if strings.Contains(text, w) {
							t.Errorf("%s tells %s", form, w)
						}
					}
				}
			})
		}
		if _, err := s.Gather(t.Context(), access.Pass{}, summary.Window{}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Gather with no pass = %v, want not found", err)
		}
	})
}

// forms are all the ways in which content is written.
func forms(t *testing.T, s *summary.Store, c summary.Content) map[string]string {
	t.Helper()
	ips, err := s.IPS(c, id)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Bundle(c)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"ips": string(ips), "bundle": string(all), "ccd": string(s.CCD(c, id)), "page": fmt.Sprint(c.Sections())}
}

// A range of days leaves out what lies outside of it, on both its edges, in
// every form; what goes on reaches into it.
func TestWindow(t *testing.T) {
	d := haletest.SQLite(t)
	r, s := open(t, d)
	put(t, d, r, "Patient", "p1", `"active":true`)
	lab := func(id, at string) {
		put(t, d, r, "Observation", id, `"subject":{"reference":"Patient/p1"},"status":"final","code":{"text":"`+id+`"},"category":[{"coding":[{"code":"laboratory"}]}],"valueString":"x","effectiveDateTime":"`+at+`"`)
	}
	lab("LastBefore", "2025-12-31T23:59:59Z")
	lab("FirstIn", "2026-01-01T00:00:00Z")
	lab("LastIn", "2026-01-31T23:59:59Z")
	lab("FirstAfter", "2026-02-01T00:00:00Z")
	put(t, d, r, "Condition", "c1", `"subject":{"reference":"Patient/p1"},"code":{"text":"GoesOn"},"clinicalStatus":{"coding":[{"code":"active"}]},"onsetDateTime":"2010"`)
	put(t, d, r, "Condition", "c2", `"subject":{"reference":"Patient/p1"},"code":{"text":"LongOver"},"clinicalStatus":{"coding":[{"code":"resolved"}]},"onsetDateTime":"2010","abatementDateTime":"2011"`)
	w := summary.Window{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	c, err := s.Gather(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), w)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range forms(t, s, c) {
		for word, want := range map[string]bool{"LastBefore": false, "FirstIn": true, "LastIn": true, "FirstAfter": false, "GoesOn": true, "LongOver": false} {
			if strings.Contains(text, word) != want {
				t.Errorf("%s: %s there = %v, want %v", form, word, !want, want)
			}
		}
	}
}

// What an app was not given is in no summary.
func TestVisit(t *testing.T) {
	d := haletest.SQLite(t)
	r, s := open(t, d)
	put(t, d, r, "Patient", "p1", `"active":true`)
	put(t, d, r, "Encounter", "e1", `"subject":{"reference":"Patient/p1"},"status":"finished","class":{"code":"AMB"},"type":[{"text":"ThisVisit"}],"period":{"start":"2026-01-05T10:00:00Z"}`)
	put(t, d, r, "Encounter", "e2", `"subject":{"reference":"Patient/p1"},"status":"finished","class":{"code":"AMB"},"type":[{"text":"OtherVisit"}]`)
	put(t, d, r, "Observation", "o1", `"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"},"status":"final","code":{"text":"FromThis"},"valueString":"x"`)
	put(t, d, r, "Observation", "o2", `"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e2"},"status":"final","code":{"text":"FromOther"},"valueString":"x"`)
	c, err := s.Gather(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), summary.Window{})
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprint(c.Visit("e1").Sections())
	for word, want := range map[string]bool{"ThisVisit": true, "FromThis": true, "OtherVisit": false, "FromOther": false} {
		if strings.Contains(page, word) != want {
			t.Errorf("%s there = %v, want %v", word, !want, want)
		}
	}
}

// Every CCD of a whole town keeps to the order of CDA.
func TestCCDOfTown(t *testing.T) {
	d := haletest.SQLite(t)
	r, s := open(t, d)
	made := settle(t, d, r, 25)
	sections := map[string]bool{}
	for _, p := range made.Residents {
		c, err := s.Gather(t.Context(), haletest.Pass(t, d, p.Patient, access.ReadRecord), summary.Window{})
		if err != nil {
			t.Fatal(err)
		}
		text := string(s.CCD(c, id))
		if bad := ccda.Check(strings.NewReader(text)); len(bad) > 0 {
			t.Fatalf("the CCD of %s: %v", p.Patient, bad)
		}
		for _, title := range []string{"Allergies", "Medicines", "Health problems", "Test results", "Vital signs", "Vaccines", "Procedures", "Visits", "What is planned", "Goals", "Notes"} {
			if strings.Contains(text, "<title>"+title+"</title>") && strings.Contains(text, "<entry") {
				sections[title] = true
			}
		}
		if slices.Contains([]string{town.Maria}, p.Patient) && !strings.Contains(text, "4548-4") {
			t.Error("Maria's CCD has no A1c")
		}
	}
	if len(sections) < 10 {
		t.Errorf("the town's CCDs have the sections %v, want nearly all", sections)
	}
}
