package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is one fuzz test.
type target struct{ pkg, name string }

func (t target) String() string { return strings.TrimPrefix(t.pkg, "./internal/") + "." + t.name }

var fuzzFunc = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]+)\(`)

// targets returns every fuzz test below root.
func targets(root string) ([]target, error) {
	var all []target
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range fuzzFunc.FindAllStringSubmatch(string(text), -1) {
			all = append(all, target{"./" + filepath.ToSlash(filepath.Dir(path)), m[1]})
		}
		return err
	})
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.String(), b.String()) })
	return all, err
}

var (
	execs = regexp.MustCompile(`execs: (\d+)`)
	seeds = regexp.MustCompile(`(?m)baseline coverage: (\d+)/(\d+) completed`)
)

// run fuzzes for a while and returns how many inputs were tried. To make one
// input smaller may take no more than a second of it: it could take it all.
func (t target) run(ctx context.Context, each time.Duration) (n int64, text string, err error) {
	for range 2 {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), "-fuzzminimizetime", "1s", "-parallel", "1", t.pkg)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
		err, text = cmd.Run(), out.String()
		n += last(execs, text)
		if err == nil && n == 0 && last(seeds, text) == 0 {
			return n, text, fmt.Errorf("nothing was tried")
		}
		// The tool can fail at the very end of its time, having found nothing.
		late := strings.Contains(text, "context deadline exceeded") && !strings.Contains(text, "Failing input written")
		if err == nil || !late {
			break
		}
	}
	return n, text, err
}

// last returns the last number that re finds.
func last(re *regexp.Regexp, text string) int64 {
	all := re.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(all[len(all)-1][1], 10, 64)
	return n
}
