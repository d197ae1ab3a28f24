// Command vuln reads what govulncheck -format json found, and fails where
// Hale calls something that is known to be weak. A weakness in a package that
// is imported and not called fails, too, unless the list of known ones says
// why it does not concern Hale.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hale/internal/prooftest/figures"
)

func main() {
	file := flag.String("known", "", "file of known identifiers, each with the reason why it does not concern Hale")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *file, os.Getenv(figures.Folder)); err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, file, folder string) error {
	known, err := readKnown(file)
	if err != nil {
		return err
	}
	f, err := read(in)
	if err != nil {
		return err
	}
	var bad []string
	count := map[reach]int64{}
	for _, id := range slices.Sorted(maps.Keys(f.by)) {
		how := f.by[id]
		count[how]++
		reason := known[id]
		fmt.Fprintf(out, "%-14s %-9s %s\n", id, how, reason)
		if how != required && reason == "" {
			bad = append(bad, id)
		}
	}
	fmt.Fprintf(out, "weaknesses, in a database of %s: %d called, %d imported, %d in modules of which nothing is used that is weak\n", f.date, count[called], count[imported], count[required])
	for id := range known {
		if _, there := f.by[id]; !there {
			return fmt.Errorf("%s is listed as known and was not found: take it off the list", id)
		}
	}
	if len(bad) > 0 {
		return errors.New("not fixed and not explained: " + strings.Join(bad, ", "))
	}
	if folder == "" {
		return nil
	}
	return figures.WriteFile(filepath.Join(folder, "vuln.json"), figures.Run{Proof: "vuln", Test: "make vuln",
		Counts:  map[string]int64{"called": count[called], "imported, not called": count[imported], "in a module, not imported": count[required]},
		Remarks: []string{"The database of weaknesses is of " + f.date + "."}})
}

// reach is how near a weakness is.
type reach string

const (
	called   reach = "called"
	imported reach = "imported"
	required reach = "required"
)

// found is what govulncheck says.
type found struct {
	date string
	by   map[string]reach
}

// read reads govulncheck's stream of messages.
//
// Spec: https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck
func read(in io.Reader) (found, error) {
	f := found{by: map[string]reach{}}
	for d := json.NewDecoder(in); ; {
		var m struct {
			Config *struct {
				Modified string `json:"db_last_modified"`
			}
			Finding *struct {
				OSV   string
				Trace []struct{ Module, Package, Function string }
			}
		}
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, err
		}
		if m.Config != nil {
			f.date, _, _ = strings.Cut(m.Config.Modified, "T")
		}
		if m.Finding == nil || len(m.Finding.Trace) == 0 {
			continue
		}
		how := required
		if at := m.Finding.Trace[0]; at.Function != "" {
			how = called
		} else if at.Package != "" {
			how = imported
		}
		if was := f.by[m.Finding.OSV]; was == called || was == imported && how == required {
			how = was
		}
		f.by[m.Finding.OSV] = how
	}
	if f.date == "" {
		return f, errors.New("this is not what govulncheck writes")
	}
	if strings.HasPrefix(f.date, "0001") {
		f.date = "a day that it does not say"
	}
	return f, nil
}

// readKnown reads the list of identifiers with reasons.
func readKnown(file string) (map[string]string, error) {
	known := map[string]string{}
	if file == "" {
		return known, nil
	}
	text, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	for lines := bufio.NewScanner(text); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s has no reason", id)
		}
		known[id] = strings.TrimSpace(reason)
	}
	return known, nil
}
