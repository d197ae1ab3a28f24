package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hale/internal/prooftest/figures"
)

// claim is what a proof shows, in words; its figures are another's.
type claim struct{ proof, title, words string }

// claims are the proofs in the order in which a reader asks for them.
var claims = []claim{
	{"matrix", "Nobody sees what is not theirs", "Every route of the server is asked for as every kind of person: nobody, the patient with proofs of three ages, another patient, helpers with much, little and nothing, an invited helper, each role of the staff, a link, a disabled account, somebody signed in by half. They ask with the ids of one patient whose record, messages, requests, helpers, letters and waiting results hold words that stand nowhere else. A leak is such a word in an answer to somebody who may not see it; every answer that shows one must have a row in the audit log with the number of that very request; no such word and no token may stand in the program's own log; what is refused may change nothing. Who gets in is a list that is read in review (internal/prooftest/testdata/routes.txt); a route that is not on it fails the build. This runs on SQLite."},
	{"searches", "Searches stay within the record", "Random searches by every kind of actor, each answer compared with a second, plain reading of the rules."},
	{"audit", "A bent log is found", "Rows, leaves, hashes and checkpoints of the audit log are changed, removed, moved and cut off at random, a thousand times on SQLite and a thousand on PostgreSQL; every time, the verification must say so. Where the whole log was forged with the server's own key, it is the copies at witnesses that tell: name one outside the machine."},
	{"snoop", "Looks that nothing explains are found", "A year of ordinary work at a clinic is simulated, with looks planted in it at oneself, the family, neighbours, people of note, and many at once. Found wrongly is what a privacy officer would have looked at in vain. It is a simulation by those who wrote the search: your clinic will differ."},
	{"powercut", "A power cut loses nothing that was acknowledged", "Hale writes on a simulated disk whose power goes at any moment: unsynced sectors of 512 bytes are kept, lost or torn one by one, removed files come back until the next sync. Each cut is opened as Hale would, checked for soundness and compared with what had been acknowledged: results, looks, consents, messages."},
	{"powercut-lying-storage", "…unless the storage lies", "The same on storage that says it has synced and has not. This shows that the simulation sees losses, and why storage must honour fsync."},
	{"diskfull", "A full disk shows nothing that it cannot log", "The disk below a serving Hale fills up: pages with patient data and changes answer 503 until there is room; nothing acknowledged is lost; it goes on by itself."},
	{"small-disk", "…nor does a full file system of the machine's own", "The same on a small file system that the test mounts."},
	{"clock", "A clock that is set back revives nothing", "Sessions and links end, the clock is turned on and back by an hour, a day and ten years, and they are tried again."},
	{"clock-back", "…nor does one that was wrong from the start", "The clock is set back below a Hale that serves, to when sessions, links and proofs that have ended would seem to live: nothing is let in."},
	{"quiet-hours", "Nobody is written to in the night", "Through a year, each half hour and each minute around a change of the clock, in forty zones: may this person be written to now? Never in the quiet hours of where they are, and no later than need be."},
	{"restart", "A PostgreSQL that dies loses nothing that was acknowledged", "PostgreSQL is killed below a Hale that serves while results, looks, messages and pages are written. What was acknowledged must be there afterwards; what was not was answered with an error; Hale goes on by itself."},
	{"fuzz", "Parsers of what strangers send", "Inputs that the fuzz tests have tried so far, over all runs of make deep-fuzz."},
	{"vuln", "Known weaknesses in what Hale is built from", "govulncheck against a database of known weaknesses."},
}

// Page returns docs/TRUST.md as the figures below docs have it.
func Page(docs string) (string, error) {
	runs, err := figures.Read(filepath.Join(docs, "trust"))
	if err != nil {
		return "", err
	}
	by := map[string]figures.Run{}
	for _, r := range runs {
		by[r.Proof] = r
	}
	var b strings.Builder
	b.WriteString("# Trust, in figures\n\n" +
		"This page is written by `make trust` from what the proofs measured; nobody edits it. Each figure names the test that measured it, the day and the commit. What no run has measured is listed as such.\n\n" +
		"The storage below Hale must honour fsync, and PostgreSQL must run with `fsync=on`: no program can keep what a disk only says it has kept.\n")
	for _, c := range claims {
		section(&b, c, by)
		delete(by, c.proof)
	}
	for _, proof := range slices.Sorted(maps.Keys(by)) {
		section(&b, claim{proof: proof, title: "Also measured: " + proof}, by)
	}
	if err := coverage(&b, filepath.Join(docs, "asvs.json")); err != nil {
		return "", err
	}
	return b.String(), nil
}

func section(b *strings.Builder, c claim, by map[string]figures.Run) {
	fmt.Fprintf(b, "\n## %s\n\n", c.title)
	if c.words != "" {
		b.WriteString(c.words + "\n\n")
	}
	r, ok := by[c.proof]
	if !ok {
		b.WriteString("**No run has left figures for this yet.**\n")
		return
	}
	b.WriteString("| what | how many |\n|---|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		fmt.Fprintf(b, "| %s | %s |\n", name, number(r.Counts[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Millis)) {
		fmt.Fprintf(b, "| %s, seconds | %.1f |\n", name, float64(r.Millis[name])/1000)
	}
	if len(r.Detail) > 0 {
		b.WriteString("\n| part | figures |\n|---|---|\n")
		for _, l := range r.Detail {
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(l.Counts)) {
				parts = append(parts, number(l.Counts[name])+" "+name)
			}
			fmt.Fprintf(b, "| %s | %s |\n", l.Name, strings.Join(parts, ", "))
		}
	}
	for _, words := range r.Remarks {
		b.WriteString("\n" + words + "\n")
	}
	fmt.Fprintf(b, "\nMeasured by %s on %s at %s.\n", r.Test, r.Date, r.Commit)
}

// number writes 12345678 as 12,345,678.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Requirement is what Hale has to say about one requirement of OWASP ASVS
// 5.0: a test, why it does not apply, or that there is a gap.
type Requirement struct {
	Level int      `json:"level"`
	Test  []string `json:"test,omitempty"`
	NA    string   `json:"na,omitempty"`
	Gap   string   `json:"gap,omitempty"`
}

// Requirements reads docs/asvs.json.
func Requirements(path string) (map[string]Requirement, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := map[string]Requirement{}
	return all, json.Unmarshal(text, &all)
}

func coverage(b *strings.Builder, path string) error {
	all, err := Requirements(path)
	if err != nil {
		return err
	}
	var tested, na, gap [4]int
	for _, r := range all {
		switch {
		case len(r.Test) > 0:
			tested[r.Level]++
		case r.NA != "":
			na[r.Level]++
		default:
			gap[r.Level]++
		}
	}
	sum := func(by [4]int) int { return by[1] + by[2] + by[3] }
	fmt.Fprintf(b, "\n## OWASP ASVS 5.0\n\nEach of the %d requirements has a test that speaks for it, a reason why it does not apply, or stands as a gap: docs/asvs.json. A gap says that no test speaks for it, not that Hale fails it.\n\n", len(all))
	b.WriteString("| level | tested | does not apply | gap |\n|---|---:|---:|---:|\n")
	for level := 1; level <= 3; level++ {
		fmt.Fprintf(b, "| L%d | %d | %d | %d |\n", level, tested[level], na[level], gap[level])
	}
	fmt.Fprintf(b, "| all | %d | %d | %d |\n", sum(tested), sum(na), sum(gap))
	return nil
}
