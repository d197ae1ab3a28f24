package summary

import (
	"slices"
	"strconv"
	"strings"

	"hale/internal/care/view"
	"hale/internal/standard/fhir"
)

// Section is one part of a summary, as a person reads it.
type Section struct {
	Key, LOINC, Display string
	Title               string   // in plain words
	Head                []string // of the table
	Rows                [][]string
	Entries             []Entry // behind the rows, one for each
	None                bool    // it is known that there is none
}

// kind says what goes into a section.
type kind struct {
	Section
	types []string
	takes func(n fhir.Node) bool
	row   func(e Entry) []string
	most  int // of the newest, in a patient summary; 0: all
}

// kinds are the sections in the order in which one reads them. The codes are
// those of the International Patient Summary.
//
// Spec: https://hl7.org/fhir/uv/ips/STU1.1/Structure-of-the-International-Patient-Summary.html
var kinds = []kind{
	{Section: Section{Key: "allergies", LOINC: "48765-2", Display: "Allergies and adverse reactions Document", Title: "Allergies", Head: []string{"What", "What happened", "Since", "Status"}},
		types: []string{"AllergyIntolerance"}, takes: stands, row: allergyRow},
	{Section: Section{Key: "medicines", LOINC: "10160-0", Display: "History of Medication use Narrative", Title: "Medicines", Head: []string{"Medicine", "How to take it", "Since", "Status"}},
		types: []string{"MedicationRequest", "MedicationStatement"}, takes: stands, row: medicineRow},
	{Section: Section{Key: "problems", LOINC: "11450-4", Display: "Problem list - Reported", Title: "Health problems", Head: []string{"Problem", "Since", "Until", "Status"}},
		types: []string{"Condition"}, takes: stands, row: problemRow},
	{Section: Section{Key: "results", LOINC: "30954-2", Display: "Relevant diagnostic tests/laboratory data Narrative", Title: "Test results", Head: []string{"Test", "When", "Result", "Usual range"}},
		types: []string{"Observation", "DiagnosticReport"}, takes: isResult, row: findingRow, most: 200},
	{Section: Section{Key: "vitals", LOINC: "8716-3", Display: "Vital signs", Title: "Vital signs", Head: []string{"What", "When", "Value", "Usual range"}},
		types: []string{"Observation"}, takes: in("vital-signs"), row: findingRow, most: 60},
	{Section: Section{Key: "immunizations", LOINC: "11369-6", Display: "History of Immunization Narrative", Title: "Vaccines", Head: []string{"Vaccine", "When", "Status"}},
		types: []string{"Immunization"}, takes: stands, row: vaccineRow},
	{Section: Section{Key: "procedures", LOINC: "47519-4", Display: "History of Procedures Document", Title: "Procedures", Head: []string{"Procedure", "When", "Status"}},
		types: []string{"Procedure"}, takes: stands, row: procedureRow},
	{Section: Section{Key: "pregnancy", LOINC: "10162-6", Display: "History of pregnancies Narrative", Title: "Pregnancy", Head: []string{"What", "When", "Answer", "Usual range"}},
		types: []string{"Observation"}, takes: isPregnancy, row: findingRow},
	{Section: Section{Key: "social", LOINC: "29762-2", Display: "Social history Narrative", Title: "Habits and way of life", Head: []string{"What", "When", "Answer", "Usual range"}},
		types: []string{"Observation"}, takes: in("social-history", "sdoh", "survey"), row: findingRow, most: 60},
	{Section: Section{Key: "plan", LOINC: "18776-5", Display: "Plan of care note", Title: "What is planned", Head: []string{"What", "When", "Status"}},
		types: []string{"CarePlan", "Goal", "Appointment", "ServiceRequest"}, takes: isPlanned, row: planRow},
	{Section: Section{Key: "directives", LOINC: "42348-3", Display: "Advance directives", Title: "Advance directives", Head: []string{"What", "When", "Status"}},
		types: []string{"Consent", "DocumentReference"}, takes: isDirective, row: planRow},
}

// visitKinds are sections that a page and a CCD have beside those of the
// International Patient Summary.
var visitKinds = []kind{
	{Section: Section{Key: "visits", LOINC: "46240-8", Display: "History of Hospitalizations+Outpatient visits Narrative", Title: "Visits", Head: []string{"Visit", "When", "With", "Where"}},
		types: []string{"Encounter"}, takes: stands, row: visitRow},
	{Section: Section{Key: "notes", LOINC: "34109-9", Display: "Note", Title: "Notes and letters", Head: []string{"What", "When", "Written by"}},
		types: []string{"DocumentReference", "DiagnosticReport"}, takes: isNote, row: noteRow},
}

// wrong are the states of what was entered by mistake.
var wrong = []string{"entered-in-error", "draft"}

// stands says whether an entry counts at all.
func stands(n fhir.Node) bool {
	return !slices.Contains(wrong, n.Get("status").Text()) && n.Get("verificationStatus", "coding", "code").Text() != "entered-in-error" && n.Get("docStatus").Text() != "entered-in-error"
}

