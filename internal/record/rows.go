package record

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hale/internal/standard/fhir"
)

// rows is what the search index holds of one resource.
type rows struct {
	tokens     []tokenRow
	dates      []dateRow
	references []referenceRow
	strings    []stringRow
	amounts    []amountRow
	parts      []partRow
	sort       int64 // the type's main date, or 0
}

type tokenRow struct {
	param  int32
	code   string
	system int64
}

type dateRow struct {
	param     int32
	low, high int64
}

type referenceRow struct {
	param   int32
	typ, id string
}

type stringRow struct {
	param         int32
	folded, exact string
}

type amountRow struct {
	param int32
	amount
}

type partRow struct {
	param, place int32
	code         string
	amount       amount
	typ, id      string
}

// longest is the most bytes of a code or a text that the index keeps.
const longest = 256

// mainDate names the search parameter whose date orders a list of a type,
// where it is not called date.
var mainDate = map[string][]string{
	"Condition":         {"onset-date", "recorded-date"},
	"MedicationRequest": {"authoredon"}, "MedicationStatement": {"effective"},
	"Claim": {"created"}, "ExplanationOfBenefit": {"created"}, "Goal": {"start-date"},
	"ImagingStudy": {"started"}, "Slot": {"start"}, "Patient": {"birthdate"},
	"Communication": {"sent", "received"}, "ServiceRequest": {"authored"}, "Task": {"authored-on"},
	"QuestionnaireResponse": {"authored"}, "Provenance": {"recorded"},
}

// badElement is an element of another shape than its type has.
type badElement struct{ path, reason string }

// rowsOf returns the index rows of a resource in patient's compartment.
func rowsOf(typ, patient string, node fhir.Node) (rows, *badElement) {
	def := fhir.Define(typ)
	own, _ := ownParameter(typ)
	var r rows
	for i, e := range def.Elements {
		start := len(r.dates)
		mine := patient
		if !slices.Contains(own.Elements, i) {
			mine = ""
		}
		if bad := r.add(e, mine, node); bad != nil {
			return rows{}, bad
		}
		if len(r.dates) > start {
			r.note(typ, def, i, r.dates[start].low)
		}
	}
	r.addParts(def, node)
	return r, nil
}

// note keeps low as the main date if the element at is what typ's main date
// parameter looks at.
func (r *rows) note(typ string, def *fhir.Definition, at int, low int64) {
	names := mainDate[typ]
	if names == nil {
		names = []string{"date"}
	}
	for rank, name := range names {
		p, ok := def.Parameter(name)
		if ok && slices.Contains(p.Elements, at) && (r.sort == 0 || rank == 0) {
			r.sort = low
		}
	}
}

// add adds the rows of one element. A reference to mine needs none: the
// compartment says the same.
func (r *rows) add(e fhir.Element, mine string, node fhir.Node) *badElement {
	var bad *badElement
	shape := walk(node, e.Steps, func(n fhir.Node) {
		if reason := r.addValue(e, mine, n); reason != "" && bad == nil {
			bad = &badElement{n.Path(), reason}
		}
	})
	if shape != nil {
		return shape
	}
	return bad
}

// walk calls fn with every value at the end of steps, and says where the way
// there has another shape than it should.
func walk(n fhir.Node, steps []fhir.Step, fn func(fhir.Node)) *badElement {
	if len(steps) == 0 {
		fn(n)
		return nil
	}
	if !n.IsObject() {
		return &badElement{n.Path(), "an object is wanted"}
	}
	s := steps[0]
	next := n.Get(s.Key)
	switch {
	case !next.Exists():
		return nil
	case s.FilterKey == "[0]":
		for e := range next.Each() {
			return walk(e, steps[1:], fn)
		}
		return nil
	case s.Many != next.IsArray():
		if s.Many {
			return &badElement{next.Path(), "a list is wanted"}
		}
		return &badElement{next.Path(), "one value is wanted, not a list"}
	}
	for e := range next.Each() {
		if e.IsLiteral("null") || s.FilterKey != "" && e.Get(s.FilterKey).Text() != s.FilterValue {
			continue
		}
		if bad := walk(e, steps[1:], fn); bad != nil {
			return bad
		}
	}
	return nil
}

// addValue adds the rows of one value and returns what is wrong with it.
func (r *rows) addValue(e fhir.Element, mine string, n fhir.Node) string {
	if reason := misshapen(e.Data, n); reason != "" {
		return reason
	}
	return r.addKind(e, mine, n)
}

// addKind adds the rows of one value that is of its data type.
func (r *rows) addKind(e fhir.Element, mine string, n fhir.Node) string {
	switch e.Kind {
	case fhir.TokenKind, fhir.UriKind:
		r.addTokens(e, n)
	case fhir.DateKind:
		return r.addDate(e, n)
	case fhir.ReferenceKind:
		r.addReference(e, mine, n)
	case fhir.QuantityKind, fhir.NumberKind:
		r.addAmount(e, n)
	case fhir.StringKind:
		r.addStrings(e, n)
	}
	return ""
}

// misshapen says why n cannot be of the data type data.
func misshapen(data string, n fhir.Node) string {
	switch data {
	case "boolean":
		if !n.IsLiteral("true") && !n.IsLiteral("false") {
			return "true or false is wanted"
		}
	case "decimal", "integer", "positiveInt", "unsignedInt":
		if _, ok := n.Number(); !ok {
			return "a number is wanted"
		}
	case "string", "markdown", "code", "id", "uri", "url", "canonical", "oid", "date", "dateTime", "instant":
		if !n.IsText() {
			return "a text is wanted"
		}
	default:
		if !n.IsObject() {
			return "an object is wanted"
		}
	}
	return ""
}

