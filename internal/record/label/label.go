// Package label finds out which resources the law protects more than
// others, by their codes and by what their sender says.
//
// The rules are data: see rules.json and minor.json. A label is put on when a
// resource is written, and made again for all when the rules change.
//
// Spec: HL7 DS4P, https://hl7.org/fhir/R4/security-labels.html
package label

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode"

	"hale/internal/access"
	"hale/internal/standard/fhir"
)

// Version is the rules' number. It rises when they change.
func Version() int64 { return book().version }

// Of returns the labels that n carries by itself: by its codes wherever they
// stand in it, and by its sender's meta.security.
func Of(n fhir.Node) access.Label {
	r := book()
	labels := r.secured(n.Get("meta", "security"))
	for o := range n.Holding("code") {
		code := o.Get("code")
		if !code.IsText() || !r.known(code.Raw()) && !bytes.ContainsRune(code.Raw(), '\\') {
			continue
		}
		labels |= r.coded(o.Get("system").Text(), code.Text())
	}
	return labels
}

// Concept returns the labels of one code, in one system or, where that is
// empty, in any.
func Concept(system, code string) access.Label { return book().coded(system, code) }

// known says whether a code, in its quotes, could be one of the rules', so
// that most need no second look.
func (r *rules) known(raw []byte) bool {
	if len(raw) < 3 {
		return false
	}
	code := raw[1 : len(raw)-1]
	if c := code[0]; c >= 'A' && c <= 'Z' && r.initials[c] {
		return true
	}
	return r.any[string(code)]
}

// coded returns the labels of a code. A code without a system counts in
// whichever system knows it: rather one label too many.
func (r *rules) coded(system, code string) access.Label {
	var labels access.Label
	for _, s := range r.sets {
		if system != "" && !s.speaks(system) {
			continue
		}
		if s.codes[code] || slices.ContainsFunc(s.prefixes, func(p string) bool { return begins(code, p) }) {
			labels |= s.labels
		}
	}
	return labels
}

// speaks says whether s is about codes of system, whose addresses senders
// spell in many ways: as HL7 v2 names them, with a version, in capitals.
func (s set) speaks(system string) bool {
	return system == s.system || slices.Contains(s.spelled, system) || family(system) == family(s.system) && family(system) != ""
}

// family returns which of the code systems of the rules an address or a name
// means, or nothing.
//
// Spec: HL7 v2.9 table 0396
func family(system string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, system)
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case has("snomed"), has("/sct"), name == "sct", name == "snm", name == "2168401113883696", name == "urn:oid:2168401113883696":
		return "snomed"
	case has("icd10pcs"):
		return ""
	case has("icd10"), name == "i10", name == "i10c", name == "10d", has("2168401113883690"):
		return "icd10"
	case has("rxnorm"), name == "rxn", has("2168401113883688"):
		return "rxnorm"
	case has("loinc"), name == "ln", name == "lnc", name == "urn:oid:216840111388361", name == "216840111388361":
		return "loinc"
	}
	return ""
}

// begins says whether an ICD-10-CM code lies under prefix, with its point or
// without. The letter must be followed by a digit.
func begins(code, prefix string) bool {
	if len(code) < 3 || code[1] < '0' || code[1] > '9' {
		return false
	}
	plain := strings.ReplaceAll(code, ".", "")
	return strings.HasPrefix(plain, strings.ReplaceAll(prefix, ".", ""))
}

// secured returns what meta.security says.
func (r *rules) secured(list fhir.Node) access.Label {
	var labels access.Label
	restricted := false
	for c := range list.Each() {
		code := c.Get("code").Text()
		system := c.Get("system").Text()
		for s, codes := range r.security {
			if system == "" || system == s {
				labels |= codes[code]
			}
		}
		restricted = restricted || code == "R"
	}
	if restricted && labels == 0 {
		labels = r.restricted
	}
	return labels
}

// Minor returns what care with labels adds when it was given to somebody of
// this age in a state: it may be the minor's own affair.
func Minor(labels access.Label, born, state string, at time.Time) access.Label {
	age := access.Age(born, at)
	if at.IsZero() || age >= access.Adult {
		return 0
	}
	ages, ok := book().minors[strings.ToUpper(state)]
	if !ok {
		ages = book().minors["*"]
	}
	for l, from := range ages {
		if labels&l != 0 && age >= from {
			return access.MinorConfidential
		}
	}
	return 0
}
