package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"strings"

	"github.com/wneessen/go-mail"

	"hale/internal/reach"
)

// compose writes h as a message. The same handoff gives the same bytes but
// for the date, in every attempt.
func (g *Gateway) compose(h reach.Handoff) ([]byte, error) {
	m := mail.NewMsg(mail.WithBoundary(boundary(h.Key)), mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := m.From(h.From); err != nil {
		return nil, fmt.Errorf("email: compose: %w", err)
	}
	if err := m.To(h.To); err != nil {
		return nil, fmt.Errorf("email: compose: %w", err)
	}
	m.Subject(h.Subject)
	m.SetDateWithValue(g.c.Now())
	m.SetMessageIDWithValue(messageID(h))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes in answer
	if h.Unsubscribe != "" {
		m.SetGenHeaderPreformatted("List-Unsubscribe", "<"+h.Unsubscribe+">")
		m.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(mail.TypeTextPlain, h.Text)
	if h.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, h.HTML)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("email: compose: %w", err)
	}
	return b.Bytes(), nil
}

// messageID is the key at the sender's domain, or its digest where the key
// has characters that an id may not have.
func messageID(h reach.Handoff) string {
	key := h.Key
	const may = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if len(key) > 120 || strings.Trim(key, may) != "" {
		key = digest(key)
	}
	return key + "@" + domain(h.From)
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
	a, err := netmail.ParseAddress(from)
	if err != nil || !address(a.Address) {
		return "", fmt.Errorf("email: the sender is not an address")
	}
	return a.Address, nil
}
