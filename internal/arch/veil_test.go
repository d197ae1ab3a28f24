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
var records = regexp.MustCompile(`\b(from|join)\s+(resource|resource_version|token_index|date_index|reference_index|string_index|quantity_index|part_index|word_index|result|goal|medication|problem|document|visit|bill|benefit|task)\b`)

// unveiled are the functions that read those tables without leaving out what
// somebody may not see, and why they may: each shows nothing of it to anybody.
var unveiled = map[string]string{
	"record/read.go columns":                   "the columns of statements that have their own clause, or whose caller asks shown and sees",
	"record/search.go search.page":             "the clause is among the demands on the resource: see newSearch and visible",
	"record/search.go Store.countAll":          "the clause is among the demands on the resource: see newSearch and visible",
	"record/query.go query.set":                "a demand on a resource that the clause stands beside: see newSearch and visible",
	"record/chain.go query.through":            "the clause is visible, for each resource on the way",
	"record/chain.go query.has":                "the clause is visible, for each resource on the way",
	"record/chain.go query.listed":             "the clause is visible, for the list",
	"record/include.go including.backward":     "the clause is visible, for what is included",
	"record/resolve.go Store.Resolve":          "gives away ids alone, to those who write",
	"record/reindex.go Store.Reindex":          "writes: makes index rows",
	"record/reindex.go Store.indexAgain":       "writes: makes index rows",
	"record/again.go Store.projectAgain":       "when something was written, for views that follow it",
	"record/words.go query.words":              "a demand on a resource that the clause stands beside: see newSearch and visible",
	"record/words.go batch.wordless":           "writes: takes words away",
	"record/words.go Store.keepWords":          "writes: makes the words",
	"record/words.go Store.writeWords":         "writes: makes the words",
	"record/clause.go query.rows":              "the clause is among the demands on the resource: see within",
	"record/shield.go shields.older":           "makes labels",
	"record/relabel.go storedColumns":          "makes labels",
	"record/batch.go batch.current":            "writes: compares digests",
	"record/batch.go batch.replace":            "writes: keeps the version before",
	"record/batch.go batch.unindex":            "writes: takes index rows away",
	"record/index.go rows.delete":              "writes: takes index rows away",
	"record/seek.go Store.seek":                "the clause is in asking.visible; gives away ids",
	"record/read.go Store.gone":                "whether what was deleted would have been shown, by its labels",
	"record/standing.go standingColumns":       "has the labels with it: whoever reads it asks reach.shows",
	"record/look.go look.everyType":            "which types there are",
	"record/look.go look.newest":               "the clause is in look.about",
	"record/look.go look.older":                "the clause is in look.about",
	"record/look.go look.kept":                 "the clause is in look.about",
	"record/look.go olderColumns":              "the columns of statements with look.about",
	"record/look.go nowColumns":                "bodies of what look.next found",
	"record/look.go keptColumns":               "bodies of what look.next found; look.shows looks at each",
	"record/changes.go Store.Changes":          "names what changed, for whoever reads it with a pass of its reader",
	"record/findings.go writtenColumns":        "checks what was written, and keeps numbers and no values",
	"record/found.go shields.lookAgain":        "writes: has it looked at again",
	"record/sealed.go batch.recover":           "seals bodies",
	"record/sealed.go Store.Shreddable":        "counts, for whoever destroys a patient's key",
	"record/sealed.go Store.Shred":             "destroys",
	"record/walk.go walked":                    "the clause is among the demands of the walk: see Store.walk",
	"record/walk.go Store.Newest":              "the number of the resource that came last; it says nothing of it",
	"record/whose.go Store.Whose":              "whose record something is in, for whoever asks for a pass",
	"record/binary.go asking.filesOf":          "the clause is in asking.attached, for each document",
	"record/binary.go Store.ofFile":            "whose document a file is of, for whoever asks for a pass: see Store.Whose",
	"record/walk.go Walk.where":                "the demands of Store.walk, which has the clause; of what was deleted, the labels that it had",
	"record/left.go work.left":                 "whether anything is left of a record whose patient is deleted; shows none",
	"record/hold.go hold":                      "locks rows, for whoever writes them; reads none",
	"record/reindex.go lock":                   "locks rows, for whoever writes them; reads none",
	"record/noted.go Store.Proven":             "says yes or no about a digest that the log has",
	"record/release/store.go Store.there":      "whether there is what a clinician holds back",
	"care/request/append.go Store.ownResource": "whether there is what a patient says is wrong, by an id the patient has",
	"care/task/store.go Store.room":            "counts what a patient asked, to refuse more; shows none",
	"care/bill/plan.go Store.billsOf":          "sums alone are made of them, and a plan is of all its bills",
	"care/bill/plan.go Store.finished":         "whether anything is left of a plan; shows none",
	"care/bill/receipt.go Store.Payments":      "the clause is hiddenBills",
	"care/bill/receipt.go Store.Receipts":      "the clause is hiddenBills",
	"care/bill/receipt.go Store.Receipt":       "the clause is hiddenBills",
	"care/bill/settle.go Store.forCheckout":    "writes: where the money that came goes; shows none",
	"care/bill/settle.go Store.rowsOf":         "writes: what came of a payment, when money goes back; shows none",
	"care/visit/book.go Store.once":            "whether a link was used, in the transaction of a booking",
	"reach/receipt.go Engine.booked":           "measures that a message led to a visit; shows none",
	"measure/store.go Store.cells":             "counts visits that messages led to; shows none",
	"measure/cluster.go Store.clusters":        "counts the same, by household",
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
		if id, ok := n.(*ast.Ident); ok && (id.Name == "veil" || id.Name == "unlabelled") {
			found = true
		}
		return !found
	})
	return found || !strings.Contains(text, "where") && !strings.Contains(text, "select")
}
