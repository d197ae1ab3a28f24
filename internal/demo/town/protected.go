package town

import "time"

// What the law protects more: so that the town shows who sees it and who
// does not.
var (
	opioids       = code{snomed, "231450006", "Opioid use disorder", "F11.20", "Opioid dependence, uncomplicated", "Opioid use disorder"}
	contraception = code{snomed, "65200003", "Insertion of intrauterine contraceptive device", "Z30.09", "Encounter for other general counseling and advice on contraception", "Birth control advice"}
	buprenorphine = medicine{"351266", "buprenorphine 2 MG / naloxone 0.5 MG Sublingual Tablet", "Buprenorphine with naloxone 2 mg/0.5 mg", "Put 1 tablet under the tongue once a day", 1}
	hivTest       = test{"56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay", "HIV test (signal to cutoff)", "ratio", "{s_co_ratio}", -1, 0.99, 2}
	phq9          = test{"44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]", "Mood questions (PHQ-9)", "points", "{score}", -1, 9, 0}
)

// protect adds what is protected to some people: Maria's low mood, which her
// daughter does not see unless Maria opens it; birth control advice of older
// girls, which their parents do not see; and, of one adult in sixty, care in
// a programme for substance use, which only that programme sees.
func (g *gen) protect(p *person) {
	at := g.clock(g.weekday(g.today.AddDate(0, -2, -p.n%20)), p)
	switch {
	case p.Patient == Maria:
		enc := g.encounter(p, at, followUp, code{}, "")
		g.condition(p, depression, at.AddDate(0, -4, 0), "")
		g.prescribe(p, sertraline, at, enc, depression, "active")
		g.lab(p, at, enc, phq9, 11)
	case p.Age >= 14 && p.Age < 18 && p.Sex == "female":
		g.condition(p, contraception, at, "")
	case p.Age >= 25 && p.Age < 65 && p.n%60 == 17:
		g.programme(p, at)
	case p.Age >= 18 && p.n%25 == 3:
		g.lab(p, at, "", hivTest, 0.12)
	}
}

// programme writes a visit at the programme, as its own system labels it,
// with what it is for.
func (g *gen) programme(p *person, at time.Time) {
	id := g.id(p, "e")
	g.line(`{"resourceType":"Encounter","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"],"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},`+
		`"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"ambulatory"},`+
		`"type":[{"coding":[{"system":"http://snomed.info/sct","code":"56876005","display":"Drug rehabilitation and detoxification"}],"text":"Recovery program"}],"subject":{"reference":%},`+
		`"period":{"start":%,"end":%},"serviceProvider":{"reference":%,"display":%}}`,
		id, p.ref(), g.instant(at), g.instant(at.Add(40*time.Minute)), "Organization/"+clinicID, Clinic)
	g.condition(p, opioids, at.AddDate(0, -6, 0), "")
	g.prescribe(p, buprenorphine, at, "Encounter/"+id, opioids, "active")
}
