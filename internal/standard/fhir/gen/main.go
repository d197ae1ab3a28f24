// Command gen writes the element model, the resource types and the search
// parameters of FHIR R4 as Go, from the definitions that HL7 publishes as JSON.
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
	"slices"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER FILE MODEL")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(folder, file, modelFile string) error {
	shapes, err := model(folder)
	if err != nil {
		return err
	}
	text, err := writeModel(shapes)
	if err != nil {
		return err
	}
	if err := os.WriteFile(modelFile, text, 0o644); err != nil {
		return err
	}
	e := elements{}
	for _, name := range []string{"profiles-types.json", "profiles-resources.json"} {
		if err := e.load(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	var params bundle[parameter]
	for _, name := range []string{"search-parameters.json", "search-parameters-uscore.json"} {
		var more bundle[parameter]
		if err := read(filepath.Join(folder, name), &more); err != nil {
			return err
		}
		params.Entry = append(params.Entry, more.Entry...)
	}
	types := map[string]*definition{}
	for _, name := range e.resources() {
		types[name] = &definition{}
	}
	for _, entry := range params.Entry {
		if slices.Equal(entry.Resource.Base, []string{"Resource"}) && common[entry.Resource.Code] {
			entry.Resource.Base = e.resources()
		}
		for _, base := range entry.Resource.Base {
			if d := types[base]; d != nil {
				d.add(e, base, entry.Resource)
			}
		}
	}
	text, err = write(types)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// common are the parameters of every type that look at an element. _id and
// _lastUpdated are columns, and _text and _content words.
var common = map[string]bool{"_profile": true, "_tag": true, "_security": true, "_source": true}

type bundle[T any] struct {
	Entry []struct{ Resource T }
}

// parameter is what we read of a SearchParameter.
type parameter struct {
	ResourceType, Code, Type, Expression string
	Base                                 []string
	Component                            []struct{ Expression string }
}

func read(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
