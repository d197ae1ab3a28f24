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
	"face/portal.readDetails":         "ours: copies the values of a form, it parses nothing",
	"face/portal.readInvite":          "ours: copies the values of a form, it parses nothing",
	"store/keys/kek.Read":             "store/keys/kek.FuzzRead",
	"store/keys/kek.unmarshal":        "ours: what the key box held, opened and authenticated",
	"base/shares.Parse":               "base/shares.FuzzParse",
	"care/review.parseMark":           "care/review.FuzzParseMark",
	"care/document.Clinical":          "care/document.FuzzClinical",
	"care/patient.read":               "ours: a resource that fhir.Parse has read",
	"care/result.reading":             "ours: a row of the database",
	"standard/facts.read":             "ours: the definitions that ship",
	"access/client.parsed":            "access/client.FuzzAddress",
	"face/authsrv.read":               "ours: copies the values of a form that were offered, it parses nothing",
	"record.readMoment":               "record.FuzzMoment",
	"record.JSON":                     "record.FuzzResourceJSON",
	"face/apidocs.readCapability":     "ours: the capabilities that Hale has written",
	"face/fhirapi.Read":               "ours: an io.Reader that gives slow senders time, it parses nothing",
	"store/audit.quote":               "store/audit.FuzzQuote",
	"access/account.parseAddress":     "access/account.FuzzAddress",
	"access/account.readPHC":          "ours: the database's own password hashes",
	"access/account.readSheet":        "access/account.FuzzReadSheet",
	"access/proxy.parsePack":          "ours: embedded rule packs",
	"base/intake.OpenImage":           "base/intake.FuzzOpen",
	"base/intake.Unzip":               "base/intake.FuzzZip",
	"base/intake.XML":                 "base/intake.FuzzXML",
	"base/lang.Pick":                  "base/lang.FuzzPick",
	"base/outbound.Read":              "ours: an io.Reader within a budget, it parses nothing",
	"base/intake.Read":                "ours: an io.Reader within a budget, it parses nothing",
	"base/phone.Parse":                "base/phone.FuzzParse",
	"base/phone.parse":                "base/phone.FuzzParse",
	"base/seal.OpenAs":                "base/seal.FuzzOpenAs",
	"base/seal.ParseKey":              "ours: the operator's key file",
	"base/seal.Read":                  "ours: an io.Reader of what is sealed, which is authenticated before it is read",
	"standard/fhir.readField":         "ours: the model of the elements, which ships",
	"base/seal.parse":                 "base/seal.FuzzOpenAs",
	"care/document.Read":              "care/document.FuzzMarkup",
	"care/document.clean":             "care/document.FuzzMarkup",
	"care/document.read":              "care/document.FuzzMarkup",
	"care/problem.read":               "ours: a row of the database",
	"feed/export.read":                "feed/export.FuzzRead",
	"feed/export.Read":                "feed/export.FuzzRead",
	"feed/export.clean":               "ours: destroys the files of an export by its id",
	"feed/load.ReadManifest":          "feed/load.FuzzReadManifest",
	"feed/load.Read":                  "ours: cuts lines off, which feed/bulk and its own tests parse",
	"feed/load.clean":                 "ours: destroys the files of a load by its id",
	"feed/load.readParameters":        "feed/load.FuzzReadManifest",
	"feed/subscription.Read":          "feed/subscription.FuzzRead",
	"feed/subscription.readWatch":     "feed/subscription.FuzzRead",
	"record.shallow":                  "record.FuzzAppendLine",
	"face/desk.parseAge":              "face/desk.FuzzAudience",
	"face/desk.parseAudience":         "face/desk.FuzzAudience",
	"face/desk.parseDays":             "face/desk.FuzzAudience",
	"face/desk.parseMessage":          "face/desk.FuzzSheet",
	"face/desk.parsePercent":          "face/desk.FuzzAudience",
	"face/pickup.clean":               "face/pickup.FuzzParseBorn",
	"face/web.Local":                  "face/web.FuzzLocal",
	"face/web.Remote":                 "face/web.FuzzRemote",
	"feed/bulk.parseEntry":            "feed/bulk.FuzzImport",
	"feed/bulk.parseUUID":             "feed/bulk.FuzzImport",
	"gateway/email.Send":              "gateway/email.FuzzSend",
	"gateway/mailin.read":             "gateway/mailin.FuzzRead",
	"gateway/sms.Verify":              "gateway/sms.FuzzSignature",
	"face/portal.readLetter":          "face/portal.FuzzUpload",
	"gateway/sms.parse":               "gateway/sms.FuzzCallbacks",
	"gateway/smpp.ReadPDU":            "gateway/smpp.FuzzReadPDU",
	"gateway/smpp.canonical":          "gateway/smpp.FuzzReport",
	"gateway/smpp.parse":              "gateway/smpp.FuzzReadPDU",
	"gateway/smpp.read":               "gateway/smpp.FuzzReport",
	"gateway/twilio.verify":           "gateway/twilio.FuzzCallbacks",
	"reach/nod.Read":                  "reach/nod.FuzzRead",
	"standard/mailreport.Read":        "standard/mailreport.FuzzRead",
	"standard/mailreport.readTLS":     "standard/mailreport.FuzzRead",
	"standard/mailreport.readDMARC":   "standard/mailreport.FuzzRead",
	"reach/letter.ParseRef":           "reach/letter.FuzzParseRef",
	"reach.readAnswers":               "reach.FuzzReadAnswers",
	"reach.readAnswer":                "reach.FuzzReadAnswers",
	"care/translation.read":           "ours: a resource that fhir.Parse has read",
	"care/translation.reader":         "ours: a key to what may be read, it parses nothing",
	"care/task.readRaised":            "ours: a resource that fhir.Parse has read",
	"gateway/email.common":            "gateway/email.FuzzCommon",
	"standard/gsm.Decode":             "standard/gsm.FuzzSplit",
	"standard/gsm.DecodeLatin":        "standard/gsm.FuzzDecode",
	"standard/gsm.DecodeWide":         "standard/gsm.FuzzDecode",
	"reach.Understand":                "reach.FuzzUnderstand",
	"reach.ReadBlocks":                "reach.FuzzReadBlocks",
	"reach/wish.Read":                 "reach/wish.FuzzRead",
	"reach/law.Parse":                 "reach/law.FuzzParse",
	"reach/track.Read":                "reach/track.FuzzRead",
	"reach/track.ReadNetworks":        "reach/track.FuzzReadNetworks",
	"reach/link.canonical":            "reach/link.FuzzCanonical",
	"reach/policy.ParseWindow":        "ours: quiet hours as Hale wrote them into its own message",
	"reach/verp.Read":                 "reach/verp.FuzzRead",
	"reach/template.clean":            "reach/template.FuzzCompile",
	"reach/template.parse":            "reach/template.FuzzCompile",
	"reach/template.parseField":       "reach/template.FuzzCompile",
	"record.read":                     "record.FuzzFind",
	"record.readInclusions":           "record.FuzzFind",
	"record.readOrder":                "record.FuzzFind",
	"record.readPlace":                "record.FuzzFind",
	"record.readQuery":                "record.FuzzClause",
	"record.readValue":                "record.FuzzFind",
	"standard/profile.parsed":         "ours: a value of a published definition",
	"standard/profile.readTag":        "standard/profile.FuzzValidate",
	"standard/dsn.Parse":              "standard/dsn.FuzzParse",
	"standard/dsn.decode":             "standard/dsn.FuzzParse",
	"standard/fhir.Parse":             "standard/fhir.FuzzParse",
	"standard/smart.ParseAsked":       "standard/smart.FuzzParseAsked",
	"standard/smart.ParseScope":       "standard/smart.FuzzParseAsked",
	"standard/smart.parseVerbs":       "standard/smart.FuzzParseAsked",
	"standard/smart.ParseAssertion":   "standard/smart.FuzzParseAssertion",
	"standard/smart.ParseKeys":        "ours: JSON of the standard library and keys of go-jose; TestParseKeys has the edges",
	"standard/fhir.ParseDate":         "standard/fhir.FuzzParseDate",
	"standard/fhir.parseTime":         "standard/fhir.FuzzParseDate",
	"standard/decimal.Parse":          "standard/decimal.FuzzParse",
	"standard/fhirpatch.FHIRPath":     "standard/fhirpatch.FuzzFHIRPath",
	"standard/fhirpatch.JSON":         "standard/fhirpatch.FuzzJSON",
	"standard/fhirpath.parse":         "standard/fhirpath.FuzzCompile",
	"standard/fhirpath.parseMoment":   "standard/fhirpath.FuzzEval",
	"standard/fhirpath.parseQuantity": "standard/fhirpath.FuzzEval",
	"standard/fhirpath.readClock":     "standard/fhirpath.FuzzEval",
	"standard/fhirpath.readDate":      "standard/fhirpath.FuzzEval",
	"standard/fhirpath.readFraction":  "standard/fhirpath.FuzzEval",
	"standard/fhirpath.readMoment":    "standard/fhirpath.FuzzEval",
	"standard/fhirpath.readNumber":    "standard/fhirpath.FuzzEval",
	"standard/fhirpatch.read":         "standard/fhirpatch.FuzzFHIRPath",
	"standard/fhirpath.decode":        "standard/fhirpath.FuzzCompile",
	"standard/fhirpath.readType":      "standard/fhirpath.FuzzCompile",
	"standard/fhirpath.readZone":      "standard/fhirpath.FuzzEval",
	"standard/ucum.Canonical":         "standard/ucum.FuzzParse",
	"standard/ucum.Parse":             "standard/ucum.FuzzParse",
	"standard/ucum.parse":             "standard/ucum.FuzzParse",
	"store/audit.ReadCheckpoint":      "store/audit.FuzzReadProof",
	"store/audit.ReadProof":           "store/audit.FuzzReadProof",
	"store/audit.parseCheckpoint":     "store/audit.FuzzReadProof",
	"standard/shlink.Parse":           "standard/shlink.FuzzParse",
	"standard/shlink.ReadAsk":         "standard/shlink.FuzzOpen",
	"standard/shlink.ReadManifest":    "standard/shlink.FuzzOpen",
	"care/share.Read":                 "standard/shlink.FuzzParse",
	"care/summary.read":               "ours: resources of the record, which fhir.Parse has read",
	"care/summary.decode":             "ours: resources of the record, which fhir.Parse has read",
	"face/portal.readChoice":          "ours: copies the values of a form, it parses nothing",
	"face/fhirapi.parse":              "standard/fhir.FuzzParse",
	"face/fhirapi.readAll":            "ours: an io.Reader within a limit, it parses nothing",
	"standard/fhirxml.Decode":         "standard/fhirxml.FuzzDecode",
	"standard/ccda.readTree":          "standard/ccda.FuzzString",
	"gateway/mx.ParsePolicy":          "gateway/mx.FuzzParsePolicy",
	"gateway/wire.parse":              "gateway/wire.FuzzRead",
	"reach/journey.parseLength":       "reach/journey.FuzzLength",
	"face/desk.parseHours":            "face/desk.FuzzForms",
	"face/desk.parseShares":           "face/desk.FuzzForms",
	"face/desk.readMessage":           "face/desk.FuzzForms",
	"face/desk.readStep":              "ours: copies the fields of a form of the staff; FuzzForms has the message that is in it",
	"reach/policy.ParseDays":          "face/desk.FuzzForms",
	"reach.readBody":                  "ours: what a message says, opened and authenticated; its parts are fuzzed by themselves",
	"reach/likeness.Join":             "reach/likeness.FuzzJoin",
	"reach/outline.Read":              "reach/outline.FuzzRead",
	"gateway/email.quoted":            "gateway/email.FuzzQuoted",
	"care/medication.readDispense":    "ours: a resource that fhir.Parse has read",
	"care/medication.read":            "ours: a resource that fhir.Parse has read",
	"care/medication.Ready":           "ours: moves a request on by its id, it parses nothing",
	"care/checkin.Parse":              "ours: the names of steps as Hale keeps them",
	"care/thread.read":                "ours: a resource that fhir.Parse has read",
	"care/thread.readerOf":            "ours: names the account of a pass",
	"care/thread.ReadAt":              "ours: a time of the database by an id",
	"care/task.Read":                  "ours: notes that a task was read, by its id",
	"care/background.read":            "ours: a resource that fhir.Parse has read",
	"record/arrival.read":             "ours: a row of the database",
	"care/clinic.ParseColour":         "care/clinic.FuzzColour",
	"base/money.Parse":                "base/money.FuzzParse",
	"gateway/stripe.Parse":            "gateway/stripe.FuzzParse",
	"standard/form.Parse":             "standard/form.FuzzParse",
	"standard/form.ParseResponse":     "standard/form.FuzzParse",
	"standard/form.Read":              "standard/form.FuzzParse",
	"standard/form.read":              "standard/form.FuzzParse",
	"face/desk.readCondition":         "face/desk.FuzzForms",
	"face/desk.readOptions":           "face/desk.FuzzForms",
	"face/desk.readBands":             "face/desk.FuzzForms",
	"face/desk.readHours":             "face/desk.FuzzForms",
	"face/desk.readBrand":             "ours: copies the fields of a form of the staff; FuzzForms has its hours, intake its picture, FuzzColour its colour",
	"face/portal.readReading":         "face/portal.FuzzReading",
	"demo/residents.ParseHTML":        "demo/residents.FuzzForms",
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
