package town

import (
	"strconv"
	"strings"
	"time"
)

const core = `"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-`

// id names the next resource of a kind of p.
func (g *gen) id(p *person, kind string) string {
	g.seq++
	return p.Patient + "-" + kind + strconv.Itoa(g.seq)
}

// encounter writes one visit that took place and returns its reference.
func (g *gen) encounter(p *person, at time.Time, k kind, why code, appointment string) string {
	id := g.id(p, "e")
	d := doctors()[p.doctor]
	g.put(`{"resourceType":"Encounter","id":%,`+core+`encounter"]},"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"ambulatory"},`+
		`"type":[{"coding":[{"system":"http://snomed.info/sct","code":%,"display":%}],"text":%}],"subject":{"reference":%},`+
		`"participant":[{"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}]}],"individual":{"reference":%,"display":%}}],"period":{"start":%,"end":%},`,
		id, k.code, k.display, k.text, p.ref(), "Practitioner/"+d.id, d.name(), g.instant(at), g.instant(at.Add(20*time.Minute)))
	if why.code != "" {
		g.put(`"reasonCode":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],`, why.system, why.code, why.display, why.text)
	}
	if appointment != "" {
		g.put(`"appointment":[{"reference":%}],`, "Appointment/"+appointment)
	}
	g.line(`"location":[{"location":{"reference":"Location/riverside-suite-2","display":"Suite 2"}}],"serviceProvider":{"reference":%,"display":%}}`, "Organization/"+clinicID, Clinic)
	return "Encounter/" + id
}

// condition writes an entry of p's problem list, or what one encounter was
// about.
func (g *gen) condition(p *person, c code, since time.Time, enc string) string {
	id := g.id(p, "c")
	profile, category, words, status := "problems-health-concerns", "problem-list-item", "Problem List Item", "active"
	if enc != "" {
		profile, category, words, status = "encounter-diagnosis", "encounter-diagnosis", "Encounter Diagnosis", "resolved"
	}
	g.put(`{"resourceType":"Condition","id":%,`+core+`condition-^"]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":%}]},`+
		`"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":%,"display":%}]}],`+
		`"code":{"coding":[{"system":%,"code":%,"display":%},{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":%,"display":%}],"text":%},"subject":{"reference":%},`,
		id, profile, status, category, words, c.system, c.code, c.display, c.icd, c.icdDisplay, c.text, p.ref())
	if enc != "" {
		g.put(`"encounter":{"reference":%},"abatementDateTime":%,`, enc, g.day(since.AddDate(0, 0, 10)))
	}
	g.line(`"onsetDateTime":%,"recordedDate":%}`, g.day(since), g.day(since))
	return id
}

// lab writes one laboratory result and returns its id.
func (g *gen) lab(p *person, at time.Time, enc string, t test, v float64) string {
	id := g.id(p, "l")
	value := number(v, t.places)
	v, _ = strconv.ParseFloat(value, 64)
	flag, words := "N", "Normal"
	switch {
	case t.high >= 0 && v > t.high:
		flag, words = "H", "High"
	case t.low >= 0 && v < t.low:
		flag, words = "L", "Low"
	}
	g.put(`{"resourceType":"Observation","id":%,`+core+`observation-lab"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},"subject":{"reference":%},"effectiveDateTime":%,"issued":%,"performer":[{"reference":"Organization/alder-clinical-labs","display":"Alder Clinical Labs"}],`+
		`"valueQuantity":{"value":^,"unit":%,"system":"http://unitsofmeasure.org","code":%},"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":%,"display":%}]}],`,
		id, t.code, t.display, t.text, p.ref(), g.instant(at), g.instant(at.Add(7*time.Hour)), value, t.unit, t.ucum, flag, words)
	if enc != "" {
		g.put(`"encounter":{"reference":%},`, enc)
	}
	g.put(`"referenceRange":[{`)
	g.bound("low", t.low, t)
	g.bound("high", t.high, t)
	g.line(`"text":%}]}`, rangeWords(t))
	return id
}

func (g *gen) bound(which string, v float64, t test) {
	if v >= 0 {
		g.put(`"^":{"value":^,"unit":%,"system":"http://unitsofmeasure.org","code":%},`, which, number(v, t.places), t.unit, t.ucum)
	}
}

func rangeWords(t test) string {
	switch {
	case t.low < 0:
		return "up to " + number(t.high, t.places) + " " + t.unit
	case t.high < 0:
		return number(t.low, t.places) + " " + t.unit + " or more"
	}
	return number(t.low, t.places) + " to " + number(t.high, t.places) + " " + t.unit
}

