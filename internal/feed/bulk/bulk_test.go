package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func newStore(d *db.DB, views ...record.Projector) *record.Store {
	return record.New(d, haletest.IDs(), time.Now, event.NewLog(haletest.IDs(), time.Now), views...)
}

var source = record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "test"}

// folder writes files into a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t testing.TB, d *db.DB, path string) bulk.Report {
	t.Helper()
	report, err := bulk.New(newStore(d), d, source).Import(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("Import = %v", err)
	}
	return report
}

// empty empties the record.
func empty(t testing.TB, d *db.DB) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for _, table := range []string{"resource_version", "resource", "patient_number", "token_index", "date_index", "reference_index", "string_index"} {
			if _, err := tx.ExecContext(t.Context(), "delete from "+table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stored returns how many resources d has.
func stored(t testing.TB, d *db.DB) int64 {
	t.Helper()
	n, err := db.One(t.Context(), d, db.Value[int64], `select count(*) from resource`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func get(t testing.TB, d *db.DB, typ, id string) string {
	t.Helper()
	r, err := newStore(d).Get(t.Context(), haletest.Everyone(t, d, access.ReadRecord), typ, id)
	if err != nil {
		t.Fatalf("Get(%s/%s) = %v", typ, id, err)
	}
	return string(r.Body)
}

func TestImporterImportRealData(t *testing.T) {
	tests := []struct {
		dir      string
		patients int
		skipped  int
	}{
		{"fhir/synthea", 24, 1},        // the licence
		{"fhir/bulk-10-ndjson", 13, 4}, // the lines of the log
	}
	for _, tt := range tests {
		t.Run(tt.dir, func(t *testing.T) {
			dir := haletest.Data(t, tt.dir)
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				first := load(t, d, dir)
				total := 0
				for _, n := range first.Counts {
					total += n
				}
				if len(first.Bad) != 0 || len(first.Skipped) != tt.skipped || first.Counts["Patient"] != tt.patients {
					t.Fatalf("first run: %+v", first)
				}
				if n := stored(t, d); n != int64(total) || first.Resources != total+first.Unchanged {
					t.Errorf("%d stored, %d counted, %d seen", n, total, first.Resources)
				}
				second := load(t, d, dir)
				if len(second.Counts) != 0 || second.Unchanged != first.Resources || len(second.Bad) != 0 {
					t.Errorf("second run: %+v, want everything unchanged", second)
				}
				urns, err := db.One(t.Context(), d, db.Value[int64], `select count(*) from reference_index where id like 'urn:%'`)
				if err != nil || urns != 0 {
					t.Errorf("%d references are left unresolved, %v", urns, err)
				}
			})
		})
	}
}

const (
	pat  = `{"resourceType":"Patient","id":"p1","name":[{"family":"Doe"}]}`
	cond = `{ "resourceType" : "Condition",  "id":"c1","subject":{"reference" : "urn:uuid:aaa"}, "n":1.50, "x":"\u00e9" }`
)

// transaction returns a bundle of resources with the fullUrls urn:uuid:ID.
func transaction(entries ...string) string {
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",\n") + `]}`
}

func entry(fullURL, resource string) string {
	return fmt.Sprintf(`{"fullUrl":%q,"resource":%s,"request":{"method":"POST","url":"X"}}`, fullURL, resource)
}

func TestImporterImportLinks(t *testing.T) {
	const practitioner = `{"resourceType":"Practitioner","id":"dr1","identifier":[{"system":"http://npi","value":"77"}]}`
	referring := `{"resourceType":"Encounter","id":"e1","subject":{"reference":"urn:uuid:aaa"},"participant":[{"individual":{"reference":"Practitioner?identifier=http://npi|77"}}]}`
	tests := []struct {
		name      string
		files     map[string]string
		typ, id   string
		want      string
		unchanged int
	}{
		{"forward, all else byte for byte", map[string]string{"a.json": transaction(entry("urn:uuid:bbb", cond), entry("urn:uuid:aaa", pat))},
			"Condition", "c1", `{ "resourceType" : "Condition",  "id":"c1","subject":{"reference" : "Patient/p1"}, "n":1.50, "x":"\u00e9" }`, 0},
		{"a circle", map[string]string{"a.json": transaction(
			entry("urn:uuid:1", `{"resourceType":"Encounter","id":"e1","partOf":{"reference":"urn:uuid:2"}}`),
			entry("urn:uuid:2", `{"resourceType":"Encounter","id":"e2","partOf":{"reference":"urn:uuid:1"}}`))},
			"Encounter", "e2", `{"resourceType":"Encounter","id":"e2","partOf":{"reference":"Encounter/e1"}}`, 0},
		{"a condition met by a later file", map[string]string{
			"a.json": transaction(entry("urn:uuid:aaa", pat), entry("urn:uuid:e", referring)),
			"z.json": transaction(entry("urn:uuid:d", practitioner))},
			"Encounter", "e1", `{"resourceType":"Encounter","id":"e1","subject":{"reference":"Patient/p1"},"participant":[{"individual":{"reference":"Practitioner/dr1"}}]}`, 0},
		{"a condition in NDJSON met by a later file", map[string]string{
			"a.ndjson": `{"resourceType":"Encounter","id":"e1","participant":[{"individual":{"reference":"Practitioner?identifier=http://npi|77"}}]}` + "\n" + pat,
			"z.json":   transaction(entry("urn:uuid:d", practitioner))},
			"Encounter", "e1", `{"resourceType":"Encounter","id":"e1","participant":[{"individual":{"reference":"Practitioner/dr1"}}]}`, 0},
		{"an absolute fullUrl", map[string]string{"a.json": transaction(
			entry("http://old.example/fhir/Patient/9", pat),
			entry("http://old.example/fhir/Condition/1", `{"resourceType":"Condition","id":"c1","subject":{"reference":"http://old.example/fhir/Patient/9"}}`))},
			"Condition", "c1", `{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"}}`, 0},
		{"no id but a urn", map[string]string{"a.json": transaction(entry("urn:uuid:0af1", `{"resourceType":"Patient"}`))},
			"Patient", "0af1", `{"resourceType":"Patient"}`, 0},
		{"one indented resource", map[string]string{"a.txt": "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"p1\"\n}\n"},
			"Patient", "p1", "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"p1\"\n}", 0},
		{"a list, whose entries are its own", map[string]string{"a.json": "{\n\"resourceType\":\"List\",\"id\":\"l1\",\"status\":\"current\",\"mode\":\"working\",\"entry\":[{\"item\":{\"reference\":\"Patient/p1\"}}]}"},
			"List", "l1", "{\n\"resourceType\":\"List\",\"id\":\"l1\",\"status\":\"current\",\"mode\":\"working\",\"entry\":[{\"item\":{\"reference\":\"Patient/p1\"}}]}", 0},
		{"the type of the bundle at its end", map[string]string{"a.json": `{"entry":[{"resource":` + pat + `}],"type":"collection","resourceType":"Bundle"}`},
			"Patient", "p1", pat, 0},
		{"a byte order mark", map[string]string{"a.json": "\ufeff" + transaction(entry("urn:uuid:a", pat)), "b.ndjson": "\ufeff" + pat + "\r\n\r\n"},
			"Patient", "p1", pat, 1},
		{"a condition for creating that is met", map[string]string{
			"a.json": transaction(entry("urn:uuid:d", practitioner)),
			"b.json": transaction(
				`{"fullUrl":"urn:uuid:d","resource":{"resourceType":"Practitioner","id":"dr2"},"request":{"method":"POST","url":"Practitioner","ifNoneExist":"identifier=http://npi|77"}}`,
				entry("urn:uuid:e", `{"resourceType":"PractitionerRole","id":"r1","practitioner":{"reference":"urn:uuid:d"}}`)),
			"c.json": "{}"},
			"PractitionerRole", "r1", `{"resourceType":"PractitionerRole","id":"r1","practitioner":{"reference":"Practitioner/dr1"}}`, -1},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				empty(t, d)
				dir := folder(t, tt.files)
				report := load(t, d, dir)
				if len(report.Bad) != 0 || tt.unchanged >= 0 && report.Unchanged != tt.unchanged {
					t.Fatalf("report: %+v", report)
				}
				if got := get(t, d, tt.typ, tt.id); got != tt.want {
					t.Errorf("stored %s, want %s", got, tt.want)
				}
				if again := load(t, d, dir); len(again.Counts) != 0 && tt.unchanged >= 0 || len(again.Bad) != 0 {
					t.Errorf("second run: %+v, want no change", again)
				}
			})
		}
	})
}

