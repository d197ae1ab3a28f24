package fhir

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may nest; real resources stay below
// 20. maxValues is how many values a text may have.
const (
	maxDepth  = 64
	maxValues = 1 << 20
)

// SyntaxError says where a text is not the JSON that FHIR wants, and why.
type SyntaxError struct {
	Offset int    // bytes from the start
	Path   string // the value being read: Patient.name[0].family
	Reason string
}

// Error names the place and the reason, and nothing of the text itself.
func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("at byte %d, %s: %s", e.Offset, e.Path, e.Reason)
}

// Parse reads one JSON value. It takes only what FHIR allows: valid UTF-8,
// no key twice in an object, nothing after the value. Its error is a
// *SyntaxError.
//
// Spec: https://hl7.org/fhir/R4/json.html and RFC 8259
func Parse(body []byte) (Node, error) {
	p := parser{src: body}
	if uint64(len(body)) >= math.MaxUint32 {
		return Node{}, p.fail("larger than 4 GB")
	}
	p.values = make([]value, 0, min(16+len(body)/32, maxValues))
	if !utf8.Valid(body) {
		p.pos = invalidAt(body)
		return Node{}, p.fail("not UTF-8")
	}
	p.space()
	if err := p.value(0, 0, 0); err != nil {
		return Node{}, err
	}
	p.space()
	if p.pos < len(body) {
		return Node{}, p.fail("something follows the end")
	}
	return Node{&document{body, p.values}, 0}, nil
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

// parser reads a text once, left to right.
type parser struct {
	src    []byte
	pos    int
	values []value
	open   []int32 // the objects and arrays around pos
}

func (p *parser) fail(reason string) error {
	return &SyntaxError{Offset: p.pos, Path: p.where(), Reason: reason}
}

// where names the value being read.
func (p *parser) where() string {
	if len(p.open) == 0 {
		return ""
	}
	var b strings.Builder
	for i, at := range p.open {
		inside := int32(len(p.values))
		if i+1 < len(p.open) {
			inside = p.open[i+1]
		}
		p.step(&b, at, inside)
	}
	root := ""
	if p.values[0].kind == object && len(p.values) > 1 {
		if v := p.values[1]; v.kind == text && v.end > v.start && string(p.src[v.keyStart:v.keyEnd]) == "resourceType" && IsType(string(p.src[v.start:v.end])) {
			root = string(p.src[v.start:v.end])
		}
	}
	return strings.TrimPrefix(root+b.String(), ".")
}

// step writes the way from the open value at to the one inside it, or to the
// last one read.
func (p *parser) step(b *strings.Builder, at, inside int32) {
	index, last := 0, int32(-1)
	for i := at + 1; i < int32(len(p.values)) && i <= inside; i = p.values[i].next {
		last = i
		index++
		if i == inside || p.values[i].next <= i {
			break
		}
	}
	switch {
	case last < 0:
	case p.values[at].kind == array:
		b.WriteString("[" + strconv.Itoa(index-1) + "]")
	default:
		key := p.src[p.values[last].keyStart:p.values[last].keyEnd]
		if len(key) < 64 && elementName(key) {
			b.WriteString("." + string(key))
		} else {
			b.WriteString(".?") // a key of the sender's own may be anything, even a name
		}
	}
}

func elementName(key []byte) bool {
	for _, c := range key {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(key) > 0
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// value reads the value at pos under a key that lies in [keyStart, keyEnd).
func (p *parser) value(keyStart, keyEnd uint32, depth int) error {
	at := len(p.values)
	if at >= maxValues {
		return p.fail("more than a million values")
	}
	p.values = append(p.values, value{start: uint32(p.pos), keyStart: keyStart, keyEnd: keyEnd})
	if p.pos >= len(p.src) {
		return p.fail("the text ends too early")
	}
	var err error
	switch c := p.src[p.pos]; {
	case c == '{' || c == '[':
		err = p.container(at, c, depth+1)
	case c == '"':
		p.values[at].kind = text
		p.values[at].start++
		p.values[at].escaped, err = p.text()
		p.values[at].end = uint32(p.pos) - 1
	case c == '-' || c >= '0' && c <= '9':
		p.values[at].kind = number
		err = p.number()
		p.values[at].end = uint32(p.pos)
	default:
		p.values[at].kind = literal
		err = p.literal()
		p.values[at].end = uint32(p.pos)
	}
	p.values[at].next = int32(len(p.values))
	return err
}

// container reads an object or an array.
func (p *parser) container(at int, bracket byte, depth int) error {
	if depth > maxDepth {
		return p.fail("nested too deeply")
	}
	p.open = append(p.open, int32(at))
	p.pos++
	p.space()
	end, read := byte('}'), p.members
	p.values[at].kind = object
	if bracket == '[' {
		end, read = ']', p.elements
		p.values[at].kind = array
	}
	if p.pos < len(p.src) && p.src[p.pos] == end {
		p.pos++
	} else if err := read(at, depth); err != nil {
		return err
	}
	p.open = p.open[:len(p.open)-1]
	p.values[at].end = uint32(p.pos)
	return nil
}

// more reads what stands between two elements, or the end.
func (p *parser) more(end byte) (bool, error) {
	p.space()
	if p.pos >= len(p.src) {
		return false, p.fail("the text ends too early")
	}
	switch p.src[p.pos] {
	case ',':
		p.pos++
		p.space()
		return true, nil
	case end:
		p.pos++
		return false, nil
	}
	return false, p.fail("a comma or " + string(end) + " is missing")
}

func (p *parser) elements(_, depth int) error {
	for {
		if err := p.value(0, 0, depth); err != nil {
			return err
		}
		more, err := p.more(']')
		if err != nil || !more {
			return err
		}
	}
}

// plain tells whether every writer of JSON writes key as it stands: some
// escape what is not ASCII, and encoding/json escapes < > & in it.
func plain(key []byte) bool {
	for _, c := range key {
		if c < ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

func (p *parser) members(at, depth int) error {
	var seen map[string]bool
	for n := 0; ; n++ {
		if p.pos >= len(p.src) || p.src[p.pos] != '"' {
			return p.fail("a key in quotes is missing")
		}
		start := p.pos
		escaped, err := p.text()
		if err != nil {
			return err
		}
		key := p.src[start+1 : p.pos-1]
		if escaped {
			p.pos = start
			return p.fail("a key has an escape, which no FHIR element has")
		}
		if !plain(key) {
			p.pos = start
			return p.fail("a key has a character which no FHIR element has")
		}
		if n == 24 { // a small object is searched faster than a map is made
			seen = p.keys(at)
		}
		if p.twice(at, key, seen) {
			p.pos = start
			return p.fail("a key stands twice in one object")
		}
		p.space()
		if p.pos >= len(p.src) || p.src[p.pos] != ':' {
			return p.fail("a colon is missing")
		}
		p.pos++
		p.space()
		if err := p.value(uint32(start+1), uint32(start+1+len(key)), depth); err != nil {
			return err
		}
		more, err := p.more('}')
		if err != nil || !more {
			return err
		}
	}
}

func (p *parser) keys(at int) map[string]bool {
	seen := map[string]bool{}
	for i := int32(at) + 1; i < int32(len(p.values)); i = p.values[i].next {
		seen[string(p.src[p.values[i].keyStart:p.values[i].keyEnd])] = true
	}
	return seen
}

// twice says whether the object at has key already, and notes it in seen.
func (p *parser) twice(at int, key []byte, seen map[string]bool) bool {
	if seen != nil {
		if seen[string(key)] {
			return true
		}
		seen[string(key)] = true
		return false
	}
	for i := int32(at) + 1; i < int32(len(p.values)); i = p.values[i].next {
		if v := &p.values[i]; bytes.Equal(p.src[v.keyStart:v.keyEnd], key) {
			return true
		}
	}
	return false
}

// text reads the string at pos and says whether it has escapes.
func (p *parser) text() (escaped bool, err error) {
	p.pos++
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := p.escape(); err != nil {
				return escaped, err
			}
		case c < 0x20:
			return escaped, p.fail("a control character stands in a string")
		default:
			p.pos++
		}
	}
	return escaped, p.fail("the text ends inside a string")
}

func (p *parser) escape() error {
	rest := p.src[p.pos+1:]
	if len(rest) == 0 {
		return p.fail("the text ends inside a string")
	}
	switch rest[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.pos += 2
		return nil
	case 'u':
		if len(rest) < 5 || hex4(rest[1:5]) < 0 {
			break
		}
		if hex4(rest[1:5]) == 0 {
			return p.fail("a string has the character NUL") // FHIR: none below 32 but tab and line ends; no database keeps this one
		}
		p.pos += 6
		return nil
	}
	return p.fail("an escape in a string is not one of JSON's")
}

func hex4(b []byte) rune {
	v, err := strconv.ParseUint(string(b), 16, 16)
	if err != nil {
		return -1
	}
	return rune(v)
}

// unescape turns the escapes of a string that text has read into letters.
func unescape(b []byte) string {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(b[i+1 : i+5])
			i += 4
			if utf16.IsSurrogate(r) && i+6 < len(b) && b[i+1] == '\\' && b[i+2] == 'u' {
				if pair := utf16.DecodeRune(r, hex4(b[i+3:i+7])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, b[i])
		}
	}
	return string(out)
}

// number reads the number at pos as RFC 8259 spells it.
func (p *parser) number() error {
	start := p.pos
	if p.src[p.pos] == '-' {
		p.pos++
	}
	zero := p.pos < len(p.src) && p.src[p.pos] == '0'
	n := p.digits()
	if n == 0 || zero && n > 1 {
		return p.fail("not a number")
	}
	if p.pos < len(p.src) && p.src[p.pos] == '.' {
		p.pos++
		if p.digits() == 0 {
			return p.fail("not a number")
		}
	}
	if p.pos < len(p.src) && p.src[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.src) && (p.src[p.pos] == '+' || p.src[p.pos] == '-') {
			p.pos++
		}
		if p.digits() == 0 {
			return p.fail("not a number")
		}
	}
	if p.pos-start > 64 {
		return p.fail("a number is too long")
	}
	return nil
}

func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

func (p *parser) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(p.src[p.pos:], []byte(word)) {
			p.pos += len(word)
			return nil
		}
	}
	return p.fail("not a JSON value")
}
