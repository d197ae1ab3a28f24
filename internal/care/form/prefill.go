package form

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
	"hale/internal/standard/form"
)

// chart is what filling in beforehand needs of the record.
type chart interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
}

// usual are the expressions of questions that have a code of LOINC and no
// expression of their own.
var usual = map[string]string{
	"54125-0": nameOf,
	"21112-8": "%patient.birthDate",
	"42077-8": phoneOf,
	"76458-9": "%patient.telecom.where(system = 'email').value.first()",
	"56799-0": addressOf,
	"10160-0": "%medicines",
	"48765-2": "%allergies",
}

// The expressions of what everybody asks for.
const (
	nameOf    = "%patient.name.where(use = 'official' or use.empty()).first().select(iif(text.exists(), text, (given | family).join(' ')))"
	phoneOf   = "(%patient.telecom.where(system = 'phone' and use = 'mobile').value | %patient.telecom.where(system = 'phone').value).first()"
	addressOf = "%patient.address.first().select(iif(text.exists(), text, (line.join(', ') | city | (state & ' ' & postalCode)).join(', ')))"
)

// Prefill returns what the record already says at the questions of q, as it
// would have been typed: pass opens the record for ReadRecord. What it does
// not show is left empty, and so is what does not fit.
//
// Spec: https://hl7.org/fhir/uv/sdc/STU3/populate.html (launch context
// patient; beside it, the names of current medicines and allergies)
func Prefill(ctx context.Context, c chart, pass access.Pass, q *form.Questionnaire, now time.Time) (url.Values, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	env, err := surroundings(ctx, c, pass, patient, now)
	if err != nil {
		return nil, err
	}
	typed := url.Values{}
	q.Unfold(nil).Each(func(it *form.Item, _ int) bool {
		for name, list := range it.Typed(start(it, env)) {
			typed[name] = list
		}
		return true
	})
	return typed, nil
}

// surroundings reads what the expressions may name.
func surroundings(ctx context.Context, c chart, pass access.Pass, patient string, now time.Time) (fhirpath.Env, error) {
	res, err := c.Get(ctx, pass, "Patient", patient)
	if err != nil {
		return fhirpath.Env{}, err
	}
	who, err := fhir.Parse(res.Body)
	if err != nil {
		return fhirpath.Env{}, err
	}
	env := fhirpath.Env{Resource: who, Root: who, Now: now, Vars: map[string]fhirpath.Collection{"patient": {fhirpath.Of(who)}}}
	for name, of := range map[string]struct {
		typ, concept string
		q            url.Values
	}{
		"medicines": {"MedicationRequest", "medicationCodeableConcept", url.Values{"status": {"active"}, "_count": {"50"}}},
		"allergies": {"AllergyIntolerance", "code", url.Values{"clinical-status": {"active"}, "_count": {"50"}}},
	} {
		page, err := c.Search(ctx, pass, of.typ, of.q)
		if err != nil {
			return fhirpath.Env{}, err
		}
		var names []string
		for _, r := range page.Resources {
			if n, err := fhir.Parse(r.Body); err == nil {
				if s := n.Get(of.concept).Concept(); s != "" && !slices.Contains(names, s) {
					names = append(names, s)
				}
			}
		}
		list := fhirpath.Collection{}
		for _, s := range names {
			list = append(list, fhirpath.Text(s))
		}
		env.Vars[name] = list
	}
	return env, nil
}

// start returns what a question begins with: what its expression finds, else
// its own first answer.
func start(it *form.Item, env fhirpath.Env) []form.Value {
	text := it.Expr
	for _, code := range it.Codes {
		if text == "" && code.System == form.LOINC {
			text = usual[code.Code]
		}
	}
	if text == "" {
		return it.Start()
	}
	expr, err := fhirpath.Compile(text)
	if err != nil {
		return it.Start()
	}
	found, err := expr.Eval(env, env.Resource)
	if err != nil || len(found) == 0 {
		return it.Start()
	}
	var said []string
	for _, v := range found {
		s := v.String()
		if n := v.Node(); n.IsObject() {
			if s = n.Child("code").Text(); s == "" {
				s = n.Concept()
			}
		}
		if s = strings.TrimSpace(s); s != "" {
			said = append(said, s)
		}
	}
	return answers(it, said)
}

// answers returns what was found as answers of a question.
func answers(it *form.Item, said []string) []form.Value {
	if it.Type == form.Long && !it.Repeats && len(said) > 1 {
		said = []string{strings.Join(said, "\n")}
	}
	var list []form.Value
	for _, s := range said {
		if len(it.Options) > 0 {
			for _, o := range it.Options {
				if o.Value.Text == s || o.Value.Display == s {
					list = append(list, o.Value)
				}
			}
			continue
		}
		free := *it
		free.ReadOnly, free.Hidden = false, false
		got, no := free.Read(url.Values{form.Field(it.LinkID): {s}})
		if no == nil {
			list = append(list, got...)
		}
	}
	if len(list) > 1 && !it.Repeats {
		list = list[:1]
	}
	return list
}
