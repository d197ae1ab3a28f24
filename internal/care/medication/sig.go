package medication

import (
	"strings"

	"hale/internal/base/lang"
	"hale/internal/standard/fhir"
)

// Sig is how to take a medicine.
type Sig struct {
	Words   string // in the reader's language
	Written string // as the prescriber wrote it, where Words differ from it
}

// Say reads out a list of Dosages: what the prescriber wrote for the patient,
// with its abbreviations in full, or the coded parts. To whom the prescriber's
// English says nothing it reads the coded parts out, and keeps the original
// beside them, for it may say more.
//
// Spec: https://hl7.org/fhir/R4/dosage.html
func Say(l lang.Lang, dosages fhir.Node) Sig {
	var said, written []string
	for d := range dosages.Each() {
		s := say(l, d)
		if s.Words != "" {
			said = append(said, strings.TrimSuffix(s.Words, "."))
		}
		if s.Written != "" {
			written = append(written, s.Written)
		}
	}
	return Sig{strings.Join(said, ". "), strings.Join(written, ". ")}
}

func say(l lang.Lang, d fhir.Node) Sig {
	text := d.Get("patientInstruction").Text()
	if text == "" {
		text = d.Get("text").Text()
	}
	coded := read(l, d)
	if text == "" {
		return Sig{Words: coded}
	}
	plain, whole := Plain(l, text)
	if l != lang.English && !whole && complete(d) {
		return Sig{coded, text}
	}
	if plain == text || l == lang.English && strings.EqualFold(plain, text) {
		return Sig{Words: plain}
	}
	return Sig{plain, text}
}

// complete says whether the coded parts alone tell how much and when.
func complete(d fhir.Node) bool {
	dose := d.Get("doseAndRate")
	return (dose.Get("doseQuantity", "value").Exists() || dose.Get("doseRange").Exists()) && often(lang.English, d.Get("timing")) != ""
}

// read reads the coded parts of one Dosage out.
func read(l lang.Lang, d fhir.Node) string {
	way := routeOf(d.Get("route"))
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if dose := amount(l, d.Get("doseAndRate")); dose != "" {
		add(l.T(way.verb) + " " + dose)
	}
	if way.where != "" {
		add(l.T(way.where))
	}
	add(often(l, d.Get("timing")))
	words := strings.Join(parts, " ")
	for _, more := range []string{moments(l, d.Get("timing", "repeat")), needed(l, d), lasting(l, d.Get("timing", "repeat"))} {
		if words != "" && more != "" {
			words += ", "
		}
		words += more
	}
	if words != "" && !strings.HasPrefix(words, l.T(way.verb)) {
		words = l.T(way.verb) + " " + words
	}
	for _, more := range append(most(l, d.Get("maxDosePerPeriod")), extras(l, d)...) {
		if words != "" {
			words += ". "
		}
		words += strings.TrimSuffix(more, ".")
	}
	return words
}

// route is a way into the body, with the verb that goes with it.
type route struct{ verb, where string }

// routes are the ways by their SNOMED CT codes.
//
// Spec: http://hl7.org/fhir/R4/valueset-route-codes.html
var routes = map[string]route{
	"26643006": {"Take", "by mouth"}, "37839007": {"Put", "under the tongue"}, "34206005": {"Inject", "under the skin"}, "78421000": {"Inject", "into a muscle"},
	"47625008": {"Inject", "into a vein"}, "6064005": {"Put", "on the skin"}, "45890007": {"Put", "on the skin"}, "54485002": {"Put", "in the eye"},
	"10547007": {"Put", "in the ear"}, "46713006": {"Use", "in the nose"}, "37161004": {"Put", "in the rectum"}, "16857009": {"Put", "in the vagina"},
	"447694001": {"Breathe in", ""}, "18679011000001101": {"Breathe in", ""},
}

func routeOf(n fhir.Node) route {
	for _, c := range n.Codings() {
		if r, ok := routes[c.Code]; ok {
			return r
		}
	}
	for _, r := range routes {
		if r.where != "" && strings.EqualFold(n.Concept(), r.where) {
			return r
		}
	}
	switch strings.ToLower(n.Concept()) {
	case "oral", "oral route", "po":
		return routes["26643006"]
	case "inhalation", "respiratory":
		return routes["447694001"]
	}
	return route{verb: "Take"}
}

// needed says that a medicine is for when it is needed, and what for.
func needed(l lang.Lang, d fhir.Node) string {
	if why := d.Get("asNeededCodeableConcept").Concept(); why != "" {
		return l.T("only when you need it for: %s", l.T(why))
	}
	if d.Get("asNeededBoolean").Bool() {
		return l.T("only when you need it")
	}
	return ""
}

// most says how much is the most.
func most(l lang.Lang, n fhir.Node) []string {
	of, in := n.Get("numerator"), n.Get("denominator")
	period, ok := in.Get("value").Number()
	u, known := unitOfTime(in)
	if !of.Exists() || !ok || !known {
		return nil
	}
	return []string{l.T("No more than %s in %s", quantity(l, of), count(l, period, u.one, u.many))}
}

// extras are the further instructions, such as: with food.
func extras(l lang.Lang, d fhir.Node) []string {
	var list []string
	for n := range d.Get("additionalInstruction").Each() {
		if text := strings.TrimSuffix(n.Concept(), "."); text != "" {
			list = append(list, l.T(text))
		}
	}
	return list
}
