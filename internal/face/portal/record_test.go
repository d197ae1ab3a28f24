package portal_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/record/arrival"
	"hale/internal/store/db"
)

// behind puts what stands behind Maria's care into her record.
func (h *house) behind(t *testing.T) {
	t.Helper()
	h.put(t,
		`{"resourceType":"DiagnosticReport","id":"rad1","status":"final","category":[{"coding":[{"code":"RAD"}]}],"code":{"text":"Chest picture"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-02-20","conclusion":"Nothing unusual was seen."}`,
		`{"resourceType":"DocumentReference","id":"d9","status":"current","type":{"text":"Note"},"subject":{"reference":"Patient/maria"},"date":"2026-02-24T15:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"`+base64.StdEncoding.EncodeToString([]byte("Your A1c, and again A1c."))+`"}}]}`,
		`{"resourceType":"Device","id":"dev1","patient":{"reference":"Patient/maria"},"status":"active","udiCarrier":[{"deviceIdentifier":"0888","carrierHRF":"(01)0888(21)A1"}],"type":{"text":"Pacemaker"},"manufacturer":"Example Works","serialNumber":"A1"}`,
		`{"resourceType":"FamilyMemberHistory","id":"fam1","status":"completed","patient":{"reference":"Patient/maria"},"relationship":{"coding":[{"code":"FTH"}],"text":"father"},"condition":[{"code":{"coding":[{"code":"44054006"}],"text":"Diabetes mellitus type 2"},"onsetAge":{"value":58}}]}`,
		`{"resourceType":"Coverage","id":"cov1","status":"active","beneficiary":{"reference":"Patient/maria"},"subscriberId":"PH-1","payor":[{"display":"Prairie Health"}],"class":[{"type":{"coding":[{"code":"plan"}]},"value":"S","name":"Prairie Silver"}]}`,
		`{"resourceType":"CareTeam","id":"team1","status":"active","name":"Diabetes team","subject":{"reference":"Patient/maria"},"participant":[{"role":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"207Q00000X"}]}],"member":{"reference":"Practitioner/raman"}}]}`,
		`{"resourceType":"ServiceRequest","id":"ord1","status":"active","intent":"order","category":[{"coding":[{"code":"108252007"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"3016-3","display":"Thyrotropin"}]},"subject":{"reference":"Patient/maria"},"authoredOn":"2026-02-24","occurrenceDateTime":"2026-04-02","requester":{"reference":"Practitioner/raman"}}`)
}

func TestRecordPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		h.behind(t)
		tests := []struct {
			path string
			want []string
		}{
			{"/health", []string{"For example: blood pressure", "Devices and implants", "Goals and care plan", "Complete to"}},
			{"/health/vitals", []string{"Blood pressure", "130/79", "Weight", "<svg class=\"chart plot\"", "Show as a table", "bp-3"}},
			{"/health/devices", []string{"Pacemaker", "(01)0888(21)A1", "Example Works", "about=Device/dev1"}},
			{"/health/family", []string{"Father", "Type 2 diabetes", "from age 58"}},
			{"/health/insurance", []string{"Prairie Silver", "Prairie Health", "PH-1"}},
			{"/health/team", []string{"Diabetes team", "Dr. Priya Raman", "Your main doctor", "How to reach them"}},
			{"/health/plan", []string{"Keep A1c below 7 %", "Now 7.4 %", "You have come", "Diabetes self management plan", "Diabetic diet"}},
			{"/results/pending", []string{"Thyroid test (TSH)", "Asked for by Dr. Priya Raman", "Expected by Apr 2, 2026"}},
			{"/documents/rad1", []string{"Chest picture", "Nothing unusual was seen."}},
			{"/health/results", []string{"Reports in words", "/documents/rad1", "1 test has no result yet.", "Results that belong together", "Reviewed by Dr. Priya Raman"}},
			{"/results/a1c-5", []string{"Reviewed by Dr. Priya Raman on Feb 24, 2026", "data-print"}},
			{"/results/ldl-3", []string{"Part of a group of tests", "/health/panels/rep2"}},
			{"/health/panels/rep2", []string{"Blood panel", "LDL cholesterol", "Hemoglobin", "Both look as we hoped."}},
			{"/health/conditions/c1", []string{"<h1>Type 2 diabetes", "trouble using sugar", "Diabetes mellitus type 2", "Active now", "Print or save as PDF"}},
			{"/health/allergies/al1", []string{"Penicillin", "Rash"}},
			{"/health/vaccines/im1", []string{"Flu shot", "Oct 4, 2025"}},
			{"/health/procedures/pr1", []string{"Eye exam for diabetes"}},
			{"/documents/d9", []string{`Your <a href="#word-a1c">A1c</a>, and again A1c.`, "What the words mean", "average blood sugar"}},
			{"/health/sources", []string{"Where your record comes from"}},
		}
		for _, tt := range tests {
			for _, as := range []struct{ who, base string }{{"maria", ""}, {"rosa", "/for/maria"}} {
				if as.who == "rosa" && d.Engine() != db.SQLite {
					continue // the same handlers: once is enough
				}
				a := h.get(t, as.who, as.base+tt.path)
				if a.code != http.StatusOK {
					t.Errorf("%s%s = %d", as.base, tt.path, a.code)
				}
				for _, want := range tt.want {
					if as.who == "rosa" && strings.HasPrefix(want, "about=") {
						continue // a helper who may not write has nowhere to say so
					}
					if !strings.Contains(a.body, want) {
						t.Errorf("%s%s has no %q", as.base, tt.path, want)
					}
				}
			}
			if a := h.get(t, "sam", "/for/maria"+tt.path); a.code != http.StatusNotFound || strings.Contains(a.body, "Prairie") {
				t.Errorf("another's %s = %d", tt.path, a.code)
			}
		}
		for _, path := range []string{"/health/conditions/c1", "/results/pending", "/health/devices", "/health/panels/rep2", "/health/vitals", "/health/insurance"} {
			if a := h.get(t, "helper", "/for/maria"+path); a.code != http.StatusNotFound {
				t.Errorf("a helper with medicines alone sees %s: %d", path, a.code)
			}
		}
		if a := h.get(t, "sam", "/health/conditions/c1"); a.code != http.StatusNotFound {
			t.Errorf("Maria's condition under Sam's own address = %d", a.code)
		}
	})
}

