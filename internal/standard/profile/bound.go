package profile

import (
	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
)

// bound checks that a value has a code of the value set it is bound to.
//
// Spec: https://hl7.org/fhir/R4/terminologies.html#strength
func (c *check) bound(n fhir.Node, typ string, b *binding) {
	if codeIn(n, typ, b) != terms.Out {
		return
	}
	if b.required {
		c.say(Error, "code-invalid", "binding", n, "", "Use a code of the value set "+b.url+": this element takes no other.")
		return
	}
	c.say(Warning, "code-invalid", "binding", n, "", "Use a code of the value set "+b.url+" if one of them fits.")
}

// codeIn says whether a value of a type has a code of the set.
func codeIn(n fhir.Node, typ string, b *binding) terms.Answer {
	switch typ {
	case "CodeableConcept":
		return concept(n, b)
	case "Coding":
		return coding(n, b)
	case "Quantity", "Age", "Duration", "Count", "Distance", "Money", "SimpleQuantity":
		if n.Child("code").IsText() {
			return coding(n, b)
		}
	case "code", "uri", "string", "canonical", "url":
		if n.IsText() {
			return b.set.Has("", n.Text())
		}
	}
	return terms.Unknown
}

func coding(n fhir.Node, b *binding) terms.Answer {
	code := n.Child("code").Text()
	if code == "" {
		if b.required {
			return terms.Out
		}
		return terms.Unknown
	}
	system := n.Child("system").Text()
	if system == "" {
		system = " " // a coding without a system is in no value set
	}
	return b.set.Has(system, code)
}

// concept says whether one of a concept's codings is in the set.
func concept(n fhir.Node, b *binding) terms.Answer {
	list := n.Child("coding")
	first := list.First()
	if !first.Exists() {
		if b.required {
			return terms.Out
		}
		return terms.Unknown // words alone are allowed where no code fits
	}
	answer := terms.Out
	for e := first; e.Exists(); e = e.Next(list) {
		switch coding(e, b) {
		case terms.In:
			return terms.In
		case terms.Unknown:
			answer = terms.Unknown
		}
	}
	return answer
}
