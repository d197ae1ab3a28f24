package prooftest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/prooftest/disk"
	"hale/internal/prooftest/figures"
)

// TestDiskFull fills the disk below a Hale that serves: what cannot be
// audited is not shown, what cannot be written is refused with 503, nothing
// that was acknowledged is lost, and it goes on by itself when there is room
// again.
func TestDiskFull(t *testing.T) {
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(memory(), "hale-full")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d, unmount := disk.Mount(dir)
	t.Cleanup(unmount)
	w := openWorld(t, m, filepath.Join(dir, "hale.db"), haletest.Clock(haletest.Noon))
	patient := cookieHeader(w.session(actors[1]))
	get := func(path string) (int, string) {
		res := w.ask(http.MethodGet, path, actors[0], http.Header{"Cookie": {patient}})
		return res.Code, res.Body.String()
	}
	if code, _ := get("/health/results"); code != http.StatusOK {
		t.Fatalf("before: %d, want 200", code)
	}
	rows := w.count(`select count(*) from audit`)
	d.SetQuota(d.Used())
	refused, shown, unseen := int64(0), int64(0), int64(0)
	for range 40 {
		code, body := get("/results/ada-a1c")
		if strings.Contains(body, "CanaryResultNote") {
			shown++ // only while the log has room for the row
			if w.count(`select count(*) from audit where outcome = 'granted' and patient = $1 and request = $2`, subject, w.request()) == 0 {
				unseen++
				t.Error("the full disk took no row, and the page was shown")
			}
			continue
		}
		if code != http.StatusServiceUnavailable && code != http.StatusInsufficientStorage {
			t.Errorf("a page on a full disk = %d, want 503", code)
		}
		refused++
	}
	if refused == 0 {
		t.Error("the disk was full, and nothing was refused: the test tests nothing")
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/help/signin": http.StatusOK} {
		if code, _ := get(path); code != want {
			t.Errorf("%s on a full disk = %d, want %d: what needs no log is shown", path, code, want)
		}
	}
	before := w.count(`select count(*) from audit`)
	res := w.ask(http.MethodPost, "/visits/ada-visit/cancel", actors[0], http.Header{"Cookie": {patient}})
	if res.Code != http.StatusServiceUnavailable && res.Code != http.StatusInsufficientStorage {
		t.Errorf("a change on a full disk = %d, want 503", res.Code)
	}
	if n := w.count(`select count(*) from audit`); n < before || before < rows {
		t.Errorf("the log shrank from %d to %d rows", before, n)
	}
	d.SetQuota(0)
	if code, body := get("/results/ada-a1c"); code != http.StatusOK || !strings.Contains(body, "CanaryResultNote") {
		t.Errorf("with room again = %d, want the page", code)
	}
	if res := w.ask(http.MethodPost, "/visits/ada-visit/cancel", actors[0], http.Header{"Cookie": {patient}}); res.Code != http.StatusSeeOther {
		t.Errorf("a change with room again = %d, want it made", res.Code)
	}
	if err := w.db.Migrate(sound); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	figures.Write(t, figures.Run{Proof: "diskfull", Counts: map[string]int64{"refused while full": refused, "shown while full, with an audit row": shown - unseen, "shown while full without an audit row": unseen}})
}
