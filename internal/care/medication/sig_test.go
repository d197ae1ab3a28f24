package medication

import (
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
	"hale/internal/standard/fhir"
)

func node(t *testing.T, text string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return n
}

func TestSay(t *testing.T) {
	const tablet = `"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]`
	const oral = `"route":{"coding":[{"system":"http://snomed.info/sct","code":"26643006"}]}`
	tests := []struct{ name, dosage, en, es, written string }{
		{"the prescriber's words", `{"text":"Take 1 tablet by mouth twice a day with meals"}`, "Take 1 tablet by mouth twice a day with meals", "Tome 1 tableta por la boca dos veces al día con las comidas", ""},
		{"abbreviated", `{"text":"1 TAB PO BID PRN"}`, "Take 1 tablet by mouth twice a day only when you need it", "Tome 1 tableta por la boca dos veces al día solo cuando lo necesite", "1 TAB PO BID PRN"},
		{"words for the patient win", `{"text":"1 tab po qd","patientInstruction":"One with breakfast"}`, "One with breakfast", "One with breakfast", ""},
		{"how often by a number", `{` + tablet + `,` + oral + `,"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}}}`, "Take 1 tablet by mouth twice a day", "Tome 1 tableta por la boca dos veces al día", ""},
		{"how often by a code", `{` + tablet + `,"timing":{"code":{"coding":[{"code":"TID"}]}}}`, "Take 1 tablet 3 times a day", "Tome 1 tableta 3 veces al día", ""},
		{"in the morning by a code", `{` + tablet + `,"timing":{"code":{"coding":[{"code":"AM"}]}}}`, "Take 1 tablet every morning", "Tome 1 tableta cada mañana", ""},
		{"between two times", `{"doseAndRate":[{"doseRange":{"low":{"value":1},"high":{"value":2,"unit":"{puff}"}}}],"route":{"text":"Inhalation"},"timing":{"repeat":{"frequency":1,"period":4,"periodMax":6,"periodUnit":"h"}},"asNeededBoolean":true}`,
			"Breathe in 1 to 2 puffs every 4 to 6 hours, only when you need it", "Inhale 1 a 2 inhalaciones cada 4 a 6 horas, solo cuando lo necesite", ""},
		{"at moments of the day", `{` + tablet + `,"timing":{"repeat":{"when":["MORN","HS"]}}}`, "Take 1 tablet, in the morning and at bedtime", "Tome 1 tableta, por la mañana y al acostarse", ""},
		{"before a meal", `{` + tablet + `,"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d","when":["ACM"],"offset":30}}}`, "Take 1 tablet once a day, 30 minutes before breakfast", "Tome 1 tableta una vez al día, 30 minutos antes del desayuno", ""},
		{"at a time on a day", `{` + tablet + `,"timing":{"repeat":{"timeOfDay":["20:00:00"],"dayOfWeek":["mon","thu"]}}}`, "Take 1 tablet, at 8:00 pm, on Mondays and on Thursdays", "Tome 1 tableta, a las 8:00 p. m., los lunes y los jueves", ""},
		{"half a tablet for some days", `{"doseAndRate":[{"doseQuantity":{"value":0.5,"unit":"TAB"}}],"timing":{"repeat":{"boundsDuration":{"value":10,"unit":"days","code":"d"},"frequency":1,"period":1,"periodUnit":"d"}}}`,
			"Take half a tablet once a day, for 10 days", "Tome media tableta una vez al día, durante 10 días", ""},
		{"every other day", `{` + tablet + `,"timing":{"repeat":{"frequency":1,"period":2,"periodUnit":"d"}}}`, "Take 1 tablet every other day", "Tome 1 tableta un día sí y otro no", ""},
		{"no more than", `{` + tablet + `,"asNeededCodeableConcept":{"text":"pain"},"maxDosePerPeriod":{"numerator":{"value":8,"unit":"tablets"},"denominator":{"value":24,"unit":"h","code":"h"}}}`,
			"Take 1 tablet, only when you need it for: pain. No more than 8 tablets in 24 hours", "Tome 1 tableta, solo cuando lo necesite para: pain. No más de 8 tabletas en 24 horas", ""},
		{"under the skin", `{"doseAndRate":[{"doseQuantity":{"value":14,"unit":"U"}}],"route":{"coding":[{"code":"34206005"}]},"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"additionalInstruction":[{"text":"Change the place each time."}]}`,
			"Inject 14 units under the skin once a day. Change the place each time", "Inyecte 14 unidades debajo de la piel una vez al día. Change the place each time", ""},
		{"nothing said", `{}`, "", "", ""},
		{"a strange unit of time", `{` + tablet + `,"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"fortnight"}}}`, "Take 1 tablet", "Tome 1 tableta", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := node(t, tt.dosage)
			en, es := Say(lang.English, n), Say(lang.Spanish, n)
			if en.Words != tt.en || es.Words != tt.es || en.Written != tt.written {
				t.Errorf("Say = %q (%q)\n and %q\nwant %q (%q)\n and %q", en.Words, en.Written, es.Words, tt.en, tt.written, tt.es)
			}
		})
	}
	both := Say(lang.Spanish, node(t, `{"text":"1 tablet with grapefruit",`+tablet+`,"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}}}`))
	if both.Words != "Tome 1 tableta una vez al día" || both.Written != "1 tablet with grapefruit" {
		t.Errorf("what the words say beside the codes is lost: %+v", both)
	}
	if two := Say(lang.English, node(t, `[{"text":"1 tablet for a week"},{"text":"then 2 tablets"}]`)).Words; two != "1 tablet for a week. Then 2 tablets" {
		t.Errorf("two dosages = %q", two)
	}
}

