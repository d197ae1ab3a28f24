package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// records are the tables that hold what is in people's records.
var records = regexp.MustCompile(`\b(from|join)\s+(resource|resource_version|token_index|date_index|reference_index|string_index|result|goal|medication|problem|document|visit)\b`)

// unveiled are the functions that read those tables without leaving out what
// somebody may not see, and why they may: each shows nothing of it to anybody.
var unveiled = map[string]string{
	"record/read.go columns":                   "the columns of statements that have their own clause, or whose caller asks shown and sees",
	"record/read.go Store.History":             "begins with get, and asks showsBody about each version",
	"record/search.go query.search":            "the clause is among the demands on the resource: see Search",
	"record/clause.go query.rows":              "the clause is among the demands on the resource: see within",
	"record/shield.go shields.older":           "makes labels",
	"record/relabel.go storedColumns":          "makes labels",
	"record/put.go batch.current":              "writes: compares digests",
	"record/put.go batch.replace":              "writes: keeps the version before",
	"record/put.go batch.unindex":              "writes: takes index rows away",
	"record/index.go rows.delete":              "writes: takes index rows away",
	"record/sealed.go batch.recover":           "seals bodies",
	"record/sealed.go Store.Shreddable":        "counts, for whoever destroys a patient's key",
	"record/sealed.go Store.Shred":             "destroys",
	"record/noted.go Store.Proven":             "says yes or no about a digest that the log has",
	"record/release/store.go Store.there":      "whether there is what a clinician holds back",
	"care/request/append.go Store.ownResource": "whether there is what a patient says is wrong, by an id the patient has",
	"care/visit/book.go Store.once":            "whether a link was used, in the transaction of a booking",
	"reach/receipt.go Engine.booked":           "measures that a message led to a visit; shows none",
	"measure/store.go Store.cells":             "counts visits that messages led to; shows none",
	"access/snoop/facts.go Store.gatherVisits": "who had a visit on the day of a look; the finding tells the privacy officer no visit",
	"demo/residents/calls.go People.callOnce":  "the demonstration's telephone",
}

// Whoever reads what is in a record leaves out what the one who asks may not
// see, in the statement itself.
func TestReadsAreVeiled(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || s.generated || slices.Contains(tests, s.house) {
			continue
		}
		for _, d := range s.file.Decls {
			for name, texts := range statements(d) {
				whole := strings.ToLower(strings.Join(texts, " "))
				if !records.MatchString(whole) || strings.Contains(whole, "from shield") || veiledBy(d, whole) {
					continue
				}
				key := s.path + " " + name
				used[key] = true
				if unveiled[key] == "" {
					t.Errorf("%q reads a record and does not say \"from shield\": see access.Pass.Veil", key)
				}
			}
		}
	}
	for key := range unveiled {
		if !used[key] {
			t.Errorf("%q need not be allowed to read unveiled", key)
		}
	}
}

// statements returns the texts of each function, or constant, of d by its
// name.
func statements(d ast.Decl) map[string][]string {
	all := map[string][]string{}
	add := func(name string, n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					all[name] = append(all[name], text)
				}
			}
			return true
		})
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		add(name, d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok && len(v.Names) > 0 {
				add(v.Names[0].Name, v)
			}
		}
	}
	return all
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// veiledBy says whether a function names its package's own clause, or a
// fragment has no conditions yet: those who complete it say theirs.
func veiledBy(d ast.Decl, text string) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "veil" {
			found = true
		}
		return !found
	})
	return found || !strings.Contains(text, "where") && !strings.Contains(text, "select")
}
