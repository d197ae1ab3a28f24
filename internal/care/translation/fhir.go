package translation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hale/internal/care/view"
	"hale/internal/standard/fhir"
)

// The extensions of what is translated. The standard one holds the words; the
// other says who wrote and reviewed them, as an Annotation.
const (
	translationURL = "http://hl7.org/fhir/StructureDefinition/translation"
	reviewURL      = "https://hale.example/fhir/translation-review"
)

// extensions returns those of words in a language.
func extensions(lang, text, by string, at time.Time) []any {
	return []any{
		map[string]any{"url": translationURL, "extension": []any{
			map[string]string{"url": "lang", "valueCode": lang},
			map[string]string{"url": "content", "valueString": text},
		}},
		map[string]any{"url": reviewURL, "valueAnnotation": map[string]string{
			"authorString": by, "time": at.UTC().Format("2006-01-02T15:04:05Z"), "text": "Translated, and reviewed by a person qualified for the language: " + lang,
		}},
	}
}

// with returns body, a resource of typ, with the words translated. Whatever
// else stands in it stays as it is.
func with(typ string, body []byte, ext []any) ([]byte, error) {
	r := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	side, err := json.Marshal(map[string]any{"extension": ext})
	if err != nil {
		return nil, err
	}
	if typ == Report {
		r["_conclusion"] = side
		return json.Marshal(r)
	}
	list, text := words(typ)
	var parts []map[string]json.RawMessage
	if err := json.Unmarshal(r[list], &parts); err != nil {
		return nil, fmt.Errorf("%s: %w", list, err)
	}
	for _, p := range parts {
		if _, ok := p[text]; ok {
			p["_"+text] = side
			break
		}
	}
	if r[list], err = json.Marshal(parts); err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

// words says in which element of a type its words stand, and under which name
// in there.
func words(typ string) (list, text string) {
	if typ == Answer {
		return "output", "valueString"
	}
	return "payload", "contentString"
}

// side returns what stands beside the words of a resource that can be
// translated.
func side(typ string, n fhir.Node) fhir.Node {
	if typ == Report {
		return n.Get("_conclusion")
	}
	list, text := words(typ)
	for p := range n.Get(list).Each() {
		if p.Get(text).Exists() {
			return p.Get("_" + text)
		}
	}
	return fhir.Node{}
}

// original returns the words of a resource that can be translated.
func original(typ string, n fhir.Node) string {
	if typ == Report {
		return strings.TrimSpace(n.Get("conclusion").Text())
	}
	list, text := words(typ)
	var texts []string
	for p := range n.Get(list).Each() {
		if t := strings.TrimSpace(p.Get(text).Text()); t != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, "\n\n")
}

// author returns who wrote them.
func author(typ string, n fhir.Node) string {
	if typ == Report {
		return n.Get("resultsInterpreter", "display").Text()
	}
	if typ == Answer {
		by := ""
		for s := range n.Get("note").Each() { // the last step is the answer
			by = s.Get("authorString").Text()
		}
		return by
	}
	return n.Get("sender", "display").Text()
}

// read takes a translation out of a resource; false where it has none.
func read(typ string, n fhir.Node) (t Translation, ok bool) {
	for e := range side(typ, n).Get("extension").Each() {
		switch e.Get("url").Text() {
		case translationURL:
			for part := range e.Get("extension").Each() {
				switch part.Get("url").Text() {
				case "lang":
					t.Lang = part.Get("valueCode").Text()
				case "content":
					t.Text = strings.TrimSpace(view.First(part.Get("valueString"), part.Get("valueMarkdown")).Text())
				}
			}
		case reviewURL:
			t.By = e.Get("valueAnnotation", "authorString").Text()
			if at := view.At(e.Get("valueAnnotation", "time")); at != 0 {
				t.At = time.UnixMicro(at).UTC()
			}
		}
	}
	return t, t.Lang != "" && t.Text != ""
}
