package likeness_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hale/internal/reach/likeness"
)

func letter(name, link string) []byte {
	return []byte("<p>Dear " + name + ",</p>" + strings.Repeat("<p>please bring your card and a list of what you take.</p>\n", 60) + `<a href="` + link + `">Open</a><p>The clinic</p>`)
}

func TestDiff(t *testing.T) {
	base := likeness.New(likeness.Common(letter("Ana", "https://x.example/m/abc"), letter("Bo", "https://x.example/m/defghij")))
	if bytes.Contains(base.Text(), []byte("Ana")) || bytes.Contains(base.Text(), []byte("abc")) {
		t.Errorf("the base says what only one of two says: %q", base.Text())
	}
	for _, text := range [][]byte{letter("Ana", "https://x.example/m/abc"), letter("Maximiliana", "y"), nil, []byte("short"), bytes.Repeat([]byte("z"), 5000), base.Text()} {
		diff := base.Diff(nil, text)
		got, err := likeness.Join(base.Text(), diff)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("Join(Diff(%.40q)) = %.40q, %v", text, got, err)
		}
	}
	if diff := base.Diff(nil, letter("Maximiliana", "https://x.example/m/0123456789")); len(diff) > 200 {
		t.Errorf("a letter of the same text keeps %d bytes of its own, want at most 200", len(diff))
	}
}

func TestJoinRefuses(t *testing.T) {
	for _, diff := range []string{"\x05ab", "\x00\x05\x00", "\x00\x01\x09", "\xff", "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", "\x00\x00"} {
		if got, err := likeness.Join([]byte("abc"), []byte(diff)); err == nil {
			t.Errorf("Join(%q) = %q, want an error", diff, got)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte("a base of some length, with words in it"), []byte("a text of some length, with words in it"))
	f.Fuzz(func(t *testing.T, base, text []byte) {
		if got, err := likeness.Join(base, likeness.New(base).Diff(nil, text)); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("Join(Diff(%q)) beside %q = %q, %v", text, base, got, err)
		}
		_, _ = likeness.Join(base, text) // whatever it is, it does not panic
	})
}

func BenchmarkDiff(b *testing.B) {
	base := likeness.New(likeness.Common(letter("Ana", "https://x.example/m/abc"), letter("Bo", "https://x.example/m/def")))
	text := letter("Maximiliana", fmt.Sprint("https://x.example/m/", 123456789))
	var dst []byte
	for b.Loop() {
		dst = base.Diff(dst[:0], text)
	}
	b.SetBytes(int64(len(text)))
}
