package document

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestMarkup(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Block
	}{
		{name: "headings, paragraphs and lists", in: `<div><h2>Plan</h2><p>Walk <b>every</b> day.</p><ul><li>Eat well</li><li>Sleep</li></ul></div>`,
			want: []Block{{Heading, "Plan"}, {Paragraph, "Walk every day."}, {Item, "Eat well"}, {Item, "Sleep"}}},
		{name: "scripts and styles say nothing", in: `<p onclick="x()">Hello<script>alert(1)</script></p><style>p{}</style>`,
			want: []Block{{Paragraph, "Hello"}}},
		{name: "entities are characters", in: `<p>Temp &lt; 37 &amp; falling&nbsp;now</p>`, want: []Block{{Paragraph, "Temp < 37 & falling now"}}},
		{name: "a break parts lines", in: `one<br>two<br/>three`, want: []Block{{Paragraph, "one"}, {Paragraph, "two"}, {Paragraph, "three"}}},
		{name: "what is broken is read as far as it goes", in: `<p>Good</p><<<`, want: []Block{{Paragraph, "Good"}}},
		{name: "no text", in: `<div/>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, markup(tt.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	got := plain("# Plan\n\nKeep\nwalking.\r\n\n- A1c in May\n* Eye exam\n\u202Eevil\u202C text")
	want := []Block{{Heading, "Plan"}, {Paragraph, "Keep walking."}, {Item, "A1c in May"}, {Item, "Eye exam"}, {Paragraph, "evil text"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzMarkup holds markup to its promise: words only, in blocks that are not
// empty, and no more of them than came in.
func FuzzMarkup(f *testing.F) {
	for _, s := range []string{"<p>x</p>", "<script>", "<a<b>&#x;", "]]>", "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;", "<p title='<script>'>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for _, b := range append(markup(s), plain(s)...) {
			if strings.TrimSpace(b.Text) == "" || !utf8.ValidString(b.Text) && utf8.ValidString(s) {
				t.Errorf("block %q of %q", b, s)
			}
			n += len(b.Text)
		}
		if n > 8*maxText {
			t.Errorf("%d bytes out of %d", n, len(s))
		}
	})
}
