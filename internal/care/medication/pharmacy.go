package medication

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Pharmacy is where medicines are picked up: an Organization or a Location of
// the record that is one.
type Pharmacy struct {
	Ref     string // Type/id; empty for one that is a name alone
	Name    string
	Phone   string
	Address string
	Mine    bool // the patient used it before
}

// isPharmacy says whether an Organization or a Location is a pharmacy, by the
// codes of HL7, NUCC and SNOMED CT.
//
// Spec: http://terminology.hl7.org/CodeSystem/v3-RoleCode, http://nucc.org/provider-taxonomy
func isPharmacy(n fhir.Node) bool {
	for _, c := range n.Get("type").Codings() {
		if slices.Contains(pharmacyCodes, c.Code) {
			return true
		}
	}
	return false
}

// pharmacyCodes are any pharmacy, one for outpatients, one for the community,
// one that mails, and SNOMED CT's.
var pharmacyCodes = []string{"PHARM", "OUTPHARM", "333600000X", "3336C0003X", "3336M0002X", "264372000"}

// Pharmacies returns the pharmacies that the record knows, those that the
// patient used before first, the last one of them at the top.
func (s *Supplies) Pharmacies(ctx context.Context, pass access.Pass) ([]Pharmacy, error) {
	var list []Pharmacy
	for _, typ := range [...]string{"Organization", "Location"} {
		found, err := s.search(ctx, pass, typ, url.Values{"type": {strings.Join(pharmacyCodes, ",")}})
		if err != nil {
			return nil, err
		}
		for _, res := range found {
			if p, ok := readPharmacy(res); ok {
				list = append(list, p)
			}
		}
	}
	used, err := s.used(ctx, pass)
	if err != nil {
		return nil, err
	}
	rank := func(p Pharmacy) int {
		if i := slices.Index(used, p.Ref); i >= 0 {
			return i
		}
		return len(used)
	}
	for i := range list {
		list[i].Mine = rank(list[i]) < len(used)
	}
	slices.SortStableFunc(list, func(a, b Pharmacy) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list, nil
}

func readPharmacy(res record.Resource) (p Pharmacy, ok bool) {
	n, err := fhir.Parse(res.Body)
	if err != nil || !isPharmacy(n) || n.Get("active").IsLiteral("false") || n.Get("status").Text() == "inactive" {
		return p, false
	}
	p = Pharmacy{Ref: res.Type + "/" + res.ID, Name: n.Get("name").Text()}
	for t := range n.Get("telecom").Each() {
		if t.Get("system").Text() == "phone" && p.Phone == "" {
			p.Phone = t.Get("value").Text()
		}
	}
	a := n.Get("address")
	var parts []string
	for line := range a.Get("line").Each() {
		parts = append(parts, line.Text())
	}
	for _, key := range [...]string{"city", "state"} {
		if t := a.Get(key).Text(); t != "" {
			parts = append(parts, t)
		}
	}
	p.Address = strings.Join(parts, ", ")
	return p, p.Name != ""
}

// used returns the pharmacies that the patient asked for, the last one first,
// then those that handed something out.
func (s *Supplies) used(ctx context.Context, pass access.Pass) ([]string, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	const q = `select pharmacy from medicine_ask where patient = $1 and pharmacy <> '' group by pharmacy order by max(asked_at) desc limit 10`
	list, err := db.All(ctx, s.db, db.Value[string], q, patient)
	if err != nil {
		return nil, fmt.Errorf("medication: pharmacies: %w", err)
	}
	handed, err := s.handed(ctx, pass)
	if err != nil {
		return nil, err
	}
	var last []dispense
	for _, of := range handed {
		last = append(last, of...)
	}
	slices.SortFunc(last, func(a, b dispense) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	for _, d := range last {
		if d.pharmacy != "" && !slices.Contains(list, d.pharmacy) {
			list = append(list, d.pharmacy)
		}
	}
	return list, nil
}
