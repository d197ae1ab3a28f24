package prooftest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parsers is what reads what strangers send, and which fuzz test gives it
// anything. A parser of what Hale or its operator wrote has the reason
// instead, after "ours:".
var parsers = map[string]string{
	"face/portal.readDetails":     "ours: copies the values of a form, it parses nothing",
	"face/portal.readInvite":      "ours: copies the values of a form, it parses nothing",
	"store/keys/kek.Read":         "store/keys/kek.FuzzRead",
	"store/keys/kek.unmarshal":    "ours: what the key box held, opened and authenticated",
	"base/shares.Parse":           "base/shares.FuzzParse",
	"care/document.Clinical":      "care/document.FuzzClinical",
	"care/patient.read":           "ours: a resource that fhir.Parse has read",
	"care/result.reading":         "ours: a row of the database",
	"store/audit.quote":           "store/audit.FuzzQuote",
	"access/account.parseAddress": "access/account.FuzzAddress",
	"access/account.readPHC":      "ours: the database's own password hashes",
	"access/account.readSheet":    "access/account.FuzzReadSheet",
	"access/proxy.parsePack":      "ours: embedded rule packs",
	"base/intake.OpenImage":       "base/intake.FuzzOpen",
	"base/intake.Unzip":           "base/intake.FuzzZip",
	"base/intake.XML":             "base/intake.FuzzXML",
	"base/lang.Pick":              "base/lang.FuzzPick",
	"base/outbound.Read":          "ours: an io.Reader within a budget, it parses nothing",
	"base/intake.Read":            "ours: an io.Reader within a budget, it parses nothing",
	"base/phone.Parse":            "base/phone.FuzzParse",
	"base/phone.parse":            "base/phone.FuzzParse",
	"base/seal.OpenAs":            "base/seal.FuzzOpenAs",
	"base/seal.ParseKey":          "ours: the operator's key file",
	"base/seal.parse":             "base/seal.FuzzOpenAs",
	"care/document.Read":          "care/document.FuzzMarkup",
	"care/document.clean":         "care/document.FuzzMarkup",
	"care/document.read":          "care/document.FuzzMarkup",
	"care/problem.read":           "ours: a row of the database",
	"face/desk.parseAge":          "face/desk.FuzzAudience",
	"face/desk.parseAudience":     "face/desk.FuzzAudience",
	"face/desk.parseDays":         "face/desk.FuzzAudience",
	"face/desk.parseMessage":      "face/desk.FuzzSheet",
	"face/desk.parsePercent":      "face/desk.FuzzAudience",
	"face/pickup.clean":           "face/pickup.FuzzParseBorn",
	"face/web.Local":              "face/web.FuzzLocal",
	"face/web.Remote":             "face/web.FuzzRemote",
	"feed/bulk.parseEntry":        "feed/bulk.FuzzImport",
	"feed/bulk.parseUUID":         "feed/bulk.FuzzImport",
	"gateway/email.Send":          "gateway/email.FuzzSend",
	"gateway/sms.Verify":          "gateway/sms.FuzzSignature",
	"face/portal.readLetter":      "face/portal.FuzzUpload",
	"gateway/sms.parse":           "gateway/sms.FuzzCallbacks",
	"reach.Understand":            "reach.FuzzUnderstand",
	"reach/link.canonical":        "reach/link.FuzzCanonical",
	"reach/policy.ParseWindow":    "ours: quiet hours as Hale wrote them into its own message",
	"reach/template.clean":        "reach/template.FuzzCompile",
	"reach/template.parse":        "reach/template.FuzzCompile",
	"reach/template.parseField":   "reach/template.FuzzCompile",
	"record.read":                 "record.FuzzClause",
	"record.readCommon":           "record.FuzzClause",
	"record.readOrder":            "record.FuzzClause",
	"record.readQuery":            "record.FuzzClause",
	"standard/fhir.Parse":         "standard/fhir.FuzzParse",
	"standard/fhir.ParseDate":     "standard/fhir.FuzzParseDate",
	"standard/fhir.parseTime":     "standard/fhir.FuzzParseDate",
	"store/audit.ReadCheckpoint":  "store/audit.FuzzReadProof",
	"store/audit.ReadProof":       "store/audit.FuzzReadProof",
	"store/audit.parseCheckpoint": "store/audit.FuzzReadProof",
	"demo/residents.ParseHTML":    "demo/residents.FuzzForms",
}

// parserName is how functions that read text are called.
var parserName = regexp.MustCompile(`^(?i:parse|decode|unmarshal|read|sanitize|clean|canonical|understand)`)

// Every parser of what strangers send is given anything: the list is what
// there is, and there is nothing that is not on the list.
func TestEveryParserIsFuzzed(t *testing.T) {
	found, tests := functions(t)
	for name := range found {
		if _, listed := parsers[name]; !listed {
			t.Errorf("%s reads text and is not in the list of parsers: fuzz it, or say why it need not be", name)
		}
	}
	used := map[string]bool{}
	for name, by := range parsers {
		if strings.HasPrefix(by, "ours: ") {
			if !found[name] {
				t.Errorf("%s is listed and not there", name)
			}
			continue
		}
		used[by] = true
		if !slices.Contains(tests, by) {
			t.Errorf("%s is to be fuzzed by %s, which is not there", name, by)
		}
	}
	for _, name := range tests {
		if !used[name] {
			t.Errorf("%s is not in the list of parsers: which does it fuzz?", name)
		}
	}
}

// functions returns the functions that by their name and parameters read
// text, and the fuzz tests.
func functions(t *testing.T) (found map[string]bool, tests []string) {
	t.Helper()
	found = map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_templ.go") {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			switch {
			case !ok || file.Name.Name == "main":
			case strings.HasSuffix(path, "_test.go"):
				if strings.HasPrefix(fn.Name.Name, "Fuzz") {
					tests = append(tests, pkg+"."+fn.Name.Name)
				}
			case outside(pkg) && parserName.MatchString(fn.Name.Name) && takesText(fn):
				found[pkg+"."+fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, tests
}

// outside says whether a package may meet what strangers send: the demo, the
// command line and the tests do not.
func outside(pkg string) bool {
	house, _, _ := strings.Cut(pkg, "/")
	return !slices.Contains([]string{"cli", "demo", "prooftest", "haletest", "browsertest", "arch", "causal", "measure"}, house)
}

// takesText says whether fn's first parameters hold text of unknown form.
func takesText(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		switch p := p.Type.(type) {
		case *ast.Ident:
			if p.Name == "string" {
				return true
			}
		case *ast.ArrayType:
			if e, ok := p.Elt.(*ast.Ident); ok && (e.Name == "byte" || e.Name == "string") {
				return true
			}
		case *ast.SelectorExpr:
			if n := p.Sel.Name; n == "Reader" || n == "Values" || n == "Node" {
				return true
			}
		}
	}
	return false
}
