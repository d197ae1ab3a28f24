package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alone makes the test see no server but its own, and its own temporary
// folder.
func alone(t *testing.T) (tmp string) {
	t.Helper()
	if _, err := installed(); err != nil {
		t.Skipf("skipped: %v", err)
	}
	tmp, err := os.MkdirTemp("", "withpg-test") // not t.TempDir, which the server's user may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	t.Setenv(variable, "")
	return tmp
}

func wantNothingLeft(t *testing.T, tmp string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(tmp, "hale-pg*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRun(t *testing.T) {
	tmp := alone(t)
	out := filepath.Join(tmp, "out")
	code, err := run(t.Context(), []string{"sh", "-c", `echo "$` + variable + `" >"$0"; exit 7`, out}, false)
	if code != 7 || err != nil {
		t.Errorf("run = %d, %v; want the command's 7", code, err)
	}
	if b, _ := os.ReadFile(out); !strings.HasPrefix(string(b), "postgres://postgres@127.0.0.1:") {
		t.Errorf("the command saw %q, want an address on this machine", b)
	}
	wantNothingLeft(t, tmp)
}

func TestRunInterrupted(t *testing.T) {
	tmp := alone(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	code, err := run(ctx, []string{"sleep", "60"}, false)
	if code == 0 {
		t.Errorf("run = 0, %v; want a failure", err)
	}
	wantNothingLeft(t, tmp)
}

func TestRunNoCommand(t *testing.T) {
	tmp := alone(t)
	if code, err := run(t.Context(), []string{"/no/such/command"}, false); code == 0 || err == nil {
		t.Errorf("run = %d, %v; want a failure", code, err)
	}
	wantNothingLeft(t, tmp)
}