func TestImporterImportBad(t *testing.T) {
	junk := `{"resourceType":"Patient","id":"big","x":"` + strings.Repeat("A", bulk.MaxResource) + `"}`
	tests := []struct {
		name string
		text string
		want bulk.Bad // File is always bad
		good int64    // what of the file goes in
	}{
		{"a bundle cut off", transaction(entry("urn:uuid:aaa", pat))[:150], bulk.Bad{Entry: 1, Place: "byte 150", Reason: "the file ends too early"}, 0},
		{"a bundle cut off between entries", transaction(entry("urn:uuid:aaa", pat) + ",")[:177], bulk.Bad{Entry: 1, Place: "byte 177", Reason: "the file ends too early"}, 0},
		{"the second entry is wrong", transaction(entry("urn:uuid:aaa", pat), entry("urn:uuid:bbb", `{"resourceType":"Condition","id":"c1","code":"x"}`)),
			bulk.Bad{Entry: 2, Place: "Condition.code", Reason: "an object is wanted"}, 0},
		{"a reference out of the bundle", transaction(entry("urn:uuid:bbb", cond)),
			bulk.Bad{Entry: 1, Place: "resource.subject.reference", Reason: "leads to an entry that is not in the bundle"}, 0},
		{"a reference to what is nowhere", transaction(entry("urn:uuid:aaa", pat), entry("urn:uuid:b", `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient?identifier=a|b"}}`)),
			bulk.Bad{Entry: 2, Place: "resource.subject.reference", Reason: "refers to a Patient that is neither in the record nor in the files"}, 0},
		{"a key twice", transaction(entry("urn:uuid:aaa", `{"resourceType":"Patient","id":"p1","id":"p2"}`)),
			bulk.Bad{Entry: 1, Place: "resource.id byte 73", Reason: "a key stands twice in one object"}, 0},
		{"no id", transaction(`{"resource":{"resourceType":"Patient"}}`), bulk.Bad{Entry: 1, Place: "resource.id", Reason: "the resource has no id"}, 0},
		{"to be deleted", transaction(`{"resource":` + pat + `,"request":{"method":"DELETE","url":"Patient/p1"}}`),
			bulk.Bad{Entry: 1, Place: "request.method", Reason: "only POST and PUT can be imported"}, 0},
		{"an unknown type in a bundle", transaction(entry("urn:uuid:1", `{"resourceType":"Alien","id":"1"}`)), bulk.Bad{Entry: 1, Place: "resourceType", Reason: "not a type of FHIR R4"}, 0},
		{"history", strings.Replace(transaction(entry("urn:uuid:1", pat)), "transaction", "history", 1),
			bulk.Bad{Place: "Bundle.type", Reason: "not one of transaction, batch, collection, searchset, document"}, 0},
		{"an entry is a text", transaction(entry("urn:uuid:1", pat), `"Patient/1"`), bulk.Bad{}, 1},
		{"too large an entry", transaction(entry("urn:uuid:aaa", pat), entry("urn:uuid:bbb", junk)), bulk.Bad{Entry: 2, Reason: "larger than 10 MB"}, 0},
		{"too large a value outside the entries", "{\n" + junk[1:], bulk.Bad{Reason: "larger than 10 MB"}, 0},
		{"too deep an entry", transaction(strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)), bulk.Bad{Entry: 1, Reason: "nested too deeply"}, 0},
		{"junk after the bundle", transaction(entry("urn:uuid:aaa", pat)) + " x", bulk.Bad{Entry: 1, Place: "byte 197", Reason: "something follows the end"}, 0},
		{"a broken line", pat + "\n{\"resourceType\":\"Patient\",\"id\":\n" + strings.Replace(pat, "p1", "p3", 1), bulk.Bad{Entry: 2, Place: "Patient.id byte 31", Reason: "the text ends too early"}, 2},
		{"the first line broken", "{\"resourceType\":\"Patient\",\"id\":\n" + pat, bulk.Bad{Entry: 1, Place: "Patient.id byte 31", Reason: "the text ends too early"}, 1},
		{"a line that is not UTF-8", pat + "\n{\"resourceType\":\"Patient\",\"id\":\"p2\",\"x\":\"\xff\"}", bulk.Bad{Entry: 2, Place: "byte 41", Reason: "not UTF-8"}, 1},
		{"too long a line", pat + "\n" + junk + "\n" + strings.Replace(pat, "p1", "p3", 1), bulk.Bad{Entry: 2, Reason: "larger than 10 MB"}, 2},
		{"too long a last line", pat + "\n" + junk, bulk.Bad{Entry: 2, Reason: "larger than 10 MB"}, 1},
		{"a line with NUL", pat + "\n" + `{"resourceType":"Patient","id":"p2","name":[{"family":"\u0000"}]}`, bulk.Bad{Entry: 2, Place: "Patient.name[0].family byte 55", Reason: "a string has the character NUL"}, 1},
		{"a line refers to what is nowhere", pat + "\n" + `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient?identifier=a|b"}}`,
			bulk.Bad{Entry: 2, Place: "Condition.subject.reference", Reason: "refers to a Patient that is neither in the record nor in the files"}, 1},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				empty(t, d)
				report := load(t, d, folder(t, map[string]string{"bad": tt.text, "other": `{"resourceType":"Location","id":"here"}`}))
				if n := stored(t, d); n != tt.good+1 {
					t.Errorf("%d stored, want %d", n, tt.good+1)
				}
				if tt.want.Reason == "" {
					return
				}
				tt.want.File = "bad"
				if len(report.Bad) == 1 && tt.want.Place == "" {
					report.Bad[0].Place = ""
				}
				if diff := cmp.Diff([]bulk.Bad{tt.want}, report.Bad); diff != "" {
					t.Errorf("bad (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestImporterImportSkips(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		report := load(t, d, folder(t, map[string]string{
			"LICENSE": "Do as you like.", "empty": "", "log.ndjson": "{\"a\":1}\n" + pat + "\n{\"b\":2}", "deep/in/settings.json": "{\n\"a\": [1, 2]}",
			"image.png": "\x89PNG\r\n\x1a\n", "numbers.json": "[1,2,3]",
		}))
		want := map[string]int{"LICENSE": 1, "empty": 1, "log.ndjson": 2, "deep/in/settings.json": 1, "image.png": 1, "numbers.json": 1}
		got := map[string]int{}
		for _, s := range report.Skipped {
			got[s.File]++
		}
		if !maps.Equal(got, want) || len(report.Bad) != 0 || report.Counts["Patient"] != 1 {
			t.Errorf("report: %+v", report)
		}
	})
	if _, err := bulk.New(nil, nil, source).Import(t.Context(), filepath.Join(t.TempDir(), "none"), nil); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Import of no folder = %v", err)
	}
}

