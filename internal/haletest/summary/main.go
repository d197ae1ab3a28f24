// Command summary reads go test -json and prints what a person wants to read:
// failures in full, a line for each package, what was skipped and why, and
// the sum.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
	ImportPath                    string
}

func main() {
	ok, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// report adds up events.
type report struct {
	out                     io.Writer
	output                  map[string]*strings.Builder // of each test, by package and name
	skips                   map[string]int              // by reason
	passed, failed, skipped int
	packages, bad           int
	lines                   []string
}

// summarise returns false if anything failed.
func summarise(in io.Reader, out io.Writer) (bool, error) {
	r := &report{out: out, output: map[string]*strings.Builder{}, skips: map[string]int{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // not a test's line: a message of the build
			continue
		}
		r.add(e)
	}
	r.print()
	return r.bad == 0 && r.failed == 0 && r.packages > 0, lines.Err()
}

func (r *report) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if r.output[key] == nil {
			r.output[key] = &strings.Builder{}
		}
		r.output[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		r.end(e, key)
	}
}

func (r *report) end(e event, key string) {
	text := ""
	if b := r.output[key]; b != nil {
		text = b.String()
		delete(r.output, key)
	}
	short := strings.TrimPrefix(e.Package, "hale/")
	switch {
	case e.Test == "" && e.Action == "skip": // no test files
	case e.Test == "":
		r.packages++
		word := "ok  "
		if e.Action == "fail" {
			r.bad++
			word = "FAIL"
			fmt.Fprintf(r.out, "--- package %s\n%s", short, text)
		}
		r.lines = append(r.lines, fmt.Sprintf("%s  %-34s %6.1fs", word, short, e.Elapsed))
	case e.Action == "pass":
		r.passed++
	case e.Action == "fail":
		r.failed++
		fmt.Fprintf(r.out, "--- FAIL %s %s\n%s", short, e.Test, text)
	case e.Action == "skip":
		r.skipped++
		r.skips[reason(text)]++
	}
}

// reason is what a test said when it skipped.
func reason(text string) string {
	for line := range strings.Lines(text) {
		if _, why, ok := strings.Cut(line, "skipped: "); ok {
			return strings.TrimSpace(why)
		}
	}
	for line := range strings.Lines(text) {
		if _, why, ok := strings.Cut(line, ".go:"); ok {
			return strings.TrimSpace(why)
		}
	}
	return "no reason given"
}

func (r *report) print() {
	slices.Sort(r.lines)
	for _, l := range r.lines {
		fmt.Fprintln(r.out, l)
	}
	var reasons []string
	for why, n := range r.skips {
		reasons = append(reasons, fmt.Sprintf("skipped %d: %s", n, why))
	}
	slices.Sort(reasons)
	for _, l := range reasons {
		fmt.Fprintln(r.out, l)
	}
	fmt.Fprintf(r.out, "%d tests passed, %d failed, %d skipped in %d packages, %d of them failed\n",
		r.passed, r.failed, r.skipped, r.packages, r.bad)
}
