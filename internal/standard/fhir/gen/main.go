// Command gen writes the resource types and search parameters of FHIR R4 as
// Go, from the definitions that HL7 publishes as JSON.
//
// A search parameter's FHIRPath expression becomes plain element paths; what
// cannot is listed as skipped, with the reason.
//
// Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(folder, file string) error {
	e := elements{}
	for _, name := range []string{"profiles-types.json", "profiles-resources.json"} {
		if err := e.load(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	var params bundle[parameter]
	if err := read(filepath.Join(folder, "search-parameters.json"), &params); err != nil {
		return err
	}
	types := map[string]*definition{}
	for _, name := range e.resources() {
		types[name] = &definition{}
	}
	for _, entry := range params.Entry {
		for _, base := range entry.Resource.Base {
			if d := types[base]; d != nil {
				d.add(e, base, entry.Resource)
			}
		}
	}
	text, err := write(types)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

type bundle[T any] struct {
	Entry []struct{ Resource T }
}

// parameter is what we read of a SearchParameter.
type parameter struct {
	ResourceType, Code, Type, Expression string
	Base                                 []string
}

func read(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
