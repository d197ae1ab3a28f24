package app

import (
	"strings"
	"testing"

	"hale/internal/store/db"
)

// What is due is booked, had elsewhere, or not wanted now; the desk is told.
func TestDue(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		day := func(days int) string { return k.clock.Now().AddDate(0, 0, days).Format("2006-01-02") }
		shows(t, "nothing due", k.see("ada", "/health/due"), "Nothing is due that we know of", "comes only from shots")
		flat := func(s string) string { return strings.NewReplacer("\n", "", "\t", "").Replace(s) }
		k.brings(flat(`{"resourceType":"ImmunizationRecommendation","id":"rec-1","patient":{"reference":"Patient/ada"},"date":"`+day(-5)+`","recommendation":[
			{"vaccineCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140"}],"text":"Flu shot"}],"forecastStatus":{"coding":[{"code":"due"}]},"dateCriterion":[{"code":{"coding":[{"system":"http://loinc.org","code":"30980-7"}]},"value":"`+day(20)+`"}]},
			{"vaccineCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"187"}],"text":"Shingles shot"}],"forecastStatus":{"coding":[{"code":"overdue"}]},"dateCriterion":[{"code":{"coding":[{"system":"http://loinc.org","code":"30980-7"}]},"value":"`+day(-40)+`"}]},
			{"vaccineCode":[{"text":"Measles shot"}],"forecastStatus":{"coding":[{"code":"immune"}]}}]}`),
			flat(`{"resourceType":"CarePlan","id":"plan-1","status":"active","intent":"plan","subject":{"reference":"Patient/ada"},"activity":[
			{"detail":{"status":"not-started","code":{"text":"Eye check"},"scheduledPeriod":{"start":"`+day(-3)+`","end":"`+day(30)+`"}}},
			{"detail":{"status":"not-started","code":{"text":"Far away"},"scheduledPeriod":{"start":"`+day(300)+`"}}},
			{"detail":{"status":"completed","code":{"text":"Foot check"},"scheduledPeriod":{"start":"`+day(-3)+`"}}},
			{"detail":{"status":"not-started","code":{"text":"Walk each day"}}}]}`))
		list := k.see("ada", "/health/due")
		shows(t, "the list", list, "Flu shot", "Due by", "Shingles shot", "It was due on", "Eye check", "I had this somewhere else", `href="/book"`)
		for _, never := range []string{"Measles shot", "Far away", "Foot check", "Walk each day"} {
			if strings.Contains(list.body, never) {
				t.Errorf("%s is listed as due", never)
			}
		}
		if strings.Index(list.body, "Shingles shot") > strings.Index(list.body, "Flu shot") {
			t.Error("what is late does not come first")
		}
		const flu, shingles = "ImmunizationRecommendation/rec-1#140", "ImmunizationRecommendation/rec-1#187"
		for name, bad := range map[string][]string{"no day": {"do", "elsewhere"}, "a day to come": {"do", "elsewhere", "day", day(3)}, "no reason": {"do", "notnow"}, "another reason": {"do", "notnow", "reason", "<b>"}} {
			if p := k.press("ada", "/health/due", append(bad, "ref", flu)...); p.status != 422 {
				t.Errorf("%s = %d", name, p.status)
			}
		}
		if p := k.press("ada", "/health/due", "ref", "CarePlan/other#1", "do", "notnow", "reason", "later"); p.status != 404 {
			t.Errorf("what is not hers = %d", p.status)
		}
		for range 2 {
			shows(t, "had elsewhere", k.press("ada", "/health/due", "ref", flu, "do", "elsewhere", "day", day(-10)), "We will put it into your record", "You told us that you had it on", "See how far it is")
		}
		shows(t, "not now", k.press("ada", "/health/due", "ref", shingles, "do", "notnow", "reason", "effects"), "You can change your mind", "I worry about side effects")
		queue := k.see("nia", "/desk/queue")
		shows(t, "the queue", queue, "I had this somewhere else", "I do not want this now")
		if n, err := db.One(t.Context(), k.app.db, db.Value[int], `select count(*) from task where patient = 'ada'`); err != nil || n != 2 {
			t.Errorf("%d tasks of two answers, %v", n, err)
		}
		task := "/desk/queue/" + part(t, "the task", k.see("ada", "/health/due"), `You told us that you had it on(?s:.{0,300}?)/requests/([^/"?]+)`)
		shows(t, "the task", k.see("nia", task), "Flu shot", "Care that is due", k.clock.Now().AddDate(0, 0, -10).Format("Jan 2, 2006"))
		shows(t, "put back", k.press("ada", "/health/due", "ref", shingles, "do", "again"), "It is on your list again.")
		if p := k.press("rosa", "/for/ada/health/due", "ref", shingles, "do", "notnow", "reason", "no"); p.status == 200 && strings.Contains(p.body, "change your mind") {
			t.Error("a helper who may not write answers for her")
		}
		if p := k.see("cleo", "/for/ada/health/due"); p.status == 200 && strings.Contains(p.body, "Flu shot") {
			t.Error("a stranger sees what is due")
		}
	})
}
