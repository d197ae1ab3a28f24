package form

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// The extensions that are understood.
const (
	translationURL = "http://hl7.org/fhir/StructureDefinition/translation"
	minValueURL    = "http://hl7.org/fhir/StructureDefinition/minValue"
	maxValueURL    = "http://hl7.org/fhir/StructureDefinition/maxValue"
	maxOccursURL   = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"
	minLengthURL   = "http://hl7.org/fhir/StructureDefinition/minLength"
	ordinalURL     = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
	unitURL        = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"
	hiddenURL      = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"
	controlURL     = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
	signedURL      = "http://hl7.org/fhir/StructureDefinition/questionnaire-signatureRequired"
	expressionURL  = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression"
	alarmURL       = "https://hale.example/fhir/form-alarm"
	bandURL        = "https://hale.example/fhir/form-score-band"
)

// Problem says where a Questionnaire cannot be used here, and why.
type Problem struct{ Place, Why string }

func (p Problem) String() string { return p.Place + ": " + p.Why }

// Problems is the error of a Questionnaire that cannot be used.
type Problems []Problem

func (p Problems) Error() string {
	if len(p) == 0 {
		return "form: no problem"
	}
	return fmt.Sprintf("form: %s (and %d more)", p[0], len(p)-1)
}

// Parse reads a Questionnaire as JSON. The error is a Problems, each with its
// place as a path like item[2].answerOption[0].
func Parse(body []byte) (*Questionnaire, error) {
	if len(body) > MaxBody {
		return nil, Problems{{"the file", "It is too large: at most 512 kB."}}
	}
	n, err := fhir.Parse(body)
	if err != nil {
		return nil, Problems{{"the file", "It is not JSON of FHIR: " + err.Error()}}
	}
	if n.Child("resourceType").Text() != "Questionnaire" {
		return nil, Problems{{"resourceType", "It is not a Questionnaire."}}
	}
	r := reader{links: map[string]bool{}, sets: sets(n)}
	q := r.questionnaire(n)
	r.conditions(q)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return q, nil
}

type reader struct {
	problems Problems
	links    map[string]bool
	sets     map[string]fhir.Node // value sets in the form, by id
	within   bool                 // a group that repeats
	items    int
}

func (r *reader) bad(n fhir.Node, place, why string) {
	if p := n.Path(); p != "" && place != "" {
		place = p + "." + place
	} else if place == "" {
		place = p
	}
	r.at(place, why)
}

func (r *reader) at(place, why string) {
	if len(r.problems) < 50 {
		r.problems = append(r.problems, Problem{strings.TrimPrefix(place, "Questionnaire."), why})
	}
}

func (r *reader) questionnaire(n fhir.Node) *Questionnaire {
	q := &Questionnaire{
		ID: n.Child("id").Text(), URL: n.Child("url").Text(), Version: n.Child("version").Text(), Status: n.Child("status").Text(), Date: n.Child("date").Text(),
		Title: r.text(n, "title"), About: r.text(n, "description"), Codes: codings(n.Child("code")),
	}
	q.ext = r.extensions(n, map[string]func(fhir.Node){
		signedURL: func(fhir.Node) { q.Signed = true },
		bandURL:   func(e fhir.Node) { q.Bands = append(q.Bands, band(e)) },
	})
	if !slices.Contains([]string{"draft", "active", "retired", "unknown"}, q.Status) {
		r.bad(n, "status", "It has to be draft, active or retired.")
	}
	if strings.TrimSpace(q.Title.Words) == "" {
		r.bad(n, "title", "The form needs a title.")
	}
	if n.Child("id").Exists() && !fhir.ValidID(q.ID) {
		r.bad(n, "id", "An id has letters, digits, - and . alone.")
	}
	q.Items = r.list(n, 0)
	if len(q.Items) == 0 {
		r.bad(n, "item", "The form has no questions.")
	}
	for c := range n.Child("contained").Each() {
		q.contained = append(q.contained, slices.Clone(c.Raw()))
	}
	q.rest = rest(n, "resourceType", "contained", "id", "meta", "url", "version", "status", "title", "_title", "description", "_description", "code", "date", "extension", "item")
	return q
}

func band(e fhir.Node) (b Band) {
	for x := range e.Child("extension").Each() {
		switch x.Child("url").Text() {
		case "from":
			f, _ := x.Child("valueInteger").Number()
			b.From = int(min(max(f, -1e6), 1e6))
		case "words":
			b.Words = x.Child("valueString").Text()
		}
	}
	return b
}

// list reads the items of a form or a group.
func (r *reader) list(n fhir.Node, depth int) []Item {
	var list []Item
	for c := range n.Child("item").Each() {
		if r.items++; r.items > MaxItems {
			r.bad(c, "", "The form has more than 400 items.")
			return list
		}
		if depth >= MaxDepth {
			r.bad(c, "", "Groups lie too deep in each other.")
			return list
		}
		list = append(list, r.item(c, depth))
	}
	return list
}