func TestGlossary(t *testing.T) {
	list := Glossary()
	if len(list) < 60 {
		t.Fatalf("%d words", len(list))
	}
	seen := map[string]bool{}
	for _, w := range list {
		if w.English == "" || w.Spanish == "" || len(w.Short) == 0 {
			t.Errorf("%+v is not whole", w)
		}
		for _, s := range w.Short {
			if seen[s] || s != key(s) || len(strings.Fields(s)) > longest {
				t.Errorf("%q is there twice, or not as it is looked up", s)
			}
			seen[s] = true
			if _, whole := Plain(lang.Spanish, s); !whole {
				t.Errorf("Plain does not know %q", s)
			}
		}
	}
	for _, unsafe := range []string{"od", "os", "ou", "ad", "as", "au", "u", "cc", "d/c", "dc", "ms", "sub q"} {
		if seen[unsafe] {
			t.Errorf("%q means several things and is read out all the same", unsafe)
		}
	}
	for _, tt := range []struct{ in, en string }{
		{"Take 1 tablet by mouth q.i.d.", "Take 1 tablet by mouth 4 times a day"},
		{"2 tablets 3 times daily.", "Take 2 tablets 3 times a day."},
		{"Take 2 tabs q4-6h prn, max 8", "Take 2 tablets every 4 to 6 hours only when you need it, max 8"},
		{"1 gtt OD qhs", "Take 1 drops OD at bedtime"},
		{"5 cc po bid", "Take 5 cc by mouth twice a day"},
		{"10 units subq qam", "Inject 10 units under the skin every morning"},
		{"", ""},
	} {
		got, _ := Plain(lang.English, tt.in)
		if got != tt.en {
			t.Errorf("Plain(%q) = %q, want %q", tt.in, got, tt.en)
		}
	}
}

// What tables say has Spanish words.
func TestTablesAreInSpanish(t *testing.T) {
	var texts []string
	for _, u := range doseUnits {
		texts = append(texts, u.one, u.many)
	}
	for _, p := range periods {
		texts = append(texts, p.one, p.many, p.once, p.twice, p.times, p.every)
	}
	for _, r := range routes {
		texts = append(texts, r.verb, r.where)
	}
	for _, w := range events {
		texts = append(texts, w)
	}
	for _, w := range weekdays {
		texts = append(texts, w)
	}
	for _, s := range texts {
		if s != "" && !lang.Spanish.Has(s) {
			t.Errorf("no Spanish for %q", s)
		}
	}
}

func TestWay(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	good := func(change func(*facts)) facts {
		f := facts{name: "Metformin 500 mg tablet", status: "active", intent: "order", left: 2, validUntil: now.AddDate(0, 1, 0)}
		if change != nil {
			change(&f)
		}
		return f
	}
	tests := []struct {
		name string
		in   facts
		want Way
		why  Because
	}{
		{"refills left and valid", good(nil), Refill, Left},
		{"one refill left", good(func(f *facts) { f.left = 1 }), Refill, Left},
		{"none left", good(func(f *facts) { f.left = 0 }), Renewal, NoneLeft},
		{"refills not said", good(func(f *facts) { f.left = -1 }), Renewal, NotSaid},
		{"valid for a second more", good(func(f *facts) { f.validUntil = now.Add(time.Second) }), Refill, Left},
		{"at its end", good(func(f *facts) { f.validUntil = now }), Renewal, Expired},
		{"expired with refills left", good(func(f *facts) { f.validUntil = now.AddDate(0, 0, -1) }), Renewal, Expired},
		{"written on no day", good(func(f *facts) { f.validUntil = time.Time{} }), Renewal, NotSaid},
		{"stopped", good(func(f *facts) { f.status = "stopped" }), Question, Stopped},
		{"completed", good(func(f *facts) { f.status = "completed" }), Question, Stopped},
		{"cancelled", good(func(f *facts) { f.status = "cancelled" }), Question, Stopped},
		{"on hold", good(func(f *facts) { f.status = "on-hold" }), Question, Held},
		{"controlled, with refills", good(func(f *facts) { f.controlled = true }), Question, Controlled},
		{"controlled and none left", good(func(f *facts) { f.controlled, f.left = true, 0 }), Question, Controlled},
		{"told by the patient", good(func(f *facts) { f.reported, f.intent = true, "" }), Question, Elsewhere},
		{"status unknown", good(func(f *facts) { f.status = "unknown" }), Question, Unclear},
		{"no status", good(func(f *facts) { f.status = "" }), Question, Unclear},
		{"only planned", good(func(f *facts) { f.intent = "plan" }), Question, Unclear},
		{"no name", good(func(f *facts) { f.name = "" }), Question, Unclear},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if way, why := tt.in.way(now); way != tt.want || why != tt.why {
				t.Errorf("way = %s because %s, want %s because %s", way, why, tt.want, tt.why)
			}
		})
	}
}

