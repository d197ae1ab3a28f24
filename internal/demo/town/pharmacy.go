package town

import "time"

// The pharmacies of the town.
const (
	PharmacyID = "riverside-pharmacy"
	otherDrugs = "linden-drugs"
)

// pharmacies writes them. Their kind is NUCC's Community/Retail Pharmacy.
func (g *gen) pharmacies() {
	const org = `{"resourceType":"Organization","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-organization"]},` +
		`"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":%}],"active":true,"type":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"3336C0003X","display":"Community/Retail Pharmacy"}]}],` +
		`"name":%,"telecom":[{"system":"phone","value":%,"use":"work"}],"address":[{"line":[%],"city":"Riverside","state":"IL","postalCode":"60546","country":"US"}]}`
	g.line(org, PharmacyID, "9000000122", "Riverside Pharmacy", "+17085550160", "20 Depot Street")
	g.line(org, otherDrugs, "9000000130", "Linden Drugs", "+17085550161", "3 Linden Avenue")
}

// dispense writes that a pharmacy handed a medicine out, for 90 days.
func (g *gen) dispense(p *person, m medicine, of string, at time.Time, kind, words string) {
	g.line(`{"resourceType":"MedicationDispense","id":%,`+core+`medicationdispense"]},"status":"completed","medicationCodeableConcept":{"coding":[{"system":%,"code":%,"display":%}],"text":%},"subject":{"reference":%},`+
		`"performer":[{"actor":{"reference":%,"display":"Riverside Pharmacy"}}],"authorizingPrescription":[{"reference":%}],"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%,"display":%}]},`+
		`"quantity":{"value":90,"unit":"tablet"},"daysSupply":{"value":90,"unit":"days","system":"http://unitsofmeasure.org","code":"d"},"whenHandedOver":%,"dosageInstruction":[{"text":%}]}`,
		g.id(p, "f"), rxnorm, m.code, m.display, m.text, p.ref(), "Organization/"+PharmacyID, of, kind, words, g.instant(at), m.dose)
}

// mariaFills writes what Maria picked up of a prescription since.
func (g *gen) mariaFills(p *person, of string, m medicine, at time.Time) {
	g.dispense(p, m, of, at.Add(30*time.Hour), "FF", "First Fill")
	g.dispense(p, m, of, at.AddDate(0, 0, 88), "RF", "Refill")
}
