package email

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"hale/internal/reach"
)

// compose writes h as a message (RFC 5322, RFC 2046). The same handoff gives
// the same bytes but for the date, in every attempt. It appends to b.
func (g *Gateway) compose(b []byte, from *sender, h reach.Handoff) ([]byte, error) {
	b = slices.Grow(b, 2048+(len(h.Text)+len(h.HTML))*9/8)
	b = header(b, "Date", g.c.Now().Format(time.RFC1123Z))
	b = header(b, "MIME-Version", "1.0")
	b = header(b, "Message-ID", "<"+messageID(h.Key, from.domain)+">")
	b = header(b, "Subject", mime.QEncoding.Encode("UTF-8", h.Subject))
	b = header(b, "From", from.field)
	b = header(b, "To", "<"+h.To+">")
	if h.ReplyTo != "" {
		to := "<" + h.ReplyTo + ">"
		if !common(h.ReplyTo) {
			a, err := netmail.ParseAddress(h.ReplyTo)
			if err != nil {
				return nil, fmt.Errorf("email: compose: %w", err)
			}
			to = a.String()
		}
		b = header(b, "Reply-To", to)
	}
	b = header(b, "Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes in answer
	if h.Unsubscribe != "" {
		ways := "<" + h.Unsubscribe + ">"
		if h.StopTo != "" { // RFC 2369: for those whose mail program knows no web
			ways += ", <mailto:" + h.StopTo + "?subject=unsubscribe>"
		}
		b = header(b, "List-Unsubscribe", ways)
		b = header(b, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	const kind, encoding = "Content-Type", "Content-Transfer-Encoding"
	if h.HTML == "" {
		b = header(header(b, kind, "text/plain; charset=UTF-8"), encoding, "quoted-printable")
		return append(quoted(append(b, crlf...), h.Text), crlf...), nil
	}
	line := boundary(h.Key)
	b = header(b, kind, `multipart/alternative; boundary="`+line+`"`)
	for _, part := range [...][2]string{{"text/plain", h.Text}, {"text/html", h.HTML}} {
		b = append(b, crlf+"--"+line+crlf...)
		if part[0] == "text/html" && len(h.Inline) > 0 {
			b = append(related(b, h, "r"+line), crlf...)
			continue
		}
		b = header(header(b, kind, part[0]+"; charset=UTF-8"), encoding, "quoted-printable")
		b = append(quoted(append(b, crlf...), part[1]), crlf...)
	}
	return append(b, "--"+line+"--"+crlf...), nil
}

// related appends the page with the pictures that it shows (RFC 2387).
func related(b []byte, h reach.Handoff, line string) []byte {
	const kind, encoding = "Content-Type", "Content-Transfer-Encoding"
	b = append(header(b, kind, `multipart/related; type="text/html"; boundary="`+line+`"`), crlf+"--"+line+crlf...)
	b = header(header(b, kind, "text/html; charset=UTF-8"), encoding, "quoted-printable")
	b = append(quoted(append(b, crlf...), h.HTML), crlf...)
	for _, p := range h.Inline {
		b = append(b, "--"+line+crlf...)
		b = header(header(header(header(b, kind, p.Media), encoding, "base64"), "Content-ID", "<"+p.ID+">"), "Content-Disposition", "inline")
		b = append(based(append(b, crlf...), p.Body), crlf...)
	}
	return append(b, "--"+line+"--"+crlf...)
}

// based appends bytes in base64, in lines (RFC 2045, section 6.8).
func based(b, body []byte) []byte {
	const most = 57 // bytes of a line of 76
	for len(body) > 0 {
		n := min(most, len(body))
		b = append(base64.StdEncoding.AppendEncode(b, body[:n]), crlf...)
		body = body[n:]
	}
	return b
}

const crlf = "\r\n"

// header appends a field, folded at spaces so that no line is long.
func header(b []byte, name, value string) []byte {
	const most = 76
	b = append(append(b, name...), ':')
	col := len(name) + 1
	for word := range strings.SplitSeq(value, " ") {
		if col+1+len(word) > most && col > 0 {
			b, col = append(b, crlf...), 0
		}
		b = append(append(b, ' '), word...)
		col += 1 + len(word)
	}
	return append(b, crlf...)
}

// asIs are the bytes that stand for themselves in quoted-printable.
var asIs = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '='
	}
	t['\t'] = true
	return t
}()

// quoted appends text in quoted-printable (RFC 2045, section 6.7).
func quoted(b []byte, text string) []byte {
	const most, hex = 75, "0123456789ABCDEF"
	col := 0
	for i := 0; i < len(text); {
		run := i
		for run < len(text) && asIs[text[run]] {
			run++
		}
		if run > i && (run == len(text) || text[run] == '\n' || text[run] == '\r') && (text[run-1] == ' ' || text[run-1] == '\t') {
			run-- // what is blank at the end of a line would be lost
		}
		for i < run {
			if col == most {
				b, col = append(b, "="+crlf...), 0
			}
			n := min(run-i, most-col)
			b = append(b, text[i:i+n]...)
			i, col = i+n, col+n
		}
		switch {
		case i == len(text):
		case text[i] == '\n':
			b, col, i = append(b, crlf...), 0, i+1
		case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
			b, col, i = append(b, crlf...), 0, i+2
		default:
			if col+3 > most {
				b, col = append(b, "="+crlf...), 0
			}
			b = append(b, '=', hex[text[i]>>4], hex[text[i]&15])
			i, col = i+1, col+3
		}
	}
	return b
}

// signed is body with the signatures of the sender's domain before it, if it
// has keys.
func (g *Gateway) signed(ctx context.Context, domain string, body []byte) ([]byte, error) {
	if g.c.Signer == nil {
		return body, nil
	}
	head, err := g.c.Signer.Sign(ctx, domain, body)
	if err != nil {
		return nil, fmt.Errorf("email: sign: %w", err)
	}
	return append(head, body...), nil
}

// messageID is the key at the sender's domain, or its digest where the key
// has characters that an id may not have.
func messageID(key, domain string) string {
	const may = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if len(key) > 120 || strings.Trim(key, may) != "" {
		key = digest(key)
	}
	return key + "@" + domain
}

// boundary separates the parts: the same for the same key, and of nobody's
// choosing.
func boundary(key string) string { return "hale-" + digest("boundary "+key) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// envelope is the bare address of from.
func envelope(from string) (string, error) {
	if common(from) {
		return from, nil
	}
	a, err := netmail.ParseAddress(from)
	if err != nil || !address(a.Address) {
		return "", fmt.Errorf("email: the sender is not an address")
	}
	return a.Address, nil
}
