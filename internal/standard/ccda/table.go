package ccda

import "strconv"

// section is one section: its templates, its code, and what it says.
type section struct {
	templates []node
	code      string // LOINC
	display   string
	title     string
	head      []string
	rows      [][]node // the cells of the table
	entries   []node
	empty     string // what is said where nothing is known
	required  bool   // a section that a CCD must have
}

// node writes a section. Nothing known is said in words and as a null
// flavour.
//
// Spec: C-CDA R2.1, §3.4 (sections about which there is no information)
func (s section) node() []node {
	if len(s.entries) == 0 && len(s.rows) == 0 {
		if !s.required {
			return nil
		}
		return []node{el("component", el("section", at("nullFlavor", "NI"), s.templates, s.about(), el("title", s.title), el("text", el("paragraph", s.empty))))}
	}
	n := el("section", s.templates, s.about(), el("title", s.title), el("text", s.table()))
	for _, e := range s.entries {
		n.kids = append(n.kids, el("entry", at("typeCode", "DRIV"), e))
	}
	return []node{el("component", n)}
}

func (s section) about() node {
	return el("code", at("code", s.code), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", s.display))
}

// table writes what the section says for people.
//
// Spec: CDA R2 §4.3.5 (section narrative block)
func (s section) table() node {
	head := el("tr")
	for _, h := range s.head {
		head.kids = append(head.kids, el("th", h))
	}
	body := el("tbody")
	for _, row := range s.rows {
		tr := el("tr")
		for _, cell := range row {
			tr.kids = append(tr.kids, el("td", cell))
		}
		body.kids = append(body.kids, tr)
	}
	return el("table", el("thead", head), body)
}

// told is text in a table that an entry points to.
func (w *writer) told(text string) (cell, pointer node) {
	if text == "" {
		text = "Not recorded"
	}
	w.refs++
	id := "e" + strconv.Itoa(w.refs)
	return el("content", at("ID", id), text), el("reference", at("value", "#"+id))
}

// plain is text in a table.
func plain(text string) node {
	if text == "" {
		text = "—"
	}
	return node{text: text}
}

// date writes a FHIR date for a person: as much as is known of it.
func date(s string) string {
	switch {
	case len(s) >= len("2006-01-02T15:04"):
		return s[:10] + " " + s[11:16]
	case s == "":
		return "—"
	}
	return s
}

// dates writes a span for a person.
func dates(w When) string {
	if w.End == "" || w.End == w.Start {
		return date(w.Start)
	}
	return date(w.Start) + " – " + date(w.End)
}
