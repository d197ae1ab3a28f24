// Package figures keeps what the proofs measured, so that docs/TRUST.md says
// nothing that no run has shown.
package figures

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	r.Test, r.Date, r.Commit = t.Name(), time.Now().UTC().Format(time.DateOnly), commit()
	if err := save(folder, r); err != nil {
		t.Errorf("figures of %s: %v", r.Proof, err)
	}
}

func save(folder string, r Run) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, r.Proof+".json"), append(text, '\n'), 0o644)
}

// commit names the code that runs, with a plus where files differ from it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if left, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(left) > 0 {
		name += "+"
	}
	return name
}

// Read returns every run that folder keeps.
func Read(folder string) ([]Run, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var list []Run
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		list = append(list, r)
	}
	return list, nil
}
