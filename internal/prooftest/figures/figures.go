// Package figures keeps what the proofs measured, so that docs/TRUST.md says
// nothing that no run has shown.
package figures

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Folder is the variable that says where figures are written.
const Folder = "HALE_FIGURES"

// Run is what one proof measured.
type Run struct {
	Proof   string           `json:"proof"`  // names the file, too
	Test    string           `json:"test"`   // that measured it
	Date    string           `json:"date"`   // YYYY-MM-DD
	Commit  string           `json:"commit"` // the code as it was
	Engine  string           `json:"engine,omitempty"`
	Counts  map[string]int64 `json:"counts"`            // what was counted
	Millis  map[string]int64 `json:"millis,omitempty"`  // what was timed
	Detail  []Line           `json:"detail,omitempty"`  // one for each part, where there are parts
	Remarks []string         `json:"remarks,omitempty"` // what a reader must know
}

// Line is one part of a proof: a parser, an actor, an engine.
type Line struct {
	Name   string           `json:"name"`
	Counts map[string]int64 `json:"counts"`
}

// Write keeps r where HALE_FIGURES says, and nowhere otherwise. A test that
// failed keeps nothing.
func Write(t *testing.T, r Run) {
	t.Helper()
	folder := os.Getenv(Folder)
	if folder == "" || t.Failed() {
		return
	}
	r.Test = t.Name()
	if err := WriteFile(filepath.Join(folder, r.Proof+".json"), r); err != nil {
		t.Errorf("figures of %s: %v", r.Proof, err)
	}
}

// WriteFile keeps r at path, with today's date and the commit that
// HALE_COMMIT names.
func WriteFile(path string, r Run) error {
	r.Date, r.Commit = time.Now().UTC().Format(time.DateOnly), os.Getenv("HALE_COMMIT")
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Read returns every run that folder keeps.
func Read(folder string) ([]Run, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var list []Run
	for _, name := range names {
		r, err := ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// ReadFile returns the run that is kept at path.
func ReadFile(path string) (r Run, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return r, nil
}
