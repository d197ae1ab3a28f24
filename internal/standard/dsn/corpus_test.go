package dsn_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hale/internal/standard/dsn"
)

// floor is the least share of rows that must be right.
const floor = 0.97

// want is one row of the labels: one recipient of one letter.
type want struct {
	Index  int    `json:"index"`
	Hard   bool   `json:"hard"`
	Reason string `json:"reason"`
	Status string `json:"status"`
	Code   string `json:"replycode"`
	Other  string `json:"other"`
}

// The labelled letters come from servers of many makers. What is right is
// counted row by row; nothing of a letter but its words is looked at.
func TestParseCorpus(t *testing.T) {
	dir := os.Getenv("HALE_TESTDATA")
	if dir == "" {
		t.Skip("skipped: HALE_TESTDATA does not name the folder of test data")
	}
	text, err := os.ReadFile(filepath.Join(dir, "mail", "bounces-expected.json"))
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	var expected map[string][]want
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range expected {
		names = append(names, name)
	}
	slices.Sort(names)
	rows, hard, reason := 0, 0, 0
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(dir, "mail", "bounces", name))
		if err != nil {
			t.Fatal(err)
		}
		var items []dsn.Item
		for _, one := range apart(raw) {
			items = append(items, dsn.Parse(one).Items...)
		}
		for i, w := range expected[name] {
			rows++
			var it dsn.Item
			if i >= len(items) { // some rows say the same of the same recipient again
				i = w.Index - 1
			}
			if i < len(items) {
				it = items[i]
			}
			if it.Hard == w.Hard && i < len(items) {
				hard++
			}
			if string(it.Reason) == w.Reason {
				reason++
			}
			if it.Hard != w.Hard || string(it.Reason) != w.Reason {
				t.Logf("%s %d: %s %s hard=%t %s %s, want %s hard=%t %s %s: %.300s", name, i, it.Kind, it.Reason, it.Hard, it.Status, it.Code, w.Reason, w.Hard, w.Status, w.Code, it.Diagnostic)
			}
		}
	}
	if rows == 0 {
		t.Fatal("no rows")
	}
	hardShare, reasonShare := float64(hard)/float64(rows), float64(reason)/float64(rows)
	t.Logf("%d letters, %d rows: hard or soft right %d (%.1f %%), reason right %d (%.1f %%)", len(names), rows, hard, 100*hardShare, reason, 100*reasonShare)
	if hardShare < floor || reasonShare < floor {
		t.Errorf("right: hard %.3f, reason %.3f; want at least %.2f", hardShare, reasonShare, floor)
	}
}

// apart returns the letters of a mailbox file; most files hold one.
func apart(raw []byte) [][]byte {
	var list [][]byte
	for {
		at := bytes.Index(raw[min(1, len(raw)):], []byte("\n\nFrom MAILER-DAEMON"))
		if at < 0 {
			return append(list, raw)
		}
		list = append(list, raw[:at+1])
		raw = raw[at+3:]
	}
}
