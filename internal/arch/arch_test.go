package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// houses from the ground up. A package imports houses below its own, and
// siblings in its own where the compiler finds no cycle. Houses that share a
// line do not import each other.
var houses = [][]string{
	{"base"},
	{"standard", "causal"},
	{"store"},
	{"access"},
	{"record"},
	{"care"},
	{"reach"},
	{"measure"},
	{"shop"},
	{"gateway"},
	{"feed"},
	{"face"},
	{"demo"},
	{"app"},
	{"cli"},
}

// tests are packages that only tests import, and that import anything.
var tests = []string{"haletest", "arch", "browsertest", "chaostest", "prooftest"}

// outer may read the clock, files and the environment: what starts Hale,
// and what only tests and the demo use.
var outer = []string{"cli", "app", "demo", "haletest", "arch", "browsertest", "chaostest", "prooftest"}

// forbidden say nothing about what is in a package.
var forbidden = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "service", "services", "manager", "base", "impl", "misc", "shared", "types"}

// source is one file.
type source struct {
	path      string // from internal/ on, with slashes
	pkg       string // its folder
	house     string
	file      *ast.File
	fset      *token.FileSet
	test      bool
	generated bool
}

func (s source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// sources returns every file below internal.
func sources(t *testing.T) []source {
	t.Helper()
	list, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("found %d files, want the whole of internal", len(list))
	}
	return list
}

// parsed reads the files once for all tests.
var parsed = sync.OnceValues(func() ([]source, error) {
	var list []source
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		s := source{path: strings.TrimPrefix(filepath.ToSlash(name), "../"), fset: token.NewFileSet()}
		s.pkg = path.Dir(s.path)
		s.house, _, _ = strings.Cut(s.pkg, "/")
		s.test = strings.HasSuffix(name, "_test.go")
		s.file, err = parser.ParseFile(s.fset, name, nil, parser.ParseComments)
		s.generated = err == nil && ast.IsGenerated(s.file)
		list = append(list, s)
		return err
	})
	return list, err
})

// rank is how far up a house stands.
func rank(house string) int {
	return slices.IndexFunc(houses, func(line []string) bool { return slices.Contains(line, house) })
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		isTest := slices.Contains(tests, s.house)
		if rank(s.house) < 0 && !isTest {
			t.Errorf("%s stands in no house: see houses", s.path)
			continue
		}
		for _, imp := range s.file.Imports {
			pkg, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), "hale/internal/")
			house, _, _ := strings.Cut(pkg, "/")
			switch {
			case !ours || isTest:
			case slices.Contains(tests, house):
				t.Errorf("%s imports %s, which only tests may", s.path, pkg)
			case house != s.house && rank(house) >= rank(s.house):
				t.Errorf("%s imports %s: the house %s stands below %s", s.path, pkg, s.house, house)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	const maxFile, maxFunc = 500, 60
	for _, s := range sources(t) {
		if s.test || s.generated {
			continue
		}
		if n := s.fset.Position(s.file.End()).Line; n > maxFile {
			t.Errorf("%s has %d lines, want at most %d", s.path, n, maxFile)
		}
		for _, d := range s.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(fn.End()).Line - s.line(fn) + 1; n > maxFunc {
				t.Errorf("%s: %s has %d lines, want at most %d", s.path, fn.Name.Name, n, maxFunc)
			}
		}
	}
}

