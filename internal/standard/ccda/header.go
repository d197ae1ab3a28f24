package ccda

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// The names of CDA and of the templates of the header.
const (
	cdaRoot     = "2.16.840.1.113883.1.3"
	usRealm     = "2.16.840.1.113883.10.20.22.1.1"
	ccdTemplate = "2.16.840.1.113883.10.20.22.1.2"
	loinc       = "2.16.840.1.113883.6.1"
	snomed      = "2.16.840.1.113883.6.96"
	actClass    = "2.16.840.1.113883.5.6"
	actCode     = "2.16.840.1.113883.5.4"
)

// String returns the document as XML, with its declaration.
func (d Document) String() string {
	w := &writer{base: d.Base, made: d.Made}
	root := el("ClinicalDocument", at("xmlns", "urn:hl7-org:v3"), at("xmlns:sdtc", "urn:hl7-org:sdtc"), at("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
		el("realmCode", at("code", "US")),
		el("typeId", at("root", cdaRoot), at("extension", "POCD_HD000040")),
		template(usRealm, "2015-08-01"), template(usRealm, ""), template(ccdTemplate, "2015-08-01"), template(ccdTemplate, ""),
		el("id", at("root", d.ID)),
		el("code", at("code", "34133-9"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Summarization of Episode Note")),
		el("title", d.Title),
		el("effectiveTime", at("value", stamp(d.Made))),
		el("confidentialityCode", at("code", "N"), at("codeSystem", "2.16.840.1.113883.5.25"), at("codeSystemName", "Confidentiality"), at("displayName", "normal")),
		el("languageCode", at("code", d.Lang)),
		d.recordTarget(w), d.author(), d.custodian(), d.caregivers(), d.documentationOf(w),
		el("component", el("structuredBody", d.sections(w))),
	)
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	root.write(&b)
	b.WriteString("\n")
	return b.String()
}

// writer numbers what the tables and the entries say together.
type writer struct {
	base string
	made time.Time
	refs int
}

// id returns an identifier that stays the same for an entry of the record.
func (w *writer) id(name string) node {
	if name == "" {
		return none("id", "NI")
	}
	sum := sha256.Sum256([]byte(w.base + "/" + name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8: a name's digest, RFC 9562 §5.8
	h := hex.EncodeToString(sum[:16])
	return el("id", at("root", h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:]))
}

func template(root, extension string) node {
	if extension == "" {
		return el("templateId", at("root", root))
	}
	return el("templateId", at("root", root), at("extension", extension))
}

// both states a template of R2.1 and the one of R1.1 that it grew from.
func both(root, extension string) []node {
	return []node{template(root, extension), template(root, "")}
}

// stamp writes a time as HL7 does.
func stamp(t time.Time) string { return t.Format("20060102150405-0700") }

// ts writes a FHIR date as an HL7 timestamp of the same precision; empty if
// it is none.
//
// Spec: C-CDA R2.1, US Realm Date and Time (DTM.US.FIELDED)
func ts(date string) string {
	if t, err := time.Parse(time.RFC3339, date); err == nil {
		return stamp(t)
	}
	for _, layout := range []string{"2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, date); err == nil {
			return t.Format(strings.ReplaceAll(layout, "-", ""))
		}
	}
	return ""
}

// moment writes one time.
func moment(name, date string) node {
	if v := ts(date); v != "" {
		return el(name, at("value", v))
	}
	return none(name, "UNK")
}

// span writes a time that has a beginning, and an end if it is over.
func span(name string, w When, over bool) node {
	n := el(name, moment("low", w.Start))
	switch {
	case ts(w.End) != "":
		n.kids = append(n.kids, moment("high", w.End))
	case over:
		n.kids = append(n.kids, none("high", "UNK"))
	}
	return n
}

func (d Document) recordTarget(*writer) node {
	p := d.Patient
	role := el("patientRole", ids(p.IDs), addresses(p.Addresses), telecoms(p.Telecoms))
	who := el("patient", p.Name.node("L"), gender(p.Gender), moment("birthTime", day(p.Born)))
	if !p.Marital.Empty() {
		who.kids = append(who.kids, p.Marital.node("maritalStatusCode"))
	}
	who.kids = append(who.kids, races(p.Race)...)
	if p.Ethnicity.Empty() {
		who.kids = append(who.kids, none("ethnicGroupCode", "UNK"))
	} else {
		who.kids = append(who.kids, p.Ethnicity.node("ethnicGroupCode"))
	}
	if p.Language != "" {
		who.kids = append(who.kids, el("languageCommunication", el("languageCode", at("code", p.Language)), el("preferenceInd", at("value", "true"))))
	}
	role.kids = append(role.kids, who)
	if p.Provider.Name != "" {
		role.kids = append(role.kids, p.Provider.node("providerOrganization"))
	}
	return el("recordTarget", role)
}

// races writes the first race in its element and the others beside it.
func races(list []Code) []node {
	if len(list) == 0 {
		return []node{none("raceCode", "UNK")}
	}
	out := []node{list[0].node("raceCode")}
	for _, c := range list[1:] {
		out = append(out, c.node("sdtc:raceCode"))
	}
	return out
}

// day cuts a date to its day: a birth has no hour here.
func day(date string) string { return date[:min(len(date), len("2006-01-02"))] }

func gender(g string) node {
	code, words := map[string]string{"male": "M", "female": "F"}[g], map[string]string{"male": "Male", "female": "Female"}[g]
	if code == "" {
		return none("administrativeGenderCode", "UNK")
	}
	return el("administrativeGenderCode", at("code", code), at("codeSystem", "2.16.840.1.113883.5.1"), at("codeSystemName", "AdministrativeGender"), at("displayName", words))
}

func (d Document) author() node {
	return el("author",
		el("time", at("value", stamp(d.Made))),
		el("assignedAuthor", ids(nil), addresses(d.Custodian.Addresses), telecoms(d.Custodian.Telecoms),
			el("assignedAuthoringDevice", el("manufacturerModelName", d.Software), el("softwareName", d.Software)),
			el("representedOrganization", ids(d.Custodian.IDs), el("name", d.Custodian.Name), telecoms(d.Custodian.Telecoms), addresses(d.Custodian.Addresses))))
}

func (d Document) custodian() node {
	c := d.Custodian
	org := el("representedCustodianOrganization", ids(c.IDs), el("name", c.Name))
	org.kids = append(org.kids, telecoms(c.Telecoms)[:1]...) // one of each, here
	org.kids = append(org.kids, addresses(c.Addresses)[:1]...)
	return el("custodian", el("assignedCustodian", org))
}

func (d Document) caregivers() []node {
	var list []node
	for _, c := range d.Patient.Caregivers {
		who := el("associatedEntity", at("classCode", "PRS"))
		if len(c.Telecoms) > 0 {
			who.kids = append(who.kids, telecoms(c.Telecoms)...)
		}
		who.kids = append(who.kids, el("associatedPerson", c.Name.node("")))
		list = append(list, el("participant", at("typeCode", "IND"), who))
	}
	return list
}

func (d Document) documentationOf(w *writer) node {
	covers := el("effectiveTime", moment("low", d.Covers.Start), moment("high", d.Covers.End))
	event := el("serviceEvent", at("classCode", "PCPR"), covers)
	for _, c := range d.Team {
		event.kids = append(event.kids, el("performer", at("typeCode", "PRF"), assigned(c)))
	}
	return el("documentationOf", event)
}

// assigned writes a clinician.
func assigned(c Clinician) node {
	return el("assignedEntity", ids(c.IDs), none("addr", "NI"), none("telecom", "NI"), el("assignedPerson", el("name", c.Name)))
}

// by writes who did something, where that is known.
func by(name string) node {
	if name == "" {
		return node{}
	}
	return el("performer", assigned(Clinician{Name: name}))
}

// authored says when an entry was made; who is not always known.
//
// Spec: C-CDA R2.1, Author Participation 2.16.840.1.113883.10.20.22.4.119
func authored(date, name string) node {
	if ts(date) == "" {
		return node{}
	}
	who := el("assignedAuthor", none("id", "NI"))
	if name != "" {
		who.kids = append(who.kids, el("assignedPerson", el("name", name)))
	}
	return el("author", template("2.16.840.1.113883.10.20.22.4.119", ""), moment("time", date), who)
}

// ids writes at least one identifier.
func ids(list []ID) []node {
	var out []node
	for _, id := range list {
		if id.Root == "" {
			continue
		}
		n := el("id", at("root", id.Root))
		if id.Extension != "" {
			n.attrs = append(n.attrs, at("extension", id.Extension))
		}
		out = append(out, n)
	}
	if len(out) == 0 {
		return []node{none("id", "NI")}
	}
	return out
}

func (o Organization) node(name string) node {
	return el(name, ids(o.IDs), el("name", o.Name), telecoms(o.Telecoms), addresses(o.Addresses))
}

func (n Name) node(use string) node {
	out := el("name")
	if use != "" {
		out.attrs = append(out.attrs, at("use", use))
	}
	part := func(name, text string) {
		if text != "" {
			out.kids = append(out.kids, el(name, text))
		}
	}
	part("prefix", n.Prefix)
	for _, g := range n.Given {
		part("given", g)
	}
	part("family", n.Family)
	part("suffix", n.Suffix)
	if len(out.kids) == 0 {
		return none("name", "UNK")
	}
	return out
}

// addresses writes at least one address.
func addresses(list []Address) []node {
	var out []node
	for _, a := range list {
		n := el("addr")
		if a.Use != "" {
			n.attrs = append(n.attrs, at("use", a.Use))
		}
		for _, line := range a.Lines {
			n.kids = append(n.kids, el("streetAddressLine", line))
		}
		for _, part := range [][2]string{{"city", a.City}, {"state", a.State}, {"postalCode", a.ZIP}, {"country", a.Nation}} {
			if part[1] != "" {
				n.kids = append(n.kids, el(part[0], part[1]))
			}
		}
		if len(n.kids) > 0 {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return []node{none("addr", "UNK")}
	}
	return out
}

// telecoms writes at least one way to reach somebody.
func telecoms(list []Telecom) []node {
	var out []node
	for _, t := range list {
		if t.URL == "" {
			continue
		}
		n := el("telecom", at("value", t.URL))
		if t.Use != "" {
			n.attrs = append(n.attrs, at("use", t.Use))
		}
		out = append(out, n)
	}
	if len(out) == 0 {
		return []node{none("telecom", "UNK")}
	}
	return out
}

// node writes a code; one that stands in no system that is written keeps its
// words.
func (c Code) node(name string, parts ...any) node {
	own := append([]Code{{System: c.System, Code: c.Code, Display: c.Display}}, c.Also...)
	var known []Code
	for _, one := range own {
		if one.Code != "" && OID(one.System) != "" {
			known = append(known, one)
		}
	}
	if len(known) == 0 {
		n := none(name, "UNK", parts...)
		if c.Words() != "" && len(n.kids) == 0 {
			n.kids = append(n.kids, el("originalText", c.Words()))
		}
		return n
	}
	n := el(name, append(coded(known[0]), parts...)...)
	for _, one := range known[1:] {
		n.kids = append(n.kids, el("translation", coded(one)...))
	}
	return n
}

func coded(c Code) []any {
	s := roots[c.System]
	list := []any{at("code", c.Code), at("codeSystem", s.oid), at("codeSystemName", s.name)}
	if c.Display != "" {
		list = append(list, at("displayName", c.Display))
	}
	return list
}

// join puts words together, without those that are empty.
func join(sep string, words ...string) string {
	var list []string
	for _, w := range words {
		if w = strings.TrimSpace(w); w != "" {
			list = append(list, w)
		}
	}
	return strings.Join(list, sep)
}
