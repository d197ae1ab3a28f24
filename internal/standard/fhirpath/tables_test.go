package fhirpath_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// tables is a file of the SQL on FHIR suite: views that are tables of plain
// expressions are cases for FHIRPath too.
type tables struct {
	Resources []json.RawMessage
	Tests     []struct {
		Title  string
		View   view
		Expect []map[string]any
		Error  bool `json:"expectError"`
	}
}

type view struct {
	Resource string
	Constant []map[string]any
	Where    []struct{ Path string }
	Select   []map[string]json.RawMessage
}

// columns returns the columns of a view that has nothing else.
func (v view) columns() (list []column, plain bool) {
	for _, s := range v.Select {
		for key := range s {
			if key != "column" {
				return nil, false
			}
		}
		var columns []column
		if json.Unmarshal(s["column"], &columns) != nil {
			return nil, false
		}
		list = append(list, columns...)
	}
	return list, len(list) > 0
}

type column struct {
	Name, Path string
	Collection bool
}

// otherwise are cases that come out otherwise here, each with its reason.
var otherwise = map[string]string{
	"fhirpath.json: string join":                    "nothing joined is nothing, not an empty string; the npm engine says so too",
	"fhirpath.json: string join: default separator": "as above",
	"row_index.json: %rowIndex at top level":        "%rowIndex is a variable of the tables",
}

func TestTables(t *testing.T) {
	files, _ := filepath.Glob(testdata(t, "suites", "sql-on-fhir-v2", "tests", "*.json"))
	passed, left := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s tables
		if err := json.Unmarshal(data, &s); err != nil {
			t.Logf("%s is left out: %v", filepath.Base(file), err)
			continue
		}
		for _, tt := range s.Tests {
			name := filepath.Base(file) + ": " + tt.Title
			columns, plain := tt.View.columns()
			if !plain || tt.Error {
				left++
				continue
			}
			got, why := rows(tt.View, columns, s.Resources)
			if why == "" && !sameRows(got, tt.Expect) {
				why = "gives " + dump(got) + ", want " + dump(tt.Expect)
			}
			switch reason := otherwise[name]; {
			case why != "" && reason == "":
				t.Errorf("%s: %s", name, why)
			case why == "" && reason != "":
				t.Errorf("%s passes, but: %s", name, reason)
			case why == "":
				passed++
			}
		}
	}
	if len(files) == 0 {
		t.Skip("no suite of SQL on FHIR")
	}
	t.Logf("SQL on FHIR: %d tables of plain expressions passed; %d views with more than columns are not FHIRPath's", passed, left)
}

func rows(v view, columns []column, resources []json.RawMessage) ([]map[string]any, string) {
	env := fhirpath.Env{Vars: constants(v.Constant)}
	list := []map[string]any{}
	for _, body := range resources {
		n, err := fhir.Parse(body)
		if err != nil {
			return nil, err.Error()
		}
		if !n.Child("resourceType").TextIs(v.Resource) {
			continue
		}
		keep := true
		for _, w := range v.Where {
			e, err := fhirpath.Compile(w.Path)
			if err != nil {
				return nil, err.Error()
			}
			ok, err := e.Holds(env, n)
			if err != nil {
				return nil, err.Error()
			}
			keep = keep && ok
		}
		if !keep {
			continue
		}
		row := map[string]any{}
		for _, c := range columns {
			e, err := fhirpath.Compile(c.Path)
			if err != nil {
				return nil, c.Path + ": " + err.Error()
			}
			out, err := e.Eval(env, n)
			if err != nil {
				return nil, c.Path + ": " + err.Error()
			}
			row[c.Name] = cell(out, c.Collection)
		}
		list = append(list, row)
	}
	return list, ""
}

func cell(out fhirpath.Collection, many bool) any {
	list := []any{}
	for _, v := range out {
		list = append(list, asJSON(v))
	}
	if many {
		return list
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// constants are a view's, by their type.
func constants(list []map[string]any) map[string]fhirpath.Collection {
	vars := map[string]fhirpath.Collection{}
	for _, c := range list {
		body, _ := json.Marshal(c)
		n, err := fhir.Parse(body)
		if err != nil {
			continue
		}
		for key, v := range n.Fields() {
			if _, option, ok := fhir.TypeOf("Parameters.parameter").Key(key); ok && key != "name" {
				vars[c["name"].(string)] = fhirpath.Collection{fhirpath.Element(v, fhir.Node{}, option.Type)}
			}
		}
	}
	return vars
}

// sameRows compares tables whose rows may come in any order.
func sameRows(a, b []map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	taken := make([]bool, len(b))
	for _, row := range a {
		found := false
		for i, other := range b {
			if !taken[i] && !found && sameRow(row, other) {
				taken[i], found = true, true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func sameRow(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if !alike(v, b[k]) {
			return false
		}
	}
	return true
}
