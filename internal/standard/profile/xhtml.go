package profile

import "bytes"

// plainElements are the elements of XHTML that a narrative may have: chapters 7 to 11
// (without forms and scripts) and 15 of HTML 4.0, a and img.
//
// Spec: https://hl7.org/fhir/R4/narrative.html#xhtml
const plainElements = " a abbr acronym b big blockquote br caption center cite code col colgroup dd dfn div dl dt em font h1 h2 h3 h4 h5 h6 hr i img li map area ol p pre q samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var ins del bdo address kbd s "

// isXHTML says whether b is one well-formed div with something in it and
// nothing that does something.
func isXHTML(b []byte) bool {
	b = bytes.TrimSpace(b)
	if !bytes.HasPrefix(b, []byte("<div")) {
		return false
	}
	var open [][]byte
	content := false
	for len(b) > 0 {
		if b[0] != '<' {
			end := bytes.IndexByte(b, '<')
			if end < 0 || len(open) == 0 {
				return false
			}
			content = content || len(bytes.TrimSpace(b[:end])) > 0
			b = b[end:]
			continue
		}
		if bytes.HasPrefix(b, []byte("<!--")) {
			end := bytes.Index(b, []byte("-->"))
			if end < 0 {
				return false
			}
			b = b[end+3:]
			continue
		}
		t, rest, ok := readTag(b)
		if !ok || !t.end && !t.allowed() {
			return false
		}
		b = rest
		switch {
		case t.end:
			if len(open) == 0 || !bytes.Equal(open[len(open)-1], t.name) {
				return false
			}
			open = open[:len(open)-1]
			if len(open) == 0 {
				return content && len(bytes.TrimSpace(b)) == 0
			}
		case t.closed:
			content = content || string(t.name) == "img"
		default:
			if open = append(open, t.name); len(open) > 256 {
				return false
			}
		}
	}
	return false
}

// tag is one tag: <p class="x">, </p>, <br/>.
type tag struct {
	name, attributes []byte
	end, closed      bool
}

func readTag(b []byte) (t tag, rest []byte, ok bool) {
	at, quote := 1, byte(0)
	for ; at < len(b); at++ {
		switch c := b[at]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return t, nil, false
		case c == '>':
			inner := b[1:at]
			t.end = bytes.HasPrefix(inner, []byte("/"))
			inner = bytes.TrimPrefix(inner, []byte("/"))
			t.closed = bytes.HasSuffix(inner, []byte("/"))
			inner = bytes.TrimSuffix(inner, []byte("/"))
			size := bytes.IndexAny(inner, " \t\r\n")
			if size < 0 {
				size = len(inner)
			}
			t.name, t.attributes = inner[:size], inner[size:]
			return t, b[at+1:], size > 0
		}
	}
	return t, nil, false
}

// allowed says whether a narrative may have the tag with its attributes.
func (t *tag) allowed() bool {
	if bytes.IndexByte(t.name, ' ') >= 0 || !bytes.Contains([]byte(plainElements), append(append([]byte{' '}, t.name...), ' ')) {
		return false
	}
	rest := t.attributes
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) == 0 {
			return true
		}
		name, after, ok := bytes.Cut(rest, []byte("="))
		after = bytes.TrimLeft(after, " \t\r\n")
		if !ok || len(after) < 2 || after[0] != '"' && after[0] != '\'' {
			return false
		}
		end := bytes.IndexByte(after[1:], after[0])
		if end < 0 || harmful(bytes.TrimSpace(name), after[1:1+end]) {
			return false
		}
		rest = after[end+2:]
	}
}

// harmful says whether an attribute does something instead of saying how
// something looks.
func harmful(name, value []byte) bool {
	lower := bytes.ToLower(name)
	if bytes.HasPrefix(lower, []byte("on")) {
		return true
	}
	link := string(lower) == "href" || string(lower) == "src"
	return link && bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(value)), []byte("javascript:"))
}