// vital writes one vital sign.
func (g *gen) vital(p *person, at time.Time, enc, profile string, t test, v float64) {
	g.line(`{"resourceType":"Observation","id":%,`+core+`^"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},"subject":{"reference":%},"encounter":{"reference":%},"effectiveDateTime":%,"valueQuantity":{"value":^,"unit":%,"system":"http://unitsofmeasure.org","code":%}}`,
		g.id(p, "v"), profile, t.code, t.display, t.text, p.ref(), enc, g.instant(at), number(v, t.places), t.unit, t.ucum)
}

// pressure writes a blood pressure with its two components.
func (g *gen) pressure(p *person, at time.Time, enc string, systolic, diastolic int) {
	const part = `{"code":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},"valueQuantity":{"value":^,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`
	g.line(`{"resourceType":"Observation","id":%,`+core+`blood-pressure"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure"},"subject":{"reference":%},"encounter":{"reference":%},"effectiveDateTime":%,"component":[`+
		part+","+part+`]}`, g.id(p, "v"), p.ref(), enc, g.instant(at),
		"8480-6", "Systolic blood pressure", "Systolic", strconv.Itoa(systolic), "8462-4", "Diastolic blood pressure", "Diastolic", strconv.Itoa(diastolic))
}

// prescribe writes a MedicationRequest and returns its reference.
func (g *gen) prescribe(p *person, m medicine, at time.Time, enc string, reason code, status string) string {
	d, id := doctors()[p.doctor], g.id(p, "m")
	g.line(`{"resourceType":"MedicationRequest","id":%,`+core+`medicationrequest"]},"status":%,"intent":"order","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/medicationrequest-category","code":"community","display":"Community"}]}],`+
		`"reportedBoolean":false,"medicationCodeableConcept":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"subject":{"reference":%},"encounter":{"reference":%},"authoredOn":%,"requester":{"reference":%,"display":%},`+
		`"reasonCode":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],"dosageInstruction":[{"text":%,"timing":{"repeat":{"frequency":^,"period":1,"periodUnit":"d"}}}],"dispenseRequest":{"numberOfRepeatsAllowed":3,"expectedSupplyDuration":{"value":90,"unit":"days","system":"http://unitsofmeasure.org","code":"d"}}}`,
		id, status, rxnorm, m.code, m.display, m.text, p.ref(), enc, g.instant(at), "Practitioner/"+d.id, d.name(),
		reason.system, reason.code, reason.display, reason.text, m.dose, strconv.Itoa(m.perDay))
	return "MedicationRequest/" + id
}

func (g *gen) immunize(p *person, v vaccine, at time.Time) {
	g.line(`{"resourceType":"Immunization","id":%,`+core+`immunization"]},"status":"completed","vaccineCode":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"patient":{"reference":%},"occurrenceDateTime":%,"primarySource":true,"location":{"reference":"Location/riverside-suite-2","display":"Suite 2"}}`,
		g.id(p, "i"), cvx, v.code, v.display, v.text, p.ref(), g.instant(at))
}

func (g *gen) procedure(p *person, c code, at time.Time, by worker) {
	g.line(`{"resourceType":"Procedure","id":%,`+core+`procedure"]},"status":"completed","code":{"coding":[{"system":%,"code":%,"display":%},{"system":%,"code":%,"display":%}],"text":%},"subject":{"reference":%},"performedDateTime":%,"performer":[{"actor":{"reference":%,"display":%}}]}`,
		g.id(p, "p"), c.system, c.code, c.display, cpt, c.icd, c.icdDisplay, c.text, p.ref(), g.instant(at), "Practitioner/"+by.id, by.name())
}

func (g *gen) allergy(p *person, substance code, reaction, severity string, at time.Time) {
	g.line(`{"resourceType":"AllergyIntolerance","id":%,`+core+`allergyintolerance"]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},`+
		`"type":"allergy","category":[%],"code":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"patient":{"reference":%},"recordedDate":%,"reaction":[{"manifestation":[{"coding":[{"system":"http://snomed.info/sct","code":%,"display":%}],"text":%}],"severity":%}]}`,
		g.id(p, "a"), substance.icd, substance.system, substance.code, substance.display, substance.text, p.ref(), g.day(at), reactionCode(reaction), reaction, reaction, severity)
}

func reactionCode(words string) string {
	return map[string]string{"Hives": "126485001", "Anaphylaxis": "39579001", "Rash": "271807003"}[words]
}

