package form_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"hale/internal/haletest"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/form"
	"hale/internal/standard/profile"
	"hale/internal/standard/terms"
)

// Every ready form, and every response to it, conforms to the standard.
func TestReadyConforms(t *testing.T) {
	library, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	v := profile.New(library, terms.New(library))
	check := func(name string, body []byte) {
		t.Helper()
		n, err := fhir.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, issue := range v.Validate(n) {
			if issue.Severity == profile.Error {
				t.Errorf("%s: %+v", name, issue)
			}
		}
	}
	files, _ := filepath.Glob("ready/*.json")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		q, err := form.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		body, err := q.Body()
		if err != nil {
			t.Fatal(err)
		}
		check(f, body)
		typed := url.Values{}
		q.Each(func(it *form.Item, _ int) bool {
			answer := map[form.Type]string{form.Boolean: "true", form.Integer: "3", form.Date: "1957-05-28"}[it.Type]
			if len(it.Options) > 0 {
				answer = it.Options[len(it.Options)-1].Value.Key()
			} else if answer == "" {
				answer = "Words"
			}
			typed.Set(form.Field(it.LinkID), answer)
			return true
		})
		sent := form.Sent{ID: "r", Patient: "p", Author: "Patient/p", At: haletest.Noon, Language: "es", Stored: "Questionnaire/x/_history/1", Sign: &form.Signature{Name: "Ada", At: haletest.Noon}, Answers: q.Read(typed)}
		if body, err = q.Response(sent); err != nil {
			t.Fatal(err)
		}
		check(f+" answered", body)
	}
}