func TestImporterImportHostileNames(t *testing.T) {
	data, err := os.ReadFile(haletest.Data(t, "security/blns.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for i, name := range names {
		line, _ := json.Marshal(map[string]any{
			"resourceType": "Patient", "id": fmt.Sprint("n", i), "name": []any{map[string]any{"family": name, "given": []string{name}}},
			"identifier": []any{map[string]string{"system": name, "value": name}},
		})
		lines.Write(append(line, '\n'))
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		report, err := bulk.New(s, d, source).ImportStream(t.Context(), "names", bytes.NewReader(lines.Bytes()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.Counts["Patient"]+len(report.Bad) != len(names) {
			t.Errorf("%d taken and %d refused of %d", report.Counts["Patient"], len(report.Bad), len(names))
		}
		for _, b := range report.Bad {
			t.Errorf("refused: %+v", b)
		}
		pass := haletest.Everyone(t, d, access.ReadRecord)
		for _, name := range names {
			for _, search := range []string{"name:contains", "identifier"} {
				if _, err := s.Search(t.Context(), pass, "Patient", map[string][]string{search: {name}}); err != nil && errs.KindOf(err) != errs.Invalid {
					t.Errorf("Search by %s = %v", search, err)
				}
			}
		}
	})
}

// TestImporterImportCancelled ends an import at many points: bundles are
// whole or not there, and the next run completes what is missing.
func TestImporterImportCancelled(t *testing.T) {
	files := map[string]string{}
	const bundles, each = 6, 700
	for b := range bundles {
		var entries []string
		for i := range each {
			entries = append(entries, entry(fmt.Sprintf("urn:uuid:%d-%d", b, i), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d-%d","name":[{"family":"%s"}]}`, b, i, strings.Repeat("x", 900))))
		}
		files[fmt.Sprintf("b%d.json", b)] = transaction(entries...)
	}
	dir := folder(t, files)
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		im := bulk.New(newStore(d), d, source)
		for wait := range 8 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(wait*wait)*4*time.Millisecond)
			_, err := im.Import(ctx, dir, nil)
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Import = %v", err)
			}
			if n := stored(t, d); n%each != 0 {
				t.Fatalf("%d stored: a bundle is half there", n)
			}
		}
		if report := load(t, d, dir); stored(t, d) != bundles*each || report.Resources != bundles*each {
			t.Errorf("after all: %d stored, %+v", stored(t, d), report)
		}
	})
}

