package mailin

import (
	"bytes"
	"io"
	netmail "net/mail"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // what people's programs write in
)

// said is what a person wrote.
type said struct {
	from      string
	subject   string
	text      string // without what it quotes
	inReplyTo string
	files     []file
}

// file is an attachment as it came.
type file struct {
	name, media string
	body        []byte
}

// What is read of one letter.
const (
	maxParts = 64
	maxFiles = 10
	maxText  = 64 << 10
	maxDepth = 8
)

// read takes a person's letter apart. What cannot be made out is left empty.
func read(raw []byte) (s said) {
	m, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: 256 << 10})
	if m == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return s
	}
	if a, err := netmail.ParseAddress(m.Header.Get("From")); err == nil {
		s.from = strings.ToLower(a.Address)
	}
	s.subject, _ = m.Header.Text("Subject")
	s.subject = oneLine(s.subject)
	s.inReplyTo = strings.Trim(strings.TrimSpace(m.Header.Get("In-Reply-To")), "<>")
	r := &reader{said: &s}
	r.entity(m, 0)
	text := r.plain
	if strings.TrimSpace(text) == "" {
		text = r.page
	}
	s.text = unquoted(text)
	return s
}

type reader struct {
	*said
	parts       int
	plain, page string
}

// entity sorts one part.
func (r *reader) entity(m *message.Entity, depth int) {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		return
	}
	if mr := m.MultipartReader(); mr != nil {
		for {
			p, err := mr.NextPart()
			if p == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return
			}
			r.entity(p, depth+1)
			if r.parts > maxParts {
				return
			}
		}
	}
	media, params, err := m.Header.ContentType()
	if err != nil || media == "" {
		media = "text/plain"
	}
	disposition, extra, _ := m.Header.ContentDisposition()
	name := extra["filename"]
	if name == "" {
		name = params["name"]
	}
	if disposition != "attachment" && name == "" && strings.HasPrefix(media, "text/") {
		body, _ := io.ReadAll(io.LimitReader(m.Body, maxText))
		text := strings.ToValidUTF8(string(body), "?")
		if media == "text/html" {
			r.page += shown(text)
		} else {
			r.plain += text
		}
		return
	}
	if len(r.files) >= maxFiles || media == "application/pgp-signature" || media == "application/pkcs7-signature" {
		return
	}
	body, _ := io.ReadAll(m.Body) // the letter as a whole is bounded
	r.files = append(r.files, file{name: oneLine(name), media: media, body: body})
}

var (
	cited  = regexp.MustCompile(`(?is)<blockquote.*</blockquote>|<div[^>]{0,200}(gmail_quote|yahoo_quoted|divRplyFwdMsg|appendonsend).*`)
	unseen = regexp.MustCompile(`(?is)<(style|script|head|title)\b.*?</(style|script|head|title)>|<!--.*?-->`)
	broken = regexp.MustCompile(`(?i)<(br|/p|/div|/tr|/li|/h[1-6])\b[^>]{0,200}>`)
	tag    = regexp.MustCompile(`<[^<>]*>`)
)

// shown is what a page says, without what it quotes.
func shown(page string) string {
	page = unseen.ReplaceAllString(page, " ")
	page = cited.ReplaceAllString(page, " ")
	page = broken.ReplaceAllString(page, "\n")
	page = tag.ReplaceAllString(page, "")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ").Replace(page)
}

// What begins a quotation, or the end of what a person wrote.
var begins = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^\s*(on|el|le|am)\b.{4,200}\b(wrote|escribi[oó]|a écrit|schrieb).{0,60}:\s*$`),
	regexp.MustCompile(`(?i)^\s*-{2,}\s*(original message|mensaje original|forwarded message|message d.origine|ursprüngliche nachricht)\s*-{2,}`),
	regexp.MustCompile(`(?i)^\s*_{8,}\s*$`),
	regexp.MustCompile(`(?i)^\s*\*?(from|de|von):\*?\s.{0,200}@`),
	regexp.MustCompile(`^-- ?$`),
	regexp.MustCompile(`(?i)^\s*(sent from my|get outlook for|enviado desde mi)\b`),
}

// A line that begins a quotation may be broken in two.
var half = regexp.MustCompile(`(?i)^\s*(on|el|le|am)\b.{4,200}$`)

// unquoted leaves of a letter what its writer wrote.
func unquoted(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	var out []string
	for i, line := range lines {
		whole := line
		if half.MatchString(line) && i+1 < len(lines) {
			whole += " " + strings.TrimSpace(lines[i+1])
		}
		if ends(line) || ends(whole) {
			break
		}
		if strings.HasPrefix(strings.TrimSpace(line), ">") {
			continue
		}
		out = append(out, strings.TrimRight(line, " \t"))
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

func ends(line string) bool {
	for _, re := range begins {
		if re.MatchString(line) {
			return true
		}
	}
	return false
}

func oneLine(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ") }