// categories returns the codes of what sorts an entry.
func categories(n fhir.Node) []string {
	var list []string
	for c := range n.Get("category").Each() {
		for _, one := range c.Codings() {
			list = append(list, one.Code)
		}
	}
	return list
}

// in takes observations of some categories.
func in(want ...string) func(fhir.Node) bool {
	return func(n fhir.Node) bool {
		return stands(n) && !isPregnancy(n) && slices.ContainsFunc(categories(n), func(c string) bool { return slices.Contains(want, c) })
	}
}

// isResult takes what a laboratory or a procedure found, and reports that
// say something themselves.
func isResult(n fhir.Node) bool {
	if !stands(n) {
		return false
	}
	if n.Get("resourceType").Text() == "DiagnosticReport" {
		return n.Get("conclusion").Exists() && !n.Get("presentedForm").Exists()
	}
	for _, c := range categories(n) {
		if slices.Contains([]string{"laboratory", "imaging", "procedure", "exam", "activity"}, c) {
			return true
		}
	}
	return len(categories(n)) == 0
}

// pregnancies are the LOINC codes about pregnancy that observations have.
//
// Spec: US Core Observation Pregnancy Status and Intent, IPS Pregnancy
var pregnancies = []string{"82810-3", "86645-9", "11778-8", "11779-6", "11780-4", "11640-0", "11612-9", "11613-7", "11614-5", "33065-4", "11636-8", "11637-6", "11638-4", "11639-2"}

func isPregnancy(n fhir.Node) bool {
	return stands(n) && slices.ContainsFunc(n.Get("code").Codings(), func(c fhir.Coding) bool { return slices.Contains(pregnancies, c.Code) })
}

// isPlanned takes what is still to come or goes on.
func isPlanned(n fhir.Node) bool {
	status := first(n.Get("lifecycleStatus").Text(), n.Get("status").Text())
	switch n.Get("resourceType").Text() {
	case "Appointment":
		return slices.Contains([]string{"booked", "pending", "proposed"}, status)
	case "ServiceRequest", "CarePlan":
		return slices.Contains([]string{"active", "on-hold"}, status)
	}
	return slices.Contains(lasting, status)
}

// directives are LOINC codes of papers about care to come.
//
// Spec: LOINC 42348-3 and its kinds
var directives = []string{"42348-3", "42349-1", "75320-2", "75791-4", "64298-3", "81334-5", "86533-7", "92664-2", "93037-0"}

func isDirective(n fhir.Node) bool {
	if !stands(n) {
		return false
	}
	if n.Get("resourceType").Text() == "Consent" {
		return n.Get("scope", "coding", "code").Text() == "adr" // advance directive: http://terminology.hl7.org/CodeSystem/consentscope
	}
	return slices.ContainsFunc(n.Get("type").Codings(), func(c fhir.Coding) bool { return slices.Contains(directives, c.Code) })
}

func isNote(n fhir.Node) bool {
	if n.Get("resourceType").Text() == "DiagnosticReport" {
		return stands(n) && n.Get("presentedForm").Exists()
	}
	return stands(n) && !isDirective(n) && n.Get("status").Text() != "superseded"
}

