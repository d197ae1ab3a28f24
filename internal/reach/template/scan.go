package template

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fault is why a text cannot be read: where, what, and what to do.
type Fault struct {
	Line, Col  int // from 1; columns are characters
	Words, Fix string
}

// Error says all of it in one line.
func (f *Fault) Error() string {
	text := fmt.Sprintf("line %d, column %d: %s", f.Line, f.Col, f.Words)
	if f.Fix != "" {
		text += ". " + f.Fix
	}
	return text
}

// pos is a byte of a source.
type pos int

// source is a text being read.
type source struct{ text string }

// fault returns a Fault at p.
func (s *source) fault(p pos, fix, words string, args ...any) *Fault {
	before := s.text[:min(int(p), len(s.text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return &Fault{Line: 1 + strings.Count(before, "\n"), Col: 1 + utf8.RuneCountInString(before[start:]), Words: fmt.Sprintf(words, args...), Fix: fix}
}

// piece is words, an output {{ }} or a tag {% %}.
type piece struct {
	kind byte // 't', '{', '%'
	text string
	at   pos // of the words, or of what stands inside the braces
}

// pieces cuts a text. A tag alone on its line takes the line with it, so
// that a list or a condition can be laid out readably.
func (s *source) pieces() ([]piece, error) {
	var list []piece
	text, at := s.text, 0
	for at < len(text) {
		open := strings.IndexAny(text[at:], "{}%")
		for open >= 0 && !mark(text[at+open:]) {
			next := strings.IndexAny(text[at+open+1:], "{}%")
			if next < 0 {
				open = -1
				break
			}
			open += 1 + next
		}
		if open < 0 {
			list = append(list, piece{'t', text[at:], pos(at)})
			break
		}
		if open > 0 {
			list = append(list, piece{'t', text[at : at+open], pos(at)})
		}
		at += open
		kind, end := text[at+1], "}}"
		if text[at] != '{' {
			opening := map[string]string{"}}": "{{", "%}": "{%"}[text[at:at+2]]
			return nil, s.fault(pos(at), "Put "+opening+" before it, or take it away.", "%s stands without %s before it", text[at:at+2], opening)
		}
		if kind == '%' {
			end = "%}"
		}
		stop := strings.Index(text[at+2:], end)
		if next := strings.Index(text[at+2:], "{"+string(kind)); stop < 0 || next >= 0 && next < stop {
			return nil, s.fault(pos(at), "Close it with "+end+".", "{%c stands without %s after it", kind, end)
		}
		list = append(list, piece{kind, text[at+2 : at+2+stop], pos(at + 2)})
		at += 2 + stop + 2
	}
	return trim(list), nil
}

func mark(t string) bool {
	return strings.HasPrefix(t, "{{") || strings.HasPrefix(t, "{%") || strings.HasPrefix(t, "}}") || strings.HasPrefix(t, "%}")
}

// trim takes away the white space that - asks for and the lines on which
// tags stand alone.
func trim(list []piece) []piece {
	words := func(i int) *piece {
		if i < 0 || i >= len(list) || list[i].kind != 't' {
			return nil
		}
		return &list[i]
	}
	alone := make([]bool, len(list))
	for i, p := range list {
		if p.kind == '%' {
			alone[i] = lineEnds(list, i) && lineBegins(list, i)
		}
	}
	for i := range list {
		p := &list[i]
		if p.kind == 't' {
			continue
		}
		before, after := words(i-1), words(i+1)
		if strings.HasPrefix(p.text, "-") {
			p.text, p.at = p.text[1:], p.at+1
			if before != nil {
				before.text = strings.TrimRight(before.text, " \t\n")
			}
		}
		if strings.HasSuffix(p.text, "-") {
			p.text = p.text[:len(p.text)-1]
			if after != nil {
				after.text = strings.TrimLeft(after.text, " \t\n")
			}
		}
		if !alone[i] {
			continue
		}
		if before != nil {
			before.text = strings.TrimRight(before.text, " \t")
		}
		if after != nil {
			if _, rest, ok := strings.Cut(after.text, "\n"); ok && strings.TrimSpace(after.text[:len(after.text)-len(rest)]) == "" {
				after.text = rest
			}
		}
	}
	return list
}

// lineBegins says whether only blanks and tags that stand alone come before
// piece i on its line.
func lineBegins(list []piece, i int) bool {
	if i == 0 {
		return true
	}
	before := list[i-1]
	if before.kind != 't' {
		return false
	}
	cut := strings.LastIndexByte(before.text, '\n')
	return strings.TrimSpace(before.text[cut+1:]) == "" && (cut >= 0 || i == 1)
}

func lineEnds(list []piece, i int) bool {
	if i+1 == len(list) {
		return true
	}
	after := list[i+1]
	if after.kind != 't' {
		return false
	}
	line, _, cut := strings.Cut(after.text, "\n")
	return strings.TrimSpace(line) == "" && (cut || i+2 == len(list))
}

// token is a word inside braces.
type token struct {
	kind byte // 'i' name, 's' quoted, 'n' number, or the sign itself; 0 the end
	text string
	at   pos
}

// tokens cuts what stands inside braces.
func (s *source) tokens(p piece) ([]token, error) {
	var list []token
	text := p.text
	for i := 0; i < len(text); {
		c, at := text[i], p.at+pos(i)
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"' || c == '\'':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return nil, s.fault(at, "Close the quotation with the same sign.", "a quotation is not closed")
			}
			list = append(list, token{'s', text[i+1 : i+1+end], at})
			i += end + 2
		case isLetter(c):
			n := i
			for n < len(text) && (isLetter(text[n]) || isDigit(text[n]) || text[n] == '.' || text[n] == '-') {
				n++
			}
			list = append(list, token{'i', text[i:n], at})
			i = n
		case isDigit(c):
			n := i
			for n < len(text) && isDigit(text[n]) {
				n++
			}
			list = append(list, token{'n', text[i:n], at})
			i = n
		default:
			n := 1
			if i+1 < len(text) && text[i+1] == '=' && strings.IndexByte("=!<>", c) >= 0 {
				n = 2
			}
			sign := text[i : i+n]
			if strings.IndexByte("|:,<>=!", c) < 0 || sign == "=" || sign == "!" {
				r, _ := utf8.DecodeRuneInString(text[i:])
				return nil, s.fault(at, `Between braces stand names, "words" in straight quotes, | : , == != < > and nothing else.`, "%q means nothing here", r)
			}
			list = append(list, token{sign[0], sign, at})
			i += n
		}
	}
	return append(list, token{at: p.at + pos(len(text))}), nil
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
