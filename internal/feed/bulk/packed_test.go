package bulk_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

const (
	bundleText = `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":` + pat + `}]}`
	lineText   = `{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}`
)

func zipped(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		in, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// What is packed comes in as it would unpacked, whatever it is called.
func TestImporterImportPacked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		report := load(t, d, folder(t, map[string]string{
			"town.zip":  zipped(t, map[string]string{"a/bundle.json": bundleText, "one.json": strings.Replace(pat, `"p1"`, `"p2"`, 1), "notes.txt": "no"}),
			"lines.dat": gzipped(lineText + "\n"),
		}))
		if report.Counts["Patient"] != 2 || report.Counts["Observation"] != 1 || len(report.Bad) != 0 || len(report.Skipped) != 1 || report.Skipped[0].File != "town.zip/notes.txt" {
			t.Errorf("report: %+v", report)
		}
	})
}

// Packed files that are damaged or made to harm are named, and the others
// come in.
func TestImporterImportPackedToHarm(t *testing.T) {
	d := haletest.SQLite(t)
	good := gzipped(pat + "\n")
	report := load(t, d, folder(t, map[string]string{
		"bomb.gz": gzipped(pat + strings.Repeat("\n", 64<<20)), "cut.gz": good[:len(good)-9], "header.gz": "\x1f\x8bnothing", "good.gz": good,
	}))
	bad := map[string]string{}
	for _, b := range report.Bad {
		bad[b.File] = b.Reason
	}
	if len(bad) != 3 || !strings.Contains(bad["bomb.gz"], "more than it should") || bad["cut.gz"] == "" || bad["header.gz"] == "" || report.Counts["Patient"] != 1 || report.Skipped != nil {
		t.Errorf("report: %+v", report)
	}
	dir := t.TempDir()
	evil := filepath.Join(dir, "evil.zip")
	if err := os.WriteFile(evil, []byte(zipped(t, map[string]string{"../../hale.key": "x"})), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bulk.New(newStore(d), d, source).Import(t.Context(), evil, nil)
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Say(err), "evil.zip") {
		t.Errorf("an archive that leads out of itself: %v", err)
	}
}
