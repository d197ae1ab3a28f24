package gsm_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"hale/internal/standard/gsm"
)

func TestMeasure(t *testing.T) {
	tests := []struct {
		name, text string
		want       gsm.Size
	}{
		{"nothing", "", gsm.Size{Left: 160}},
		{"160 septets", strings.Repeat("a", 160), gsm.Size{Segments: 1, Units: 160}},
		{"161 septets", strings.Repeat("a", 161), gsm.Size{Segments: 2, Units: 161, Left: 145}},
		{"two full parts", strings.Repeat("a", 306), gsm.Size{Segments: 2, Units: 306}},
		{"one more", strings.Repeat("a", 307), gsm.Size{Segments: 3, Units: 307, Left: 152}},
		{"a euro sign counts twice", strings.Repeat("a", 158) + "€", gsm.Size{Segments: 1, Units: 160}},
		{"a euro sign too many", strings.Repeat("a", 159) + "€", gsm.Size{Segments: 2, Units: 161, Left: 145}},
		{"an escape is not split", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), gsm.Size{Segments: 3, Units: 306, Left: 152}},
		{"Spanish that the alphabet has", "¿Qué? ñ é ù ¡Ñ!", gsm.Size{Segments: 1, Units: 15, Left: 145}},
		{"70 units", strings.Repeat("ó", 70), gsm.Size{Segments: 1, Units: 70, Wide: true}},
		{"71 units", strings.Repeat("ó", 71), gsm.Size{Segments: 2, Units: 71, Wide: true, Left: 63}},
		{"35 emoji", strings.Repeat("🙂", 35), gsm.Size{Segments: 1, Units: 70, Wide: true}},
		{"36 emoji", strings.Repeat("🙂", 36), gsm.Size{Segments: 2, Units: 72, Wide: true, Left: 61}},
		{"emoji are not split", strings.Repeat("🙂", 67), gsm.Size{Segments: 3, Units: 134, Wide: true, Left: 65}},
		{"a backtick is none of it", "`", gsm.Size{Segments: 1, Units: 1, Wide: true, Left: 69}},
		{"brackets", "[]{}\\~^|\f", gsm.Size{Segments: 1, Units: 18, Left: 142}},
	}
	for _, tt := range tests {
		if got := gsm.Measure(tt.text); got != tt.want {
			t.Errorf("%s: Measure = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestPlain(t *testing.T) {
	tests := [][2]string{
		{"“Está” – mañana…", `"Esta" - mañana...`},
		{"Zürich\u00a0kostet 5\u202f€", "Zürich kostet 5 €"},
		{"Hola 🙂 Ramón", "Hola 🙂 Ramón"}, // it is wide anyway
		{"Здравствуйте – Ø", "Здравствуйте – Ø"},
		{"a\u200bb", "ab"},
		{"Ç stays, ç loses", "Ç stays, c loses"},
	}
	for _, tt := range tests {
		if got := gsm.Plain(tt[0]); got != tt[1] {
			t.Errorf("Plain(%q) = %q, want %q", tt[0], got, tt[1])
		}
	}
	if got := gsm.Wider("“Hola” 🙂 ж 🙂"); !slices.Equal(got, []string{"🙂", "ж"}) {
		t.Errorf("Wider = %q", got)
	}
}

func TestCodes(t *testing.T) {
	vectors := map[string][]byte{
		"@£$":      {0, 1, 2},
		"Δ_ΦΓ":     {0x10, 0x11, 0x12, 0x13},
		"ÆæßÉ ":    {0x1c, 0x1d, 0x1e, 0x1f, 0x20},
		"¤¡¿àÄ§":   {0x24, 0x40, 0x60, 0x7f, 0x5b, 0x5f},
		"[€]":      {0x1b, 0x3c, 0x1b, 0x65, 0x1b, 0x3e},
		"Az09\n\r": {0x41, 0x7a, 0x30, 0x39, 0x0a, 0x0d},
	}
	for text, want := range vectors {
		got, ok := gsm.Encode(text)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("Encode(%q) = %x, %v, want %x", text, got, ok, want)
		}
		if back := gsm.Decode(want); back != text {
			t.Errorf("Decode(%x) = %q, want %q", want, back, text)
		}
	}
	if _, ok := gsm.Encode("ó"); ok {
		t.Error("Encode took an ó, which the alphabet lacks")
	}
	if got := gsm.Decode([]byte{0x1b, 0x41, 0x1b}); got != "A " {
		t.Errorf("Decode of unknown escapes = %q, want the letter, and a space", got)
	}
	if got := gsm.DecodeWide(gsm.EncodeWide("ж🙂")); got != "ж🙂" {
		t.Errorf("wide there and back = %q", got)
	}
}

// FuzzSplit cuts any text: the parts join to it, each is one message's worth,
// and there are as many as Measure says.
func FuzzSplit(f *testing.F) {
	f.Add(strings.Repeat("€", 200))
	f.Add(strings.Repeat("a", 152) + "🙂🙂")
	f.Add(strings.Repeat("🙂", 68))
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		parts, size := gsm.Split(text), gsm.Measure(text)
		if strings.Join(parts, "") != text {
			t.Fatalf("Split(%q) = %q", text, parts)
		}
		if n := max(1, size.Segments); len(parts) != n {
			t.Fatalf("%d parts of %q, want %d", len(parts), text, n)
		}
		for _, p := range parts {
			if len(parts) == 1 {
				break
			}
			one := gsm.Measure(p)
			limit := gsm.Joined
			if size.Wide {
				limit = 2 * gsm.JoinedWide // bytes
				one.Units = len(gsm.EncodeWide(p))
			}
			if one.Units > limit {
				t.Fatalf("part %q has %d units, more than %d", p, one.Units, limit)
			}
		}
		if b, ok := gsm.Encode(text); ok && gsm.Decode(b) != text {
			t.Fatalf("Decode(Encode(%q)) = %q", text, gsm.Decode(b))
		}
		if p := gsm.Plain(text); gsm.Measure(p).Segments > size.Segments {
			t.Fatalf("Plain(%q) = %q costs more", text, p)
		}
	})
}

// FuzzDecode reads any bytes in each alphabet: what comes of it is text.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x1b, 0x65, 0xd8, 0x3d, 0xde, 0x42, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, text := range []string{gsm.Decode(b), gsm.DecodeWide(b), gsm.DecodeLatin(b)} {
			if !utf8.ValidString(text) {
				t.Fatalf("%x reads as %q, which is no text", b, text)
			}
		}
	})
}
