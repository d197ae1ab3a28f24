package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const recall = `
name: Eye exams
purpose: care
segment: { age: { min: 18 } }
holdout: 0
texts:
  - { channel: page, lang: en, subject: Time for your eye exam, body: It is time for your eye exam. }
  - { channel: page, lang: es, subject: Su examen, body: Es hora de su examen de la vista. }
`

// An outreach is tried, started, watched, explained and stopped from the
// command line.
func TestOutreach(t *testing.T) {
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		file, people := s.path("eye.yaml"), s.path("people.ndjson")
		for name, text := range map[string]string{file: recall, people: `{"resourceType":"Patient","id":"ada","name":[{"family":"Byron","given":["Ada"]}],"birthDate":"1957-03-09"}`} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.run(0, "import", people)
		out, _ := s.run(0, "outreach", "start", "--dry-run", file)
		if !strings.Contains(out, ": 1\n") {
			t.Errorf("dry run: %s", out)
		}
		if out, _ = s.run(0, "outreach", "list"); strings.TrimSpace(out) != "" {
			t.Errorf("a dry run left %s", out)
		}
		out, _ = s.run(0, "outreach", "start", file)
		words := strings.Fields(out)
		id := words[len(words)-1]
		var got status
		out, _ = s.run(0, "outreach", "status", id, "--json")
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.ID != id || got.State != "running" || got.Audience != 1 {
			t.Errorf("status: %s, %v", out, err)
		}
		s.run(0, "outreach", "pause", id)
		s.run(0, "outreach", "resume", id)
		if out, _ = s.run(0, "outreach", "stop", id); !strings.Contains(out, "stopped") {
			t.Errorf("stop: %s", out)
		}
		s.run(1, "outreach", "explain", id, "nobody")
		if out, _ = s.run(0, "outreach", "key", "Optician"); !strings.Contains(out, "hale_out_") {
			t.Errorf("key: %s", out)
		}
		s.run(2, "outreach")
		s.run(2, "outreach", "status")
		s.run(1, "outreach", "status", "nothing")
		s.run(1, "outreach", "start", s.path("missing.yaml"))
		if err := os.WriteFile(file, []byte("name: x\npurpos: care"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, say := s.run(1, "outreach", "start", file); !strings.Contains(say, "Line 2: purpos") {
			t.Errorf("a wrong file: %s", say)
		}
	})
}
