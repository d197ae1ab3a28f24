package record

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/record/label"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// parts are the categories that a pass has to see, every one of them, for a
// type to be shown. A type without a line needs all.
var parts = map[string][]access.Category{
	"Patient": {}, "RelatedPerson": {},
	"Appointment": {access.Visits}, "Encounter": {access.Visits}, "Slot": {}, "Schedule": {},
	"Communication": {access.Messages}, "CommunicationRequest": {access.Messages},
	"Observation": {access.Results}, "Specimen": {access.Results}, "ImagingStudy": {access.Results},
	"DiagnosticReport":  {access.Results, access.Documents},
	"MedicationRequest": {access.Medicines}, "MedicationStatement": {access.Medicines},
	"MedicationAdministration": {access.Medicines}, "MedicationDispense": {access.Medicines},
	"Condition": {access.Conditions}, "AllergyIntolerance": {access.Conditions}, "Immunization": {access.Conditions},
	"ImmunizationRecommendation": {access.Conditions},
	"Procedure":                  {access.Conditions}, "Goal": {access.Conditions}, "FamilyMemberHistory": {access.Conditions},
	"Device": {access.Conditions}, "ServiceRequest": {access.Results},
	"DocumentReference": {access.Documents}, "Binary": {access.Documents}, "AdverseEvent": {access.Conditions}, "CarePlan": {access.Documents}, "CareTeam": {access.Documents}, "Composition": {access.Documents},
	"Claim": {access.Bills, access.Conditions, access.Medicines}, "ClaimResponse": {access.Bills},
	"ExplanationOfBenefit": {access.Bills, access.Conditions, access.Medicines}, "Coverage": {access.Bills},
	"Invoice": {access.Bills}, "Account": {access.Bills},
}

// sees says whether pass shows resources of a type at all.
func sees(pass access.Pass, typ string) bool {
	need, ok := parts[typ]
	if !ok {
		if !personal(typ) {
			return true
		}
		need = access.Categories
	}
	return !slices.ContainsFunc(need, func(c access.Category) bool { return !pass.Sees(c) })
}

// Types returns the types, of those that a record is made of, that pass
// shows: what a copy of the record consists of.
func Types(pass access.Pass) []string {
	var list []string
	for typ := range parts {
		if sees(pass, typ) {
			list = append(list, typ)
		}
	}
	slices.Sort(list)
	return list
}

// veil is true of a resource row, called by alias, that pass shows.
func (p *params) veil(pass access.Pass, alias string) string {
	hidden, until := pass.Veil()
	return strings.ReplaceAll("not exists (select 1 from shield z where z.typ = @.typ and z.id = @.id"+
		" and ((z.labels & "+p.add(hidden)+") <> 0 or z.held_until > "+p.add(until)+"))", "@", alias)
}

// showsBody says whether pass shows a version from before by what it says
// itself.
func showsBody(pass access.Pass, body []byte) bool { return showsVersion(pass, body, 0, 0) }

// showsVersion says whether pass shows a version from before by what it says
// itself, and by what protected it then.
func showsVersion(pass access.Pass, body []byte, labels access.Label, held int64) bool {
	node, err := fhir.Parse(body)
	return err == nil && pass.Shows(labels|label.Of(node), time.UnixMicro(held))
}

// Protected says whether pass leaves out anything of the record it opens. It
// does not say what.
func (s *Store) Protected(ctx context.Context, pass access.Pass, patient string) (bool, error) {
	const q = `select count(*) from shield z where z.patient = $1 and z.typ <> 'Message' and ((z.labels & $2) <> 0 or z.held_until > $3)`
	if mine, _, err := opens(pass, "Patient"); err != nil || mine != patient {
		return false, err
	}
	hidden, until := pass.Veil()
	n, err := db.One(ctx, s.db, db.Value[int], q, patient, hidden, until)
	return n > 0, err
}

// Fenced says whether a fresh proof of who they are would show the reader
// more of what pass opens: of the record, of the visits or of the messages.
func (s *Store) Fenced(ctx context.Context, pass access.Pass) (bool, error) {
	if !pass.NeedsProof() {
		return false, nil
	}
	patient, kinds, err := fencedBy(pass)
	if err != nil {
		return false, err
	}
	hidden, until := pass.Veil()
	const q = `
		select distinct z.typ from shield z
		where z.patient = $1 and (z.labels & $2) <> 0 and (z.labels & $3) = 0 and z.held_until <= $4`
	types, err := db.All(ctx, s.db, db.Value[string], q, patient, int64(pass.Fenced()), hidden&^int64(pass.Fenced()), until)
	if err != nil {
		return false, fmt.Errorf("record: fenced: %w", err)
	}
	return slices.ContainsFunc(types, kinds), nil
}

// fencedBy returns whose record pass opens, and which types it shows there.
func fencedBy(pass access.Pass) (patient string, kinds func(typ string) bool, err error) {
	shows := func(typ string) bool { return typ != "Message" && sees(pass, typ) }
	for _, r := range [...]access.Right{access.ReadVisits, access.BookVisits} {
		if patient, err = pass.Open(r); err == nil {
			return patient, func(typ string) bool { return slices.Contains(visits, typ) && shows(typ) }, nil
		}
	}
	if patient, err = pass.Open(access.ReadMessages); err == nil {
		return patient, func(typ string) bool { return typ == "Message" }, nil
	}
	patient, err = pass.Open(access.ReadRecord)
	return patient, shows, err
}
