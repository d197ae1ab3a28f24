package app

import (
	"strings"
	"testing"

	"hale/internal/access"
)

// Shots that are due show to a caregiver as far as the patient let them: the
// list, in the patient's name, and answers by whoever may write.
func TestDueFor(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		k.helper(t, "dora", []access.Right{access.ReadRecord, access.SendMessages}, access.Categories...)
		k.helper(t, "finn", []access.Right{access.ReadRecord}, access.Categories...)
		k.helper(t, "gina", []access.Right{access.ReadRecord, access.SendMessages}, access.Results)
		day := func(days int) string { return k.clock.Now().AddDate(0, 0, days).Format("2006-01-02") }
		shot := func(id, patient, cvx, name, state string, days int) string {
			return `{"resourceType":"ImmunizationRecommendation","id":"` + id + `","patient":{"reference":"Patient/` + patient + `"},"date":"` + day(-5) + `","recommendation":[{"vaccineCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"` +
				cvx + `"}],"text":"` + name + `"}],"forecastStatus":{"coding":[{"code":"` + state + `"}]},"dateCriterion":[{"code":{"coding":[{"system":"http://loinc.org","code":"30980-7"}]},"value":"` + day(days) + `"}]}]}`
		}
		k.brings(shot("rec-a", "ada", "187", "Shingles shot", "overdue", -40), shot("rec-c", "cleo", "115", "Tetanus shot", "due", 20))
		const shingles, tetanus = "ImmunizationRecommendation/rec-a#187", "ImmunizationRecommendation/rec-c#115"

		for _, who := range []string{"dora", "finn"} {
			list := k.see(who, "/for/ada/health/due")
			shows(t, who+"'s list", list, "Shingles shot", "It was due on", "Ada Byron")
			if strings.Contains(list.body, "Tetanus") {
				t.Errorf("%s sees what is due for somebody else", who)
			}
		}
		if body := k.see("dora", "/for/ada/health/due").body; !strings.Contains(body, "I had this somewhere else") {
			t.Error("who may write for her finds no answer to give")
		}
		if body := k.see("finn", "/for/ada/health/due").body; strings.Contains(body, "I had this somewhere else") {
			t.Error("who may only read is asked for an answer")
		}
		if body := k.see("gina", "/for/ada/health/due").body; strings.Contains(body, "Shingles") {
			t.Error("who may see results alone sees shots")
		}
		for who, path := range map[string]string{"dora": "/for/cleo/health/due", "cleo": "/for/ada/health/due", "nobody": "/for/ada/health/due"} {
			if p := k.see(who, path); strings.Contains(p.body, "Shingles shot") || strings.Contains(p.body, "Tetanus shot") {
				t.Errorf("%s at %s sees what is due: %d", who, path, p.status)
			}
		}
		if p := k.press("finn", "/for/ada/health/due", "ref", shingles, "do", "notnow", "reason", "later"); p.status != 404 && p.status != 403 {
			t.Errorf("an answer from who may only read = %d", p.status)
		}
		if p := k.press("dora", "/for/ada/health/due", "ref", tetanus, "do", "notnow", "reason", "later"); p.status != 404 {
			t.Errorf("an answer to another's shot = %d", p.status)
		}
		shows(t, "had elsewhere", k.press("dora", "/for/ada/health/due", "ref", shingles, "do", "elsewhere", "day", day(-10)), "We will put it into their record")
		shows(t, "what the patient sees of it", k.see("ada", "/health/due"), "Shingles shot")
		shows(t, "what the desk sees of it", k.see("nia", "/desk/queue"), "I had this somewhere else")
	})
}
