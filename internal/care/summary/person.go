package summary

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"hale/internal/standard/ccda"
	"hale/internal/standard/fhir"
)

func ftoa(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// person writes whose record it is.
func (s *Store) person(c Content) ccda.Person {
	n := c.Who.Node
	p := ccda.Person{Name: name(n.Get("name")), Gender: n.Get("gender").Text(), Born: n.Get("birthDate").Text(), Addresses: addresses(n), Telecoms: telecoms(n),
		Marital: code(n.Get("maritalStatus")), Provider: s.custodian(c)}
	for id := range n.Get("identifier").Each() {
		p.IDs = append(p.IDs, identifier(id))
	}
	p.IDs = append(p.IDs, ccda.ID{Root: hale, Extension: c.Who.ID})
	for e := range n.Get("extension").Each() {
		switch e.Get("url").Text() {
		case "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race":
			p.Race = append(p.Race, parts(e)...)
		case "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity":
			if list := parts(e); len(list) > 0 {
				p.Ethnicity = list[0]
			}
		}
	}
	for l := range n.Get("communication").Each() {
		if codes := l.Get("language").Codings(); len(codes) > 0 && (p.Language == "" || l.Get("preferred").Bool()) {
			p.Language = codes[0].Code
		}
	}
	for _, e := range c.Of("RelatedPerson") {
		p.Caregivers = append(p.Caregivers, ccda.Caregiver{Name: name(e.Node.Get("name")), Telecoms: telecoms(e.Node)})
	}
	return p
}

// hale is the root of the ids that records have here: a UUID, as CDA allows.
const hale = "5f0d6a4e-6c1b-4c55-9a0e-6f1f8c6b6d01"

// identifier reads an identifier; one whose system is no OID keeps its
// system beside its value.
func identifier(n fhir.Node) ccda.ID {
	system, value := n.Get("system").Text(), n.Get("value").Text()
	if oid, ok := strings.CutPrefix(system, "urn:oid:"); ok && isOID(oid) {
		return ccda.ID{Root: oid, Extension: value}
	}
	switch system {
	case "http://hl7.org/fhir/sid/us-ssn":
		return ccda.ID{Root: "2.16.840.1.113883.4.1", Extension: value}
	case "http://hl7.org/fhir/sid/us-npi":
		return ccda.ID{Root: "2.16.840.1.113883.4.6", Extension: value}
	}
	if value == "" {
		return ccda.ID{}
	}
	return ccda.ID{Root: hale, Extension: strings.Join(words(system, value), "|")}
}

func isOID(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || strings.Trim(part, "0123456789") != "" || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return s[0] >= '0' && s[0] <= '2'
}

// parts reads the codings of a US Core race or ethnicity.
func parts(e fhir.Node) []ccda.Code {
	var list []ccda.Code
	for p := range e.Get("extension").Each() {
		if c := p.Get("valueCoding"); c.Exists() {
			list = append(list, ccda.Code{System: c.Get("system").Text(), Code: c.Get("code").Text(), Display: c.Get("display").Text()})
		}
	}
	return list
}

func name(n fhir.Node) ccda.Name {
	full, family, _ := n.HumanName()
	out := ccda.Name{Family: family, Prefix: n.Get("prefix").Text(), Suffix: n.Get("suffix").Text()}
	for g := range n.Get("given").Each() {
		out.Given = append(out.Given, g.Text())
	}
	if out.Family == "" && len(out.Given) == 0 {
		out.Family = full
	}
	return out
}

func addresses(n fhir.Node) []ccda.Address {
	var list []ccda.Address
	for a := range n.Get("address").Each() {
		one := ccda.Address{Use: map[string]string{"home": "HP", "work": "WP", "temp": "TMP"}[a.Get("use").Text()], City: a.Get("city").Text(), State: a.Get("state").Text(),
			ZIP: a.Get("postalCode").Text(), Nation: a.Get("country").Text()}
		for line := range a.Get("line").Each() {
			one.Lines = append(one.Lines, line.Text())
		}
		if len(one.Lines) == 0 && one.City == "" && a.Get("text").Text() != "" {
			one.Lines = []string{a.Get("text").Text()}
		}
		list = append(list, one)
	}
	return list
}

func telecoms(n fhir.Node) []ccda.Telecom {
	var list []ccda.Telecom
	for t := range n.Get("telecom").Each() {
		scheme := map[string]string{"phone": "tel:", "sms": "tel:", "fax": "fax:", "email": "mailto:"}[t.Get("system").Text()]
		value := strings.ReplaceAll(t.Get("value").Text(), " ", "")
		if scheme == "" || value == "" {
			continue
		}
		list = append(list, ccda.Telecom{Use: map[string]string{"home": "HP", "work": "WP", "mobile": "MC"}[t.Get("use").Text()], URL: scheme + value})
	}
	return list
}

// custodian is who keeps the record.
func (s *Store) custodian(c Content) ccda.Organization {
	m := s.keeper(c)
	o := ccda.Organization{Name: s.clinic.Name}
	if name, ok := m["name"].(string); ok {
		o.Name = name
	}
	for _, e := range c.Around {
		if id, _ := m["id"].(string); e.Ref() == "Organization/"+id {
			for i := range e.Node.Get("identifier").Each() {
				o.IDs = append(o.IDs, identifier(i))
			}
			o.Telecoms, o.Addresses = telecoms(e.Node), addresses(e.Node)
			return o
		}
	}
	if s.clinic.Phone != "" {
		o.Telecoms = []ccda.Telecom{{Use: "WP", URL: "tel:" + strings.ReplaceAll(s.clinic.Phone, " ", "")}}
	}
	if s.clinic.Address != "" {
		o.Addresses = []ccda.Address{{Use: "WP", Lines: []string{s.clinic.Address}}}
	}
	return o
}

// team are the patient's own clinicians.
func team(c Content) []ccda.Clinician {
	var list []ccda.Clinician
	for g := range c.Who.Node.Get("generalPractitioner").Each() {
		one := ccda.Clinician{Name: g.Get("display").Text()}
		typ, id := g.Reference()
		for _, e := range c.Around {
			if e.Ref() == typ+"/"+id && typ == "Practitioner" {
				full, _, _ := e.Node.Get("name").HumanName()
				one.Name = first(full, one.Name)
				for i := range e.Node.Get("identifier").Each() {
					one.IDs = append(one.IDs, identifier(i))
				}
			}
		}
		if one.Name != "" {
			list = append(list, one)
		}
	}
	return list
}

// mostLines is how much of one note comes into a document.
const mostLines = 2000

// notes adds what was written, as far as it is text.
func (c Content) notes(d *ccda.Document) {
	for _, e := range c.newest([]string{"DocumentReference", "DiagnosticReport"}) {
		n := e.Node
		var lines []string
		switch {
		case e.Type == "DocumentReference" && isNote(n):
			lines = Lines(n.Get("content", "attachment"))
		case e.Type == "DiagnosticReport" && stands(n):
			if lines = Lines(n.Get("presentedForm")); len(lines) == 0 && n.Get("conclusion").Exists() {
				lines = strings.Split(n.Get("conclusion").Text(), "\n")
			}
			if len(lines) == 0 {
				continue
			}
		default:
			continue
		}
		row := noteRow(e)
		if len(lines) == 0 {
			lines = []string{"(a file, which is not text)"}
		}
		note := ccda.Note{ID: e.Ref(), Type: code(sortOf(n)), Title: row[0], When: point(n, usually...), By: row[2], Lines: lines}
		d.Notes = append(d.Notes, note)
	}
}

// sortOf is what sort of note it is.
func sortOf(n fhir.Node) fhir.Node {
	if t := n.Get("type"); t.Exists() {
		return t
	}
	return n.Get("code")
}

// Lines returns the text of an attachment, if it is plain text.
func Lines(a fhir.Node) []string {
	if media, _, _ := strings.Cut(a.Get("contentType").Text(), ";"); strings.TrimSpace(media) != "text/plain" {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(a.Get("data").Text()), ""))
	if err != nil || !utf8.Valid(data) {
		return nil
	}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	return lines[:min(len(lines), mostLines)]
}
