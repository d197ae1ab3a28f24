package town

import (
	"strconv"
	"time"
)

// patient writes the Patient resource of p, and the RelatedPerson who cares
// for her.
func (g *gen) patient(p *person) {
	g.put(`{"resourceType":"Patient","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"],`+
		`"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST","display":"test health data"}]},"extension":[`, p.Patient)
	race := raceWords(p.race)
	g.put(`{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":%,"display":%}},{"url":"text","valueString":%}]},`,
		p.race, race, race)
	code, words := "2186-5", "Not Hispanic or Latino"
	if p.hispanic {
		code, words = "2135-2", "Hispanic or Latino"
	}
	g.put(`{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":%,"display":%}},{"url":"text","valueString":%}]},`,
		code, words, words)
	birthsex := "M"
	if p.Sex == "female" {
		birthsex = "F"
	}
	g.put(`{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueCode":%}],`, birthsex)
	g.put(`"identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical record number"},"system":"https://hale.example/mrn","value":%}],"active":^,`,
		p.mrn(), strconv.FormatBool(!p.Traits.Has(Deceased)))
	g.name(p)
	g.telecom(p)
	g.put(`"gender":%,"birthDate":%,`, p.Sex, p.Born)
	if !p.died.IsZero() {
		g.put(`"deceasedDateTime":%,`, g.day(p.died))
	}
	g.put(`"address":[{"use":"home","line":[%],"city":"Riverside","state":"IL","postalCode":%,"country":"US"}],`, p.street, p.zip)
	g.put(`"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":%,"display":%}],"text":%},"preferred":true}],`, p.Lang, p.words, p.words)
	d := doctors()[p.doctor]
	g.line(`"generalPractitioner":[{"reference":%,"display":%}],"managingOrganization":{"reference":%,"display":%}}`,
		"Practitioner/"+d.id, d.name(), "Organization/"+clinicID, Clinic)
	if p.carer != nil {
		g.related(p)
	}
}

// mrn returns the medical record number.
func (p *person) mrn() string { return "RV-" + strconv.Itoa(100000+p.n) }

func (g *gen) name(p *person) {
	g.put(`"name":[{"use":"official","text":%,`, p.Name)
	if p.Family != "" {
		g.put(`"family":%,`, p.Family)
	}
	g.put(`"given":[%]}],`, p.Given)
}

// telecom lists the ways to p, those she prefers first.
func (g *gen) telecom(p *person) {
	rank := 0
	add := func(system, value, use string) {
		if value == "" {
			return
		}
		rank++
		shape := `,{"system":%,"value":%,"use":%,"rank":^}`
		if rank == 1 {
			shape = `"telecom":[` + shape[1:]
		}
		g.put(shape, system, value, use, strconv.Itoa(rank))
	}
	if p.Patient != Maria && p.rng.Float64() < 0.3 {
		add("email", p.Email, "home")
		add("phone", p.Phone, "mobile")
	} else {
		add("phone", p.Phone, "mobile")
		add("email", p.Email, "home")
	}
	add("phone", p.landline, "home")
	if rank > 0 {
		g.put(`],`)
	}
}

// related writes the RelatedPerson through whom p's caregiver is known.
func (g *gen) related(p *person) {
	code, words := "CHILD", "child"
	switch {
	case p.Age < 18:
		code, words = "PRN", "parent"
	case p.carer.Sex == "female":
		code, words = "DAU", "natural daughter"
	case p.carer.Sex == "male":
		code, words = "SON", "natural son"
	}
	g.put(`{"resourceType":"RelatedPerson","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-relatedperson"]},"active":true,"patient":{"reference":%},`+
		`"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":%,"display":%}],"text":%}],`,
		p.Patient+"-carer", p.ref(), code, words, words)
	g.name(p.carer)
	g.telecom(p.carer)
	g.line(`"gender":%,"birthDate":%}`, p.carer.Sex, p.carer.Born)
}

func (p *person) ref() string { return "Patient/" + p.Patient }

// until is the end of p's history: today, or the day of death.
func (g *gen) until(p *person) time.Time {
	if p.died.IsZero() {
		return g.today
	}
	return p.died.AddDate(0, 0, -3)
}

func raceWords(code string) string {
	switch code {
	case "1002-5":
		return "American Indian or Alaska Native"
	case "2028-9":
		return "Asian"
	case "2054-5":
		return "Black or African American"
	case "2106-3":
		return "White"
	}
	return "Other Race"
}
