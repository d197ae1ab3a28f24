package record

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
	"hale/internal/standard/ucum"
)

// missing reads whether there is a value at all.
func (q *query) missing(p fhir.Parameter, v string) error {
	table := map[fhir.Kind]string{fhir.TokenKind: "token_index", fhir.UriKind: "token_index", fhir.DateKind: "date_index", fhir.StringKind: "string_index",
		fhir.ReferenceKind: "reference_index", fhir.QuantityKind: "quantity_index", fhir.NumberKind: "quantity_index"}[p.Kind]
	if v != "true" && v != "false" {
		return refuse(q.typ, p.Name+":missing", "it is true or false")
	}
	c := condition{table: table, sql: q.these(p), negate: v == "true"}
	if p.Kind == fhir.ReferenceKind {
		q.referenceMissing(p, v == "true")
		return nil
	}
	q.conditions = append(q.conditions, c)
	return nil
}

// referenceMissing demands that p refers to something, or to nothing: here, at
// an address, by an identifier, or as whose compartment the resource is in.
func (q *query) referenceMissing(p fhir.Parameter, missing bool) {
	c := condition{table: "reference_index", sql: q.these(p)}
	if p.Target != "" {
		c.sql += " and @.typ = " + q.params.add(p.Target)
	}
	there := q.set(c, "~")
	if p.Target == "" {
		there += " or " + q.set(condition{table: "token_index", sql: "@.param in (" + q.numbers(p, ofOwner) + ")"}, "~")
	}
	if q.ownReference(p) {
		there += " or ~.patient <> 0"
	}
	not := ""
	if missing {
		not = "not "
	}
	q.resource = append(q.resource, not+"("+there+")")
}

// token reads code, system|code, |code or system|, any of a list.
func (q *query) token(p fhir.Parameter, modifier, v string) error {
	if !q.ready && (modifier == "text" || modifier == "of-type") {
		return errNotReady(q.typ, p.Name+":"+modifier)
	}
	c := condition{table: "token_index", negate: modifier == "not" || modifier == "not-in"}
	var err error
	switch modifier {
	case "", "not":
		var sql string
		if sql, err = q.codes(v); err == nil {
			c.sql = q.these(p) + " and " + sql
		}
	case "in", "not-in":
		c.sql, err = q.inSet(v)
		c.sql = q.these(p) + " and " + c.sql
	case "text":
		folded := fold(unescape(v))
		if folded == "" {
			err = errEmpty
			break
		}
		c.table, c.sql = "word_index", q.these(p)+" and @.word >= "+q.params.add(folded)+" and @.word < "+q.params.add(folded+"\U0010FFFF")
	case "above", "below":
		c.sql, err = q.hierarchy(modifier, v)
		c.sql = q.these(p) + " and " + c.sql
	case "of-type":
		c.sql, err = q.ofType(p, v)
	default:
		err = errors.New("the modifiers for codes are :not, :in, :not-in, :above, :below, :text, :of-type and :missing")
	}
	if err != nil {
		return refuse(q.typ, strings.TrimSuffix(p.Name+":"+modifier, ":"), err.Error())
	}
	q.conditions = append(q.conditions, c)
	return nil
}

var errEmpty = errors.New("the value is empty")

// codes compares the columns code and system with any of a list.
//
// Spec: https://hl7.org/fhir/R4/search.html#token
func (q *query) codes(v string) (string, error) {
	var codes, plain, exact []string
	open := false // a branch takes any code
	for _, one := range cutAt(v, ',') {
		parts := cutAt(one, '|')
		if len(parts) > 2 {
			parts = []string{parts[0], strings.Join(parts[1:], "|")}
		}
		piped := len(parts) == 2
		system, code := "", unescape(parts[len(parts)-1])
		if piped {
			system = unescape(parts[0])
		}
		switch {
		case !piped && code == "" || piped && system == "" && code == "":
			return "", errEmpty
		case !piped:
			plain = append(plain, code)
			codes = append(codes, code)
		case code == "":
			open = true
			exact = append(exact, "@.system = "+q.params.add(systemNumber(system)))
		default:
			codes = append(codes, code)
			exact = append(exact, "@.code = "+q.params.add(code)+" and @.system = "+q.params.add(systemNumber(system)))
		}
	}
	sql := "@.code in (" + q.params.list(codes) + ")" // the range; systems only filter
	if open {
		sql = ""
	}
	if len(exact) > 0 {
		if len(plain) > 0 {
			exact = append(exact, "@.code in ("+q.params.list(plain)+")")
		}
		if sql != "" {
			sql += " and "
		}
		sql += "(" + strings.Join(exact, " or ") + ")"
	}
	return sql, nil
}

