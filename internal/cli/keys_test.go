package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hale/internal/haletest"
)

// each runs test on an installation of its own on each engine.
func each(t *testing.T, test func(t *testing.T, s *shell)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newShell(t)) })
	t.Run("postgres", func(t *testing.T) {
		s := newShell(t)
		s.vars["HALE_DATABASE"] = haletest.EmptyPostgres(t)
		test(t, s)
	})
}

// staff adds somebody and says whether everybody added before is there: the
// data opens.
func (s *shell) staff(name string, before ...string) {
	s.t.Helper()
	s.run(0, "user", "add", "--role", "admin", "--name", name, "--email", strings.ToLower(name)+"@example.org")
	out, _ := s.run(0, "user", "list")
	contains(s.t, "hale user list", out, append(before, name)...)
}

func (s *shell) path(name string) string { return filepath.Join(s.vars["HALE_DATA"], name) }

// The key-encryption key goes from the plain file to another file, to a
// passphrase and back; each time the data opens, what opened it before does
// not, and no root lies open in the folder.
func TestKeysRotateKEK(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		s.staff("Ada")
		was, err := os.ReadFile(s.path("hale.key"))
		if err != nil {
			t.Fatal(err)
		}
		out, _ := s.run(0, "keys", "status")
		contains(t, "status", out, "hale.key", "none: hale keys shares", "messages", "active")
		s.run(0, "keys", "rotate", "--kek")
		if _, err := os.Stat(s.path("hale.key")); err == nil {
			t.Error("the old key file is still there")
		}
		s.staff("Ben", "Ada")

		s.vars["HALE_NEW_PASSPHRASE"] = "seven green boats sail at noon"
		s.run(0, "keys", "rotate", "--kek", "--to", "passphrase")
		if left, _ := filepath.Glob(s.path("*.key")); len(left) != 0 {
			t.Errorf("key files are left: %v", left)
		}
		_, fault := s.run(1, "user", "list")
		contains(t, "without the passphrase", fault, "HALE_PASSPHRASE")
		s.vars["HALE_PASSPHRASE"] = "seven green boats sank at noon"
		_, fault = s.run(1, "user", "list")
		contains(t, "with another passphrase", fault, "Is it the right one?")
		s.vars["HALE_PASSPHRASE"] = s.vars["HALE_NEW_PASSPHRASE"]
		s.staff("Cem", "Ada", "Ben")

		s.run(0, "keys", "rotate", "--class", "root")
		s.staff("Dot", "Ada", "Ben", "Cem")
		s.vars["HALE_KEK"] = "file"
		_, fault = s.run(1, "user", "list")
		contains(t, "settings that say otherwise", fault, "hale keys rotate --kek --to file")
		s.vars["HALE_KEK"] = ""
		s.run(0, "keys", "rotate", "--kek", "--to", "file")
		delete(s.vars, "HALE_PASSPHRASE")
		s.staff("Eve", "Ada", "Ben", "Cem", "Dot")
		box, err := os.ReadFile(s.path("hale.keys"))
		if err != nil || strings.Contains(string(box), strings.TrimSpace(string(was))) {
			t.Errorf("hale.keys holds the old key in the open, %v", err)
		}

		// Whoever has the first key and a copy of the folder from before has
		// lost: the root in use is another.
		if err := os.Remove(s.path("hale.keys")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.path("hale.key"), was, 0o400); err != nil {
			t.Fatal(err)
		}
		_, fault = s.run(1, "user", "list")
		contains(t, "the first key", fault, "does not belong to this database")
	})
}

// Cut off at any point, a change of the root is finished by whatever opens
// the data next.
func TestKeysRotateRootCutOff(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		s.staff("Ada")
		s.run(0, "keys", "rotate", "--kek")
		before, err := os.ReadFile(s.path("hale.keys"))
		if err != nil {
			t.Fatal(err)
		}
		k, err := place{data: new(s.vars["HALE_DATA"]), database: new(string)}.ring(Env{Getenv: func(n string) string { return s.vars[n] }})
		if err != nil {
			t.Fatal(err)
		}
		b, by, err := k.boxed()
		if err != nil {
			t.Fatal(err)
		}
		roots, err := k.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = k.keep(t.Context(), b, by, turned(roots)); err != nil { // and no further
			t.Fatal(err)
		}
		s.staff("Ben", "Ada")
		s.run(0, "keys", "rotate", "--class", "root")
		s.staff("Cem", "Ada", "Ben")
		if err := os.WriteFile(s.path("hale.keys"), before, 0o600); err != nil {
			t.Fatal(err)
		}
		_, fault := s.run(1, "user", "list")
		contains(t, "the box from before", fault, "does not belong to this database")
	})
}

var shareText = regexp.MustCompile(`(?m)^    ([0-9A-Z-]{40,})$`)

