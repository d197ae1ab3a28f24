package ccda

// sections writes the body, in the order in which one reads it.
func (d Document) sections(w *writer) []node {
	var list []node
	for _, s := range []section{
		allergies(w, d.Allergies), medicines(w, d.Medicines), problems(w, d.Problems), results(w, d.Results), vitals(w, d.Vitals), social(w, d.Social),
		procedures(w, d.Procedures), immunizations(w, d.Immunizations), encounters(w, d.Encounters), plans(w, d.Plans), goals(w, d.Goals), directives(d.Directives),
		notes(w, d.Notes),
	} {
		list = append(list, s.node()...)
	}
	return list
}

// status is a statusCode.
func status(code string) node { return el("statusCode", at("code", code)) }

// asserted is the code of an observation whose value says what was seen.
func asserted() node {
	return el("code", at("code", "ASSERTION"), at("codeSystem", actCode), at("codeSystemName", "ActCode"))
}

// value types a value.
func typed(n node, typ string) node {
	n.attrs = append([]attr{at("xsi:type", typ)}, n.attrs...)
	return n
}

// within puts n into a relation.
func within(code string, n node, parts ...any) node {
	return el("entryRelationship", append([]any{at("typeCode", code)}, append(parts, n)...)...)
}

// concern is the act that tracks a problem or an allergy.
func concern(w *writer, root, name string, active bool, since, end string, inner node) node {
	state := "completed"
	if active {
		state = "active"
	}
	return el("act", at("classCode", "ACT"), at("moodCode", "EVN"), both(root, "2015-08-01"), w.id(name+"/concern"),
		el("code", at("code", "CONC"), at("codeSystem", actClass), at("codeSystemName", "HL7ActClass"), at("displayName", "Concern")),
		status(state), span("effectiveTime", When{since, end}, !active), within("SUBJ", inner))
}

func allergies(w *writer, list []Allergy) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.6.1", "2015-08-01"), code: "48765-2", display: "Allergies and adverse reactions Document", title: "Allergies",
		head: []string{"What", "What happened", "How bad", "Since", "Status"}, empty: "There is no information about allergies.", required: true}
	for _, a := range list {
		cell, pointer := w.told(a.Substance.Words())
		var what, bad []string
		for _, r := range a.Reactions {
			what, bad = append(what, r.What.Words()), append(bad, r.Severity)
		}
		state := "Active"
		if !a.Active {
			state = "Not active"
		}
		s.rows = append(s.rows, []node{cell, plain(join(", ", what...)), plain(join(", ", bad...)), plain(date(a.Since)), plain(state)})
		s.entries = append(s.entries, concern(w, "2.16.840.1.113883.10.20.22.4.30", a.ID, a.Active, first(a.Recorded, a.Since), "", a.node(w, pointer)))
	}
	return s
}

// sorts are what an allergy or an intolerance is to, as SNOMED CT has it.
var sorts = map[string][2]string{ // allergy, intolerance
	"medication": {"416098002", "59037007"}, "food": {"414285001", "235719002"}, "environment": {"426232007", "420134006"}, "biologic": {"416098002", "59037007"}, "": {"419199007", "420134006"},
}