// maxCodes is how many codes a value set may have to be searched by.
const maxCodes = 1000

// inSet compares a code with those of a value set that ships.
func (q *query) inSet(v string) (string, error) {
	if q.store == nil || q.store.terms == nil {
		return "", errors.New("no value sets are known here")
	}
	list, err := q.store.terms.Expand(v, terms.Want{Count: maxCodes + 1})
	if err != nil {
		return "", errors.New("that value set does not ship with Hale, or takes codes from what does not")
	}
	if len(list.Codes) > maxCodes {
		return "", fmt.Errorf("that value set has more than %d codes", maxCodes)
	}
	bySystem := map[string][]string{}
	var systems []string
	for _, c := range list.Codes {
		if _, ok := bySystem[c.System]; !ok {
			systems = append(systems, c.System)
		}
		bySystem[c.System] = append(bySystem[c.System], c.Code)
	}
	any := []string{"1 = 0"}
	for _, s := range systems {
		any = append(any, "@.code in ("+q.params.list(bySystem[s])+") and @.system in (0, "+q.params.add(systemNumber(s))+")")
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// hierarchy compares a code with those that lie above or below system|code,
// itself among them.
func (q *query) hierarchy(way, v string) (string, error) {
	if q.store == nil || q.store.terms == nil {
		return "", errors.New("no code systems are known here")
	}
	var any []string
	for _, one := range cutAt(v, ',') {
		parts := cutAt(one, '|')
		if len(parts) != 2 {
			return "", errors.New("the value is system|code")
		}
		look := q.store.terms.Below
		if way == "above" {
			look = q.store.terms.Above
		}
		codes, ok := look(unescape(parts[0]), unescape(parts[1]))
		if !ok || len(codes) > maxCodes {
			return "", errors.New("that code system does not ship with Hale, or has no such code")
		}
		any = append(any, "@.code in ("+q.params.list(codes)+") and @.system = "+q.params.add(systemNumber(unescape(parts[0]))))
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// ofType reads system|code|value of an identifier.
func (q *query) ofType(p fhir.Parameter, v string) (string, error) {
	var any []string
	for _, one := range cutAt(v, ',') {
		parts := cutAt(one, '|')
		if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
			return "", errors.New("the value is system|code|value")
		}
		sql := "@.code = " + q.params.add(unescape(parts[1])+"|"+unescape(parts[2]))
		if parts[0] != "" {
			sql += " and @.system = " + q.params.add(systemNumber(unescape(parts[0])))
		}
		any = append(any, "("+sql+")")
	}
	return "@.param in (" + q.numbers(p, ofType) + ") and (" + strings.Join(any, " or ") + ")", nil
}

// uri reads addresses: the whole, or what lies above or below it.
//
// Spec: https://hl7.org/fhir/R4/search.html#uri
func (q *query) uri(p fhir.Parameter, modifier, v string) error {
	var any []string
	for _, one := range split(v) {
		switch {
		case one == "":
			return refuse(q.typ, p.Name, errEmpty.Error())
		case modifier == "":
			any = append(any, "@.code = "+q.params.add(one))
		case modifier == "below":
			below := strings.TrimSuffix(one, "/") + "/"
			any = append(any, "@.code = "+q.params.add(one), "substr(@.code, 1, "+q.params.add(len([]rune(below)))+") = "+q.params.add(below))
		case modifier == "above":
			above := []string{one}
			for at := strings.LastIndexByte(one, '/'); at > 0 && one[at-1] != '/'; at = strings.LastIndexByte(one[:at], '/') {
				above = append(above, one[:at], one[:at+1])
			}
			any = append(any, "@.code in ("+q.params.list(above)+")")
		default:
			return refuse(q.typ, p.Name+":"+modifier, "the modifiers for addresses are :above, :below and :missing")
		}
	}
	q.conditions = append(q.conditions, condition{table: "token_index", sql: q.these(p) + " and (" + strings.Join(any, " or ") + ")"})
	return nil
}

// date reads bounds on one date; several on the same parameter are about the
// same date.
func (q *query) date(p fhir.Parameter, modifier string, values []string) error {
	if modifier != "" {
		return refuse(q.typ, p.Name+":"+modifier, "dates take no modifier but :missing")
	}
	sql := q.these(p)
	for _, v := range values {
		bound, err := q.dates(v)
		if err != nil {
			return refuse(q.typ, p.Name, err.Error())
		}
		sql += " and " + bound
	}
	q.conditions = append(q.conditions, condition{table: "date_index", sql: sql})
	return nil
}

// prefixed cuts the prefix off a value.
//
// Spec: https://hl7.org/fhir/R4/search.html#prefix
func prefixed(v string) (prefix, rest string, err error) {
	if len(v) < 3 || v[0] < 'a' || v[0] > 'z' {
		return "eq", v, nil
	}
	if !slices.Contains([]string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}, v[:2]) {
		return "", "", fmt.Errorf("%q is not one of eq, ne, gt, lt, ge, le, sa, eb, ap", v[:2])
	}
	return v[:2], v[2:], nil
}

// span reads a date with a prefix; one that is only about is made wider by a
// tenth of how long ago it is.
func (q *query) span(v string) (prefix string, from, to int64, err error) {
	prefix, v, err = prefixed(v)
	if err != nil {
		return "", 0, 0, err
	}
	span, err := fhir.ParseDate(strings.ReplaceAll(v, " ", "+")) // a + that a URL made a space
	if err != nil {
		return "", 0, 0, err
	}
	from, to = span.Low.UnixMicro(), span.High.UnixMicro()
	if prefix == "ap" {
		gap := int64(math.Abs(float64(q.now.UnixMicro()-from))) / 10
		from, to = from-gap, to+gap
	}
	return prefix, from, to, nil
}

// dates compares the columns low and high with any of a list.
func (q *query) dates(v string) (string, error) {
	var any []string
	for _, one := range split(v) {
		prefix, from, to, err := q.span(one)
		if err != nil {
			return "", err
		}
		low, high := q.params.add(from), q.params.add(to)
		any = append(any, "("+map[string]string{
			"eq": "@.low >= " + low + " and @.low < " + high + " and @.high <= " + high,
			"ne": "@.low < " + low + " or @.high > " + high,
			"gt": "@.high > " + high, "lt": "@.low < " + low,
			"ge": "@.high > " + high + " or @.low >= " + low,
			"le": "@.low < " + low + " or @.high <= " + high,
			"sa": "@.low >= " + high, "eb": "@.high <= " + low,
			"ap": "@.high > " + low + " and @.low < " + high,
		}[prefix]+")")
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// updated reads when a resource was written.
func (q *query) updated(v string) error {
	var any []string
	for _, one := range split(v) {
		prefix, from, to, err := q.span(one)
		if err != nil {
			return refuse(q.typ, "_lastUpdated", err.Error())
		}
		low, high := q.params.add(from), q.params.add(to)
		any = append(any, "("+map[string]string{
			"eq": "~.updated >= " + low + " and ~.updated < " + high, "ap": "~.updated >= " + low + " and ~.updated < " + high,
			"ne": "~.updated < " + low + " or ~.updated >= " + high,
			"gt": "~.updated >= " + high, "sa": "~.updated >= " + high, "ge": "~.updated >= " + low,
			"lt": "~.updated < " + low, "eb": "~.updated < " + low, "le": "~.updated < " + high,
		}[prefix]+")")
	}
	sql := strings.Join(any, " or ")
	if len(any) > 1 {
		sql = "(" + sql + ")"
	}
	q.resource = append(q.resource, sql)
	return nil
}

// text reads the beginning of a text, or the whole or a part of it.
func (q *query) text(p fhir.Parameter, modifier, v string) error {
	sql, err := q.texts(modifier, v)
	if err != nil {
		return refuse(q.typ, strings.TrimSuffix(p.Name+":"+modifier, ":"), err.Error())
	}
	q.conditions = append(q.conditions, condition{table: "string_index", sql: q.these(p) + " and " + sql})
	return nil
}

// texts compares the columns folded and exact with any of a list.
func (q *query) texts(modifier, v string) (string, error) {
	var any []string
	for _, one := range split(v) {
		folded := fold(cut(one))
		if folded == "" {
			return "", errEmpty
		}
		switch modifier {
		case "":
			any = append(any, "@.folded >= "+q.params.add(folded)+" and @.folded < "+q.params.add(folded+"\U0010FFFF"))
		case "exact":
			any = append(any, "@.folded = "+q.params.add(folded)+" and @.exact = "+q.params.add(cut(one)))
		case "contains":
			pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(folded) + "%"
			any = append(any, "@.folded like "+q.params.add(pattern)+` escape '\'`)
		default:
			return "", errors.New("the modifiers for texts are :exact, :contains and :missing")
		}
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// amounts compares the columns of an amount with any of a list: number, or
// number|system|code.
//
// Spec: https://hl7.org/fhir/R4/search.html#quantity
func (q *query) amounts(v string, kind fhir.Kind) (string, error) {
	var any []string
	for _, one := range cutAt(v, ',') {
		parts := cutAt(one, '|')
		if len(parts) != 1 && (len(parts) != 3 || kind == fhir.NumberKind) {
			return "", errors.New("the value is number or number|system|code")
		}
		prefix, text, err := prefixed(parts[0])
		if err != nil {
			return "", err
		}
		value, slack, err := number(text)
		if err != nil {
			return "", err
		}
		system, code := "", ""
		if len(parts) == 3 {
			system, code = unescape(parts[1]), unescape(parts[2])
		}
		s, ok := scaleOf(code)
		if system == ucum.System && code != "" && ok {
			low, high := s.of(value-slack), s.of(value+slack)
			sql := q.compare(prefix, "base_", s.of(value), low, high, s.of(value*0.9), s.of(value*1.1))
			any = append(any, "(@.base = "+q.params.add(s.base)+" and @.system = "+q.params.add(systemNumber(system))+" and ("+sql+"))")
			continue
		}
		sql := "(" + q.compare(prefix, "", value, value-slack, value+slack, value*0.9, value*1.1) + ")"
		if code != "" {
			sql += " and @.code = " + q.params.add(code)
		}
		if system != "" {
			sql += " and @.system = " + q.params.add(systemNumber(system))
		}
		any = append(any, "("+sql+")")
	}
	return "(" + strings.Join(any, " or ") + ")", nil
}

// compare compares a value with the columns low and high, whose names begin
// with head. from and to are what its digits leave open, less and more a
// tenth of it.
func (q *query) compare(prefix, head string, value, from, to, less, more float64) string {
	low, high := "@."+head+"low", "@."+head+"high"
	switch prefix {
	case "eq":
		return low + " >= " + q.params.add(from) + " and " + low + " < " + q.params.add(to) + " and " + high + " < " + q.params.add(to)
	case "ne":
		return low + " < " + q.params.add(from) + " or " + high + " >= " + q.params.add(to)
	case "ap":
		return high + " >= " + q.params.add(min(less, more)) + " and " + low + " <= " + q.params.add(max(less, more))
	}
	mark := q.params.add(value)
	return map[string]string{
		"gt": high + " > " + mark, "lt": low + " < " + mark, "ge": high + " >= " + mark, "le": low + " <= " + mark,
		"sa": low + " > " + mark, "eb": high + " < " + mark,
	}[prefix]
}

// number reads a number, and half of what its last digit counts.
func number(text string) (value, slack float64, err error) {
	errNumber := errors.New("the value is not a number")
	if strings.ContainsAny(text, "xXpP_nN ") {
		return 0, 0, errNumber
	}
	value, err = strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, 0, errNumber
	}
	digits, power, _ := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if power != "" {
		if exponent, err = strconv.Atoi(power); err != nil || exponent > 300 || exponent < -300 {
			return 0, 0, errNumber
		}
	}
	if _, fraction, ok := strings.Cut(digits, "."); ok {
		exponent -= len(fraction)
	}
	return value, 0.5 * math.Pow10(exponent), nil
}