func TestListsAreHonest(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		has := func(name, path string, want ...string) {
			t.Helper()
			a := h.get(t, "sam", path)
			for _, w := range want {
				if !strings.Contains(a.body, w) {
					t.Errorf("%s: %s has no %q", name, path, w)
				}
			}
		}
		has("none", "/health/allergies", "No allergies are listed", "Your clinic has no allergies on file as of Mar 2, 2026")
		feed := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		feed(h.feeds.Began(t.Context(), "lab"))
		has("not yet", "/health/allergies", "Nothing has arrived yet", "still on their way")
		feed(h.feeds.Ended(t.Context(), "lab", ""))
		feed(h.feeds.Name(t.Context(), haletest.Everyone(t, d, access.SetRules), arrival.Feed{Name: "lab", Title: "Alder Clinical Labs", Every: time.Hour, Brings: []access.Category{access.Results}}))
		has("whole", "/health/results", "From the records of Riverside Family Medicine and Alder Clinical Labs. Complete to Mar 2, 2026")
		feed(h.feeds.Ended(t.Context(), "lab", "no answer"))
		has("cannot reach", "/health/results", "We cannot reach Alder Clinical Labs right now", "Since Mar 2, 2026", "call us")
		has("not of that feed", "/health/allergies", "No allergies are listed")
		if a := h.get(t, "maria", "/health/results"); !strings.Contains(a.body, "What shows here may not be all") || !strings.Contains(a.body, "A1c") {
			t.Error("a list with results does not say that its source is away")
		}
	})
}

func TestSearchRecord(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		h.behind(t)
		for words, want := range map[string]string{"PENICILLIN": "/health/allergies/al1", "diabetes type": "/health/conditions/c1", "hemoglobin": "/results/hb-3", "metformin": "/health/medicines",
			"pacemaker": "/health/devices", "raman": "/health/team", "thyroid": "/results/pending", "no such thing": "Nothing in your record has these words"} {
			a := h.post(t, "maria", "/health/search", url.Values{"q": {words}})
			if a.code != http.StatusOK || !strings.Contains(a.body, want) {
				t.Errorf("search(%q) = %d, without %q", words, a.code, want)
			}
		}
		if a := h.post(t, "helper", "/for/maria/health/search", url.Values{"q": {"penicillin"}}); strings.Contains(a.body, "al1") {
			t.Error("a helper with medicines alone finds an allergy")
		}
		if a := h.post(t, "sam", "/health/search", url.Values{"q": {"penicillin"}}); strings.Contains(a.body, "al1") {
			t.Error("Sam finds Maria's allergy")
		}
		if strings.Contains(h.log.String(), "enicillin") || strings.Contains(h.log.String(), "PENICILLIN") {
			t.Error("what was looked for stands in the log")
		}
	})
}

func TestSomethingWrong(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		if a := h.get(t, "maria", "/health/conditions/c1"); !strings.Contains(a.body, "/health/wrong?about=Condition/c1") {
			t.Error("a condition has no way to say that it is wrong")
		}
		if a := h.get(t, "maria", "/health/wrong?about=Condition/c1"); a.code != http.StatusOK || !strings.Contains(a.body, "Diabetes mellitus type 2") || !strings.Contains(a.body, "/privacy/new/amend?about=Condition/c1") {
			t.Errorf("the form = %d %s", a.code, a.body)
		}
		if a := h.post(t, "maria", "/health/wrong", url.Values{"about": {"Condition/c1"}}); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Please choose what is wrong.") {
			t.Errorf("without a choice = %d", a.code)
		}
		a := h.post(t, "maria", "/health/wrong", url.Values{"about": {"Condition/c1"}, "what": {"date"}, "words": {"It was 2018."}})
		if a.code != http.StatusSeeOther || !strings.HasPrefix(a.to, "/requests/") {
			t.Fatalf("telling = %d to %q", a.code, a.to)
		}
		if a := h.get(t, "maria", "/health/conditions/c1"); !strings.Contains(a.body, "You told us about this on Mar 2, 2026") {
			t.Error("the condition does not say that the patient told the clinic")
		}
		if a := h.post(t, "sam", "/health/wrong", url.Values{"about": {"Condition/c1"}, "what": {"date"}}); a.code != http.StatusNotFound {
			t.Errorf("about another's condition = %d", a.code)
		}
		a = h.post(t, "maria", "/privacy/new/amend", url.Values{"about": {"AllergyIntolerance/al1"}, "words": {"I have none."}, "should": {"Nothing"}})
		if a.code != http.StatusSeeOther {
			t.Fatalf("asking for an amendment = %d", a.code)
		}
		if a := h.get(t, "maria", "/health/allergies"); !strings.Contains(a.body, "You asked us to fix this on Mar 2, 2026") {
			t.Error("the allergy does not say that an amendment was asked for")
		}
	})
}