func (a Allergy) node(w *writer, pointer node) node {
	sort := sorts[a.Kind][0]
	if a.Intolerant {
		sort = sorts[a.Kind][1]
	}
	n := el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.7", "2014-06-09"), w.id(a.ID), asserted(), el("text", pointer),
		status("completed"), el("effectiveTime", moment("low", a.Since)),
		el("value", at("xsi:type", "CD"), at("code", sort), at("codeSystem", snomed), at("codeSystemName", "SNOMED CT")))
	what := none("code", "NA")
	if a.None {
		n.attrs = append(n.attrs, at("negationInd", "true"))
	} else {
		what = a.Substance.node("code", el("originalText", pointer))
	}
	n.kids = append(n.kids, authored(a.Recorded, ""), el("participant", at("typeCode", "CSM"),
		el("participantRole", at("classCode", "MANU"), el("playingEntity", at("classCode", "MMAT"), what))))
	n.kids = present(n.kids)
	for _, r := range a.Reactions {
		inner := el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.9", "2014-06-09"), w.id(a.ID+"/reaction/"+r.What.Words()), asserted(),
			status("completed"), typed(r.What.node("value"), "CD"))
		if code := severities[r.Severity]; code != "" {
			inner.kids = append(inner.kids, within("SUBJ", el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.8", "2014-06-09"),
				el("code", at("code", "SEV"), at("codeSystem", actCode), at("codeSystemName", "ActCode")), status("completed"),
				el("value", at("xsi:type", "CD"), at("code", code), at("codeSystem", snomed), at("codeSystemName", "SNOMED CT"), at("displayName", r.Severity))), at("inversionInd", "true")))
		}
		n.kids = append(n.kids, within("MFST", inner, at("inversionInd", "true")))
	}
	return n
}

var severities = map[string]string{"mild": "255604002", "moderate": "6736007", "severe": "24484000"}

// present leaves out nodes that are not there.
func present(list []node) []node {
	var out []node
	for _, n := range list {
		if n.name != "" || n.text != "" {
			out = append(out, n)
		}
	}
	return out
}

// first returns the first text that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func problems(w *writer, list []Problem) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.5.1", "2015-08-01"), code: "11450-4", display: "Problem list - Reported", title: "Health problems",
		head: []string{"Problem", "Since", "Until", "Status"}, empty: "There is no information about health problems.", required: true}
	for _, p := range list {
		cell, pointer := w.told(p.What.Words())
		state := "Active"
		if !p.Active {
			state = "Not active"
		}
		s.rows = append(s.rows, []node{cell, plain(date(p.When.Start)), plain(date(p.When.End)), plain(state)})
		inner := el("observation", at("classCode", "OBS"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.4", "2015-08-01"), w.id(p.ID),
			el("code", at("code", "55607006"), at("codeSystem", snomed), at("codeSystemName", "SNOMED CT"), at("displayName", "Problem"),
				el("translation", at("code", "75326-9"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Problem"))),
			el("text", pointer), status("completed"), span("effectiveTime", p.When, !p.Active), typed(p.What.node("value", el("originalText", pointer)), "CD"), authored(p.Recorded, ""))
		s.entries = append(s.entries, concern(w, "2.16.840.1.113883.10.20.22.4.3", p.ID, p.Active, first(p.Recorded, p.When.Start), p.When.End, inner))
	}
	return s
}

func procedures(w *writer, list []Procedure) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.7.1", "2014-06-09"), code: "47519-4", display: "History of Procedures Document", title: "Procedures",
		head: []string{"Procedure", "When", "By"}}
	for _, p := range list {
		cell, pointer := w.told(p.What.Words())
		s.rows = append(s.rows, []node{cell, plain(dates(p.When)), plain(p.By)})
		state := "completed"
		if !p.Done {
			state = "active"
		}
		s.entries = append(s.entries, el("procedure", at("classCode", "PROC"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.14", "2014-06-09"), w.id(p.ID),
			p.What.node("code", el("originalText", pointer)), status(state), p.When.node(), by(p.By)))
	}
	return s
}

// node writes a time that is a point or a span.
func (w When) node() node {
	if w.End == "" || w.End == w.Start {
		return moment("effectiveTime", w.Start)
	}
	return span("effectiveTime", w, true)
}

func encounters(w *writer, list []Encounter) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.22.1", "2015-08-01"), code: "46240-8", display: "History of Hospitalizations+Outpatient visits Narrative", title: "Visits",
		head: []string{"Visit", "When", "With", "Where", "Why"}}
	for _, e := range list {
		cell, pointer := w.told(e.What.Words())
		s.rows = append(s.rows, []node{cell, plain(dates(e.When)), plain(e.By), plain(e.Where), plain(e.Reason.Words())})
		code := e.What.node("code", el("originalText", pointer))
		if e.Class != "" {
			code.kids = append(code.kids, el("translation", at("code", e.Class), at("codeSystem", actCode), at("codeSystemName", "ActCode")))
		}
		n := el("encounter", at("classCode", "ENC"), at("moodCode", "EVN"), both("2.16.840.1.113883.10.20.22.4.49", "2015-08-01"), w.id(e.ID), code, e.When.node(), by(e.By))
		if e.Where != "" {
			n.kids = append(n.kids, el("participant", at("typeCode", "LOC"), el("participantRole", at("classCode", "SDLOC"), template("2.16.840.1.113883.10.20.22.4.32", ""),
				none("code", "UNK"), none("addr", "UNK"), none("telecom", "UNK"), el("playingEntity", at("classCode", "PLC"), el("name", e.Where)))))
		}
		s.entries = append(s.entries, n)
	}
	return s
}