// report writes a DiagnosticReport over results, with what the doctor made
// of them.
func (g *gen) report(p *person, at time.Time, enc, loincCode, display, text, conclusion string, results []string) {
	d := doctors()[p.doctor]
	g.put(`{"resourceType":"DiagnosticReport","id":%,`+core+`diagnosticreport-lab"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB","display":"Laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},`+
		`"subject":{"reference":%},"effectiveDateTime":%,"issued":%,"performer":[{"reference":"Organization/alder-clinical-labs","display":"Alder Clinical Labs"}],"resultsInterpreter":[{"reference":%,"display":%}],`,
		g.id(p, "r"), loincCode, display, text, p.ref(), g.instant(at), g.instant(at.Add(7*time.Hour)), "Practitioner/"+d.id, d.name())
	if enc != "" {
		g.put(`"encounter":{"reference":%},`, enc)
	}
	g.line(`"result":[^],"conclusion":%}`, refs("Observation/", results), conclusion)
}

func refs(kind string, ids []string) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"reference":"` + kind + id + `"}`)
	}
	return b.String()
}

// note writes a DocumentReference with the note itself in it.
func (g *gen) note(p *person, at time.Time, enc, loincCode, display, title, text string) {
	d := doctors()[p.doctor]
	g.put(`{"resourceType":"DocumentReference","id":%,`+core+`documentreference"]},"status":"current","docStatus":"final","type":{"coding":[{"system":"http://loinc.org","code":%,"display":%}],"text":%},`+
		`"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note","display":"Clinical Note"}]}],"subject":{"reference":%},"date":%,"author":[{"reference":%,"display":%}],"custodian":{"reference":"Organization/riverside-family-medicine"},"description":%,`,
		g.id(p, "d"), loincCode, display, display, p.ref(), g.instant(at.Add(25*time.Minute)), "Practitioner/"+d.id, d.name(), title)
	if enc != "" {
		g.put(`"context":{"encounter":[{"reference":%}]},`, enc)
	}
	g.line(`"content":[{"attachment":{"contentType":"text/plain; charset=utf-8","language":"en","data":"^","title":%,"creation":%},"format":{"system":"http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode","code":"urn:ihe:iti:xds:2017:mimeTypeSufficient","display":"mimeType Sufficient"}}]}`,
		base64Text(text), title, g.instant(at.Add(25*time.Minute)))
}

// goal writes what p and her doctor set out to reach for the A1c.
func (g *gen) goal(p *person, since time.Time, under float64, reached bool) {
	achievement := "improving"
	if reached {
		achievement = "achieved"
	}
	u := number(under, 1)
	if !strings.Contains(u, ".") {
		u += ".0"
	}
	g.line(`{"resourceType":"Goal","id":%,`+core+`goal"]},"lifecycleStatus":"active","achievementStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/goal-achievement","code":%}]},"description":{"text":%},"subject":{"reference":%},"startDate":%,`+
		`"target":[{"measure":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c/Hemoglobin.total in Blood"}],"text":"A1c"},"detailQuantity":{"value":^,"comparator":"<","unit":%,"system":"http://unitsofmeasure.org","code":%},"dueDate":%}]}`,
		g.id(p, "g"), achievement, "A1c under "+u+" %", p.ref(), g.day(since), u, "%", "%", g.day(g.today.AddDate(0, 6, 0)))
}

// appointment writes a visit that was or will be.
func (g *gen) appointment(p *person, s service, slot, status string, start, made time.Time) string {
	id := g.id(p, "b")
	w := workers()[s.worker]
	if s.code == FollowUp {
		w = doctors()[p.doctor]
	}
	r := rooms()[w.room]
	g.put(`{"resourceType":"Appointment","id":%,"status":%,"serviceType":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],"start":%,"end":%,"minutesDuration":^,"created":%,`,
		id, status, ServiceSystem, s.code, s.title, s.title, g.instant(start), g.instant(start.Add(time.Duration(s.minutes)*time.Minute)), strconv.Itoa(s.minutes), g.instant(made))
	if slot != "" {
		g.put(`"slot":[{"reference":%}],`, "Slot/"+slot)
	}
	g.line(`"participant":[{"actor":{"reference":%,"display":%},"status":"accepted"},{"actor":{"reference":%,"display":%},"status":"accepted"},{"actor":{"reference":%,"display":%},"status":"accepted"}]}`,
		p.ref(), p.Name, "Practitioner/"+w.id, w.name(), "Location/"+r.id, r.name)
	return id
}
