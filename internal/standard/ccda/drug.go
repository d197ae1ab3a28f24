package ccda

import "strings"

func medicines(w *writer, list []Medicine) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.1.1", "2014-06-09"), code: "10160-0", display: "History of Medication use Narrative", title: "Medicines",
		head: []string{"Medicine", "How to take it", "Since", "Why", "Status"}, empty: "There is no information about medicines.", required: true}
	for _, m := range list {
		cell, pointer := w.told(m.What.Words())
		sigCell, sigPointer := plain(""), node{}
		if m.Sig != "" {
			sigCell, sigPointer = w.told(m.Sig)
		}
		state := "Taking it"
		if !m.Active {
			state = "Stopped"
		}
		s.rows = append(s.rows, []node{cell, sigCell, plain(date(m.When.Start)), plain(m.Reason.Words()), plain(state)})
		s.entries = append(s.entries, m.node(w, pointer, sigPointer))
	}
	return s
}

// node writes a Medication Activity.
func (m Medicine) node(w *writer, pointer, sig node) node {
	mood, state := "EVN", "completed"
	if m.Ordered {
		mood = "INT"
	}
	if m.Active {
		state = "active"
	}
	n := el("substanceAdministration", at("classCode", "SBADM"), at("moodCode", mood), both("2.16.840.1.113883.10.20.22.4.16", "2014-06-09"), w.id(m.ID), el("text", pointer), status(state),
		typed(span("effectiveTime", m.When, !m.Active), "IVL_TS"))
	if !m.Every.Empty() && m.Every.UCUM != "" {
		n.kids = append(n.kids, el("effectiveTime", at("xsi:type", "PIVL_TS"), at("operator", "A"), el("period", at("value", m.Every.Value), at("unit", m.Every.UCUM))))
	}
	if !m.Route.Empty() {
		n.kids = append(n.kids, m.Route.node("routeCode"))
	}
	n.kids = append(n.kids, m.Dose.node("doseQuantity"),
		el("consumable", el("manufacturedProduct", at("classCode", "MANU"), both("2.16.840.1.113883.10.20.22.4.23", "2014-06-09"), el("manufacturedMaterial", m.What.node("code", el("originalText", pointer))))))
	if a := authored(m.When.Start, m.By); a.name != "" {
		n.kids = append(n.kids, a)
	}
	if sig.name != "" {
		n.kids = append(n.kids, within("COMP", el("substanceAdministration", at("classCode", "SBADM"), at("moodCode", "INT"), template("2.16.840.1.113883.10.20.22.4.147", ""),
			el("code", at("code", "76662-6"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Instructions Medication")), el("text", sig),
			el("consumable", el("manufacturedProduct", none("manufacturedLabeledDrug", "NA"))))))
	}
	if !m.Reason.Empty() {
		n.kids = append(n.kids, within("RSON", el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.19", "2014-06-09"), w.id(m.ID+"/reason"),
			el("code", at("code", "404684003"), at("codeSystem", snomed), at("codeSystemName", "SNOMED CT"), at("displayName", "Finding"),
				el("translation", at("code", "75321-0"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Clinical finding"))),
			status("completed"), moment("effectiveTime", m.When.Start), typed(m.Reason.node("value"), "CD"))))
	}
	return n
}

// node writes an amount; one that is not known is said to be so.
func (q Quantity) node(name string) node {
	if q.Empty() {
		return none(name, "UNK")
	}
	n := el(name, at("value", q.Value))
	if q.UCUM != "" && !strings.ContainsAny(q.UCUM, " \t\n") {
		n.attrs = append(n.attrs, at("unit", q.UCUM))
	}
	return n
}

func immunizations(w *writer, list []Immunization) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.2.1", "2015-08-01"), code: "11369-6", display: "History of Immunization Narrative", title: "Vaccines",
		head: []string{"Vaccine", "When", "Lot", "Status"}}
	for _, v := range list {
		cell, pointer := w.told(v.What.Words())
		state, negated := "Given", "false"
		if !v.Given {
			state, negated = "Not given", "true"
		}
		s.rows = append(s.rows, []node{cell, plain(date(v.When)), plain(v.Lot), plain(state)})
		material := el("manufacturedMaterial", v.What.node("code", el("originalText", pointer)))
		if v.Lot != "" {
			material.kids = append(material.kids, el("lotNumberText", v.Lot))
		}
		product := el("manufacturedProduct", at("classCode", "MANU"), both("2.16.840.1.113883.10.20.22.4.54", "2014-06-09"), material)
		if v.Maker != "" {
			product.kids = append(product.kids, el("manufacturerOrganization", el("name", v.Maker)))
		}
		s.entries = append(s.entries, el("substanceAdministration", at("classCode", "SBADM"), at("moodCode", "EVN"), at("negationInd", negated),
			both("2.16.840.1.113883.10.20.22.4.52", "2015-08-01"), w.id(v.ID), status("completed"), moment("effectiveTime", v.When), el("consumable", product), by(v.By)))
	}
	return s
}
