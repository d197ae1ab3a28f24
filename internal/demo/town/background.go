package town

import "time"

// mariaBackground writes what stands behind Maria's care: a device in her
// shoulder, her family's health, her insurance, her care team, her care plan,
// a test to come, and what else is measured at visits.
func (g *gen) mariaBackground(p *person) {
	visit := g.weekday(g.today.AddDate(0, 0, -4))
	at := time.Date(visit.Year(), visit.Month(), visit.Day(), 9, 14, 0, 0, g.zone)
	g.device(p, "device", g.today.AddDate(-6, -3, 0))
	g.relative(p, "father", "FTH", "father", diabetes, 58, true)
	g.relative(p, "mother", "MTH", "mother", hypertension, 61, false)
	g.coverage(p, "coverage", g.today.AddDate(0, -9, 0))
	g.careTeam(p, "team", g.today.AddDate(0, -21, 0))
	g.carePlan(p, "plan", g.today.AddDate(0, -3, 0))
	g.recommend(p, "vaccines-due", advised{flu, "due", "Once each fall, for everybody.", g.today.AddDate(0, 0, 20)},
		advised{shingles, "overdue", "Two shots, from the age of 50 on.", g.today.AddDate(0, -3, 0)})
	g.order(p, "order", "9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "Protein in urine (albumin)", g.today.AddDate(0, 0, -4), g.today.AddDate(0, 0, 6))
	g.picture(p, "mammogram", g.clock(g.today.AddDate(0, -9, 0), p))
	g.also(p, "pulse", "heart-rate", at, `{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}`, "Pulse", "72", "/min", "/min")
	g.also(p, "temperature", "body-temperature", at, `{"system":"http://loinc.org","code":"8310-5","display":"Body temperature"}`, "Temperature", "36.7", "C", "Cel")
	g.also(p, "oxygen", "pulse-oximetry", at, `{"system":"http://loinc.org","code":"59408-5","display":"Oxygen saturation in Arterial blood by Pulse oximetry"},`+
		`{"system":"http://loinc.org","code":"2708-6","display":"Oxygen saturation in Arterial blood"}`, "Oxygen level", "97", "%", "%")
}

// device writes an implant with its number (UDI).
func (g *gen) device(p *person, id string, since time.Time) {
	g.line(`{"resourceType":"Device","id":%,`+core+`implantable-device"]},"udiCarrier":[{"deviceIdentifier":"09504000059118","carrierHRF":"(01)09504000059118(11)200115(17)350115(10)RV2020(21)M-4471"}],`+
		`"status":"active","manufacturer":"Example Orthopedics","manufactureDate":%,"expirationDate":%,"lotNumber":"RV2020","serialNumber":"M-4471","modelNumber":"SA-3",`+
		`"type":{"coding":[{"system":"http://snomed.info/sct","code":"304120007","display":"Total hip replacement prosthesis"}],"text":"Hip joint (left)"},"patient":{"reference":%}}`,
		p.Patient+"-"+id, g.day(since), g.day(since.AddDate(15, 0, 0)), p.ref())
}

// relative writes what somebody of the family had.
func (g *gen) relative(p *person, id, relation, words string, c code, age int, died bool) {
	dead := "false"
	if died {
		dead = "true"
	}
	g.line(`{"resourceType":"FamilyMemberHistory","id":%,"status":"completed","patient":{"reference":%},"date":%,"relationship":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":%,"display":%}],"text":%},"deceasedBoolean":^,`+
		`"condition":[{"code":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"onsetAge":{"value":^,"unit":"years","system":"http://unitsofmeasure.org","code":"a"}}]}`,
		p.Patient+"-"+id, p.ref(), g.day(g.today.AddDate(0, -21, 0)), relation, words, words, dead, c.system, c.code, c.display, c.text, number(float64(age), 0))
}

// coverage writes an insurance.
func (g *gen) coverage(p *person, id string, since time.Time) {
	g.line(`{"resourceType":"Coverage","id":%,`+core+`coverage"]},"identifier":[{"system":"https://prairie-health.example/members","value":"PH-4471-0142"}],`+
		`"status":"active","subscriberId":"PH-4471-0142","beneficiary":{"reference":%},"relationship":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/subscriber-relationship","code":"self","display":"Self"}]},"period":{"start":%},`+
		`"payor":[{"display":"Prairie Health"}],"class":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/coverage-class","code":"group","display":"Group"}]},"value":"RV-100","name":"Riverside retirees"},`+
		`{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/coverage-class","code":"plan","display":"Plan"}]},"value":"SILVER","name":"Prairie Silver"}]}`, p.Patient+"-"+id, p.ref(), g.day(since))
}

// careTeam writes who looks after p.
func (g *gen) careTeam(p *person, id string, since time.Time) {
	g.put(`{"resourceType":"CareTeam","id":%,`+core+`careteam"]},"status":"active","name":"Your diabetes team","subject":{"reference":%},"period":{"start":%},"participant":[`, p.Patient+"-"+id, p.ref(), g.day(since))
	for i, w := range []worker{doctors()[p.doctor], workers()[4], workers()[3]} {
		if i > 0 {
			g.put(",")
		}
		g.put(`{"role":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":%,"display":%}],"text":%}],"member":{"reference":%,"display":%}}`, w.code, w.specialty, w.specialty, "Practitioner/"+w.id, w.name())
	}
	g.line(`]}`)
}

// carePlan writes what p and her doctor agreed to do.
func (g *gen) carePlan(p *person, id string, since time.Time) {
	d := doctors()[p.doctor]
	g.put(`{"resourceType":"CarePlan","id":%,`+core+`careplan"]},"text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Plan for diabetes: walk after dinner, tablets with meals, eye exam each year.</p></div>"},`+
		`"status":"active","intent":"plan","category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan","display":"Assessment and Plan of Treatment"}]}],"title":"Plan for your diabetes","description":"Bring the A1c under 7 and keep eyes and feet well.",`+
		`"subject":{"reference":%},"period":{"start":%},"author":{"reference":%,"display":%},"activity":[`, p.Patient+"-"+id, p.ref(), g.day(since), "Practitioner/"+d.id, d.name())
	for i, a := range []struct {
		words, status string
		from, to      time.Time // both zero: at no time of its own
	}{
		{words: "Walk for half an hour after dinner, most evenings", status: "in-progress"}, {words: "Take the tablets with meals, every day", status: "in-progress"},
		{words: "Have an eye exam for diabetes", status: "not-started", from: g.today.AddDate(0, -4, 0), to: g.today.AddDate(0, -2, 0)},
		{words: "Do the home test for colon cancer", status: "not-started", from: g.today.AddDate(0, 0, -14), to: g.today.AddDate(0, 1, 16)},
		{words: "Learn to check your feet", status: "completed"},
	} {
		if i > 0 {
			g.put(",")
		}
		g.put(`{"detail":{"status":%,"description":%`, a.status, a.words)
		if !a.to.IsZero() {
			g.put(`,"scheduledPeriod":{"start":%,"end":%}`, g.day(a.from), g.day(a.to))
		}
		g.put(`}}`)
	}
	g.line(`]}`)
}

// order writes a test that has no result yet.
func (g *gen) order(p *person, id, loincCode, display, text string, asked, by time.Time) {
	d := doctors()[p.doctor]
	g.line(`{"resourceType":"ServiceRequest","id":%,`+core+`servicerequest"]},"status":"active","intent":"order","category":[{"coding":[{"system":"http://snomed.info/sct","code":"108252007","display":"Laboratory procedure"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},"subject":{"reference":%},"occurrenceDateTime":%,"authoredOn":%,"requester":{"reference":%,"display":%}}`,
		p.Patient+"-"+id, loincCode, display, text, p.ref(), g.day(by), g.day(asked), "Practitioner/"+d.id, d.name())
}

// also writes a vital sign that only Maria has.
func (g *gen) also(p *person, id, profile string, at time.Time, codings, text, value, unit, ucum string) {
	g.line(`{"resourceType":"Observation","id":%,`+core+`^"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`+
		`"code":{"coding":[^],"text":%},"subject":{"reference":%},"effectiveDateTime":%,"valueQuantity":{"value":^,"unit":%,"system":"http://unitsofmeasure.org","code":%}}`,
		p.Patient+"-"+id, profile, codings, text, p.ref(), g.instant(at), value, unit, ucum)
}

// picture writes what somebody saw in pictures, in words.
func (g *gen) picture(p *person, id string, at time.Time) {
	const found = "# What we did\n\nMammogram of both sides.\n\n# What we saw\n\nUnremarkable. There is no mass and no lesion. Nothing has changed since the pictures before.\n\n# What comes next\n\nThe next mammogram is due in two years.\n"
	w := workers()[5]
	g.line(`{"resourceType":"DiagnosticReport","id":%,`+core+`diagnosticreport-note"]},"status":"final","category":[{"coding":[{"system":"http://loinc.org","code":"LP29684-5","display":"Radiology"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"24606-6","display":"MG Breast Screening"}],"text":"Mammogram report"},"subject":{"reference":%},"effectiveDateTime":%,"issued":%,"performer":[{"reference":"Organization/riverside-family-medicine","display":%}],`+
		`"resultsInterpreter":[{"reference":%,"display":%}],"conclusion":"Nothing unusual was seen. This result is negative.","presentedForm":[{"contentType":"text/plain; charset=utf-8","language":"en","data":"^","title":"Mammogram report","creation":%}]}`,
		p.Patient+"-"+id, p.ref(), g.instant(at), g.instant(at.Add(26*time.Hour)), Clinic, "Practitioner/"+w.id, w.name(), base64Text(found), g.instant(at.Add(26*time.Hour)))
}
