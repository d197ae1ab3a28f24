package main

import (
	"regexp"
	"strings"
)

// part is one name of a path, with the data type it is taken as or the
// filter it passes.
type part struct{ name, cast, filterKey, filterValue string }

// plain is a path of a search parameter without FHIRPath in it.
type plain struct {
	parts  []part
	target string // a reference must lead to this type
}

var (
	asOperator = regexp.MustCompile(`^\(([A-Za-z.]+) as ([A-Za-z]+)\)((?:\.[a-zA-Z]+)*)$`)
	resolves   = regexp.MustCompile(`^(.*)\.where\(resolve\(\) is ([A-Za-z]+)\)$`)
	filter     = regexp.MustCompile(`^where\(([a-z]+) ?= ?'([^']+)'\)$`)
	typedValue = regexp.MustCompile(`^value([A-Z][a-zA-Z]+)$`)
	first      = regexp.MustCompile(`^([a-z]+)\[0\]$`)
	cast       = regexp.MustCompile(`^(?:as|ofType)\(([A-Za-z]+)\)$`)
	name       = regexp.MustCompile(`^[A-Za-z]+$`)
)

// simplify reads one branch of an expression that begins with typ. It says
// no to what is more than a path.
func simplify(typ, expression string) (plain, bool) {
	var p plain
	if m := resolves.FindStringSubmatch(expression); m != nil {
		expression, p.target = m[1], m[2]
	}
	if m := asOperator.FindStringSubmatch(expression); m != nil {
		expression = m[1] + ".as(" + m[2] + ")" + m[3]
	}
	rest, ok := strings.CutPrefix(strings.Trim(expression, "()")+closing(expression), typ+".")
	if !ok {
		return p, false
	}
	for _, word := range words(rest) {
		last := len(p.parts) - 1
		switch {
		case typedValue.MatchString(word): // as US Core writes it
			p.parts = append(p.parts, part{name: "value", cast: typedValue.FindStringSubmatch(word)[1]})
		case first.MatchString(word):
			p.parts = append(p.parts, part{name: first.FindStringSubmatch(word)[1], filterKey: "[0]"})
		case name.MatchString(word):
			p.parts = append(p.parts, part{name: word})
		case last >= 0 && cast.MatchString(word):
			p.parts[last].cast = cast.FindStringSubmatch(word)[1]
		case last >= 0 && filter.MatchString(word):
			m := filter.FindStringSubmatch(word)
			p.parts[last].filterKey, p.parts[last].filterValue = m[1], m[2]
		default:
			return p, false
		}
	}
	return p, len(p.parts) > 0
}

// closing gives back the bracket that Trim took from a call at the end.
func closing(expression string) string {
	if strings.HasSuffix(expression, ")") && strings.Count(expression, "(") == strings.Count(expression, ")") && !strings.HasPrefix(expression, "(") {
		return ")"
	}
	return ""
}

// branches splits a union at the bars outside brackets.
func branches(expression string) []string {
	var list []string
	depth, start := 0, 0
	for i, c := range expression {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				list = append(list, strings.TrimSpace(expression[start:i]))
				start = i + 1
			}
		}
	}
	return append(list, strings.TrimSpace(expression[start:]))
}

// words splits an expression at the dots outside quotes.
func words(expression string) []string {
	quoted := false
	return strings.FieldsFunc(expression, func(c rune) bool {
		if c == '\'' {
			quoted = !quoted
		}
		return c == '.' && !quoted
	})
}
