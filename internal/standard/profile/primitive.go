package profile

import (
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/standard/fhir"
)

// primitive says whether a JSON value is one of a primitive type; if not, it
// says what the type looks like.
type primitive struct {
	name string
	ok   func(n fhir.Node) bool
	want string
}

// primitives are the primitive types of R4.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#primitive
var primitives = map[string]*primitive{
	"boolean":      {"boolean", func(n fhir.Node) bool { return n.IsLiteral("true") || n.IsLiteral("false") }, "true or false, without quotes"},
	"integer":      {"integer", func(n fhir.Node) bool { return whole(n, -1<<31) }, "a whole number of up to 32 bits, without quotes"},
	"unsignedInt":  {"unsignedInt", func(n fhir.Node) bool { return whole(n, 0) }, "a whole number from 0 on, without quotes"},
	"positiveInt":  {"positiveInt", func(n fhir.Node) bool { return whole(n, 1) }, "a whole number from 1 on, without quotes"},
	"decimal":      {"decimal", fhir.Node.IsNumber, "a number, without quotes"},
	"string":       {"string", words(someText), "text that is not blank"},
	"markdown":     {"markdown", words(someText), "text that is not blank"},
	"code":         {"code", words(isCode), "a code without spaces at its ends or two in a row"},
	"id":           {"id", words(func(b []byte) bool { return fhir.ValidID(string(b)) }), "1 to 64 letters, digits, hyphens and dots"},
	"uri":          {"uri", words(isURI), "an address without spaces"},
	"url":          {"url", words(isURI), "an address without spaces"},
	"canonical":    {"canonical", words(isURI), "an address without spaces"},
	"oid":          {"oid", words(isOID), "urn:oid: and an object identifier"},
	"uuid":         {"uuid", words(isUUID), "urn:uuid: and a UUID in small letters"},
	"date":         {"date", words(isDate), "a date such as 2026, 2026-03 or 2026-03-02"},
	"dateTime":     {"dateTime", words(isDateTime), "a date, or a date and time with seconds and a time zone: 2026-03-02T12:30:00-05:00"},
	"instant":      {"instant", words(isInstant), "a date and time with seconds and a time zone: 2026-03-02T12:30:00-05:00"},
	"time":         {"time", words(isTime), "a time such as 12:30:00"},
	"base64Binary": {"base64Binary", words(isBase64), "base64"},
	"xhtml":        {"xhtml", words(isXHTML), "a div of XHTML with plain text and formatting: no scripts, forms, styles of other places"},
}

// words lifts a check of letters to JSON strings.
func words(ok func([]byte) bool) func(fhir.Node) bool {
	return func(n fhir.Node) bool {
		if !n.IsText() {
			return false
		}
		b, escaped := n.Letters()
		if escaped {
			b = []byte(n.Text())
		}
		return ok(b)
	}
}

// whole says whether n is a whole number from least to 2³¹-1.
func whole(n fhir.Node, least int64) bool {
	if !n.IsNumber() {
		return false
	}
	b, _ := n.Letters()
	negative := b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) > 10 {
		return false
	}
	var v int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v >= least && v <= 1<<31-1
}

func someText(b []byte) bool {
	for _, c := range b {
		if c > ' ' {
			return len(b) <= 1<<20
		}
	}
	return false
}

func isCode(b []byte) bool {
	space := true
	for _, c := range b {
		blank := c <= ' '
		if blank && space {
			return false
		}
		space = blank
	}
	return !space
}

func isURI(b []byte) bool {
	for _, c := range b {
		if c <= ' ' {
			return false
		}
	}
	return len(b) > 0
}

func isOID(b []byte) bool {
	rest, ok := strings.CutPrefix(string(b), "urn:oid:")
	if !ok || rest == "" || rest[0] < '0' || rest[0] > '2' {
		return false
	}
	for part := range strings.SplitSeq(rest, ".") {
		if part == "" || part[0] == '0' && len(part) > 1 || !digits([]byte(part)) {
			return false
		}
	}
	return strings.Contains(rest, ".")
}

func isUUID(b []byte) bool {
	rest, ok := strings.CutPrefix(string(b), "urn:uuid:")
	if !ok || len(rest) != 36 {
		return false
	}
	for i := range len(rest) {
		c := rest[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func number(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

// isDate says whether b is a year, a month or a day that there is.
func isDate(b []byte) bool {
	if len(b) < 4 || !digits(b[:4]) || number(b[:4]) == 0 {
		return false
	}
	if len(b) == 4 {
		return true
	}
	if len(b) < 7 || b[4] != '-' || !digits(b[5:7]) {
		return false
	}
	month := number(b[5:7])
	if month < 1 || month > 12 {
		return false
	}
	if len(b) == 7 {
		return true
	}
	if len(b) != 10 || b[7] != '-' || !digits(b[8:10]) {
		return false
	}
	day := number(b[8:10])
	return day >= 1 && (day <= 28 || day <= daysIn(number(b[:4]), time.Month(month)))
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func isDateTime(b []byte) bool {
	if len(b) <= 10 {
		return isDate(b)
	}
	return isInstant(b)
}

func isInstant(b []byte) bool {
	if len(b) < 20 || b[10] != 'T' || !isDate(b[:10]) {
		return false
	}
	rest := b[11:]
	at := len(rest) - 1
	if rest[at] != 'Z' {
		if at = len(rest) - 6; at < 8 || !isZone(rest[at:]) {
			return false
		}
	}
	return isTime(rest[:at])
}

// isZone says whether b is an offset: -05:00.
func isZone(b []byte) bool {
	if b[0] != '+' && b[0] != '-' || b[3] != ':' || !digits(b[1:3]) || !digits(b[4:6]) {
		return false
	}
	hours, minutes := number(b[1:3]), number(b[4:6])
	return hours < 14 && minutes < 60 || hours == 14 && minutes == 0
}

func isTime(b []byte) bool {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' || !digits(b[:2]) || !digits(b[3:5]) || !digits(b[6:8]) {
		return false
	}
	if number(b[:2]) > 23 || number(b[3:5]) > 59 || number(b[6:8]) > 60 {
		return false
	}
	return len(b) == 8 || b[8] == '.' && digits(b[9:])
}

func isBase64(b []byte) bool {
	n, pad := 0, 0
	for _, c := range b {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			if pad > 0 {
				return false
			}
			n++
		case c == '=':
			pad++
			n++
		case c > ' ':
			return false
		}
	}
	return n%4 == 0 && pad <= 2 && n > 0
}

// letterCount is how long a string is in characters.
func letterCount(n fhir.Node) int {
	b, escaped := n.Letters()
	if escaped {
		return utf8.RuneCountInString(n.Text())
	}
	return utf8.RuneCount(b)
}
