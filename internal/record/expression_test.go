package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// published is one search parameter as HL7 publishes it.
type published struct {
	Code, Type, Expression string
	Base                   []string
}

// parameters reads the search parameters of R4.
func parameters(t testing.TB) []published {
	t.Helper()
	text, err := os.ReadFile(haletest.Data(t, "fhir/r4-definitions/search-parameters.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		Entry []struct{ Resource published }
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	var list []published
	for _, e := range b.Entry {
		list = append(list, e.Resource)
	}
	return list
}

// synthea reads the resources of the first n bundles, at most perType of each
// type; 0 is all.
func synthea(t testing.TB, n, perType int) []fhir.Node {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(haletest.Data(t, "fhir/synthea"), "*.json"))
	slices.Sort(files)
	var list []fhir.Node
	count := map[string]int{}
	for _, name := range files[:min(n, len(files))] {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := fhir.Parse(settled(t, text))
		if err != nil {
			t.Fatal(err)
		}
		for e := range bundle.Get("entry").Each() {
			node, err := fhir.Parse(e.Get("resource").Raw())
			if err != nil {
				t.Fatal(err)
			}
			typ := node.Get("resourceType").Text()
			if count[typ]++; perType == 0 || count[typ] <= perType {
				list = append(list, node)
			}
		}
	}
	return list
}

// conditional is a reference by a search, which an import resolves.
var conditional = regexp.MustCompile(`"(\w+)\?identifier=[^"|]*\|([^"]*)"`)

// settled returns a bundle as an import leaves it, its references resolved.
func settled(t testing.TB, text []byte) []byte {
	t.Helper()
	bundle, err := fhir.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	pairs := []string{}
	for e := range bundle.Get("entry").Each() {
		r := e.Get("resource")
		pairs = append(pairs, `"`+e.Get("fullUrl").Text()+`"`, `"`+r.Get("resourceType").Text()+"/"+r.Get("id").Text()+`"`)
	}
	return conditional.ReplaceAll([]byte(strings.NewReplacer(pairs...).Replace(string(text))), []byte(`"$1/$2"`))
}

// odd are resources with what Synthea never writes.
var odd = []string{
	`{"resourceType":"Patient","id":"d","deceasedDateTime":"2020-01-01","extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}}]}]}`,
	`{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/d"},"onsetRange":{"low":{"value":4},"high":{"value":6}},"abatementAge":{"value":7,"code":"a","system":"http://unitsofmeasure.org"},"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/condition-assertedDate","valueDateTime":"2021-02-03"}]}`,
	`{"resourceType":"RiskAssessment","id":"r","status":"final","subject":{"reference":"Group/g"},"prediction":[{"probabilityDecimal":0.25}]}`,
	`{"resourceType":"QuestionnaireResponse","id":"q","status":"completed","questionnaire":"http://forms.example/q|2","subject":{"reference":"Patient/d"},"authored":"2021"}`,
	`{"resourceType":"Library","id":"l","status":"active","type":{"text":"x"},"relatedArtifact":[{"type":"depends-on","resource":"http://a.example/x"},{"type":"composed-of","resource":"http://a.example/y"}],"useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":1,"unit":"a"}}}]}`,
	`{"resourceType":"Bundle","id":"b","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"c1"}},{"resource":{"resourceType":"Patient","id":"d"}}]}`,
	`{"resourceType":"ChargeItem","id":"ci","status":"billable","code":{"text":"x"},"subject":{"reference":"Patient/d"},"priceOverride":{"value":3.5,"currency":"USD"},"factorOverride":0.8,"quantity":{"value":2}}`,
	`{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","medicationReference":{"reference":"Medication/x"},"subject":{"identifier":{"system":"s","value":"v"}},"dosageInstruction":[{"timing":{"event":["2021-03-04"]}}],"meta":{"tag":[{"system":"t","code":"u"}],"profile":["http://p.example/a"],"source":"urn:x"}}`,
}

// What the index holds of every search parameter of R4 is what its FHIRPath
// expression comes to.
func TestExpressions(t *testing.T) {
	list := synthea(t, 6, 40)
	for _, text := range odd {
		node, err := fhir.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, node)
	}
	compared, values := map[string]bool{}, 0
	for _, p := range parameters(t) {
		if p.Type == "composite" || p.Type == "special" || p.Expression == "" || p.Code == "_id" || p.Code == "_lastUpdated" {
			continue
		}
		x, err := fhirpath.Compile(p.Expression)
		if err != nil {
			t.Fatalf("%s: %v", p.Code, err)
		}
		for _, node := range list {
			typ := node.Get("resourceType").Text()
			if !slices.Contains(p.Base, typ) && p.Base[0] != "Resource" {
				continue
			}
			want, got := byExpression(t, x, p, node), byElements(typ, p.Code, node)
			if !slices.Equal(want, got) {
				t.Errorf("%s.%s of %s: the index has %v, the expression %v", typ, p.Code, node.Get("id").Text(), got, want)
			}
			compared[typ+"."+p.Code] = true
			values += len(want)
		}
	}
	if t.Logf("%d parameters of types, %d values", len(compared), values); values < 3000 {
		t.Errorf("compared %d values, want those of the bundles", values)
	}
}

var kinds = map[string]fhir.Kind{"token": fhir.TokenKind, "date": fhir.DateKind, "string": fhir.StringKind, "reference": fhir.ReferenceKind,
	"quantity": fhir.QuantityKind, "number": fhir.NumberKind, "uri": fhir.UriKind}

// byExpression returns the rows of what an expression comes to, as text.
func byExpression(t *testing.T, x *fhirpath.Expr, p published, node fhir.Node) []string {
	values, err := x.Eval(fhirpath.Env{Resource: node}, node)
	if err != nil {
		t.Fatalf("%s: %v", p.Code, err)
	}
	var r rows
	for _, v := range values {
		e := fhir.Element{Kind: kinds[p.Type]}
		if b, ok := v.Bool(); ok && !v.Node().Exists() {
			r.addToken(0, "", fmt.Sprint(b))
			continue
		}
		if typ := v.Type(); typ != "" && v.Node().Exists() {
			e.Data = strings.ToLower(typ[:1]) + typ[1:]
			if fhir.IsType(typ) {
				e.Data = "resource"
			}
			if e.Data == "sampledData" {
				continue
			}
			r.addKind(e, "", v.Node())
		}
	}
	return r.texts("")
}

// byElements returns the rows of a parameter's elements.
func byElements(typ, code string, node fhir.Node) []string {
	def := fhir.Define(typ)
	p, ok := def.Parameter(code)
	if !ok {
		return nil
	}
	var r rows
	for _, at := range p.Elements {
		e := def.Elements[at]
		e.Number = 0
		_ = walk(node, e.Steps, func(n fhir.Node) { r.addKind(e, "", n) })
	}
	return r.texts(p.Target)
}

// texts returns r's rows, sorted, of references only those to target.
func (r *rows) texts(target string) []string {
	var list []string
	for _, v := range r.tokens {
		if target != "" {
			continue // an identifier has no type that resolve() is
		}
		list = append(list, fmt.Sprint("token ", v))
	}
	for _, v := range r.dates {
		list = append(list, fmt.Sprint("date ", v))
	}
	for _, v := range r.strings {
		list = append(list, fmt.Sprint("string ", v))
	}
	for _, v := range r.amounts {
		list = append(list, fmt.Sprint("amount ", v))
	}
	for _, v := range r.references {
		if target == "" || v.typ == target {
			list = append(list, fmt.Sprint("reference ", v))
		}
	}
	slices.SortFunc(list, cmp.Compare)
	return list
}
