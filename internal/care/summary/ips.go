package summary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"hale/internal/standard/fhir"
)

// The names of the International Patient Summary.
//
// Spec: https://hl7.org/fhir/uv/ips/STU1.1/StructureDefinition-Bundle-uv-ips.html
const (
	ipsBundle      = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"
	ipsComposition = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
	absent         = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
)

// IPSTypes are the types that a patient summary is made of.
var IPSTypes = []string{"AllergyIntolerance", "Appointment", "CarePlan", "Condition", "Consent", "DiagnosticReport", "DocumentReference", "Goal", "Immunization",
	"MedicationRequest", "MedicationStatement", "Observation", "Procedure", "ServiceRequest"}

type object = map[string]any

// must are the sections that a summary has, whatever is known; with nothing
// known they say so by a code.
//
// Spec: https://hl7.org/fhir/uv/ips/STU1.1/Design-Conventions.html (missing data)
func must(key string, patient any, at string) (typ string, entry object) {
	code := func(code, words string) object {
		return object{"coding": []any{object{"system": absent, "code": code, "display": words}}, "text": words}
	}
	switch key {
	case "allergies":
		return "AllergyIntolerance", object{"clinicalStatus": object{"coding": []any{object{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}}},
			"code": code("no-allergy-info", "No information about allergies"), "patient": patient}
	case "medicines":
		return "MedicationStatement", object{"status": "unknown", "medicationCodeableConcept": code("no-medication-info", "No information about medications"), "subject": patient,
			"effectiveDateTime": at}
	case "problems":
		return "Condition", object{"clinicalStatus": object{"coding": []any{object{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}}},
			"code": code("no-problem-info", "No information about problems"), "subject": patient}
	}
	return "", nil
}

// IPS returns a patient summary as a FHIR document under id, a UUID. It
// stands on its own: what it refers to is in it.
func (s *Store) IPS(c Content, id string) ([]byte, error) {
	b := &bundle{base: s.clinic.Base, in: map[string]bool{}}
	patient := object{"reference": c.Who.Ref()}
	made := instant(c.At)
	custodian := s.keeper(c)
	sections, list := b.sections(c, patient, made, id)
	b.names(append([]Entry{c.Who}, append(list, c.Around...)...))
	composition := object{
		"resourceType": "Composition", "id": id, "meta": object{"profile": []any{ipsComposition}}, "language": "en",
		"text":       narrative("generated", "<p>Patient summary of "+html.EscapeString(Name(c.Who.Node))+"</p>"),
		"identifier": object{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + id},
		"status":     "final", "type": object{"coding": []any{object{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}}},
		"subject": patient, "date": made, "author": []any{object{"reference": "Organization/" + custodian["id"].(string), "display": s.clinic.Name}},
		"title": "Patient summary", "confidentiality": "N", "custodian": object{"reference": "Organization/" + custodian["id"].(string)},
		"event":   []any{event(c)},
		"section": sections,
	}
	b.in["Organization/"+custodian["id"].(string)] = true
	entries := []any{b.entry("Composition", id, composition)}
	for _, e := range append([]Entry{c.Who}, list...) {
		entries = append(entries, b.resource(e))
	}
	entries = append(entries, b.made...)
	entries = append(entries, b.entry("Organization", custodian["id"].(string), custodian))
	for _, e := range c.Around {
		if e.Ref() != "Organization/"+custodian["id"].(string) {
			entries = append(entries, b.resource(e))
		}
	}
	if b.err != nil {
		return nil, fmt.Errorf("summary: ips: %w", b.err)
	}
	out, err := json.Marshal(object{
		"resourceType": "Bundle", "id": id, "meta": object{"profile": []any{ipsBundle}}, "language": "en",
		"identifier": object{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + id}, "type": "document", "timestamp": made, "entry": entries,
	})
	if err != nil {
		return nil, fmt.Errorf("summary: ips: %w", err)
	}
	return out, nil
}

// event says which time the summary is about.
func event(c Content) object {
	period := object{"end": instant(c.At)}
	if !c.Window.To.IsZero() && c.Window.To.Before(c.At) {
		period["end"] = instant(c.Window.To)
	}
	if !c.Window.From.IsZero() {
		period["start"] = instant(c.Window.From)
	}
	return object{"code": []any{object{"coding": []any{object{"system": "http://terminology.hl7.org/CodeSystem/v3-ActClass", "code": "PCPR"}}}}, "period": period}
}

