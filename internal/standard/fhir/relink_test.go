package fhir_test

import (
	"errors"
	"strings"
	"testing"

	"hale/internal/standard/fhir"
)

func TestNodeRelink(t *testing.T) {
	const u = "urn:uuid:1"
	tests := []struct{ name, in, want string }{
		{"nothing to write", `{ "resourceType":"Basic" , "n":1.50 }`, `{ "resourceType":"Basic" , "n":1.50 }`},
		{"a reference", `{"subject": {"reference" : "urn:uuid:1", "display":"urn:uuid:1"}}`, `{"subject": {"reference" : "Patient/9", "display":"urn:uuid:1"}}`},
		{"in an extension of an extension", `{"extension":[{"url":"urn:uuid:1","extension":[{"url":"x","valueReference":{"reference":"urn:uuid:1"}}]}]}`,
			`{"extension":[{"url":"urn:uuid:1","extension":[{"url":"x","valueReference":{"reference":"Patient/9"}}]}]}`},
		{"values of extensions", `{"extension":[{"url":"x","valueUri":"urn:uuid:1"},{"url":"x","valueCanonical":"urn:uuid:1"},{"url":"x","valueUuid":"urn:uuid:1"}]}`,
			`{"extension":[{"url":"x","valueUri":"Patient/9"},{"url":"x","valueCanonical":"urn:uuid:1"},{"url":"x","valueUuid":"Patient/9"}]}`},
		{"an attachment", `{"url":"urn:uuid:1","content":[{"attachment":{"url":"urn:uuid:1"}}]}`, `{"url":"urn:uuid:1","content":[{"attachment":{"url":"Patient/9"}}]}`},
		{"an identifier", `{"identifier":[{"system":"urn:uuid:1","value":"urn:uuid:1"}]}`, `{"identifier":[{"system":"urn:uuid:1","value":"urn:uuid:1"}]}`},
		{"a contained definition", `{"contained":[{"resourceType":"ValueSet","url":"urn:uuid:1"}]}`, `{"contained":[{"resourceType":"ValueSet","url":"urn:uuid:1"}]}`},
		{"a narrative", `{"text":{"div":"<div><a href=\"urn:uuid:1\">urn:uuid:1 \u00e9<\/a><img alt='' src='urn:uuid:1'/> a=\"urn:uuid:1\"</div>"}}`,
			`{"text":{"div":"<div><a href=\"Patient/9\">urn:uuid:1 é</a><img alt='' src='Patient/9'/> a=\"urn:uuid:1\"</div>"}}`},
		{"a narrative without", `{"text":{"div":"<div><a href=\"#1\">\u00e9<\/a><b class=\"x\"/></div>"}}`, `{"text":{"div":"<div><a href=\"#1\">\u00e9<\/a><b class=\"x\"/></div>"}}`},
		{"several", `{"a":{"reference":"urn:uuid:1"},"b":{"reference":"urn:uuid:1"},"c":"é"}`, `{"a":{"reference":"Patient/9"},"b":{"reference":"Patient/9"},"c":"é"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := fhir.Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got, err := n.Relink(func(l fhir.Link) (string, error) {
				if l.To == u {
					return "Patient/9", nil
				}
				return "", nil
			})
			if err != nil || string(got) != tt.want {
				t.Errorf("Relink = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
	bad := errors.New("bad")
	n, _ := fhir.Parse([]byte(tests[1].in))
	if _, err := n.Relink(func(l fhir.Link) (string, error) { return "", bad }); !errors.Is(err, bad) {
		t.Errorf("Relink = %v, want what to says", err)
	}
	outer, _ := fhir.Parse([]byte(`{"resource" : ` + tests[1].in + ` }`))
	got, _ := outer.Get("resource").Relink(func(fhir.Link) (string, error) { return `a"b`, nil })
	if want := strings.Replace(tests[1].in, `"urn:uuid:1"`, `"a\"b"`, 1); string(got) != want {
		t.Errorf("of a part: %s, want %s", got, want)
	}
}
