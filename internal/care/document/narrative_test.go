package document

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hale/internal/haletest"
)

func TestClinical(t *testing.T) {
	const doc = `<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title><component><structuredBody><component><section>
<title>Medicines</title><text><table><thead><tr><th>Name</th><th>Dose</th></tr></thead><tbody><tr><td>Metformin &amp; more</td><td>500 mg</td></tr></tbody></table>
<list><item>Take with <content styleCode="Bold">food</content></item></list><paragraph>Until May.</paragraph><renderMultiMedia referencedObject="x"/></text>
<entry><act><text>coded, not said</text></act></entry></section></component></structuredBody></component></ClinicalDocument>`
	want := []Block{{Heading, "Medicines"}, {Paragraph, "Name, Dose"}, {Paragraph, "Metformin & more, 500 mg"}, {Item, "Take with food"}, {Paragraph, "Until May."}}
	if diff := cmp.Diff(want, clinical([]byte(doc))); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"entity":  `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><section><text>&e;</text></section>`,
		"broken":  `<section><text>one`,
		"deep":    strings.Repeat("<section>", 100),
		"nothing": ``,
	} {
		if got := clinical([]byte(bad)); len(got) != 0 {
			t.Errorf("%s gives %v", name, got)
		}
	}
}

// Every example of a clinical document gives words and no markup.
func TestClinicalExamples(t *testing.T) {
	root := haletest.Data(t, "ccda/hl7-c-cda-examples")
	read, said := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".xml") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		blocks := clinical(body)
		if len(blocks) > 0 {
			said++
		}
		for _, b := range blocks {
			if strings.TrimSpace(b.Text) == "" || strings.Contains(b.Text, "</") || !utf8.ValidString(b.Text) {
				t.Errorf("%s: %q", path, b.Text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 100 || said < read/3 {
		t.Errorf("%d of %d documents said something", said, read)
	}
	t.Logf("%d of %d documents said something", said, read)
}

func FuzzClinical(f *testing.F) {
	f.Add("<section><title>a</title><text><table><tr><td>b</td></tr></table></text></section>")
	f.Add("<!DOCTYPE a><section/>")
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range clinical([]byte(s)) {
			if strings.TrimSpace(b.Text) == "" || !utf8.ValidString(b.Text) {
				t.Errorf("block %q of %q", b, s)
			}
		}
	})
}
