package arch

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// selector returns pkg.Name of an expression like fmt.Sprintf, empty for
// others.
func selector(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}

// What leads around a guard, and the only packages that may name it.
var guarded = map[string]struct {
	why    string
	within []string
}{
	"http.DefaultClient":     {"base/outbound makes clients that look where they are led", nil},
	"http.DefaultTransport":  {"base/outbound makes clients that look where they are led", nil},
	"http.Get":               {"base/outbound makes clients that look where they are led", nil},
	"http.Head":              {"base/outbound makes clients that look where they are led", nil},
	"http.Post":              {"base/outbound makes clients that look where they are led", nil},
	"http.PostForm":          {"base/outbound makes clients that look where they are led", nil},
	"http.Client":            {"base/outbound makes clients that look where they are led", []string{"base/outbound", "demo/residents", "demo/carrier", "prooftest/fhirload", "prooftest/pageload", "prooftest/trackload"}},
	"http.Transport":         {"base/outbound makes clients that look where they are led", []string{"base/outbound", "demo/residents", "demo/carrier", "prooftest/pageload", "prooftest/trackload"}},
	"exec.Command":           {"nothing that Hale does needs another program", []string{"haletest/withpg"}},
	"exec.CommandContext":    {"nothing that Hale does needs another program", []string{"haletest/withpg", "prooftest/fuzz", "prooftest/pageload", "prooftest/trackload", "prooftest/reachload", "prooftest/rig"}},
	"templ.Raw":              {"what a page shows is escaped", []string{"face/web"}},
	"template.HTML":          {"what a page shows is escaped", nil},
	"template.JS":            {"what a page shows is escaped", nil},
	"template.URL":           {"what a page shows is escaped", nil},
	"templ.SafeURL":          {"addresses are checked by templ.URL", []string{"face/pickup"}},
	"templ.JSUnsafeFuncCall": {"no script is made from text", nil},
}

// Nobody goes around a guard: other servers are asked through one client, no
// other program is run, and nothing reaches a page unescaped.
func TestGuards(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || s.generated {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			e, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name := selector(e)
			g, watched := guarded[name]
			if !watched || types(s, e, name) {
				return true
			}
			used[name+" "+s.pkg] = true
			if !slices.Contains(g.within, s.pkg) {
				t.Errorf("%s:%d uses %s: %s", s.path, s.line(n), name, g.why)
			}
			return true
		})
	}
	for name, g := range guarded {
		for _, pkg := range g.within {
			if !used[name+" "+pkg] {
				t.Errorf("%s need not be allowed in %s", name, pkg)
			}
		}
	}
}

// types says whether a name like http.Client is only named as a type, as in
// *http.Client, and not made.
func types(s source, e *ast.SelectorExpr, name string) bool {
	if name != "http.Client" && name != "http.Transport" {
		return false
	}
	made := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && lit.Type == ast.Expr(e) {
			made = true
		}
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 && call.Args[0] == ast.Expr(e) {
			made = true // new(http.Client)
		}
		return !made
	})
	return !made
}

// queries are the functions that take SQL, and which argument it is.
var queries = map[string]int{
	"ExecContext": 1, "QueryContext": 1, "QueryRowContext": 1, "PrepareContext": 1,
	"db.One": 3, "db.All": 3, "db.InsertMany": 2, "db.InsertReturning": 3,
}

// builders put statements together from parts of their own; what a person
// wrote is always a parameter there, and their own tests say so.
var builders = []string{
	"store/db/",              // carries statements
	"store/jobs/",            // one statement for each engine
	"store/schema/schema.go", // runs the migrations
	"store/keys/",            // moves each column of its inventory, a constant
	"record/",                // searches, from the definitions of search parameters
	"reach/segment/",         // segments, from the same
	"care/view/",             // inserts, from a table's columns
	"care/consent/store.go",  // as many placeholders as there are patients
	"reach/people.go",        // counts what a segment selects
	"reach/outreach.go",      // writes down whom it selects
	"reach/settle.go",        // as many rows of placeholders as there are messages
	"reach/withdraw.go",      // one of two columns
	"reach/todo/store.go",    // one of a few lists, each a constant
}

// Every statement is a constant text: nothing that somebody wrote becomes
// SQL.
func TestStatementsAreConstant(t *testing.T) {
	constants := map[string]map[string]bool{}
	for _, s := range sources(t) {
		if constants[s.pkg] == nil {
			constants[s.pkg] = map[string]bool{}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						constants[s.pkg][name.Name] = true
					}
				}
			}
			return true
		})
	}
	seen := 0
	for _, s := range sources(t) {
		if s.test || s.generated || slices.ContainsFunc(builders, func(b string) bool { return strings.HasPrefix(s.path, b) }) || slices.Contains(tests, s.house) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := selector(call.Fun)
			if e, ok := call.Fun.(*ast.SelectorExpr); ok && !strings.HasPrefix(name, "db.") {
				name = e.Sel.Name
			}
			at, takes := queries[name]
			if !takes || len(call.Args) <= at {
				return true
			}
			seen++
			if !constant(call.Args[at], constants[s.pkg]) {
				t.Errorf("%s:%d gives %s a statement that is put together", s.path, s.line(n), name)
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("found %d statements, want those of the whole program", seen)
	}
}

// constant says whether e is a text, a constant, or several of them.
func constant(e ast.Expr, names map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return names[e.Name]
	case *ast.ParenExpr:
		return constant(e.X, names)
	case *ast.BinaryExpr:
		return constant(e.X, names) && constant(e.Y, names)
	}
	return false
}