func TestPackageDocs(t *testing.T) {
	docs, names := map[string]string{}, map[string]string{}
	for _, s := range sources(t) {
		if s.test || s.generated {
			continue
		}
		names[s.pkg] = s.file.Name.Name
		if s.file.Doc != nil {
			docs[s.pkg] += s.file.Doc.Text()
		}
	}
	for pkg, name := range names {
		want := "Package " + name + " "
		if name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(docs[pkg], want) {
			t.Errorf("package %s: its doc does not begin with %q", pkg, want)
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, s := range sources(t) {
		if last := path.Base(s.pkg); slices.Contains(forbidden, last) {
			t.Errorf("%s: %q says nothing about what is in it", s.path, last)
		}
	}
}

// calls are functions that only the outer houses may call, for what they
// give is handed in.
var calls = map[string][]string{
	"time":      {"Now", "Since", "Until"},
	"os":        {"Getenv", "LookupEnv", "Environ", "ReadFile", "Args", "Setenv"},
	"math/rand": {"*"}, "math/rand/v2": {"*"},
}

// exceptions are calls with a reason.
var exceptions = map[string]string{
	"store/db":            "opens the database's folder and file",
	"feed/bulk":           "reads the folder that is imported",
	"gateway/channeltest": "only tests import it",
}

func TestHandedIn(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || slices.Contains(outer, s.house) || exceptions[s.pkg] != "" || isGenerator(s) {
			continue
		}
		names := map[string]string{} // local name → import path
		for _, imp := range s.file.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			name := path.Base(strings.TrimSuffix(p, "/v2"))
			if imp.Name != nil {
				name = imp.Name.Name
			}
			names[name] = p
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || x.Obj != nil {
				return true
			}
			for _, name := range calls[names[x.Name]] {
				if name == sel.Sel.Name || name == "*" && ast.IsExported(sel.Sel.Name) && !typeName(sel.Sel.Name) {
					t.Errorf("%s:%d: %s.%s: time, randomness and configuration are handed in", s.path, s.line(sel), x.Name, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// typeName says whether a name of math/rand is a type or makes a source of
// one's own from a seed, which is as good as handed in.
func typeName(name string) bool {
	return strings.HasPrefix(name, "New") || slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf"}, name)
}

// isGenerator says whether a file is a program that go generate runs.
func isGenerator(s source) bool {
	return s.file.Name.Name == "main"
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.generated {
			continue
		}
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s:%d: init: nothing happens by importing", s.path, s.line(fn))
			}
		}
	}
}

// A package variable holds an error, a table or a compiled pattern, and
// nothing assigns to it.
func TestPackageVariablesStay(t *testing.T) {
	vars := map[string]map[string]bool{} // package → names
	list := sources(t)
	for _, s := range list {
		if s.test || s.generated {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if vars[s.pkg] == nil {
						vars[s.pkg] = map[string]bool{}
					}
					vars[s.pkg][name.Name] = true
				}
			}
		}
	}
	for _, s := range list {
		if s.test || s.generated {
			continue
		}
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				for _, a := range assigned(fn, vars[s.pkg]) {
					t.Errorf("%s:%d: %s changes the package variable %s", s.path, s.line(a), fn.Name.Name, a.Name)
				}
			}
		}
	}
}

// assigned returns the package variables, of those in vars, that fn assigns
// to: as a whole, or one of their elements or fields.
func assigned(fn *ast.FuncDecl, vars map[string]bool) []*ast.Ident {
	local := map[string]bool{} // names that fn declares itself, anywhere in it
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok {
						local[id.Name] = true
					}
				}
			}
		case *ast.Field:
			for _, id := range n.Names {
				local[id.Name] = true
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				local[id.Name] = true
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		}
		return true
	})
	var found []*ast.Ident
	check := func(e ast.Expr) {
		if id := root(e); id != nil && vars[id.Name] && !local[id.Name] {
			found = append(found, id)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					check(l)
				}
			}
		case *ast.IncDecStmt:
			check(n.X)
		}
		return true
	})
	return found
}

// root is the name that an assignable expression begins with.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// The checks themselves see what they are for.
func TestAssigned(t *testing.T) {
	const src = `package p
var a, b, c, d, e int
func f(e int) { a = 1; b++; c := 2; c = 3; d[0].x = 4; e = 5; g = 6; _ = a }`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true}
	var names []string
	for _, id := range assigned(file.Decls[1].(*ast.FuncDecl), vars) {
		names = append(names, id.Name)
	}
	if got := strings.Join(names, ""); got != "abd" {
		t.Errorf("assigned = %q, want abd", got)
	}
}