func (r *reader) item(n fhir.Node, depth int) Item {
	it := Item{
		LinkID: n.Child("linkId").Text(), Type: Type(n.Child("type").Text()), Text: r.text(n, "text"), Prefix: n.Child("prefix").Text(), Codes: codings(n.Child("code")),
		Required: n.Child("required").Bool(), Repeats: n.Child("repeats").Bool(), ReadOnly: n.Child("readOnly").Bool(),
		Any: n.Child("enableBehavior").Text() == "any", MaxLength: whole(n.Child("maxLength")),
	}
	switch {
	case it.LinkID == "" || len(it.LinkID) > 200:
		r.bad(n, "linkId", "Each item needs a linkId of its own.")
	case marked(it.LinkID):
		r.bad(n, "linkId", "A linkId cannot have the letter "+mark+".")
	case r.links[it.LinkID]:
		r.bad(n, "linkId", fmt.Sprintf("The linkId %q stands twice.", it.LinkID))
	}
	r.links[it.LinkID] = true
	r.sort(n, &it)
	it.ext = r.extensions(n, map[string]func(fhir.Node){
		minValueURL:   func(e fhir.Node) { it.Min = r.limit(e) },
		maxValueURL:   func(e fhir.Node) { it.Max = r.limit(e) },
		minLengthURL:  func(e fhir.Node) { it.MinLength = whole(e.Child("valueInteger")) },
		maxOccursURL:  func(e fhir.Node) { it.Most = whole(e.Child("valueInteger")) },
		hiddenURL:     func(e fhir.Node) { it.Hidden = e.Child("valueBoolean").Bool() },
		unitURL:       func(e fhir.Node) { v := coding(e.Child("valueCoding")); it.Unit = &v },
		controlURL:    func(e fhir.Node) { it.Control = code(e.Child("valueCodeableConcept").Child("coding")) },
		expressionURL: func(e fhir.Node) { it.Expr = e.Child("valueExpression").Child("expression").Text() },
	})
	for o := range n.Child("answerOption").Each() {
		if it.Options = append(it.Options, r.option(o)); len(it.Options) > MaxOptions {
			r.bad(o, "", "The question has more than 200 options.")
			break
		}
	}
	r.valueSet(n, &it)
	for i := range n.Child("initial").Each() {
		it.Initial = append(it.Initial, r.value(i, "value"))
	}
	for w := range n.Child("enableWhen").Each() {
		it.When = append(it.When, When{w.Child("question").Text(), Operator(w.Child("operator").Text()), r.value(w, "answer")})
	}
	within := r.within
	r.within = within || it.Type == Group && it.Repeats
	it.Items = r.list(n, depth+1)
	r.within = within
	r.fits(n, &it)
	it.rest = rest(n, "answerValueSet", "linkId", "type", "text", "_text", "prefix", "code", "required", "repeats", "readOnly", "enableBehavior", "maxLength", "extension", "answerOption", "initial", "enableWhen", "item")
	return it
}

// sort checks that an item is of a sort that can be shown.
func (r *reader) sort(n fhir.Node, it *Item) {
	switch {
	case it.Type == "question" || !slices.Contains(Types, it.Type):
		r.bad(n, "type", fmt.Sprintf("Questions of the type %q cannot be asked here.", clip(string(it.Type))))
	case it.Type == Group && it.Repeats && r.within:
		r.bad(n, "repeats", "A group that repeats cannot stand inside another one that does.")
	case it.Type.Asks() && strings.TrimSpace(it.Text.Words) == "" && !hides(n):
		r.bad(n, "text", "The question has no text.")
	}
}

func hides(n fhir.Node) bool {
	for e := range n.Child("extension").Each() {
		if e.Child("url").Text() == hiddenURL && e.Child("valueBoolean").Bool() {
			return true
		}
	}
	return false
}

// fits checks what an item has against its sort.
func (r *reader) fits(n fhir.Node, it *Item) {
	switch {
	case len(it.Options) > 0 && !it.Type.Asks():
		r.bad(n, "answerOption", "Only a question has options.")
	case it.Type.Chooses() && len(it.Options) == 0 && !it.Hidden && it.ValueSet == "":
		r.bad(n, "answerOption", "A choice needs options.")
	case it.Type.Asks() && len(it.Items) > 0:
		for i := range it.Items {
			if it.Items[i].Type != Display {
				r.bad(n, "item", "Questions inside a question cannot be asked here: put them after it, with enableWhen.")
				return
			}
		}
	case it.Type == Display && len(it.Items) > 0:
		r.bad(n, "item", "A text has no items.")
	}
	seen := map[string]bool{}
	for i, o := range it.Options {
		if key := o.Value.Key(); seen[key] {
			r.bad(n, "answerOption["+strconv.Itoa(i)+"]", "The option stands twice.")
		} else {
			seen[key] = true
		}
	}
	if it.Min != nil && it.Max != nil {
		if c, ok := compare(*it.Min, *it.Max); !ok || c > 0 {
			r.bad(n, "extension", "The least value is above the greatest.")
		}
	}
}