func TestSupply(t *testing.T) {
	const rx = `{"authoredOn":"2026-01-01","dispenseRequest":{"numberOfRepeatsAllowed":3,"expectedSupplyDuration":{"value":30,"code":"d"}}}`
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	fill := func(status string, at time.Time) dispense { return dispense{of: "m", status: status, at: at} }
	tests := []struct {
		name  string
		rx    string
		in    []dispense
		left  int
		until time.Time
	}{
		{"never filled", rx, nil, 3, time.Time{}},
		{"the first fill uses none up", rx, []dispense{fill("completed", day(1, 2))}, 3, day(2, 1)},
		{"then each uses one", rx, []dispense{fill("completed", day(2, 1)), fill("completed", day(1, 2))}, 2, day(3, 3)},
		{"one on its way is used", rx, []dispense{fill("completed", day(1, 2)), fill("preparation", time.Time{})}, 2, day(2, 1)},
		{"what never came is not", rx, []dispense{fill("completed", day(1, 2)), fill("cancelled", day(2, 1)), fill("declined", day(2, 1)), fill("entered-in-error", day(2, 1))}, 3, day(2, 1)},
		{"all of them refills", rx, []dispense{{of: "m", status: "completed", refill: true, at: day(1, 2)}}, 2, day(2, 1)},
		{"never below none", rx, []dispense{fill("completed", day(1, 1)), fill("completed", day(1, 2)), fill("completed", day(1, 3)), fill("completed", day(1, 4)), fill("completed", day(1, 5)), fill("completed", day(1, 6))}, 0, day(2, 5)},
		{"its own length", rx, []dispense{{of: "m", status: "completed", at: day(1, 2), days: 90}}, 3, day(4, 2)},
		{"not said", `{"authoredOn":"2026-01-01"}`, []dispense{fill("completed", day(1, 2))}, -1, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := supply(node(t, tt.rx), tt.in)
			if s.Left != tt.left || !s.Until.Equal(tt.until) {
				t.Errorf("supply = %+v, want %d left until %s", s, tt.left, tt.until)
			}
		})
	}
	if s := supply(node(t, `{"authoredOn":"2026-01-01","dispenseRequest":{"validityPeriod":{"end":"2026-02-01"}}}`), nil); !s.ValidUntil.Equal(day(2, 2)) {
		t.Errorf("valid until %s, want the end of its last day", s.ValidUntil)
	}
	if s := supply(node(t, rx), nil); !s.ValidUntil.Equal(day(1, 1).Add(Valid)) {
		t.Errorf("valid until %s, want a year after it was written", s.ValidUntil)
	}
}

func TestSchedule(t *testing.T) {
	for name, want := range map[string]string{"Oxycodone 5 mg tablet": "II", "Acetaminophen 325 mg / HYDROcodone 5 mg": "II", "buprenorphine/naloxone film": "III", "Zolpidem 10 mg": "IV",
		"Pregabalin 75 mg capsule": "V", "Metformin 500 mg tablet": "", "Opiumella": "", "": ""} {
		if got := Schedule(name); got != want {
			t.Errorf("Schedule(%q) = %q, want %q", name, got, want)
		}
	}
	if len(controlled()) < 80 {
		t.Errorf("%d controlled substances", len(controlled()))
	}
}

func TestTogether(t *testing.T) {
	at := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	list := []Medicine{
		{ID: "told", Name: "Metformin 500 mg", Status: "active", Reported: true, Authored: at(9)},
		{ID: "a", Code: "861007", Name: "Metformin 500 mg tablet", Status: "active", Authored: at(1)},
		{ID: "b", Code: "861007", Name: "metformin hydrochloride 500 mg", Status: "active", Authored: at(5)},
		{ID: "other", Code: "861008", Name: "Metformin 850 mg tablet", Status: "active", Authored: at(5)},
		{ID: "old", Code: "861007", Name: "Metformin 500 mg tablet", Status: "stopped", Authored: at(7)},
	}
	groups := together(list)
	if len(groups) != 2 || len(groups[0]) != 3 || groups[0][0].ID != "b" || groups[1][0].ID != "other" {
		t.Errorf("together = %+v, want b with a and told, and other", groups)
	}
}
