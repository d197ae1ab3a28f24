package mailin

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRead(t *testing.T) {
	tests := []struct{ name, raw, text string }{
		{"plain", "From: A <a@x.example>\r\n\r\nYes.\r\n", "Yes."},
		{"quoted below", "From: a@x.example\r\n\r\nYes.\r\n\r\nOn Mon, 2 Mar 2026 at 12:30, Riverside <r@x.example>\r\nwrote:\r\n\r\n> it is time\r\n", "Yes."},
		{"quoted between", "From: a@x.example\r\n\r\n> can you come?\r\nYes.\r\n> at 10?\r\nNo, at 11.\r\n", "Yes.\nNo, at 11."},
		{"Spanish", "From: a@x.example\r\n\r\nSí.\r\n\r\nEl lun, 2 mar 2026 a las 12:30, Riverside escribió:\r\n> x\r\n", "Sí."},
		{"Outlook", "From: a@x.example\r\n\r\nYes.\r\n\r\n________________________________\r\nFrom: Riverside\r\nSent: Monday\r\n", "Yes."},
		{"Outlook's other way", "From: a@x.example\r\n\r\nYes.\r\n\r\n-----Original Message-----\r\nFrom: Riverside\r\n", "Yes."},
		{"a phone's signature", "From: a@x.example\r\n\r\nYes.\r\n\r\nSent from my iPhone\r\n", "Yes."},
		{"a signature", "From: a@x.example\r\n\r\nYes.\r\n-- \r\nAna\r\n", "Yes."},
		{"a page", "From: a@x.example\r\nContent-Type: text/html\r\n\r\n<style>p{}</style><p>Yes.</p><div class=\"gmail_quote\">On Monday: STOP</div>", "Yes."},
		{"both", "From: a@x.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nYes.\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Yes!</p>\r\n--b--\r\n", "Yes."},
		{"another charset", "From: a@x.example\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nSe\xf1ora\r\n", "Señora"},
		{"a sentence that begins so", "From: a@x.example\r\n\r\nOn Monday I can come.\r\nIs 10 fine?\r\n", "On Monday I can come.\nIs 10 fine?"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read([]byte(tt.raw)); got.text != tt.text {
				t.Errorf("text = %q, want %q", got.text, tt.text)
			}
		})
	}
}

func TestAligned(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"town.example", "town.example", true}, {"mail.town.example", "town.example", true}, {"TOWN.example.", "town.example", true},
		{"a.co.uk", "b.co.uk", false}, {"town.example", "evil.example", false}, {"", "", false}, {"example", "town.example", false},
	} {
		if got := aligned(tt.a, tt.b); got != tt.want {
			t.Errorf("aligned(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("From: a@x.example\r\n\r\nYes.\r\n> no\r\n"))
	f.Add([]byte("From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := read(raw)
		if !utf8.ValidString(s.text) || len(s.files) > maxFiles || strings.ContainsAny(s.subject+s.from, "\r\n") {
			t.Errorf("read = %+v", s)
		}
	})
}
