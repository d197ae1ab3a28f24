package lang_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
)

func TestPick(t *testing.T) {
	tests := []struct {
		name, accept string
		preferred    []string
		want         lang.Lang
	}{
		{name: "nothing is English", want: lang.English},
		{name: "the browser asks for Spanish", accept: "es-MX,es;q=0.9,en;q=0.8", want: lang.Spanish},
		{name: "the greater weight wins", accept: "es;q=0.3, en;q=0.9", want: lang.English},
		{name: "weight nought is not wanted", accept: "es;q=0", want: lang.English},
		{name: "a broken weight is not wanted", accept: "es;q=much", want: lang.English},
		{name: "an unknown language is passed over", accept: "fr, es;q=0.5", want: lang.Spanish},
		{name: "the record comes before the browser", accept: "en", preferred: []string{"es-US"}, want: lang.Spanish},
		{name: "an unknown preference is passed over", accept: "en", preferred: []string{"fr", "", "es"}, want: lang.Spanish},
		{name: "an underscore is a hyphen", preferred: []string{"ES_mx"}, want: lang.Spanish},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := lang.Pick(tt.accept, tt.preferred...); got != tt.want {
				t.Errorf("Pick(%q, %q) = %q, want %q", tt.accept, tt.preferred, got, tt.want)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 40, 0, 0, time.UTC)
	night := time.Date(2026, 3, 1, 0, 5, 0, 0, time.UTC)
	tests := []struct{ name, got, want string }{
		{"date", lang.English.Date(at), "Tuesday, November 24"},
		{"date in Spanish", lang.Spanish.Date(at), "martes, 24 de noviembre"},
		{"the zero language is English", lang.Lang("").Date(at), "Tuesday, November 24"},
		{"long date", lang.English.LongDate(at), "Tuesday, November 24, 2026"},
		{"long date in Spanish", lang.Spanish.LongDate(at), "martes, 24 de noviembre de 2026"},
		{"short date", lang.English.ShortDate(at), "Nov 24, 2026"},
		{"short date in Spanish", lang.Spanish.ShortDate(at), "24 nov 2026"},
		{"short day in Spanish", lang.Spanish.ShortDay(night), "dom, 1 mar"},
		{"clock", lang.English.Clock(at), "9:40 am"},
		{"clock in Spanish", lang.Spanish.Clock(night), "12:05 a. m."},
		{"month this year", lang.English.Month(at, at), "November"},
		{"month of another year", lang.Spanish.Month(at, at.AddDate(1, 0, 0)), "noviembre de 2026"},
		{"number", lang.English.Number(7.40, 2), "7.4"},
		{"whole number", lang.English.Number(100, 1), "100"},
		{"large number", lang.Spanish.Number(12400, 0), "12,400"},
		{"small negative number", lang.English.Number(-0.001, 2), "0"},
		{"one", lang.English.N(1, "%d result", "%d results"), "1 result"},
		{"none in Spanish", lang.Spanish.N(0, "%d result", "%d results"), "0 resultados"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s = %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestT(t *testing.T) {
	if got := lang.Spanish.T("Good morning, %s", "Ana"); got != "Buenos días, Ana" {
		t.Errorf("T in Spanish = %q", got)
	}
	if got := lang.Spanish.T("A text nobody knows: 5 %"); got != "A text nobody knows: 5 %" {
		t.Errorf("T of an unknown text = %q, want it as it is", got)
	}
	if got := lang.Lang("").T("Home"); got != "Home" {
		t.Errorf("T in the zero language = %q", got)
	}
	if got := lang.Spanish.T("We got it on %s.", "1:32 p. m."); got != "Lo recibimos el 1:32 p. m." {
		t.Errorf("a time at the end of a sentence: %q", got)
	}
}

// Spanish texts for children come out low, those of offices high, and
// syllables are counted as Spanish reads them.
func TestGradeSpanish(t *testing.T) {
	easy, hard := lang.GradeOf("es-MX", "Le toca su examen. Elija un día. Le esperamos."), lang.GradeOf("es", "Las representaciones administrativas institucionales recomiendan procedimientos diagnósticos complementarios extraordinariamente especializados.")
	if easy > 4 || hard < 8 {
		t.Errorf("GradeOf = %.1f for easy words and %.1f for hard ones", easy, hard)
	}
	if a, b := lang.GradeOf("es", "Hay que venir."), lang.GradeOf("es", "Hay."); a < 0 || b < 0 {
		t.Errorf("grades are %.1f and %.1f", a, b)
	}
	if got := lang.GradeOf("vi", "Xin chào"); got != 0 {
		t.Errorf("GradeOf a language nothing is known of = %.1f, want 0", got)
	}
}

func TestGrade(t *testing.T) {
	easy, hard := lang.Grade("We can help you. Call us."), lang.Grade("Comprehensive metabolic evaluation demonstrates significant abnormalities necessitating immediate consultation.")
	if easy > 2 || hard < 16 {
		t.Errorf("Grade = %.1f for easy words and %.1f for hard ones", easy, hard)
	}
	if got := lang.Grade("… 7.4 %"); got != 0 {
		t.Errorf("Grade of no words = %.1f, want 0", got)
	}
	one, two := lang.Grade("The dog ran to the big red barn and the cat sat on the mat."), lang.Grade("The dog ran to the big red barn. And the cat sat on the mat.")
	if two >= one {
		t.Errorf("Grade of two short sentences %.1f is not below that of one long %.1f", two, one)
	}
	if got := lang.Grade("Yours was 7.4 % in May."); got != lang.Grade("Yours was 74 % in May.") {
		t.Errorf("a point inside a number ends a sentence: %.1f", got)
	}
}

var (
	single = regexp.MustCompile(`\bT\("((?:[^"\\]|\\.)*)"`)
	plural = regexp.MustCompile(`\.N\([^"\n]*?,\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)`)
)

// sources calls visit with the text of every source file that people read.
func sources(t *testing.T, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("../../../internal", func(path string, d fs.DirEntry, err error) error {
		skip := strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") || strings.HasSuffix(path, "_gen.go")
		if err != nil || d.IsDir() || skip || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".templ" {
			return err
		}
		text, err := os.ReadFile(path)
		visit(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// said returns every literal text that sources say to people, by its file.
func said(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	sources(t, func(path, text string) {
		for _, re := range []*regexp.Regexp{single, plural} {
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				for _, literal := range m[1:] {
					var key string
					if err := json.Unmarshal([]byte(`"`+literal+`"`), &key); err != nil {
						t.Fatalf("%s: T(%q): %v", path, literal, err)
					}
					all[key] = path
				}
			}
		}
	})
	return all
}

func TestSpanishHasEveryText(t *testing.T) {
	texts := said(t)
	if len(texts) < 100 {
		t.Fatalf("found %d texts in the sources, want hundreds", len(texts))
	}
	for text, path := range texts {
		if !lang.Spanish.Has(text) {
			t.Errorf("%s: no Spanish for %q", path, text)
		}
	}
}

var verbs = regexp.MustCompile(`%(\[\d\])?[a-z]`)

func TestSpanishKeepsVerbs(t *testing.T) {
	for english, spanish := range catalogue(t) {
		if a, b := verbs.FindAllString(english, -1), verbs.FindAllString(spanish, -1); !slices.Equal(a, b) {
			t.Errorf("%q has the verbs %q, its Spanish %q", english, a, b)
		}
		if strings.TrimSpace(spanish) == "" {
			t.Errorf("%q has an empty Spanish text", english)
		}
	}
}

// TestTextsAreEasy holds what patients read to grade 8 on the whole, and no
// single text to more than a long sentence can bear.
func TestTextsAreEasy(t *testing.T) {
	var sum, words float64
	for text := range catalogue(t) {
		n := float64(len(strings.Fields(text)))
		grade := lang.Grade(text)
		sum, words = sum+grade*n, words+n
		if n >= 8 && grade > 11 {
			t.Errorf("grade %.1f: %q", grade, text)
		}
		if n > 40 {
			t.Errorf("%.0f words: %q", n, text)
		}
	}
	if mean := sum / words; mean > 8 {
		t.Errorf("what patients read is grade %.1f on the whole, want 8 or less", mean)
	}
}

func catalogue(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("es/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there is no catalogue", err)
	}
	m := map[string]string{}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		part := map[string]string{}
		if err := json.Unmarshal(body, &part); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for english, spanish := range part {
			if m[english] != "" && m[english] != spanish {
				t.Errorf("%q has two translations, one of them in %s", english, name)
			}
			m[english] = spanish
		}
	}
	return m
}

func TestPseudo(t *testing.T) {
	for tag, dir := range map[string]string{"en-XA": "ltr", "ar-XB": "rtl"} {
		l := lang.Pick("fr, " + tag + ";q=0.9, en;q=0.5")
		if string(l) != tag || l.Tag() != tag || l.Dir() != dir {
			t.Errorf("Pick(%s) = %s, written %s", tag, l, l.Dir())
		}
		got := l.T("Call us at %s before %[1]s, %d %% of the time", "nine", 3)
		if !strings.HasPrefix(got, "⟦Cáll ús át nine béfóré nine, 3 % óf thé tímé") || !strings.HasSuffix(got, "⟧") {
			t.Errorf("T = %q", got)
		}
		if plain := "Call us"; len([]rune(l.T(plain))) < len(plain)*5/4 {
			t.Errorf("T(%q) = %q, want it longer by a third", plain, l.T(plain))
		}
	}
	if l := lang.Pick("ar"); l != lang.English || l.Dir() != "ltr" {
		t.Errorf("Pick(ar) = %s", l)
	}
}
