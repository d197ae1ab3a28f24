package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/store/db"
)

// labFor is a laboratory result of today with a range.
func (k *served) labFor(patient, id, code, name string, value, low, high float64) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q}],"text":%q},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":%g,"unit":"mg/dL","code":"mg/dL"},"referenceRange":[{"low":{"value":%g},"high":{"value":%g}}],"interpretation":[{"coding":[{"code":"H"}]}]}`,
		id, code, name, patient, k.clock.Now().Add(-time.Hour).Format(time.RFC3339), value, low, high)
}

// The clinic's own words about results: written, approved with a name, said at
// once, and taken out of use; what nobody approved reaches no patient.
func TestContent(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		k.brings(k.labFor("ada", "ldl-1", "13457-7", "LDL", 135, 0, 130), k.labFor("ada", "ldl-2", "13457-7", "LDL", 131, 0, 130))
		const words = "This is only a little high. Eat less butter and walk each day."
		shows(t, "what comes with Hale", k.see("nia", "/desk/content"), "All in the usual range", "comes with Hale", "Nobody here has set them.")
		for who, want := range map[string]int{"alan": 404, "max": 404, "ada": 404} {
			if p := k.see(who, "/desk/content"); p.status != want && !strings.Contains(p.url, "signin") {
				t.Errorf("%s sees the phrases: %d", who, p.status)
			}
		}
		draft := k.press("nia", "/desk/content/phrases/new", "was", "0", "name", "LDL a little high", "place", "near", "codes", "13457-7", "en", words, "es", "Está solo un poco alto. Coma menos mantequilla y camine cada día.")
		shows(t, "the draft", draft, "Saved as a draft.", "easy to read", "Approve version 1")
		if p := k.see("ada", "/results/ldl-2"); strings.Contains(p.body, "butter") {
			t.Error("the patient reads what nobody approved")
		}
		at := "/desk/content/phrases/" + part(t, "the phrase", draft, `/desk/content/phrases/([^"/]+)/approve`)
		shows(t, "the approval", k.press("nia", at+"/approve", "n", "1"), "Approved. Patients may read it", "Approved by Nia Nurse")
		shows(t, "the result", k.see("ada", "/results/ldl-2"), "Our clinic says:", words)
		if p := k.see("ada", "/results/ada-lab"); strings.Contains(p.body, "butter") {
			t.Error("it is said of another test")
		}
		hard := "Notwithstanding the aforementioned abnormality, comprehensive cardiovascular reassessment is recommended immediately following individualized pharmacological intervention."
		shows(t, "a hard draft", k.press("nia", at, "was", "1", "name", "LDL a little high", "place", "near", "codes", "13457-7", "en", hard), "too hard for many patients", "draft", words)
		shows(t, "the list", k.see("nia", "/desk/content"), "English: hard to read")
		shows(t, "the result still", k.see("ada", "/results/ldl-2"), words)
		if p := k.press("nia", at, "was", "1", "name", "x", "place", "near", "en", "Late."); p.status != 422 || !strings.Contains(p.body, "Somebody changed this phrase") {
			t.Errorf("over somebody else's version: %d", p.status)
		}
		for name, bad := range map[string][]string{"no words": {"name", "x", "place", "near"}, "a code that is none": {"name", "x", "place", "near", "en", "x", "codes", "<b>"}, "no place": {"name", "x", "en", "x"}} {
			if p := k.press("nia", "/desk/content/phrases/new", append(bad, "was", "0")...); p.status != 422 {
				t.Errorf("%s = %d", name, p.status)
			}
		}
		shows(t, "taken out", k.press("nia", at+"/retire"), "Taken out of use.")
		if p := k.see("ada", "/results/ldl-2"); strings.Contains(p.body, "butter") {
			t.Error("what was taken out of use is still said")
		}
		// A comment that comes with Hale, taken out of use, is no longer offered.
		shows(t, "the form", k.see("nia", "/desk/patients/ada/results"), "Talk at a visit", "Change the phrases")
		k.press("nia", "/desk/content/phrases/visit/retire")
		if p := k.press("nia", "/desk/patients/ada/results", "result", "ldl-1", "phrase", "visit"); p.status != 409 || strings.Contains(p.body, "Talk at a visit") {
			t.Errorf("a phrase out of use is taken: %d", p.status)
		}
		shows(t, "a look", k.press("nia", "/desk/patients/ada/results", "result", "ldl-1", "phrase", "near"), "Noted.")
		shows(t, "the remark", k.see("ada", "/results/ldl-1"), "This is common and no cause for worry.")
		limitsKept(t, k)
	})
}

// limitsKept sets the limits of readings and takes them back.
func limitsKept(t *testing.T, k *served) {
	shows(t, "limits at first", k.see("nia", "/desk/limits"), "These come with Hale.")
	shows(t, "the patient's page", k.see("ada", "/health/readings"), "These limits are used for most adults.")
	set := func(high string) []string {
		return []string{"upper-low", "90", "upper-high", high, "upper-danger-low", "80", "upper-danger-high", "180", "lower-low", "50", "lower-high", "100", "lower-danger-high", "120",
			"glucose-low", "70", "glucose-high", "250", "glucose-danger-low", "54", "glucose-danger-high", "400", "gain-high", "2.3"}
	}
	shows(t, "limits of the clinic", k.press("nia", "/desk/limits", set("150")...), "Saved.", "The clinic’s own, set by Nia Nurse", "above 150")
	shows(t, "the patient's page after", k.see("ada", "/health/readings"), "above 150", "Nia Nurse did so on")
	k.press("nia", "/desk/limits", set("155")...)
	shows(t, "both times", k.see("nia", "/desk/limits"), "above 150", "above 155", "/desk/limits/past/1")
	shows(t, "the first again", k.press("nia", "/desk/limits/past/1"), "Saved.")
	shows(t, "the patient's page at the end", k.see("ada", "/health/readings"), "above 150")
	if p := k.press("alan", "/desk/limits/past/1"); p.status != 404 {
		t.Errorf("an administrator sets limits: %d", p.status)
	}
}

// A look at results is told by text, once, and the text names nothing.
func TestReviewTold(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		k.brings(k.labFor("maria", "m-1", "13457-7", "LDL", 190, 0, 130), k.labFor("maria", "m-2", "13457-7", "LDL", 191, 0, 130))
		shows(t, "a look", k.press("nia", "/desk/patients/maria/results", "result", "m-1", "remark", "Please come and talk with us."), "Noted.")
		shows(t, "another look", k.press("nia", "/desk/patients/maria/results", "result", "m-2", "phrase", "repeat"), "Noted.")
		who, _ := json.Marshal("maria")
		for range 3 { // a job that runs again tells nothing again
			if err := k.app.tellReviewed(t.Context(), who); err != nil {
				t.Fatal(err)
			}
		}
		n, err := db.One(t.Context(), k.app.db, db.Value[int], `select count(*) from message where patient = 'maria' and purpose = 'clinical_result'`)
		if err != nil || n != 1 {
			t.Fatalf("%d messages of two looks, want one: %v", n, err)
		}
		text := ""
		select {
		case text = <-texts:
		case <-time.After(20 * time.Second):
			t.Fatal("no text came")
		}
		if !strings.Contains(text, "has news for you") || !strings.Contains(text, "/m/") || strings.Contains(text, "LDL") || strings.Contains(text, "190") || strings.Contains(text, "talk with us") {
			t.Errorf("the text says %q", text)
		}
		shows(t, "the inbox", k.see("maria", "/inbox"), "News from your care team")
		shows(t, "the note", k.see("maria", "/results/m-1"), "Please come and talk with us.")
	})
}
