package ccda

import "strconv"

func number(n int) string { return strconv.Itoa(n) }

func results(w *writer, list []Panel) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.3.1", "2015-08-01"), code: "30954-2", display: "Relevant diagnostic tests/laboratory data Narrative", title: "Test results",
		head: []string{"Test", "When", "Result", "Usual range", "Comment"}, empty: "There are no test results.", required: true}
	panels(w, &s, list, "2.16.840.1.113883.10.20.22.4.1", "2.16.840.1.113883.10.20.22.4.2", "2015-08-01", "BATTERY")
	return s
}

func vitals(w *writer, list []Panel) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.4.1", "2015-08-01"), code: "8716-3", display: "Vital signs", title: "Vital signs",
		head: []string{"What", "When", "Value", "Usual range", "Comment"}, empty: "There are no vital signs.", required: true}
	panels(w, &s, list, "2.16.840.1.113883.10.20.22.4.26", "2.16.840.1.113883.10.20.22.4.27", "2014-06-09", "CLUSTER")
	return s
}

// panels writes groups of findings: organizer and observation are the
// templates.
func panels(w *writer, s *section, list []Panel, organizer, observation, version, class string) {
	for _, p := range list {
		code := p.What.node("code")
		if class == "CLUSTER" { // C-CDA R2.1, Vital Signs Organizer: always the same code
			code = el("code", at("code", "46680005"), at("codeSystem", snomed), at("codeSystemName", "SNOMED CT"), at("displayName", "Vital signs"),
				el("translation", at("code", "74728-7"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Vital signs, weight, height, head circumference, oxygen saturation and BMI panel")))
		}
		group := el("organizer", at("classCode", class), at("moodCode", "EVN"), both(organizer, "2015-08-01"), w.id(p.ID+"/group"), code, status(p.state()), span("effectiveTime", closed(p.When), true), by(p.by()))
		for _, f := range p.Findings {
			cell, pointer := w.told(f.What.Words())
			s.rows = append(s.rows, []node{cell, plain(date(first(f.When.Start, p.When.Start))), plain(f.words()), plain(f.Reference), plain(f.Comment)})
			if f.When.Start == "" {
				f.When = p.When
			}
			group.kids = append(group.kids, el("component", f.node(w, observation, version, pointer)))
		}
		s.entries = append(s.entries, group)
	}
}

// closed ends a point in time where it began.
func closed(w When) When {
	if w.End == "" {
		w.End = w.Start
	}
	return w
}

// state says whether all of a group is final.
func (p Panel) state() string {
	for _, f := range p.Findings {
		if !f.Final {
			return "active"
		}
	}
	return "completed"
}

// by returns who made the findings of a group: the laboratory.
func (p Panel) by() string {
	for _, f := range p.Findings {
		if f.By != "" {
			return f.By
		}
	}
	return ""
}

// words says a finding's value.
func (f Finding) words() string {
	switch {
	case !f.Value.Empty():
		return f.Value.Words()
	case !f.Coded.Empty():
		return f.Coded.Words()
	}
	return f.Text
}

// node writes an observation.
func (f Finding) node(w *writer, root, version string, pointer node) node {
	state := "active"
	if f.Final {
		state = "completed"
	}
	n := el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both(root, version), w.id(f.ID), f.What.node("code", el("originalText", pointer)), el("text", pointer), status(state),
		moment("effectiveTime", f.When.Start), f.value())
	if f.Flag != "" {
		n.kids = append(n.kids, el("interpretationCode", at("code", f.Flag), at("codeSystem", "2.16.840.1.113883.5.83"), at("codeSystemName", "ObservationInterpretation")))
	}
	if f.Reference != "" {
		n.kids = append(n.kids, el("referenceRange", el("observationRange", el("text", f.Reference))))
	}
	return n
}

// value writes what was found, as the type that it is.
func (f Finding) value() node {
	switch {
	case !f.Value.Empty():
		return typed(f.Value.node("value"), "PQ")
	case !f.Coded.Empty():
		return typed(f.Coded.node("value"), "CD")
	case f.Text != "":
		return typed(el("value", f.Text), "ST")
	}
	return typed(none("value", "UNK"), "ST")
}

// smoking is the LOINC code of the smoking status, which has a template of
// its own.
const smoking = "72166-2"

func social(w *writer, list []Finding) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.17", "2015-08-01"), code: "29762-2", display: "Social history Narrative", title: "Habits and way of life",
		head: []string{"What", "When", "Answer"}, empty: "There is no information about habits or way of life.", required: true}
	for _, f := range list {
		cell, pointer := w.told(f.What.Words())
		s.rows = append(s.rows, []node{cell, plain(date(f.When.Start)), plain(f.words())})
		root, version := "2.16.840.1.113883.10.20.22.4.38", "2015-08-01"
		if f.What.Code == smoking {
			root, version = "2.16.840.1.113883.10.20.22.4.78", "2014-06-09"
		}
		f.Flag, f.Reference = "", ""
		f.Final = true // an answer is complete as it was given
		s.entries = append(s.entries, f.node(w, root, version, pointer))
	}
	return s
}

func goals(w *writer, list []Finding) section {
	s := section{templates: []node{template("2.16.840.1.113883.10.20.22.2.60", "")}, code: "61146-7", display: "Goals", title: "Goals",
		head: []string{"Goal", "Since", "Aim"}}
	for _, f := range list {
		cell, pointer := w.told(f.What.Words())
		s.rows = append(s.rows, []node{cell, plain(date(f.When.Start)), plain(f.words())})
		n := el("observation", at("classCode", "OBS"), at("moodCode", "GOL"), template("2.16.840.1.113883.10.20.22.4.121", ""), w.id(f.ID), f.What.node("code", el("originalText", pointer)),
			el("text", pointer), status("active"), span("effectiveTime", f.When, false))
		if !f.Value.Empty() {
			n.kids = append(n.kids, f.value())
		}
		s.entries = append(s.entries, n)
	}
	return s
}
