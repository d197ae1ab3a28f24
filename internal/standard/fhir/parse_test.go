package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hale/internal/haletest"
	"hale/internal/standard/fhir"
)

// plain turns n into what encoding/json makes of the same text.
func plain(n fhir.Node) any {
	switch {
	case n.IsObject():
		m := map[string]any{}
		for key, v := range n.Fields() {
			m[key] = plain(v)
		}
		return m
	case n.IsArray():
		list := []any{}
		for v := range n.Each() {
			list = append(list, plain(v))
		}
		return list
	case n.IsText():
		return n.Text()
	case n.IsLiteral("null"):
		return nil
	case n.IsLiteral("true"), n.IsLiteral("false"):
		return n.Bool()
	}
	return json.Number(n.Raw())
}

// reference is what encoding/json makes of text.
func reference(text []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

func TestParse(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-0.5e+10`, `true`, `null`, ` { "a" : [ 1 , { "b" : [ ] } , null ] , "c" : "d" } `,
		`{"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 ü"}`, `{"s":"\ud83d x","t":"\ude00"}`,
	} {
		n, err := fhir.Parse([]byte(text))
		want, _ := reference([]byte(text))
		if diff := cmp.Diff(want, plain(n)); err != nil || diff != "" {
			t.Errorf("Parse(%s) = %v\n%s", text, err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	tests := []struct {
		text, path string
		offset     int
	}{
		{``, "", 0},
		{`   `, "", 3},
		{`{"resourceType":"Patient","name":[{"family":`, "Patient.name[0].family", 44},
		{`{"resourceType":"Patient","name":[{"family":"D"},{"family":01}]}`, "Patient.name[1].family", 61},
		{`{"resourceType":"Nobody","a":tru}`, "a", 29},
		{`{"a":1,"a":2}`, "a", 7},
		{`{"a":1,}`, "a", 7},
		{`{"a" 1}`, "", 5},
		{`{a:1}`, "", 1},
		{`[1 2]`, "[0]", 3},
		{`[1,]`, "[1]", 3},
		{`{"a":"` + "\n" + `"}`, "a", 6},
		{`{"a":"\x"}`, "a", 6},
		{`{"a":"\u12g4"}`, "a", 6},
		{`{"a":"\`, "a", 6},
		{`{"a":"x\u0000"}`, "a", 7},
		{`{"\u0061":1}`, "", 1},
		{`{"a&b":1}`, "", 1},
		{`{"é":1}`, "", 1},
		{`1 2`, "", 2},
		{`-`, "", 1},
		{`1.`, "", 2},
		{`1e`, "", 2},
		{`+1`, "", 0},
		{`NaN`, "", 0},
		{"\"\xc3\x28\"", "", 1},
		{deep, strings.Repeat("[0]", 64), 64},
		{`{"Jane Doe, 4 May 1961":x}`, "?", 24}, // a key may be anything: it is not repeated
	}
	for _, tt := range tests {
		_, err := fhir.Parse([]byte(tt.text))
		at, ok := errors.AsType[*fhir.SyntaxError](err)
		if !ok || at.Offset != tt.offset || at.Path != tt.path {
			t.Errorf("Parse(%.80s) = %v (%+v), want offset %d at %q", tt.text, err, at, tt.offset, tt.path)
		}
	}
	if _, err := fhir.Parse([]byte(strings.Repeat("[", 64) + strings.Repeat("]", 64))); err != nil {
		t.Errorf("Parse of 64 brackets = %v", err)
	}
}

func TestParseManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(`,"k` + strings.Repeat("x", i) + `":1`)
	}
	once := "{" + b.String()[1:] + "}"
	if _, err := fhir.Parse([]byte(once)); err != nil {
		t.Errorf("Parse of 200 keys = %v", err)
	}
	for _, again := range []string{`"k":2`, `"kxx":2`, `"k` + strings.Repeat("x", 199) + `":2`} {
		if _, err := fhir.Parse([]byte(once[:len(once)-1] + "," + again + "}")); err == nil {
			t.Errorf("Parse takes %.20s a second time", again)
		}
	}
}

func TestParseRealData(t *testing.T) {
	list, err := filepath.Glob(filepath.Join(haletest.Data(t, "fhir/synthea"), "*.json"))
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, name := range list[:3] {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := fhir.Parse(text)
		want, _ := reference(text)
		if err != nil || !cmp.Equal(want, plain(n)) {
			t.Errorf("Parse(%s) = %v, or differs", filepath.Base(name), err)
		}
	}
}

// FuzzParse holds Parse to encoding/json: it takes nothing that is not JSON,
// reads the same in what it takes, and refuses only what FHIR does.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Patient","name":[{"family":"D\u00e9","given":["A","B"]}],"n":-1.5e3,"b":true,"z":null}`,
		`[1,2,{"a":[]}]`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `{"a":`, "\"\xff\"", `{} x`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := fhir.Parse(text)
		if err == nil {
			want, refErr := reference(text)
			if refErr != nil || !cmp.Equal(want, plain(n)) {
				t.Fatalf("Parse takes %q, encoding/json says %v", text, refErr)
			}
			if start, end := n.Span(); string(n.Raw()) != string(text[start:end]) {
				t.Fatalf("Raw() of %q = %q", text, n.Raw())
			}
			return
		}
		at, ok := errors.AsType[*fhir.SyntaxError](err)
		if !ok || at.Offset < 0 || at.Offset > len(text) || at.Reason == "" {
			t.Fatalf("Parse(%q) = %#v", text, err)
		}
		strict := utf8.Valid(text) && json.Valid(text)
		own := []string{"a key stands twice", "nested too deeply", "a key has an escape", "a number is too long", "a string has the character NUL", "more than a million"}
		if strict && !strings.Contains(strings.Join(own, "\n"), at.Reason[:10]) {
			t.Fatalf("Parse(%q) = %v, but it is JSON", text, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	list, _ := filepath.Glob(filepath.Join(haletest.Data(b, "fhir/synthea"), "*.json"))
	text, err := os.ReadFile(list[0])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := fhir.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
