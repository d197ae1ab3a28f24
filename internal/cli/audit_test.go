package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// An operator verifies the log, proves a row, and sees what was bent.
func TestAudit(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	s.run(0, "migrate")
	s.run(2, "audit")
	s.run(2, "audit", "prove")
	data := s.vars["HALE_DATA"]
	out, _ := s.run(0, "audit", "verify")
	contains(t, "verify of an empty log", out, "Read 0 rows", "✓")

	at := place{data: &data, database: new(string)}
	c, err := at.load(Env{Getenv: func(string) string { return "" }, Now: haletest.Clock(haletest.Noon)})
	if err != nil {
		t.Fatal(err)
	}
	key := c.Key
	if c.Roots.Root.Made() {
		key = c.Roots.File
	}
	d, err := db.Open(t.Context(), c.Database, key)
	if err != nil {
		t.Fatal(err)
	}
	source := ids.NewSource(c.Now, strings.NewReader(strings.Repeat("0123456789", 1000)))
	log := audit.NewLog(d, source, c.Now)
	for range 20 {
		if err := log.Add(t.Context(), audit.Row{ActorKind: "staff", Actor: "n1", Action: "record.read", Patient: "p1", Granted: true}); err != nil {
			t.Fatal(err)
		}
	}
	notary := audit.NewNotary(d, source, c.Now, c.Key, nil, audit.File{Path: c.Witnesses.Files[0]})
	if _, err := notary.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := notary.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := notary.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := log.Of(t.Context(), "p1", 1)
	if err != nil || len(rows) != 1 {
		t.Fatalf("Of = %v, %v, want a row", rows, err)
	}

	out, _ = s.run(0, "audit", "verify")
	contains(t, "verify", out, "Read 20 rows", "Compared with 1 checkpoints", "✓ Every row")
	out, _ = s.run(0, "audit", "watch", "--once")
	contains(t, "watch", out, "checkpoint 1, 20 rows: the witnesses agree")
	proof, witness := filepath.Join(t.TempDir(), "proof.json"), c.Witnesses.Files[0]
	s.run(0, "audit", "prove", "--event", rows[0].ID, "--out", proof)
	out, _ = s.run(0, "audit", "check-proof", proof, "--from", witness)
	contains(t, "check-proof", out, rows[0].ID, "✓ In the log")

	text, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(proof, []byte(strings.Replace(string(text), "n1", "n2", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(3, "audit", "check-proof", proof)
	if _, err := d.ExecContext(t.Context(), `delete from audit where id = $1`, rows[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	out, fault := s.run(3, "audit", "verify")
	contains(t, "verify", out, "✗ Row "+rows[0].ID+" (leaf 19) is gone.")
	contains(t, "verify", fault, "not as it was signed")
	out, _ = s.run(3, "audit", "verify", "--json")
	contains(t, "verify --json", out, `"Kind":"row"`)
}
