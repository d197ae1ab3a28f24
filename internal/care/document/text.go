package document

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"strings"
	"unicode"
	"unicode/utf8"

	"hale/internal/care/view"
	"hale/internal/standard/fhir"
)

// maxText is the most text of one document that a page shows.
const maxText = 64 << 10

// blocks returns the text of a resource.
func blocks(kind Kind, n fhir.Node) []Block {
	switch kind {
	case Note:
		return attached(n.Get("content", "attachment"))
	case Report:
		var list []Block
		if c := n.Get("conclusion").Text(); c != "" {
			list = append(list, Block{Heading, "What was found"})
			list = append(list, plain(c)...)
		}
		return append(list, attached(n.Get("presentedForm"))...)
	case Plan:
		return plan(n)
	}
	return nil
}

// plan reads out a care plan: what it is for, and what to do.
func plan(n fhir.Node) []Block {
	var list []Block
	if d := n.Get("description").Text(); d != "" {
		list = append(list, plain(d)...)
	}
	heading := false
	for a := range n.Get("activity").Each() {
		text := view.Plain(a.Get("detail", "code").Concept())
		if d := a.Get("detail", "description").Text(); d != "" {
			text = d
		}
		if text == "" || a.Get("detail", "status").Text() == "cancelled" {
			continue
		}
		if !heading {
			list, heading = append(list, Block{Heading, "What to do"}), true
		}
		list = append(list, Block{Item, text})
	}
	if len(list) == 0 {
		return markup(n.Get("text", "div").Text())
	}
	return list
}

// attached reads the data of an attachment, as far as it is text.
func attached(a fhir.Node) []Block {
	data, err := base64.StdEncoding.DecodeString(strings.Map(noSpace, a.Get("data").Text()))
	if err != nil || !utf8.Valid(data) {
		return nil
	}
	switch media(a.Get("contentType").Text()) {
	case "text/plain", "text/markdown":
		return plain(string(data))
	case "text/html", "application/xhtml+xml":
		return markup(string(data))
	case "application/xml", "text/xml", "application/hl7-cda+xml":
		return clinical(data)
	}
	return nil
}

func noSpace(r rune) rune {
	if unicode.IsSpace(r) {
		return -1
	}
	return r
}

func media(contentType string) string {
	m, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(m))
}

// plain sets a plain text: empty lines part paragraphs, a line that begins
// with a dash or a bullet is an item, and # marks a heading.
func plain(text string) []Block {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	var list []Block
	var open []string
	shut := func() {
		if s := strings.Join(open, " "); s != "" {
			list = append(list, Block{Paragraph, s})
		}
		open = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(clean(line))
		bare := strings.TrimLeft(line, "#")
		switch {
		case line == "":
			shut()
		case bare != line && strings.HasPrefix(bare, " "):
			shut()
			list = append(list, Block{Heading, strings.TrimSpace(bare)})
		case strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "• "):
			shut()
			_, item, _ := strings.Cut(line, " ")
			list = append(list, Block{Item, strings.TrimSpace(item)})
		default:
			open = append(open, line)
		}
	}
	shut()
	return list
}

// clean drops characters that would change how other text is read: controls
// and directional overrides.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cc, r) && r != '\t' || unicode.Is(unicode.Cf, r) && r != '\u00ad' {
			return -1
		}
		return r
	}, s)
}

// markup takes the words out of HTML. Elements part them; none is kept, and
// what scripts and styles say is left out.
func markup(text string) []Block {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	d := xml.NewDecoder(bytes.NewReader([]byte(text)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var list []Block
	var words strings.Builder
	kind, hidden := Paragraph, 0
	shut := func() {
		if s := strings.Join(strings.Fields(clean(words.String())), " "); s != "" {
			list = append(list, Block{kind, s})
		}
		words.Reset()
	}
	for {
		token, err := d.Token()
		if err != nil { // the end, or something that cannot be read; what was read stands
			shut()
			return list
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := strings.ToLower(t.Name.Local)
			if quiet(name) {
				hidden++
			}
			if k, ok := breaks(name); ok {
				shut()
				kind = k
			}
			words.WriteByte(' ')
		case xml.EndElement:
			name := strings.ToLower(t.Name.Local)
			if quiet(name) && hidden > 0 {
				hidden--
			}
			if _, ok := breaks(name); ok {
				shut()
				kind = Paragraph
			}
		case xml.CharData:
			if hidden == 0 {
				words.Write(t)
			}
		}
	}
}

func quiet(name string) bool {
	return name == "script" || name == "style" || name == "head" || name == "template" || name == "noscript"
}

// breaks says that an element begins a new block, and of which kind.
func breaks(name string) (BlockKind, bool) {
	switch name {
	case "h1", "h2", "h3", "h4", "h5", "h6", "caption", "legend":
		return Heading, true
	case "li", "dd":
		return Item, true
	case "p", "div", "br", "ul", "ol", "dl", "dt", "tr", "table", "section", "article", "body", "hr", "pre", "blockquote":
		return Paragraph, true
	}
	return Paragraph, false
}
