package fhirpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is one word or sign.
type token struct {
	kind tokenKind
	text string // decoded, for strings and identifiers
	at   int
	end  int
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	nameToken
	quotedToken // `name`
	stringToken
	numberToken
	dateToken // @2015, @2015-02-04T14:34, @T14:34
	signToken
)

func fail(at int, format string, args ...any) error {
	return &SyntaxError{at, fmt.Sprintf(format, args...)}
}

// tokens splits an expression.
//
// Spec: http://hl7.org/fhirpath/N1/#lexical-elements
func tokens(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, fail(maxText, "the expression is too long")
	}
	if !utf8.ValidString(text) {
		return nil, fail(0, "not UTF-8")
	}
	var list []token
	for at := 0; ; {
		at = skip(text, at)
		if at < 0 {
			return nil, fail(len(text), "a comment does not end")
		}
		if at >= len(text) {
			return append(list, token{endToken, "", len(text), len(text)}), nil
		}
		t, err := next(text, at)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		at = t.end
	}
}

// skip goes over spaces and comments; -1 where a comment does not end.
func skip(text string, at int) int {
	for at < len(text) {
		rest := text[at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			at++
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				return len(text)
			}
			at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return -1
			}
			at += end + 4
		default:
			return at
		}
	}
	return at
}

func next(text string, at int) (token, error) {
	rest := text[at:]
	switch c := rest[0]; {
	case letter(c):
		return token{nameToken, rest[:run(rest, func(c byte) bool { return letter(c) || digit(c) })], at, 0}.closed(), nil
	case c == '\'' || c == '"' || c == '`':
		return quoted(text, at)
	case digit(c):
		n := run(rest, digit)
		if n+1 < len(rest) && rest[n] == '.' && digit(rest[n+1]) {
			n += 1 + run(rest[n+1:], digit)
		}
		return token{numberToken, rest[:n], at, 0}.closed(), nil
	case c == '@':
		return dated(text, at)
	}
	for _, sign := range [...]string{"<=", ">=", "!=", "!~"} {
		if strings.HasPrefix(rest, sign) {
			return token{signToken, sign, at, 0}.closed(), nil
		}
	}
	if strings.IndexByte("+-*/&|<>=~.,()[]{}%$", rest[0]) >= 0 {
		return token{signToken, rest[:1], at, 0}.closed(), nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, fail(at, "%q has no meaning here", r)
}

func (t token) closed() token {
	t.end = t.at + len(t.text)
	return t
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// run is how many bytes at the start of s are of a kind.
func run(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

// dated reads a date or time after its @; the parser looks whether it is one.
func dated(text string, at int) (token, error) {
	rest := text[at+1:]
	n := run(rest, func(c byte) bool { return digit(c) || c == '-' })
	if n < len(rest) && rest[n] == 'T' {
		n++
		n += run(rest[n:], func(c byte) bool { return digit(c) || c == ':' })
		if n+1 < len(rest) && rest[n] == '.' && digit(rest[n+1]) {
			n += 1 + run(rest[n+1:], digit)
		}
		n += zoneLength(rest[n:])
	}
	if n == 0 {
		return token{}, fail(at, "a date or time must follow @")
	}
	return token{dateToken, rest[:n], at, at + 1 + n}, nil
}

func zoneLength(s string) int {
	switch {
	case strings.HasPrefix(s, "Z"):
		return 1
	case len(s) >= 6 && (s[0] == '+' || s[0] == '-') && digit(s[1]) && digit(s[2]) && s[3] == ':' && digit(s[4]) && digit(s[5]):
		return 6
	}
	return 0
}

// quoted reads a string or a name in quotes.
func quoted(text string, at int) (token, error) {
	quote := text[at]
	kind := stringToken
	if quote == '`' {
		kind = quotedToken
	}
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; c {
		case quote:
			return token{kind, b.String(), at, i + 1}, nil
		case '\\':
			n, err := escape(&b, text, i)
			if err != nil {
				return token{}, err
			}
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return token{}, fail(at, "a quotation does not end")
}

// escape reads the escape at i and returns how many bytes follow its
// backslash.
func escape(b *strings.Builder, text string, i int) (int, error) {
	if i+1 >= len(text) {
		return 0, fail(i, "a quotation does not end")
	}
	switch c := text[i+1]; c {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'f':
		b.WriteByte('\f')
	case 'u':
		if i+6 > len(text) {
			return 0, fail(i, "four hexadecimal digits must follow")
		}
		n, err := strconv.ParseUint(text[i+2:i+6], 16, 16)
		if err != nil {
			return 0, fail(i, "four hexadecimal digits must follow")
		}
		b.WriteRune(rune(n))
		return 5, nil
	case '\'', '"', '`', '\\', '/':
		b.WriteByte(c)
	default:
		b.WriteByte(c) // R4's own invariants escape full stops and brackets this way
	}
	return 1, nil
}
