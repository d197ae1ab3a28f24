package prooftest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
)

// TestSmallDisk fills a real file system below a Hale that serves, where the
// test may mount one: what TestDiskFull shows on a simulated disk holds on
// the system's own.
func TestSmallDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("skipped: nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, m, filepath.Join(dir, "hale.db"), haletest.Clock(haletest.Noon))
	patient := http.Header{"Cookie": {cookieHeader(w.session(actors[1]))}}
	ask := func(method, path string) (int, bool) {
		res := w.ask(method, path, actors[0], patient)
		return res.Code, strings.Contains(res.Body.String(), "CanaryResultNote")
	}
	if code, ok := ask(http.MethodGet, "/results/ada-a1c"); code != http.StatusOK || !ok {
		t.Fatalf("before: %d, want the page", code)
	}
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	looks := func() int64 {
		return int64(w.count(`select count(*) from audit where action = 'record.read' and outcome = 'granted'`))
	}
	before, shown, refused := looks(), int64(0), int64(0)
	for range 200 {
		switch code, ok := ask(http.MethodGet, "/results/ada-a1c"); {
		case ok:
			shown++ // while the log has room
		case code == http.StatusServiceUnavailable:
			refused++
		default:
			t.Fatalf("a page on a full disk = %d, want 503", code)
		}
	}
	if refused == 0 {
		t.Error("the disk was full, and nothing was refused: the test tests nothing")
	}
	if n := looks() - before; n < shown {
		t.Errorf("%d pages shown on a full disk, %d looks in the log", shown, n)
	}
	if code, _ := ask(http.MethodGet, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz on a full disk = %d: reads go on", code)
	}
	if code, _ := ask(http.MethodPost, "/visits/ada-visit/cancel"); code != http.StatusServiceUnavailable {
		t.Errorf("a change on a full disk = %d, want 503", code)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if code, ok := ask(http.MethodGet, "/results/ada-a1c"); code != http.StatusOK || !ok {
		t.Errorf("with room again = %d, want the page", code)
	}
	if code, _ := ask(http.MethodPost, "/visits/ada-visit/cancel"); code != http.StatusSeeOther {
		t.Errorf("a change with room again = %d, want it made", code)
	}
	if err := w.db.Migrate(sound); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	figures.Write(t, figures.Run{Proof: "small-disk", Counts: map[string]int64{"refused while full": refused, "shown while there was room for the look": shown, "shown without a look in the log": 0}})
}

// fill writes into path until nothing more goes onto its file system.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}