// refuser is a view that does not take a patient called p2.
type refuser struct{}

func (refuser) Types() []string { return []string{"Patient"} }

func (refuser) Project(_ context.Context, _ *db.Tx, batch []record.Change) error {
	for _, c := range batch {
		if c.ID == "p2" {
			return errs.New(errs.Invalid, "p2 is not welcome")
		}
	}
	return nil
}

func TestImporterImportRefusedByAView(t *testing.T) {
	lines := pat + "\n" + strings.Replace(pat, "p1", "p2", 1) + "\n" + strings.Replace(pat, "p1", "p3", 1)
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		im := bulk.New(newStore(d, refuser{}), d, source)
		report, err := im.ImportStream(t.Context(), "lines", strings.NewReader(lines), nil)
		if err != nil || report.Counts["Patient"] != 2 || len(report.Bad) != 1 || report.Bad[0].Entry != 2 {
			t.Errorf("lines: %+v, %v", report, err)
		}
		text := transaction(entry("urn:uuid:1", strings.Replace(pat, "p1", "p4", 1)), entry("urn:uuid:2", strings.Replace(pat, "p1", "p2", 1)))
		report, err = im.Import(t.Context(), folder(t, map[string]string{"b.json": text}), nil)
		if err != nil || report.Resources != 0 || len(report.Bad) != 1 || stored(t, d) != 2 {
			t.Errorf("bundle: %+v, %v", report, err)
		}
	})
}