func plans(w *writer, list []Plan) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.10", "2014-06-09"), code: "18776-5", display: "Plan of care note", title: "What is planned",
		head: []string{"What", "When", "More"}}
	for _, p := range list {
		cell, pointer := w.told(p.What.Words())
		s.rows = append(s.rows, []node{cell, plain(dates(p.When)), plain(p.Text)})
		name, class, root := "act", "ACT", "2.16.840.1.113883.10.20.22.4.39"
		if p.Visit {
			name, class, root = "encounter", "ENC", "2.16.840.1.113883.10.20.22.4.40"
		}
		s.entries = append(s.entries, el(name, at("classCode", class), at("moodCode", "INT"), both(root, "2014-06-09"), w.id(p.ID),
			p.What.node("code", el("originalText", pointer)), status("active"), p.When.node()))
	}
	return s
}

// directives are said to people alone: which paper it is, and from when.
func directives(list []Finding) section {
	s := section{templates: both("2.16.840.1.113883.10.20.22.2.21", "2015-08-01"), code: "42348-3", display: "Advance directives", title: "Advance directives",
		head: []string{"What", "When", "More"}}
	for _, f := range list {
		s.rows = append(s.rows, []node{plain(f.What.Words()), plain(dates(f.When)), plain(f.words())})
	}
	return s
}

func notes(w *writer, list []Note) section {
	s := section{templates: []node{template("2.16.840.1.113883.10.20.22.2.65", "2016-11-01")}, code: "34109-9", display: "Note", title: "Notes",
		head: []string{"Note", "When", "By", "Text"}}
	for _, n := range list {
		_, pointer := w.told(n.Title)
		text := el("content", at("ID", "e"+number(w.refs)))
		for i, line := range n.Lines {
			if i > 0 {
				text.kids = append(text.kids, el("br"))
			}
			text.kids = append(text.kids, plain(line))
		}
		s.rows = append(s.rows, []node{plain(first(n.Title, n.Type.Words())), plain(date(n.When)), plain(n.By), text})
		code := el("code", at("code", "34109-9"), at("codeSystem", loinc), at("codeSystemName", "LOINC"), at("displayName", "Note"))
		if OID(n.Type.System) != "" && n.Type.Code != "" {
			code.kids = append(code.kids, el("translation", coded(n.Type)...))
		}
		author := authored(n.When, n.By)
		if author.name == "" {
			author = el("author", template("2.16.840.1.113883.10.20.22.4.119", ""), none("time", "UNK"), el("assignedAuthor", none("id", "NI")))
		}
		s.entries = append(s.entries, el("act", at("classCode", "ACT"), at("moodCode", "EVN"), template("2.16.840.1.113883.10.20.22.4.202", "2016-11-01"), w.id(n.ID), code,
			el("text", pointer), status("completed"), moment("effectiveTime", n.When), author))
	}
	return s
}