func (r *reader) option(n fhir.Node) Option {
	o := Option{Value: r.value(n, "value"), Initial: n.Child("initialSelected").Bool()}
	score := func(e fhir.Node) {
		if raw := string(e.Child("valueDecimal").Raw()); raw != "" {
			if _, ok := decimal.Parse(raw); ok {
				o.Score = raw
			}
		}
	}
	for e := range n.Child("valueCoding").Child("extension").Each() {
		if e.Child("url").Text() == ordinalURL {
			score(e)
		}
	}
	o.ext = r.extensions(n, map[string]func(fhir.Node){
		ordinalURL: score,
		alarmURL:   func(e fhir.Node) { o.Alarm = e.Child("valueBoolean").Bool() },
	})
	if o.Value.Text == "" {
		r.bad(n, "", "The option has no value.")
	}
	o.rest = rest(n, "extension", "initialSelected", "valueCoding", "valueString", "_valueString", "valueInteger", "valueDate", "valueTime")
	return o
}

// conditions checks what the conditions name.
func (r *reader) conditions(q *Questionnaire) {
	q.Each(func(it *Item, _ int) bool {
		for i, w := range it.When {
			place := fmt.Sprintf("item %q, enableWhen[%d]", it.LinkID, i)
			of := q.Item(w.Question)
			switch {
			case of == nil:
				r.at(place, fmt.Sprintf("There is no question %q.", clip(w.Question)))
			case of == it || !of.Type.Asks():
				r.at(place, fmt.Sprintf("%q is no question that can be asked before.", clip(w.Question)))
			case !slices.Contains(Operators, w.Operator):
				r.at(place, fmt.Sprintf("There is no operator %q.", clip(string(w.Operator))))
			case w.Operator == Exists && w.Answer.Kind != "boolean":
				r.at(place, "The operator exists needs answerBoolean.")
			case w.Answer.Text == "":
				r.at(place, "The condition has no answer to compare with.")
			}
		}
		return true
	})
}

// text reads a text and its translations.
func (r *reader) text(n fhir.Node, key string) Text {
	v, side := n.Pair(key)
	t := Text{Words: v.Text()}
	if utf8.RuneCountInString(t.Words) > MaxText {
		r.bad(n, key, "The text is too long.")
	}
	t.In = translations(side)
	return t
}

func translations(side fhir.Node) map[string]string {
	var in map[string]string
	for e := range side.Child("extension").Each() {
		if e.Child("url").Text() != translationURL {
			continue
		}
		var tag, words string
		for x := range e.Child("extension").Each() {
			switch x.Child("url").Text() {
			case "lang":
				tag = x.Child("valueCode").Text()
			case "content":
				for _, k := range [...]string{"valueString", "valueMarkdown"} {
					if s := x.Child(k).Text(); s != "" {
						words = s
					}
				}
			}
		}
		if tag != "" && words != "" {
			if in == nil {
				in = map[string]string{}
			}
			in[tag] = words
		}
	}
	return in
}

// limit reads a least or greatest value.
func (r *reader) limit(e fhir.Node) *Value {
	v := r.value(e, "value")
	if v.Text == "" {
		r.bad(e, "", "The limit has no value.")
		return nil
	}
	return &v
}

// extensions reads those that known has, and returns the others.
func (r *reader) extensions(n fhir.Node, known map[string]func(fhir.Node)) (others []json.RawMessage) {
	for e := range n.Child("extension").Each() {
		if read := known[e.Child("url").Text()]; read != nil {
			read(e)
		} else {
			others = append(others, slices.Clone(e.Raw()))
		}
	}
	return others
}

// rest returns the elements that are not known.
func rest(n fhir.Node, known ...string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	for k, v := range n.Fields() {
		if slices.Contains(known, k) {
			continue
		}
		if m == nil {
			m = map[string]json.RawMessage{}
		}
		m[k] = slices.Clone(v.Raw())
	}
	return m
}

func codings(n fhir.Node) (list []Coding) {
	for c := range n.Each() {
		list = append(list, Coding{c.Child("system").Text(), c.Child("code").Text(), c.Child("display").Text()})
	}
	return list
}

func code(n fhir.Node) string { return n.First().Child("code").Text() }

func whole(n fhir.Node) int {
	f, ok := n.Number()
	if !ok || f < 0 || f > 1e6 {
		return 0
	}
	return int(f)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
