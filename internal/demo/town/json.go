package town

import (
	"encoding/base64"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// pen writes resources, one a line, by appending: no maps, no reflection.
type pen struct {
	w    io.Writer
	b    []byte
	n    int // resources written
	err  error
	zone *time.Location
}

// full is when the pen empties itself into its writer.
const full = 1 << 18

// line appends shape with each % replaced by the next argument as a JSON
// string, and each ^ by the next argument as it is, and ends the resource.
func (p *pen) line(shape string, args ...string) {
	p.put(shape, args...)
	p.end()
}

// end ends the resource.
func (p *pen) end() {
	p.b = append(p.b, '\n')
	p.n++
	if len(p.b) >= full {
		p.flush()
	}
}

// put is line without the end.
func (p *pen) put(shape string, args ...string) {
	from, next := 0, 0
	for i := range len(shape) {
		c := shape[i]
		if c != '%' && c != '^' {
			continue
		}
		p.b = append(p.b, shape[from:i]...)
		if c == '%' {
			p.b = appendString(p.b, args[next])
		} else {
			p.b = append(p.b, args[next]...)
		}
		next++
		from = i + 1
	}
	p.b = append(p.b, shape[from:]...)
}

func (p *pen) flush() {
	if p.err == nil && len(p.b) > 0 {
		_, p.err = p.w.Write(p.b)
	}
	p.b = p.b[:0]
}

// instant writes t as the clinic's clock shows it.
func (p *pen) instant(t time.Time) string { return t.In(p.zone).Format(time.RFC3339) }

// day writes the date of t.
func (p *pen) day(t time.Time) string { return t.In(p.zone).Format(time.DateOnly) }

// number writes v with the fewest digits, at most places of them after the
// point.
func number(v float64, places int) string {
	s := strconv.FormatFloat(v, 'f', places, 64)
	if places == 0 {
		return s
	}
	end := len(s)
	for s[end-1] == '0' {
		end--
	}
	if s[end-1] == '.' {
		end--
	}
	return s[:end]
}

func base64Text(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' || c >= utf8.RuneSelf {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
