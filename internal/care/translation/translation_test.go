package translation

import (
	"strings"
	"testing"
	"time"

	"hale/internal/standard/fhir"
)

func TestOf(t *testing.T) {
	for tag, want := range map[string]string{"es": "Spanish", "es-US": "Spanish", "VI": "Vietnamese", "zh_Hant": "Chinese", "en": "", "en-US": "", "": "", "tlh": "", "hmn": "Hmong"} {
		if l, ok := Of(tag); l.Name != want || ok != (want != "") {
			t.Errorf("Of(%q) = %+v, %t, want %q", tag, l, ok, want)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, text string
		signed     bool
		want       error
	}{
		{"as it should be", " Hola.\r\nAdiós. ", true, nil},
		{"nothing", " \n", true, errWords},
		{"the same", "Hello.", true, errSame},
		{"unsigned", "Hola.", false, errSigned},
		{"as long as may be", strings.Repeat("ñ", mostWords), true, nil},
		{"too long", strings.Repeat("ñ", mostWords+1), true, errLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check(tt.text, "Hello. ", tt.signed)
			if err != tt.want {
				t.Fatalf("check = %v, want %v", err, tt.want)
			}
			if tt.name == "as it should be" && got != "Hola.\nAdiós." {
				t.Errorf("check = %q", got)
			}
		})
	}
}

// What is written beside the words is read back, and all else stays.
func TestWith(t *testing.T) {
	at := time.Date(2026, 10, 6, 15, 0, 0, 0, time.UTC)
	tests := []struct{ name, typ, body, keeps, words string }{
		{"a message", Message, `{"resourceType":"Communication","id":"c","payload":[{"contentAttachment":{"size":12}},{"contentString":"Hello"},{"contentString":"there"}],"priority":"routine"}`, `"size":12`, "Hello\n\nthere"},
		{"a remark", Report, `{"resourceType":"DiagnosticReport","id":"r","conclusion":"Hello","extension":[{"url":"x","valueDecimal":1.50}]}`, `1.50`, "Hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := with(tt.typ, []byte(tt.body), extensions("es", "Hola", "Ines", at))
			if err != nil {
				t.Fatal(err)
			}
			n, err := fhir.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := read(tt.typ, n)
			if !ok || got != (Translation{Lang: "es", Text: "Hola", By: "Ines", At: at}) {
				t.Errorf("read = %+v, %t", got, ok)
			}
			if !strings.Contains(string(body), tt.keeps) || original(tt.typ, n) != tt.words {
				t.Errorf("what else stood there is gone: %s", body)
			}
			if _, ok := read(tt.typ, must(t, tt.body)); ok {
				t.Error("words without a translation have one")
			}
		})
	}
}

func must(t *testing.T, body string) fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
