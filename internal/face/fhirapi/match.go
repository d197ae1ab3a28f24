package fhirapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// candidate is a patient who may be the one that is looked for.
type candidate struct {
	record.Resource
	score float64 // from 0 to 1
	grade string
}

// matchCount is how many candidates are shown where count does not say.
const matchCount = 20

// match finds patients who may be the one that is described. A score is the
// share of what could be compared that agrees, each by its weight: it says
// how much speaks for it, and is no probability.
//
// Spec: https://hl7.org/fhir/R4/patient-operation-match.html
func (a *API) match(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	want := p.Resource("resource")
	if want.Get("resourceType").Text() != "Patient" {
		return Answer{}, refuse(http.StatusBadRequest, "required", "Parameters.parameter", "The parameter resource has the Patient to look for.")
	}
	if c.Actor.Kind != access.System && c.Actor.Kind != access.Staff {
		return Answer{}, refuse(http.StatusForbidden, "forbidden", "http.path", "Only the clinic and systems that it let in look for patients.")
	}
	pass, err := a.pass(c, "Patient", smart.Search, "")
	if err != nil {
		return Answer{}, err
	}
	most := matchCount
	if text := p.Text("count"); text != "" {
		if most, err = strconv.Atoi(text); err != nil || most < 1 {
			return Answer{}, refuse(http.StatusBadRequest, "value", "count", "count is a number above 0.")
		}
	}
	found, err := a.candidates(c, pass, want)
	if err != nil {
		return Answer{}, err
	}
	certain := p.Text("onlyCertainMatches") == "true"
	found = slices.DeleteFunc(found, func(f candidate) bool { return f.grade == "certainly-not" || certain && f.grade != "certain" })
	if certain && len(found) > 1 {
		found = nil // two cannot both be the one
	}
	found = found[:min(len(found), most, 1000)]
	b := a.newBundle("searchset")
	b.total(len(found))
	b.link("self", a.Base+"/Patient/$match")
	for i := range found {
		if err := b.scored(c, &found[i]); err != nil {
			return Answer{}, err
		}
	}
	return b.answer(c), nil
}

// scored adds a candidate with its score and grade.
func (b *bundle) scored(c *Call, f *candidate) error {
	b.entry()
	if err := b.resource(c, &f.Resource); err != nil {
		return err
	}
	b.add(`,"search":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"`)
	b.add(f.grade)
	b.add(`"}],"mode":"match","score":`)
	b.add(strconv.FormatFloat(f.score, 'f', 2, 64))
	b.add("}")
	b.end()
	return nil
}

// candidates returns those who agree in anything that people are found by,
// the likeliest first.
func (a *API) candidates(c *Call, pass access.Pass, want fhir.Node) ([]candidate, error) {
	seen := map[string]bool{}
	var list []candidate
	for _, q := range traits(want) {
		q["_count"] = []string{"200"}
		f, err := a.Record.Find(c.Context(), pass, "Patient", q)
		if err != nil {
			return nil, err
		}
		for _, r := range f.Matches {
			if seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			have, err := fhir.Parse(r.Body)
			if err != nil {
				return nil, err
			}
			score, grade := compare(want, have)
			list = append(list, candidate{r, score, grade})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.ID, b.ID)) })
	return list, nil
}

// traits returns the searches that find candidates.
func traits(want fhir.Node) []url.Values {
	var list []url.Values
	for _, i := range all(want, "identifier") {
		if v := i.Get("value").Text(); v != "" {
			v = escape(v)
			if system := i.Get("system").Text(); system != "" {
				v = escape(system) + "|" + v
			}
			list = append(list, url.Values{"identifier": {v}})
		}
	}
	born := want.Get("birthDate").Text()
	_, family, given := want.Get("name").HumanName()
	switch {
	case family != "" && born != "":
		list = append(list, url.Values{"family": {escape(family)}, "birthdate": {born}}, url.Values{"family:exact": {escape(family)}})
		if given != "" {
			list = append(list, url.Values{"given": {escape(given)}, "birthdate": {born}})
		}
	case family != "":
		list = append(list, url.Values{"family": {escape(family)}})
	}
	for _, t := range all(want, "telecom") {
		if v := t.Get("value").Text(); v != "" {
			list = append(list, url.Values{"telecom": {escape(v)}})
		}
	}
	return list
}

// all returns the elements of n under key.
func all(n fhir.Node, key string) []fhir.Node {
	var list []fhir.Node
	for k, v := range n.Fields() {
		if k == key {
			for e := range v.Each() {
				list = append(list, e)
			}
		}
	}
	return list
}

// escape escapes what a search would read as a separator.
func escape(v string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace(v)
}

// compare returns how much of what both say agrees, and how certain that
// makes it. An identifier of the same system that differs, or another
// birthday, speaks against it.
func compare(want, have fhir.Node) (score float64, grade string) {
	var sum, full float64
	weigh := func(weight float64, comparable, same bool) bool {
		if comparable {
			full += weight
			if same {
				sum += weight
			}
		}
		return comparable && same
	}
	sharedID, otherID := identifiers(want, have)
	weigh(5, sharedID || otherID, sharedID)
	_, family, given := want.Get("name").HumanName()
	families, givens := patientNames(have)
	name := weigh(2, family != "" && len(families) > 0, slices.Contains(families, plain(family)))
	first, _, _ := strings.Cut(given, " ")
	name = weigh(2, first != "" && len(givens) > 0, slices.Contains(givens, plain(first))) && name
	born := weigh(3, want.Get("birthDate").Exists() && have.Get("birthDate").Exists(), want.Get("birthDate").Text() == have.Get("birthDate").Text())
	weigh(1, want.Get("gender").Exists() && have.Get("gender").Exists(), want.Get("gender").Text() == have.Get("gender").Text())
	reached := false
	for _, t := range all(want, "telecom") {
		reached = reached || slices.ContainsFunc(all(have, "telecom"), func(h fhir.Node) bool { return h.Get("value").Text() == t.Get("value").Text() })
	}
	weigh(1, len(all(want, "telecom")) > 0 && len(all(have, "telecom")) > 0, reached)
	code := plain(want.Get("address", "postalCode").Text())
	weigh(1, code != "" && have.Get("address", "postalCode").Exists(), code == plain(have.Get("address", "postalCode").Text()))
	if full == 0 {
		return 0, "certainly-not"
	}
	score = sum / full
	switch {
	case sharedID && name && born && score >= 0.9:
		return score, "certain"
	case name && born && score >= 0.75, sharedID && (name || born):
		return score, "probable"
	case score >= 0.4:
		return score, "possible"
	}
	return score, "certainly-not"
}

// identifiers says whether both have one identifier, and whether both have
// one of the same system that differs.
func identifiers(want, have fhir.Node) (same, other bool) {
	for _, w := range all(want, "identifier") {
		for _, h := range all(have, "identifier") {
			system := w.Get("system").Text()
			if system == "" || system != h.Get("system").Text() {
				continue
			}
			if w.Get("value").Text() == h.Get("value").Text() {
				same = true
			} else {
				other = true
			}
		}
	}
	return same, other
}

// patientNames returns all family names and all given names of a patient, folded.
func patientNames(have fhir.Node) (families, givens []string) {
	for _, n := range all(have, "name") {
		families = append(families, plain(n.Get("family").Text()))
		for _, g := range all(n, "given") {
			givens = append(givens, plain(g.Text()))
		}
	}
	return families, givens
}

// plain is a name without case and without spaces around it.
func plain(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
