package fhir

import (
	"bytes"
	"strings"
)

// A Link is a text in a resource that may lead to another resource.
type Link struct {
	Node             // where it is; of a link in a narrative the whole narrative
	To        string // what it says
	Reference bool   // it is Reference.reference, and nothing else can be meant
}

// Relink returns n's bytes with links written anew: each for which to returns
// a text has that text instead, and everything else is as it was. Looked at
// are references wherever they are, addresses such as Attachment.url and
// extension values of type uri, url, oid or uuid, and the links of the
// narrative; not canonicals, identifiers, and what names a definition.
//
// Spec: https://hl7.org/fhir/R4/http.html#trules
func (n Node) Relink(to func(Link) (string, error)) ([]byte, error) {
	if n.doc == nil {
		return nil, nil
	}
	r := relinker{from: n.at, to: to, src: n.doc.src}
	r.start, r.end = n.Span()
	r.at = r.start
	var inside []int32 // the values around the one at hand
	for i := n.at; i < n.value().next; i++ {
		for len(inside) > 0 && n.doc.values[inside[len(inside)-1]].next <= i {
			inside = inside[:len(inside)-1]
		}
		v := &n.doc.values[i]
		switch v.kind {
		case object, array:
			inside = append(inside, i)
		case text:
			if err := r.look(Node{n.doc, i}, inside); err != nil {
				return nil, err
			}
		}
	}
	if r.at == r.start {
		return n.Raw(), nil
	}
	r.out.Write(r.src[r.at:r.end])
	return r.out.Bytes(), nil
}

// relinker is one Relink.
type relinker struct {
	from       int32
	start, end int // of the whole
	at         int // up to where it is written
	src        []byte
	out        bytes.Buffer
	to         func(Link) (string, error)
}

// look looks at one text, which lies inside the values inside.
func (r *relinker) look(n Node, inside []int32) error {
	v := n.value()
	switch string(r.src[v.keyStart:v.keyEnd]) {
	case "reference":
		return r.one(Link{n, n.Text(), true})
	case "url":
		if n.addressIn(inside) {
			return r.one(Link{n, n.Text(), false})
		}
	case "valueUri", "valueUrl", "valueOid", "valueUuid":
		return r.one(Link{n, n.Text(), false})
	case "div":
		return r.narrative(n)
	}
	return nil
}

// addressIn says whether the url n leads somewhere, and does not name an
// extension or a definition.
func (n Node) addressIn(inside []int32) bool {
	if len(inside) < 2 {
		return false // of the resource itself
	}
	outer := &n.doc.values[inside[len(inside)-2]]
	switch string(n.doc.src[outer.keyStart:outer.keyEnd]) {
	case "extension", "modifierExtension", "contained":
		return false
	}
	return !(Node{n.doc, inside[len(inside)-1]}).child("resourceType").Exists()
}

func (r *relinker) one(l Link) error {
	text, err := r.to(l)
	if err == nil && text != "" {
		r.put(l.Node, text)
	}
	return err
}

// put writes text in the place of n.
func (r *relinker) put(n Node, text string) {
	start, end := n.Span()
	r.out.Write(r.src[r.at:start])
	r.out.Write(Quote(text))
	r.at = end
}

// narrative looks at the links of XHTML.
func (r *relinker) narrative(n Node) error {
	was := n.Text()
	var b strings.Builder
	rest := was
	for {
		start, end := nextLink(rest)
		if start < 0 {
			break
		}
		text, err := r.to(Link{n, rest[start:end], false})
		if err != nil {
			return err
		}
		b.WriteString(rest[:start])
		if text == "" {
			text = rest[start:end]
		}
		b.WriteString(text)
		rest = rest[end:]
	}
	b.WriteString(rest)
	if b.String() != was {
		r.put(n, b.String())
	}
	return nil
}

// nextLink returns where the value of the first href or src lies in s, -1
// where there is none.
func nextLink(s string) (start, end int) {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '=')
		if i < 0 {
			return -1, -1
		}
		at += i + 1
		name := s[:at-1]
		if !strings.HasSuffix(name, " href") && !strings.HasSuffix(name, " src") || at == len(s) || s[at] != '"' && s[at] != '\'' {
			continue
		}
		if n := strings.IndexByte(s[at+1:], s[at]); n >= 0 {
			return at + 1, at + 1 + n
		}
	}
}

// Quote returns s as a JSON string.
func Quote(s string) []byte {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
