package audit_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"hale/internal/store/audit"
)

// FuzzReadProof brings anything as a proof and as a checkpoint: what no key
// has signed is refused, and nothing breaks on the way.
func FuzzReadProof(f *testing.F) {
	_, public, err := note.GenerateKey(rand.Reader, "hale")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "{}", "null", `{"format":"hale audit proof 1","rows":[{}]}`, `{"format":"hale audit proof 1","rows":[{"index":-1,"proof":["x"]}]}`,
		"hale\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nnumber 1\n\n— hale AAAA\n", strings.Repeat("{\"rows\":[", 500),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := audit.ReadCheckpoint(text, public); err == nil {
			t.Errorf("ReadCheckpoint(%q) takes what nobody signed", text)
		}
		p, err := audit.ReadProof([]byte(text))
		if err != nil {
			return
		}
		if _, err := p.Check(); err == nil && p.Key == public {
			t.Errorf("Check of %q holds, and nobody signed it", text)
		}
	})
}