// Two of three shares printed at the start restore everything after the key
// is lost, even after it was changed in between; one does not.
func TestKeysShares(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		out, _ := s.run(0, "init", "--shares")
		var list []string
		for _, m := range shareText.FindAllStringSubmatch(out, -1) {
			list = append(list, m[1])
		}
		if len(list) != 3 {
			t.Fatalf("init printed %d shares, want 3:\n%s", len(list), out)
		}
		s.staff("Ada")
		s.in = strings.ToLower(list[2]) + "\n" + strings.ReplaceAll(list[0], "-", " ") + "\n"
		out, _ = s.run(0, "keys", "shares", "--verify")
		contains(t, "verify", out, "open the keys")
		s.run(0, "keys", "rotate", "--kek")
		s.run(0, "keys", "rotate", "--class", "root")
		s.staff("Ben", "Ada")
		lost, _ := filepath.Glob(s.path("*.key"))
		if len(lost) != 1 || os.Remove(lost[0]) != nil {
			t.Fatalf("key files: %v, want one", lost)
		}
		_, fault := s.run(1, "user", "list")
		contains(t, "without the key", fault, "There is no key")
		s.in = list[1] + "\n" + list[1] + "\n"
		s.run(1, "keys", "restore", "--to", "file")
		s.in = list[1] + "\n" + list[1][:20] + "\n"
		s.run(1, "keys", "restore", "--to", "file")
		s.in = list[1] + "\n" + list[0] + "\n"
		s.run(0, "keys", "restore", "--to", "file")
		s.staff("Cem", "Ada", "Ben")
	})
}

// The SQLite file under a new key, and PostgreSQL saying that it has none.
func TestKeysRotateFile(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		s.staff("Ada")
		if s.vars["HALE_DATABASE"] != "" {
			_, fault := s.run(1, "keys", "rotate", "--file")
			contains(t, "rotate --file", fault, "PostgreSQL", "Encrypt its disk")
			return
		}
		was, err := os.ReadFile(s.path("hale.db"))
		if err != nil {
			t.Fatal(err)
		}
		s.run(0, "keys", "rotate", "--file")
		s.staff("Ben", "Ada")
		s.run(0, "keys", "rotate", "--file")
		s.staff("Cem", "Ada", "Ben")
		if err := os.WriteFile(s.path("hale.db"), was, 0o600); err != nil {
			t.Fatal(err)
		}
		_, fault := s.run(1, "user", "list")
		contains(t, "a copy under the old key", fault, "is the key file the right one")
	})
}

// The classes can be turned from the command line, and list tells it.
func TestKeysRotateClass(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		for _, class := range []string{"secrets", "messages", "patients"} {
			out, _ := s.run(0, "keys", "rotate", "--class", class)
			contains(t, "rotate", out, class+": ", "is active", "nothing is left")
		}
		out, _ := s.run(0, "keys", "list", "--json")
		var got told
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		states := map[string]int{}
		for _, k := range got.Keys {
			states[string(k.Class)+" "+string(k.State)]++
		}
		if states["messages active"] != 1 || states["messages retired"] != 1 || states["root active"] != 1 || states["audit active"] != 1 {
			t.Errorf("keys: %v", states)
		}
		for _, args := range [][]string{{"keys"}, {"keys", "rotate"}, {"keys", "rotate", "--class", "x"}, {"keys", "rotate", "--kek", "--file"}, {"keys", "rotate", "--to", "file"}, {"keys", "shred", "p"}} {
			s.run(2, args...)
		}
	})
}

// Nothing is shredded by one call, nor by a word for something else.
func TestKeysShred(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		folder := t.TempDir()
		bundle := `{"resourceType":"Patient","id":"p1"}
{"resourceType":"Condition","id":"c1","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"subject":{"reference":"Patient/p1"}}
`
		if err := os.WriteFile(filepath.Join(folder, "all.ndjson"), []byte(bundle), 0o600); err != nil {
			t.Fatal(err)
		}
		s.run(0, "import", folder)
		out, _ := s.run(0, "keys", "shred", "p1", "--reason", "retention")
		contains(t, "shred", out, "1 sensitive resources", "Nobody can undo it")
		word := regexp.MustCompile(`--confirm ([0-9a-f]+)`).FindStringSubmatch(out)
		if word == nil {
			t.Fatal(out)
		}
		s.run(1, "keys", "shred", "p1", "--reason", "something else", "--confirm", word[1])
		out, _ = s.run(0, "keys", "status")
		contains(t, "status", out, "1, and 0 shredded")
		s.run(0, "keys", "shred", "p1", "--reason", "retention", "--confirm", word[1])
		out, _ = s.run(0, "keys", "status")
		contains(t, "status", out, "0, and 1 shredded")
		out, _ = s.run(0, "keys", "shred", "p1", "--reason", "retention")
		contains(t, "shred again", out, "no sensitive resources")
	})
}