// once adds v to list unless it is there.
func once[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// addTokens adds the codes of n.
//
// Spec: https://hl7.org/fhir/R4/search.html#token
func (r *rows) addTokens(e fhir.Element, n fhir.Node) {
	switch e.Data {
	case "codeableConcept":
		for c := range n.Get("coding").Each() {
			r.addToken(e.Number, c.Get("system").Text(), c.Get("code").Text())
		}
	case "coding":
		r.addToken(e.Number, n.Get("system").Text(), n.Get("code").Text())
	case "identifier":
		r.addIdentifier(e.Number, n)
	case "contactPoint":
		r.addToken(e.Number, "", n.Get("value").Text())
	case "deceased":
		died := n.Get("deceasedBoolean").Bool() || n.Get("deceasedDateTime").Exists()
		r.addToken(e.Number, "", strconv.FormatBool(died))
	default:
		r.addToken(e.Number, "", n.Text())
	}
}

// addIdentifier adds an identifier's value, and once more by what sort of
// number it is.
func (r *rows) addIdentifier(param int32, n fhir.Node) {
	value := n.Get("value").Text()
	r.addToken(param, n.Get("system").Text(), value)
	for c := range n.Get("type", "coding").Each() {
		if code := c.Get("code").Text(); code != "" && value != "" {
			r.addToken(derived(param, ofType), c.Get("system").Text(), code+"|"+value)
		}
	}
}

// Rows that belong to an element and are not its value have a number that is
// derived from its own.
const (
	ofType  = "of-type"    // the identifier with its type
	ofOwner = "identifier" // the identifier of what a reference leads to
)

func derived(param int32, what string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(param >> 24), byte(param >> 16), byte(param >> 8), byte(param)})
	_, _ = h.Write([]byte(what))
	return int32(h.Sum32() & 0x7fffffff)
}

// addReference adds where n leads: to a resource here, to an address, or to
// whatever has an identifier.
func (r *rows) addReference(e fhir.Element, mine string, n fhir.Node) {
	if e.Data == "resource" {
		if typ, id := n.Get("resourceType").Text(), n.Get("id").Text(); fhir.IsType(typ) && fhir.ValidID(id) {
			r.references = once(r.references, referenceRow{e.Number, typ, id})
		}
		return
	}
	address := n
	if e.Data == "reference" {
		address = n.Get("reference")
		if i := n.Get("identifier"); i.IsObject() {
			r.addToken(derived(e.Number, ofOwner), i.Get("system").Text(), i.Get("value").Text())
		}
	}
	typ, id := address.Reference()
	if typ == "" && absolute(address.Text()) {
		id = address.Text()
	}
	if id != "" && len(id) <= longest && (typ != "Patient" || id != mine) {
		r.references = once(r.references, referenceRow{e.Number, typ, id})
	}
}

func (r *rows) addToken(param int32, system, code string) {
	if code != "" && len(code) <= longest {
		r.tokens = once(r.tokens, tokenRow{param, code, systemNumber(system)})
	}
}

// systemNumber is a number for a code system's address; 0 is none.
func systemNumber(system string) int64 {
	if system == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(system))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

func (r *rows) addDate(e fhir.Element, n fhir.Node) string {
	if e.Data == "timing" {
		n = timing(n)
		if !n.Exists() {
			return ""
		}
	}
	span, ok := n.Date()
	if !ok {
		if n.IsObject() {
			return periodReason(n)
		}
		return "not a date"
	}
	r.dates = once(r.dates, dateRow{e.Number, span.Low.UnixMicro(), span.High.UnixMicro()})
	return ""
}

// periodReason says what is wrong with a Period without a date; one that
// says nothing is fine.
func periodReason(n fhir.Node) string {
	for _, side := range [...]string{"start", "end"} {
		if v := n.Get(side); v.Exists() {
			return "not a date in " + side
		}
	}
	return ""
}

// timing returns the first date of a Timing, or its bounds.
func timing(n fhir.Node) fhir.Node {
	for e := range n.Get("event").Each() {
		return e
	}
	return n.Get("repeat", "boundsPeriod")
}

func (r *rows) addStrings(e fhir.Element, n fhir.Node) {
	var keys []string
	switch e.Data {
	case "humanName":
		keys = []string{"family", "given", "prefix", "suffix", "text"}
	case "address":
		keys = []string{"line", "city", "district", "state", "postalCode", "country", "text"}
	default:
		r.addString(e.Number, n.Text())
		return
	}
	for _, key := range keys {
		for v := range n.Get(key).Each() {
			r.addString(e.Number, v.Text())
		}
	}
}

func (r *rows) addString(param int32, s string) {
	s = cut(s)
	if folded := fold(s); folded != "" {
		r.strings = once(r.strings, stringRow{param, folded, s})
	}
}

// cut shortens s to what the index keeps, at a letter.
func cut(s string) string {
	if len(s) <= longest {
		return s
	}
	end := longest
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end]
}

// fold returns s in small letters, without accents, with single spaces.
func fold(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < 0x80
	}
	if !plain {
		s = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(s))
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}
