package bulk_test

import (
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
)

// FuzzImport takes anything for a bundle or for lines of resources: it ends,
// with a report or an error, and what it counts as taken is there.
func FuzzImport(f *testing.F) {
	const maria = `{"resourceType":"Patient","id":"maria","birthDate":"1961-04-02"}`
	for _, s := range []string{
		`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:0c4bd1a8-5f0e-4d5c-9b8e-000000000001","resource":` + maria + `,"request":{"method":"POST","url":"Patient"}}]}`,
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + maria + `},{"resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/maria"}}}]}`,
		maria, maria + "\n" + maria, "", "{", "[]", `{"resourceType":"Bundle","entry":[{}]}`, strings.Repeat(`{"entry":[`, 200),
		`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"a","resource":{"resourceType":"Patient","id":"../x"}}]}`,
	} {
		f.Add(s)
	}
	d := haletest.SQLite(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 64<<10 {
			return
		}
		im := bulk.New(newStore(d), d, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "fuzz"})
		for _, name := range []string{"a.json", "a.ndjson"} {
			if _, err := im.ImportStream(t.Context(), name, strings.NewReader(text), nil); err != nil && err.Error() == "" {
				t.Errorf("ImportStream(%q) fails without a word", text)
			}
		}
	})
}
