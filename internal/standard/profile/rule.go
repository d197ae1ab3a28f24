package profile

import (
	"errors"
	"strings"

	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
	"hale/internal/standard/terms"
)

// rule is an invariant, compiled.
type rule struct {
	facts.Rule
	holds *fhirpath.Expr
}

// rules compiles invariants. Those whose expression cannot be compiled are
// left out; a test names them.
func (v *Validator) rules(list []facts.Rule) []*rule {
	var out []*rule
	for _, f := range list {
		if e, err := v.expression(f.Text); err == nil {
			out = append(out, &rule{f, e})
		}
	}
	return out
}

// mended returns an invariant as it is meant. que-7 asks whether an element
// of FHIR is FHIRPath's own Boolean, which none ever is; R5 mends it so.
//
// Spec: https://hl7.org/fhir/R4/questionnaire.html (que-7)
func mended(text string) string {
	return strings.ReplaceAll(text, "(answer is Boolean)", "(answer is boolean)")
}

// expression compiles an expression once: many types share their invariants.
// The lock that guards v.making may be held.
func (v *Validator) expression(text string) (*fhirpath.Expr, error) {
	if e, ok := v.compiled.Load(text); ok {
		return e.(*fhirpath.Expr), nil
	}
	e, err := fhirpath.Compile(mended(text))
	if err != nil {
		return nil, err
	}
	v.compiled.Store(text, e)
	return e, nil
}

// hold checks the invariants of a value.
//
// Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
func (c *check) hold(rules []*rule, value fhirpath.Value) {
	for _, r := range rules {
		if c.full() || c.tired || c.spent {
			return
		}
		env := fhirpath.Env{Resource: c.inside, Root: c.around, Terms: members{c.v.terms}, Resolve: nil}
		ok, err := r.holds.HoldsOn(env, value)
		if errors.Is(err, fhirpath.ErrLimit) {
			c.tire(c.inside)
			c.spent = true
		}
		if err != nil || ok {
			continue // what cannot be worked out is not held against anybody
		}
		sev := Error
		if r.Warning {
			sev = Warning
		}
		c.say(sev, "invariant", r.Key, value.Node(), "", r.Human+".")
	}
}

// members answers memberOf().
type members struct{ *terms.Terms }

// MemberOf says whether any of the codes is in the value set.
func (m members) MemberOf(valueSet string, codes []fhir.Coding) (member, known bool) {
	set := m.Set(valueSet)
	if set == nil {
		return false, false
	}
	known = true
	for _, code := range codes {
		switch set.Has(code.System, code.Code) {
		case terms.In:
			return true, true
		case terms.Unknown:
			known = false
		}
	}
	return false, known
}
