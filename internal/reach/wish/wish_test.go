package wish

import (
	"os"
	"strings"
	"testing"
)

// Every phrase of the corpus is read as what it says. No stop is missed, and
// nothing that is none is taken for one without somebody looking.
func TestReadCorpus(t *testing.T) {
	text, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		part := strings.SplitN(line, "\t", 3)
		if len(part) != 3 {
			t.Fatalf("corpus line %q", line)
		}
		got := Read(part[2])
		if string(got.Meaning) != part[0] || got.Sure != (part[1] == "sure") {
			t.Errorf("Read(%q) = %s by %q, sure %t; want %s, %s", part[2], got.Meaning, got.Rule, got.Sure, part[0], part[1])
		}
		n[part[0]]++
	}
	if n["stop"] < 100 || n["other"] < 20 || n["wrong_person"] < 10 {
		t.Errorf("the corpus is too small to show anything: %v", n)
	}
}

// Signs, capitals and accents around a word change nothing.
func TestReadForms(t *testing.T) {
	for _, word := range []string{"stop", "unsubscribe", "alto", "no más", "quit"} {
		for _, form := range []string{"%", " % ", "%!", "\"%\"", "«%»", "%.", "%\n", "¡%!"} {
			for _, text := range []string{word, strings.ToUpper(word)} {
				said := strings.ReplaceAll(form, "%", text)
				if got := Read(said); got.Meaning != Stop || !got.Sure {
					t.Errorf("Read(%q) = %+v, want a stop", said, got)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "STOP", "no me escriban más", "\xff\xfe stop", "s\u0301top", strings.Repeat("stop ", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		if r.Meaning == "" || r.Meaning != Other && r.Rule == "" {
			t.Errorf("Read(%q) = %+v", text, r)
		}
		if again := Read(strings.ToUpper(text)); len(text) < longest && isASCII(text) && again != r {
			t.Errorf("Read(%q) = %+v, in capitals %+v", text, r, again)
		}
	})
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) < 0
}
