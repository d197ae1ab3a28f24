package email

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"hale/internal/reach"
)

// FuzzQuoted holds what is written against the standard library's reader:
// each line is short, and the text comes back.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"plain", "blank at the end \nand\t\n", "a=b\r\nc\rd", strings.Repeat("é ", 90), strings.Repeat("x", 300), "\n.\n..", " ", "\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := quoted(nil, text)
		for line := range bytes.SplitSeq(b, []byte("\r\n")) {
			if len(line) > 76 || bytes.ContainsAny(line, "\r\n") {
				t.Fatalf("a line of %d bytes: %q", len(line), line)
			}
		}
		got, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
		want := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		if err != nil || string(got) != want {
			t.Fatalf("read back %q, %v, want %q", got, err, want)
		}
	})
}

func TestComposeFolds(t *testing.T) {
	g := &Gateway{c: Config{Now: func() time.Time { return time.Unix(0, 0) }}}
	h := reach.Handoff{Key: "k", To: "ana@town.example", From: "\"Dr. Ünal's clinic\" <care@clinic.example>", Subject: strings.Repeat("¿Cómo está? ", 20), Text: "hi"}
	from, err := g.sender(h.From)
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.compose(nil, from, h)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d characters: %q", len(line), line)
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || strings.TrimSpace(subject) != strings.TrimSpace(h.Subject) {
		t.Errorf("Subject = %q, %v, want %q", subject, err, h.Subject)
	}
	if from, err := m.Header.AddressList("From"); err != nil || from[0].Name != "Dr. Ünal's clinic" {
		t.Errorf("From = %v, %v", from, err)
	}
}

func BenchmarkCompose(b *testing.B) {
	g := &Gateway{c: Config{Now: time.Now}}
	text := strings.Repeat("Please bring your insurance card and a list of the medicines you take.\n\n", 60)
	h := reach.Handoff{Key: "0123456789abcdef", To: "ana@town.example", From: "Clinic <care@clinic.example>", Subject: "Your visit", Text: text, HTML: "<p class=\"x\">" + text + "</p>", Unsubscribe: "https://x.example/u/1"}
	from, err := g.sender(h.From)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	for b.Loop() {
		if buf, err = g.compose(buf[:0], from, h); err != nil {
			b.Fatal(err)
		}
	}
}

// What is taken for a common address is one that the standard's reader takes,
// and means the same there.
func FuzzCommon(f *testing.F) {
	for _, s := range []string{"ana@town.example", "a.b+c_d-e@x-y.z", "a..b@x.y", ".a@x.y", "a.@x.y", "a@x.", "@x", "a@", "a@b@c", "a b@c", "<a@b>", "\u00e4@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !common(s) {
			return
		}
		if a, err := mail.ParseAddress(s); err != nil || a.Address != s || a.String() != "<"+s+">" {
			t.Errorf("ParseAddress(%q) = %v, %v", s, a, err)
		}
	})
}