// Sections returns what a person reads: the sections about which something
// is known.
func (c Content) Sections() []Section {
	var list []Section
	for _, k := range append(slices.Clone(kinds), visitKinds...) {
		if s := c.section(k, false); len(s.Rows) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// section fills one section; in brief with the newest alone.
func (c Content) section(k kind, brief bool) Section {
	s := k.Section
	for _, e := range c.newest(k.types) {
		if !k.takes(e.Node) {
			continue
		}
		if brief && k.most > 0 && len(s.Rows) == k.most {
			break
		}
		s.Entries, s.Rows = append(s.Entries, e), append(s.Rows, k.row(e))
		s.None = s.None || saysNone(e)
	}
	return s
}

// newest returns entries of some types, the newest of them all first.
func (c Content) newest(types []string) []Entry {
	list := c.Of(types...)
	slices.SortStableFunc(list, func(a, b Entry) int { return b.When.Low.Compare(a.When.Low) })
	return list
}

// nones are codes which say that there is none of something.
var nones = []string{"716186003", "no-known-allergies", "no-known-problems", "no-known-medications", "160245001"}

func saysNone(e Entry) bool {
	return slices.ContainsFunc(e.Node.Get("code").Codings(), func(c fhir.Coding) bool { return slices.Contains(nones, c.Code) })
}

// day returns the day of a FHIR date, as far as it is known.
func day(n fhir.Node) string {
	text := n.Text()
	if n.IsObject() {
		text = n.Get("start").Text()
	}
	return text[:min(len(text), len("2006-01-02"))]
}

// began returns the first day that one of names tells.
func began(n fhir.Node, names ...string) string {
	for _, name := range names {
		if d := day(n.Get(name)); d != "" {
			return d
		}
	}
	return ""
}

func allergyRow(e Entry) []string {
	var what []string
	for r := range e.Node.Get("reaction").Each() {
		for m := range r.Get("manifestation").Each() {
			what = append(what, strings.Join(words(m.Concept(), r.Get("severity").Text()), ", "))
		}
	}
	return []string{view.Plain(e.Node.Get("code").Concept()), strings.Join(what, "; "), began(e.Node, "onsetDateTime", "onsetPeriod", "recordedDate"), status(e.Node.Get("clinicalStatus"))}
}

// status reads out a state that is a code.
func status(n fhir.Node) string {
	return first(n.Get("text").Text(), n.Get("coding", "code").Text(), n.Text())
}

// words drops the empty ones.
func words(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" })
}

func medicineRow(e Entry) []string {
	return []string{medicine(e.Node), sig(e.Node), began(e.Node, "authoredOn", "effectiveDateTime", "effectivePeriod", "dateAsserted"), e.Node.Get("status").Text()}
}

// medicine is what is taken.
func medicine(n fhir.Node) string {
	return view.Plain(first(n.Get("medicationCodeableConcept").Concept(), n.Get("medicationReference", "display").Text()))
}

// sig is how it is taken, in words.
func sig(n fhir.Node) string {
	return view.First(n.Get("dosageInstruction", "text"), n.Get("dosage", "text"), n.Get("dosageInstruction", "patientInstruction")).Text()
}

func problemRow(e Entry) []string {
	return []string{view.Plain(e.Node.Get("code").Concept()), began(e.Node, "onsetDateTime", "onsetPeriod", "recordedDate"), began(e.Node, "abatementDateTime", "abatementPeriod"), status(e.Node.Get("clinicalStatus"))}
}

func findingRow(e Entry) []string {
	return []string{view.Plain(e.Node.Get("code").Concept()), began(e.Node, usually...), value(e.Node), reference(e.Node)}
}

// value reads out what was found.
func value(n fhir.Node) string {
	var parts []string
	for c := range n.Get("component").Each() {
		if v := oneValue(c); v != "" {
			parts = append(parts, view.Plain(c.Get("code").Concept())+" "+v)
		}
	}
	return strings.Join(words(oneValue(n), strings.Join(parts, ", "), n.Get("conclusion").Text()), "; ")
}

func oneValue(n fhir.Node) string {
	if q := n.Get("valueQuantity"); q.Exists() {
		return strings.Join(words(q.Get("comparator").Text()+number(q.Get("value")), first(q.Get("unit").Text(), q.Get("code").Text())), " ")
	}
	if b := n.Get("valueBoolean"); b.Exists() {
		return map[bool]string{true: "yes", false: "no"}[b.Bool()]
	}
	if i := n.Get("valueInteger"); i.Exists() {
		return number(i)
	}
	return first(n.Get("valueString").Text(), n.Get("valueCodeableConcept").Concept(), day(n.Get("valueDateTime")), n.Get("dataAbsentReason").Concept())
}

// number writes a number as it was written.
func number(n fhir.Node) string {
	if !n.Exists() {
		return ""
	}
	if raw := n.Raw(); len(raw) > 0 {
		return string(raw)
	}
	v, _ := n.Number()
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// reference is the usual range.
func reference(n fhir.Node) string {
	r := n.Get("referenceRange")
	low, high := number(r.Get("low", "value")), number(r.Get("high", "value"))
	switch {
	case r.Get("text").Text() != "":
		return r.Get("text").Text()
	case low != "" && high != "":
		return low + " – " + high
	case high != "":
		return "up to " + high
	}
	return low
}

func vaccineRow(e Entry) []string {
	return []string{view.Plain(e.Node.Get("vaccineCode").Concept()), began(e.Node, "occurrenceDateTime", "recorded"), e.Node.Get("status").Text()}
}

func procedureRow(e Entry) []string {
	return []string{view.Plain(e.Node.Get("code").Concept()), began(e.Node, "performedDateTime", "performedPeriod"), e.Node.Get("status").Text()}
}

func planRow(e Entry) []string {
	n := e.Node
	what := first(n.Get("title").Text(), n.Get("description").Text(), n.Get("description").Concept(), n.Get("serviceType").Concept(), n.Get("code").Concept(), n.Get("type").Concept(), n.Get("category").Concept())
	return []string{view.Plain(what), began(n, append([]string{"start", "startDate"}, usually...)...), first(n.Get("lifecycleStatus").Text(), n.Get("status").Text())}
}

func visitRow(e Entry) []string {
	n := e.Node
	return []string{view.Plain(first(n.Get("type").Concept(), n.Get("class", "display").Text())), began(n, "period"), n.Get("participant", "individual", "display").Text(), first(n.Get("location", "location", "display").Text(), n.Get("serviceProvider", "display").Text())}
}

func noteRow(e Entry) []string {
	n := e.Node
	return []string{view.Plain(first(n.Get("description").Text(), n.Get("content", "attachment", "title").Text(), n.Get("type").Concept(), n.Get("code").Concept())), began(n, usually...), first(n.Get("author", "display").Text(), n.Get("performer", "display").Text())}
}