func TestImporterImportProgress(t *testing.T) {
	d := haletest.SQLite(t)
	dir := folder(t, map[string]string{"a": pat, "b": transaction(entry("urn:uuid:1", pat)), "c": "junk", "d": "{"})
	var last bulk.Progress
	_, err := bulk.New(newStore(d), d, source).Import(t.Context(), dir, func(p bulk.Progress) {
		if p.Done < last.Done || p.Done > p.Total {
			t.Errorf("progress goes from %+v to %+v", last, p)
		}
		last = p
	})
	if err != nil || last.Done != last.Total || last.Total == 0 || last.Resources != 3 {
		t.Errorf("the last progress is %+v, %v", last, err)
	}
}

// TestImporterImportMemory reads more than it may hold, as lines and as one
// bundle.
func TestImporterImportMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: takes seconds")
	}
	const lines, bound = 16_000, 100 << 20
	line := func(i int) string {
		return fmt.Sprintf(`{"resourceType":"Basic","id":"b%d","text":{"div":"%s"}}`, i, strings.Repeat("y", 6000))
	}
	path := filepath.Join(t.TempDir(), "large.ndjson")
	bundle := filepath.Join(t.TempDir(), "large.json")
	for name, around := range map[string][3]string{path: {"", "\n", ""}, bundle: {`{"resourceType":"Bundle","type":"batch","entry":[{"resource":`, `},{"resource":`, "}]}"}} {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, around[0])
		for i := range lines {
			if i > 0 {
				fmt.Fprint(f, around[1])
			}
			fmt.Fprint(f, line(i))
		}
		fmt.Fprint(f, around[2])
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d := haletest.SQLite(t)
	for _, name := range []string{path, bundle} {
		var most uint64
		report, err := bulk.New(newStore(d), d, source).Import(t.Context(), name, func(bulk.Progress) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+m.StackInuse)
		})
		if err != nil || report.Resources != lines || most > bound {
			t.Errorf("%s: held %d MB of %d, %d resources, %v", filepath.Base(name), most>>20, report.Bytes>>20, report.Resources, err)
		}
		t.Logf("%s: held %d MB of %d", filepath.Base(name), most>>20, report.Bytes>>20)
	}
}
