package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/haletest"
)

// shell runs commands in an environment of their own.
type shell struct {
	t    *testing.T
	vars map[string]string
	in   string // what is typed
}

func newShell(t *testing.T) *shell {
	return &shell{t: t, vars: map[string]string{"HALE_DATA": filepath.Join(t.TempDir(), "data")}}
}

// run runs one command and fails unless its status is want.
func (s *shell) run(want int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, fault bytes.Buffer
	env := Env{Stdin: strings.NewReader(s.in), Stdout: &out, Stderr: &fault, Getenv: func(k string) string { return s.vars[k] }, Now: haletest.Clock(haletest.Noon), Rand: rand.Reader}
	if got := run(context.Background(), args, env); got != want {
		s.t.Fatalf("hale %s = %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), fault.String())
	}
	return out.String(), fault.String()
}

func contains(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s = %q, want it to say %q", what, text, w)
		}
	}
}

func TestHelp(t *testing.T) {
	s := newShell(t)
	out, _ := s.run(0)
	for _, c := range commands() {
		contains(t, "hale", out, c.name, c.short)
		help, _ := s.run(0, "help", c.name)
		contains(t, "hale help "+c.name, help, "Usage: hale "+c.name, "Flags:")
		again, _ := s.run(0, c.name, "--help")
		if again != help {
			t.Errorf("hale %s --help differs from hale help %s", c.name, c.name)
		}
	}
}

func TestCalledWrongly(t *testing.T) {
	s := newShell(t)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "unknown command", args: []string{"fly"}, want: `no command "fly"`},
		{name: "unknown flag", args: []string{"serve", "--fly"}, want: "-fly"},
		{name: "import of nothing", args: []string{"import"}, want: "name a folder"},
		{name: "serve with arguments", args: []string{"serve", "now"}, want: "takes no arguments"},
		{name: "user without a role", args: []string{"user", "add", "--name", "A", "--email", "a@b.example"}, want: "--role"},
		{name: "user with an unknown role", args: []string{"user", "add", "--name", "A", "--email", "a@b.example", "--role", "king"}, want: "--role"},
		{name: "user doing something else", args: []string{"user", "fire"}, want: "say add"},
		{name: "a town of one", args: []string{"demo", "--people", "1"}, want: "--people"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, stderr := (&shell{t: t, vars: s.vars}).run(2, tt.args...)
			contains(t, "stderr", stderr, tt.want)
		})
	}
}

func TestInit(t *testing.T) {
	s := newShell(t)
	_, stderr := s.run(1, "check")
	contains(t, "check before init", stderr, "hale init")

	s.run(0, "init")
	key := filepath.Join(s.vars["HALE_DATA"], keyFile)
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Fatalf("the key has mode %v, %v, want 0400", info.Mode(), err)
	}
	before, _ := os.ReadFile(key)
	_, stderr = s.run(1, "init")
	contains(t, "a second init", stderr, "is there already")
	if after, _ := os.ReadFile(key); !bytes.Equal(before, after) {
		t.Error("a second init changed the key")
	}
	// The sample configuration is one that Hale itself reads.
	s.vars["HALE_ADDR"] = "127.0.0.1:0"
	out, _ := s.run(0, "check")
	contains(t, "check", out, "database", "mail", "nobody will get e-mail")

	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr = s.run(1, "check")
	contains(t, "check of an open key", stderr, "can be read by others", "chmod 400")
}

func TestCheckNamesEverything(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	path := filepath.Join(s.vars["HALE_DATA"], configFile)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("address = \"here\"\nurl = \"portal\"\n[clinic]\nzone = \"Mars/Base\"\n[mail]\nserver = \"relay\"\nfrom = \"me\"\ntls = \"maybe\"\n[text]\nurl = \"https://sms.example\"\n[tls]\nkey = \"k\"\n")
	_, stderr := s.run(1, "check")
	contains(t, "check", stderr, `"here"`, `"portal"`, "Mars/Base", `"relay"`, "mail.from", `"maybe"`, "text.secret", "tls.certificate")

	write("adress = \"127.0.0.1:1\"\n")
	_, stderr = s.run(1, "check")
	contains(t, "check of a misspelt setting", stderr, `no setting "adress"`)

	write("[clinic\n")
	_, stderr = s.run(1, "check")
	contains(t, "check of broken TOML", stderr, "hale.toml, line 2")

	write("")
	s.vars["HALE_DATABASE"] = "oracle://x"
	out, _ := s.run(1, "check", "--json")
	var list []struct{ What, State, Say string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || list[0].What != "database" || list[0].State != "wrong" {
		t.Errorf("check --json = %q, %v, want the database to be wrong", out, err)
	}
}

func TestUser(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	added, _ := s.run(0, "user", "add", "--name", "J. Okafor, RN", "--role", "nurse", "--email", "j.okafor@clinic.example")
	if !strings.Contains(added, "/signin/invite/") {
		t.Errorf("user add = %q, want the link that enrols", added)
	}
	_, stderr := s.run(1, "user", "add", "--name", "Somebody", "--role", "admin", "--email", "nowhere")
	contains(t, "an address that is none", stderr, "address")
	out, _ := s.run(0, "user", "list", "--json")
	var list []struct{ ID, Name, Email string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].Name != "J. Okafor, RN" {
		t.Fatalf("user list --json = %q, %v, want the one nurse", out, err)
	}
	s.run(0, "user", "disable", list[0].ID)
	if out, _ := s.run(0, "user", "list", "--json"); !strings.Contains(out, `"disabled":true`) {
		t.Errorf("user list --json after disable = %q, want the nurse, disabled", out)
	}
	s.run(1, "user", "disable", "nobody")
}

func TestVersion(t *testing.T) {
	out, _ := newShell(t).run(0, "version", "--json")
	var v map[string]string
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["go"] == "" {
		t.Errorf("version --json = %q, %v", out, err)
	}
}
