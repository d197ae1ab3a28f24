package town

import (
	"strconv"
	"time"
)

// What an activity of a plan for home is.
const planSystem = "https://hale.example/fhir/discharge-plan"

// What the stay was treated with, and what it ended.
var (
	amoxicillin = medicine{"308191", "amoxicillin 500 MG Oral Capsule", "Amoxicillin 500 mg capsule", "Take 1 capsule by mouth 3 times a day for 5 days", 3}
	ibuprofen   = medicine{"197805", "ibuprofen 400 MG Oral Tablet", "Ibuprofen 400 mg tablet", "Take 1 tablet by mouth when needed for pain", 1}
)

// mariaStay writes three days that Maria spent in hospital, a few months ago,
// and the plan she went home with: what was new, changed and stopped, when to
// call, what to do.
func (g *gen) mariaStay(p *person) {
	day := g.weekday(g.today.AddDate(0, -4, -12))
	from := time.Date(day.Year(), day.Month(), day.Day(), 7, 20, 0, 0, g.zone)
	to := from.AddDate(0, 0, 3).Add(4 * time.Hour)
	d, id := doctors()[p.doctor], g.id(p, "stay")
	enc := "Encounter/" + id
	g.line(`{"resourceType":"Encounter","id":%,`+core+`encounter"]},"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP","display":"inpatient encounter"},`+
		`"type":[{"coding":[{"system":"http://snomed.info/sct","code":"32485007","display":"Hospital admission (procedure)"}],"text":"Hospital stay"}],"subject":{"reference":%},`+
		`"participant":[{"individual":{"reference":%,"display":%}}],"period":{"start":%,"end":%},"reasonCode":[{"coding":[{"system":"http://snomed.info/sct","code":"233604007","display":"Pneumonia"}],"text":"Pneumonia"}],`+
		`"hospitalization":{"dischargeDisposition":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/discharge-disposition","code":"home","display":"Home"}]}},"serviceProvider":{"reference":%,"display":%}}`,
		id, p.ref(), "Practitioner/"+d.id, d.name(), g.instant(from), g.instant(to), "Organization/"+clinicID, Clinic)
	g.discharged(p, enc, to, amoxicillin, "completed", "")
	g.discharged(p, enc, to, ibuprofen, "stopped", "It can raise your blood pressure and strain your kidneys")
	g.homePlan(p, enc, to)
	g.note(p, to, enc, "18842-5", "Discharge summary", "Hospital summary for your doctor", Clinic+"\n\n# Why you were in the hospital\n\nPneumonia in the right lung.\n\n# What was done\n\n- Antibiotics by drip for two days, then as capsules\n- Oxygen on the first day\n\n# When you went home\n\nNo fever for a day, oxygen good without help.\n\nThis person does not exist; this note was made up for a demonstration.\n")
}

// discharged writes what a stay did to one medicine.
func (g *gen) discharged(p *person, enc string, at time.Time, m medicine, status, why string) {
	d := doctors()[p.doctor]
	g.put(`{"resourceType":"MedicationRequest","id":%,`+core+`medicationrequest"]},"status":%,"intent":"order","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/medicationrequest-category","code":"discharge","display":"Discharge"}]}],`,
		g.id(p, "m"), status)
	if why != "" {
		g.put(`"statusReason":{"text":%},`, why)
	}
	g.line(`"reportedBoolean":false,"medicationCodeableConcept":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"subject":{"reference":%},"encounter":{"reference":%},"authoredOn":%,"requester":{"reference":%,"display":%},"dosageInstruction":[{"text":%,"timing":{"repeat":{"frequency":^,"period":1,"periodUnit":"d"}}}],`+
		`"dispenseRequest":{"validityPeriod":{"start":%,"end":%},"numberOfRepeatsAllowed":0}}`,
		rxnorm, m.code, m.display, m.text, p.ref(), enc, g.instant(at), "Practitioner/"+d.id, d.name(), m.dose, strconv.Itoa(m.perDay), g.day(at), g.day(at.AddDate(0, 0, 7)))
}

// homePlan writes the plan to go home with.
func (g *gen) homePlan(p *person, enc string, at time.Time) {
	g.put(`{"resourceType":"CarePlan","id":%,`+core+`careplan"]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Plan for home after pneumonia</div>"},"status":"completed","intent":"plan",`+
		`"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan"}]}],"title":"Plan for home","subject":{"reference":%},"encounter":{"reference":%},"period":{"start":%,"end":%},"activity":[`,
		g.id(p, "home"), p.ref(), enc, g.day(at), g.day(at.AddDate(0, 0, 30)))
	for i, a := range [][3]string{
		{"red-flag", "Fever over 101 °F", "not-started"}, {"red-flag", "You are short of breath when you rest", "not-started"}, {"red-flag", "You are confused, or cannot stay awake", "not-started"},
		{"call", "Your care team, day and night: " + ClinicPhone, "not-started"},
		{"to-do", "Finish all of the antibiotic, also when you feel well", "completed"}, {"to-do", "Walk a little more every day", "completed"}, {"to-do", "Drink six glasses of water a day", "not-started"},
		{"follow-up", "See your doctor within ten days", "completed"},
	} {
		if i > 0 {
			g.put(`,`)
		}
		extra := ""
		if a[0] == "follow-up" {
			extra = `,{"system":"` + ServiceSystem + `","code":"` + FollowUp + `"}`
		}
		g.put(`{"detail":{"code":{"coding":[{"system":%,"code":%}^]},"status":%,"description":%}}`, planSystem, a[0], extra, a[2], a[1])
	}
	g.line(`]}`)
}
