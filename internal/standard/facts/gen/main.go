// Command gen writes what validation and terminology need of the published
// definitions of FHIR R4 and US Core into one compressed file.
//
// A profile's elements are kept only where they say more than the type that
// the profile constrains, because the type itself is always checked, too.
//
// Spec: https://hl7.org/fhir/R4/downloads.html and https://hl7.org/fhir/us/core/downloads.html
package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER FILE [PACKAGE.tgz ...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// files of FHIR R4 that are read, those of the types first.
var files = []string{
	"profiles-types.json", "profiles-resources.json", "profiles-others.json", "extension-definitions.json",
	"valuesets.json", "v3-codesystems.json", "v2-tables.json",
}

func run(folder, file string, packages []string) error {
	var all collection
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(data, &bundle); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, e := range bundle.Entry {
			if err := all.add(e.Resource, ""); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range packages {
		if err := readPackage(name, &all); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	data, err := all.pack()
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// readPackage reads the definitions of a published package. Its examples lie
// deeper and are left.
func readPackage(name string, all *collection) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		base, ok := strings.CutPrefix(h.Name, "package/")
		if !ok || strings.Contains(base, "/") || !strings.HasSuffix(base, ".json") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := all.add(data, base); err != nil {
			return fmt.Errorf("%s: %w", base, err)
		}
	}
}
