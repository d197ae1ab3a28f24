package dsn

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// What is read of a letter at most: the rest says nothing new.
const (
	maxRead  = 2 << 20
	maxDepth = 8
	maxParts = 64
)

// letter is a message taken apart, as far as reports need it.
type letter struct {
	head     header
	texts    []string // what people read, in order
	statuses []string // fields of a delivery status
	feedback string   // fields of a complaint
	receipt  bool     // a reader's receipt, RFC 8098
	original header   // of the message that it is about
	parts    int

	read, cut string    // what people read, and of it what is no copy of the message
	about     []section // what it says of each recipient
}

// header is the fields of a message by their canonical names.
type header map[string][]string

func (h header) get(name string) string {
	if list := h[textproto.CanonicalMIMEHeaderKey(name)]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// take takes raw apart. Anything may be broken: a boundary that is not there,
// a part that does not end, a field without a colon.
func take(raw []byte) *letter {
	if len(raw) > maxRead {
		raw = raw[:maxRead]
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	if bytes.HasPrefix(raw, []byte("From ")) { // a line that mailboxes put before a message
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	l := &letter{}
	head, body := split(raw)
	l.head = head
	l.part(head, body, 0)
	return l
}

// split separates the fields from the rest.
func split(raw []byte) (header, []byte) {
	h := header{}
	var name string
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			return h, rest
		}
		text := string(line)
		if text[0] == ' ' || text[0] == '\t' {
			if list := h[name]; len(list) > 0 {
				list[len(list)-1] += " " + strings.TrimSpace(text)
			}
			raw = rest
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok || strings.ContainsAny(key, " \t") {
			if len(h) == 0 {
				return h, raw // there is no header at all
			}
			raw = rest
			continue
		}
		name = textproto.CanonicalMIMEHeaderKey(key)
		h[name] = append(h[name], strings.TrimSpace(value))
		raw = rest
	}
	return h, nil
}

// part sorts one entity into the letter.
func (l *letter) part(h header, body []byte, depth int) {
	if l.parts++; l.parts > maxParts || depth > maxDepth {
		return
	}
	kind, params := media(h.get("Content-Type"))
	switch {
	case params["boundary"] != "" && strings.HasPrefix(kind, "multipart/"):
		for _, p := range pieces(body, params["boundary"]) {
			ph, pb := split(p)
			if len(ph) == 0 {
				pb = p
			}
			l.part(ph, pb, depth+1)
		}
	case strings.HasSuffix(kind, "delivery-status"):
		l.statuses = append(l.statuses, decode(h, body, params))
	case kind == "message/feedback-report":
		l.feedback = decode(h, body, params)
	case strings.HasSuffix(kind, "disposition-notification"):
		l.receipt = true
	case kind == "message/rfc822" || kind == "message/global" || strings.Contains(kind, "rfc822-header") || kind == "message/global-headers":
		l.embedded(decode(h, body, params), depth)
	case kind == "text/html":
		l.texts = append(l.texts, strip(decode(h, body, params)))
	case kind == "" || strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "multipart/"):
		l.texts = append(l.texts, decode(h, body, params))
	}
}

// embedded takes the message that the report is about; some servers wrap the
// report itself in one.
func (l *letter) embedded(text string, depth int) {
	head, body := split([]byte(text))
	if l.original == nil {
		l.original = head
	}
	kind, params := media(head.get("Content-Type"))
	if kind == "multipart/report" && params["report-type"] != "" && len(l.statuses) == 0 {
		l.part(head, body, depth+1)
	}
}

// media reads a Content-Type, however broken.
func media(field string) (string, map[string]string) {
	kind, params, err := mime.ParseMediaType(field)
	if err == nil {
		return strings.ToLower(kind), params
	}
	kind, rest, _ := strings.Cut(field, ";")
	params = map[string]string{}
	for _, p := range strings.Split(rest, ";") {
		name, value, ok := strings.Cut(p, "=")
		if ok {
			params[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), params
}

// pieces are the parts between boundaries. What stands before the first is
// a part, too, where there is no boundary at all.
func pieces(body []byte, boundary string) [][]byte {
	mark := []byte("--" + boundary)
	var list [][]byte
	var cur []byte
	in, any := false, false
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		if bytes.HasPrefix(line, mark) {
			if in {
				list = append(list, cur)
			}
			cur, any = nil, true
			in = !bytes.HasPrefix(line[len(mark):], []byte("--"))
		} else if in || !any {
			cur = append(append(cur, line...), '\n')
		}
		body = rest
	}
	if len(cur) > 0 && (in || !any) {
		list = append(list, cur)
	}
	return list
}

// decode undoes the transfer encoding and the charset of a part.
func decode(h header, body []byte, params map[string]string) string {
	switch strings.ToLower(h.get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		if out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body))); err == nil || len(out) > len(body)/2 {
			body = out
		}
	case "base64":
		clean := bytes.Map(func(r rune) rune {
			if r == '\n' || r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, body)
		out := make([]byte, base64.StdEncoding.DecodedLen(len(clean)))
		if n, err := base64.StdEncoding.Decode(out, clean); err == nil || n > 0 {
			body = out[:n]
		}
	}
	name := params["charset"]
	if name == "" || utf8.Valid(body) && !bytes.Contains(body, []byte("\x1b$")) {
		return strings.ToValidUTF8(string(body), "?")
	}
	if enc, err := htmlindex.Get(name); err == nil {
		if out, err := enc.NewDecoder().Bytes(body); err == nil {
			body = out
		}
	}
	return strings.ToValidUTF8(string(body), "?")
}

var (
	hidden = regexp.MustCompile(`(?is)<(style|script|head)\b.*?</(style|script|head)>|<!--.*?-->`)
	breaks = regexp.MustCompile(`(?i)<(br|/p|/div|/tr|/li|/h\d)\b[^>]*>`)
	tags   = regexp.MustCompile(`(?s)</?[a-zA-Z][^<>@]*>`)
)

// strip leaves the words of a page.
func strip(page string) string {
	page = hidden.ReplaceAllString(page, " ")
	page = breaks.ReplaceAllString(page, "\n")
	page = tags.ReplaceAllString(page, " ")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ").Replace(page)
}

// words decodes the encoded words of a field (RFC 2047).
func words(field string) string {
	d := mime.WordDecoder{CharsetReader: func(name string, in io.Reader) (io.Reader, error) {
		enc, err := htmlindex.Get(name)
		if err != nil {
			return nil, err
		}
		return enc.NewDecoder().Reader(in), nil
	}}
	out, err := d.DecodeHeader(field)
	if err != nil {
		return field
	}
	return out
}
