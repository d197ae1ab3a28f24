package prooftest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
)

// TestClockJumps turns the clock an hour and ten years on and back: a
// session, a link and a code that had ended never live again, and the pages
// come back when the clock is right.
func TestClockJumps(t *testing.T) {
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	jumps := []struct {
		name string
		by   func(time.Time) time.Time
	}{
		{"an hour", func(t time.Time) time.Time { return t.Add(time.Hour) }},
		{"a day", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{"ten years", func(t time.Time) time.Time { return t.AddDate(10, 0, 0) }},
	}
	tried, revived := int64(0), int64(0)
	for _, jump := range jumps {
		t.Run(jump.name, func(t *testing.T) {
			dir, err := os.MkdirTemp(memory(), "hale-clock")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			var at atomic.Int64
			at.Store(haletest.Noon.UnixMicro())
			w := openWorld(t, m, filepath.Join(dir, "hale.db"), func() time.Time { return time.UnixMicro(at.Load()).UTC() })
			soon := w.now().Add(30 * time.Minute).UnixMicro() // everything ends in half an hour
			patient, link := w.session(actors[1]), w.session(who("link"))
			w.exec(`update account_session set expires_at = $1`, soon)
			w.exec(`update link_session set expires_at = $1`, soon)
			w.exec(`update link set expires_at = $1`, soon)
			with := func(cookies [][2]string, path string) int { return w.cookied(path, cookies) }
			if a, b := with(patient, "/home"), with(link, "/m/"+w.link+"/message"); a != http.StatusOK || b != http.StatusOK {
				t.Fatalf("before: home = %d, message = %d, want 200", a, b)
			}
			at.Store(jump.by(haletest.Noon).UnixMicro())
			if a, b := with(patient, "/home"), with(link, "/m/"+w.link+"/message"); a == http.StatusOK || b == http.StatusOK {
				t.Errorf("%s on: home = %d, message = %d, want them ended", jump.name, a, b)
			}
			at.Store(haletest.Noon.Add(time.Minute).UnixMicro())
			for _, path := range []string{"/home", "/m/" + w.link + "/message", "/results/ada-a1c", "/signin"} {
				for _, cookies := range [][][2]string{patient, link} {
					tried++
					if got := with(cookies, path); got != http.StatusServiceUnavailable {
						revived++
						t.Errorf("%s back: %s = %d, want 503", jump.name, path, got)
					}
				}
			}
			if err := w.app.AcceptClock(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
	figures.Write(t, figures.Run{Proof: "clock", Counts: map[string]int64{"requests with what had ended, clock set back": tried, "let in": revived}})
}

// cookied asks for path with cookies and returns the status.
func (w *world) cookied(path string, cookies [][2]string) int {
	w.t.Helper()
	res := w.ask(http.MethodGet, path, actors[0], http.Header{"Cookie": {cookieHeader(cookies)}})
	return res.Code
}

func cookieHeader(cookies [][2]string) (text string) {
	for i, c := range cookies {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s=%s", c[0], c[1])
	}
	return text
}

// What a browser holds after the clock was accepted opens nothing.
func TestClockAccepted(t *testing.T) {
	w := newWorld(t)
	patient, link := w.session(actors[1]), w.session(who("link"))
	if err := w.app.AcceptClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := w.cookied("/home", patient), w.cookied("/m/"+w.link+"/message", link); a == http.StatusOK || b == http.StatusOK {
		t.Errorf("after the clock was accepted: home = %d, message = %d, want them ended", a, b)
	}
	if n := w.count(`select count(*) from audit where action = 'clock.accept'`); n != 1 {
		t.Errorf("%d rows tell that the clock was accepted, want 1", n)
	}
	if n := w.count(`select count(*) from link where token_hash = $1 and retracted_at = 0`, seal.Hash(w.link)); n != 0 {
		t.Error("a link lives on after the clock was accepted")
	}
}