// keeper is the organization that keeps the record: as the record has it, or
// the clinic as it is configured.
func (s *Store) keeper(c Content) object {
	typ, id := c.Who.Node.Get("managingOrganization").Reference()
	for _, e := range c.Around {
		if typ == "Organization" && e.Ref() == typ+"/"+id {
			if m, err := decode(e.JSON()); err == nil {
				return m
			}
		}
	}
	o := object{"resourceType": "Organization", "id": "hale-clinic", "name": s.clinic.Name}
	if s.clinic.Name == "" {
		o["name"] = "Clinic"
	}
	if s.clinic.Phone != "" {
		o["telecom"] = []any{object{"system": "phone", "value": s.clinic.Phone, "use": "work"}}
	}
	if s.clinic.Address != "" {
		o["address"] = []any{object{"text": s.clinic.Address}}
	}
	return o
}

// bundle collects the entries of a document.
type bundle struct {
	base string
	in   map[string]bool // what is in it, by reference
	made []any           // what was made to say that nothing is known
	err  error
}

func (b *bundle) names(list []Entry) {
	for _, e := range list {
		b.in[e.Ref()] = true
	}
}

// sections makes the sections of the Composition and returns what they
// refer to, each once.
func (b *bundle) sections(c Content, patient object, at, id string) (sections []any, list []Entry) {
	have := map[string]bool{}
	for _, k := range kinds {
		s := c.section(k, true)
		typ, nothing := must(k.Key, patient, at)
		if len(s.Rows) == 0 && nothing == nil {
			continue
		}
		var refs []any
		if len(s.Rows) == 0 {
			own := k.Key + "-" + id[:8]
			nothing["resourceType"], nothing["id"] = typ, own
			b.in[typ+"/"+own] = true
			b.made = append(b.made, b.entry(typ, own, nothing))
			refs = append(refs, object{"reference": typ + "/" + own})
		}
		for _, e := range s.Entries {
			refs = append(refs, object{"reference": e.Ref()})
			if !have[e.Ref()] {
				have[e.Ref()], list = true, append(list, e)
			}
		}
		sections = append(sections, object{"title": s.Title, "code": object{"coding": []any{object{"system": "http://loinc.org", "code": s.LOINC, "display": s.Display}}},
			"text": narrative("generated", s.table()), "entry": refs})
	}
	return sections, list
}

// table writes a section for people: a table, or that nothing is known.
func (s Section) table() string {
	if len(s.Rows) == 0 {
		return "<p>There is no information about this.</p>"
	}
	var b strings.Builder
	b.WriteString("<table><thead><tr>")
	for _, h := range s.Head {
		b.WriteString("<th>" + escape(h) + "</th>")
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range s.Rows {
		b.WriteString("<tr>")
		for _, cell := range row {
			b.WriteString("<td>" + escape(cell) + "</td>")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// escape writes text as XHTML; what XML has no place for is left out.
func escape(text string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
}

func narrative(status, inner string) object {
	return object{"status": status, "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + inner + `</div>`}
}

// resource returns an entry of the record as one of the document.
func (b *bundle) resource(e Entry) object {
	m, err := decode(e.JSON())
	if err != nil {
		b.err = err
		return nil
	}
	return b.entry(e.Type, e.ID, m)
}

// entry returns one entry, its references cut to what is in the document.
func (b *bundle) entry(typ, id string, m object) object {
	b.cut(m)
	return object{"fullUrl": b.base + "/" + typ + "/" + id, "resource": m}
}

// cut leaves of each reference that leads out of the document what it is
// called.
func (b *bundle) cut(v any) {
	switch v := v.(type) {
	case object:
		if ref, ok := v["reference"].(string); ok && !strings.HasPrefix(ref, "#") {
			typ, id := fhir.SplitReference(ref)
			switch {
			case b.in[typ+"/"+id]:
				v["reference"] = typ + "/" + id
			default:
				delete(v, "reference")
				if v["display"] == nil && v["identifier"] == nil {
					v["display"] = strings.Join(words(typ, "not in this summary"), ": ")
				}
			}
		}
		for _, one := range v {
			b.cut(one)
		}
	case []any:
		for _, one := range v {
			b.cut(one)
		}
	}
}

// decode reads JSON without touching its numbers.
func decode(body []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m object
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("summary: decode: %w", err)
	}
	return m, nil
}

// Name returns the patient's name as it is shown.
func Name(patient fhir.Node) string {
	full, _, _ := patient.Get("name").HumanName()
	return full
}
