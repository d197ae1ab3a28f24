package ccda

import (
	"fmt"
	"io"
	"slices"
)

// Check says where a document leaves the content model of CDA R2: what is
// not well formed, stands in the wrong place or is missing. It knows the
// elements that this package writes.
func Check(r io.Reader) []string {
	root, err := readTree(r)
	if err != nil {
		return []string{err.Error()}
	}
	var bad []string
	root.all(func(e, _ *elem) { bad = append(bad, inOrder(e)...) })
	return bad
}

// order is the content model of CDA R2, as CDA.xsd (with the SDTC
// extensions) has it: which children an element may have, and in which
// order. A name that ends in ! must be there, unless the element has a null
// flavour.
var order = map[string][]string{
	"ClinicalDocument": {"realmCode!", "typeId!", "templateId!", "id!", "code!", "title!", "effectiveTime!", "confidentialityCode!", "languageCode!", "setId", "versionNumber", "copyTime",
		"recordTarget!", "author!", "dataEnterer", "informant", "custodian!", "informationRecipient", "legalAuthenticator", "authenticator", "participant", "inFulfillmentOf",
		"documentationOf!", "relatedDocument", "authorization", "componentOf", "component!"},
	"patientRole":                      {"realmCode", "typeId", "templateId", "id!", "sdtc:identifiedBy", "addr!", "telecom!", "patient!", "providerOrganization"},
	"patient":                          {"id", "name!", "sdtc:desc", "administrativeGenderCode!", "birthTime!", "sdtc:deceasedInd", "maritalStatusCode", "religiousAffiliationCode", "raceCode!", "sdtc:raceCode", "ethnicGroupCode!", "sdtc:ethnicGroupCode", "guardian", "birthplace", "languageCommunication"},
	"languageCommunication":            {"languageCode!", "modeCode", "proficiencyLevelCode", "preferenceInd"},
	"providerOrganization":             {"id!", "name!", "telecom!", "standardIndustryClassCode", "addr!"},
	"representedOrganization":          {"id", "name", "telecom", "standardIndustryClassCode", "addr"},
	"author":                           {"realmCode", "typeId", "templateId", "functionCode", "time!", "assignedAuthor!"},
	"assignedAuthor":                   {"templateId", "id!", "code", "addr", "telecom", "assignedPerson", "assignedAuthoringDevice", "representedOrganization"},
	"assignedAuthoringDevice":          {"code", "manufacturerModelName", "softwareName"},
	"custodian":                        {"assignedCustodian!"},
	"assignedCustodian":                {"representedCustodianOrganization!"},
	"representedCustodianOrganization": {"id!", "name!", "telecom!", "addr!"},
	"participant":                      {"templateId", "functionCode", "time", "awarenessCode", "associatedEntity", "participantRole"},
	"associatedEntity":                 {"id", "code", "addr", "telecom", "associatedPerson", "scopingOrganization"},
	"associatedPerson":                 {"name"},
	"participantRole":                  {"templateId", "id", "code", "addr", "telecom", "playingDevice", "playingEntity", "scopingEntity"},
	"playingEntity":                    {"templateId", "code", "quantity", "name", "desc"},
	"documentationOf":                  {"serviceEvent!"},
	"serviceEvent":                     {"templateId", "id", "code", "effectiveTime!", "performer"},
	"performer":                        {"templateId", "functionCode", "time", "modeCode", "assignedEntity!"},
	"assignedEntity":                   {"templateId", "id!", "code", "addr", "telecom", "assignedPerson", "representedOrganization"},
	"assignedPerson":                   {"name!"},
	"structuredBody":                   {"confidentialityCode", "languageCode", "component!"},
	"section":                          {"templateId!", "id", "code!", "title!", "text!", "confidentialityCode", "languageCode", "subject", "author", "informant", "entry", "component"},
	"entry":                            {"act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest", "substanceAdministration", "supply"},
	"entryRelationship":                {"sequenceNumber", "seperatableInd", "act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest", "substanceAdministration", "supply"},
	"act":                              {"templateId!", "id!", "code!", "text", "statusCode!", "effectiveTime", "priorityCode", "languageCode", "subject", "specimen", "performer", "author", "informant", "participant", "entryRelationship", "reference", "precondition"},
	"encounter":                        {"templateId!", "id!", "code!", "text", "statusCode", "effectiveTime", "sdtc:dischargeDispositionCode", "priorityCode", "subject", "specimen", "performer", "author", "informant", "participant", "entryRelationship"},
	"observation":                      {"templateId!", "id", "code!", "derivationExpr", "text", "statusCode!", "effectiveTime", "priorityCode", "repeatNumber", "languageCode", "value", "interpretationCode", "methodCode", "targetSiteCode", "subject", "specimen", "performer", "author", "informant", "participant", "entryRelationship", "reference", "precondition", "referenceRange"},
	"organizer":                        {"templateId!", "id!", "code!", "statusCode!", "effectiveTime", "subject", "specimen", "performer", "author", "informant", "participant", "reference", "precondition", "sdtc:precondition1", "component!"},
	"procedure":                        {"templateId!", "id!", "code!", "text", "statusCode!", "effectiveTime", "priorityCode", "languageCode", "methodCode", "approachSiteCode", "targetSiteCode", "subject", "specimen", "performer", "author", "informant", "participant", "entryRelationship"},
	"substanceAdministration":          {"templateId!", "id", "code", "text", "statusCode", "effectiveTime", "priorityCode", "repeatNumber", "routeCode", "approachSiteCode", "doseQuantity", "rateQuantity", "maxDoseQuantity", "administrationUnitCode", "consumable!", "subject", "specimen", "performer", "author", "informant", "participant", "entryRelationship"},
	"consumable":                       {"manufacturedProduct!"},
	"manufacturedProduct":              {"templateId", "id", "manufacturedLabeledDrug", "manufacturedMaterial", "manufacturerOrganization"},
	"manufacturedMaterial":             {"templateId", "code!", "name", "lotNumberText"},
	"referenceRange":                   {"observationRange!"},
	"observationRange":                 {"code", "text", "value", "interpretationCode"},
	"table":                            {"caption", "col", "colgroup", "thead", "tfoot", "tbody!"},
	"thead":                            {"tr!"}, "tbody": {"tr!"}, "tr": {"th", "td"},
	"addr": {"streetAddressLine", "city", "state", "postalCode", "country"},
	"name": {"prefix", "given", "family", "suffix"},
}

// inOrder reports children that are not in the content model, stand in the
// wrong place, or are missing.
func inOrder(e *elem) (bad []string) {
	model, ok := order[e.name]
	if !ok {
		return nil
	}
	last, have := -1, map[string]bool{}
	for _, k := range e.kids {
		name := k.name
		if k.space != v3 {
			name = "sdtc:" + name
		}
		have[name] = true
		i := slices.IndexFunc(model, func(m string) bool { return m == name || m == name+"!" })
		if i < 0 {
			bad = append(bad, fmt.Sprintf("%s has a %s, which CDA knows nothing of there", e.name, name))
			continue
		}
		if i < last {
			bad = append(bad, fmt.Sprintf("%s has its %s after a %s", e.name, name, model[last]))
		}
		last = max(last, i)
	}
	if e.attrs["nullFlavor"] != "" && e.name != "section" {
		return bad
	}
	for _, m := range model {
		if n := len(m) - 1; m[n] == '!' && !have[m[:n]] && (m != "tr!" || e.name != "tbody") {
			bad = append(bad, fmt.Sprintf("%s has no %s", e.name, m[:n]))
		}
	}
	return bad
}
